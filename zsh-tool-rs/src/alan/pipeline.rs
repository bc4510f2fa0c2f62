//! Splits a command at its pipes, and tells whether it is a single pipeline.
//!
//! This is no parser of zsh. It knows quotes and backslashes; everything else a shell can nest is
//! kept out by [`is_single_pipeline`] and by comparing the number of segments with the number of
//! codes before any of them is believed.

use super::hash::{is_space, trim};

/// First words after which the codes of a pipeline do not belong to the text's segments: zsh's
/// reserved words.
const RESERVED_WORDS: [&str; 31] = [
    "!",
    "[[",
    "case",
    "coproc",
    "declare",
    "do",
    "done",
    "elif",
    "else",
    "end",
    "esac",
    "export",
    "fi",
    "float",
    "for",
    "foreach",
    "function",
    "if",
    "integer",
    "local",
    "nocorrect",
    "readonly",
    "repeat",
    "select",
    "then",
    "time",
    "typeset",
    "until",
    "while",
    "{",
    "}",
];

/// A character of a command with what the quoting around it says.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Piece {
    at: usize,
    /// The character if it stands for itself to the shell; nothing when quoted or escaped.
    plain: Option<char>,
}

/// Walks over `command` and marks what is quoted or escaped.
///
/// A backslash escapes everywhere, also where the shell takes it literally (`'\'`): the hashes of
/// segments that are recorded already rest on that. Where it makes a difference, the number of
/// segments hardly ever equals the number of codes, and then no segment is recorded.
fn pieces(command: &str) -> impl Iterator<Item = Piece> {
    let mut quote = None;
    let mut escaped = false;
    command.char_indices().map(move |(at, c)| {
        let plain = if escaped {
            escaped = false;
            None
        } else if c == '\\' {
            escaped = true;
            None
        } else if let Some(open) = quote {
            quote = (open != c).then_some(open);
            None
        } else if matches!(c, '"' | '\'') {
            quote = Some(c);
            None
        } else {
            Some(c)
        };
        Piece { at, plain }
    })
}

/// The segments of a command: split at single pipes outside quotes, trimmed, empty ones left out.
#[must_use]
pub fn split(command: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let mut start = 0;
    let mut scan = pieces(command).peekable();
    while let Some(piece) = scan.next() {
        if piece.plain != Some('|') {
            continue;
        }
        if scan.next_if(|next| next.plain == Some('|')).is_none() {
            segments.extend(segment(command, start, piece.at));
            start = piece.at + 1;
        }
    }
    segments.extend(segment(command, start, command.len()));
    segments
}

fn segment(command: &str, start: usize, end: usize) -> Option<&str> {
    let text = trim(command.get(start..end)?);
    (!text.is_empty()).then_some(text)
}

/// Whether the whole command is one pipeline, so that its codes belong to its segments.
#[must_use]
pub fn is_single_pipeline(command: &str) -> bool {
    let command = trim(command);
    !starts_otherwise(command) && joins_by_pipes_only(command)
}

/// Whether the first word starts something other than a simple command.
fn starts_otherwise(command: &str) -> bool {
    let ends_word = |c: char| is_space(c) || matches!(c, '|' | ';' | '&' | '<' | '>' | '(' | ')');
    let first = command.split(ends_word).next().unwrap_or_default();
    command.starts_with('(') || RESERVED_WORDS.contains(&first)
}

/// Whether nothing outside quotes ends a command or puts it into the background.
fn joins_by_pipes_only(command: &str) -> bool {
    let mut scan = pieces(command).map(|piece| piece.plain).peekable();
    let mut before = None;
    while let Some(plain) = scan.next() {
        let next = scan.peek().copied().flatten();
        let separates = match plain {
            Some(';' | '\n') => true,
            Some('|') => next == Some('|'),
            Some('&') => !matches!(before, Some('|' | '>')) && next != Some('>'),
            _ => false,
        };
        if separates {
            return false;
        }
        before = plain;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_in_quotes_does_not_split() {
        assert_eq!(split("grep 'a|b' f | wc"), ["grep 'a|b' f", "wc"]);
        assert_eq!(split(r"echo $'a\'|b' | c"), [r"echo $'a\'|b'", "c"]);
        assert_eq!(split(r#"echo "a \" | b" | c"#), [r#"echo "a \" | b""#, "c"]);
        assert_eq!(split(r"echo a\|b | c"), [r"echo a\|b", "c"]);
    }

    #[test]
    fn two_pipes_together_never_split() {
        assert_eq!(split("a || b | c"), ["a || b", "c"]);
        assert_eq!(split("|||"), ["||"]);
        assert_eq!(split("a ||| b"), ["a ||", "b"]);
    }

    #[test]
    fn single_pipelines_are_told_from_lists() {
        for text in [
            "a | b",
            "a |& b",
            "a 2>&1 | b",
            "a &> f | b",
            "echo ';' | cat",
            "!x | y",
        ] {
            assert!(is_single_pipeline(text), "{text}");
        }
        for text in [
            "a; b | c",
            "a && b | c",
            "a || b",
            "a & b | c",
            "! a | b",
            "{ a | b }",
            "(a | b)",
            "time a | b",
            "coproc a | b",
            "while a | b",
            "a\nb | c",
            "a |&& b",
            r"echo \>& b | c",
        ] {
            assert!(!is_single_pipeline(text), "{text}");
        }
    }
}
