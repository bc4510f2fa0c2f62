"""The shape of output that was made fit for a reply."""

from dataclasses import dataclass

DEFAULT_CHARS = 16_000
MAX_CHARS = 45_000


@dataclass(frozen=True)
class Reduced:
    """Text for a reply, and what became of the rest."""

    text: str
    truncated: bool = False
    notes: tuple[str, ...] = ()
    """Short remarks without brackets, such as where a gap is. Not part of ``text``."""
    end: int = 0
    """The offset up to which the output is now delivered (only deltas move it)."""
