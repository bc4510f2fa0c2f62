//! How soon a command that is to end is gone, and how exactly a limit on its time strikes.
use std::fmt;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use zsh_tool_exec::sys::signal;

use super::sample::{Bench, Failure};
use super::table::Table;

/// Three processes in one group, one of them an orphan, all of them obedient.
const TREE: &str = "(sleep 1000 &); sleep 1000 & echo up; sleep 1000";
/// So many kills, and timeouts of each length.
const RUNS: usize = 60;
/// The same number on all systems.
const TERMINATE: i32 = 15;

/// From the signal to the end of all: ours, beside a kill of the group and a wait for its output to close.
pub fn kills(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        floor.push(kill(
            bench.plain(TREE).process_group(0),
            signal::send_group,
        )?);
        ours.push(kill(&mut bench.executor(&[], TREE), signal::send)?);
    }
    let (floor, ours) = (Spread::of(floor), Spread::of(ours));
    table.at_most(
        "a tree that obeys, from the signal to its end, in ms",
        5.0,
        ours.median,
        &format!("{ours}; killing a group and waiting: {floor}"),
    );
    Ok(())
}

/// Starts the tree, and tells its first process, or the group of that, to end.
fn kill(command: &mut Command, tell: fn(i32, i32) -> bool) -> Result<Duration, Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = child
        .stdout
        .take()
        .ok_or_else(|| Failure("no pipe".to_owned()))?;
    output.read_exact(&mut [0; 3])?;
    let pid = child.id().cast_signed();
    let start = Instant::now();
    if !tell(pid, TERMINATE) {
        return Err(Failure(format!("{pid} is not there to be told")));
    }
    output.read_to_end(&mut Vec::new())?;
    child.wait()?;
    Ok(start.elapsed())
}

/// From the start of the process to its end, less the limit: what starting and ending cost is in it.
pub fn timeouts(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    for limit in [0.1, 0.25] {
        let text = limit.to_string();
        let (mut floor, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let mut timeout = Command::new("timeout");
            timeout
                .arg(&text)
                .arg(&bench.zsh)
                .args(["-c", "exec sleep 1000"]);
            for (command, samples) in [
                (&mut timeout, &mut floor),
                (
                    &mut bench.executor(&["--timeout", &text], "exec sleep 1000"),
                    &mut ours,
                ),
            ] {
                let start = Instant::now();
                let status = command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .status()?;
                let took = start.elapsed();
                let early = took < Duration::from_secs_f64(limit);
                if early || status.code() != Some(124) {
                    return Err(Failure(format!("{command:?}: {status} after {took:?}")));
                }
                samples.push(took.saturating_sub(Duration::from_secs_f64(limit)));
            }
        }
        let (floor, ours) = (Spread::of(floor), Spread::of(ours));
        table.at_most(
            &format!("a timeout of {text} s, over by, in ms"),
            20.0,
            ours.median,
            &format!("{ours}; timeout(1): {floor}"),
        );
    }
    Ok(())
}

/// The middle and the worst of some measurements, in milliseconds.
struct Spread {
    median: f64,
    most: f64,
}

impl Spread {
    fn of(mut samples: Vec<Duration>) -> Spread {
        samples.sort_unstable();
        let at = |index: usize| {
            let sample = samples.get(index).copied().unwrap_or_default();
            sample.as_secs_f64() * 1e3
        };
        Spread {
            median: at(samples.len() / 2),
            most: at(samples.len().saturating_sub(1)),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median {:.2} ms, most {:.2} ms", self.median, self.most)
    }
}
