"""Turn raw output into text that a model can read: no control sequences, whole characters, plain lines.

Every function here takes time linear in its input, whatever the input is.
"""

import re
from typing import Final

_CSI: Final = r"[0-?]*[ -/]*[@-~]"
_STRING: Final = r"[\]PX^_][^\x07\x1b\x9c\n]*+(?:\x07|\x1b\\|\x9c)?"
_C1_STRING: Final = (
    r"[\x90\x98\x9d-\x9f](?<![^\x00-\x7f\x9c].)[^\x07\x1b\n\x90\x98\x9b-\x9f]*+(?:\x07|\x1b\\|\x9c)"
)
"""The openers of eight bits are rare, and most often letters that were decoded wrongly: such a one opens
a string only behind ASCII or another string, and only if the string ends on its line.
"""
STRING: Final = rf"\x1b{_STRING}|{_C1_STRING}"
"""OSC, DCS, SOS, PM and APC with what they hold: titles, links, pictures (ECMA-48, 5.6, and xterm's BEL)."""
_ESCAPE: Final = re.compile(rf"\x1b(?:\[{_CSI}|{_STRING}|[ -/]*[0-~]?)")
_ESCAPE_OR_C1: Final = re.compile(rf"{_ESCAPE.pattern}|\x9b{_CSI}|{_C1_STRING}")
_C1_OPENERS: Final = "\x90\x98\x9b\x9d\x9e\x9f"
_UNFINISHED_ESCAPE: Final = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_](?:[^\x07\x1b\n\xc2]++|\xc2(?!\x9c))*+\x1b?|[ -/]*)?\Z"
)
_UNFINISHED_C1: Final = re.compile(
    rb"\xc2(?:\x9b[0-?]*[ -/]*"
    rb"|(?<![\x80-\x9b\x9d-\xff]\xc2)[\x90\x98\x9d-\x9f](?:[^\x07\x1b\n\xc2]++|\xc2(?![\x90\x98\x9b-\x9f]))*+\x1b?)\Z"
)
_HELD_BACK_MAX: Final = 64 << 10
"""A title is short, but a link, a picture or what goes into the clipboard is not."""
_CONTROLS: Final = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ENDS: Final = re.compile(r"\r+\n")
_NUL_SHOWN: Final = "\u2400"

_SAMPLE: Final = 8192
_TEXT_BYTES: Final = bytes({7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x7F), *range(0x80, 0x100)})
_BLOCK: Final = 1024
"""Small enough to find where text ends and something else begins, large enough to tell the one from the other."""
_BINARY_SHARE: Final = 0.15
_BINARY_MIN: Final = 64
"""So little is shown as it is: what it costs to read is less than not to know what it was."""


def strip_escapes(text: str) -> str:
    """Remove the control sequences of a terminal."""
    if not text.isascii() and any(opener in text for opener in _C1_OPENERS):
        return _ESCAPE_OR_C1.sub("", text)
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def plain(data: bytes) -> str:
    """Decode and remove what a terminal would not show. Line ends become newlines, CR stays within lines."""
    text = strip_escapes(data.decode("utf-8", "replace"))
    if "\r" in text:
        text = _ENDS.sub("\n", text)
    if "\x08" in text:
        text = "\n".join(map(_without_backspaces, text.split("\n")))
    text = _CONTROLS.sub("", text)
    return text.replace("\0", _NUL_SHOWN)


def plain_lines(data: bytes) -> list[str]:
    """Split into lines as a terminal would leave them: of a line redrawn with CR, its last state."""
    lines = plain(data).split("\n")
    if not lines[-1]:
        lines.pop()
    return [last_state(line) if "\r" in line else line for line in lines]


def held_back(data: bytes) -> int:
    """Return how many bytes at the end of ``data`` only make sense with what follows."""
    tail = data[-_HELD_BACK_MAX:]
    escapes = [_UNFINISHED_ESCAPE.search(tail), _UNFINISHED_C1.search(tail)]
    if unfinished := [len(tail) - escape.start() for escape in escapes if escape]:
        return max(unfinished)
    if tail.endswith(b"\r"):
        return 1
    return _unfinished_character(tail)


