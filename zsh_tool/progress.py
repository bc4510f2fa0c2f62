"""Progress notices while a call waits: at most one a second, at least one every ten.

The value is the seconds that passed, so it always rises; the total is what history expects.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from zsh_tool.insights import DurationEstimate
from zsh_tool.render import seconds
from zsh_tool.task import Task

FIRST_SECS: Final = 1.0
"""Nothing is said about a call that is over sooner."""
APART_SECS: Final = 1.0
HEARTBEAT_SECS: Final = 10.0

Report = Callable[[float, float | None, str], Awaitable[None]]
"""Sends one notice: value, total, message."""


def words(elapsed_secs: float, estimate: DurationEstimate | None, printed: int = 0) -> str:
    """Say how far a command is, in words."""
    text = f"running {seconds(elapsed_secs * 1000)}"
    if printed:
        text += f", {printed} bytes of output"
    if estimate is None:
        return text
    usual = estimate.median_ms / 1000
    if elapsed_secs < usual:
        return f"{text}, about {seconds((usual - elapsed_secs) * 1000)} left"
    return f"{text}, usually {seconds(estimate.median_ms)}"


def total(elapsed_secs: float, estimate: DurationEstimate | None) -> float | None:
    """Return the expected seconds, as long as they are ahead."""
    if estimate is None or elapsed_secs * 1000 >= estimate.median_ms:
        return None
    return estimate.median_ms / 1000


@asynccontextmanager
async def reported(
    task: Task, estimate: DurationEstimate | None, report: Report | None
) -> AsyncIterator[None]:
    """Send progress notices for ``task`` as long as the block runs, if the client asked for them."""
    if report is None:
        yield
        return
    reporter = asyncio.create_task(_report(task, estimate, report))
    try:
        yield
    finally:
        reporter.cancel()


async def _report(task: Task, estimate: DurationEstimate | None, report: Report) -> None:
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(FIRST_SECS)
    while task.running:
        elapsed = task.elapsed_ms / 1000
        seen = task.output.total
        await report(elapsed, total(elapsed, estimate), words(elapsed, estimate, seen))
        said_at = clock()
        more = task.output_beyond(seen)
        events: list[asyncio.Future[Any]] = [more, task.ended]
        try:
            await asyncio.wait(events, timeout=HEARTBEAT_SECS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            more.cancel()
        await asyncio.sleep(max(0.0, said_at + APART_SECS - clock()))
