"""Small words for messages: ages, durations, and stored text made safe to show. Pure."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_ESCAPES: Final = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, as in titles and links
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|[\x1b]\[[0-?]*[ -/]*[@-~]?|\x9b[0-?]*[ -/]*[@-~]?"  # CSI
    r"|\x1b[ -/]*[0-~]?"
)
_PERHAPS_HIDDEN: Final = re.compile(r"[^\t\n -~]")
_HIDDEN_CATEGORIES: Final = frozenset(("Cc", "Cf", "Zl", "Zp"))
"""Controls, format characters (they reorder text, or hide words as tags do), and separators that break a line."""
_IGNORABLE: Final = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    r"\U000e0000-\U000e0fff]"
)
"""What shows nothing but is of another category: Default_Ignorable_Code_Point in DerivedCoreProperties.txt."""

QUOTED_CHARS: Final = 100
"""Length at which a stored command is cut inside a message."""


def plain(text: str) -> str:
    """Return stored text without control sequences: what a terminal or a model could take for an order."""
    return _PERHAPS_HIDDEN.sub(_if_visible, _ESCAPES.sub("", text))


def _if_visible(found: re.Match[str]) -> str:
    return _visible(found[0])


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES or _IGNORABLE.match(character)
    return "" if hidden else character


def quoted(text: str, limit: int = QUOTED_CHARS) -> str:
    """Return stored text as data inside a message: one line, in backquotes, cut."""
    line = " ".join(plain(text.replace("\n", " ")).split()).replace("`", "'")
    return f"`{line[: limit - 1]}…`" if len(line) > limit else f"`{line}`"


def age(seconds: float) -> str:
    """Say how long ago something was."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now" if seconds < 5 else f"{seconds:.0f} s ago"


def span(milliseconds: float) -> str:
    """Say how long something takes."""
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def times(count: int) -> str:
    """Say how often."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
