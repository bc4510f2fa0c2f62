"""The ten tools, as typed functions: their names, texts and schemas are what a client sees."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from zsh_tool import arguments, health, progress, render, sending
from zsh_tool.arguments import ArgumentError
from zsh_tool.executor import ExecutorChoice
from zsh_tool.insights import Insight, for_reply
from zsh_tool.keys import UnknownKeyError, key_bytes
from zsh_tool.look import Look
from zsh_tool.normalize import template_command
from zsh_tool.replies import Facts, Reply, facts_of
from zsh_tool.session import BlockedError, Session
from zsh_tool.task import Task
from zsh_tool.taskmodel import BLOCKED, FAILED_TO_START, StartError, TaskRequest, TaskResult
from zsh_tool.waiting import Until, Waited, WaitReason, horizon, parse_until, settled, wait_for

Text = str | SkipJsonSchema[None]
Switch = bool | SkipJsonSchema[None]
Number = float | SkipJsonSchema[None]
Count = int | SkipJsonSchema[None]
Scope = Literal["session", "project", "all"]

SEND_WAIT_SECS: Final = 2.0
QUERY_LIMIT: Final = 100
DESCRIPTION_CHARS: Final = 1000
"""What a command is for is a remark, not a document."""

BLOCKED_FACTS: Final = Facts(outcome=BLOCKED)
NOT_STARTED_FACTS: Final = Facts(outcome=FAILED_TO_START)


@dataclass
class Call:
    """One call of a tool, apart from its arguments."""

    notes: list[str] = field(default_factory=list)
    report: progress.Report | None = None
    client: str | None = None


class Tools:
    """The tools of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def zsh(
        self,
        call: Call,
        command: str,
        cwd: Annotated[Text, Field(description="start directory")] = None,
        timeout: Annotated[
            Number, Field(description="seconds until it is ended (120, pty 600; max 600)")
        ] = None,
        yield_after: Annotated[
            Number, Field(description="reply after so many seconds at most (10; max 45)")
        ] = None,
        pty: Annotated[bool, Field(description="give it a terminal")] = False,
        stdin: Annotated[Text, Field(description="text, then EOF")] = None,
        keep_stdin: Annotated[bool, Field(description="keep stdin open for zsh_send")] = False,
        env: Annotated[dict[str, str] | SkipJsonSchema[None], Field(description="more variables")] = None,
        until: Annotated[Text, Field(description="exit, output, idle, input, or a regex to wait for")] = None,
        persist: Annotated[bool, Field(description="outlives this server, e.g. a dev server")] = False,
        max_output: Annotated[Count, Field(description="characters (16000; max 45000)")] = None,
        description: Annotated[Text, Field(description="why, briefly")] = None,
    ) -> Reply:
        """Run a command in zsh.

        Replies when it ends, `until` is met or `yield_after` passes; then it runs on as a task: see
        zsh_poll. Each call is a new shell: cd and export do not carry over, use cwd and env.
        """
        session, notes = self._session, call.notes
        if "\0" in command:
            raise ArgumentError("command holds a NUL character, which no shell takes")
        most = session.settings.server.call_max
        asked = arguments.wait_secs("yield_after", yield_after, most, notes)
        chars = arguments.output_chars(max_output, notes)
        condition = parse_until(until, pty or keep_stdin)
        limit = arguments.timeout_secs(
            timeout, pty=pty, persist=persist, settings=session.settings, notes=notes
        )
        await session.environment.ready()
        start_in = session.environment.directory(cwd)
        request = TaskRequest(
            command=command,
            cwd=start_in,
            env=session.environment.for_command(start_in, pty, env),
            timeout_secs=limit,
            idle_timeout_secs=session.settings.command.idle_timeout,
            grace_secs=session.settings.command.grace,
            pty=pty,
            stdin=stdin,
            keep_stdin=keep_stdin,
            persist=persist,
            profile=session.settings.command.profile,
            description=description[:DESCRIPTION_CHARS] if description else None,
            author=call.client,
        )
        try:
            task = await session.start(request)
        except BlockedError as blocked:
            return self._refused(str(blocked), replace(BLOCKED_FACTS, cwd=str(start_in)), notes)
        except StartError as failed:
            return self._refused(str(failed), replace(NOT_STARTED_FACTS, cwd=str(start_in)), notes)
        book = session.book(task)
        reply = await self._waited(
            call, task, condition, horizon(session.settings, book.estimate, asked), chars, before=book.before
        )
        not_started = reply.facts is not None and reply.facts.outcome == FAILED_TO_START
        return replace(reply, is_error=not_started)

    async def zsh_poll(
        self,
        call: Call,
        task_id: str,
        wait: Annotated[Number, Field(description="seconds (45; 0 with lines, grep, full, screen)")] = None,
        until: Annotated[Text, Field(description="as in zsh")] = None,
        lines: Annotated[Text, Field(description="a-b, a-, a, or -n (last n)")] = None,
        grep: Annotated[Text, Field(description="regex")] = None,
        view: Annotated[
            Literal["delta", "full", "screen"], Field(description="new output, all of it, or the terminal")
        ] = "delta",
        max_output: Count = None,
    ) -> Reply:
        """Wait for a task and read its output."""
        task = self._task(task_id)
        chars = arguments.output_chars(max_output, call.notes)
        look = Look(lines, grep, view)
        look.check(task)
        most = self._session.settings.server.call_max
        asked = arguments.wait_secs("wait", wait, most, call.notes)
        condition = parse_until(until, task.accepts_input)
        limit = asked if asked is not None else (most if look.moves_on else 0.0)
        return await self._waited(call, task, condition, limit, chars, look=look, cancel_ends=False)

    async def zsh_send(
        self,
        call: Call,
        task_id: str,
        input: Annotated[Text, Field(description="text")] = None,  # noqa: A002
        enter: Annotated[Switch, Field(description="press Enter (true after input)")] = None,
        keys: Annotated[Text, Field(description="tmux names: C-c Up F5")] = None,
        signal: Annotated[Text, Field(description="e.g. INT")] = None,
        eof: bool = False,
        wait: Annotated[Number, Field(description="seconds for the answer (2)")] = None,
    ) -> Reply:
        """Type into a task that has a pty or keep_stdin."""
        task = self._task(task_id)
        typed = _typed(input, enter, task.pty)
        if input is None and not typed and keys is None and signal is None and not eof:
            raise ArgumentError("nothing to send: give input, keys, signal or eof")
        if keys is not None and not task.pty:
            raise ArgumentError(
                f"task {task.id} has no terminal, so no keys; send input, or signal INT for C-c"
            )
        pressed = _keys(keys)
        sent = None if signal is None else arguments.signal_name(signal)
        most = self._session.settings.server.call_max
        asked = arguments.wait_secs("wait", wait, most, call.notes)
        since = task.output.total
        text = typed.encode("utf-8", "replace") if input is not None or typed else None
        call.notes += await sending.send_all(task, text, pressed, sent, eof)
        limit = SEND_WAIT_SECS if asked is None else asked
        return await self._waited(call, task, settled(), limit, None, since=since, cancel_ends=False)

    async def zsh_kill(
        self, call: Call, task_id: str, signal: Annotated[Text, Field(description="send only this")] = None
    ) -> Reply:
        """End a task with all it started."""
        task = self._task(task_id)
        if signal is None:
            call.notes += _to_be_killed(task)
            with self._session.attending(task):
                await asyncio.shield(task.hold(task.kill(by="agent")))
            return await self._waited(call, task, Until(), 0.0, None, cancel_ends=False)
        await sending.signal_once(task, arguments.signal_name(signal))
        return await self._waited(call, task, Until(), sending.SIGNAL_WAIT_SECS, None, cancel_ends=False)

    async def zsh_tasks(self, call: Call) -> Reply:
        """List running and finished tasks."""
        return self._said(call, health.tasks(self._session))

    async def zsh_health(self, call: Call) -> Reply:
        """Show the state of executor, zsh, database and configuration."""
        return self._said(call, await health.report(self._session))

    async def zsh_alan_stats(
        self,
        call: Call,
        command: Annotated[Text, Field(description="only of commands like this")] = None,
        scope: Scope = "session",
    ) -> Reply:
        """Statistics of the commands run before."""
        cwd, alan = self._session.environment.cwd, self._session.alan
        if command is not None:
            stats = await asyncio.to_thread(alan.get_pattern_stats, command, cwd)
        else:
            stats = await asyncio.to_thread(alan.get_stats, scope, cwd)
        return self._said(call, Reply(health.table(stats), structured=stats))

    async def zsh_alan_query(
        self,
        call: Call,
        command: Annotated[Text, Field(description="runs of this or alike")] = None,
        search: Annotated[Text, Field(description="text in the command")] = None,
        failed_only: bool = False,
        limit: int = 20,
        scope: Scope = "project",
    ) -> Reply:
        """Find commands run before, newest first."""
        most = int(arguments.clamped("limit", limit, 1, QUERY_LIMIT, call.notes))
        facts = await asyncio.to_thread(
            self._session.alan.search,
            search,
            command,
            failed_only,
            most,
            scope,
            self._session.environment.cwd,
        )
        return self._said(call, Reply(health.found(facts), structured=facts))

    async def zsh_neverhang_status(self, call: Call) -> Reply:
        """List commands held back after repeated timeouts."""
        return self._said(call, health.circuits(self._session.breaker.statuses()))

    async def zsh_neverhang_reset(
        self, call: Call, command: Annotated[Text, Field(description="all if left out")] = None
    ) -> Reply:
        """Let commands held back run again."""
        template = None if command is None else template_command(command)
        count = self._session.breaker.reset(template)
        return self._said(call, Reply(f"[{count} reset]"))

    # -- shared --------------------------------------------------------------------------------

    def _task(self, task_id: str) -> Task:
        return self._session.registry.get(task_key(task_id))

    def _said(self, call: Call, reply: Reply) -> Reply:
        remarks = render.bracketed([*call.notes, *self._session.announcements()])
        return replace(reply, text=f"{remarks}\n{reply.text}") if remarks else reply

    def _refused(self, words: str, facts: Facts, notes: Sequence[str]) -> Reply:
        remarks = render.bracketed([*notes, *self._session.announcements()])
        text = render.joined(words, [remarks] if remarks else [])
        return Reply(text, facts, is_error=True)

    async def _waited(
        self,
        call: Call,
        task: Task,
        condition: Until,
        limit: float,
        chars: int | None,
        *,
        since: int | None = None,
        look: Look | None = None,
        before: Sequence[Insight] = (),
        cancel_ends: bool = True,
    ) -> Reply:
        session = self._session
        with session.attending(task):
            try:
                async with progress.reported(task, session.book(task).estimate, call.report):
                    waited = await wait_for(task, condition, limit, since)
                return await self._told(call, task, waited, chars, look or Look(), before)
            except asyncio.CancelledError:
                # At the client's good-bye the session ends its tasks itself, under another name.
                if cancel_ends and task.running and not session.closing:
                    task.announced = True
                    task.kill_soon("cancelled")
                raise

    async def _told(
        self,
        call: Call,
        task: Task,
        waited: Waited,
        chars: int | None,
        look: Look,
        before: Sequence[Insight],
    ) -> Reply:
        session = self._session
        insights = await self._insights(task, before)
        body = await look.read(session, task, arguments.DEFAULT_OUTPUT_CHARS if chars is None else chars)
        facts = facts_of(task, waited, body.truncated, insights)
        ends = [] if facts.running or task.announced else _end_notes(task, session.book(task).record_error)
        task.announced = not facts.running
        remarks = render.Remarks(
            notes=[*call.notes, *ends, *([waited.note] if waited.note else []), *body.notes],
            insights=insights,
            finished=session.announcements(),
            state=_state_words(task, waited, session.choice),
        )
        text = f"{body.text}{_error_of(task)}"
        if any(one.shown for one in insights):
            session.alan.note_shown(insights, task.command, session.book(task).template)
        return Reply(render.reply(text, facts, remarks), facts)

    async def _insights(self, task: Task, before: Sequence[Insight]) -> list[Insight]:
        session = self._session
        if task.result is None:
            slow = await session.running_insight(task)
            return for_reply(before, [slow] if slow else [], None)
        if task.announced:
            return []
        return for_reply(before, await session.after(task), task.result)


