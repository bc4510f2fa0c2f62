//! The processes a command has left behind: everything below us, wherever it has put itself.
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// A process as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its parent's number.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its state: `R`, `S`, `T`, …
    pub state: char,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// A signal has killed it, only it has not yet run to notice.
    pub is_doomed: bool,
    /// It has no threads besides its first.
    has_one_thread: bool,
}

/// SIGKILL among the pending signals: the kernel puts it there for every signal that ends a process.
const KILL_PENDING: u64 = 1 << (libc::SIGKILL - 1);
/// `PF_EXITING` and `PF_SIGNALED`: it has noticed, and is on its way out.
const LEAVING: u64 = 0x4 | 0x400;

impl Process {
    /// Whether it is more than an entry that nobody has reaped yet.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }

    /// Reads `PID (NAME) STATE PARENT GROUP …`. The name may hold anything, brackets too.
    fn parse(stat: &str) -> Option<Process> {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let has_one_thread;
        Some(Process {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
            is_doomed: {
                // The 9th, the 20th and the 31st field of the line: the kernel's flags, how many threads, the pending signals.
                let mut number = |skip| fields.nth(skip).and_then(|n| n.parse::<u64>().ok());
                let (flags, threads, pending) = (number(3), number(10), number(10));
                has_one_thread = threads == Some(1);
                flags.unwrap_or(0) & LEAVING != 0 || pending.unwrap_or(0) & KILL_PENDING != 0
            },
            has_one_thread,
        })
    }

    fn read(pid: i32) -> Option<Process> {
        // In one piece: an end is as quick as the looks at the tree are, and a name is short.
        let mut stat = [0; 1024];
        let mut file = File::open(format!("/proc/{pid}/stat")).ok()?;
        let length = file.read(&mut stat).ok()?;
        Process::parse(&String::from_utf8_lossy(stat.get(..length)?))
    }

    /// Its children. None where the kernel does not list them.
    fn children(&self) -> Option<Vec<i32>> {
        let own = if self.has_one_thread {
            // Asked for the only thread, the kernel answers with fewer words; one that has just been joined is left out at worst.
            children_of_thread(Path::new(&format!("/proc/{0}/task/{0}", self.pid)))
        } else {
            None
        };
        own.or_else(|| children_of(self.pid))
    }
}

/// All living descendants of this process, parents before children. Empty where there is no `/proc`.
#[must_use]
pub fn descendants() -> Vec<Process> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let Some(children) = children_of(own) else {
        return from_all(own);
    };
    let mut found: Vec<Process> = Vec::new();
    let mut pids = children;
    while !pids.is_empty() {
        let generation: Vec<Process> = pids.drain(..).filter_map(Process::read).collect();
        pids.extend(generation.iter().filter_map(Process::children).flatten());
        found.extend(generation);
    }
    found.retain(Process::is_alive);
    found
}

/// Our own children, adopted ones too, living or not. Empty where the kernel does not list them.
#[must_use]
pub fn children() -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    children_of(own).unwrap_or_default()
}

/// The group that a process is in now, while it lives.
#[must_use]
pub fn living_group_of(pid: i32) -> Option<i32> {
    let process = Process::read(pid).filter(Process::is_alive)?;
    Some(process.group)
}

/// The children of all threads of `pid`. None where the kernel does not list them.
fn children_of(pid: i32) -> Option<Vec<i32>> {
    let mut children: Vec<i32> = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        children.extend(children_of_thread(&thread.path())?);
    }
    Some(children)
}

fn children_of_thread(thread: &Path) -> Option<Vec<i32>> {
    let mut list = String::with_capacity(4096);
    let mut file = File::open(thread.join("children")).ok()?;
    file.read_to_string(&mut list).ok()?;
    let pids = list.split_ascii_whitespace().filter_map(|p| p.parse().ok());
    Some(pids.collect())
}

/// The slow way: every process there is, and then those that descend from `root`.
fn from_all(root: i32) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut others: Vec<Process> = names
        .filter_map(|name| name.to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect();
    let mut found: Vec<Process> = Vec::new();
    loop {
        let is_ours = |p: &Process| p.parent == root || found.iter().any(|f| f.pid == p.parent);
        let (ours, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(is_ours);
        if ours.is_empty() {
            found.retain(Process::is_alive);
            return found;
        }
        found.extend(ours);
        others = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_read_whole() {
        let process = Process::parse("12 (a) S (b) T 7 9 9 0 -1 0").unwrap();
        assert_eq!((process.pid, process.parent, process.group), (12, 7, 9));
        assert_eq!((process.name.as_str(), process.state), ("a) S (b", 'T'));
        assert!(!process.is_doomed);
        let zeros = "0 ".repeat(21);
        let told = |flags: u32, pending: u32| format!("1 (a) S 2 3 4 0 0 {flags} {zeros}{pending}");
        for (flags, pending, is_doomed) in [(0x40_0000, 1, false), (4, 0, true), (0, 256, true)] {
            let process = Process::parse(&told(flags, pending)).unwrap();
            assert_eq!(process.is_doomed, is_doomed, "{flags} {pending}");
        }
        assert_eq!(Process::parse("nonsense"), None);
    }

    #[test]
    fn both_ways_find_a_child() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(descendants().iter().any(|p| p.pid == pid));
        assert!(from_all(own).iter().any(|p| p.pid == pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
