"""Whether a file system belongs to this machine alone: the write-ahead log needs shared memory."""

from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")

# The executor's list: kinds on which two machines may see one file.
_SHARED_KIND_LIST: Final = """
    afs beegfs ceph cifs coda fuse.ceph fuse.davfs fuse.glusterfs fuse.s3fs fuse.sshfs gfs2 glusterfs
    gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs smb3 smbfs
"""
_SHARED_KINDS: Final = frozenset(_SHARED_KIND_LIST.split())


def is_local(path: Path) -> bool:
    """Tell whether no other machine sees this file, as far as the system says."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return True
    return kind_of(path.resolve(), mounts) not in _SHARED_KINDS


def kind_of(path: Path, mounts: str) -> str | None:
    """Return the kind of the longest mount point above a path; the last of equals hides the others."""
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split(" ")
        if not separator or len(fields) < 5:
            continue
        # The kernel writes white space and backslashes in mount points as octal numbers.
        point = fields[4]
        for octal, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(octal, plain)
        if path.is_relative_to(point) and (best is None or len(point) >= best[0]):
            best = (len(point), right.split(" ", 1)[0])
    return best[1] if best else None
