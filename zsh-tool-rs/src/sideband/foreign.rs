//! The files besides the text whose code runs in its shell, and whether they set traps.
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

/// A longer file is not searched, and taken to set some.
const LONGEST: usize = 1 << 20;

/// Whether one of these files sets traps: the user's own `.zshenv`, and what that or the text reads by `source` or `.` under a name
/// that can be seen without running it. A trap for EXIT that is a string may run a pipeline of its own after the last one of the text,
/// and is gone when the hook could look for it.
pub(super) fn sets_traps(text: &[u8], env: &[CString], cwd: &Path) -> bool {
    let value = |name: &[u8]| {
        let found = env.iter().find_map(|e| e.to_bytes().strip_prefix(name))?;
        Some(Path::new(OsStr::from_bytes(found)))
    };
    let home = value(b"HOME=");
    let own = value(b"ZDOTDIR=").or(home).map_or(Vec::new(), |folder| {
        [".zshenv", ".zshenv.zwc"]
            .map(|name| cwd.join(folder).join(name))
            .to_vec()
    });
    let home = home.unwrap_or(cwd);
    let own = contents(own);
    let named: Vec<PathBuf> = own
        .iter()
        .map(Vec::as_slice)
        .chain([text])
        .flat_map(|code| sourced(code, cwd, home))
        .collect();
    own.into_iter()
        .chain(contents(named))
        .any(|code| code.len() > LONGEST || memmem::find(&code, b"trap").is_some())
}

fn contents(paths: Vec<PathBuf>) -> Vec<Vec<u8>> {
    paths
        .into_iter()
        // A pipe there is for the shell to read.
        .filter(|path| path.is_file())
        .filter_map(|path| beginning(&path))
        .collect()
}

fn beginning(path: &Path) -> Option<Vec<u8>> {
    let mut code = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST as u64 + 1).read_to_end(&mut code).ok()?;
    Some(code)
}

/// Where `code` may read code from.
fn sourced(code: &[u8], cwd: &Path, home: &Path) -> Vec<PathBuf> {
    let words: Vec<&[u8]> = code
        .split(|b| b" \t\n;&|(){}".contains(b))
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .filter_map(|pair| match pair {
            [b"source" | b".", name] => Some(place(name, cwd, home)),
            _ => None,
        })
        .collect()
}

fn place(name: &[u8], cwd: &Path, home: &Path) -> PathBuf {
    let name: Vec<u8> = name
        .iter()
        .copied()
        .filter(|b| !b"'\"".contains(b))
        .collect();
    let in_home = [&b"~/"[..], b"$HOME/"]
        .iter()
        .find_map(|start| name.strip_prefix(*start));
    match in_home {
        Some(rest) => home.join(OsStr::from_bytes(rest)),
        None => cwd.join(OsStr::from_bytes(&name)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_found_where_the_shell_would_look() {
        let folder = tempfile::tempdir().unwrap();
        let (home, cwd) = (folder.path().join("home"), folder.path().join("cwd"));
        for place in [&home, &cwd] {
            fs::create_dir(place).unwrap();
            fs::write(place.join("a"), place.file_name().unwrap().as_bytes()).unwrap();
        }
        for (text, expected) in [
            ("source ./a; x | y", vec!["cwd"]),
            ("x && . a && y", vec!["cwd"]),
            ("(. \"$HOME/a\")", vec!["home"]),
            ("{ source ~/a }\n. 'a'\n", vec!["home", "cwd"]),
            ("source", vec![]),
            ("source nosuch; ls . a.b; cd .", vec![]),
            ("source $(echo a)", vec![]),
        ] {
            let found = contents(sourced(text.as_bytes(), &cwd, &home));
            let expected: Vec<&[u8]> = expected.iter().map(|name| name.as_bytes()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
