//! What of a record is known before its command has ended, worked out while it runs.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::observation::stored_text;
use super::{hash, pipeline, place};

/// The preview's length in characters.
const PREVIEW_CHARS: usize = 200;

/// The part of a record that depends on the command's text and its place alone.
#[derive(Debug)]
pub struct Draft {
    source: (Vec<u8>, PathBuf),
    /// The command itself.
    pub whole: Text,
    /// Its segments, when it is a single pipeline of several.
    pub segments: Vec<Text>,
    /// Where it runs.
    pub cwd: String,
    /// The project there.
    pub project: String,
    /// The machine.
    pub host: Option<String>,
}

/// The columns that come from a text.
#[derive(Debug)]
pub struct Text {
    /// The hash of its normal form.
    pub hash: String,
    /// Its template.
    pub template: String,
    /// Its beginning.
    pub preview: String,
}

impl Draft {
    /// The draft for `command` in `cwd`.
    #[must_use]
    pub fn of(command: &[u8], cwd: &Path) -> Self {
        let text = stored_text(command);
        let project = place::project(cwd);
        Self {
            source: (command.to_vec(), cwd.to_path_buf()),
            segments: segments(&text),
            whole: Text::of(&text),
            cwd: stored_text(cwd.as_os_str().as_bytes()),
            project: stored_text(project.as_os_str().as_bytes()),
            host: place::host().map(|host| stored_text(host.as_bytes())),
        }
    }

    /// Whether it is the draft for this command.
    #[must_use]
    pub fn is_for(&self, command: &[u8], cwd: &Path) -> bool {
        self.source.0 == command && self.source.1 == cwd
    }
}

impl Text {
    fn of(text: &str) -> Self {
        Self {
            hash: hash::hash(text),
            template: hash::template(text),
            preview: text.chars().take(PREVIEW_CHARS).collect(),
        }
    }
}

fn segments(text: &str) -> Vec<Text> {
    if !text.contains('|') || !pipeline::is_single_pipeline(text) {
        return Vec::new();
    }
    pipeline::split(text).into_iter().map(Text::of).collect()
}
