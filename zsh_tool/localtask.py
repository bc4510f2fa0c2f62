"""One command of Python-only mode, from its start to the end of the last process that it is known to have left."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zsh_tool import sideband
from zsh_tool.output.writer import OutputWriter
from zsh_tool.process import Process
from zsh_tool.reaper import ProcessFacts
from zsh_tool.sessions import ended, group_is_gone, living, name_of, signal_all
from zsh_tool.task import Task
from zsh_tool.taskmodel import (
    CANCELLED,
    EXITED,
    IDLE_TIMEOUT,
    KILLED,
    SESSION_ENDED,
    SIGNALLED,
    TIMED_OUT,
    InputClosedError,
    InputFullError,
    SendReport,
    Survivor,
    TaskError,
    TaskRequest,
    TaskResult,
    TaskStatus,
)

_BLOCK: Final = 64 << 10
_DRAIN_MAX: Final = 1 << 20
"""What a pipe can hold at most: all that can be there when the shell has ended."""
_INPUT_MAX: Final = 1 << 20
_LAST_LIMIT_SECS: Final = 2.0
_OUTCOMES: Final = {
    "agent": KILLED,
    "user": KILLED,
    "cancelled": CANCELLED,
    "session": SESSION_ENDED,
    "timeout": TIMED_OUT,
    "idle_timeout": IDLE_TIMEOUT,
}


@dataclass
class LocalRun:
    """A running command: its task, its pipes, its limits. Also carries out the task's wishes."""

    task: Task
    directory: Path
    process: Process
    request: TaskRequest
    writer: OutputWriter
    text: bytes
    band: sideband.Sideband | None
    owned: bool = True
    _output: int = -1
    _input: asyncio.WriteTransport | None = None
    _pipe: os.stat_result | None = None
    """The input's pipe, which looks the same at both of its ends."""
    _beyond: int | None = None
    _started: float = field(default_factory=time.monotonic)
    _active: float = field(default_factory=time.monotonic)
    _ending: "asyncio.Task[None] | None" = None
    _ended_by: str | None = None
    _grace_from: float | None = None
    _doomed: list[ProcessFacts] = field(default_factory=list)
    _closed: bool = False
    _timers: list[asyncio.TimerHandle] = field(default_factory=list)

    async def connect(self, output: int, typed: int) -> None:
        """Take our ends of the pipes, and start the clocks."""
        loop = asyncio.get_running_loop()
        self._output = output
        os.set_blocking(output, False)
        loop.add_reader(output, self._readable)
        if typed >= 0:
            self._pipe = os.fstat(typed)
            pipe = os.fdopen(typed, "wb", buffering=0)
            self._input, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, pipe)
            if self.request.stdin:
                self._input.write(self.request.stdin.encode("utf-8", "replace"))
            if not self.request.keep_stdin:
                self._input.write_eof()
        if self.request.timeout_secs > 0:
            self._timers.append(loop.call_later(self.request.timeout_secs, self._time_is_up, "timeout"))
        if self.request.idle_timeout_secs > 0:
            self._look_at_idleness()

    async def until_ended(self) -> None:
        """Return when the shell has ended and the answer is settled."""
        status = await asyncio.shield(self.process.exited)
        elapsed = time.monotonic() - self._started
        for timer in self._timers:
            timer.cancel()
        self._drain()
        if self._ending is not None:
            await asyncio.wait({self._ending})
        # It may look at files of the command's again.
        line = await asyncio.to_thread(self.band.read) if self.band is not None else b""
        self.task.settle(self._result(status, elapsed, line))

    async def until_gone(self) -> None:
        """Return when no process of the session is left."""
        while members := self._members():
            await ended(facts.pid for facts in members)
        self._close()
        self.task.left()

    async def send(self, data: bytes) -> SendReport:
        """Put bytes into the command's input."""
        if self._input is None or self._input.is_closing() or not self.request.keep_stdin:
            raise InputClosedError("the command has closed its input")
        self._active = time.monotonic()
        for at in range(0, len(data), _INPUT_MAX):
            part = data[at : at + _INPUT_MAX]
            if self._input.get_write_buffer_size() + len(part) > _INPUT_MAX:
                raise InputFullError(at, len(data))
            self._input.write(part)
        return SendReport(echo=True)

    async def send_eof(self) -> None:
        """End the command's input."""
        if self._input is None or self._input.is_closing():
            raise InputClosedError("the command has closed its input")
        self._input.write_eof()

    async def send_signal(self, name: str) -> None:
        """Send one signal to the task's group."""
        number = signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            signal_all(self.process.pid, self._members(), number)

    async def resize(self, rows: int, cols: int) -> None:  # noqa: ARG002
        """Refuse: there is no terminal."""
        raise TaskError("the task has no terminal")

    async def end(self, by: str) -> None:
        """End the tree politely, then by force; return when nothing of it is left."""
        await asyncio.shield(self._end(by))

    async def status(self, probe: bool) -> TaskStatus:
        """Look at the task."""
        asks = probe and self.task.accepts_input and self._asks()
        return TaskStatus(
            running=self.task.running,
            total=self.writer.total,
            newlines=self.writer.newlines,
            accepts_input=self.task.accepts_input,
            waiting_for_input=asks,
        )

    def _asks(self) -> bool:
        pipe = self._pipe
        return pipe is not None and any(_reads(facts.pid, pipe) for facts in self._members())

    def notify(self, beyond: int) -> None:
        """Call the task once when more than ``beyond`` bytes exist."""
        self._beyond = beyond
        self._tell()

    async def kill_now(self) -> None:
        """Kill the tree without asking."""
        signal_all(self.process.pid, self._look(), signal.SIGKILL)
        await asyncio.wait({self.process.exited}, timeout=_LAST_LIMIT_SECS)
        self._close()

    def _readable(self) -> None:
        try:
            data = os.read(self._output, _BLOCK)
        except BlockingIOError:
            return
        if data:
            self._active = time.monotonic()
            self.writer.write(data)
            self._tell()
        else:
            self._stop_reading()

    def _tell(self) -> None:
        if self._beyond is not None and self.writer.total > self._beyond:
            self._beyond = None
            asyncio.get_running_loop().call_soon(self.task.output_grew, self.writer.total)

    def _drain(self) -> None:
        limit = self.writer.total + _DRAIN_MAX
        before = -1
        while self._output >= 0 and before < self.writer.total < limit:
            before = self.writer.total
            self._readable()

    def _time_is_up(self, by: str) -> None:
        self._end(by)

    def _look_at_idleness(self) -> None:
        left = self._active + self.request.idle_timeout_secs - time.monotonic()
        if left <= 0:
            self._end("idle_timeout")
        else:
            self._timers = [timer for timer in self._timers if timer.when() > time.monotonic()]
            self._timers.append(asyncio.get_running_loop().call_later(left, self._look_at_idleness))

    def _end(self, by: str) -> "asyncio.Task[None]":
        if self._ending is None:
            if self.process.running:
                self._ended_by, self._grace_from = by, time.monotonic()
            self._ending = asyncio.get_running_loop().create_task(self._escalate())
        return self._ending

    async def _escalate(self) -> None:
        for number, limit in ((signal.SIGTERM, self.request.grace_secs), (signal.SIGKILL, _LAST_LIMIT_SECS)):
            signal_all(self.process.pid, self._look(), number)
            signal_all(self.process.pid, self._doomed, signal.SIGCONT)
            with suppress(TimeoutError):
                return await asyncio.wait_for(self._nothing_left(number), limit)
        return None

    async def _nothing_left(self, sent: signal.Signals) -> None:
        await asyncio.shield(self.process.exited)
        while left := self._look():
            if sent == signal.SIGKILL:
                # Who was born while the others died has not been hit.
                signal_all(self.process.pid, left, sent)
            await ended(facts.pid for facts in left)

    def _look(self) -> list[ProcessFacts]:
        """Look again who is to be ended. Who once was in the tree stays in it, wherever it has come to be."""
        self._doomed = living(self.process.pid, self._doomed)
        return self._doomed

    def _members(self) -> list[ProcessFacts]:
        """Return who is left. Nobody is when the group is empty and nobody holds the output."""
        if self._output < 0 and not self._doomed and group_is_gone(self.process.pid):
            return []
        return living(self.process.pid, self._doomed)

    def _result(self, status: int, elapsed: float, line: bytes) -> TaskResult:
        exit_code = status if status >= 0 else 128 - status
        by = self._ended_by
        outcome = _OUTCOMES[by] if by else EXITED if status >= 0 else SIGNALLED
        grace = time.monotonic() - self._grace_from if self._grace_from is not None else 0.0
        return TaskResult(
            outcome=outcome,
            ended_by=by,
            exit_code=exit_code,
            signal=signal.Signals(-status).name.removeprefix("SIG") if status < 0 else None,
            pipestatus=sideband.codes(line, self.text, exit_code, signalled=status < 0),
            timed_out=outcome in {TIMED_OUT, IDLE_TIMEOUT},
            elapsed_ms=int(elapsed * 1000),
            grace_ms=int(grace * 1000),
            output_bytes=self.writer.total,
            survivors=tuple(Survivor(facts.pid, name_of(facts.pid)) for facts in self._members()),
            cwd=str(self.request.cwd),
            output_kept=self.writer.error is None,
            output_error=self.writer.error,
        )

    def _stop_reading(self) -> None:
        if self._output >= 0:
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def _close(self) -> None:
        if self._output >= 0:
            self._drain()
            self._stop_reading()
        if self._closed:
            return
        self._closed = True
        self.writer.close()
        # A pipe that is closed, and has nothing left to write, cannot be closed again.
        if self._input is not None and not (
            self._input.is_closing() and not self._input.get_write_buffer_size()
        ):
            self._input.abort()
        if self.band is not None:
            self.band.close()


def _reads(pid: int, pipe: os.stat_result) -> bool:
    """Tell whether a process sits in a read of this pipe, where the kernel says so."""
    try:
        call = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()
        from_where = Path(f"/proc/{pid}/fd/{int(call[1], 16)}") if call[0] == "0" else None
        return from_where is not None and os.path.samestat(from_where.stat(), pipe)
    except (OSError, IndexError):
        return False
