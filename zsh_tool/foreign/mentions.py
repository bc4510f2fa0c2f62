"""Find names in code, however they are written."""

import re
from typing import Final

LONGEST_USE: Final = 256
"""Bytes. A longer use of a variable is taken to give it a value."""
_SIGN: Final = re.compile(rb"[}=]")
_NAME_BYTES: Final = frozenset(
    byte for byte in range(256) if byte >= 0x80 or chr(byte).isalnum() or byte == ord("_")
)
_COMMENTS: Final = re.compile(rb"(?:[ \t]*+(?:#[^\n]*+)?\n)*+")
_PROCESS: Final = re.compile(rb"[`(]|(?<!\|)(?:\|\|)*+\|(?!\|)|(?<!&)(?:&&)*+&(?!&)")
_RECKONS: Final = re.compile(
    rb"""\(\( | \(P | \$\[ | [^ \t\n;&|\[=/,]\[ | [ \t\n]-(?:[tv]|eq|ge|gt|le|lt|ne)[ \t\n] | [(!&|]-[tv][ \t\n]
    | (?<!\$)\{[A-Za-z0-9_\x80-\xff]*+\}[<>]
    | repeat(?![ ][0-9])""",
    re.DOTALL | re.VERBOSE,
)
_FLAGS_WITH_NUMBERS: Final = re.compile(rb"\([^)]*[lrI#]", re.DOTALL)
_NESTED: Final = re.compile(rb"(?:\([^)]*\)?)?[=^~#+]*\$", re.DOTALL)
_OFFSET: Final = re.compile(rb":(?![A-Za-z][:}])[^-=+?:#|*^]", re.DOTALL)


def unquoted(code: bytes) -> bytes:
    """Return code without what quotes in it, so that a word stands together however it is written."""
    return code.replace(b"\\\n", b"").translate(None, b"\\'\"")


def mentions(code: bytes, variable: bytes) -> int:
    """Return how often code has the name of a variable but to use its value."""
    count, at = 0, code.find(variable)
    while at >= 0:
        end = at + len(variable)
        count += _is_mention(code, at, end)
        at = code.find(variable, max(end, at + 1))
    return count


def _is_mention(code: bytes, start: int, end: int) -> bool:
    if end < len(code) and code[end] in _NAME_BYTES:
        return False
    if start and code[start - 1] in _NAME_BYTES:
        return _ends_option(code, start)
    return not _is_use(code, start, end)


def has_joined(code: bytes, variable: bytes) -> bool:
    """Tell whether code has the name of a variable behind an option, as in ``print -vHOME``."""
    at = code.find(variable)
    while at >= 0:
        end = at + len(variable)
        is_end = end == len(code) or code[end] not in _NAME_BYTES
        if is_end and at and code[at - 1] in _NAME_BYTES and _ends_option(code, at):
            return True
        at = code.find(variable, max(end, at + 1))
    return False


def _ends_option(code: bytes, end: int) -> bool:
    """Tell whether code up to here ends within an option."""
    at = end - 1
    while at >= 0 and code[at] in _NAME_BYTES:
        at -= 1
    return at >= 0 and code[at] in b"-+"


def _is_use(code: bytes, start: int, end: int) -> bool:
    before = code[max(start - 2, 0) : start]
    if before != b"${":
        return before.endswith(b"$")
    # As in `${HOME:=/}`, which is not understood where it is longer.
    sign = _SIGN.search(code, end, end + LONGEST_USE)
    return sign is not None and sign[0] == b"}"


def behind_comments(code: bytes) -> bytes:
    """Return code without the comments that it begins with, as many start-up files do."""
    comments = _COMMENTS.match(code)
    return code[comments.end() :] if comments else code


def has_process(code: bytes) -> bool:
    """Tell whether code may run something in a process of its own."""
    return _PROCESS.search(code) is not None


def reckons(plain: bytes) -> bool:
    """Tell whether code may take a value for an expression.

    That is in a calculation, a subscript, a comparison, a count, or by a name that is a value.
    """
    values = (found.end() for found in re.finditer(rb"\$\{", plain))
    return _RECKONS.search(plain) is not None or any(_takes_a_number(plain, start) for start in values)


def _takes_a_number(plain: bytes, start: int) -> bool:
    """Tell whether ``${…}`` has a flag or part that is a number, as for width or an offset, or gives a value."""
    end = plain.find(b"}", start, start + LONGEST_USE)
    # What is longer may have one.
    return (
        end < 0
        or plain.find(b"=", start, end) >= 0
        # Another one in its place may be followed by an offset.
        or _NESTED.match(plain, start, end) is not None
        or _FLAGS_WITH_NUMBERS.match(plain, start, end) is not None
        or _OFFSET.search(plain, start, end + 2) is not None
    )
