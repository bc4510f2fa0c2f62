"""A terminal's screen, as a person would see it."""

import logging
import re
import time
import unicodedata
from collections.abc import Sequence
from typing import Final

from zsh_tool.output.reduced import Reduced
from zsh_tool.output.store import OutputStore
from zsh_tool.output.text import plain_lines

_REPLAYED_MAX: Final = 256 << 10
"""A screen is made by its last few redraws; more would take seconds to replay."""
_LINES_REPLAYED_MAX: Final = 10_000
"""Scrolling is what costs the library most."""
_SWITCH_MAX: Final = 8
"""No switch is longer, so that one cut in two by a look is found by the next."""
_ALTERNATE: Final = re.compile(rb"(?:\x1b\[|\xc2\x9b)\?(?:1049|1047|47)([hl])")
_DRAWING_MAX_SECS: Final = 10.0
"""Seconds that a replay may take. Real ones take half a one; a call is answered within 45."""
NOT_DRAWN: Final = "the screen could not be drawn: these are the last lines, as plain text"

_LOG: Final = logging.getLogger(__name__)


class NotDrawnError(Exception):
    """The emulation failed on what a program sent, or took too long for it."""


def screen_of(store: OutputStore, rows: int, cols: int) -> Reduced:
    """Replay the end of a terminal's output. Blocks: call it in a thread."""
    total = store.total
    data = store.read(max(0, total - _REPLAYED_MAX), total)
    data = b"\n".join(data.rsplit(b"\n", _LINES_REPLAYED_MAX)[-_LINES_REPLAYED_MAX:])
    try:
        return Reduced(render_screen(data, rows, cols), end=total)
    except NotDrawnError:
        _LOG.warning("a screen is shown as plain text", exc_info=True)
        return Reduced("\n".join(plain_lines(data)[-rows:]), notes=(NOT_DRAWN,), end=total)


class AlternateScreen:
    """Follows, from look to look, whether a program has taken over the whole screen."""

    def __init__(self) -> None:
        self._entered: int | None = None
        self._seen = 0

    def since(self, store: OutputStore) -> int | None:
        """Return where in the output a program that is still at it took over; None if none is."""
        total = store.total
        first = max(0, self._seen - _SWITCH_MAX, total - _REPLAYED_MAX)
        for switch in _ALTERNATE.finditer(store.read(first, total)):
            if switch[1] == b"l":
                self._entered = None
            elif self._entered is None:
                self._entered = first + switch.start()
        self._seen = total
        return self._entered


def render_screen(data: bytes, rows: int, cols: int) -> str:
    """Return the rows that a terminal of this size would show after ``data``, without trailing blanks.

    Raises `NotDrawnError`.
    """
    # Loading the library takes as long as a whole command, and most servers never show a screen.
    from zsh_tool.output.emulation import cells  # noqa: PLC0415

    text = _visible(data).decode("utf-8", "replace")
    try:
        drawn = cells(text, rows, cols, time.monotonic() + _DRAWING_MAX_SECS)
    except Exception as error:  # the library's, which may be any: what a program prints must not fail a call
        raise NotDrawnError from error
    lines = [_row(row) for row in drawn]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    """Return the text of a row; the library's own way fails where a wide character was half overwritten."""
    text: list[str] = []
    wide = False
    for cell in cells:
        if cell or not wide:
            text.append(cell or " ")
        wide = bool(cell) and unicodedata.east_asian_width(cell[0]) in "WF"
    return "".join(text).rstrip()


def _visible(data: bytes) -> bytes:
    """Leave out what was drawn on an alternate screen that was left again: the library has only one."""
    kept: list[bytes] = []
    at = 0
    inside = False
    for switch in _ALTERNATE.finditer(data):
        if switch[1] == b"h" and not inside:
            kept.append(data[at : switch.start()])
            inside = True
            at = switch.end()
        elif switch[1] == b"l":
            if not inside:
                kept.append(data[at : switch.start()])
            inside = False
            at = switch.end()
    rest = data[at:]
    return b"\x1bc" + rest if inside else b"".join(kept) + rest
