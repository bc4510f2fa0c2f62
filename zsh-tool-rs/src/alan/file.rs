//! The database's file: private, a regular file, one's own; and set aside when it is damaged.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::AlanError;
use super::patience::{Patience, RECORD_BOUND};
use super::time;

/// Nobody else may read or write.
pub const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The files that SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Which file a path led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// The file that `path` leads to now, if there is one.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().as_ref().map(Self::of)
    }
}

/// The absolute path of the database without links in its directory, which is made if missing.
///
/// # Errors
/// When there is no such directory and none can be made.
pub fn locate(path: &Path) -> Result<PathBuf, AlanError> {
    let name = path
        .file_name()
        .ok_or_else(|| AlanError::NotAFile(path.to_path_buf()))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(directory)
        .map_err(|error| AlanError::from_io(directory, "creating the directory", error))?;
    let directory = fs::canonicalize(directory)
        .map_err(|error| AlanError::from_io(directory, "resolving the directory", error))?;
    Ok(directory.join(name))
}

/// Sees to it that the file exists, belongs to us and is private. True if it holds nothing yet.
///
/// # Errors
/// When it is not a file of ours or cannot be made.
pub fn prepare(path: &Path) -> Result<(Identity, bool), AlanError> {
    if let Some(file) = create(path)? {
        let metadata = metadata(&file, path)?;
        return Ok((Identity::of(&metadata), true));
    }
    let metadata = fs::symlink_metadata(path)
        .map_err(|error| AlanError::from_io(path, "looking at", error))?;
    check(path, &metadata)?;
    Ok((Identity::of(&metadata), metadata.len() == 0))
}

/// Makes the file unless there is one.
fn create(path: &Path) -> Result<Option<File>, AlanError> {
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path);
    match made {
        Ok(file) => {
            // A umask may have taken more than is good for us.
            file.set_permissions(Permissions::from_mode(FILE_MODE))
                .map_err(|error| AlanError::from_io(path, "setting the mode of", error))?;
            Ok(Some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(AlanError::from_io(path, "creating", error)),
    }
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), AlanError> {
    if !metadata.is_file() {
        return Err(AlanError::NotAFile(path.to_path_buf()));
    }
    if metadata.uid() != effective_user(path)? {
        return Err(AlanError::OwnedByOther(path.to_path_buf(), metadata.uid()));
    }
    if metadata.mode() & 0o077 != 0 {
        make_private(path)?;
    }
    Ok(())
}

/// Takes the group's and the others' rights from a database of an earlier release.
fn make_private(path: &Path) -> Result<(), AlanError> {
    let files = COMPANIONS.iter().map(|suffix| beside(path, suffix));
    for file in files.chain([path.to_path_buf()]) {
        if !fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        match fs::set_permissions(&file, Permissions::from_mode(FILE_MODE)) {
            // Another process may have closed the database and removed its companion since.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(AlanError::from_io(&file, "setting the mode of", error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The user that new files belong to: whom a pipe made now belongs to.
fn effective_user(path: &Path) -> Result<u32, AlanError> {
    let failed = |error| AlanError::from_io(path, "finding the owner for", error);
    let (reader, _writer) = io::pipe().map_err(failed)?;
    let metadata = File::from(OwnedFd::from(reader))
        .metadata()
        .map_err(failed)?;
    Ok(metadata.uid())
}

fn metadata(file: &File, path: &Path) -> Result<Metadata, AlanError> {
    file.metadata()
        .map_err(|error| AlanError::from_io(path, "looking at", error))
}

/// The path of a file that SQLite keeps beside the database.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// Gives a damaged database another name, unless another process has done so already. Says where
/// it went. No connection of this process may be open on it.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path, damaged: Identity) -> Result<Option<PathBuf>, AlanError> {
    let failed = |error| AlanError::from_io(path, "setting aside", error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if Identity::of(&metadata(&file, path)?) != damaged {
        return Ok(None);
    }
    lock(&file, path)?;
    // Whoever held the lock before may have renamed the file.
    if Identity::at(path) != Some(damaged) {
        return Ok(None);
    }
    let aside = free_name(path);
    // The log first: a new database must never find the log of the old one beside it.
    for suffix in COMPANIONS {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    fs::rename(path, &aside).map_err(failed)?;
    Ok(Some(aside))
}

fn lock(file: &File, path: &Path) -> Result<(), AlanError> {
    let patience = Patience::new(RECORD_BOUND);
    for count in 0.. {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if patience.pause(count) => {}
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => {
                return Err(AlanError::from_io(path, "locking", error));
            }
        }
    }
    Err(AlanError::Busy(path.to_path_buf()))
}

/// A name that says what happened and when, and that nothing has yet.
fn free_name(path: &Path) -> PathBuf {
    let stamp = time::Moment::now().compact();
    let mut name = beside(path, &format!(".damaged-{stamp}"));
    let mut number = 1;
    while fs::symlink_metadata(&name).is_ok() {
        number += 1;
        name = beside(path, &format!(".damaged-{stamp}-{number}"));
    }
    name
}
