"""Search kept output line by line, for a bounded time whatever the expression is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from zsh_tool.expressions import Expression, Match
from zsh_tool.output.reduce import budget
from zsh_tool.output.reduced import Reduced
from zsh_tool.output.store import OutputStore
from zsh_tool.output.text import clip_around, last_state, plain
from zsh_tool.output.window import gap_note, line_blocks

_LIMIT_SECS: Final = 2.0
_BRIEF_SECS: Final = 0.005
_LINE_MAX: Final = 1000
_GOES_ON: Final = "\ufffd"


@dataclass(frozen=True)
class _Block:
    """Some lines of output; of a line of megabytes, a piece."""

    data: bytes
    first_line: int
    inside: bool
    """Whether it begins inside a line: an expression then sees a character before, for ``^`` not to match."""
    cut: bool
    """Whether its last line goes on: an expression then sees a character after, for ``$`` not to match."""

    def lines(self) -> list[str]:
        """Return the lines as they were drawn, every state of each."""
        lines = plain(self.data).split("\n")
        if self.cut:
            lines[-1] += _GOES_ON
        elif not lines[-1]:
            lines.pop()
        return lines


@dataclass
class _Found:
    room: int
    lines: list[str] = field(default_factory=list)
    count: int = 0
    next_line: int | None = None
    last: int = 0

    def add(self, number: int, text: str, match: Match, *, inside: bool, cut: bool) -> None:
        if number == self.last:
            # A line of many megabytes comes in pieces.
            return
        self.last = number
        self.count += 1
        shown = clip_around(text, match.start(), match.end(), _LINE_MAX, inside=inside, cut=cut)
        line = f"{number}: {shown}"
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
        for block in _blocks(store, first, last):
            stopped = _search_block(expression, block, found, deadline)
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


def _blocks(store: OutputStore, start: int, end: int) -> Iterator[_Block]:
    inside = False
    held: tuple[bytes, int] | None = None
    for following in line_blocks(store, start, end):
        if held is not None:
            cut = not held[0].endswith(b"\n")
            yield _Block(*held, inside, cut)
            inside = cut
        held = following
    if held is not None:
        yield _Block(*held, inside, False)


def _search_block(expression: Expression, block: _Block, found: _Found, deadline: float) -> int | None:
    """Search one block; return the line at which time ran out, if it did."""
    number = block.first_line
    try:
        if _whole_block_decides(expression.pattern):
            left = _left(deadline)
            if not expression.search(_every_state(plain(block.data)), timeout=left, concurrent=True):
                return None
        for number, text in enumerate(block.lines(), block.first_line):
            inside = block.inside and number == block.first_line
            after = 1 if inside else 0
            if "\r" not in text:
                match = _match(expression, text, after, deadline)
            else:
                text, match = _match_redrawn(expression, text, after, deadline)
            if match:
                shown = text.removesuffix(_GOES_ON) if block.cut else text
                found.add(number, shown, match, inside=inside, cut=block.cut)
    except (TimeoutError, MemoryError):
        return number
    return None


def _match_redrawn(
    expression: Expression, text: str, after: int, deadline: float
) -> tuple[str, Match | None]:
    """Search a line that was redrawn: what it came to, then also what it showed before."""
    last = last_state(text)
    if match := _match(expression, last, 0, deadline):
        return last, match
    every = _every_state(text)
    match = _match(expression, every, after, deadline)
    if match is None:
        return last, None
    start = every.rfind("\n", 0, match.start()) + 1
    state = every[start:].partition("\n")[0]
    return state, _match(expression, state, 0, deadline)


def _every_state(text: str) -> str:
    return text.replace("\r", "\n")


def _match(expression: Expression, text: str, after: int, deadline: float) -> Match | None:
    """Search one line: a moment with the interpreter to itself, then beside the rest of the server."""
    try:
        return expression.search(text, after, timeout=min(_BRIEF_SECS, _left(deadline)))
    except TimeoutError:
        return expression.search(text, after, timeout=_left(deadline), concurrent=True)


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
