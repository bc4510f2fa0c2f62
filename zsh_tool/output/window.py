"""Show a stretch of kept output, however long, by reading only its ends and looking through its middle."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from zsh_tool.output.errors import ErrorLines
from zsh_tool.output.layout import HEAD
from zsh_tool.output.reduce import (
    Line,
    assembled,
    budget,
    head_and_tail,
    line_limit,
    lines_of,
    reduce_output,
)
from zsh_tool.output.reduced import Reduced
from zsh_tool.output.store import OutputStore
from zsh_tool.output.text import binary_summary, held_back, looks_binary, plain_lines

_WHOLE_MAX: Final = 1 << 20
"""Up to this much is read at once and reduced as a whole."""
_WINDOW: Final = 256 << 10
_SCAN_HEAD, _SCAN_TAIL = 4 << 20, 12 << 20
"""How much of a long middle is looked through for errors: its beginning and its end."""
_SAMPLE: Final = 8 << 10
_BLOCK: Final = 256 << 10
_OVERLAP: Final = 16 << 10
"""How much of a line's piece is seen again with the next one, so that what lies across the border is whole once."""


def show(
    store: OutputStore, start: int, end: int, max_chars: int, *, collapse: bool = True, final: bool = True
) -> Reduced:
    """Reduce the output from ``start`` to ``end``. Blocks: for more than a little, call it in a thread."""
    ranges = store.ranges(start, end)
    if not ranges:
        notes = gap_note(store, start, end)
        return Reduced("", truncated=bool(notes), end=max(start, end), notes=notes)
    whole = len(ranges) == 1 and ranges[0] == (start, end) and end - start <= _WHOLE_MAX
    reduced = (_show_whole if whole else _show_ends)(store, ranges, max_chars, collapse, final)
    gaps = zip([start, *(last for _, last in ranges)], [*(first for first, _ in ranges), end], strict=True)
    named = [note for first, last in gaps for note in gap_note(store, first, last)]
    return replace(reduced, notes=(*named, *reduced.notes), truncated=reduced.truncated or bool(named))


def human_size(count: int) -> str:
    """Return a size in the unit that a person would use."""
    size, units = float(count), ["bytes", "KB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{count} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"


def gap_note(store: OutputStore, first: int, last: int) -> tuple[str, ...]:
    """Say what is no longer kept between two offsets: by lines, as soon as the gap does not move any more."""
    if first >= last:
        return ()
    size = human_size(last - first)
    if store.growing:
        return (f"{size} from byte {first} on are no longer kept",)
    to_line = store.newlines_before(last) + 1
    if first != HEAD:
        return (f"{size} before line {to_line} are no longer kept",)
    from_line = store.newlines_before(HEAD - 1) + store.read(HEAD - 1, HEAD).count(b"\n") + 1
    return (f"lines {from_line}-{to_line} ({size}) are no longer kept",)


def _show_whole(
    store: OutputStore, ranges: Sequence[tuple[int, int]], max_chars: int, collapse: bool, final: bool
) -> Reduced:
    start, end = ranges[0]
    data = store.read(start, end)
    keep = len(data) if final else len(data) - held_back(data)
    needs_numbers = start > 0 and keep > budget(max_chars)
    first_line = store.newlines_before(start) + 1 if needs_numbers else 1
    reduced = reduce_output(data[:keep], max_chars, first_line, collapse=collapse)
    return replace(reduced, end=start + keep)


def _show_ends(
    store: OutputStore, ranges: Sequence[tuple[int, int]], max_chars: int, collapse: bool, final: bool
) -> Reduced:
    (start, head_limit), (tail_floor, end) = ranges[0], ranges[-1]
    size = end - start
    head = store.piece(start, min(start + _WINDOW, head_limit))
    tail = store.piece(max(end - _WINDOW, head.end if len(ranges) == 1 else tail_floor), end)
    held = 0 if final else held_back(tail.data)
    if looks_binary(head.data):
        return Reduced(binary_summary(head.data, size), truncated=True, end=end - held)
    limit = budget(max_chars)
    longest = line_limit(limit)
    head_data = head.data[: head.data.rfind(b"\n") + 1]
    border = tail.data.find(b"\n")
    tail_data = tail.data[border + 1 : len(tail.data) - held] if border >= 0 else b""
    head_end, tail_start = head.offset + len(head_data), end - held - len(tail_data)
    first_line, tail_line = (
        store.newlines_before(head.offset) + 1,
        store.newlines_before(tail_start - (not tail_data)) + 1,
    )
    head_lines = lines_of(head_data, first_line, collapse=collapse)
    tail_lines = lines_of(tail_data, tail_line, collapse=collapse)
    if not head_data:
        head_lines = [Line(first_line, "".join(plain_lines(head.data))[:longest])]
    if not tail_data:
        binary = binary_summary(tail.data, len(tail.data)) if looks_binary(tail.data[-_SAMPLE:]) else ""
        tail_lines = [Line(tail_line, binary or "".join(plain_lines(tail.data))[-longest:])]
    first, last, rest = head_and_tail(head_lines, tail_lines, limit)
    errors = ErrorLines()
    errors.add_lines((line.number, line.text) for line in rest)
    for block, line in _middle(store, head_end, tail_start):
        errors.scan(block, line)
    size_words = f", {human_size(size)} in all"
    text = assembled(
        first, last, errors, limit, size_words, last=tail_lines[-1].last if tail_lines else tail_line
    )
    return Reduced(text, truncated=True, end=end - held)


def _middle(store: OutputStore, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield blocks of whole lines with the number of their first line, as many as are looked through."""
    for first, last in store.ranges(start, end):
        if last - first <= _SCAN_HEAD + _SCAN_TAIL:
            yield from line_blocks(store, first, last)
        else:
            yield from line_blocks(store, first, first + _SCAN_HEAD)
            yield from line_blocks(store, last - _SCAN_TAIL, last)


def line_blocks(store: OutputStore, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield the kept range in blocks that end at a line's end where possible, each with its first line.

    Where that is not possible, in a line of megabytes, the next block begins with the end of the one before.
    """
    line = store.newlines_before(start) + 1
    carry = b""
    while start < end:
        piece = store.piece(start, min(start + _BLOCK, end))
        if piece.offset != start:
            carry, line = b"", store.newlines_before(piece.offset) + 1
        if not piece.data:
            return
        start = piece.end
        block = carry + piece.data
        whole = len(block) if start >= end else block.rfind(b"\n") + 1
        if whole == 0 and len(block) > _WHOLE_MAX:
            whole = len(block)
        cut_inside = whole > 0 and start < end and block[whole - 1 : whole] != b"\n"
        carry = block[-_OVERLAP:] if cut_inside else block[whole:]
        if whole:
            yield block[:whole], line
            line += block.count(b"\n", 0, whole)
