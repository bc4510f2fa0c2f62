"""Look for an expression in output as it comes: across blocks, in the unfinished line, for a bounded time."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from zsh_tool.expressions import Expression
from zsh_tool.output.store import OutputStore
from zsh_tool.output.text import clip, held_back, plain

_WINDOW_BYTES: Final = 1 << 20
_CARRY_BYTES: Final = 16 << 10
"""How much of what was searched is searched again with what follows: no match may be longer than this."""
_INLINE_CHARS: Final = 64 << 10
_INLINE_SECS: Final = 0.01
_BUDGET_SECS: Final = 2.0
_SHOWN_MAX: Final = 200


class GivenUpError(Exception):
    """The expression takes too long on this output."""


class OutputSearch:
    """Searches the output from one offset on, each time up to where it has come."""

    def __init__(self, store: OutputStore, expression: Expression, start: int) -> None:
        self._store = store
        self._expression = expression
        self._start = start
        self._inside = False
        """Whether the next window begins inside a line."""
        self._spent = 0.0

    async def upto(self, total: int, patience_secs: float) -> str | None:
        """Search what came since; return the line that matches.

        Raises `GivenUpError` when the expression takes too long, and TimeoutError when the caller's
        patience ends first: the library measures its own limit by the processor's time, which can be
        much longer on a busy machine.
        """
        while True:
            end = min(total, self._start + _WINDOW_BYTES)
            cut = end < total
            if end - self._start > _INLINE_CHARS:
                text = await asyncio.to_thread(self._text, end, cut)
            else:
                text = self._text(end, cut)
            found = await self._search(text, patience_secs)
            if found is not None:
                return found
            self._move_on(end)
            if not cut:
                return None

    def _text(self, end: int, cut: bool) -> str:
        """Return the window's text. Where it is ``cut``, ``$`` must not match at the border inside a line."""
        raw = self._store.read(self._start, end)
        if not cut:
            return plain(raw[: len(raw) - held_back(raw)]).replace("\r", "\n")
        newline = raw.rfind(b"\n")
        if len(raw) - newline < _CARRY_BYTES // 2:
            return plain(raw[: newline + 1]).replace("\r", "\n")
        return plain(raw).replace("\r", "\n") + "\ufffd"

    def _move_on(self, end: int) -> None:
        """Let the next window start a little before ``end``: at a line's start if one is near."""
        start = max(0, end - _CARRY_BYTES)
        newline = self._store.read(start, end - _CARRY_BYTES // 2).find(b"\n")
        start, inside = (start, True) if newline < 0 else (start + newline + 1, False)
        if start > self._start:
            self._start, self._inside = start, inside

    async def _search(self, text: str, patience_secs: float) -> str | None:
        started = time.monotonic()
        try:
            if len(text) <= _INLINE_CHARS:
                with suppress(TimeoutError, MemoryError):
                    return self._found(text, _INLINE_SECS)
            searching = asyncio.to_thread(self._found_apart, text, max(0.01, _BUDGET_SECS - self._spent))
            return await asyncio.wait_for(searching, patience_secs)
        finally:
            self._spent += time.monotonic() - started

    def _found_apart(self, text: str, timeout: float) -> str | None:
        try:
            return self._found(text, timeout, concurrent=True)
        except (TimeoutError, MemoryError) as error:
            raise GivenUpError from error

    def _found(self, text: str, timeout: float, *, concurrent: bool = False) -> str | None:
        # A character before is seen, for ``^`` not to match where a window begins inside a line.
        after = 1 if self._inside else 0
        match = self._expression.search(text, after, timeout=timeout, concurrent=concurrent)
        if match is None:
            return None
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        return clip(text[start : len(text) if end < 0 else end], _SHOWN_MAX)
