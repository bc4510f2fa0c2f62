"""Executors started ahead, so that a command does not wait for a process to start."""

import asyncio
import os
import socket
import subprocess
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zsh_tool.config import Settings
from zsh_tool.control import Channel, ChannelError
from zsh_tool.process import Process, spawned
from zsh_tool.taskdirs import TaskDirs
from zsh_tool.taskmodel import StartError

_HELLO_LIMIT_SECS: Final = 10.0
_REFILL_DELAY_SECS: Final = 0.05
"""Long enough for a short command to have the processors to itself."""
WORDS_NAME: Final = "stderr"


@dataclass(frozen=True)
class Standby:
    """An executor that waits for its one request."""

    task_id: str
    directory: Path
    process: Process
    channel: Channel

    @property
    def usable(self) -> bool:
        """Whether it is still there, with a directory for what the command prints."""
        there = self.process.check() and not self.channel.closed.done()
        return there and os.access(self.directory, os.W_OK)

    async def dismiss(self) -> None:
        """Have it end and clean up, by closing its owner's connection."""
        self.channel.close()
        await asyncio.wait({self.process.exited}, timeout=1.0)
        self.process.send_signal(9)


@dataclass(frozen=True)
class _Started:
    """An executor that has not said hello yet."""

    task_id: str
    directory: Path
    child: "subprocess.Popen[bytes]"
    ours: socket.socket


class StandbyMaker:
    """Starts executors in standby."""

    def __init__(self, settings: Settings, session_id: str, path: Path, dirs: TaskDirs) -> None:
        self._path = path
        self._options = _options(settings, session_id)
        # Its own; that of its command comes with the request. Which zsh it is has been settled with the
        # settings: a value that they refused must not come back here.
        self._environment = {name: value for name, value in os.environb.items() if name != b"ZSH_TOOL_ZSH"}
        self._dirs = dirs
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="spawn")

    async def make(self) -> Standby:
        """Start one and wait for its hello. `StartError` when that fails."""
        # Started even if the caller is cancelled meanwhile: one that nobody talks to ends by itself.
        loop = asyncio.get_running_loop()
        starting = asyncio.ensure_future(loop.run_in_executor(self._threads, self._started))
        started = await asyncio.shield(starting)
        process = Process(started.child)
        return await self._greeted(started.task_id, started.directory, process, started.ours)

    def _started(self) -> _Started:
        """Claim a directory and start an executor in it. Blocks."""
        task_id, directory = self._dirs.claim()
        try:
            child, ours = self._spawned(directory)
        except OSError as error:
            self._dirs.remove(directory)
            raise StartError(f"the executor {self._path} cannot be started: {error.strerror}") from error
        return _Started(task_id, directory, child, ours)

    def _spawned(self, directory: Path) -> "tuple[subprocess.Popen[bytes], socket.socket]":
        argv = [self._path, "--standby", "--control", directory, *self._options]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        words = -1
        try:
            words = os.open(directory / WORDS_NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            child = spawned(
                argv,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=words,
                cwd=Path("/"),
                env=self._environment,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            if words >= 0:
                os.close(words)
        return child, ours

    async def _greeted(self, task_id: str, directory: Path, process: Process, ours: socket.socket) -> Standby:
        ours.setblocking(False)
        standby = Standby(task_id, directory, process, await Channel.over(ours))
        try:
            await standby.channel.greeted(_HELLO_LIMIT_SECS)
        except ChannelError as error:
            await standby.dismiss()
            raise StartError(f"the executor did not start: {last_words(directory) or error}") from error
        return standby

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class StandbyPool:
    """A few executors in standby, refilled off the path of commands."""

    def __init__(self, make: Callable[[], Awaitable[Standby]], discard: Callable[[Standby], None], size: int):
        self._make = make
        self._discard = discard
        self._size = size
        self._ready: deque[Standby] = deque()
        self._filling: asyncio.Task[None] | None = None
        self._due: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self) -> Standby:
        """Return an executor in standby: a ready one, else one that is started now."""
        standby = self.take_ready()
        if standby is None:
            standby = await self._make()
            self.refill_later()
        return standby

    def take_ready(self) -> Standby | None:
        """Return an executor that is ready, if there is one."""
        while self._ready:
            standby = self._ready.popleft()
            if standby.usable:
                self.refill_later()
                return standby
            # One that still runs, but in no directory, ends with its owner's connection.
            standby.channel.close()
            self._discard(standby)
        return None

    def refill_later(self) -> None:
        """Start what is missing in a moment, unless `refill` is called before."""
        if self._due is None and not self._closed:
            self._due = asyncio.get_running_loop().call_later(_REFILL_DELAY_SECS, self.refill)

    def refill(self) -> None:
        """Start what is missing now, in the background."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._filling is None and not self._closed and len(self._ready) < self._size:
            self._filling = asyncio.get_running_loop().create_task(self._fill())

    def ready(self) -> list[Standby]:
        """Return the executors that wait now."""
        return list(self._ready)

    async def close(self) -> None:
        """Dismiss all."""
        self._closed = True
        if self._due is not None:
            self._due.cancel()
        if self._filling is not None:
            await asyncio.wait({self._filling}, timeout=1.0)
        waiting = list(self._ready)
        self._ready.clear()
        await asyncio.gather(*(standby.dismiss() for standby in waiting))
        for standby in waiting:
            self._discard(standby)

    async def _fill(self) -> None:
        try:
            while len(self._ready) < self._size and not self._closed:
                standby = await self._make()
                if self._closed:
                    await standby.dismiss()
                    self._discard(standby)
                else:
                    self._ready.append(standby)
        except StartError:
            # The next command tries again, and reports what is wrong to someone who can act on it.
            return
        finally:
            self._filling = None


def last_words(directory: Path) -> str:
    """Return the last line that an executor wrote on its stderr."""
    try:
        said = (directory / WORDS_NAME).read_bytes()[-2000:].decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return said.splitlines()[-1] if said else ""


def _options(settings: Settings, session_id: str) -> list[str | Path]:
    database = settings.database
    if not database.record:
        return []
    return [
        "--db",
        database.path,
        "--session-id",
        session_id,
        "--rows-max",
        str(database.rows),
        "--half-life-days",
        f"{database.half_life_days:g}",
    ]
