"""A task without a process: the test prints and ends it."""

import asyncio
import time
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from zsh_tool.output.store import OutputStore
from zsh_tool.output.writer import OutputWriter
from zsh_tool.task import Task, TaskFacts
from zsh_tool.taskmodel import SendReport, TaskResult, TaskStatus


class FakeRunner:
    """Carries out nothing and remembers what was asked."""

    def __init__(self) -> None:
        self.beyond: int | None = None
        self.notified = 0
        self.waiting_for_input = False
        self.probes = 0
        self.sent: list[bytes] = []

    async def send(self, data: bytes) -> SendReport:
        self.sent.append(data)
        return SendReport(True)

    async def send_eof(self) -> None:
        self.sent.append(b"EOF")

    async def send_signal(self, name: str) -> None:
        self.sent.append(name.encode())

    async def resize(self, rows: int, cols: int) -> None:
        self.sent.append(b"%dx%d" % (rows, cols))

    async def end(self, by: str) -> None:
        self.sent.append(b"end " + by.encode())

    async def status(self, probe: bool) -> TaskStatus:
        self.probes += probe
        return TaskStatus(running=True, waiting_for_input=self.waiting_for_input)

    def notify(self, beyond: int) -> None:
        self.beyond = beyond
        self.notified += 1


class FakeTask(Task):
    """A task that prints what the test says."""

    def __init__(self, directory: Path, *, open_input: bool = False, pty: bool = False) -> None:
        facts = TaskFacts("fake", "/", time.time(), open_input=open_input or pty, pty=pty)
        super().__init__("fake00", facts, OutputStore(directory))
        self.fake = FakeRunner()
        self.runner = self.fake
        self._writer = OutputWriter(directory)

    def print(self, data: bytes) -> None:
        self._writer.write(data)
        beyond, total = self.fake.beyond, self._writer.total
        if beyond is not None and total > beyond:
            self.fake.beyond = None
            asyncio.get_running_loop().call_soon(self.output_grew, total)

    def end(self, exit_code: int = 0) -> None:
        self._writer.close()
        self.settle(TaskResult("exited", exit_code=exit_code, output_bytes=self._writer.total))
        self.left()


class FastClock:
    """Time that passes many times faster."""

    def __init__(self, factor: float = 20.0) -> None:
        self.factor = factor

    def now(self) -> float:
        return time.monotonic() * self.factor

    async def wait(self, futures: AbstractSet["asyncio.Future[Any]"], secs: float) -> None:
        timeout = max(0.0, secs) / self.factor
        await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
