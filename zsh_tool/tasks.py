"""All tasks of this server: started, found again, looked up, ended."""

import asyncio
import difflib
import logging
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from zsh_tool.config import Settings
from zsh_tool.executor import ExecutorChoice
from zsh_tool.launch import ExecutorLauncher, HandedOver, Launched, Launcher, nothing
from zsh_tool.local import LocalLauncher
from zsh_tool.output.layout import HEAD, RING
from zsh_tool.shelf import Finished, Shelf
from zsh_tool.task import Task
from zsh_tool.taskdirs import Found, TaskDirs, UnsafePlaceError
from zsh_tool.taskmodel import (
    SESSION_ENDED,
    SIGNALLED,
    InputClosedError,
    PythonOnlyError,
    SendReport,
    StartError,
    Survivor,
    TaskEndedError,
    TaskError,
    TaskLimitError,
    TaskRequest,
    TaskResult,
    TaskStatus,
    UnknownTaskError,
)

__all__ = [
    "InputClosedError",
    "PythonOnlyError",
    "SendReport",
    "StartError",
    "Survivor",
    "Task",
    "TaskEndedError",
    "TaskError",
    "TaskLimitError",
    "TaskRegistry",
    "TaskRequest",
    "TaskResult",
    "TaskStatus",
    "UnknownTaskError",
]

EndListener = Callable[[Task], Coroutine[Any, Any, None]]

LIVE_MAX: Final = 64
_TIDY_DELAY_SECS: Final = 0.05
"""Long enough for the reply about a task that ended; what is done then competes with nothing."""
_READING_SECS: Final = 0.001
"""How long whoever waits for a reply has the processors to itself once the reply is out."""
_CLOSE_LIMIT_SECS: Final = 2.4
"""Leaves room, within three seconds, for ending what did not end by itself."""
_LISTED_COMMAND_MAX: Final = 60

logger = logging.getLogger(__name__)


