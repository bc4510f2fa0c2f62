"""Tell what the compiled form of code may do by its words alone."""

import re
import struct
from typing import Final

from zsh_tool.foreign.names import CODE, SPECIAL, TABLES
from zsh_tool.foreign.words import NotUnderstoodError

_QUOTES: Final = bytes(range(0x9D, 0xA2))
"""What quotes in a word (``Snull`` to ``Nularg`` in zsh's ``zsh.h``)."""
_SIGN: Final = re.compile(rb"[\x84-\x9c]")
"""The other signs, such as ``$`` and ``*``."""
_SIGN_BEFORE_WORD: Final = re.compile(rb"[\x84-\x9c][\x21-\x7e\x84-\x9c]")
_WORD: Final = re.compile(rb"[\x21-\x7e]+")
_LONGEST_SHORT: Final = 3
"""Bytes of a word that is kept as a number."""
_CODE: Final = (SPECIAL | TABLES | CODE | {b"argv"}) - {b""}
"""Words that run code or define commands, should they stand where that is done."""


def compiled_words(compiled: bytes) -> bytes:
    """Return the words of compiled code without what quotes in them, a line each.

    NotUnderstoodError if it may run other code. They stand in it as they are, but for signs, which are bytes of their
    own, and words of up to three bytes, which are numbers (``ecstrcode`` in zsh's ``parse.c``): 2 or 3, and their bytes
    from the fourth bit on.
    """
    words = []
    numbers = struct.unpack_from(f"<{len(compiled) // 4}I", compiled)
    for number in numbers:
        if number & 7 not in {2, 3} or number >= 1 << 27:
            continue
        word = (number >> 3).to_bytes(4, "little").split(b"\0")[0].translate(None, _QUOTES)
        if word in _CODE or _SIGN.search(word):
            raise NotUnderstoodError
        words.append(word)
    for piece in compiled.split(b"\0"):
        plain = piece.translate(None, _QUOTES)
        # Among numbers a short one is there by chance.
        least = 1 if len(plain) < len(piece) else _LONGEST_SHORT + 1
        runs = any(len(word) >= least and word in _CODE for word in _WORD.findall(plain))
        if runs or _SIGN_BEFORE_WORD.search(plain) or b"trap" in plain:
            raise NotUnderstoodError
        words.append(plain)
    return b"\n".join([*words, b""])
