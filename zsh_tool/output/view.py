"""The ways to look at a task's output. All are safe on gigabytes and never block the loop for long."""

import asyncio
import re
from dataclasses import replace
from functools import partial
from typing import Final

from zsh_tool.expressions import BadExpressionError, Expression, compile_expression
from zsh_tool.output import screen as terminal
from zsh_tool.output.reduce import reduce_output
from zsh_tool.output.reduced import DEFAULT_CHARS, Reduced
from zsh_tool.output.search import search
from zsh_tool.output.store import OutputStore
from zsh_tool.output.window import show

__all__ = ["BadViewError", "check", "delta", "full", "grep", "lines", "screen", "terminal_delta"]

_INLINE_BYTES: Final = 64 << 10
"""Up to this much is read and reduced on the loop: a thread would cost more than it saves."""
_SPEC: Final = re.compile(
    r"\s*(?:(?P<first>\d{1,18})(?P<open>\s*-\s*(?P<last>\d{1,18})?)?|-\s*(?P<count>\d{1,18}))\s*"
)

_SPEC_SHOWN: Final = 40


class BadViewError(ValueError):
    """The lines or the expression asked for make no sense; the text says what would."""


async def delta(
    store: OutputStore,
    start: int,
    *,
    total: int | None = None,
    max_chars: int = DEFAULT_CHARS,
    final: bool = False,
) -> Reduced:
    """Show what was printed from ``start`` on, as far as ``total``, or all. ``final``: hold nothing back."""
    total = store.total if total is None else total
    if total == start:
        return Reduced("", end=start)
    look = partial(show, store, start, total, max_chars, final=final)
    return look() if total - start <= _INLINE_BYTES else await asyncio.to_thread(look)


async def terminal_delta(
    store: OutputStore,
    start: int,
    taken: terminal.AlternateScreen,
    size: tuple[int, int],
    *,
    max_chars: int = DEFAULT_CHARS,
    final: bool = False,
) -> Reduced:
    """Show what a terminal's program printed from ``start`` on; of one that draws the whole screen, that screen.

    What such a program sends is movement and repainting, which means nothing without the screen.
    """
    entered = taken.since(store)
    if entered is None or store.total == start:
        return await delta(store, start, max_chars=max_chars, final=final)
    before = await asyncio.to_thread(show, store, start, entered, max_chars) if entered > start else None
    drawn = await screen(store, *size, max_chars=max_chars)
    text = f"{before.text}\n{drawn.text}" if before is not None and before.text else drawn.text
    drawing = ("this program draws the whole screen, shown as it is now",)
    return replace(drawn, text=text, notes=drawn.notes if terminal.NOT_DRAWN in drawn.notes else drawing)


async def full(store: OutputStore, *, max_chars: int = DEFAULT_CHARS) -> Reduced:
    """Show everything that is kept, from the first byte on."""
    return await delta(store, 0, max_chars=max_chars, final=True)


def check(spec: str | None, pattern: str | None) -> None:
    """Raise `BadViewError` if these lines or this expression could not be shown of any output."""
    if spec is not None:
        _parsed(spec)
    if pattern is not None:
        _compiled(pattern)


async def lines(store: OutputStore, spec: str, *, max_chars: int = DEFAULT_CHARS) -> Reduced:
    """Show lines ``a-b``, ``a-``, ``a`` or ``-n`` (the last n), numbered from 1."""
    return await asyncio.to_thread(_lines, store, spec, max_chars)


async def grep(
    store: OutputStore, pattern: str, *, spec: str | None = None, max_chars: int = DEFAULT_CHARS
) -> Reduced:
    """Show the lines that match, as ``N: text``, of all lines or of those that ``spec`` names."""
    return await asyncio.to_thread(_grep, store, _compiled(pattern), spec, max_chars)


async def screen(store: OutputStore, rows: int, cols: int, *, max_chars: int = DEFAULT_CHARS) -> Reduced:
    """Show the terminal as a person would see it now."""
    shown = await asyncio.to_thread(terminal.screen_of, store, rows, cols)
    cut = reduce_output(shown.text, max_chars, collapse=False)
    return replace(cut, end=shown.end, notes=(*shown.notes, *cut.notes))


def _lines(store: OutputStore, spec: str, max_chars: int) -> Reduced:
    first, last = _named_lines(store, spec)
    count = _line_count(store)
    if first > count:
        return Reduced("", notes=(f"the output has {count} lines",))
    start, end = _offsets(store, first, min(last, count))
    shown = show(store, start, end, max_chars, collapse=False)
    from_nought = re.match(r"\s*0+(?!\d)", spec) is not None
    return replace(shown, notes=("lines are counted from 1", *shown.notes)) if from_nought else shown


def _grep(store: OutputStore, expression: Expression, spec: str | None, max_chars: int) -> Reduced:
    start, end = 0, store.total
    if spec is not None:
        start, end = _offsets(store, *_named_lines(store, spec))
    return search(store, expression, start, end, max_chars)


def _compiled(pattern: str) -> Expression:
    try:
        return compile_expression(pattern)
    except BadExpressionError as error:
        raise BadViewError(str(error)) from error


def _parsed(spec: str) -> re.Match[str]:
    found = _SPEC.fullmatch(spec)
    if found is None:
        shown = spec if len(spec) <= _SPEC_SHOWN else spec[:_SPEC_SHOWN] + "..."
        raise BadViewError(f"lines {shown!r} is not understood: give a-b, a-, a, or -n for the last n")
    if found["last"] and int(found["last"]) < max(1, int(found["first"])):
        raise BadViewError(f"lines {spec!r} ends before it starts")
    return found


def _named_lines(store: OutputStore, spec: str) -> tuple[int, int]:
    found = _parsed(spec)
    if found["count"]:
        count = _line_count(store)
        return max(1, count - int(found["count"]) + 1), max(1, count)
    first = max(1, int(found["first"]))
    last = first if found["open"] is None else int(found["last"]) if found["last"] else _line_count(store)
    return first, max(first, last)


def _line_count(store: OutputStore) -> int:
    total, newlines = store.total, store.newlines
    unfinished = total > 0 and store.read(total - 1, total) != b"\n"
    return newlines + unfinished


def _offsets(store: OutputStore, first: int, last: int) -> tuple[int, int]:
    """Return where lines ``first`` to ``last`` lie; a border in the gap becomes the gap's border."""
    gap = store.gap()
    start, end = store.line_start(first), store.line_start(last + 1)
    total = store.total
    if start is None:
        start = gap[0] if gap and first <= store.newlines else total
    if end is None:
        end = gap[1] if gap and last < store.newlines else total
    return start, end
