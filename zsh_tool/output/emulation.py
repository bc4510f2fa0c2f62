"""The library's terminal with what it lacks, and without what it stumbles over or takes minutes for.

Loading it takes as long as a whole command: it is imported where a screen is drawn, not before.
"""

import re
import time
import unicodedata
from collections.abc import Callable
from itertools import groupby
from typing import Any, Final

import pyte
from pyte.charsets import LAT1_MAP
from pyte.screens import Char, wcwidth

from zsh_tool.output.text import STRING

_C1: Final = re.compile("[\x84\x85\x88\x8d\x9b]")
"""Those controls of eight bits that the library knows in their form of seven (ECMA-48, 5.3); CSI is one."""
_ESCAPE: Final = re.compile(
    r"\x1b\[([<-?!]?)([0-9;]*+)[0-9;:]*+([ -/]*+)([@-~])"
    r"|\x1b\[[0-?]*+[ -/]*+[@-~]?"  # breaks the rule, or is cut off
    rf"|{STRING}"
    r"|\x1b#8(?=\x1b#8)"  # fills the screen again
    r"|(\x1b(?:[78DEHMc]|[()][0-~]|#8))"
    r"|\x1b[ -/]*+[0-~]?"
)
_NUMBERS_TAKEN: Final = {
    **dict.fromkeys("su", 0),
    **dict.fromkeys("@ABCDEFGJKLMPSTXabdeg`", 1),
    **dict.fromkeys("Hfr", 2),
    **dict.fromkeys("hl", 16),
}
"""What moves, writes or erases, and how many numbers the library lets each have."""
_ADDED: Final = {
    "S": "scroll_up",
    "T": "scroll_down",
    "b": "repeat",
    "s": "save_position",
    "u": "restore_position",
}
_PRIVATE: Final = "hlJK"
_MODES: Final = {"": ("4", "20"), "?": ("6", "7")}
"""Those that change where text goes: insertion, newline; origin and wrapping. All others cost time only."""
_DIGITS_MAX: Final = 5
_CELL_MAX: Final = 8
"""Characters in one cell: no script has more marks on a letter, and each is worked in by a copy of all."""
_SLICE: Final = 256
"""So many characters are fed between two looks at the clock: none take more than a fraction of a second."""
_LOOKS_ONLY: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors: how the character before them is drawn."""


def cells(text: str, rows: int, cols: int, deadline: float) -> list[list[str]]:
    """Return what each cell of a terminal of this size holds after ``text``; "" behind a wide character.

    Raises TimeoutError when ``deadline``, on the monotonic clock, has passed.
    """
    screen = _Screen(cols, rows)
    stream = _Stream(screen)
    understood = _understood(text)
    for start in range(0, len(understood), _SLICE):
        if time.monotonic() > deadline:
            raise TimeoutError
        stream.feed(understood[start : start + _SLICE])
    return [[screen.buffer[row][column].data for column in range(cols)] for row in range(rows)]


class _Screen(pyte.Screen):
    """Holds text alone: no attribute of it is ever asked for."""

    def __init__(self, columns: int, lines: int) -> None:
        self._last = ""
        super().__init__(columns, lines)

    def reset(self) -> None:
        """Begin as xterm does: with ASCII in both sets, so that a stray SO changes nothing."""
        super().reset()
        self.g1_charset = LAT1_MAP

    def define_charset(self, code: str, mode: str) -> None:
        """Know line drawing; every other set is taken for ASCII, since the text is Unicode."""
        super().define_charset("0" if code == "0" else "B", mode)

    def draw(self, data: str) -> None:
        """Draw also what follows a character without width, at which the library breaks off."""
        if data.isascii() and data.isprintable():
            self._draw(data)
            return
        for takes_room, run in groupby(data, lambda character: wcwidth(character) > 0):
            if takes_room:
                self._draw("".join(run))
            else:
                for mark in run:
                    self._combine(mark)

    def repeat(self, count: int = 1) -> None:
        """Draw the last character again (REP), a row of it at most: programs draw lines and fillings by it."""
        self.draw(self._last * min(count or 1, self.columns))

    def scroll_up(self, count: int = 1) -> None:
        """Move the lines within the margins up, not the cursor (SU)."""
        self._scroll(self.delete_lines, count)

    def scroll_down(self, count: int = 1) -> None:
        """Move the lines within the margins down, not the cursor (SD)."""
        self._scroll(self.insert_lines, count)

    def save_position(self, _: int = 0) -> None:
        """Save the cursor (SCOSC)."""
        self.save_cursor()

    def restore_position(self, _: int = 0) -> None:
        """Take the cursor back to where it was saved (SCORC)."""
        self.restore_cursor()

    def save_cursor(self) -> None:
        """Keep one position, as terminals do; the library keeps a stack."""
        self.savepoints.clear()
        super().save_cursor()

    def restore_cursor(self) -> None:
        """Leave the saved position where it is: it may be gone back to again."""
        saved = bool(self.savepoints)
        super().restore_cursor()
        if saved:
            self.save_cursor()

    def cursor_to_line(self, line: int | None = None) -> None:
        """Move within the column also in origin mode without margins, where the library fails."""
        self.cursor_position(line, self.cursor.x + 1)

    def delete_lines(self, count: int | None = None) -> None:
        """Delete lines also where those below were never written, which the library leaves in place."""
        self.buffer.update({row: self.buffer[row] for row in range(self.lines)})
        super().delete_lines(count)

    def erase_in_display(self, how: int = 0, *_args: Any, **_kwargs: Any) -> None:
        """Erase whole rows by dropping them: a program may do it a hundred thousand times."""
        below, above = range(self.cursor.y + 1, self.lines), range(self.cursor.y)
        for row in {0: below, 1: above}.get(how, range(self.lines)):
            self.buffer.pop(row, None)
        if how in (0, 1):
            self.erase_in_line(how)

    def alignment_display(self) -> None:
        """Fill the screen (DECALN) row by row: cell by cell it takes milliseconds."""
        full = dict.fromkeys(range(self.columns), Char("E"))
        for row in range(self.lines):
            self.buffer[row].update(full)

    def _draw(self, text: str) -> None:
        super().draw(text)
        self._last = text[-1:]

    def _combine(self, mark: str) -> None:
        """Put a mark on the character before the cursor; what only controls the drawing is left out."""
        if unicodedata.category(mark)[0] not in "ML" or _LOOKS_ONLY.match(mark) or not self.cursor.x:
            return
        row, column = self.buffer[self.cursor.y], self.cursor.x - 1
        cell = row[column]
        if len(cell.data) < _CELL_MAX:
            row[column] = cell._replace(data=unicodedata.normalize("NFC", cell.data + mark))

    def _scroll(self, move: Callable[[int], None], count: int) -> None:
        x, y = self.cursor.x, self.cursor.y
        self.cursor.y = self.margins.top if self.margins else 0
        move(count)
        self.cursor.x, self.cursor.y = x, y


class _Stream(pyte.Stream):
    """Also knows the sequences that the library's does not."""

    def __init__(self, screen: _Screen) -> None:
        self.csi = {**self.csi, **_ADDED}
        super().__init__(screen)
        # With it the library leaves out the switches to line drawing.
        self.use_utf8 = False


