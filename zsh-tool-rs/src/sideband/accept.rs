//! When the written codes are believed. Whatever a command wrote itself, or a hook that ran at another moment, must not pass.
use memchr::memmem;

use super::ShellExit;

/// zsh keeps 256 codes at most, so a list of that length may have been cut.
const MOST_CODES: usize = 255;

/// The codes of `line`, if all of it agrees with how the shell ended.
pub(super) fn believed(line: &[u8], text: &[u8], exit: ShellExit) -> Option<Vec<i32>> {
    if exit.signaled {
        return None;
    }
    let (status, codes) = parsed(line)?;
    let last_nonzero = codes.iter().rev().find(|&&code| code != 0);
    let last_decides = codes.last() == Some(&exit.code);
    let pipefail_decides = last_nonzero == Some(&exit.code) && mentions_pipefail(text);
    let agrees = status % 256 == exit.code && (last_decides || pipefail_decides);
    agrees.then_some(codes)
}

/// One line of numbers with single spaces: the status, then the codes.
fn parsed(line: &[u8]) -> Option<(i32, Vec<i32>)> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let mut words = line.split(' ').map(number);
    let status = words.next()??;
    let codes = words.collect::<Option<Vec<i32>>>()?;
    let in_range = codes.iter().all(|&code| code <= 255);
    ((2..=MOST_CODES).contains(&codes.len()) && in_range).then_some((status, codes))
}

fn number(word: &str) -> Option<i32> {
    let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    if digits { word.parse().ok() } else { None }
}

/// Whether `pipe_fail` is named, in any case and with any underscores, as zsh reads option names.
fn mentions_pipefail(text: &[u8]) -> bool {
    let plain: Vec<u8> = text
        .iter()
        .filter(|&&b| b != b'_')
        .map(u8::to_ascii_lowercase)
        .collect();
    memmem::find(&plain, b"pipefail").is_some()
}
