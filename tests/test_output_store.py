"""The kept output: offsets, lines, the ring and its gap."""

import random
from pathlib import Path

import pytest

from zsh_tool.output import layout
from zsh_tool.output.layout import HEAD, RING
from zsh_tool.output.store import OutputStore
from zsh_tool.output.writer import OutputWriter


def kept_output(directory: Path, *blocks: bytes) -> OutputStore:
    writer = OutputWriter(directory)
    for block in blocks:
        writer.write(block)
    writer.close()
    store = OutputStore(directory)
    store.growing = False
    return store


def numbered(count: int, first: int = 1) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(first, first + count))


def test_a_task_that_printed_nothing_reads_as_empty(tmp_path: Path) -> None:
    store = OutputStore(tmp_path)
    assert (store.total, store.newlines, store.read(0, 100), store.gap()) == (0, 0, b"", None)
    assert store.line_start(1) == 0
    assert store.line_start(2) is None


def test_small_output_is_read_back_by_offset_and_line(tmp_path: Path) -> None:
    data = numbered(20_000)
    store = kept_output(tmp_path, data[:7], data[7:100_001], data[100_001:])
    assert store.total == len(data)
    assert store.newlines == 20_000
    assert store.read(5, 70_000) == data[5:70_000]
    for line in (1, 2, 3, 9_999, 12_345, 20_000, 20_001):
        start = store.line_start(line)
        assert start is not None
        assert store.newlines_before(start) == line - 1
        assert data[start:].startswith(b"line %d\n" % line if line <= 20_000 else b"")
    assert store.line_start(20_002) is None


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, OutputStore]:
    data = numbered(7_000_000)
    assert len(data) > HEAD + RING + (20 << 20)
    directory = tmp_path_factory.mktemp("large")
    blocks = [data[at : at + 200_003] for at in range(0, len(data), 200_003)]
    return data, kept_output(directory, *blocks)


def test_head_and_ring_stay_and_the_gap_is_named(large: tuple[bytes, OutputStore]) -> None:
    data, store = large
    assert (store.directory / "output").stat().st_size == HEAD + RING
    gap = store.gap()
    assert gap == (HEAD, len(data) - RING)
    assert store.read(0, HEAD) == data[:HEAD]
    assert store.read(gap[1], len(data)) == data[gap[1] :]
    assert store.read(HEAD - 10, gap[1] + 10) == data[HEAD - 10 : HEAD] + data[gap[1] : gap[1] + 10]
    assert store.ranges(HEAD + 1, gap[1] - 1) == []


def test_lines_keep_their_numbers_after_the_cut(large: tuple[bytes, OutputStore]) -> None:
    data, store = large
    rng = random.Random(7)
    offsets = [rng.randrange(HEAD) for _ in range(20)] + [
        rng.randrange(len(data) - RING, len(data)) for _ in range(20)
    ]
    for offset in [0, HEAD - 1, len(data) - RING, len(data) - RING + 5, len(data) - 1, *offsets]:
        assert store.newlines_before(offset) == data.count(b"\n", 0, offset)
    first_kept_whole = data.count(b"\n", 0, len(data) - RING) + 2
    for line in [2, 1000, first_kept_whole, first_kept_whole + 1, 6_999_999, 7_000_000]:
        start = store.line_start(line)
        assert start is not None, line
        assert data[start : start + 20].startswith(b"line %d\n" % line)
    in_gap = data.count(b"\n", 0, HEAD + (1 << 20)) + 1
    assert store.line_start(in_gap) is None


@pytest.mark.parametrize("after_head", [0, 1, 5 << 20, 20 << 20])
def test_what_lies_in_the_gap_counts_as_where_it_ends(
    large: tuple[bytes, OutputStore], after_head: int
) -> None:
    # A writer may have run over a place since it was chosen; what stands at its position now is from elsewhere.
    data, store = large
    gap = store.gap()
    assert gap is not None
    assert gap[0] + after_head < gap[1]
    assert store.newlines_before(gap[0] + after_head) == data.count(b"\n", 0, gap[1])


def test_a_growing_ring_never_shows_what_may_be_half_overwritten(large: tuple[bytes, OutputStore]) -> None:
    data, store = large
    live = OutputStore(store.directory)
    assert live.gap() == (HEAD, len(data) - RING + layout.BLOCK_MAX)
    start = len(data) - RING
    piece = live.piece(start, start + (2 << 20))
    assert piece.offset == start + layout.BLOCK_MAX
    assert piece.data == data[piece.offset : piece.end]
