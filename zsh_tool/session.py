"""One server run: its tasks, its memory, its breaker, and what the agent was told already.

The order of a command's life is kept here: breaker, what history knows, start, wait, record, what
the end means.
"""

import asyncio
import fnmatch
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from zsh_tool import expressions, render
from zsh_tool.advice import advice_or
from zsh_tool.alan import ALAN, AT_ONCE_CHARS
from zsh_tool.config import Settings
from zsh_tool.environment import Environment
from zsh_tool.executor import ExecutorChoice, find_executor
from zsh_tool.ids import new_id
from zsh_tool.insights import DurationEstimate, Insight, ShownInsight
from zsh_tool.insights.duration import surely_not_long
from zsh_tool.neverhang import Neverhang
from zsh_tool.normalize import template_command
from zsh_tool.project import project_of
from zsh_tool.replies import facts_of
from zsh_tool.task import Task
from zsh_tool.taskmodel import EXITED, IDLE_TIMEOUT, SIGNALLED, TIMED_OUT, TaskError, TaskRequest, TaskResult
from zsh_tool.tasks import TaskRegistry

log = logging.getLogger(__name__)

CLOSE_LIMIT_SECS: Final = 2.5
"""The client is gone: after this long nothing of ours may be left, answered or not."""
BOOKS_MAX: Final = 200
"""More than there can be tasks, so that old books are looked for once in a while."""
ANNOUNCED_AT_ONCE: Final = 3
ON_ITS_OWN: Final = frozenset({EXITED, SIGNALLED, TIMED_OUT, IDLE_TIMEOUT})
"""Outcomes that tell something about the command: nobody else ended it."""


class BlockedError(TaskError):
    """The circuit breaker refused the command."""