def task_key(given: str) -> str:
    """Return a task's id as the registry has it."""
    return given.strip().lower()


def _keys(words: str | None) -> bytes:
    try:
        return b"" if words is None else key_bytes(words)
    except UnknownKeyError as unknown:
        raise ArgumentError(str(unknown)) from None


def _typed(text: str | None, enter: bool | None, pty: bool) -> str:
    """Return what is typed for a text and Enter; a text that ends its own line gets no second Enter."""
    press = "\r" if pty else "\n"
    if text is None:
        return press if enter else ""
    if enter is None:
        return text.removesuffix("\n").removesuffix("\r") + press
    return text + (press if enter else "")


def _to_be_killed(task: Task) -> list[str]:
    """Say what a kill means where it is more, or less, than the end of a running command."""
    if not task.live:
        return ["it had already ended"]
    return [] if task.running else [f"ended what was left: {render.named(facts_of(task).survivors)}"]


def _error_of(task: Task) -> str:
    result = task.result
    return f"{result.error}\n" if result is not None and result.error else ""


def _end_notes(task: Task, record_error: str | None) -> list[str]:
    result = task.result
    not_recorded = record_error or (result.record_error if result else None)
    notice = result.record_notice if result else None
    not_kept = (result.output_error or _output_lost(task, result)) if result else None
    return [
        *([f"not recorded: {not_recorded}"] if not_recorded else []),
        *([notice] if notice else []),
        *([f"output not kept: {not_kept}"] if not_kept else []),
    ]


def _output_lost(task: Task, result: TaskResult) -> str:
    """Say that less is there than was put down: a total that was written does not shrink by itself."""
    gone = task.output.total < result.output_bytes
    return f"its files in {task.output.directory} are gone" if gone else ""


def _state_words(task: Task, waited: Waited, choice: ExecutorChoice) -> list[str]:
    words = ["Python-only mode"] if choice.python_only else []
    if any(problem.startswith("ZSH_TOOL_EXEC") for problem in choice.problems):
        words.append("ZSH_TOOL_EXEC cannot be used, zsh_health says why")
    if task.running and waited.reason is WaitReason.MATCHED:
        words.insert(0, f"matched {render.preview(waited.matched or '', 40)!r}")
    return words
