//! Whether files are still what they were.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::files::compiled;
use crate::sys::watch::Watch;

/// The clock of file systems may be this coarse: what is younger may change without its times showing it.
const TICK: Duration = Duration::from_millis(10);

/// What files were like, and what leads to them from where the shell starts.
#[derive(Debug, Default)]
pub struct Stamps {
    steps: BTreeMap<PathBuf, Step>,
    /// Tells whether a directory on the way was moved.
    watch: Option<Watch>,
}

/// A file or directory on the way, perhaps missing, and when something last came or went in the directory that holds it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    stamp: Option<Stamp>,
    /// Not looked at where that does not matter.
    around: Option<(i64, i64)>,
}

/// What tells one state of a file from another. A time is that of the clock of its file system.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    node: (u64, u64),
    size: u64,
    /// When its content changed, and when anything about it did.
    content: (i64, i64),
    change: (i64, i64),
    is_folder: bool,
}

impl Stamp {
    fn of(place: &Path) -> Option<Stamp> {
        let found = fs::symlink_metadata(place).ok()?;
        Some(Stamp {
            node: (found.dev(), found.ino()),
            size: found.size(),
            content: (found.mtime(), found.mtime_nsec()),
            change: (found.ctime(), found.ctime_nsec()),
            is_folder: found.is_dir(),
        })
    }

    fn age(&self, now: Duration) -> Duration {
        let seconds = u64::try_from(self.change.0).unwrap_or_default();
        let nanos = u32::try_from(self.change.1).unwrap_or_default();
        now.saturating_sub(Duration::new(seconds, nanos))
    }
}

impl Step {
    fn of(place: &Path) -> Step {
        let folder = place.parent().and_then(Stamp::of);
        Step {
            stamp: Stamp::of(place),
            around: folder.map(|stamp| stamp.content),
        }
    }

    /// Whether this is as it was all the time until `now`. `is_watched` if a directory is known not to have been moved.
    fn holds(&self, now: &Step, is_watched: bool) -> bool {
        let is_calm = self.around.is_none() || self.around == now.around;
        match (&self.stamp, &now.stamp) {
            // A directory changes with every file that comes or goes in it. It was not put away and back, either, as long as nothing did
            // so around it.
            (Some(was), Some(is)) if was.is_folder && was.node == is.node => {
                was.change == is.change || is_calm || is_watched
            }
            (Some(was), is) => is.as_ref() == Some(was),
            // Something may have been there for a while.
            (None, is) => is.is_none() && is_calm,
        }
    }
}

impl Stamps {
    /// Those of the files in `places`, some of which may be missing, for a shell that starts in `cwd`. Waits a moment if one has changed
    /// just now.
    pub(super) fn of<'a>(places: impl IntoIterator<Item = &'a PathBuf>, cwd: &Path) -> Stamps {
        let mut stamps = Stamps::default();
        let real_cwd = fs::canonicalize(cwd).unwrap_or_default();
        for place in places {
            stamps.add_way(place, cwd);
            // A link leads there another way.
            if let Ok(real) = fs::canonicalize(place) {
                stamps.add_way(&real, &real_cwd);
            }
            // Files that come and go beside one are common; that one of them was its compiled form is not.
            let compiled = compiled(place);
            let stamp = Stamp::of(&compiled);
            let step = Step {
                stamp,
                around: None,
            };
            stamps.steps.insert(compiled, step);
        }
        let is_folder = |step: &Step| step.stamp.as_ref().is_some_and(|stamp| stamp.is_folder);
        let mut folders = stamps
            .steps
            .iter()
            .filter(|(_, step)| is_folder(step))
            .peekable();
        if folders.peek().is_some() {
            stamps.watch = Watch::over(folders.map(|(place, _)| place.as_path()));
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let found = stamps.steps.values().filter_map(|step| step.stamp.as_ref());
        if let Some(youngest) = found.map(|stamp| stamp.age(now)).min() {
            #[allow(
                clippy::disallowed_methods,
                reason = "a clock tells nobody that it has gone on"
            )]
            thread::sleep(TICK.saturating_sub(youngest));
        }
        stamps
    }

    /// Adds a place and all that leads to it from `cwd`, up to what is missing.
    fn add_way(&mut self, place: &Path, cwd: &Path) {
        let known = if place.starts_with(cwd) {
            cwd.components().count()
        } else {
            0
        };
        let mut way = PathBuf::new();
        for (at, part) in place.components().enumerate() {
            way.push(part);
            if at < known {
                continue;
            }
            let step = Step::of(&way);
            let is_missing = step.stamp.is_none();
            self.steps.insert(way.clone(), step);
            if is_missing {
                break;
            }
        }
    }

    /// Whether the files have been the same all the time.
    #[must_use]
    pub fn hold(&self) -> bool {
        let is_watched = self.watch.is_some();
        let steps = || self.steps.iter();
        steps().all(|(place, was)| was.holds(&Step::of(place), is_watched))
            && self.watch.as_ref().is_none_or(Watch::is_quiet)
    }
}