@dataclass
class Book:
    """What is known about one task besides the task itself."""

    template: str = ""
    project: str = ""
    probe: bool = False
    """Whether it is the one run by which the circuit breaker finds out."""
    ours: bool = False
    """Whether this server started it: only then its end is ours to record."""
    before: Sequence[Insight] = ()
    estimate: DurationEstimate | None = None
    request: TaskRequest | None = None
    """What was asked, if this server started it."""
    carried: Sequence[ShownInsight] = ()
    """What replies had shown before, for this command's record to tell of."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    closing: "asyncio.Future[Sequence[Insight]] | None" = None
    record_error: str | None = None
    """Why Python-only mode could not record it."""


class Session:
    """Everything that lives as long as one client's connection."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], started_in: Path | None) -> None:
        self.settings = settings
        self.id = secrets.token_hex(4)
        self.breaker = Neverhang()
        self.environment = Environment(settings, environ, started_in)
        self.choice = ExecutorChoice(None, "not looked for yet")
        self.closing = False
        self.not_recorded: str | None = None
        """Why the last command that ended could not be recorded."""
        self.changed: list[Callable[[Task, bool], None]] = []
        """Called when a task has started (True) and when it has ended (False)."""
        self._registry: TaskRegistry | None = None
        self._alan: ALAN | None = None
        self._opening: asyncio.Task[None] | None = None
        self._books: dict[str, Book] = {}
        self._attended: Counter[str] = Counter()
        self._untold: dict[str, Task] = {}
        """Tasks that ended, until it is known that a reply told of their end."""

    @property
    def registry(self) -> TaskRegistry:
        """The tasks. There after `ready`."""
        if self._registry is None:
            raise TaskError("the server is not ready")
        return self._registry

    @property
    def python_only(self) -> bool:
        """Whether it is known that commands run without an executor."""
        return self._registry is not None and self._registry.python_only

    @property
    def alan(self) -> ALAN:
        """The memory. There after `ready`."""
        if self._alan is None:
            raise TaskError("the server is not ready")
        return self._alan

    def open(self) -> None:
        """Begin to make ready, in the background: the client's handshake need not wait for it."""
        self.environment.open()
        self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        self.choice = await asyncio.to_thread(find_executor, self.settings)
        registry = TaskRegistry(self.settings, self.id, self.choice)
        registry.add_end_listener(self._ended)
        await registry.open()
        self._registry = registry
        self._alan = ALAN(self.settings, self.id, not self.choice.python_only)
        self.breaker.seed(await asyncio.to_thread(self._alan.recent_timeouts))
        # Not waited for: no start of the server, and no first `until`, should take longer for it.
        asyncio.get_running_loop().run_in_executor(None, expressions.library)

    async def ready(self) -> None:
        """Wait until tasks can be started."""
        if self._opening is None:
            raise TaskError("the server is not open")
        if not self._opening.done():
            await asyncio.wait([self._opening])
        if error := self._opening.exception():
            log.error("the server could not be made ready", exc_info=error)
            raise TaskError(
                f"zsh-tool cannot run commands: {error or type(error).__name__}; zsh_health says more"
            )

    def say_good_bye(self) -> None:
        """Note that the client is gone: calls that are cancelled now are not the client's wish."""
        self.closing = True

    async def close(self) -> None:
        """End what this server started, within bounds; what persists stays."""
        self.closing = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        await self.environment.close()
        try:
            async with asyncio.timeout(CLOSE_LIMIT_SECS):
                await self._close_tasks()
        except TimeoutError:
            log.warning("not everything ended within %s s", CLOSE_LIMIT_SECS)
        finally:
            if self._alan is not None:
                await asyncio.to_thread(self._alan.close)

    async def _close_tasks(self) -> None:
        if self._registry is not None:
            await self._registry.close(by="session")
        closing = [book.closing for book in self._books.values() if book.closing is not None]
        if closing:
            await asyncio.wait(closing)

    # -- starting ------------------------------------------------------------------------------

    async def start(self, request: TaskRequest) -> Task:
        """Ask the breaker, and start while the memory is read. Raises what the agent has to be told."""
        own_id = new_id()
        looked_up = _LookUp(partial(self._book_of, request), partial(self._look_up, request, own_id))
        held_back = None if self._surely_allowed(request.command) else await looked_up.book()
        # From here to the `try` nothing can be cancelled: a probe that is let through is always heard of again.
        if held_back is not None:
            self._ask_breaker(held_back)
        wanted = self._recorded(request.command)
        shown = self.alan.shown.take() if wanted else ()
        request = replace(request, record=wanted, observation_id=own_id, insights=shown)
        try:
            task = await self.registry.start(request, looked_up.begin)
        except BaseException:
            self.alan.shown.give_back(shown)
            if held_back is not None:
                self._tell_breaker(held_back, timed_out=False, ran=False)
            raise
        self._tell_changed(task, started=True)
        try:
            self._open_book(task, request, shown, await looked_up.all())
        except BaseException:
            task.kill_soon("cancelled")
            if held_back is not None:
                # At once: the next one may try, whatever is still being read. A probe is given back once.
                self._tell_breaker(held_back, timed_out=False, ran=False)
                held_back.probe = False
            looked_up.then(partial(self._open_book, task, request, shown))
            raise
        return task

    def _surely_allowed(self, command: str) -> bool:
        """Tell whether the breaker need not be waited for, as far as that can be told quickly."""
        return len(command) <= AT_ONCE_CHARS and not self.breaker.may_refuse(template_command(command))

    def _ask_breaker(self, book: Book) -> None:
        verdict = self.breaker.check(book.template, book.project)
        if not verdict.allowed:
            raise BlockedError(verdict.message or "blocked by the circuit breaker")
        book.probe = verdict.is_probe

    def _tell_breaker(self, book: Book, *, timed_out: bool, ran: bool) -> None:
        self.breaker.finished(book.template, book.project, timed_out=timed_out, ran=ran, probe=book.probe)

    def _book_of(self, request: TaskRequest) -> Book:
        """Begin a book with what the breaker goes by. Blocks."""
        return Book(template_command(request.command), project_of(request.cwd), ours=True)

    def _look_up(self, request: TaskRequest, own_id: str, book: Book) -> None:
        """Write into the book what the memory knows besides this command's own row. Blocks."""
        command, cwd = request.command, request.cwd
        book.before = self.alan.get_insights(command, cwd, own_id)
        book.estimate = self.alan.estimate(command, cwd)

    def _open_book(
        self, task: Task, request: TaskRequest, carried: Sequence[ShownInsight], book: Book
    ) -> None:
        self._forget_old_books()
        book.request, book.carried = request, carried
        self._books[task.id] = book
        if not task.running:
            self._closing(task)

    def _recorded(self, command: str) -> bool:
        database = self.settings.database
        return database.record and not any(fnmatch.fnmatchcase(command, glob) for glob in database.ignore)

    def _forget_old_books(self) -> None:
        if len(self._books) > BOOKS_MAX:
            known = {task.id for task in self.registry.tasks()}
            self._books = {key: book for key, book in self._books.items() if key in known}

    def book(self, task: Task) -> Book:
        """Return what is known about a task; a persistent one of an earlier server has an empty book."""
        return self._books.setdefault(task.id, Book())

    # -- ending --------------------------------------------------------------------------------

    async def _ended(self, task: Task) -> None:
        self._untold[task.id] = task
        self._tell_changed(task, started=False)
        # A command can be over before `start` has its book; `start` then closes it.
        if task.id in self._books:
            await asyncio.shield(self._closing(task))

    async def after(self, task: Task) -> Sequence[Insight]:
        """Return what an ended task's end means, once it is recorded."""
        closing = self._closing(task)
        return closing.result() if closing.done() else await asyncio.shield(closing)

    def _closing(self, task: Task) -> "asyncio.Future[Sequence[Insight]]":
        book = self.book(task)
        if book.closing is None:
            at_once = self._close_at_once(task, book, task.ended.result())
            if at_once is None:
                loop = asyncio.get_running_loop()
                book.closing = loop.run_in_executor(None, partial(advice_or, (), self._record, task, book))
            else:
                book.closing = asyncio.get_running_loop().create_future()
                book.closing.set_result(at_once)
        return book.closing

    def _close_at_once(self, task: Task, book: Book, result: TaskResult) -> Sequence[Insight] | None:
        """Tell the breaker, and say what needs no file; None when the rest needs a thread."""
        if not book.ours:
            return ()
        ran = result.outcome in ON_ITS_OWN
        self._tell_breaker(book, timed_out=result.timed_out, ran=ran)
        if result.exit_code is None or not self._recorded(task.command):
            self.alan.shown.give_back(book.carried)
            return ()
        at_once = advice_or((), self.alan.insights_at_once, task.command, result)
        if at_once is not None:
            self.not_recorded = result.record_error
        return at_once

    def _record(self, task: Task, book: Book) -> Sequence[Insight]:
        request = book.request
        observation_id = self.alan.record(
            task.command,
            task.ended.result(),
            task.cwd,
            description=task.description,
            author=request.author if request else None,
            insights=request.insights if request else (),
            observation_id=request.observation_id if request else None,
        )
        result = replace(task.ended.result(), observation_id=observation_id)
        book.record_error = self.alan.record_error if self.choice.python_only else None
        self.not_recorded = book.record_error or result.record_error
        if result.outcome == SIGNALLED and result.ended_by == "agent":
            # Who sent the signal needs no guess at its cause, and no advice against it.
            return ()
        return self.alan.get_post_insights(task.command, result, task.cwd)

    def _tell_changed(self, task: Task, *, started: bool) -> None:
        for listener in self.changed:
            listener(task, started)

    def answered(self) -> None:
        """Take note that a reply is out: a good moment for what no reply waits for."""
        if self._registry is not None:
            self._registry.replied()

    async def running_insight(self, task: Task) -> Insight | None:
        """Say that a running task takes unusually long. Most replies about one need no look at the file."""
        book = self.book(task)
        if book.ours and surely_not_long(book.estimate, task.elapsed_ms):
            return None
        make = partial(self.alan.running_insight, task.command, task.cwd, task.elapsed_ms)
        return await asyncio.to_thread(advice_or, None, make)

    # -- what was told -------------------------------------------------------------------------

    @contextmanager
    def attending(self, task: Task) -> Iterator[None]:
        """Mark a task as one that a call is about to report on, so that no other reply announces it."""
        self._attended[task.id] += 1
        try:
            yield
        finally:
            self._attended[task.id] -= 1
            if not self._attended[task.id]:
                del self._attended[task.id]

    def announcements(self) -> list[str]:
        """Return, once, the ends of background tasks that no reply has told of."""
        self._untold = {key: task for key, task in self._untold.items() if not task.announced}
        ended = [task for task in self._untold.values() if task.id not in self._attended]
        for task in ended:
            task.announced = True
        words = [render.finished_line(facts_of(task), task.command) for task in ended[:ANNOUNCED_AT_ONCE]]
        if len(ended) > ANNOUNCED_AT_ONCE:
            words.append(f"{len(ended) - ANNOUNCED_AT_ONCE} more tasks ended, see zsh_tasks")
        return words

    def problems(self) -> list[str]:
        """Return what is wrong with the configuration and the executor."""
        found = self._registry.problems if self._registry is not None else ()
        return [*self.settings.problems, *self.environment.problems, *self.choice.problems, *found]


