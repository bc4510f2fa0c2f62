"""Search kept output line by line, for a bounded time whatever the expression is."""

import time
from dataclasses import dataclass, field
from typing import Final

from zsh_tool.expressions import Expression, Match
from zsh_tool.output.reduce import budget
from zsh_tool.output.reduced import Reduced
from zsh_tool.output.store import OutputStore
from zsh_tool.output.text import clip_around, plain, plain_lines
from zsh_tool.output.window import gap_note, line_blocks

_LIMIT_SECS: Final = 2.0
_BRIEF_SECS: Final = 0.005
_LINE_MAX: Final = 1000


@dataclass
class _Found:
    room: int
    lines: list[str] = field(default_factory=list)
    count: int = 0
    next_line: int | None = None
    last: int = 0

    def add(self, number: int, text: str, match: Match) -> None:
        if number == self.last:
            # A line of many megabytes comes in pieces.
            return
        self.last = number
        self.count += 1
        line = f"{number}: {clip_around(text, match.start(), match.end(), _LINE_MAX)}"
        self.room -= len(line) + 1
        if self.room >= 0:
            self.lines.append(line)
        elif self.next_line is None:
            self.next_line = number
            self.room = -1


def search(store: OutputStore, expression: Expression, start: int, end: int, max_chars: int) -> Reduced:
    """Return the matching lines between two offsets as ``N: text``. Blocks: call it in a thread."""
    found = _Found(budget(max_chars))
    deadline = time.monotonic() + _LIMIT_SECS
    stopped: int | None = None
    notes = []
    for first, last in store.ranges(start, end):
        for block, line in line_blocks(store, first, last):
            stopped = _search_block(expression, block, line, found, deadline)
            if stopped is not None:
                break
    gap = store.gap()
    if gap and start < gap[1] and end > gap[0]:
        notes += [f"{note} and were not searched" for note in gap_note(store, *gap)]
    if stopped is not None:
        notes.append(
            f"the search took too long and stopped in line {stopped}: "
            f'simplify it, or go on with lines="{stopped + 1}-"'
        )
    if found.next_line is not None:
        notes.append(
            f'{found.count} lines match, {len(found.lines)} shown; go on with lines="{found.next_line}-"'
        )
    elif not found.count:
        notes.append("no line matches" if stopped is None else "no line matched before that")
    return Reduced("\n".join(found.lines), bool(found.next_line or stopped), tuple(notes))


def _search_block(
    expression: Expression, block: bytes, first_line: int, found: _Found, deadline: float
) -> int | None:
    """Search one block; return the line at which time ran out, if it did."""
    number = first_line
    try:
        if _whole_block_decides(expression.pattern):
            left = _left(deadline)
            if not expression.search(plain(block).replace("\r", "\n"), timeout=left, concurrent=True):
                return None
        for number, text in enumerate(plain_lines(block), first_line):
            if match := _match(expression, text, deadline):
                found.add(number, text, match)
    except TimeoutError:
        return number
    return None


def _match(expression: Expression, text: str, deadline: float) -> Match | None:
    """Search one line: a moment with the interpreter to itself, then beside the rest of the server."""
    try:
        return expression.search(text, timeout=min(_BRIEF_SECS, _left(deadline)))
    except TimeoutError:
        return expression.search(text, timeout=_left(deadline), concurrent=True)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _whole_block_decides(pattern: str) -> bool:
    """Tell whether a block without a match surely has no line with one.

    Lookarounds and anchors of the whole text see a line's neighbours, so they have to be tried line by line.
    """
    return "(?" not in pattern.removeprefix("(?i)") and "\\" not in pattern
