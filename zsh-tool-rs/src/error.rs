//! What can keep the executor from running a command, and the exit status each cause has.
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A failure of the executor itself. A failing command is not one.
#[derive(Debug)]
pub enum Error {
    /// The command line makes no sense; the text says why.
    Usage(String),
    /// Not a failure: what `--help` or `--version` say.
    Information(String),
    /// A path, what was being done with it, and why that failed.
    Path(PathBuf, &'static str, io::Error),
    /// A call into the system that names no path.
    System(&'static str, io::Error),
    /// zsh is there but cannot be executed.
    NotExecutable(PathBuf, io::Error),
    /// There is no zsh.
    NotFound(PathBuf),
    /// The control directory cannot be trusted, and why.
    Untrusted(PathBuf, &'static str),
    /// The client on the control channel asked for something that cannot be.
    Refused(&'static str, String),
}

impl Error {
    /// For `map_err`: the action on `path` that failed.
    pub fn path(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |error| Error::Path(path, action, error)
    }

    /// For `map_err`: the call that failed.
    pub fn system(action: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |error| Error::System(action, error)
    }

    /// The exit status of the executor's process.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Error::Information(_) => 0,
            Error::Usage(_) => 2,
            Error::NotExecutable(..) => 126,
            Error::NotFound(_) => 127,
            _ => 125,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text) | Error::Information(text) | Error::Refused(_, text) => {
                f.write_str(text)
            }
            Error::Path(path, action, cause) => {
                write!(f, "cannot {action} {}: {cause}", path.display())
            }
            Error::System(action, cause) => write!(f, "cannot {action}: {cause}"),
            Error::NotExecutable(path, cause) => {
                let advice = if cause.kind() == io::ErrorKind::ArgumentListTooLong {
                    "the command and its environment are more than the system takes: give it less"
                } else {
                    "name another zsh with --zsh or ZSH_TOOL_ZSH"
                };
                write!(f, "cannot execute {}: {cause}; {advice}", path.display())
            }
            Error::NotFound(path) => write!(
                f,
                "no zsh at {}: install zsh, or name it with --zsh or ZSH_TOOL_ZSH",
                path.display()
            ),
            Error::Untrusted(path, why) => write!(f, "{} {why}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Path(_, _, cause) | Error::System(_, cause) | Error::NotExecutable(_, cause) => {
                Some(cause)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_cause() {
        let of = |code| {
            let cause = io::Error::from_raw_os_error(code);
            Error::NotExecutable("/bin/zsh".into(), cause).to_string()
        };
        assert!(of(libc::E2BIG).contains("environment"));
        assert!(of(libc::EACCES).contains("--zsh"));
    }
}
