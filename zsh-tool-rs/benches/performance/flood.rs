//! Much output: the rate, and what it costs in memory.
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::sample::{Bench, Failure, Measure, lossy, medians, ms, ratio, succeeded};
use super::table::Table;

const TEXT: &str = "yes 'the quick brown fox jumps over the lazy dog' | head -c 1G";
const TERMINAL_TEXT: &str = "yes 'the quick brown fox jumps over the lazy dog' | head -c 64M";
/// A run takes a second, so there are fewer of them.
const RUNS: usize = 9;

pub fn pipe(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let mut peak = 0;
    let plain: Measure = Box::new(|| Ok(read_all(&mut bench.plain(TEXT))?.0));
    let ours: Measure = Box::new(|| {
        let (took, memory) = read_all(&mut bench.executor(&[], TEXT))?;
        peak = peak.max(memory);
        Ok(took)
    });
    let [plain, ours] = medians(RUNS, vec![plain, ours])?[..] else {
        return Ok(());
    };
    table.at_least(
        "1 GB through a pipe",
        0.8,
        ratio(plain, ours),
        &format!("{} against {}", ms(ours), ms(plain)),
    );
    table.at_most(
        "resident memory at its highest, in MB",
        8.0,
        lossy(peak) / 1024.0,
        "",
    );
    Ok(())
}

pub fn terminal(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let script = || {
        let mut command = Command::new("script");
        command
            .args(["-qfc", TERMINAL_TEXT, "/dev/null"])
            .env("SHELL", &bench.zsh);
        command
    };
    let plain: Measure = Box::new(|| Ok(read_all(&mut script())?.0));
    let ours: Measure =
        Box::new(|| Ok(read_all(&mut bench.executor(&["--pty"], TERMINAL_TEXT))?.0));
    let [plain, ours] = medians(RUNS, vec![plain, ours])?[..] else {
        return Ok(());
    };
    table.at_least(
        "64 MB through a terminal, against script -qfc",
        0.8,
        ratio(plain, ours),
        &format!("{} against {}", ms(ours), ms(plain)),
    );
    Ok(())
}

/// Reads everything a command writes; the time it took and the memory of its process, in KiB, looked at now and then.
fn read_all(command: &mut Command) -> Result<(Duration, u64), Failure> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut pipe = child
        .stdout
        .take()
        .ok_or_else(|| Failure("no pipe".to_owned()))?;
    let mut block = vec![0; 256 * 1024];
    let (mut total, mut peak, mut look_at) = (0_u64, 0, 0);
    loop {
        let length = pipe.read(&mut block)?;
        if length == 0 {
            break;
        }
        total += length as u64;
        if total >= look_at {
            peak = peak_kb(child.id()).unwrap_or(peak);
            look_at += 32 << 20;
        }
    }
    let status = child.wait()?;
    let took = start.elapsed();
    // `yes` ends by SIGPIPE, which is not the last word on a pipeline.
    succeeded(status, "the flood")?;
    if total < 64 << 20 {
        Err(Failure(format!("only {total} bytes")))
    } else {
        Ok((took, peak))
    }
}

fn peak_kb(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
