"""Make sure that nothing outlives a dead executor: its orphans come to this process and are ended.

On Linux the server is a child subreaper, so processes whose executor was killed become its children.
Helpers that the server starts itself are told apart by their session, which is the server's own, or by
being entered in `CHILDREN`. Elsewhere nothing comes here.
"""

import ctypes
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_PR_SET_CHILD_SUBREAPER: Final = 36
_PROC: Final = Path("/proc")
_ROUNDS_MAX: Final = 200


class Children:
    """The children that were started on purpose. Start one and enter it while holding the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: set[int] = set()


CHILDREN: Final = Children()
"""Of this process."""


class ProcessFacts(NamedTuple):
    """What the kernel says about a process."""

    pid: int
    parent: int
    group: int
    session: int
    state: str


def become_subreaper() -> bool:
    """Have orphaned descendants come to this process; True where the system can do that."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def processes() -> Iterator[ProcessFacts]:
    """Yield every process that can be seen; nothing where there is no /proc."""
    try:
        names = [entry.name for entry in _PROC.iterdir()]
    except OSError:
        return
    for name in names:
        if name.isdecimal() and (facts := process_facts(int(name))) is not None:
            yield facts


def process_facts(pid: int) -> ProcessFacts | None:
    """Look at one process; None when it is gone."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name in parentheses may hold anything, parentheses included.
    state, parent, group, session = stat[stat.rindex(b")") + 2 :].split(maxsplit=4)[:4]
    return ProcessFacts(pid, int(parent), int(group), int(session), state.decode())


def end_orphans(limit_secs: float = 2.0) -> int:
    """Kill and reap the children that nobody here started, with all their descendants.

    Return how many processes were ended. Blocks for milliseconds: call it in a thread. A tree that keeps
    forking is stopped first to not outrun us; what dies hands its children to us, so we look again.
    """
    deadline = time.monotonic() + limit_secs
    ended: set[int] = set()
    for _ in range(_ROUNDS_MAX):
        with CHILDREN.lock:
            table = list(processes())
            orphans = _orphans(table, CHILDREN.known)
        if not orphans or time.monotonic() > deadline:
            break
        doomed = _with_descendants(table, orphans)
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for pid in doomed:
                _kill(pid, sent)
        ended |= doomed
        for pid in orphans:
            _reap(pid, deadline)
    return len(ended)


def end_session(leader: int) -> int:
    """Kill what is left of a session whose supervisor is gone, when its processes do not come to us."""
    doomed = {facts.pid for facts in processes() if facts.session == leader and facts.state != "Z"}
    for pid in doomed:
        _kill(pid, signal.SIGKILL)
    return len(doomed)


def _orphans(table: list[ProcessFacts], known: set[int]) -> set[int]:
    me, my_session = os.getpid(), os.getsid(0)
    return {
        facts.pid
        for facts in table
        if facts.parent == me and facts.session != my_session and facts.pid not in known
    }


def _with_descendants(table: list[ProcessFacts], roots: set[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for facts in table:
        children.setdefault(facts.parent, []).append(facts.pid)
    found: set[int] = set()
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo += children.get(pid, [])
    return found


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _reap(pid: int, deadline: float) -> None:
    """Wait for a killed child, at most until the deadline: one stuck in the kernel is left behind."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        ended.poll(max(0.0, deadline - time.monotonic()) * 1000)
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
    finally:
        os.close(handle)
