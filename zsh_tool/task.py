"""A live or finished command, with one set of verbs whatever runs it."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Coroutine, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from zsh_tool.output.store import OutputStore
from zsh_tool.taskmodel import (
    KILLED,
    SIGNALLED,
    InputClosedError,
    SendReport,
    TaskEndedError,
    TaskRequest,
    TaskResult,
    TaskStatus,
)

_RESULT_LIMIT_SECS = 3.0
"""After a kill the result follows at once, or within this time where the executor had to be killed."""
_GONE_LIMIT_SECS = 1.0
"""After the last process of a task its executor ends at once; what could not be killed is waited for no longer."""
_NO_MORE_INPUT = " and takes no more input"
_NOTHING_TO_SIGNAL = ": nothing to signal"

_Answer = TypeVar("_Answer")


class Runner(Protocol):
    """What carries out a task's wishes: an executor behind its channel, or Python-only mode's own."""

    async def send(self, data: bytes) -> SendReport:
        """Put bytes into the command's input."""
        ...

    async def send_eof(self) -> None:
        """End the command's input."""
        ...

    async def send_signal(self, name: str) -> None:
        """Send one signal to the foreground group of the terminal, else to the task's group."""
        ...

    async def resize(self, rows: int, cols: int) -> None:
        """Give the terminal another size."""
        ...

    async def end(self, by: str) -> None:
        """End the whole tree; return when no process of it is left."""
        ...

    async def status(self, probe: bool) -> TaskStatus:
        """Look at the terminal and the processes."""
        ...

    def notify(self, beyond: int) -> None:
        """Ask for one call of `Task.output_grew` as soon as more than ``beyond`` bytes exist."""
        ...


