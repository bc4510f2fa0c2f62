"""A terminal's screen, as a person would see it."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from zsh_tool.output.reduced import Reduced
from zsh_tool.output.store import OutputStore

_REPLAYED_MAX: Final = 256 << 10
"""A screen is made by its last few redraws; more would take seconds to replay."""
_LINES_REPLAYED_MAX: Final = 10_000
"""Scrolling is what costs the library most."""
_SWITCH_MAX: Final = 8
"""No switch is longer, so that one cut in two by a look is found by the next."""
_ALTERNATE: Final = re.compile(rb"\x1b\[\?(?:1049|1047|47)([hl])")
_CONTROL: Final = re.compile(rb"\x1b\[([<-?!]?)([0-9;]*+)[0-9;:]*+([ -/]*+)([@-~])")
_NUMBERS_TAKEN: Final = {
    **dict.fromkeys((bytes([name]) for name in b"@ABCDEFGJKLMPXadeg`"), 1),
    **dict.fromkeys((b"H", b"f", b"r"), 2),
    **dict.fromkeys((b"h", b"l"), 16),
}
"""What moves, writes or erases, and how many numbers the library lets each have."""
_PRIVATE: Final = (b"h", b"l", b"J", b"K")
_DIGITS_MAX: Final = 5


def screen_of(store: OutputStore, rows: int, cols: int) -> Reduced:
    """Replay the end of a terminal's output. Blocks: call it in a thread."""
    total = store.total
    data = store.read(max(0, total - _REPLAYED_MAX), total)
    data = b"\n".join(data.rsplit(b"\n", _LINES_REPLAYED_MAX)[-_LINES_REPLAYED_MAX:])
    return Reduced(render_screen(data, rows, cols), end=total)


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
    """Return the rows that a terminal of this size would show after ``data``, without trailing blanks."""
    # Loading it takes as long as a whole command, and most servers never show a screen.
    import pyte  # noqa: PLC0415

    screen = pyte.Screen(cols, rows)
    stream = pyte.ByteStream(screen)
    stream.feed(_understood(_visible(data)))
    lines = [_row([screen.buffer[row][column].data for column in range(cols)]) for row in range(rows)]
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


def _understood(data: bytes) -> bytes:
    """Leave out the control sequences that change no text, and what the library would stumble over in others.

    It raises where a sequence has a private mark or more numbers than its function takes, as those of
    editors do.
    """
    return _CONTROL.sub(_plain_control, data)


def _plain_control(found: re.Match[bytes]) -> bytes:
    mark, numbers, between, name = found[1], found[2], found[3], found[4]
    if between or name not in _NUMBERS_TAKEN or (mark and (mark != b"?" or name not in _PRIVATE)):
        return b""
    taken = [one if len(one) < _DIGITS_MAX else b"9999" for one in numbers.split(b";")]
    if name in b"JK":
        mark, taken = b"", [one for one in taken[:1] if one in (b"", b"0", b"1", b"2", b"3")]
        if not taken or (name == b"K" and taken[0] == b"3"):
            return b""
    return b"\x1b[" + mark + b";".join(taken[: _NUMBERS_TAKEN[name]]) + name


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
