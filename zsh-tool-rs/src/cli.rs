//! The command line: from raw arguments to a request that makes sense. A bad value is an error, never a default.
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::alan::Retention;
use crate::error::Error;
use crate::executor::spawn::find_zsh;
use crate::executor::{Profile, Request, Stdin};
use crate::sys;
use crate::sys::terminal::Size;

const GRACE: Duration = Duration::from_secs(2);
const SIZE: Size = Size {
    rows: 40,
    cols: 120,
};

/// Where commands are recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// The file.
    pub path: PathBuf,
    /// Whose commands these are.
    pub session_id: String,
    /// How much of the past it keeps.
    pub retention: Retention,
}

/// What the executor is to do.
#[derive(Debug)]
pub struct Invocation {
    /// The command, unless it stands by for one.
    pub request: Option<Request>,
    /// The zsh for commands that come without one.
    pub zsh: PathBuf,
    /// Where to record it.
    pub database: Option<Database>,
    /// Where to write how it ended.
    pub meta: Option<PathBuf>,
    /// Where to listen.
    pub control: Option<PathBuf>,
    /// Whether the command outlives whoever started it.
    pub persist: bool,
}

/// Version and protocol, as `--version` prints them.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (protocol 1)");

/// Reads a command line.
///
/// # Errors
/// Usage errors.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let words: Vec<OsString> = arguments.into_iter().collect();
    if let [_, dashes, text] = &words[..]
        && dashes == "--"
    {
        // A command and nothing else: to set the parser up would take as long as all that is left to do before zsh starts.
        return Ok(bare(text));
    }
    let matches = match command().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return Err(usage(&error)),
    };
    let control = path(&matches, "control");
    let standby = matches.get_flag("standby");
    let zsh = find_zsh(path(&matches, "zsh").as_deref());
    Ok(Invocation {
        request: if standby {
            None
        } else {
            Some(request(&matches, zsh.clone())?)
        },
        zsh,
        database: database(&matches)?,
        meta: path(&matches, "meta"),
        control,
        persist: matches.get_flag("persist"),
    })
}

/// This command, and everything else as it is when nothing is said of it.
fn bare(text: &OsStr) -> Invocation {
    let zsh = find_zsh(None);
    Invocation {
        request: Some(plain(text.as_bytes().to_owned(), zsh.clone())),
        zsh,
        database: None,
        meta: None,
        control: None,
        persist: false,
    }
}

/// The request for a command of which nothing else is said.
fn plain(command: Vec<u8>, zsh: PathBuf) -> Request {
    Request {
        command,
        zsh,
        profile: Profile::Plain,
        cwd: None,
        environment: sys::environment(),
        terminal: None,
        stdin: Stdin::Inherit,
        timeout: None,
        idle_timeout: None,
        grace: GRACE,
        umask: None,
        limits: Vec::new(),
    }
}

fn usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Error::Information(text),
        _ => {
            let text = text.trim_end();
            Error::Usage(text.strip_prefix("error: ").unwrap_or(text).to_owned())
        }
    }
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<PathBuf>(name).cloned()
}

fn request(matches: &ArgMatches, zsh: PathBuf) -> Result<Request, Error> {
    let seconds = |name| matches.get_one::<Duration>(name).copied();
    let number = |name, default| matches.get_one::<u16>(name).copied().unwrap_or(default);
    let size = Size {
        rows: number("rows", SIZE.rows),
        cols: number("cols", SIZE.cols),
    };
    let usual = plain(text(matches)?, zsh);
    Ok(Request {
        profile: match matches.get_one::<String>("profile").map(String::as_str) {
            Some("agent") => Profile::Agent,
            _ => usual.profile,
        },
        cwd: path(matches, "cwd"),
        terminal: matches.get_flag("pty").then_some(size),
        timeout: seconds("timeout").filter(|t| !t.is_zero()),
        idle_timeout: seconds("idle-timeout").filter(|t| !t.is_zero()),
        grace: seconds("grace").unwrap_or(usual.grace),
        ..usual
    })
}

fn text(matches: &ArgMatches) -> Result<Vec<u8>, Error> {
    let text = if let Some(file) = path(matches, "command-file") {
        let mut text = Vec::new();
        let read = if file == OsStr::new("-") {
            std::io::stdin().read_to_end(&mut text).map(|_| ())
        } else {
            fs::read(&file).map(|bytes| text = bytes)
        };
        read.map_err(Error::path(&file, "read the command from"))?;
        text
    } else {
        let word = matches.get_one::<OsString>("command").cloned();
        word.unwrap_or_default().into_vec()
    };
    if text.contains(&0) {
        return Err(Error::Usage("a command cannot hold a NUL byte".to_owned()));
    }
    Ok(text)
}

fn database(matches: &ArgMatches) -> Result<Option<Database>, Error> {
    let (Some(path), Some(session_id)) =
        (path(matches, "db"), matches.get_one::<String>("session-id"))
    else {
        return Ok(None);
    };
    if path.as_os_str().is_empty() {
        return Err(Error::Usage("--db needs a path".to_owned()));
    }
    Ok(Some(Database {
        path,
        session_id: session_id.clone(),
        retention: retention(matches),
    }))
}

fn retention(matches: &ArgMatches) -> Retention {
    let usual = Retention::default();
    let days = matches.get_one::<f64>("half-life-days").copied();
    Retention {
        rows: matches
            .get_one::<u64>("rows-max")
            .copied()
            .unwrap_or(usual.rows),
        half_life_days: days.unwrap_or(usual.half_life_days),
    }
}

/// Longer than any limit on time need be.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Whether a text is a session's name: 1 to 64 of `[A-Za-z0-9_-]`.
#[must_use]
pub fn is_session_id(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}

