//! From a request to a running zsh: its arguments, its environment, and where its three descriptors lead.
use std::ffi::{CString, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::pty::Terminal;
use super::{Profile, Request, Stdin};
use crate::error::Error;
use crate::sys::process::{Plan, Step};
use crate::sys::{self, above_standard, os, set_nonblocking};

/// The longest text that goes to zsh as an argument: Linux takes 128 KiB in one, its NUL included.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// A running shell and our ends of what it is connected to.
#[derive(Debug)]
pub struct Spawned {
    /// The shell, leader of its session and group.
    pub pid: i32,
    /// Where its output is read.
    pub output: OwnedFd,
    /// The shell's end of that, if it is a pipe.
    pub writer: Option<OwnedFd>,
    /// Where its input is written, if it is ours to give.
    pub input: Option<OwnedFd>,
    /// Its terminal, if it has one.
    pub terminal: Option<Terminal>,
    /// The file with a text too long for an argument.
    pub text: Option<LongText>,
}

/// A text in a file of its own, gone when dropped.
#[derive(Debug)]
pub struct LongText {
    path: PathBuf,
    /// The file has no name but the one `/proc` gives it.
    nameless: Option<File>,
}

impl Drop for LongText {
    fn drop(&mut self) {
        if self.nameless.is_none() {
            // Nothing can be done about a file that is gone already.
            let _gone = fs::remove_file(&self.path);
        }
    }
}

impl LongText {
    fn write(text: &[u8], directory: Option<&Path>) -> io::Result<LongText> {
        if let Ok(mut file) = os::nameless_file("command") {
            let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
            if Path::new(&path).exists() {
                file.write_all(text)?;
                return Ok(LongText {
                    path: path.into(),
                    nameless: Some(file),
                });
            }
        }
        let temporary = std::env::temp_dir();
        let path = directory
            .unwrap_or(&temporary)
            .join(format!("zsh-tool-command-{}", std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        file?.write_all(text)?;
        Ok(LongText {
            path,
            nameless: None,
        })
    }
}

/// Where the shell's three descriptors lead, and our ends.
struct Wiring {
    stdin: Option<OwnedFd>,
    writer: Option<OwnedFd>,
    output: OwnedFd,
    input: Option<OwnedFd>,
    terminal: Option<Terminal>,
}

impl Wiring {
    fn new(request: &Request) -> io::Result<Wiring> {
        match request.terminal {
            Some(size) => Wiring::terminal(Terminal::open(size)?),
            None => Wiring::pipes(&request.stdin),
        }
    }

    fn terminal(terminal: Terminal) -> io::Result<Wiring> {
        Ok(Wiring {
            stdin: None,
            writer: None,
            output: terminal.another_master()?,
            input: Some(terminal.another_master()?),
            terminal: Some(terminal),
        })
    }

    fn pipes(stdin: &Stdin) -> io::Result<Wiring> {
        let (reader, writer) = io::pipe()?;
        set_nonblocking(reader.as_raw_fd())?;
        let writer = above_standard(writer.into())?;
        let (stdin, input) = match stdin {
            Stdin::Inherit => (None, None),
            Stdin::Null => (Some(File::open("/dev/null")?.into()), None),
            Stdin::Given { .. } => {
                let (theirs, ours) = io::pipe()?;
                set_nonblocking(ours.as_raw_fd())?;
                (Some(theirs.into()), Some(OwnedFd::from(ours)))
            }
        };
        Ok(Wiring {
            stdin: stdin.map(above_standard).transpose()?,
            writer: Some(writer),
            output: reader.into(),
            input,
            terminal: None,
        })
    }

    /// The descriptors to become 0, 1 and 2, negative for one that the caller had closed.
    fn sources(&self) -> [i32; 3] {
        if let Some(slave) = self.terminal.as_ref().and_then(Terminal::slave) {
            return [slave; 3];
        }
        let number = |fd: &Option<OwnedFd>, own| fd.as_ref().map_or(own, AsRawFd::as_raw_fd);
        let own_input = if sys::has_input() { 0 } else { -1 };
        let [stdin, stdout] = [number(&self.stdin, own_input), number(&self.writer, 1)];
        [stdin, stdout, stdout]
    }
}

/// Starts zsh on `text` with `environment`.
///
/// # Errors
/// When there is no such directory, no zsh, or the system has nothing left to give.
pub fn spawn(
    request: &Request,
    text: &[u8],
    environment: Vec<CString>,
    private: Option<&Path>,
) -> Result<Spawned, Error> {
    let long = if text.len() > LONGEST_ARGUMENT {
        let long = LongText::write(text, private);
        Some(long.map_err(Error::system("put a long command into a private file"))?)
    } else {
        None
    };
    let arguments = arguments(request.profile, text, long.as_ref())?;
    let wiring = Wiring::new(request).map_err(Error::system("connect the command"))?;
    // From here, although the shell starts elsewhere. Most are absolute, and need no more of the program to be touched.
    let zsh = if request.zsh.is_absolute() {
        c_path(&request.zsh)?
    } else {
        c_path(&std::path::absolute(&request.zsh).unwrap_or_else(|_| request.zsh.clone()))?
    };
    let mut plan = Plan::new(zsh, arguments, environment);
    plan.directory = request.cwd.as_deref().map(c_path).transpose()?;
    plan.stdio = wiring.sources();
    plan.terminal = wiring.terminal.is_some();
    plan.umask = request.umask.or_else(sys::callers_umask);
    plan.limits.clone_from(&request.limits);
    let pid = plan.start().map_err(|failure| explain(request, failure))?;
    Ok(Spawned {
        pid,
        output: wiring.output,
        writer: wiring.writer,
        input: wiring.input,
        terminal: wiring.terminal,
        text: long,
    })
}

fn arguments(
    profile: Profile,
    text: &[u8],
    long: Option<&LongText>,
) -> Result<Vec<CString>, Error> {
    let mut words: Vec<&[u8]> = vec![b"zsh"];
    if profile == Profile::Agent {
        words.extend([&b"-o"[..], b"nonomatch", b"-o", b"noequals"]);
    }
    match long {
        Some(long) => words.push(long.path.as_os_str().as_bytes()),
        None => words.extend([&b"-c"[..], b"--", text]),
    }
    words.into_iter().map(c_string).collect()
}

fn c_string(bytes: &[u8]) -> Result<CString, Error> {
    CString::new(bytes).map_err(|_| Error::Usage("a NUL byte cannot be passed on".to_owned()))
}

fn c_path(path: &Path) -> Result<CString, Error> {
    c_string(path.as_os_str().as_bytes())
}

fn explain(request: &Request, (step, error): (Step, io::Error)) -> Error {
    let missing = error.kind() == io::ErrorKind::NotFound;
    match step {
        Step::Execute if missing => Error::NotFound(request.zsh.clone()),
        Step::Execute => Error::NotExecutable(request.zsh.clone(), error),
        Step::Directory => {
            let directory = request.cwd.clone().unwrap_or_default();
            Error::Path(directory, "change into the directory", error)
        }
        Step::Prepare => Error::System("start zsh", error),
    }
}

/// The zsh to use: the one asked for, the one named by `ZSH_TOOL_ZSH`, the one built in, the first in `PATH`.
#[must_use]
pub fn find_zsh(asked: Option<&Path>) -> PathBuf {
    if let Some(path) = asked {
        return path.to_owned();
    }
    if let Some(path) = std::env::var_os("ZSH_TOOL_ZSH").filter(|path| !path.is_empty()) {
        return path.into();
    }
    let built_in = option_env!("ZSH_TOOL_BUILD_ZSH").map(PathBuf::from);
    if let Some(path) = built_in.filter(|path| is_executable(path)) {
        return path;
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsStr::new("/usr/bin:/bin").to_owned());
    std::env::split_paths(&path)
        .map(|folder| folder.join("zsh"))
        .find(|candidate| is_executable(candidate))
        .unwrap_or_else(|| PathBuf::from(std::ffi::OsString::from_vec(b"zsh".to_vec())))
}

fn is_executable(path: &Path) -> bool {
    let name = CString::new(path.as_os_str().as_bytes());
    name.is_ok_and(|name| sys::process::is_executable(&name))
}
