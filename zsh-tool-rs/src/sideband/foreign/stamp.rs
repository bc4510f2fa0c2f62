//! Whether files are still what they were.
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::files::compiled;
use crate::sys::watch::Watch;

/// The clock of file systems may be this coarse: what is younger may change without its times showing it.
const TICK: Duration = Duration::from_millis(10);
/// A file system may count whole seconds alone.
const COARSEST: Duration = Duration::from_secs(2);
/// More links on the way to a file the system does not follow (`path_resolution(7)`).
const LINKS: usize = 40;
/// What is in these is another thing for each process, or made as it is read.
const UNREAL: [&str; 3] = ["/dev", "/proc", "/sys"];

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
    /// Whether it is known that nothing comes here, or that it is not moved.
    is_watched: bool,
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
    /// What is there, if anything.
    fn of(place: &Path) -> io::Result<Option<Stamp>> {
        let found = match fs::symlink_metadata(place) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            found => found?,
        };
        Ok(Some(Stamp {
            node: (found.dev(), found.ino()),
            size: found.size(),
            content: (found.mtime(), found.mtime_nsec()),
            change: (found.ctime(), found.ctime_nsec()),
            kind: found.file_type(),
        }))
    }

    /// How long a change could still go unseen. None if that is too long to wait for.
    fn unrest(&self) -> Option<Duration> {
        let seconds = u64::try_from(self.change.0).unwrap_or_default();
        let nanos = u32::try_from(self.change.1).unwrap_or_default();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let age = now.saturating_sub(Duration::new(seconds, nanos));
        let is_coarse = nanos == 0 && age < COARSEST;
        (!is_coarse).then(|| TICK.saturating_sub(age))
    }
}

impl Step {
    /// What is there now.
    fn of(place: &Path) -> io::Result<Step> {
        let folder = place.parent().map(Stamp::of).transpose()?.flatten();
        Ok(Step {
            stamp: Stamp::of(place)?,
            around: folder.map(|stamp| stamp.change),
            is_watched: false,
        })
    }

    fn is_folder(&self) -> bool {
        self.stamp.as_ref().is_some_and(|stamp| stamp.kind.is_dir())
    }

    /// Whether this is as it was all the time until `now`.
    fn holds(&self, now: &Step) -> bool {
        let is_calm = self.is_watched || self.around == now.around;
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
    /// Adds the file at a place, which may be missing, before it is read. Waits a moment if it has changed just now. None if it could be
    /// another one without showing it.
    pub(super) fn add(&mut self, place: &Path) -> Option<()> {
        self.add_way(place, false)?;
        self.add_way(&compiled(place), false)
    }

    /// Adds a place that is empty for certain, as long as nothing is where its compiled form would be.
    pub(super) fn add_nothing(&mut self, place: &Path) -> Option<()> {
        self.add_way(&compiled(place), true)
    }

    /// Adds a place and all that leads to it, link by link, up to what is missing.
    fn add_way(&mut self, place: &Path, may_be_unreal: bool) -> Option<()> {
        let mut at = PathBuf::from("/");
        let mut left = names(place);
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                at.pop();
                continue;
            }
            let here = at.join(name);
            if !may_be_unreal && UNREAL.iter().any(|folder| here.starts_with(folder)) {
                return None;
            }
            let step = match self.steps.entry(here.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let watch = self.watch.get_or_insert_default();
                    let step = first_look(&here, watch)?;
                    let device = step.stamp.as_ref().map(|stamp| stamp.node.0);
                    if device.is_some_and(|device| watch.is_unreal(device)) {
                        return None;
                    }
                    new.insert(step)
                }
            };
            if step.is_folder() {
                at = here;
            } else if let Ok(target) = fs::read_link(&here) {
                links += 1;
                if links > LINKS {
                    return None;
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                left.extend(names(&target));
            } else {
                break;
            }
        }
        Some(())
    }

    /// Whether the files have been the same all the time.
    #[must_use]
    pub fn hold(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.all(|(place, was)| Step::of(place).is_ok_and(|now| was.holds(&now)))
            && self.watch.as_ref().is_none_or(Watch::is_quiet)
    }
}

/// What is at a place, from when on changes show.
fn first_look(place: &Path, watch: &mut Watch) -> Option<Step> {
    let mut step = Step::of(place).ok()?;
    if step.stamp.is_none() {
        step.is_watched = watch.add_missing(place);
        // It may have come before that.
        return Stamp::of(place).ok()?.is_none().then_some(step);
    }
    step.is_watched = step.is_folder() && watch.add_folder(place);
    if let (Some(stamp), false) = (&step.stamp, step.is_watched) {
        let rest = stamp.unrest()?;
        if !rest.is_zero() {
            #[allow(
                clippy::disallowed_methods,
                reason = "a clock tells nobody that it has gone on"
            )]
            thread::sleep(rest);
        }
    }
    Some(step)
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