def looks_binary(data: bytes) -> bool:
    """Tell whether ``data`` is something other than text."""
    if len(data) < _BINARY_MIN:
        return False
    sample = data[:_SAMPLE]
    odd = len(sample.translate(None, _TEXT_BYTES))
    if odd > len(sample) * _BINARY_SHARE:
        return True
    sample = sample[: len(sample) - _unfinished_character(sample)]
    return sample.decode("utf-8", "replace").count("\ufffd") > len(sample) * _BINARY_SHARE


def binary_stretches(data: bytes) -> list[tuple[int, int]]:
    """Return where runs of whole lines that are not text begin and end."""
    blocks: list[tuple[int, int]] = []
    for at in range(0, len(data), _BLOCK):
        block = data[at : at + _BLOCK]
        follows = bool(blocks) and blocks[-1][1] == at
        if looks_binary(block) or (follows and len(block) < _BINARY_MIN):
            blocks.append((blocks.pop()[0] if follows else at, at + len(block)))
    found: list[tuple[int, int]] = []
    for start, end in blocks:
        if found and end <= found[-1][1]:
            # The rest of a line that was taken as a whole.
            continue
        start, end = _without_text_around(data, max(start, found[-1][1] if found else 0), end)
        if start < end:
            found.append((start, end))
    return found


def _without_text_around(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen a stretch to whole lines, then leave out those at its ends that are text."""
    start = data.rfind(b"\n", 0, start) + 1
    end = data.find(b"\n", end - 1) + 1 or len(data)
    while start < end and _is_text(data[start : (line := data.find(b"\n", start, end) + 1 or end)]):
        start = line
    while start < end and _is_text(data[(line := data.rfind(b"\n", start, end - 1) + 1 or start) : end]):
        end = line
    return start, end


def _is_text(line: bytes) -> bool:
    return not line.translate(None, _TEXT_BYTES) and "\ufffd" not in line.decode("utf-8", "replace")


def binary_summary(data: bytes, size: int) -> str:
    """Say what binary output begins with instead of showing it."""
    return f"[binary output, {size:,} bytes, starting {data[:16].hex(' ')}]"


def clip(line: str, limit: int) -> str:
    """Shorten one line to about ``limit`` characters and say by how much."""
    if len(line) <= limit:
        return line
    head, tail = limit * 3 // 4, limit // 4
    return f"{line[:head]} [… {len(line) - head - tail:,} characters …] {line[-tail:]}"


def clip_around(
    line: str, start: int, end: int, limit: int, *, inside: bool = False, cut: bool = False
) -> str:
    """Shorten one line to about ``limit`` characters from around ``start`` to ``end``, and say by how much.

    Of a piece of a line, which begins ``inside`` it or is ``cut`` itself, only the least can be said.
    """
    first = max(0, min(start - max(0, limit - (end - start)) // 2, len(line) - limit))
    last = min(first + limit, len(line))
    before = _left_out(first, inside)
    after = _left_out(len(line) - last, cut)
    return " ".join(part for part in (before, line[first:last], after) if part)


def _left_out(count: int, more: bool) -> str:
    if not count and not more:
        return ""
    return f"[… more than {count:,} characters …]" if more else f"[… {count:,} characters …]"


def last_state(line: str) -> str:
    """Return what a line that was redrawn with CR came to."""
    states = [state for state in line.split("\r") if state]
    return states[-1] if states else ""


def _without_backspaces(line: str) -> str:
    if "\x08" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character != "\x08":
            kept.append(character)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)


def _unfinished_character(data: bytes) -> int:
    """Return the length of a UTF-8 sequence at the end that more bytes could still complete."""
    for length in range(1, min(3, len(data)) + 1):
        lead = data[-length]
        if lead & 0xC0 == 0x80:
            continue
        needed = 2 if 0xC2 <= lead < 0xE0 else 3 if 0xE0 <= lead < 0xF0 else 4 if 0xF0 <= lead < 0xF5 else 1
        return length if needed > length else 0
    return 0
