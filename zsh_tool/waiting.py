"""What ends a call: the command's end, a text, quiet, a question, or the clock, whichever is first."""

import asyncio
import time
from collections import deque
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Protocol

from zsh_tool.config import Settings
from zsh_tool.expressions import BadExpressionError, compile_expression
from zsh_tool.matching import GivenUpError, OutputSearch
from zsh_tool.task import Task
from zsh_tool.taskmodel import TaskError

IDLE_SECS: Final = 0.5
SETTLED_SECS: Final = 0.2
LEARNED_RUNS_MIN: Final = 5
LEARNED_MARGIN_SECS: Final = 2.0
LEARNED_MAX_SECS: Final = 45.0
_PATIENCE_SECS: Final = 0.25
"""What a search of output may take though the clock has run out: also a call that does not wait looks."""
_BURST_LOOKS: Final = 20
_BURST_SECS: Final = 0.4
_BURST_PAUSE_SECS: Final = 0.02
"""A flood is looked at fifty times a second; single lines at once."""


class WaitReason(Enum):
    """What ended a wait."""

    ENDED = "ended"
    MATCHED = "matched"
    IDLE = "idle"
    OUTPUT = "output"
    INPUT = "input"
    CLOCK = "clock"


_NEED_OUTPUT: Final = frozenset({WaitReason.OUTPUT, WaitReason.IDLE})


class BadUntilError(ValueError):
    """The ``until`` given is no usable expression; the text says why."""


@dataclass(frozen=True)
class Until:
    """What a call waits for, besides the end and the clock."""

    kind: WaitReason = WaitReason.ENDED
    pattern: str = ""
    quiet_secs: float = IDLE_SECS
    """How long it has to be quiet for `WaitReason.IDLE`."""
    or_input: bool = False
    """Whether a program that sits in a read of its input ends the wait."""


@dataclass(frozen=True)
class Waited:
    """Why a wait ended."""

    reason: WaitReason
    matched: str | None = None
    """The line that the expression matched."""
    note: str | None = None
    """Something the agent should know, such as an expression that was given up."""


class Estimate(Protocol):
    """How long a command usually takes here."""

    @property
    def runs(self) -> int: ...  # noqa: D102
    @property
    def p90_ms(self) -> float: ...  # noqa: D102


class Clock(Protocol):
    """Time, as far as waiting needs it."""

    def now(self) -> float:
        """Return seconds that only grow."""
        ...

    async def wait(self, futures: AbstractSet["asyncio.Future[Any]"], secs: float) -> None:
        """Return when one of the futures is done, or after ``secs``."""
        ...


