"""Tell whether files are still what they were.

Nothing watches directories here: the executor's side does on Linux, and has this rule where that fails.
"""

import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from zsh_tool.foreign.files import compiled_form, parts_of, real_place

_TICK_SECS: Final = 0.010
"""The clock of file systems may be this coarse: what is younger may change without its times showing it."""


@dataclass(frozen=True)
class _Stamp:
    """What tells one state of a file from another. A time is that of the clock of its file system."""

    node: tuple[int, int]
    size: int
    content_ns: int
    """When its content changed."""
    change_ns: int
    """When anything about it did."""
    is_folder: bool


@dataclass(frozen=True)
class _Step:
    """A file or directory on the way, perhaps missing."""

    stamp: _Stamp | None
    around_ns: int | None
    """When something last came or went in the directory that holds it. None where that does not matter."""

    def holds(self, now: "_Step") -> bool:
        """Tell whether this is as it was all the time until ``now``."""
        was, found = self.stamp, now.stamp
        is_calm = self.around_ns is None or self.around_ns == now.around_ns
        if was is None:
            # Something may have been there for a while.
            return found is None and is_calm
        # A directory changes with every file that comes or goes in it. It was not put away and back, either, as long
        # as nothing did so around it.
        if found is not None and was.is_folder and was.node == found.node:
            return is_calm or was.change_ns == found.change_ns
        return was == found


@dataclass
class Stamps:
    """What files were like, and what leads to them from where the shell starts."""

    _steps: dict[tuple[bytes, ...], _Step] = field(default_factory=dict)

    @classmethod
    def of(cls, places: Iterable[bytes], cwd: bytes) -> "Stamps":
        """Return those of the files in these places, some of which may be missing, for a shell that starts in ``cwd``.

        This waits a moment if one has changed just now.
        """
        stamps = cls()
        real_cwd = real_place(cwd) or b""
        for place in places:
            stamps._add_way(place, cwd)
            # A link leads there another way.
            real = real_place(place)
            if real is not None:
                stamps._add_way(real, real_cwd)
            # Files that come and go beside one are common; that one of them was its compiled form is not.
            compiled = parts_of(compiled_form(place))
            stamps._steps[compiled] = _Step(_stamp(compiled), None)
        changes = [step.stamp.change_ns for step in stamps._steps.values() if step.stamp is not None]
        if changes:
            youngest = (time.time_ns() - max(changes)) / 1e9
            time.sleep(min(max(_TICK_SECS - youngest, 0), _TICK_SECS))
        return stamps

    def _add_way(self, place: bytes, cwd: bytes) -> None:
        """Add a place and all that leads to it from ``cwd``, up to what is missing."""
        parts, known = parts_of(place), parts_of(cwd)
        first = len(known) if parts[: len(known)] == known else 0
        for end in range(first + 1, len(parts) + 1):
            way = parts[:end]
            step = _step(way)
            self._steps[way] = step
            if step.stamp is None:
                break

    def hold(self) -> bool:
        """Tell whether the files have been the same all the time."""
        return all(was.holds(_step(way)) for way, was in self._steps.items())


def _stamp(way: tuple[bytes, ...]) -> _Stamp | None:
    root, names = (b"/", way[1:]) if way[:1] == (b"/",) else (b"", way)
    try:
        found = os.lstat(root + b"/".join(names))
    except (OSError, ValueError):
        # What the system finds too long, or no name at all, is not there either.
        return None
    return _Stamp(
        (found.st_dev, found.st_ino),
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        stat.S_ISDIR(found.st_mode),
    )


def _step(way: tuple[bytes, ...]) -> _Step:
    around = _stamp(way[:-1]) if len(way) > 1 else None
    return _Step(_stamp(way), None if around is None else around.content_ns)
