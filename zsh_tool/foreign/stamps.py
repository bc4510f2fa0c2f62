"""Tell whether files are still what they were."""

import os
import stat
import time
from dataclasses import dataclass, field, replace
from typing import Final

from zsh_tool.foreign.files import compiled_form, names_of
from zsh_tool.foreign.watch import Watch
from zsh_tool.foreign.words import NotUnderstoodError

_TICK_SECS: Final = 0.010
"""The clock of file systems may be this coarse: what is younger may change without its times showing it."""
_COARSEST_SECS: Final = 2.0
"""A file system may count whole seconds alone."""
_LINKS: Final = 40
"""More links on the way to a file the system does not follow (path_resolution(7))."""
_UNREAL: Final = (b"/dev", b"/proc", b"/sys")
"""What is in these is another thing for each process, or made as it is read."""


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
    is_watched: bool = False
    """Whether it is known that nothing comes here, or that it is not moved."""

    @classmethod
    def of(cls, folder: bytes, name: bytes) -> "_Step":
        """Return what is there now. OSError if that cannot be told."""
        around = _stamp(folder)
        return cls(_stamp(_joined(folder, name)), None if around is None else around.change_ns)

    @property
    def is_folder(self) -> bool:
        return self.stamp is not None and stat.S_ISDIR(self.stamp.kind)

    def holds(self, now: "_Step") -> bool:
        """Tell whether this is as it was all the time until ``now``."""
        was, found = self.stamp, now.stamp
        is_calm = self.is_watched or self.around_ns == now.around_ns
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

    def add(self, place: bytes) -> None:
        """Add the file at a place, which may be missing, before it is read.

        This waits a moment if it has changed just now. NotUnderstoodError if it could be another one without showing
        it.
        """
        try:
            self._add_way(place)
            self._add_way(compiled_form(place))
        except (OSError, ValueError) as error:
            raise NotUnderstoodError from error

    def add_nothing(self, place: bytes) -> None:
        """Add a place that is empty for certain, as long as nothing is where its compiled form would be.

        NotUnderstoodError if that cannot be told.
        """
        try:
            self._add_way(compiled_form(place), may_be_unreal=True)
        except (OSError, ValueError) as error:
            raise NotUnderstoodError from error

    def _add_way(self, place: bytes, *, may_be_unreal: bool = False) -> None:
        """Add a place and all that leads to it, link by link, up to what is missing."""
        at, links = b"/", 0
        left = names_of(place)[::-1]
        while left:
            name = left.pop()
            if name == b"..":
                at = os.path.dirname(at)  # noqa: PTH120 - these are bytes
                continue
            if not may_be_unreal and (at in _UNREAL or _joined(at, name) in _UNREAL):
                raise NotUnderstoodError
            if (at, name) not in self._steps:
                self._steps[at, name] = self._first_look(at, name)
            step = self._steps[at, name]
            if step.is_folder:
                at = _joined(at, name)
                continue
            if step.stamp is None or not stat.S_ISLNK(step.stamp.kind):
                return
            links += 1
            if links > _LINKS:
                raise NotUnderstoodError
            target = os.readlink(_joined(at, name))  # noqa: PTH115 - these are bytes
            if target.startswith(b"/"):
                at = b"/"
            left += names_of(target)[::-1]

    def _first_look(self, folder: bytes, name: bytes) -> _Step:
        """Return what is at a place, from when on changes show."""
        if self._watch is None:
            self._watch = Watch()
        step = _Step.of(folder, name)
        stamp = step.stamp
        if stamp is not None and self._watch.is_unreal(stamp.node[0]):
            raise NotUnderstoodError
        if stamp is None:
            step = replace(step, is_watched=self._watch.add_missing(folder, name))
            # It may have come before that.
            if _stamp(_joined(folder, name)) is not None:
                raise NotUnderstoodError
            return step
        if step.is_folder:
            step = replace(step, is_watched=self._watch.add_folder(_joined(folder, name)))
        if not step.is_watched:
            changed_ns = stamp.change_ns
            age = max(time.time_ns() - changed_ns, 0) / 1e9
            if changed_ns % 1_000_000_000 == 0 and age < _COARSEST_SECS:
                raise NotUnderstoodError
            if age < _TICK_SECS:
                time.sleep(_TICK_SECS - age)
        return step

    def hold(self) -> bool:
        """Tell whether the files have been the same all the time."""
        try:
            if not all(was.holds(_Step.of(*way)) for way, was in self._steps.items()):
                return False
        except (OSError, ValueError):
            return False
        return self._watch is None or self._watch.is_quiet()

    def close(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()


def _joined(folder: bytes, name: bytes) -> bytes:
    return folder.rstrip(b"/") + b"/" + name


def _stamp(place: bytes) -> _Stamp | None:
    """Return what is there, if anything. OSError if that cannot be told."""
    try:
        found = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _Stamp(
        (found.st_dev, found.st_ino),
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        stat.S_IFMT(found.st_mode),
    )