fn session_id(text: &str) -> Result<String, &'static str> {
    if is_session_id(text) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 of letters, digits, _ and -")
    }
}

/// A length of time, if the number is one. Longer ones are cut to what no command lasts: the clock must be able to tell its end.
#[must_use]
pub fn length_of_time(secs: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(secs)
        .ok()
        .map(|length| length.min(CENTURY))
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let wrong = "must be a number of seconds, 0 or more; fractions are allowed";
    // Rust also reads "inf" and "nan", which are no lengths of time.
    let number = text.parse().map_err(|_| wrong)?;
    length_of_time(number).ok_or(wrong)
}

fn days(text: &str) -> Result<f64, &'static str> {
    let number = text
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or("must be a number of days above 0")
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn command() -> Command {
    let files = value_parser!(PathBuf);
    Command::new("zsh-tool-exec")
        .version(VERSION)
        .about("Runs one zsh command and tells the truth about how it ended")
        .after_help("Exit status: the command's own; 128+n for signal n; 124 for a timeout; 125 when the executor\nfailed; 126 or 127 when zsh cannot be executed or found; 2 for a wrong command line.")
        .arg(option("db", "PATH", "Record the command in this database").value_parser(files.clone()).requires("session-id"))
        .arg(option("session-id", "ID", "Record it for this session: 1 to 64 of letters, digits, _ and -").value_parser(session_id))
        .arg(option("meta", "PATH", "Write how it ended to this file, as JSON").value_parser(files.clone()))
        .arg(option("timeout", "SECS", "End the command after so many seconds; 0 means never [default: 0]").value_parser(seconds).allow_negative_numbers(true))
        .arg(option("idle-timeout", "SECS", "End it after so many seconds without output and input [default: 0]").value_parser(seconds).allow_negative_numbers(true))
        .arg(option("grace", "SECS", "Time between asking it to end and killing it [default: 2]").value_parser(seconds).allow_negative_numbers(true))
        .arg(flag("pty", "Give it a terminal of its own"))
        .arg(option("rows", "N", "Lines of that terminal [default: 40]").value_parser(value_parser!(u16).range(1..)))
        .arg(option("cols", "N", "Characters in a line of it [default: 120]").value_parser(value_parser!(u16).range(1..)))
        .arg(option("cwd", "DIR", "Run the command in this directory").value_parser(files.clone()))
        .arg(option("zsh", "PATH", "Use this zsh [default: ZSH_TOOL_ZSH, the one built in, the first in PATH]").value_parser(files.clone()))
        .arg(option("profile", "NAME", "plain: exactly zsh -c; agent: with nonomatch and noequals [default: plain]").value_parser(["plain", "agent"]))
        .arg(option("control", "DIR", "Keep the output in this private directory and listen there for requests").value_parser(files.clone()))
        .arg(flag("standby", "Wait on stdin, a socket, for the one request to run").requires("control").conflicts_with_all(["command", "command-file"]))
        .arg(flag("persist", "Live on when whoever started this goes away").requires("control"))
        .arg(option("rows-max", "N", "The most observations the database holds [default: 200000]").value_parser(value_parser!(u64).range(1..)))
        .arg(option("half-life-days", "DAYS", "An observation of this age weighs half [default: 30]").value_parser(days))
        .arg(option("command-file", "PATH", "Read the command from this file; - means stdin").value_parser(files))
        .arg(Arg::new("command").value_name("COMMAND").last(true).help("The command, one word").value_parser(value_parser!(OsString)).required_unless_present_any(["standby", "command-file"]).conflicts_with("command-file"))
}

/// The raw bytes of a path, for messages and rows.
#[must_use]
pub fn lossy(path: &std::path::Path) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Invocation, Error> {
        let all = ["zsh-tool-exec"].iter().chain(arguments);
        parse(all.map(OsString::from))
    }

    fn exit_code(arguments: &[&str]) -> i32 {
        parsed(arguments).map_or_else(|error| error.exit_code(), |_| -1)
    }

    #[test]
    fn the_version_names_the_protocol() {
        let protocol = crate::control::PROTOCOL;
        assert!(VERSION.ends_with(&format!("(protocol {protocol})")));
    }

    #[test]
    fn help_is_no_error_and_nonsense_is_one() {
        assert_eq!(exit_code(&["--help"]), 0);
        for wrong in [
            &[][..],
            &["--", "a", "b"],
            &["--nonsense", "--", "true"],
            &["--timeout", "abc", "--", "true"],
            &["--timeout", "-1", "--", "true"],
            &["--timeout", "inf", "--", "true"],
            &["--timeout", "nan", "--", "true"],
            &["--db", "x", "--", "true"],
            &["--db", "x", "--session-id", "a b", "--", "true"],
            &["--rows", "0", "--", "true"],
            &["--standby"],
            &["--persist", "--", "true"],
        ] {
            assert_eq!(exit_code(wrong), 2, "{wrong:?}");
        }
    }

    #[test]
    fn a_command_alone_is_read_as_by_the_parser() {
        for text in ["true", "", "--help", "-x", "--", "a b\nc"] {
            let alone = parsed(&["--", text]).unwrap();
            let parsed = parsed(&["--timeout", "0", "--", text]).unwrap();
            assert_eq!(format!("{alone:?}"), format!("{parsed:?}"));
        }
    }

    #[test]
    fn fractions_of_a_second_count_and_zero_is_none() {
        let request = |text| {
            parsed(&["--timeout", text, "--", ""])
                .unwrap()
                .request
                .unwrap()
        };
        assert_eq!(request("0.25").timeout, Some(Duration::from_millis(250)));
        assert_eq!(request("0").timeout, None);
    }
}
