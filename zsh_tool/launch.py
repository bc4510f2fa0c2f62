"""Start commands in executors, find those that still run, and see each of them to its end."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from zsh_tool.config import Settings
from zsh_tool.control import Channel, ChannelClosedError, ChannelError, Message
from zsh_tool.meta import MetaError, read_result, result_of
from zsh_tool.output.store import OutputStore
from zsh_tool.process import Process
from zsh_tool.reaper import become_subreaper, end_orphans, end_session
from zsh_tool.runner import ExecutorRunner, run_request
from zsh_tool.standby import Standby, StandbyMaker, StandbyPool, last_words
from zsh_tool.task import Task, TaskFacts
from zsh_tool.taskdirs import META_NAME, Found, TaskDirs
from zsh_tool.taskmodel import FAILED_TO_START, LOST, SIGNALLED, StartError, TaskRequest, TaskResult

_POOL_SIZE: Final = 2
_HELLO_LIMIT_SECS: Final = 2.0
_DRAIN_LIMIT_SECS: Final = 1.0
"""What a dead executor said last is in the socket already; this bounds a socket that something inherited."""
_ADOPTED_GRACE_SECS: Final = 2.0


HandedOver = Callable[[], None]


def nothing() -> None:
    """Do nothing."""


class Launched(Protocol):
    """A task, and what sees it to its end."""

    task: Task
    directory: Path
    owned: bool

    async def until_ended(self) -> None:
        """Return when the task's result is settled, whatever happened."""
        ...

    async def until_gone(self) -> None:
        """Return when no process of the task is left."""
        ...


class Launcher(Protocol):
    """A way to run commands."""

    async def open(self) -> None:
        """Get ready."""
        ...

    def start_at_once(self, request: TaskRequest, handed_over: HandedOver) -> Launched | None:
        """Start a command if that needs no waiting."""
        ...

    async def start(self, request: TaskRequest, handed_over: HandedOver) -> Launched:
        """Start a command; raises `StartError` when nothing can be started.

        ``handed_over`` is called when the request is on its way.
        """
        ...

    async def adopt(self, found: Found) -> Launched:
        """Take up a task of an earlier server."""
        ...

    def refill(self) -> None:
        """Make ready for the next commands, in the background."""
        ...

    async def close(self, live: Sequence[Any]) -> None:
        """End by force what did not end when asked, and everything kept ready; leave what persists."""
        ...


@dataclass
class Supervised:
    """A task with its executor: a child of ours, or one that an earlier server started."""

    task: Task
    directory: Path
    channel: Channel | None
    process: Process | None
    owned: bool = True

    def take_answer(self, answer: "asyncio.Future[Message]") -> None:
        """Take the executor's answer to the request: a command that it refuses has failed to start."""
        refusal = answer.exception()
        # An executor that is gone has perhaps started the command: its end tells what is known.
        if refusal is not None and not isinstance(refusal, ChannelClosedError):
            words = f"the executor refused the command: {refusal}"
            self.task.settle(TaskResult(FAILED_TO_START, cwd=str(self.task.cwd), error=words))

    async def until_ended(self) -> None:
        """Return when the task's result is settled: told, read from the meta file, or lost."""
        if not self.task.ended.done():
            over = self._over()
            await asyncio.wait({self.task.ended, over}, return_when=asyncio.FIRST_COMPLETED)
            if not self.task.ended.done():
                await self._settle_without_answer()

    async def until_gone(self) -> None:
        """Return when the executor has ended, which it does when all processes of the task are gone."""
        over = self._over()
        if not over.done():
            await asyncio.wait({over})
        if not self.task.gone.done() and self.task.ended.result().survivors:
            await self._end_what_is_left()
        if self.channel is not None:
            self.channel.close()

    def let_go(self) -> None:
        """Leave a task that persists to itself."""
        if self.process is not None:
            self.process.let_go()
        if self.channel is not None:
            self.channel.close()

    def _over(self) -> "asyncio.Future[Any]":
        if self.process is not None:
            return self.process.exited
        if self.channel is not None:
            return self.channel.closed
        over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        over.set_result(None)
        return over

    async def _settle_without_answer(self) -> None:
        if self.channel is not None:
            waits: set[asyncio.Future[Any]] = {self.task.ended, self.channel.closed}
            await asyncio.wait(waits, timeout=_DRAIN_LIMIT_SECS, return_when=asyncio.FIRST_COMPLETED)
        if self.task.ended.done():
            return
        answer = await asyncio.to_thread(read_result, self.directory / META_NAME)
        if answer is None:
            await self._end_what_is_left()
            answer = lost(self.task, last_words(self.directory))
        self.task.settle(answer)

    async def _end_what_is_left(self) -> None:
        if self.process is not None:
            await asyncio.to_thread(end_orphans)
        elif self.channel is not None and self.task.facts.leader is not None:
            await asyncio.to_thread(end_session, self.task.facts.leader)


