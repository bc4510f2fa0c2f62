"""Make sure that nothing outlives a dead executor, or a server without one: orphans come here and are ended.

On Linux the server is a child subreaper, so processes whose executor was killed, and those which left a command
that it ran itself, become its children.
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
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_PR_SET_CHILD_SUBREAPER: Final = 36
_ROUNDS_MAX: Final = 200


class Children:
    """The children that were started on purpose. Start one and enter it while holding the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: set[int] = set()

    def spare(self) -> None:
        """Leave alone what has come to this process up to now, such as an agent that a login shell started."""
        with self.lock:
            self.known.update(children_of(os.getpid()))


CHILDREN: Final = Children()
"""Of this process."""


class ProcessFacts(NamedTuple):
    """What the kernel says about a process."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    started: int
    """Clock ticks after the system's start: with the id it tells a process from a later one."""


def become_subreaper() -> bool:
    """Have orphaned descendants come to this process; True where the system can do that."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def processes() -> Iterator[ProcessFacts]:
    """Yield every process that can be seen; nothing where there is no /proc."""
    for name in _names("/proc"):
        if name.isdecimal() and (facts := process_facts(int(name))) is not None:
            yield facts


def process_facts(pid: int) -> ProcessFacts | None:
    """Look at one process; None when it is gone."""
    stat = _read(f"/proc/{pid}/stat")
    if not stat:
        return None
    # The name in parentheses may hold anything, parentheses included.
    fields = stat[stat.rindex(b")") + 2 :].split()
    state, (parent, group, session), started = fields[0], map(int, fields[1:4]), int(fields[19])
    return ProcessFacts(pid, parent, group, session, state.decode(), started)


def children_of(pid: int) -> list[int]:
    """Return the children of a process, zombies included."""
    listed = f"/proc/{pid}/task/{pid}/children"
    if pid == os.getpid() and not Path(listed).exists():
        return [facts.pid for facts in processes() if facts.parent == pid]
    threads = _names(f"/proc/{pid}/task")
    return [int(child) for tid in threads for child in _read(f"/proc/{pid}/task/{tid}/children").split()]


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 - a thousand Path objects for each look cost too much
    except OSError:
        return []


def _read(file: str) -> bytes:
    try:
        opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(opened, 1 << 16)
    except OSError:
        return b""
    finally:
        os.close(opened)


def end_orphans(limit_secs: float = 2.0) -> int:
    """Kill and reap the children that nobody here started, with all their descendants.

    Return how many processes were ended. Blocks for milliseconds: call it in a thread. A tree that keeps
    forking is stopped first to not outrun us; what dies hands its children to us, so we look again.
    """
    deadline = time.monotonic() + limit_secs
    ended: set[int] = set()
    for _ in range(_ROUNDS_MAX):
        with CHILDREN.lock:
            orphans = _orphans(CHILDREN.known)
        if not orphans or time.monotonic() > deadline:
            break
        doomed = _with_descendants(orphans)
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for pid in doomed:
                _kill(pid, sent)
        ended |= doomed
        for pid in orphans:
            _reap(pid, deadline)
    return len(ended)


def reap_orphans() -> None:
    """Reap the dead among the children that nobody here started.

    Waits while a child is being started: call it in a thread.
    """
    with CHILDREN.lock:
        for pid in _orphans(CHILDREN.known):
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def end_session(leader: int) -> int:
    """Kill what is left of a session whose supervisor is gone, when its processes do not come to us."""
    doomed = {facts.pid for facts in processes() if facts.session == leader and facts.state != "Z"}
    for pid in doomed:
        _kill(pid, signal.SIGKILL)
    return len(doomed)


def _orphans(known: set[int]) -> set[int]:
    my_session = os.getsid(0)
    facts = (process_facts(pid) for pid in children_of(os.getpid()) if pid not in known)
    return {one.pid for one in facts if one is not None and one.session != my_session}


def _with_descendants(roots: set[int]) -> set[int]:
    found: set[int] = set()
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo += children_of(pid)
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
