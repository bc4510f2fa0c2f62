//! What makes two commands "the same": the normalised text, its hash, and the template.
//!
//! Pure functions over text. Python holds a second implementation for its look-ups, so every rule
//! here is written without a regex engine: the two languages' engines disagree about what `\s`,
//! `\b` and `\d` mean outside ASCII.

use sha2::{Digest, Sha256};

/// Commands whose first argument belongs to their name (`git push`, `make all`).
const BASE_WORDS: [&str; 28] = [
    "git",
    "npm",
    "yarn",
    "pip",
    "docker",
    "kubectl",
    "make",
    "cargo",
    "go",
    "python",
    "node",
    "ruby",
    "curl",
    "wget",
    "cat",
    "grep",
    "find",
    "ls",
    "cd",
    "rm",
    "cp",
    "mv",
    "mkdir",
    "systemctl",
    "journalctl",
    "apt",
    "pacman",
    "brew",
];

/// The number of hex digits of the SHA-256 that are kept.
const HASH_DIGITS: usize = 16;

/// Whether Python's `str.isspace` accepts `c`.
///
/// `char::is_whitespace` leaves out the four information separators.
#[must_use]
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// `text` without white space at either end.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The words of `text`, as white space separates them.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// The canonical form that is hashed: one space between words, quoted text emptied, numbers `N`.
#[must_use]
pub fn normalize(command: &str) -> String {
    let mut text = String::with_capacity(command.len());
    for word in words(command) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    number_words(&empty_quotes(&empty_quotes(&text, '"'), '\''))
}

/// The first sixteen hex digits of the SHA-256 of the normalised text.
#[must_use]
pub fn hash(command: &str) -> String {
    hash_normalized(&normalize(command))
}

/// The hash of a text that is normalised already.
#[must_use]
pub fn hash_normalized(normalized: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    Sha256::digest(normalized.as_bytes())
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(HASH_DIGITS)
        .map(|digit| char::from(HEX[usize::from(digit)]))
        .collect()
}

/// Removes what stands between each two quotes, the pairs taken from the left. A quote without a
/// partner stays, and so does all that follows it.
fn empty_quotes(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(quote) {
        let Some((_, behind)) = after.split_once(quote) else {
            break;
        };
        out.push_str(before);
        out.push(quote);
        out.push(quote);
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Writes `N` for every run of ASCII digits that is a word of its own.
fn number_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c| !is_word(c)) {
        let end = word.len()
            - word
                .chars()
                .next_back()
                .filter(|c| !is_word(*c))
                .map_or(0, char::len_utf8);
        let (body, separator) = word.split_at(end);
        if !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push('N');
        } else {
            out.push_str(body);
        }
        out.push_str(separator);
    }
    out
}

/// Whether `c` can be part of a word: an ASCII letter, digit or underscore, or anything beyond ASCII.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The command with its arguments replaced: the base and the flags stay, the rest becomes `*`.
#[must_use]
pub fn template(command: &str) -> String {
    let tokens: Vec<&str> = words(command).collect();
    let base = base_length(&tokens);
    let mut kept: Vec<&str> = Vec::with_capacity(tokens.len());
    for (index, token) in tokens.iter().enumerate() {
        let shown = if index < base || token.starts_with('-') {
            token
        } else {
            "*"
        };
        if shown != "*" || kept.last() != Some(&"*") {
            kept.push(shown);
        }
    }
    kept.join(" ")
}

/// How many of the first tokens are the base, which a template keeps word for word.
fn base_length(tokens: &[&str]) -> usize {
    for (index, token) in tokens.iter().enumerate() {
        let complete = if is_base_word(token) {
            tokens
                .get(index + 1)
                .is_none_or(|next| next.starts_with('-'))
        } else {
            index >= 1
        };
        if complete {
            return index + 1;
        }
    }
    tokens.len()
}

fn is_base_word(token: &str) -> bool {
    BASE_WORDS.contains(&token.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes_stay_valid() {
        assert_eq!(hash("echo hello"), "584a331fd6b02dcb");
        assert_eq!(hash(""), "e3b0c44298fc1c14");
    }

    #[test]
    fn quotes_are_emptied_in_pairs_from_the_left() {
        assert_eq!(normalize(r#"echo "a \" b" c"#), r#"echo "" b" c"#);
        assert_eq!(normalize(r"echo 'a'\''b'"), r"echo ''\''b'");
        assert_eq!(normalize(r#"echo "it's" 'x"#), r#"echo "" 'x"#);
    }

    #[test]
    fn only_whole_ascii_numbers_become_n() {
        assert_eq!(
            normalize("v1.2.3 a1 5日 5² 007 _1"),
            "v1.N.N a1 5日 5² N _1"
        );
    }

    #[test]
    fn templates_keep_the_base_and_the_flags() {
        assert_eq!(template("sudo git push origin main"), "sudo git push *");
        assert_eq!(
            template("docker compose up -d svc"),
            "docker compose * -d *"
        );
        assert_eq!(template("git -C /x status"), "git -C *");
        assert_eq!(template("ls ls"), "ls ls");
    }
}
