"""The ways to look at a task's output. All are safe on gigabytes and never block the loop for long."""

from zsh_tool.output.reduced import DEFAULT_CHARS, Reduced
from zsh_tool.output.store import OutputStore


class BadViewError(ValueError):
    """The lines or the expression asked for make no sense; the text says what would."""


async def delta(
    store: OutputStore, start: int, *, max_chars: int = DEFAULT_CHARS, final: bool = False
) -> Reduced:
    """Show what was printed from ``start`` on. ``final``: nothing more will come, hold nothing back."""
    raise NotImplementedError


async def full(store: OutputStore, *, max_chars: int = DEFAULT_CHARS) -> Reduced:
    """Show everything that is kept, from the first byte on."""
    raise NotImplementedError


async def lines(store: OutputStore, spec: str, *, max_chars: int = DEFAULT_CHARS) -> Reduced:
    """Show lines ``a-b``, ``a-``, ``a`` or ``-n`` (the last n), numbered from 1."""
    raise NotImplementedError


async def grep(
    store: OutputStore, pattern: str, *, spec: str | None = None, max_chars: int = DEFAULT_CHARS
) -> Reduced:
    """Show the lines that match, as ``N: text``, of all lines or of those that ``spec`` names."""
    raise NotImplementedError


async def screen(store: OutputStore, rows: int, cols: int) -> Reduced:
    """Show the terminal as a person would see it now."""
    raise NotImplementedError
