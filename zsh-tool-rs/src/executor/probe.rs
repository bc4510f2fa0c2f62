//! Whether somebody waits to be typed to: the kernel tells in which system call a process sits.
use std::fs;
use std::path::{Path, PathBuf};

use super::input::Input;
use super::tree;
use crate::sys::os;

/// Whether a descendant sits in a read of this input. False where the kernel does not tell.
#[must_use]
pub fn any_reads(input: &Input) -> bool {
    let pipe = input.pipe_name();
    tree::descendants()
        .iter()
        .filter_map(|process| awaited(process.pid))
        .any(|target| match &pipe {
            Some(pipe) => target.as_os_str() == pipe.as_str(),
            None => target.starts_with("/dev/pts") || target == Path::new("/dev/tty"),
        })
}

/// What a process waits to read.
fn awaited(pid: i32) -> Option<PathBuf> {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    let descriptor = waited_for(&call)?;
    fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()
}

/// The descriptor that a process waits to read, from `NUMBER ARGUMENT…` as the kernel prints it.
fn waited_for(call: &str) -> Option<u64> {
    let mut words = call.split_ascii_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let first = words.next()?.strip_prefix("0x")?;
    let first = u64::from_str_radix(first, 16).ok()?;
    match number {
        n if n == os::SYSTEM_READ => Some(first),
        // A select over one descriptor can only mean the first.
        n if n == os::SYSTEM_SELECT && first == 1 => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_read_or_a_select_over_stdin_is_a_wait_for_input() {
        let read = os::SYSTEM_READ;
        assert_eq!(waited_for(&format!("{read} 0x0 0x7ff 0x400 0x0")), Some(0));
        assert_eq!(waited_for(&format!("{read} 0xa 0x7ff 0x400 0x0")), Some(10));
        let select = os::SYSTEM_SELECT;
        assert_eq!(waited_for(&format!("{select} 0x1 0x7ff 0x0")), Some(0));
        assert_eq!(waited_for(&format!("{select} 0x5 0x7ff 0x0")), None);
        assert_eq!(waited_for("running"), None);
        assert_eq!(waited_for(""), None);
    }
}
