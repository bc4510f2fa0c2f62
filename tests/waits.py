"""Waiting for conditions and for the ends of processes, always with a bound."""

import asyncio
import os
import select
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

BOUND_SECS = 20.0
_PAUSE_SECS = 0.005
"""Between two looks at what tells nobody that it changed."""


async def until(condition: Callable[[], bool | Awaitable[bool]], bound_secs: float = BOUND_SECS) -> float:
    """Wait for a condition; return how long it took."""
    started = time.monotonic()
    async with asyncio.timeout(bound_secs):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return time.monotonic() - started
            await asyncio.sleep(_PAUSE_SECS)


def alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (ProcessLookupError, FileNotFoundError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def ended(pid: int, bound_secs: float = BOUND_SECS) -> bool:
    """Wait for the end of a process, anyone's child; return whether it came."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        end = select.poll()
        end.register(process, select.POLLIN)
        return bool(end.poll(bound_secs * 1000))
    finally:
        os.close(process)


async def gone(pid: int) -> None:
    """Wait until a process is no more."""
    assert await asyncio.to_thread(ended, pid), f"{pid} did not end"
