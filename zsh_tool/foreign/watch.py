"""Notice what happened to places for a while, even if all is as before.

The executor has the same in ``sys/watch.rs``. Where the system has no inotify, nothing is noticed.
"""

import ctypes
import os
import select
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_HEAD: Final = struct.Struct("iIII")
"""The fixed part of an event: where, what, with what, and the length of the name that follows (inotify(7))."""
# From <sys/inotify.h>.
_MOVED_TO, _CREATE, _DELETE_SELF, _MOVE_SELF = 0x80, 0x100, 0x400, 0x800
_ONLYDIR, _MASK_ADD = 0x0100_0000, 0x2000_0000
_ITSELF: Final = _MOVE_SELF | _DELETE_SELF
"""What a directory tells of itself."""
_CAME: Final = _CREATE | _MOVED_TO
"""What it tells of names in it."""
_UNREAL: Final = frozenset(
    b"bpf cgroup cgroup2 configfs debugfs devpts mqueue proc securityfs sysfs tracefs".split()
)
"""Kinds of file systems that hold no files (proc(5))."""
_BLOCK: Final = 16 << 10


class Watch:
    """Tells whether directories were moved, files of certain names came into being, or file systems were mounted."""

    def __init__(self) -> None:
        """Watch mounts alone as yet."""
        self._names: set[bytes] = set()
        """The names that nothing had, in small letters. Others come and go all the time."""
        self._unreal: frozenset[int] = frozenset()
        """The devices that are made by the kernel as they are read."""
        self._events: int | None = None
        self._mounts: int | None = None
        if sys.platform != "linux":
            return
        self._libc = ctypes.CDLL(None)
        events: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self._events = None if events == -1 else events
        with suppress(OSError):
            # An exceptional condition tells of mounts (proc(5)).
            self._mounts = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
            with open(self._mounts, "rb", buffering=0, closefd=False) as file:
                self._unreal = frozenset(_unreal(file.read()))

    def is_unreal(self, device: int) -> bool:
        """Tell whether what is on this device is made as it is read, and may be another thing for each process."""
        return device in self._unreal

    def add_folder(self, folder: bytes) -> bool:
        """Watch whether a directory is moved; False if the system does not let us."""
        return self._add(folder, _ITSELF)

    def add_missing(self, folder: bytes, name: bytes) -> bool:
        """Watch whether something comes into being where nothing is; False if the system does not let us."""
        self._names.add(name.lower())
        return self._add(folder, _ITSELF | _CAME)

    def _add(self, folder: bytes, what: int) -> bool:
        if self._events is None:
            return False
        mask = what | _ONLYDIR | _MASK_ADD
        return bool(self._libc.inotify_add_watch(self._events, folder, mask) != -1)

    def is_quiet(self) -> bool:
        """Tell whether it noticed nothing so far. It does where Linux cannot tell of mounts."""
        if sys.platform != "linux":
            return True
        return self._mounts is not None and not self._has_mounted(self._mounts) and self._has_seen_nothing()

    @staticmethod
    def _has_mounted(mounts: int) -> bool:
        waiting = select.poll()
        waiting.register(mounts, select.POLLPRI)
        return bool(waiting.poll(0))

    def _has_seen_nothing(self) -> bool:
        """Tell whether only other names came. A queue that ran over may have lost one of ours."""
        if self._events is None:
            return True
        while True:
            try:
                events = os.read(self._events, _BLOCK)
            except BlockingIOError:
                return True
            at = 0
            while at < len(events):
                _, what, _, length = _HEAD.unpack_from(events, at)
                at += _HEAD.size + length
                # Some file systems take capitals for small letters.
                name = events[at - length : at].rstrip(b"\0").lower()
                if not what & _CAME or name in self._names:
                    return False

    def close(self) -> None:
        """Give the descriptors back."""
        for opened in (self._events, self._mounts):
            if opened is not None:
                os.close(opened)
        self._events = self._mounts = None


def _unreal(mounts: bytes) -> Iterator[int]:
    """Yield the devices of such file systems: the third field of each line, where the kind follows a lone dash."""
    for line in mounts.splitlines():
        place, _, kind = line.partition(b" - ")
        if kind.split(b" ")[0] in _UNREAL:
            major, _, minor = place.split(b" ")[2].partition(b":")
            yield os.makedev(int(major), int(minor))
