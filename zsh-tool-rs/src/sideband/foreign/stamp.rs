//! Whether files are still what they were.
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::files::compiled;
use crate::sys::watch::Watch;

/// The clock of file systems may be this coarse: what is younger may change without its times showing it.
const TICK: Duration = Duration::from_millis(10);

/// More links on the way to a file the system does not follow (`path_resolution(7)`).
const LINKS: usize = 40;

/// What files and their compiled forms were like, and all that leads to them.
#[derive(Debug, Default)]
pub struct Stamps {
    steps: BTreeMap<PathBuf, Step>,
    watch: Option<Watch>,
}

/// A file, link or directory on the way, perhaps missing, and when something last came or went in the directory that holds it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    stamp: Option<Stamp>,
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
    kind: FileType,
}

impl Stamp {
    fn of(place: &Path) -> Option<Stamp> {
        let found = fs::symlink_metadata(place).ok()?;
        Some(Stamp {
            node: (found.dev(), found.ino()),
            size: found.size(),
            content: (found.mtime(), found.mtime_nsec()),
            change: (found.ctime(), found.ctime_nsec()),
            kind: found.file_type(),
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

    fn is_folder(&self) -> bool {
        self.stamp.as_ref().is_some_and(|stamp| stamp.kind.is_dir())
    }

    /// Whether this is as it was all the time until `now`. `is_watched` if it is known that nothing came here, and no directory was moved.
    fn holds(&self, now: &Step, is_watched: bool) -> bool {
        let is_calm = is_watched || self.around == now.around;
        match (&self.stamp, &now.stamp) {
            // A directory changes with every file that comes or goes in it. It was not put away and back, either, as long as nothing did
            // so around it.
            (Some(was), Some(is)) if self.is_folder() && was.node == is.node => {
                was.change == is.change || is_calm
            }
            (Some(was), is) => is.as_ref() == Some(was),
            // Something may have been there for a while.
            (None, is) => is.is_none() && is_calm,
        }
    }
}

impl Stamps {
    /// Those of the files in `places`, some of which may be missing. Waits a moment if one has changed just now.
    pub(super) fn of<'a>(places: impl IntoIterator<Item = &'a PathBuf>) -> Stamps {
        let mut stamps = Stamps::default();
        for place in places {
            stamps.add_way(place);
            stamps.add_way(&compiled(place));
        }
        if stamps.steps.is_empty() {
            return stamps;
        }
        let steps = || {
            stamps
                .steps
                .iter()
                .map(|(place, step)| (place.as_path(), step))
        };
        stamps.watch = Some(Watch::over(
            steps()
                .filter(|(_, step)| step.is_folder())
                .map(|(place, _)| place),
            steps()
                .filter(|(_, step)| step.stamp.is_none())
                .map(|(place, _)| place),
        ));
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

    /// Adds a place and all that leads to it, link by link, up to what is missing.
    fn add_way(&mut self, place: &Path) {
        let mut at = PathBuf::from("/");
        let mut left = names(place);
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                at.pop();
                continue;
            }
            let here = at.join(name);
            let step = match self.steps.entry(here.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Step::of(&here)),
            };
            if step.is_folder() {
                at = here;
            } else if let Ok(target) = fs::read_link(&here) {
                links += 1;
                if links > LINKS {
                    return;
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                left.extend(names(&target));
            } else {
                return;
            }
        }
    }

    /// Whether the files have been the same all the time.
    #[must_use]
    pub fn hold(&self) -> bool {
        let is_watched = self.watch.as_ref().is_some_and(Watch::sees_names);
        let steps = || self.steps.iter();
        steps().all(|(place, was)| was.holds(&Step::of(place), is_watched))
            && self.watch.as_ref().is_none_or(Watch::is_quiet)
    }
}

/// The names in a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    names.collect()
}
