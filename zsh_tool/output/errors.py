"""Find the lines of a long output that look like errors."""

import re
from collections.abc import Iterable
from typing import Final

from zsh_tool.output.text import clip_around, looks_binary, plain_lines

_HINTS: Final = (
    b"error",
    b"fail",
    b"fatal",
    b"panic",
    b"exception",
    b"traceback",
    b"abort",
    b"denied",
    b"not found",
    b"no such",
    b"cannot",
    b"could not",
    b"undefined",
    b"refused",
    b"timed out",
    b"segmentation",
    b"killed",
)
"""Searched by plain find on lowered blocks: many times faster than one expression with alternatives."""
_STRONG: Final = re.compile(
    r"(?:^|[^\w-])(?:\w*(?:error|exception|failure)|fatal|failed|fail|panic|panicked|traceback)"
    r"(?:\[\w+\])?(?:\s*[:(!]|\s*$)"
    r"|^(?:E   |FAIL|ERROR)|undefined reference|panicked at|segmentation fault|core dumped"
    r"|permission denied|no such file|command not found",
    re.IGNORECASE,
)
_WEAK: Final = re.compile("|".join(hint.decode() for hint in _HINTS), re.IGNORECASE)
_CANDIDATES_MAX: Final = 400
_HITS_PER_BLOCK: Final = 200
_LINE_MAX: Final = 300
_CONTEXT_BYTES: Final = 1000


class ErrorLines:
    """Collects candidates, bounded, and gives the best that fit."""

    def __init__(self) -> None:
        self._strong: dict[str, int] = {}
        self._weak: dict[str, int] = {}

    def add_lines(self, lines: Iterable[tuple[int, str]]) -> None:
        """Look at lines that are already text."""
        for number, text in lines:
            self._add(number, text)

    def scan(self, block: bytes, first_line: int) -> None:
        """Look at a block of raw output that begins with line ``first_line``."""
        line, counted = first_line, 0
        for at in _hits(block):
            start = block.rfind(b"\n", 0, at) + 1
            if start < counted:
                continue
            line += block.count(b"\n", counted, start)
            end = block.find(b"\n", at)
            end = len(block) if end < 0 else end
            first = _character_start(block, max(start, at - _CONTEXT_BYTES))
            last = _character_start(block, min(end, at + _CONTEXT_BYTES), -1)
            if not looks_binary(raw := block[first:last]):
                self._add(line, " ".join(plain_lines(raw)), inside=first > start, cut=last < end)
            line, counted = line + 1, end + 1

    def best(self, room: int) -> list[tuple[int, str]]:
        """Return numbered lines within ``room`` characters, the likelier ones first chosen."""
        chosen = []
        for text, number in (*self._strong.items(), *self._weak.items()):
            room -= len(text) + len(str(number)) + 3
            if room < 0:
                break
            chosen.append((number, text))
        return sorted(chosen)

    def _add(self, number: int, text: str, *, inside: bool = False, cut: bool = False) -> None:
        text = text.strip()
        kind, found = self._strong, _STRONG.search(text)
        if found is None:
            kind, found = self._weak, _WEAK.search(text)
        if found is not None and len(kind) < _CANDIDATES_MAX:
            shown = text
            if len(text) > _LINE_MAX:
                shown = clip_around(text, found.start(), found.end(), _LINE_MAX, inside=inside, cut=cut)
            kind.setdefault(shown, number)


def _character_start(block: bytes, at: int, step: int = 1) -> int:
    """Return the nearest border of a UTF-8 character, of which three bytes at most continue it."""
    for _ in range(3):
        if at < len(block) and block[at] & 0xC0 == 0x80:
            at += step
    return at


def _hits(block: bytes) -> list[int]:
    lowered = block.lower()
    found = []
    for hint in _HINTS:
        at = lowered.find(hint)
        for _ in range(_HITS_PER_BLOCK):
            if at < 0:
                break
            found.append(at)
            end = lowered.find(b"\n", at)
            at = lowered.find(hint, end) if end >= 0 else -1
    return sorted(found)