class RealClock:
    """The time that passes."""

    def now(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    async def wait(self, futures: AbstractSet["asyncio.Future[Any]"], secs: float) -> None:
        """Return when one of the futures is done, or after ``secs``."""
        await asyncio.wait(futures, timeout=max(0.0, secs), return_when=asyncio.FIRST_COMPLETED)


REAL_CLOCK: Final[Clock] = RealClock()

_WORDS: Final = {
    "exit": Until(),
    "output": Until(WaitReason.OUTPUT),
    "idle": Until(WaitReason.IDLE),
    "input": Until(or_input=True),
}


def parse_until(text: str | None, task_accepts_input: bool) -> Until:
    """Read the ``until`` argument of a call; raises `BadUntilError` before anything runs."""
    if not text:
        return Until(or_input=task_accepts_input)
    if text in _WORDS:
        return _WORDS[text]
    try:
        compile_expression(text)
    except BadExpressionError as error:
        words = ", ".join(_WORDS)
        raise BadUntilError(f"until: {error}; give one of {words}, or a regular expression") from error
    return Until(WaitReason.MATCHED, pattern=text)


def settled(quiet_secs: float = SETTLED_SECS) -> Until:
    """Return the condition of `zsh_send`: some output, then quiet."""
    return Until(WaitReason.IDLE, quiet_secs=quiet_secs)


async def wait_for(
    task: Task, until: Until, limit_secs: float, since: int | None = None, clock: Clock = REAL_CLOCK
) -> Waited:
    """Wait until the condition is met, the task ended, or ``limit_secs`` passed.

    Only output from ``since`` on counts: by default what no reply has delivered yet. An unfinished
    character or the like at its end, which a reply could not show, is no new output by itself.
    """
    start, seen = (task.delivered, task.looked_at) if since is None else (since, since)
    return await _Wait(task, until, limit_secs, start, max(start, seen), clock).run()


def horizon(settings: Settings, expected: Estimate | None, asked: float | None) -> float:
    """Return how long a call may take before it yields: as asked, else learned, else the default."""
    if asked is not None:
        return min(max(0.0, asked), settings.server.call_max)
    default = min(settings.command.yield_after, settings.server.call_max)
    if expected is None or expected.runs < LEARNED_RUNS_MIN:
        return default
    learned = expected.p90_ms / 1000 + LEARNED_MARGIN_SECS
    longest = min(LEARNED_MAX_SECS, settings.server.call_max)
    return learned if default < learned <= longest else default


class _Wait:
    """One wait. It sleeps until something happens, or until the moment at which something becomes true."""

    def __init__(
        self, task: Task, until: Until, limit_secs: float, start: int, seen: int, clock: Clock
    ) -> None:
        self.task = task
        self.until = until
        self.clock = clock
        self.known = seen
        self.seen = seen
        self.deadline = clock.now() + limit_secs
        self.quiet_from = clock.now()
        self.probed = False
        self.note: str | None = None
        self.looks: deque[float] = deque(maxlen=_BURST_LOOKS)
        self.search: OutputSearch | None = None
        if until.kind is WaitReason.MATCHED:
            self.search = OutputSearch(task.output, compile_expression(until.pattern), start)

    async def run(self) -> Waited:
        """Wait."""
        while True:
            running = self.task.running
            answer = await self._look()
            if answer is not None:
                return answer
            if not running:
                return Waited(WaitReason.ENDED, note=self.note)
            if self.clock.now() >= self.deadline:
                return await self._at_the_clock()
            await self._sleep()

    async def _at_the_clock(self) -> Waited:
        """Say also whether a program asks, where that is known to be no passing moment."""
        long_quiet = self.clock.now() - self.quiet_from >= IDLE_SECS
        self.probed = False
        asks = await self._probe() if self._watches_output and long_quiet else None
        return replace(asks or Waited(WaitReason.CLOCK), note=self.note)

    async def _look(self) -> Waited | None:
        if not self._watches_output:
            return None
        total = self.task.output.total
        if total > self.seen:
            self.seen, self.quiet_from, self.probed = total, self.clock.now(), False
            if self.until.kind is WaitReason.OUTPUT:
                return Waited(WaitReason.OUTPUT)
            if self.search is not None:
                return await self._match(self.search, total)
        elif self._idle_at is not None and self.clock.now() >= self._idle_at:
            return await self._probe() or Waited(WaitReason.IDLE)
        elif self._probe_at is not None and self.clock.now() >= self._probe_at:
            return await self._probe()
        return None

    async def _match(self, search: OutputSearch, total: int) -> Waited | None:
        try:
            matched = await search.upto(total, max(_PATIENCE_SECS, self.deadline - self.clock.now()))
        except TimeoutError:
            return None
        except GivenUpError:
            self.search = None
            self.note = "until was given up: the expression takes too long on this output"
            return None
        return None if matched is None else Waited(WaitReason.MATCHED, matched)

    async def _probe(self) -> Waited | None:
        if self.probed or not self.task.accepts_input:
            return None
        self.probed = True
        try:
            status = await self.task.status(probe=True)
        except TaskError:
            return None
        asks = status.waiting_for_input and self.task.running and self.task.output.total == self.seen
        return Waited(WaitReason.INPUT) if asks else None

    async def _sleep(self) -> None:
        moments = [self.deadline, self._idle_at, self._probe_at]
        wake = min(moment for moment in moments if moment is not None)
        futures: set[asyncio.Future[Any]] = {self.task.ended}
        if not self._watches_output:
            await self.clock.wait(futures, wake - self.clock.now())
            return
        if self._in_a_flood():
            await self.clock.wait(futures, _BURST_PAUSE_SECS)
        grown = self.task.output_beyond(self.seen)
        try:
            await self.clock.wait({*futures, grown}, wake - self.clock.now())
        finally:
            grown.cancel()

    def _in_a_flood(self) -> bool:
        now = self.clock.now()
        self.looks.append(now)
        return len(self.looks) == _BURST_LOOKS and now - self.looks[0] < _BURST_SECS

    @property
    def _watches_output(self) -> bool:
        return self.search is not None or self.until.or_input or self.until.kind in _NEED_OUTPUT

    @property
    def _idle_at(self) -> float | None:
        if self.until.kind is not WaitReason.IDLE or self.seen <= self.known:
            return None
        return self.quiet_from + self.until.quiet_secs

    @property
    def _probe_at(self) -> float | None:
        if not self.until.or_input or self.probed or not self.task.accepts_input:
            return None
        return self.quiet_from + IDLE_SECS
