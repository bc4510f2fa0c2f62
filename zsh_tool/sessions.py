"""The processes of one session and what descends from it: who they are, a signal to all, and their ends."""

import asyncio
import os
import signal
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from zsh_tool.reaper import ProcessFacts, processes


def group_is_gone(leader: int) -> bool:
    """Tell whether the leader's group is empty: far cheaper to learn than who is in the session."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def living(leader: int, more: Collection[ProcessFacts] = ()) -> list[ProcessFacts]:
    """Return who lives of a session, of ``more``, and of all that descends from either; nobody where there is no /proc.

    Who has left the session is found as long as its parent lives, and later if it is in ``more``.
    """
    meant = {(facts.pid, facts.started) for facts in more}
    children: dict[int, list[ProcessFacts]] = {}
    todo = []
    for facts in processes():
        children.setdefault(facts.parent, []).append(facts)
        if facts.session == leader or (facts.pid, facts.started) in meant:
            todo.append(facts)
    found: dict[int, ProcessFacts] = {}
    while todo:
        facts = todo.pop()
        if facts.pid not in found:
            found[facts.pid] = facts
            todo += children.get(facts.pid, ())
    return [facts for facts in found.values() if facts.state != "Z"]


def signal_all(leader: int, others: Collection[ProcessFacts], number: signal.Signals) -> None:
    """Send a signal to the leader's group at one stroke, and to the others one by one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
    for facts in others:
        if facts.group != leader:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(facts.pid, number)


def name_of(pid: int) -> str:
    """Return the short name of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_bytes().decode("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""


async def ended(pids: Iterable[int]) -> None:
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
