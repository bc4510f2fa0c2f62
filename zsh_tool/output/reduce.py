"""Cut output down to what fits a reply, keeping what matters: its head, its tail, and lines about errors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from zsh_tool.output.errors import ErrorLines
from zsh_tool.output.reduced import DEFAULT_CHARS, MAX_CHARS, Reduced
from zsh_tool.output.text import binary_stretches, binary_summary, clip, looks_binary, plain_lines

HEAD_SHARE, TAIL_SHARE, ERROR_SHARE = 0.25, 0.60, 0.15
_MIN_CHARS = 200
_CLIP_CHARS = 2000
_REMARK_CHARS = 110
"""Kept free for the line that says what is missing, with large numbers in it."""
_SAME_LINES_SHOWN = 3
"""Up to this many equal lines in a row are left alone: a remark would cost as much."""


@dataclass(frozen=True)
class Line:
    """A line of output, a run of equal ones, or a run that is not text."""

    number: int
    text: str
    times: int = 1
    summed_up: bool = False
    """Whether the text stands for the run instead of being each of its lines."""

    @property
    def last(self) -> int:
        """The number of the last line of the run."""
        return self.number + self.times - 1

    def shown(self) -> str:
        """Return the line as it stands in a reply."""
        if self.summed_up:
            return self.text
        if self.times <= _SAME_LINES_SHOWN:
            return "\n".join([self.text] * self.times)
        return f"{self.text}\n[the line above {self.times - 1:,} more times]"

    def clipped(self, limit: int) -> "Line":
        """Return the line with its text shortened."""
        return replace(self, text=clip(self.text, limit))


def numbered(texts: Iterable[str], first: int, *, collapse: bool = True) -> list[Line]:
    """Give lines their numbers, from ``first`` on; runs of exactly equal ones become one."""
    if not collapse:
        return [Line(number, text) for number, text in enumerate(texts, first)]
    lines: list[Line] = []
    run, start, number = "", first, first - 1
    for number, text in enumerate(texts, first):
        if number > start and text != run:
            lines.append(Line(start, run, number - start))
            start = number
        run = text
    if number >= start:
        lines.append(Line(start, run, number - start + 1))
    return lines


def lines_of(data: bytes, first: int, *, collapse: bool = True) -> list[Line]:
    """Return the lines of output that begins with line ``first``; what is not text among them is summed up."""
    lines: list[Line] = []
    at = 0
    for start, end in (*binary_stretches(data), (len(data), len(data))):
        lines += numbered(plain_lines(data[at:start]), first, collapse=collapse)
        first += data.count(b"\n", at, start)
        if start < end:
            summary = binary_summary(data[start:end], end - start)
            newlines = data.count(b"\n", start, end)
            unfinished = data[end - 1 : end] != b"\n"
            lines.append(Line(first, summary, newlines + unfinished, summed_up=True))
            first += newlines
        at = end
    return lines


def budget(max_chars: int) -> int:
    """Return the number of characters that a reply may use for output."""
    return max(_MIN_CHARS, min(max_chars, MAX_CHARS))


def reduce_output(
    data: bytes | str, max_chars: int = DEFAULT_CHARS, first_line: int = 1, *, collapse: bool = True
) -> Reduced:
    """Make output that is at hand fit for a reply, as `view.delta` does with a store."""
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    if looks_binary(raw):
        return Reduced(binary_summary(raw, len(raw)), truncated=True, end=len(raw))
    lines = lines_of(raw, first_line, collapse=collapse)
    limit = budget(max_chars)
    if fits(lines, limit):
        return Reduced(joined(lines), any(line.summed_up for line in lines), end=len(raw))
    if (shortened := _shortened(lines, limit)) is not None:
        return Reduced(joined(shortened), True, ("long lines are cut inside; grep shows parts",), len(raw))
    errors = ErrorLines()
    head, tail, rest = head_and_tail(lines, lines, limit)
    errors.add_lines((line.number, line.text) for line in rest)
    return Reduced(assembled(head, tail, errors, limit, last=lines[-1].last), True, end=len(raw))


def _shortened(lines: Sequence[Line], limit: int) -> list[Line] | None:
    """Shorten the longest lines as little as is needed for all to fit; None if lines have to go."""
    short, long = line_limit(limit), limit
    if not fits(lines, limit, short):
        return None
    while long - short > 1:
        middle = (short + long) // 2
        short, long = (middle, long) if fits(lines, limit, middle) else (short, middle)
    return [line.clipped(short) for line in lines]


def line_limit(limit: int) -> int:
    """Return how long a single line may be in a cut of ``limit`` characters."""
    return min(_CLIP_CHARS, limit // 5)


def fits(lines: Sequence[Line], limit: int, longest: int | None = None) -> bool:
    """Tell whether all lines can be shown, each shortened to ``longest``."""
    room = limit
    for whole in lines:
        line = whole if longest is None else whole.clipped(longest)
        room -= len(line.shown()) + 1
        if room < -1:
            return False
    return True


def joined(lines: Sequence[Line]) -> str:
    """Return the text of whole lines."""
    return "\n".join(line.shown() for line in lines)


def head_and_tail(
    first: Sequence[Line], last: Sequence[Line], limit: int
) -> tuple[list[Line], list[Line], list[Line]]:
    """Take the head from ``first`` and the tail from ``last``; also return what neither took of both.

    The two are the same sequence, or the beginning and the end of something with more between them.
    """
    longest = line_limit(limit)
    limit -= _REMARK_CHARS
    head = _taken(first, int(limit * HEAD_SHARE), longest)
    candidates = last[len(head) :] if last is first else last
    tail = _taken(list(reversed(candidates)), int(limit * TAIL_SHARE), longest)[::-1]
    if last is first:
        return head, tail, list(first[len(head) : len(first) - len(tail)])
    return head, tail, [*first[len(head) :], *last[: len(last) - len(tail)]]


def assembled(
    head: Sequence[Line], tail: Sequence[Line], errors: ErrorLines, limit: int, size: str = "", *, last: int
) -> str:
    """Put head, lines about errors and tail together in ``limit`` characters; say how to read the rest.

    ``last`` is the number of the last line of all.
    """
    found = errors.best(int((limit - _REMARK_CHARS) * ERROR_SHARE))
    while True:
        middle = _remark(head, tail, found, size, last)
        text = "\n".join(part for part in (joined(head), middle, joined(tail)) if part)
        if len(text) <= limit or not found:
            return text
        found = found[:-1]


def _remark(
    head: Sequence[Line], tail: Sequence[Line], errors: Sequence[tuple[int, str]], size: str, last: int
) -> str:
    first = head[-1].last + 1 if head else 1
    last = tail[0].number - 1 if tail else last
    if first > last:
        return f"[the middle of line {last + 1} cut{size}; grep shows parts of it]" if size else ""
    cut = f'[lines {first}-{last} cut{size}; read them with lines="{first}-{last}" or grep'
    if not errors:
        return cut + "]"
    found = "\n".join(f"{number}: {text}" for number, text in errors)
    shown = f"{cut}; what looks like errors there:]\n{found}"
    return f"{shown}\n[from line {last + 1} on:]" if tail else shown


def _taken(lines: Sequence[Line], room: int, longest: int) -> list[Line]:
    taken = []
    for whole in lines:
        line = whole.clipped(longest)
        room -= len(line.shown()) + 1
        if room < 0:
            break
        taken.append(line)
    return taken
