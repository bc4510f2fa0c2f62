"""What tests of tasks share: a registry on private directories, requests, and looks at the machine."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.waits import BOUND_SECS, until
from zsh_tool.config import Settings, load
from zsh_tool.executor import ExecutorChoice
from zsh_tool.reaper import processes
from zsh_tool.tasks import Task, TaskRegistry, TaskRequest, TaskResult


def settings_for(*, record: bool = False) -> Settings:
    settings = load(os.environ)
    return replace(settings, database=replace(settings.database, record=record))


def choice_of(executor: Path | None) -> ExecutorChoice:
    return ExecutorChoice(executor, "the test", "0")


@asynccontextmanager
async def registry_of(executor: Path | None, *, record: bool = False) -> AsyncIterator[TaskRegistry]:
    registry = TaskRegistry(settings_for(record=record), "testtest", choice_of(executor))
    await registry.open()
    try:
        yield registry
    finally:
        await registry.close()


def request(command: str, **changes: Any) -> TaskRequest:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return replace(TaskRequest(command, Path.cwd(), env), **changes)


async def finished(task: Task) -> TaskResult:
    await asyncio.wait({task.ended}, timeout=BOUND_SECS)
    assert task.result is not None, f"{task} did not end"
    return task.result


async def run(registry: TaskRegistry, command: str, **changes: Any) -> tuple[TaskResult, bytes]:
    task = await registry.start(request(command, **changes))
    result = await finished(task)
    return result, task.output.read(0, task.output.total)


async def printed(task: Task, words: bytes) -> None:
    await until(lambda: words in task.output.read(0, task.output.total))


def descendants(root: int) -> set[int]:
    parents = {facts.pid: facts.parent for facts in processes() if facts.state != "Z"}
    found: set[int] = set()
    for pid in parents:
        at: int | None = pid
        while at is not None and at != root:
            at = parents.get(at)
        if at == root and pid != root:
            found.add(pid)
    return found


def marked(mark: str) -> set[int]:
    """Return the processes with a word on their command line."""
    found = set()
    for facts in processes():
        try:
            line = Path(f"/proc/{facts.pid}/cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in line and facts.state != "Z" and facts.pid != os.getpid():
            found.add(facts.pid)
    return found


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