def _understood(text: str) -> str:
    """Leave out the control sequences that change no text, and what the library would stumble over in others.

    It raises where a sequence has a private mark or more numbers than its function takes, as those of
    editors do; and it shows what stands in strings for other programs.
    """
    return _ESCAPE.sub(_plain_escape, _C1.sub(_seven_bits, text))


def _seven_bits(control: re.Match[str]) -> str:
    return f"\x1b{chr(ord(control[0]) - 0x40)}"


def _plain_escape(found: re.Match[str]) -> str:
    mark, numbers, between, name, short = found.groups()
    if name is None:
        return short or ""
    if between or name not in _NUMBERS_TAKEN or (mark and (mark != "?" or name not in _PRIVATE)):
        return ""
    taken = [one if len(one) < _DIGITS_MAX else "9999" for one in numbers.split(";")][: _NUMBERS_TAKEN[name]]
    if name in "hl":
        taken = [one for one in taken if one in _MODES[mark]]
    elif name in "JK":
        mark, taken = "", [one for one in taken if one in ("", "0", "1", "2", "3")]
        if name == "K" and taken == ["3"]:
            return ""
    elif name in "su" and not numbers:
        return f"\x1b[{name}"
    return f"\x1b[{mark}{';'.join(taken)}{name}" if taken else ""
