//! What `/proc` says about processes, found by a marker in their environment.
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU32, Ordering};

/// A word that no other process on this machine carries.
pub fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("mark{}x{next}x", std::process::id())
}

/// The processes (no zombies) whose environment or command line holds the marker, this one aside.
pub fn with_marker(marker: &str) -> Vec<i32> {
    let holds = |pid: &i32| {
        let has = |file| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            memchr::memmem::find(&text, marker.as_bytes()).is_some()
        };
        (has("environ") || has("cmdline")) && !matches!(state(*pid), None | Some('Z' | 'X'))
    };
    all()
        .into_iter()
        .filter(|pid| *pid != std::process::id().cast_signed())
        .filter(holds)
        .collect()
}

/// Every process id there is.
pub fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|e| {
            std::str::from_utf8(e.file_name().as_bytes())
                .ok()?
                .parse()
                .ok()
        })
        .collect()
}

/// The fields of `/proc/PID/stat` from the state on.
pub fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

pub fn state(pid: i32) -> Option<char> {
    stat(pid)?.first()?.chars().next()
}

pub fn parent(pid: i32) -> Option<i32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// Nanoseconds of processor time so far.
pub fn cpu_ns(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// How often it has waited for something so far.
pub fn wake_ups(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// Kilobytes of memory at their highest.
pub fn peak_kb(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
