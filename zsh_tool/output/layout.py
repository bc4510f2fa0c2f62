"""How a task's output lies in its two files: the first 16 MiB, a ring of the last 48, and an index of lines.

Byte ``o`` of the output is at position ``o`` of the file ``output`` while in the head; after that it
is in the ring. The file ``index`` holds little-endian 64-bit words: a magic number, bytes and newlines
produced so far, a generation that is odd while a block is being written, and for each slot of 64 KiB of the
file the number of newlines before the byte that is at the slot's start now.
"""

import struct
from typing import Final

HEAD: Final = 16 << 20
RING: Final = 48 << 20
SLOT: Final = 64 << 10
SLOTS: Final = (HEAD + RING) // SLOT
HEADER_WORDS: Final = 4
MAGIC: Final = b"ZSHTIDX1"
HEADER: Final = struct.Struct("<8sQQQ")
INDEX: Final = struct.Struct(f"<{SLOTS}Q")
INDEX_BYTES: Final = HEADER.size + INDEX.size
BLOCK_MAX: Final = 1 << 20
"""No writer puts down more than this at once: no more of the oldest part of the ring is in doubt."""


def position(offset: int) -> int:
    """Return where in the file the byte at ``offset`` of the output is."""
    return offset if offset < HEAD else HEAD + (offset - HEAD) % RING


def ring_start(total: int, growing: bool) -> int:
    """Return the offset of the oldest byte of the ring; ``HEAD`` while nothing was dropped."""
    in_doubt = BLOCK_MAX if growing else 0
    return max(HEAD, total + in_doubt - RING)


def kept(total: int, growing: bool) -> list[tuple[int, int]]:
    """Return the ranges of offsets that can be read: one, or two with the gap between them."""
    start = ring_start(total, growing)
    if start == HEAD:
        return [(0, total)]
    return [(0, HEAD), (start, total)] if start < total else [(0, HEAD)]