class TaskRegistry:
    """Starts commands and keeps them findable until they are long over."""

    def __init__(self, settings: Settings, session_id: str, choice: ExecutorChoice) -> None:
        self.settings = settings
        self.session_id = session_id
        self.choice = choice
        self._dirs = TaskDirs(settings.state_dir)
        self._tasks: dict[str, Launched] = {}
        self._present: dict[str, Task] = {}
        """Tasks that are not gone: few, where those kept to be read are many."""
        self._shelf = Shelf()
        self._tidying: asyncio.TimerHandle | None = None
        self._listeners: list[EndListener] = []
        self._owners: dict[str, asyncio.Task[Any]] = {}
        self._held: set[asyncio.Task[Any]] = set()
        self._starting = 0
        self._closing = False
        self._temporary: Path | None = None
        self.problems: tuple[str, ...] = ()
        """What the user should know about the place of the tasks."""
        self._launcher: Launcher = (
            LocalLauncher(settings, self._dirs)
            if choice.path is None
            else ExecutorLauncher(settings, session_id, choice.path, self._dirs)
        )

    @property
    def python_only(self) -> bool:
        """Whether commands run without an executor."""
        return self.choice.python_only

    async def open(self) -> None:
        """Make the directories, find tasks that persisted, clean up after dead servers, warm up."""
        found = await asyncio.to_thread(self._open_dirs)
        await self._launcher.open()
        for launched in await asyncio.gather(*(self._launcher.adopt(one) for one in found)):
            self._take(launched, announce=not launched.task.announced)

    def _open_dirs(self) -> list[Found]:
        """Open the usual place; where that cannot be, tasks live in a private temporary one."""
        try:
            return self._dirs.open()
        except (OSError, UnsafePlaceError) as error:
            place = Path(tempfile.mkdtemp(prefix="zsh-tool-"))
            self._temporary = place
            self.problems = (
                f"tasks are kept in {place}, and those that persist will not be found again: {error}",
            )
            self._dirs.move_to(place)
            return self._dirs.open()

    def place_problem(self) -> str | None:
        """Say what is wrong with the place of the tasks as it is now. Blocks for a moment."""
        return self._dirs.problem()

    async def start(self, request: TaskRequest, handed_over: HandedOver = nothing) -> Task:
        """Start a command. If the caller is cancelled meanwhile, the command is ended as cancelled.

        ``handed_over`` is called as soon as the request is on its way. Raises `StartError` when there is nothing to
        start it with; a command that cannot be started is a task that failed to.
        """
        if self._closing:
            raise StartError("the server is ending")
        if "\0" in request.command:
            raise StartError("a command cannot hold a NUL character")
        live = [task for task in self._present.values() if task.live]
        if len(live) + self._starting >= LIVE_MAX:
            raise TaskLimitError(LIVE_MAX, [_listed(task) for task in live])
        launched = self._launcher.start_at_once(request, handed_over)
        if launched is not None:
            return self._take(launched, announce=True)
        self._starting += 1
        starting = self._hold(self._started(request, handed_over))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_end_as_cancelled)
            raise

    def get(self, task_id: str) -> Task:
        """Return the task with this id, or raise `UnknownTaskError` naming near ones."""
        launched = self._tasks.get(task_id)
        if launched is None:
            raise UnknownTaskError(task_id, difflib.get_close_matches(task_id, self._tasks, n=3))
        return launched.task

    def tasks(self) -> list[Task]:
        """Return all tasks, live ones first, then the latest first."""
        every = [launched.task for launched in self._tasks.values()]
        return sorted(every, key=lambda task: (not task.live, -task.started_at))

    def replied(self) -> None:
        """Take note that a reply is out: what was put off for it need not wait much longer."""
        loop = asyncio.get_running_loop()
        soon = loop.time() + _READING_SECS
        if self._tidying is not None and self._tidying.when() > soon:
            self._tidying.cancel()
            self._tidying = loop.call_at(soon, self._tidy)

    def _tidy_later(self) -> None:
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(_TIDY_DELAY_SECS, self._tidy)

    def _tidy(self) -> None:
        """Do what was put off until the replies are out: drop old tasks, start the next executors."""
        self._tidying = None
        if not self._closing:
            self._launcher.refill()
            for task_id in self._shelf.take_surplus(time.time()):
                self._hold(asyncio.to_thread(self._dirs.remove, self._tasks.pop(task_id).directory))

    def add_end_listener(self, listener: EndListener) -> None:
        """Have ``listener`` awaited with each task that ends."""
        self._listeners.append(listener)

    async def close(self, by: str = "session") -> None:
        """End everything that is not meant to stay, within three seconds."""
        self._closing = True
        if self._tidying is not None:
            self._tidying.cancel()
        deadline = time.monotonic() + _CLOSE_LIMIT_SECS
        staying = {task.id for task in self.tasks() if task.live and task.persist}
        for task in self.tasks():
            if task.live and task.id not in staying:
                task.kill_soon(by)
        await self._wait_for_held(staying, deadline)
        # Nobody may take the connections that are dropped now for executors that died.
        for held in list(self._held):
            held.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)
        await self._launcher.close([self._tasks[task.id] for task in self.tasks() if task.live])
        for task in self.tasks():
            if task.running and task.id not in staying:
                task.settle(TaskResult(SESSION_ENDED, ended_by=by, elapsed_ms=task.elapsed_ms))
        gone = [launched.directory for launched in self._tasks.values() if not launched.task.persist]
        await asyncio.to_thread(self._remove_all, gone)

    async def _wait_for_held(self, staying: set[str], deadline: float) -> None:
        """Wait for all work in the background but that on tasks which stay; ends may start more of it."""
        while True:
            left = self._held - {self._owners[task_id] for task_id in staying if task_id in self._owners}
            if not left or time.monotonic() >= deadline:
                return
            timeout = max(0.0, deadline - time.monotonic())
            await asyncio.wait(left, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _remove_all(self, directories: list[Path]) -> None:
        for directory in directories:
            self._dirs.remove(directory)
        self._dirs.close()
        if self._temporary is not None and not any(
            launched.task.persist for launched in self._tasks.values()
        ):
            self._dirs.remove(self._temporary)

    async def _started(self, request: TaskRequest, handed_over: HandedOver) -> Task:
        try:
            return self._take(await self._launcher.start(request, handed_over), announce=True)
        finally:
            self._starting -= 1

    def _take(self, launched: Launched, *, announce: bool) -> Task:
        task_id = launched.task.id
        self._tasks[task_id] = launched
        self._present[task_id] = launched.task
        self._owners[task_id] = owner = self._hold(self._own(launched, announce))
        owner.add_done_callback(lambda _: self._owners.pop(task_id, None))
        return launched.task

    async def _own(self, launched: Launched, announce: bool) -> None:
        """Stay with a task until nothing of it is left."""
        task = launched.task
        await launched.until_ended()
        # Told first: the next reply is to announce it, however long the disk takes for the word.
        if announce:
            for listener in self._listeners:
                self._hold(listener(task))
        if task.persist:
            await self._leave_word(launched, task.ended.result())
        self._tidy_later()
        await launched.until_gone()
        task.left()
        self._present.pop(task.id, None)
        if launched.owned:
            kept_bytes = min(task.ended.result().output_bytes, HEAD + RING)
            self._shelf.add(Finished(task.ended_at or task.started_at, task.id, kept_bytes))
        self._tidy_later()

    async def _leave_word(self, launched: Launched, result: TaskResult) -> None:
        """Let later servers know that the end of a task that persisted was seen, and who sent its signal."""
        facts = launched.task.facts
        sender = result.ended_by if result.outcome == SIGNALLED else None
        left = replace(facts, signalled_by=sender or facts.signalled_by, end_seen=True)
        if left != facts:
            try:
                await asyncio.to_thread(self._dirs.write_facts, launched.directory, left)
            except OSError as error:
                logger.warning("later servers will take the end of %s for news: %s", launched.task.id, error)

    def _hold(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        held = asyncio.get_running_loop().create_task(work)
        self._held.add(held)
        held.add_done_callback(self._release)
        return held

    def _release(self, held: "asyncio.Task[Any]") -> None:
        self._held.discard(held)
        error = None if held.cancelled() else held.exception()
        if error is not None and not isinstance(error, TaskError):
            logger.error("work in the background failed", exc_info=error)


def _end_as_cancelled(starting: "asyncio.Task[Task]") -> None:
    if not starting.cancelled() and starting.exception() is None:
        starting.result().kill_soon("cancelled")


def _listed(task: Task) -> str:
    command = " ".join(task.command.split())
    shown = command if len(command) <= _LISTED_COMMAND_MAX else command[: _LISTED_COMMAND_MAX - 1] + "…"
    state = "" if task.running else ", ended but left processes running"
    return f"{task.id}  {task.elapsed_ms / 1000:.0f} s  {shown}{state}"
