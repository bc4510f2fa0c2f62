//! The private folder: a FIFO `c` that the hook writes into, and the `.zshenv` that defines the hook.
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::hook;
use crate::sys::fifo::make_fifo;

/// One more than the longest line the hook can write: 256 codes and a status stay well below it.
const READ_LIMIT: usize = 2048;

/// A private folder with the read end of its FIFO; removed when dropped.
#[derive(Debug)]
pub struct Sideband {
    folder: PathBuf,
    fifo: PathBuf,
    zshenv: PathBuf,
    reader: Option<File>,
}

impl Sideband {
    /// Makes the folder `dir`, which must not exist yet, with a FIFO in it. None when it cannot be made, or when its path holds
    /// anything the hook would have to quote.
    #[must_use]
    pub fn prepare(dir: &Path) -> Option<Sideband> {
        let speakable = |b: &u8| b.is_ascii_alphanumeric() || b"/._-+,@%".contains(b);
        let path = dir.as_os_str().as_bytes();
        if !dir.is_absolute() || !path.iter().all(speakable) {
            return None;
        }
        DirBuilder::new().mode(0o700).create(dir).ok()?;
        let mut sideband = Sideband {
            folder: dir.to_owned(),
            fifo: dir.join("c"),
            zshenv: dir.join(".zshenv"),
            reader: None,
        };
        sideband.reader = Some(sideband.open_fifo()?);
        sideband.write(None).then_some(sideband)
    }

    /// Makes a folder of an unguessable name in the first temporary directory that takes it.
    #[must_use]
    pub fn temporary() -> Option<Sideband> {
        let random = RandomState::new().build_hasher().finish();
        let name = format!("zsh-tool-{random:016x}");
        let given = ["XDG_RUNTIME_DIR", "TMPDIR"]
            .into_iter()
            .filter_map(std::env::var_os)
            .map(PathBuf::from);
        // In memory first: a file system on a disk takes as long for the folder as the hook takes in all.
        let usual = ["/dev/shm", "/tmp", "/var/tmp"]
            .into_iter()
            .map(PathBuf::from);
        given
            .chain(usual)
            .find_map(|place| Sideband::prepare(&place.join(&name)))
    }

    /// The folder's path, fit for `ZDOTDIR`.
    pub(super) fn folder(&self) -> &[u8] {
        self.folder.as_os_str().as_bytes()
    }

    pub(super) fn fifo(&self) -> &[u8] {
        self.fifo.as_os_str().as_bytes()
    }

    /// The `.zshenv` was written for a caller without `ZDOTDIR`; another one needs its own.
    pub(super) fn write_zshenv(&self, caller: Option<&[u8]>) -> bool {
        caller.is_none() || self.write(caller)
    }

    /// What the hook wrote, if it is short enough to be believed at all.
    pub(super) fn read(&self) -> Option<Vec<u8>> {
        let mut line = vec![0; READ_LIMIT];
        let length = self.reader.as_ref()?.read(&mut line).ok()?;
        line.truncate(length);
        (length < READ_LIMIT).then_some(line)
    }

    fn open_fifo(&self) -> Option<File> {
        make_fifo(&self.fifo).ok()?;
        // Non-blocking: opening must not wait for a writer that may never come, nor reading for one that forgot to write.
        OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&self.fifo)
            .ok()
    }

    fn write(&self, caller: Option<&[u8]>) -> bool {
        let text = hook::zshenv(self.fifo(), std::process::id(), caller);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&self.zshenv)
            .is_ok_and(|mut file| file.write_all(&text).is_ok())
    }
}

impl Drop for Sideband {
    fn drop(&mut self) {
        // To remove what is still open costs ext4 a tenth of a millisecond more.
        self.reader = None;
        // Nothing can be done about what is left, and nothing but us ever reads it.
        let _removed = fs::remove_file(&self.zshenv).and(fs::remove_file(&self.fifo));
        let _removed = fs::remove_dir(&self.folder);
    }
}
