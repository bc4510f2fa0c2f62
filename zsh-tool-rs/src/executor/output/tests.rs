//! Output on its way when its taker is slow.
use std::io::{Read, Write};
use std::time::Duration;

use super::*;
use crate::sys::terminal::{self, Size};

/// What a pipe takes.
const FULL: usize = 64 << 10;

#[test]
fn output_that_came_with_the_shells_end_waits_for_a_stdout_that_is_full() {
    // A terminal gives its output in small pieces, so that the end leaves some of it unread.
    let (master, slave) = terminal::open(Size {
        rows: 40,
        cols: 120,
    })
    .unwrap();
    sys::set_nonblocking(master.as_raw_fd()).unwrap();
    let mut shell = File::from(slave);
    let (mut reader, stdout) = io::pipe().unwrap();
    let mut stdout = File::from(OwnedFd::from(stdout));
    let text: Vec<u8> = (10_000..30_000)
        .flat_map(|n: u32| n.to_string().into_bytes())
        .collect();
    let (begin, rest) = text.split_at(FULL);
    // Nobody reads yet: this is all that the reader's pipe takes. It does not come through the terminal, which has room for the rest then.
    stdout.write_all(begin).unwrap();
    sys::set_nonblocking(stdout.as_raw_fd()).unwrap();
    let mut output = Output::new(master, None, Some(stdout), None);
    let mut set = PollSet::default();
    let mut wait = |output: &mut Output| {
        set.clear();
        output.register(&mut set);
        set.wait(Some(Duration::from_secs(10))).unwrap();
        std::mem::take(&mut set)
    };
    shell.write_all(rest.get(..10_000).unwrap()).unwrap();
    // One wait tells of both, and the end is seen to first.
    let set = wait(&mut output);
    output.shell_ended();
    output.pump(&set);
    let taken = std::thread::spawn(move || {
        let mut taken = Vec::new();
        reader.read_to_end(&mut taken).map(|_| taken)
    });
    drop(shell);
    while !output.is_finished() {
        let set = wait(&mut output);
        output.pump(&set);
    }
    drop(output);
    let expected = text.get(..FULL + 10_000).unwrap();
    assert!(taken.join().unwrap().unwrap() == expected, "some was lost");
}
