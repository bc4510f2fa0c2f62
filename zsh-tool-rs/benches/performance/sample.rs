//! Taking turns, medians, and the programs that are compared.
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Why something could not be measured.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure(error.to_string())
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure(error.to_string())
    }
}

/// What all measurements share.
pub struct Bench {
    pub runs: usize,
    pub place: TempDir,
    pub executor: PathBuf,
    pub floor: PathBuf,
    pub zsh: PathBuf,
}

impl Bench {
    pub fn new(runs: usize) -> Result<Bench, Failure> {
        let place = tempfile::tempdir()?;
        let floor = place.path().join("floor");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/floor.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        succeeded(
            Command::new(compiler)
                .args(["-O2", "-static", "-o"])
                .arg(&floor)
                .arg(source)
                .status()?,
            "cc floor.c",
        )?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let zsh = std::env::split_paths(&path)
            .map(|p| p.join("zsh"))
            .find(|p| p.exists());
        let zsh = zsh.ok_or_else(|| Failure("no zsh in PATH".to_owned()))?;
        Ok(Bench {
            runs,
            place,
            executor: env!("CARGO_BIN_EXE_zsh-tool-exec").into(),
            floor,
            zsh,
        })
    }

    /// The floor, running the text.
    pub fn floor(&self, text: &str) -> Command {
        let mut command = Command::new(&self.floor);
        command.arg(&self.zsh).arg(text);
        command
    }

    /// zsh itself, running the text.
    pub fn plain(&self, text: &str) -> Command {
        let mut command = Command::new(&self.zsh);
        command.args(["-c", "--", text]);
        command
    }

    /// The executor, given the text alone: it looks for zsh itself.
    pub fn alone(&self, text: &str) -> Command {
        let mut command = Command::new(&self.executor);
        command.args(["--", text]);
        command
    }

    /// The executor with these flags and told where zsh is, running the text.
    pub fn executor(&self, flags: &[&str], text: &str) -> Command {
        let mut command = Command::new(&self.executor);
        command
            .arg("--zsh")
            .arg(&self.zsh)
            .args(flags)
            .args(["--", text]);
        command
    }
}

/// Whether a program did what it was asked.
pub fn succeeded(status: ExitStatus, what: &str) -> Result<(), Failure> {
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("{what}: {status}")))
    }
}

/// One run from its start until its process was reaped.
pub fn timed(command: &mut Command) -> Result<Duration, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let took = start.elapsed();
    succeeded(status, &format!("{command:?}"))?;
    Ok(took)
}

/// One thing to be measured, once for each call.
pub type Measure<'a> = Box<dyn FnMut() -> Result<Duration, Failure> + 'a>;

/// The medians of several measurements taken in turns, in the order given.
pub fn medians(runs: usize, mut measures: Vec<Measure<'_>>) -> Result<Vec<Duration>, Failure> {
    let mut samples = vec![Vec::with_capacity(runs); measures.len()];
    for turn in 0..runs + 5 {
        for (measure, taken) in measures.iter_mut().zip(&mut samples) {
            let took = measure()?;
            // The first few warm the caches up.
            if turn >= 5 {
                taken.push(took);
            }
        }
    }
    Ok(samples.into_iter().map(median).collect())
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

pub fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "sizes far below the limit of exactness"
)]
pub fn lossy(number: u64) -> f64 {
    number as f64
}
