//! The system-wide zshenv, and whether it keeps zsh from reading a `.zshenv` in our private folder.
use std::fs;
use std::path::{Path, PathBuf};

/// The files that a zsh may read before all others. None if one has a compiled form, which would be read instead.
///
/// Read anew for every command that has a pipe: three small files cost some ten microseconds, and an executor serves one command.
pub(super) fn files(zsh: &Path) -> Option<Vec<Vec<u8>>> {
    let beside = fs::canonicalize(zsh)
        .ok()
        .and_then(|real| Some(real.parent()?.parent()?.join("etc/zshenv")));
    let usual = ["/etc/zshenv", "/etc/zsh/zshenv"].map(PathBuf::from);
    let mut found = Vec::new();
    for path in usual.into_iter().chain(beside) {
        if path.with_extension("zwc").exists() {
            return None;
        }
        found.extend(fs::read(path).ok());
    }
    Some(found)
}

/// True when one of these files names `ZDOTDIR`, turns `rcs` off, or leaves zsh emulating another shell.
pub(super) fn hides_private_folder(files: &[Vec<u8>]) -> bool {
    files.iter().any(|text| is_in_the_way(text))
}

fn is_in_the_way(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let lines = || {
        text.lines()
            .map(str::trim_start)
            .filter(|line| !line.starts_with('#'))
    };
    lines().any(|line| line.contains("ZDOTDIR") || turns_rcs_off(line)) || leaves_emulation(lines())
}

/// The option by its name in any spelling, or by its letter in `set -f` and `setopt -f`.
fn turns_rcs_off(line: &str) -> bool {
    let letters = line.to_ascii_lowercase().replace('_', "");
    let named = letters
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| matches!(word, "rcs" | "norcs"));
    let words: Vec<&str> = line.split_whitespace().collect();
    let lettered = words.windows(2).any(|pair| {
        matches!(pair, [command, flags] if matches!(*command, "set" | "setopt") && flags.starts_with('-') && flags.contains('f'))
    });
    named || lettered
}

/// A file may emulate another shell for a while, as long as the last word on it is zsh.
fn leaves_emulation<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let mut left = false;
    for line in lines {
        let mut words = line
            .split(|c: char| c.is_whitespace() || c == ';')
            .filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            if word == "emulate" {
                let shell = words.find(|word| !word.starts_with('-'));
                left = shell != Some("zsh");
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::is_in_the_way;

    #[test]
    fn ordinary_files_are_not_in_the_way() {
        let debian = b"# Note: no_rcs here skips the rest, ZDOTDIR too.\nif [[ -z \"$PATH\" ]]\nthen\n\texport PATH=/bin\nfi\n";
        let nix = b"if test -r /etc/zshenv; then\n . /etc/zshenv\nelse\n emulate bash\n alias shopt=false\n emulate zsh\nfi\n";
        for text in [b"".as_slice(), debian, nix, b"sources=(a b)\nset -a\n"] {
            assert!(!is_in_the_way(text), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn files_that_move_or_skip_the_private_folder_are() {
        for text in [
            "export ZDOTDIR=/etc/z",
            ": ${ZDOTDIR:=x}",
            "setopt NO_RCS",
            "unsetopt rcs",
            "set -f",
            "emulate sh",
            "x; emulate -R ksh",
        ] {
            assert!(is_in_the_way(text.as_bytes()), "{text}");
        }
    }
}