class _LookUp:
    """What is known of a command before it runs, read in a thread once it is wanted."""

    def __init__(self, begin: Callable[[], Book], fill: Callable[[Book], None]) -> None:
        self._begin = begin
        self._fill = fill
        self._book: Book | None = None
        self._reading: asyncio.Future[Book] | None = None

    async def book(self) -> Book:
        """Return the book as soon as it names template and project."""
        self._book = await asyncio.to_thread(self._begin)
        return self._book

    def begin(self) -> None:
        """Start to read, unless it is begun: a thread that computes slows down what the loop does meanwhile."""
        self._begun()

    async def all(self) -> Book:
        """Return the book when everything is in it."""
        return await asyncio.shield(self._begun())

    def then(self, take: Callable[[Book], None]) -> None:
        """Have ``take`` called with the book; nobody waits for it any more."""
        self._begun().add_done_callback(lambda reading: take(reading.result()))

    def _begun(self) -> "asyncio.Future[Book]":
        if self._reading is None:
            self._reading = asyncio.get_running_loop().run_in_executor(None, self._read)
        return self._reading

    def _read(self) -> Book:
        book = self._book or self._begin()
        advice_or(None, self._fill, book)
        return book


@asynccontextmanager
async def opened(session: Session) -> AsyncIterator[Session]:
    """Run a session from its opening to its orderly end."""
    session.open()
    try:
        yield session
    finally:
        await session.close()
