"""Tell whether files are still what they were."""

import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from zsh_tool.foreign.files import compiled_form, names_of
from zsh_tool.foreign.watch import Watch

_TICK_SECS: Final = 0.010
"""The clock of file systems may be this coarse: what is younger may change without its times showing it."""
_LINKS: Final = 40
"""More links on the way to a file the system does not follow (path_resolution(7))."""


@dataclass(frozen=True)
class _Stamp:
    """What tells one state of a file from another. A time is that of the clock of its file system."""

    node: tuple[int, int]
    size: int
    content_ns: int
    """When its content changed."""
    change_ns: int
    """When anything about it did."""
    kind: int
    """File type, as ``stat.S_IFMT`` gives it."""


@dataclass(frozen=True)
class _Step:
    """A file, link or directory on the way, perhaps missing."""

    stamp: _Stamp | None
    around_ns: int | None
    """When something last came or went in the directory that holds it."""

    @classmethod
    def of(cls, folder: bytes, name: bytes) -> "_Step":
        """Return what is there now."""
        around = _stamp(folder)
        return cls(_stamp(_joined(folder, name)), None if around is None else around.content_ns)

    @property
    def is_folder(self) -> bool:
        return self.stamp is not None and stat.S_ISDIR(self.stamp.kind)

    def holds(self, now: "_Step", *, is_watched: bool) -> bool:
        """Tell whether this is as it was all the time until ``now``.

        ``is_watched`` if it is known that nothing came here, and no directory was moved.
        """
        was, found = self.stamp, now.stamp
        is_calm = is_watched or self.around_ns == now.around_ns
        if was is None:
            # Something may have been there for a while.
            return found is None and is_calm
        # A directory changes with every file that comes or goes in it. It was not put away and back, either, as long
        # as nothing did so around it.
        if found is not None and self.is_folder and was.node == found.node:
            return is_calm or was.change_ns == found.change_ns
        return was == found


@dataclass
class Stamps:
    """What files and their compiled forms were like, and all that leads to them."""

    _steps: dict[tuple[bytes, bytes], _Step] = field(default_factory=dict)
    """By directory, without links on the way to it, and name."""
    _watch: Watch | None = None

    @classmethod
    def of(cls, places: Iterable[bytes]) -> "Stamps":
        """Return those of the files in these places, some of which may be missing.

        This waits a moment if one has changed just now.
        """
        stamps = cls()
        for place in places:
            stamps._add_way(place)
            stamps._add_way(compiled_form(place))
        if not stamps._steps:
            return stamps
        folders = [_joined(*way) for way, step in stamps._steps.items() if step.is_folder]
        stamps._watch = Watch(folders, [way for way, step in stamps._steps.items() if step.stamp is None])
        changes = [step.stamp.change_ns for step in stamps._steps.values() if step.stamp is not None]
        if changes:
            youngest = (time.time_ns() - max(changes)) / 1e9
            time.sleep(min(max(_TICK_SECS - youngest, 0), _TICK_SECS))
        return stamps

    def _add_way(self, place: bytes) -> None:
        """Add a place and all that leads to it, link by link, up to what is missing."""
        at, links = b"/", 0
        left = names_of(place)[::-1]
        while left:
            name = left.pop()
            if name == b"..":
                at = os.path.dirname(at)  # noqa: PTH120 - these are bytes
                continue
            step = self._steps.setdefault((at, name), _Step.of(at, name))
            if step.is_folder:
                at = _joined(at, name)
                continue
            if step.stamp is None or not stat.S_ISLNK(step.stamp.kind) or links == _LINKS:
                return
            links += 1
            try:
                target = os.readlink(_joined(at, name))  # noqa: PTH115 - these are bytes
            except OSError:
                return
            if target.startswith(b"/"):
                at = b"/"
            left += names_of(target)[::-1]

    def hold(self) -> bool:
        """Tell whether the files have been the same all the time."""
        is_watched = self._watch is not None and self._watch.sees_names
        steps = self._steps.items()
        return all(was.holds(_Step.of(*way), is_watched=is_watched) for way, was in steps) and (
            self._watch is None or self._watch.is_quiet()
        )

    def close(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()


def _joined(folder: bytes, name: bytes) -> bytes:
    return folder.rstrip(b"/") + b"/" + name


def _stamp(place: bytes) -> _Stamp | None:
    try:
        found = os.lstat(place)
    except (OSError, ValueError):
        # What the system finds too long, or no name at all, is not there either.
        return None
    return _Stamp(
        (found.st_dev, found.st_ino),
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        stat.S_IFMT(found.st_mode),
    )
