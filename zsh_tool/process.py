"""Start a child without blocking the loop, and learn of its end from the kernel."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from zsh_tool.reaper import CHILDREN


def spawned(
    argv: Sequence[str | bytes | Path],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    cwd: Path | None = None,
    env: Mapping[bytes, bytes] | None = None,
    executable: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start ``argv`` in a session of its own, for a `Process` to watch. Blocks; OSError when it cannot be started."""
    with CHILDREN.lock:
        child = subprocess.Popen(
            argv,
            executable=executable,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
        CHILDREN.known.add(child.pid)
    return child


class Process:
    """A child process and the moment of its end."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        """Done with the status (negative for a signal) once the child was reaped."""
        self._pidfd = -1
        self._watch()

    @classmethod
    async def start(cls, threads: Executor, spawn: Callable[[], "subprocess.Popen[bytes]"]) -> "Process":
        """Start a child by calling ``spawn`` in one of the threads; raises what that raises."""
        # Started even if the caller is cancelled meanwhile: a child that nobody holds could not be ended.
        starting = asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(threads, spawn))
        return cls(await asyncio.shield(starting))

    @property
    def pid(self) -> int:
        """The process id; only meaningful until `exited` is done."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child has not been reaped yet."""
        return not self.exited.done()

    def check(self) -> bool:
        """Ask the kernel whether the child still runs, ahead of the event of its end."""
        if self.running and self._pidfd >= 0:
            self._readable()
        return self.running

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the child is gone."""
        if self.running:
            self._child.send_signal(number)

    def let_go(self) -> None:
        """Stop watching a child that is meant to outlive us."""
        self._unwatch()
        # A child that is never waited for is no mistake here; Popen would warn about it.
        self._child.returncode = 0
        self.exited.cancel()

    def _watch(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self._child.pid)
        except (AttributeError, OSError):
            # Another system, an old kernel, or no descriptor left: a thread waits instead.
            threading.Thread(target=self._wait, daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._readable)

    def _readable(self) -> None:
        status = self._child.poll()
        if status is not None:
            self._unwatch()
            self._ended(status)

    def _unwatch(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _wait(self) -> None:
        status = self._child.wait()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended, status)

    def _ended(self, status: int) -> None:
        CHILDREN.known.discard(self._child.pid)
        if not self.exited.done():
            self.exited.set_result(status)
