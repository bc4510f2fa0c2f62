"""Look for an expression in output as it comes: across blocks, in the unfinished line, for a bounded time."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

from zsh_tool.expressions import Expression
from zsh_tool.output.store import OutputStore
from zsh_tool.output.text import clip, held_back, plain

_WINDOW_BYTES: Final = 1 << 18
"""What is made into text at once: the interpreter does nothing else meanwhile, which a megabyte makes felt."""
_CARRY_BYTES: Final = 16 << 10
"""How much of what was searched is searched again with what follows: no match may be longer than this."""
_INLINE_CHARS: Final = 64 << 10
_INLINE_SECS: Final = 0.01
_INLINE_IN_A_CROWD_SECS: Final = 0.001
_BUDGET_SECS: Final = 2.0
_TURN_SECS: Final = 0.05
"""What a search gets at once while another one takes long: most need much less."""
_SHOWN_MAX: Final = 200


class GivenUpError(Exception):
    """The expression takes too long on this output."""


class _Lanes:
    """Two places for searches in threads: more at once would keep processors and interpreter from the event loop."""

    def __init__(self) -> None:
        self._long = asyncio.Semaphore(1)
        self._short = asyncio.Semaphore(1)

    @property
    def crowded(self) -> bool:
        """Whether a search that may take long is at work."""
        return self._long.locked()

    async def short(self, work: Callable[[], str | None]) -> str | None:
        """Do what is over soon; it waits only for others of its kind."""
        await self._short.acquire()
        return await self._done(self._short, work)

    async def long(self, work: Callable[[], str | None]) -> str | None:
        """Do what may take its whole time; raises `GivenUpError` if others take so much of theirs before."""
        try:
            async with asyncio.timeout(_BUDGET_SECS):
                await self._long.acquire()
        except TimeoutError as error:
            raise GivenUpError from error
        return await self._done(self._long, work)

    async def _done(self, lane: asyncio.Semaphore, work: Callable[[], str | None]) -> str | None:
        working = asyncio.get_running_loop().run_in_executor(None, work)

        def over(_: object) -> None:
            lane.release()
            # Nobody may be left to hear of it.
            if not working.cancelled():
                working.exception()

        # A thread goes on when nobody waits for it any more: only its end makes room.
        working.add_done_callback(over)
        return await asyncio.shield(working)


_LANES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Lanes]] = WeakKeyDictionary()


class OutputSearch:
    """Searches the output from one offset on, each time up to where it has come."""

    def __init__(self, store: OutputStore, expression: Expression, start: int) -> None:
        self._store = store
        self._expression = expression
        self._start = start
        self._inside = False
        """Whether the next window begins inside a line."""
        self._quick = True
        """Whether it is worth a try without a thread."""
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
            found = await self._search(partial(self._text, end, cut), end - self._start, patience_secs)
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

    async def _search(self, read: Callable[[], str], count: int, patience_secs: float) -> str | None:
        lanes = _LANES.setdefault(asyncio.get_running_loop(), _Lanes())
        if count <= _INLINE_CHARS and self._quick:
            text = read()
            with suppress(TimeoutError, MemoryError):
                return self._found(text, _INLINE_IN_A_CROWD_SECS if lanes.crowded else _INLINE_SECS)
            self._quick = lanes.crowded
        apart = partial(self._found_apart, read, time.monotonic() + patience_secs)
        async with asyncio.timeout(patience_secs):
            if lanes.crowded:
                with suppress(GivenUpError):
                    return await lanes.short(partial(apart, _TURN_SECS))
            return await lanes.long(partial(apart, _BUDGET_SECS))

    def _found_apart(self, read: Callable[[], str], patience_ends: float, limit_secs: float) -> str | None:
        text = read()
        started = time.monotonic()
        limit = min(limit_secs, _BUDGET_SECS - self._spent)
        patience = patience_ends - started
        try:
            return self._found(text, max(0.01, min(limit, patience)), concurrent=True)
        except TimeoutError as error:
            if patience < limit:
                raise
            raise GivenUpError from error
        except MemoryError as error:
            raise GivenUpError from error
        finally:
            self._spent += time.monotonic() - started

    def _found(self, text: str, timeout: float, *, concurrent: bool = False) -> str | None:
        # A character before is seen, for ``^`` not to match where a window begins inside a line.
        after = 1 if self._inside else 0
        match = self._expression.search(text, after, timeout=timeout, concurrent=concurrent)
        if match is None:
            return None
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        return clip(text[start : len(text) if end < 0 else end], _SHOWN_MAX)
