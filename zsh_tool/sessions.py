"""The processes of one session: who they are, a signal to all, and their ends as the kernel tells them."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zsh_tool.reaper import processes


def group_is_gone(leader: int) -> bool:
    """Tell whether the leader's group is empty: far cheaper to learn than who is in the session."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def session_members(leader: int) -> list[int]:
    """Return the processes of a session that are not dead yet; none where there is no /proc."""
    return [facts.pid for facts in processes() if facts.session == leader and facts.state != "Z"]


def signal_session(leader: int, number: signal.Signals) -> None:
    """Send a signal to the leader's group and to the rest of its session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
    for facts in processes():
        if facts.session == leader and facts.group != leader:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(facts.pid, number)


def name_of(pid: int) -> str:
    """Return the short name of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_bytes().decode("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""


async def ended(pids: Sequence[int]) -> None:
    """Return when all of these processes, of whatever parent, have ended."""
    waits = [wait for wait in map(_end_of, pids) if wait is not None]
    if waits:
        await asyncio.gather(*waits)


def _end_of(pid: int) -> "asyncio.Future[Any] | None":
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    loop = asyncio.get_running_loop()
    over: asyncio.Future[Any] = loop.create_future()

    def release(_: Any) -> None:
        loop.remove_reader(handle)
        os.close(handle)

    def gone() -> None:
        if not over.done():
            over.set_result(None)

    over.add_done_callback(release)
    loop.add_reader(handle, gone)
    return over
