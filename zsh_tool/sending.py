"""What `zsh_send` puts into a task, step by step, and a signal by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from zsh_tool.task import Task
from zsh_tool.taskmodel import InputClosedError, TaskEndedError

SIGNAL_WAIT_SECS: Final = 0.2
KEY_SIGNALS: Final = {0x03: "INT", 0x1C: "QUIT"}
"""The keys by which a terminal sends a signal, as it is set up at first."""

_Step = Callable[[], Awaitable[object]]


async def send_all(task: Task, text: bytes | None, keys: bytes, name: str | None, eof: bool) -> list[str]:
    """Send what is given, in this order.

    Returns what the end of the command, or of its input, left unsent once it had got something.
    """
    steps: list[tuple[str, _Step]] = []
    if text is not None:
        steps.append(("input", partial(task.send, text)))
    if keys:
        steps.append(("keys", partial(_press, task, keys)))
    if name is not None:
        steps.append((f"signal {name}", partial(signal_once, task, name)))
    if eof:
        steps.append(("eof", task.send_eof))
    unsent: list[str] = []
    for number, (what, send) in enumerate(steps):
        try:
            await send()
        except (TaskEndedError, InputClosedError) as error:
            if number == 0:
                raise
            # What was sent before can be what ended it, so the reply is about the end, as without the rest.
            unsent.append(what)
            if isinstance(error, TaskEndedError):
                unsent += [later for later, _ in steps[number + 1 :]]
                return [f"it ended before {' and '.join(unsent)} could be sent"]
    return [f"it closed its input before {' and '.join(unsent)} could be sent"] if unsent else []


async def _press(task: Task, keys: bytes) -> None:
    task.expect_signals(KEY_SIGNALS[key] for key in keys if key in KEY_SIGNALS)
    await task.send(keys)


async def signal_once(task: Task, name: str) -> None:
    """Send one signal; of what outlived the shell, wait a moment for its being gone."""
    await task.send_signal(name)
    if not task.running:
        # What outlived the shell has no end that a wait could see, only its being gone.
        await asyncio.wait({task.gone}, timeout=SIGNAL_WAIT_SECS)