@dataclass(frozen=True)
class TaskFacts:
    """What a task is, apart from what it does. Kept as ``task.json`` for tasks that persist."""

    command: str
    cwd: str
    started_at: float
    description: str | None = None
    pty: bool = False
    rows: int = 40
    cols: int = 120
    persist: bool = False
    open_input: bool = False
    session_id: str = ""
    leader: int | None = None
    """Process id of the session's leader, the shell."""
    signalled_by: str | None = None
    """Who sent the signal that ended it, where that is known: only the server knows, not the executor."""
    end_seen: bool = False
    """Whether a server knew of the end, and told of it: a later one has no news in it."""

    @classmethod
    def of(cls, request: TaskRequest, session_id: str) -> "TaskFacts":
        """Take the facts from a request that starts now."""
        return cls(
            command=request.command,
            cwd=str(request.cwd),
            started_at=time.time(),
            description=request.description,
            pty=request.pty,
            rows=request.rows,
            cols=request.cols,
            persist=request.persist,
            open_input=request.open_input,
            session_id=session_id,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        return asdict(self)


class Task:
    """One command: what it is, what it printed, how it ended, and what can be done to it."""

    def __init__(self, task_id: str, facts: TaskFacts, output: OutputStore) -> None:
        self.id = task_id
        self.facts = facts
        self.output = output
        self.delivered = 0
        """Offset up to which replies have shown the output."""
        self.looked_at = 0
        """Offset up to which replies have looked: what they did not show of it waits for what completes it."""
        self.announced = False
        """Whether the agent was told of the end."""
        self.ended: asyncio.Future[TaskResult] = asyncio.get_running_loop().create_future()
        """Done with the result when the command has ended. Wait for it, never cancel it."""
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when no process of the task is left, survivors included."""
        self.ended_at: float | None = None
        """When the end was known here, in seconds since the epoch."""
        self.runner: Runner | None = None
        self._input_closed = not facts.open_input
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._armed: int | None = None
        self._held: set[asyncio.Task[None]] = set()
        self._signals_sent: set[str] = set()
        self._started = time.monotonic() - max(0.0, time.time() - facts.started_at)

    def __repr__(self) -> str:
        return f"<Task {self.id} {self.result.outcome if self.result else 'running'}>"

    @property
    def command(self) -> str:
        """The text that runs."""
        return self.facts.command

    @property
    def description(self) -> str | None:
        """What the agent said the command is for."""
        return self.facts.description

    @property
    def cwd(self) -> Path:
        """Where the command was started."""
        return Path(self.facts.cwd)

    @property
    def pty(self) -> bool:
        """Whether the command has a terminal."""
        return self.facts.pty

    @property
    def persist(self) -> bool:
        """Whether the task is meant to outlive the server."""
        return self.facts.persist

    @property
    def started_at(self) -> float:
        """When it was started, in seconds since the epoch."""
        return self.facts.started_at

    @property
    def result(self) -> TaskResult | None:
        """How it ended; None while it runs."""
        return self.ended.result() if self.ended.done() else None

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        return not self.ended.done()

    @property
    def live(self) -> bool:
        """Whether it runs, or processes that outlived its shell do."""
        return self.running or (bool(self.ended.result().survivors) and not self.gone.done())

    @property
    def accepts_input(self) -> bool:
        """Whether it can be typed into."""
        return self.running and not self._input_closed

    @property
    def elapsed_ms(self) -> int:
        """How long it ran, or has been running."""
        if self.result is not None:
            return self.result.elapsed_ms
        return int((time.monotonic() - self._started) * 1000)

    async def send(self, data: bytes) -> SendReport:
        """Type ``data`` into the command."""
        return await self._unless_over(self._runner_for_input().send(data), _NO_MORE_INPUT)

    async def send_eof(self) -> None:
        """End the command's input; a terminal can be typed into again afterwards."""
        await self._unless_over(self._runner_for_input().send_eof(), _NO_MORE_INPUT)
        self._input_closed = not self.facts.pty

    async def send_signal(self, name: str) -> None:
        """Send one signal, once, without escalation."""
        if self.runner is None or not self.live:
            raise self._over(_NOTHING_TO_SIGNAL)
        # Noted first: the news of the end can be here before the answer to the request.
        self._signals_sent.add(_plain_name(name))
        await self._unless_over(self.runner.send_signal(name), _NOTHING_TO_SIGNAL)

    def expect_signals(self, names: Iterable[str]) -> None:
        """Note signals that the agent is about to cause, such as by C-c, so that an end by one is put down to it."""
        self._signals_sent.update(names)

    async def resize(self, rows: int, cols: int) -> None:
        """Give the terminal another size."""
        if self.runner is None or not self.running:
            raise self._over()
        await self.runner.resize(rows, cols)
        self.facts = replace(self.facts, rows=rows, cols=cols)

    async def kill(self, by: str = "agent") -> None:
        """End the whole tree, survivors too; return when all of it is gone and the result is known."""
        if self.runner is not None and not self.gone.done():
            await self.runner.end(by)
            await asyncio.wait({self.ended}, timeout=_RESULT_LIMIT_SECS)
            if self.live:
                # What outlived the shell counts as alive until the news of its end is here, which comes by itself.
                await asyncio.wait({self.gone}, timeout=_GONE_LIMIT_SECS)

    def settle(self, result: TaskResult) -> None:
        """Take the result; a second one changes nothing."""
        if not self.ended.done():
            if result.outcome == "signalled" and result.signal in self._signals_sent:
                result = replace(result, ended_by="agent")
            self.ended_at = time.time()
            self.ended.set_result(result)

    def left(self) -> None:
        """Take note that no process of the task is left."""
        self.output.growing = False
        if not self.gone.done():
            self.gone.set_result(None)

    def kill_soon(self, by: str) -> None:
        """Start `kill` from where nothing can be awaited, such as a cancelled call."""
        self.hold(self.kill(by))

    async def status(self, probe: bool = False) -> TaskStatus:
        """Look at the task; with ``probe`` also whether it waits for input."""
        if self.runner is None or not self.running:
            return TaskStatus(running=False, total=self.output.total)
        return await self.runner.status(probe)

    def output_beyond(self, offset: int) -> asyncio.Future[None]:
        """Return a future, done once more than ``offset`` bytes were printed. Cancel it when unwanted."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.output.total > offset:
            future.set_result(None)
        else:
            self._waiters.append((offset, future))
            self._arm()
        return future

    def output_grew(self, total: int) -> None:
        """Take the runner's word that ``total`` bytes exist."""
        self._armed = None
        for offset, future in self._waiters:
            if total > offset and not future.done():
                future.set_result(None)
        self._arm()

    def hold(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run ``work`` for this task, held until it is done."""
        held = asyncio.get_running_loop().create_task(work)
        self._held.add(held)
        held.add_done_callback(self._held.discard)
        return held

    def _arm(self) -> None:
        self._waiters = [entry for entry in self._waiters if not entry[1].done()]
        lowest = min((offset for offset, _ in self._waiters), default=None)
        if lowest is None or self.runner is None or self.gone.done():
            return
        if self._armed is None or self._armed > lowest:
            self._armed = lowest
            self.runner.notify(lowest)

    def _runner_for_input(self) -> Runner:
        if self.runner is None or not self.running:
            raise self._over(_NO_MORE_INPUT)
        if self._input_closed:
            why = "its input was ended" if self.facts.open_input else "it was started without open input"
            raise InputClosedError(
                f"task {self.id} takes no input: {why}; start it with keep_stdin true (or pty true) for that"
            )
        return self.runner

    async def _unless_over(self, asked: Awaitable[_Answer], consequence: str) -> _Answer:
        """Return the runner's answer; if the command ended meanwhile, say how it did."""
        try:
            return await asked
        except TaskEndedError as error:
            await asyncio.wait({self.ended}, timeout=_RESULT_LIMIT_SECS)
            raise self._over(consequence) from error

    def _over(self, consequence: str = "") -> TaskEndedError:
        return TaskEndedError(f"task {self.id} has ended ({self._ended_how()}){consequence}")

    def _ended_how(self) -> str:
        result = self.result
        if result is None:
            return "its executor is gone"
        sender = result.ended_by if result.outcome in (KILLED, SIGNALLED) else None
        how = f"{result.outcome} by {sender}" if sender else result.outcome
        return how if result.exit_code is None else f"{how}, exit code {result.exit_code}"


def _plain_name(name: str) -> str:
    """Return a signal as results name it: neither a number nor with SIG."""
    text = name.strip().upper()
    if text.isdecimal():
        text = next((one.name for one in signal.Signals if one == int(text)), text)
    return text.removeprefix("SIG")