class ExecutorLauncher:
    """Runs commands in executors, from a pool that stands by."""

    def __init__(self, settings: Settings, session_id: str, path: Path, dirs: TaskDirs) -> None:
        self._settings = settings
        self._session_id = session_id
        self._dirs = dirs
        self._maker = StandbyMaker(settings, session_id, path, dirs)
        self._pool = StandbyPool(self._maker.make, self._discard, _POOL_SIZE)
        self._discarding: set[asyncio.Future[None]] = set()

    async def open(self) -> None:
        """Have orphans come here, and start the first executors."""
        become_subreaper()
        self._pool.refill()

    def start_at_once(self, request: TaskRequest, handed_over: HandedOver) -> Supervised | None:
        """Hand a command to an executor in standby, if one is ready."""
        standby = None if request.persist else self._pool.take_ready()
        return None if standby is None else self._ask(standby, request, handed_over)[0]

    async def start(self, request: TaskRequest, handed_over: HandedOver) -> Supervised:
        """Hand a command to an executor in standby, as soon as there is one."""
        standby = await self._pool.take()
        if not request.persist:
            return self._ask(standby, request, handed_over)[0]
        try:
            # Before it runs: should this server die in the next moment, the task can still be found.
            await self._write_facts(standby, TaskFacts.of(request, self._session_id))
        except StartError:
            await standby.dismiss()
            self._discard(standby)
            raise
        launched, answer = self._ask(standby, request, handed_over)
        task, leader = launched.task, await _leader(launched.task, answer)
        if leader is not None:
            task.facts = replace(task.facts, leader=leader)
            with suppress(StartError):  # found again it will be all the same
                await self._write_facts(standby, task.facts)
        return launched

    async def _write_facts(self, standby: Standby, facts: TaskFacts) -> None:
        try:
            await asyncio.to_thread(self._dirs.write_facts, standby.directory, facts)
        except OSError as error:
            raise StartError(f"a task that persists needs room for its facts: {error}") from error

    def _ask(
        self, standby: Standby, request: TaskRequest, handed_over: HandedOver
    ) -> "tuple[Supervised, asyncio.Future[Message]]":
        """Send the request. Its answer is not waited for: a short command's comes with its end."""
        zsh, record = self._settings.zsh, self._settings.database.record
        payload, fields = run_request(request, self._session_id, zsh, record)
        answer = standby.channel.ask("run", payload, **fields)
        # The command is on its way; whatever it causes is heard of by the event loop, hence after this.
        facts = TaskFacts.of(request, self._session_id)
        task = Task(standby.task_id, facts, OutputStore(standby.directory))
        task.runner = ExecutorRunner(standby.channel, standby.process.pid, request.grace_secs)
        standby.channel.on_event = partial(_take_event, task)
        launched = Supervised(task, standby.directory, standby.channel, standby.process)
        answer.add_done_callback(launched.take_answer)
        handed_over()
        return launched, answer

    async def adopt(self, found: Found) -> Supervised:
        """Connect to the executor of an earlier server, or read what it left."""
        return await adopted(found)

    def refill(self) -> None:
        """Start the executors that the next commands will take."""
        self._pool.refill()

    async def close(self, live: Sequence[Supervised]) -> None:
        """Kill the executors that did not end when asked, then dismiss those in standby."""
        ended = []
        for one in live:
            if one.task.persist:
                one.let_go()
            elif one.process is not None:
                one.process.send_signal(9)
                ended.append(one.process.exited)
        if ended:
            await asyncio.wait(ended, timeout=0.3)
            await asyncio.to_thread(end_orphans, 0.3)
        await self._pool.close()
        await asyncio.gather(*self._discarding)
        self._maker.close()

    def _discard(self, standby: Standby) -> None:
        loop = asyncio.get_running_loop()
        removing = loop.run_in_executor(None, self._dirs.remove, standby.directory)
        self._discarding.add(removing)
        removing.add_done_callback(self._discarding.discard)


async def _leader(task: Task, answer: "asyncio.Future[Message]") -> int | None:
    """Return the shell's process id once it is known; None when there is no shell."""
    # What cannot be started ends without an answer.
    either: set[asyncio.Future[Any]] = {answer, task.ended}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not answer.done() or answer.exception() is not None:
        return None
    return int(answer.result().fields.get("pid") or 0) or None


async def adopted(found: Found) -> Supervised:
    """Connect to the executor of an earlier server, or read what it left."""
    task = Task(found.task_id, found.facts, OutputStore(found.directory))
    meta = found.directory / META_NAME
    supervised = Supervised(task, found.directory, None, None, found.owned)
    if found.live:
        supervised.channel = await _connected(task, found.directory)
    answer = await asyncio.to_thread(read_result, meta)
    if answer is not None:
        if answer.outcome == SIGNALLED:
            answer = replace(answer, ended_by=answer.ended_by or found.facts.signalled_by)
        task.settle(answer)
        task.ended_at = meta.stat().st_mtime
    task.announced = found.facts.end_seen
    if supervised.channel is None:
        task.settle(lost(task, last_words(found.directory)))
        task.left()
    return supervised


async def _connected(task: Task, directory: Path) -> Channel | None:
    try:
        channel = await Channel.to(directory)
    except OSError:
        return None
    channel.on_event = partial(_take_event, task)
    try:
        hello = await channel.greeted(_HELLO_LIMIT_SECS)
    except ChannelError:
        channel.close()
        return None
    task.runner = ExecutorRunner(channel, hello.pid, _ADOPTED_GRACE_SECS)
    return channel


def lost(task: Task, words: str) -> TaskResult:
    """Return the result of a task whose executor ended without an answer."""
    error = f"the executor ended without an answer{': ' + words if words else ''}"
    return TaskResult(
        outcome=LOST,
        elapsed_ms=task.elapsed_ms,
        output_bytes=task.output.total,
        cwd=str(task.cwd),
        error=error,
    )


def _take_event(task: Task, message: Message) -> None:
    fields = message.fields
    if fields["event"] == "output":
        task.output_grew(int(fields["total"]))
    elif fields["event"] == "ended":
        try:
            task.settle(result_of(fields))
        except MetaError as error:
            task.settle(lost(task, str(error)))
    elif fields["event"] == "gone":
        task.left()
