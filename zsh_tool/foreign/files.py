"""Find the code in the files that a shell reads.

Places are bytes as the shell has them: a slash at the end, or a dot behind it, asks for a directory.
"""

import os
import stat
from typing import Final

from zsh_tool.foreign.words import NotUnderstoodError

LONGEST: Final = 1 << 20
"""Bytes. A longer file is not searched, and taken to set traps."""


def code_at(place: bytes) -> tuple[bytes, bytes]:
    """Return the code that a shell would find there, and its compiled form, which are nothing where no file is.

    NotUnderstoodError if it is for the shell alone to read, as from a pipe.
    """
    if place.endswith(b".zwc"):
        raise NotUnderstoodError
    return _contents(place), _contents(compiled_form(place))


def is_nothing(place: bytes) -> bool:
    """Tell whether a shell finds nothing there, whenever it looks."""
    return parts_of(place) == (b"/", b"dev", b"null") and _mode(compiled_form(place)) is None


def is_read(place: bytes) -> bool:
    """Tell whether a shell would read a file there."""
    if not stat.S_ISREG(_mode(place) or 0):
        return False
    try:
        os.close(os.open(place, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def joined(folder: bytes, place: bytes) -> bytes:
    """Return where a place is that is named in a folder."""
    if place.startswith(b"/"):
        return place
    return folder + place if folder.endswith(b"/") else folder + b"/" + place


def compiled_form(place: bytes) -> bytes:
    """Return where the shell looks for the compiled form of a file."""
    return place + b".zwc"


def names_of(place: bytes) -> list[bytes]:
    """Return the names on the way to a place, without what leads nowhere."""
    return [part for part in place.split(b"/") if part not in {b"", b"."}]


def parts_of(place: bytes) -> tuple[bytes, ...]:
    """Return the names on the way to a place, without what leads nowhere: places are one if these are."""
    root = (b"/",) if place.startswith(b"/") else ()
    return root + tuple(names_of(place))


def real_place(place: bytes) -> bytes | None:
    """Return the place that a path leads to, None if nothing is there, or nothing with a name."""
    try:
        return os.path.realpath(place, strict=True)
    except (OSError, ValueError):
        return None


def _mode(place: bytes) -> int | None:
    """Return the mode of what is there, None if nothing is. NotUnderstoodError if that cannot be told."""
    try:
        return os.stat(place).st_mode  # noqa: PTH116 - a path object would drop a slash at the end
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise NotUnderstoodError from error


def _contents(place: bytes) -> bytes:
    """Return what is in a file, which is nothing where none is.

    NotUnderstoodError if it is too long, or not the same for all who read it.
    """
    mode = _mode(place)
    if mode is None or stat.S_ISDIR(mode):
        return b""
    if not stat.S_ISREG(mode):
        raise NotUnderstoodError
    try:
        opened = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        # What the system does not let us read is no file to zsh either.
        return b""
    except OSError as error:
        raise NotUnderstoodError from error
    with os.fdopen(opened, "rb") as file:
        try:
            found = file.read(LONGEST + 1)
        except OSError as error:
            raise NotUnderstoodError from error
    if len(found) > LONGEST:
        raise NotUnderstoodError
    return found
