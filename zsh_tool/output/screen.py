"""A terminal's screen, as a person would see it."""

import re
from typing import Final

from zsh_tool.output.reduced import Reduced
from zsh_tool.output.store import OutputStore

_REPLAYED_MAX: Final = 256 << 10
"""A screen is made by its last few redraws; more would take seconds to replay."""
_ALTERNATE: Final = re.compile(rb"\x1b\[\?(?:1049|1047|47)([hl])")


def screen_of(store: OutputStore, rows: int, cols: int) -> Reduced:
    """Replay the end of a terminal's output. Blocks: call it in a thread."""
    total = store.total
    data = store.read(max(0, total - _REPLAYED_MAX), total)
    return Reduced(render_screen(data, rows, cols), end=total)


def render_screen(data: bytes, rows: int, cols: int) -> str:
    """Return the rows that a terminal of this size would show after ``data``, without trailing blanks."""
    # Loading it takes as long as a whole command, and most servers never show a screen.
    import pyte  # noqa: PLC0415

    screen = pyte.Screen(cols, rows)
    stream = pyte.ByteStream(screen)
    stream.feed(_visible(data))
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


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
