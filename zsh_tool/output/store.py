"""Read the kept output of one task: bytes by offset, and offsets by line."""

import os
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

from zsh_tool.output import layout
from zsh_tool.output.layout import HEAD, RING, SLOT

_SNAPSHOT_TRIES = 20
"""A writer killed in the middle of a block leaves the generation odd for good; its numbers still serve."""


@dataclass(frozen=True)
class Index:
    """One consistent look at a task's index file."""

    total: int
    newlines: int
    slots: tuple[int, ...]

    def marks(self) -> list[tuple[int, int]]:
        """Return (offset, newlines before it) for every slot that holds output, in order of offset."""
        head = [(slot * SLOT, self.slots[slot]) for slot in range(min(-(-self.total // SLOT), HEAD // SLOT))]
        ring = []
        for slot in range(HEAD // SLOT, layout.SLOTS):
            first = slot * SLOT
            if first < self.total:
                ring.append((first + (self.total - 1 - first) // RING * RING, self.slots[slot]))
        return head + sorted(ring)


@dataclass(frozen=True)
class Piece:
    """A stretch of output that is kept."""

    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """The offset after the last byte."""
        return self.offset + len(self.data)


class OutputStore:
    """The bounded file with a task's output, and its index. A task costs no descriptor."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._at = os.fspath(directory)
        self.growing = True
        """Whether a writer may still be at work, so that the ring's oldest part is in doubt."""

    @property
    def total(self) -> int:
        """How many bytes were printed so far, kept or not."""
        return self._header()[0]

    @property
    def newlines(self) -> int:
        """How many newlines were printed so far."""
        return self._header()[1]

    def kept(self) -> list[tuple[int, int]]:
        """Return the ranges of offsets that can be read."""
        return layout.kept(self.total, self.growing)

    def gap(self) -> tuple[int, int] | None:
        """Return the range of offsets that was dropped, if any."""
        ranges = self.kept()
        return (ranges[0][1], ranges[1][0]) if len(ranges) == 2 else None

    def ranges(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the parts of ``start`` to ``end`` that are kept."""
        cut = [(max(start, first), min(end, last)) for first, last in self.kept()]
        return [(first, last) for first, last in cut if first < last]

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to ``end``, without those that are not kept."""
        return b"".join(self.piece(first, last).data for first, last in self.ranges(start, end))

    def piece(self, start: int, end: int) -> Piece:
        """Return what is still there of a kept range: the ring may have run over its beginning."""
        data = self._bytes(start, end)
        if start < HEAD:
            return Piece(start, data)
        oldest = layout.ring_start(self.total, self.growing)
        return Piece(start, data) if oldest <= start else Piece(oldest, data[oldest - start :])

    def newlines_before(self, offset: int) -> int:
        """Return the number of newlines before the byte at ``offset``: of one in the gap, before the gap's end."""
        index = self.index()
        if offset >= index.total:
            return index.newlines
        if offset >= HEAD:
            offset = max(offset, layout.ring_start(index.total, False))
        marks = index.marks()
        at = bisect_left(marks, (offset + 1, -1)) - 1
        base, count = marks[at]
        crosses_gap = base < HEAD <= offset and offset >= layout.ring_start(index.total, False) > HEAD
        if not crosses_gap and offset - base < SLOT:
            return count + self._bytes(base, offset).count(b"\n")
        after, count = marks[at + 1] if at + 1 < len(marks) else (index.total, index.newlines)
        return count - self._bytes(offset, after).count(b"\n")

    def line_start(self, line: int) -> int | None:
        """Return the offset at which a line starts, counted from 1; None in the gap and past the end."""
        wanted = line - 1
        if wanted <= 0:
            return 0
        index = self.index()
        if wanted > index.newlines:
            return None
        marks = index.marks()
        oldest = layout.ring_start(index.total, self.growing)
        if oldest > HEAD:
            marks = [mark for mark in marks if mark[0] < HEAD or mark[0] > oldest]
            marks = sorted([*marks, (oldest, self.newlines_before(oldest))])
        at = bisect_left([count for _, count in marks], wanted) - 1
        base, count = marks[at]
        end = min(base + SLOT, index.total if base >= HEAD else min(HEAD, index.total))
        return _after_newline(self._bytes(base, end), wanted - count, base)

    def index(self) -> Index:
        """Return a consistent look at the index."""
        raw = b""
        for _ in range(_SNAPSHOT_TRIES):
            raw = self._read_file("index", 0, layout.INDEX_BYTES)
            generation = layout.HEADER.unpack_from(raw)[3] if len(raw) == layout.INDEX_BYTES else 0
            if generation % 2 == 0:
                break
        if len(raw) < layout.INDEX_BYTES:
            return Index(0, 0, (0,) * layout.SLOTS)
        _, total, newlines, _ = layout.HEADER.unpack_from(raw)
        return Index(total, newlines, layout.INDEX.unpack_from(raw, layout.HEADER.size))

    def _header(self) -> tuple[int, int]:
        raw = self._read_file("index", 0, layout.HEADER.size)
        if len(raw) < layout.HEADER.size:
            return 0, 0
        _, total, newlines, _ = layout.HEADER.unpack(raw)
        return total, newlines

    def _bytes(self, start: int, end: int) -> bytes:
        parts = []
        while start < end:
            at = layout.position(start)
            border = HEAD if start < HEAD else HEAD + RING
            part = self._read_file("output", at, min(end - start, border - at))
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def _read_file(self, name: str, at: int, count: int) -> bytes:
        try:
            file = os.open(f"{self._at}/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(file, count, at)
        finally:
            os.close(file)


def _after_newline(data: bytes, nth: int, base: int) -> int | None:
    """Return the offset after the ``nth`` newline of ``data``, which starts at ``base``."""
    at = -1
    for _ in range(nth):
        at = data.find(b"\n", at + 1)
        if at < 0:
            return None
    return base + at + 1
