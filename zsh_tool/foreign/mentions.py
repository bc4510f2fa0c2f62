"""Find names in code, however they are written."""

import re
from typing import Final

_LONGEST_USE: Final = 256
"""Bytes. A longer use of a variable is taken to give it a value."""
_SIGN: Final = re.compile(rb"[}=]")


def unquoted(code: bytes) -> bytes:
    """Return code without what quotes in it, so that a word stands together however it is written."""
    return code.replace(b"\\\n", b"").translate(None, b"\\'\"")


def mentions(code: bytes, variable: bytes) -> int:
    """Return how often code has the name of a variable but to use its value."""
    named = re.compile(rb"(?<![A-Za-z0-9_])%b(?![A-Za-z0-9_])" % re.escape(variable))
    return sum(not _is_use(code, *found.span()) for found in named.finditer(code))


def _is_use(code: bytes, start: int, end: int) -> bool:
    before = code[max(start - 2, 0) : start]
    if before != b"${":
        return before.endswith(b"$")
    # As in `${HOME:=/}`, which is not understood where it is longer.
    sign = _SIGN.search(code, end, end + _LONGEST_USE)
    return sign is not None and sign[0] == b"}"
