//! What a command costs when an executor already stands by: from the request to the answer, which comes after the meta file.
use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::sample::{Bench, Failure, Measure, medians, ms, ratio, timed};
use super::startup::{filled, holder};
use super::table::Table;

pub fn standby(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let db = filled(bench, 0)?;
    let _held = holder(&db)?;
    for (name, text) in [
        ("request to meta, recorded", "true"),
        ("the same of a pipeline with its codes", "false | true"),
    ] {
        let plain: Measure = Box::new(|| {
            rest();
            timed(&mut bench.plain(text))
        });
        let ours: Measure = Box::new(|| request(bench, &db, text));
        let [plain, ours] = medians(bench.runs, vec![plain, ours])?[..] else {
            return Ok(());
        };
        table.at_most(
            name,
            1.3,
            ratio(ours, plain),
            &format!("{} against {}", ms(ours), ms(plain)),
        );
    }
    Ok(())
}

/// Lets the machine come to rest: a processor that has slept starts a program a tenth slower, so both sides are to find it so.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no word for having come to rest"
)]
fn rest() {
    thread::sleep(Duration::from_millis(10));
}

#[allow(clippy::disallowed_methods, reason = "a folder cannot be waited for")]
fn request(bench: &Bench, db: &Path, text: &str) -> Result<Duration, Failure> {
    let folder = bench.place.path().join("task42");
    DirBuilder::new().mode(0o700).create(&folder)?;
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut child = start(bench, db, &folder, theirs)?;
    let mut lines = BufReader::new(ours.try_clone()?);
    until(&mut lines, "hello")?;
    // What it makes ready between its first word and its wait, the sideband's folder last, is not part of the request.
    while !folder.join("z").exists() {
        thread::sleep(Duration::from_millis(1));
    }
    rest();
    let message = message(bench, text);
    let start = Instant::now();
    ours.write_all(&message)?;
    until(&mut lines, "ended")?;
    let took = start.elapsed();
    let meta = fs::read(folder.join("meta.json"))?;
    drop((ours, lines));
    child.wait()?;
    fs::remove_dir_all(&folder)?;
    let recorded =
        serde_json::from_slice::<serde_json::Value>(&meta).is_ok_and(|m| m["recorded"] == true);
    if recorded {
        Ok(took)
    } else {
        Err(Failure(format!(
            "not recorded: {}",
            String::from_utf8_lossy(&meta)
        )))
    }
}

fn start(bench: &Bench, db: &Path, folder: &Path, theirs: UnixStream) -> Result<Child, Failure> {
    let mut command = Command::new(&bench.executor);
    command
        .arg("--standby")
        .arg("--control")
        .arg(folder)
        .arg("--db")
        .arg(db)
        .args(["--session-id", "bench"]);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    Ok(command.spawn()?)
}

fn message(bench: &Bench, text: &str) -> Vec<u8> {
    let env: Vec<u8> = std::env::vars_os()
        .flat_map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat())
        .collect();
    let parts = [text.as_bytes().to_vec(), b"/".to_vec(), env, Vec::new()];
    let payload = parts.concat();
    let request = serde_json::json!({
        "verb": "run", "id": 1, "protocol": 1, "payload": payload.len(), "parts": parts.each_ref().map(Vec::len),
        "stdin": "null", "pty": false, "rows": 40, "cols": 120, "timeout_secs": 120, "idle_timeout_secs": 0,
        "grace_secs": 2, "umask": null, "limits": null, "profile": "plain", "zsh": bench.zsh.to_string_lossy(),
        "persist": false, "record": true, "session_id": "bench", "intent": null, "author": null, "insights": [],
        "notify": false,
    });
    [request.to_string().as_bytes(), b"\n", payload.as_slice()].concat()
}

/// Reads on to the event of that name.
fn until(lines: &mut impl BufRead, event: &str) -> Result<(), Failure> {
    let wanted = format!("\"{event}\"");
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if line.contains("\"event\"") && line.contains(&wanted) {
            return Ok(());
        }
        line.clear();
    }
    Err(Failure(format!("the executor left before {event}")))
}
