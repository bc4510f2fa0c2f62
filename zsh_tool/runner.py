"""Carries out a task's wishes over the control channel of its executor."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from zsh_tool.control import Channel, ChannelClosedError, ChannelError, Message
from zsh_tool.executor import PROTOCOL
from zsh_tool.taskmodel import (
    InputClosedError,
    InputFullError,
    InsightShown,
    SendReport,
    TaskEndedError,
    TaskError,
    TaskRequest,
    TaskStatus,
)

_INPUT_MAX: Final = 1 << 20
_END_MARGIN_SECS: Final = 5.0
"""On top of the grace period: after that an executor is taken to be stuck."""
_QUERY_LIMIT_SECS: Final = 5.0


class ExecutorRunner:
    """A task's verbs, sent to the executor that runs it."""

    def __init__(self, channel: Channel, pid: int, grace_secs: float) -> None:
        self._channel = channel
        self._pid = pid
        self._grace_secs = grace_secs

    async def send(self, data: bytes) -> SendReport:
        """Put bytes into the command's input."""
        echo = True
        for at in range(0, max(1, len(data)), _INPUT_MAX):
            try:
                reply = await self._ask("input", data[at : at + _INPUT_MAX])
            except InputFullError as error:
                raise InputFullError(at, len(data)) from error
            echo = echo and reply.fields.get("echo") is not False
        return SendReport(echo)

    async def send_eof(self) -> None:
        """End the command's input."""
        await self._ask("eof")

    async def send_signal(self, name: str) -> None:
        """Send one signal to the foreground group of the terminal, else to the task's group."""
        await self._ask("signal", signal=name, to="foreground")

    async def resize(self, rows: int, cols: int) -> None:
        """Give the terminal another size."""
        await self._ask("resize", rows=rows, cols=cols)

    async def end(self, by: str) -> None:
        """End the whole tree; an executor that does not answer is killed, and its tree with it."""
        limit = self._grace_secs + _END_MARGIN_SECS
        try:
            await asyncio.wait_for(self._channel.request("end", by=by), limit)
        except TimeoutError:
            self.kill_executor()
        except ChannelError:
            # Gone, or over: what was asked for is so. The registry ends what an executor left behind.
            return

    def kill_executor(self) -> None:
        """Kill a stuck executor; the kernel takes the shell with it."""
        if not self._channel.closed.done():
            try:
                os.kill(self._pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    async def status(self, probe: bool) -> TaskStatus:
        """Look at the terminal and the processes."""
        said = (await self._ask("status", probe=probe)).fields
        return TaskStatus(
            running=said.get("state") == "running",
            total=int(said.get("total") or 0),
            newlines=int(said.get("newlines") or 0),
            echo=said.get("echo"),
            accepts_input=bool(said.get("accepts_input")),
            waiting_for_input=bool(said.get("waiting_for_input")),
            foreground=said.get("foreground"),
            rows=int(said.get("rows") or 0),
            cols=int(said.get("cols") or 0),
        )

    def notify(self, beyond: int) -> None:
        """Ask for one event as soon as more than ``beyond`` bytes exist."""
        self._channel.tell("notify", beyond=beyond)

    async def _ask(self, verb: str, payload: bytes = b"", **fields: Any) -> Message:
        try:
            return await asyncio.wait_for(self._channel.request(verb, payload, **fields), _QUERY_LIMIT_SECS)
        except TimeoutError as error:
            raise TaskError(f"the executor did not answer {verb!r} in {_QUERY_LIMIT_SECS:g} s") from error
        except ChannelClosedError as error:
            raise TaskEndedError("the task has ended") from error
        except ChannelError as error:
            raise _translated(error) from error


def _translated(error: ChannelError) -> TaskError:
    known: dict[str, TaskError] = {
        "closed": InputClosedError("the command has closed its input"),
        "full": InputFullError(),
        "not_running": TaskEndedError("the task has ended"),
    }
    return known.get(error.code) or TaskError(str(error))


def run_request(
    request: TaskRequest, session_id: str, zsh: Path | None, record: bool
) -> tuple[bytes, dict[str, Any]]:
    """Return the payload and the fields that hand a command to an executor in standby."""
    parts = [
        encoded(request.command),
        os.fsencode(request.cwd),
        _environment(request.env),
        encoded(request.stdin or ""),
    ]
    fields: dict[str, Any] = {
        "protocol": PROTOCOL,
        "parts": [len(part) for part in parts],
        "stdin": "keep" if request.open_input else "null" if request.stdin is None else "text",
        "pty": request.pty,
        "rows": request.rows,
        "cols": request.cols,
        "timeout_secs": request.timeout_secs,
        "idle_timeout_secs": request.idle_timeout_secs,
        "grace_secs": request.grace_secs,
        "umask": None,
        "limits": None,
        "profile": request.profile,
        "zsh": str(zsh) if zsh else None,
        "persist": request.persist,
        "record": record and request.record,
        "observation_id": request.observation_id,
        "session_id": session_id,
        "intent": request.description,
        "author": request.author,
        "insights": [_shown(insight) for insight in request.insights],
        "notify": False,
    }
    return b"".join(parts), fields


def _environment(env: Mapping[str, str]) -> bytes:
    entries = [f"{name}={value}\0" for name, value in env.items()]
    try:
        return os.fsencode("".join(entries))
    except UnicodeEncodeError:
        # One at a time, so that the other variables keep every byte of theirs.
        return b"".join(map(encoded, entries))


def _shown(insight: InsightShown) -> dict[str, Any]:
    return {
        "id": insight.id,
        "kind": insight.kind,
        "level": insight.level,
        "template": insight.template,
        "shown_at": insight.shown_at,
    }


def encoded(text: str) -> bytes:
    """Encode text of the agent's or of the environment; what is no character becomes a question mark."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
