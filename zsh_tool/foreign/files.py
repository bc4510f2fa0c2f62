"""Find the code in the files that a shell reads.

Places are bytes as the shell has them: a slash at the end, or a dot behind it, asks for a directory.
"""

import os
import re
import stat
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from zsh_tool.foreign.names import SPECIAL
from zsh_tool.foreign.words import NotUnderstoodError

LONGEST: Final = 1 << 20
"""Bytes. A longer file is not searched, and taken to set traps."""
_SIGN: Final = re.compile(rb"[\x84-\x9a]")
_SIGN_BEFORE_WORD: Final = re.compile(rb"[\x84-\x9a][\x21-\x7e\x84-\xff]")
_LONG_WORD: Final = re.compile(rb"[\x21-\x7e]{4,}")


def own_file(env: Mapping[bytes, bytes], cwd: bytes) -> bytes:
    """Return the caller's own start-up file. NotUnderstoodError if it cannot be looked at."""
    folder = env.get(b"ZDOTDIR", env.get(b"HOME"))
    return b"" if folder is None else code_at(joined(joined(cwd, folder), b".zshenv"))


def code_at(place: bytes) -> bytes:
    """Return the code that a shell would find there, which is nothing where no file is.

    NotUnderstoodError if it is for the shell alone to read, as from a pipe.
    """
    parts = parts_of(place)
    if parts == (b"/", b"dev", b"null"):
        return b""
    compiled, code = _contents(compiled_form(place)), _contents(place)
    name = parts[-1] if parts else b""
    is_compiled = name.endswith(b".zwc") and name != b".zwc"
    if is_compiled or _shows_more(compiled):
        raise NotUnderstoodError
    return code


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
    if _mode(place) is None:
        return None
    try:
        return os.path.realpath(place, strict=True)
    except OSError:
        return None


def is_file(place: bytes) -> bool:
    """Tell whether a file is there."""
    return stat.S_ISREG(_mode(place) or 0)


def _mode(place: bytes) -> int | None:
    # What the system finds too long, or no name at all, is not there either.
    with suppress(OSError, ValueError):
        return os.stat(place).st_mode  # noqa: PTH116 - a path object would drop a slash at the end
    return None


def _contents(place: bytes) -> bytes:
    """Return what is in a file, which is nothing where none is.

    NotUnderstoodError if it is too long, or not the same for all who read it.
    """
    mode = _mode(place)
    if mode is None:
        return b""
    real = real_place(place)
    # A pipe or the like has no name.
    if real is None or parts_of(real)[:2] in {(b"/", b"dev"), (b"/", b"proc")}:
        raise NotUnderstoodError
    if stat.S_ISDIR(mode):
        return b""
    if not stat.S_ISREG(mode):
        raise NotUnderstoodError
    try:
        opened = os.open(real, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # What the system does not let us read is no file to zsh either.
        return b""
    with os.fdopen(opened, "rb") as file:
        try:
            found = file.read(LONGEST + 1)
        except OSError as error:
            raise NotUnderstoodError from error
    if len(found) > LONGEST:
        raise NotUnderstoodError
    return found


def _shows_more(compiled: bytes) -> bool:
    """Tell whether compiled code may run other code.

    Its words stand in it as they are, but for signs such as ``$``, which are bytes of their own, and words of up to
    three bytes, which are numbers (``ecstrcode`` in zsh's ``parse.c``): 2 or 3, and their bytes from the fourth bit on.
    """
    if _SIGN_BEFORE_WORD.search(compiled) or b"trap" in compiled:
        return True
    if not SPECIAL.isdisjoint(_LONG_WORD.findall(compiled)):
        return True
    count = len(compiled) // 4
    numbers = set(struct.unpack_from(f"<{count}I", compiled))
    short = (number >> 3 for number in numbers if number & 7 in {2, 3} and number < 1 << 27)
    words = {number.to_bytes(4, "little").split(b"\0")[0] for number in short}
    return any(word and (word in SPECIAL or _SIGN.search(word)) for word in words)
