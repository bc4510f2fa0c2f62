//! Where a command ran: its project and its host.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The nearest directory at or above `cwd` that has an entry `.git`; else `cwd` itself, links
/// resolved. A directory that is gone is its own project.
#[must_use]
pub fn project(cwd: &Path) -> PathBuf {
    let real = fs::canonicalize(cwd).unwrap_or_else(|_| cwd.to_path_buf());
    let root = real
        .ancestors()
        .find(|directory| fs::symlink_metadata(directory.join(".git")).is_ok());
    root.map_or_else(|| real.clone(), Path::to_path_buf)
}

/// This machine's name, where the system tells it by a file: read once, by an executor in standby before its command comes.
#[must_use]
pub fn host() -> Option<&'static str> {
    static NAME: LazyLock<Option<String>> = LazyLock::new(|| {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
    });
    NAME.as_deref()
}

/// Kinds of file systems on which two machines may see one file: their memory is not shared, and
/// SQLite's write-ahead log needs that.
const SHARED_KINDS: [&str; 21] = [
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fuse.ceph",
    "fuse.davfs",
    "fuse.glusterfs",
    "fuse.s3fs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "smb3",
    "smbfs",
];

/// Whether the file system at `path` belongs to this machine alone, as far as the system tells.
#[must_use]
pub fn is_local(path: &Path) -> bool {
    match fs::read_to_string("/proc/self/mountinfo") {
        Ok(mounts) => !kind_of(path, &mounts).is_some_and(|kind| SHARED_KINDS.contains(&kind)),
        Err(_) => true,
    }
}

/// The kind of the file system that the longest mount point above `path` has. The last of equals
/// wins: it hides the others.
fn kind_of<'a>(path: &Path, mounts: &'a str) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let point = left.split(' ').nth(4)?;
            let kind = right.split(' ').next()?;
            path.starts_with(unescape(point))
                .then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

/// The kernel writes white space and backslashes as octal numbers.
fn unescape(point: &str) -> String {
    point
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw - nfs4 server:/home rw
31 30 8:2 / /home/me/my\\040disk rw - btrfs /dev/sdb rw
32 21 0:41 / /mnt rw - ext4 /dev/sdc rw
33 21 0:42 / /mnt rw - cifs //server/share rw
";

    #[test]
    fn the_nearest_mount_tells_the_kind() {
        assert_eq!(kind_of(Path::new("/var/alan.db"), MOUNTS), Some("ext4"));
        assert_eq!(kind_of(Path::new("/home/me/alan.db"), MOUNTS), Some("nfs4"));
        assert_eq!(
            kind_of(Path::new("/home/me/my disk/alan.db"), MOUNTS),
            Some("btrfs")
        );
        assert_eq!(
            kind_of(Path::new("/homework/alan.db"), MOUNTS),
            Some("ext4")
        );
        assert_eq!(kind_of(Path::new("/mnt/alan.db"), MOUNTS), Some("cifs"));
    }

    #[test]
    fn a_project_is_the_nearest_repository() {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap();
        let deep = root.join("repo/src/deep");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(project(&deep), deep);
        fs::write(root.join("repo/.git"), "gitdir: elsewhere").unwrap();
        assert_eq!(project(&deep), root.join("repo"));
        fs::create_dir(root.join("repo/src/.git")).unwrap();
        assert_eq!(project(&deep), root.join("repo/src"));
        assert_eq!(project(&root.join("gone")), root.join("gone"));
    }
}
