"""Run commands without an executor: what Python-only mode can do, in pipes, nothing that persists.

The shell leads a session of its own. Its end, and those of processes that outlive it, are told by the kernel.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from zsh_tool import sideband
from zsh_tool.config import Settings
from zsh_tool.launch import HandedOver, Launched, Supervised, adopted
from zsh_tool.localtask import LocalRun
from zsh_tool.output.store import OutputStore
from zsh_tool.output.writer import OutputWriter
from zsh_tool.process import Process, spawned
from zsh_tool.reaper import become_subreaper, end_orphans, reap_orphans
from zsh_tool.runner import encoded
from zsh_tool.task import Task, TaskFacts
from zsh_tool.taskdirs import Found, TaskDirs
from zsh_tool.taskmodel import FAILED_TO_START, PythonOnlyError, TaskRequest, TaskResult

_ARGUMENT_MAX: Final = 128 * 1024 - 1
"""Linux takes 128 KiB in one argument, its NUL included; a longer text goes through a file."""
_ORPHANS_LIMIT_SECS: Final = 0.3
_AGENT_OPTIONS: Final = ["-o", "nonomatch", "-o", "noequals"]


@dataclass(frozen=True)
class _Prepared:
    """What the shell is started with."""

    argv: list[str | bytes | Path]
    zsh: Path
    env: dict[bytes, bytes]
    band: sideband.Sideband | None


@dataclass
class NeverRan:
    """A task that failed to start."""

    task: Task
    directory: Path
    owned: bool = True

    async def until_ended(self) -> None:
        """Return at once."""

    async def until_gone(self) -> None:
        """Return at once."""


class LocalLauncher:
    """Runs commands as children of the server."""

    def __init__(self, settings: Settings, dirs: TaskDirs) -> None:
        self._settings = settings
        self._dirs = dirs
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="spawn")

    async def open(self) -> None:
        """Have processes that leave their command come here."""
        become_subreaper()

    def start_at_once(self, request: TaskRequest, handed_over: HandedOver) -> None:
        """Start nothing: each way to begin here blocks."""

    async def start(self, request: TaskRequest, handed_over: HandedOver) -> Launched:
        """Start a command; PTY and persist are refused by name."""
        _refuse(request)
        text = encoded(request.command)
        loop = asyncio.get_running_loop()
        task_id, directory = await loop.run_in_executor(self._threads, self._dirs.claim)
        task = Task(task_id, TaskFacts.of(request, ""), OutputStore(directory))
        try:
            prepared = await loop.run_in_executor(self._threads, self._prepare, request, text, directory)
            handed_over()
            return await self._spawn(task, request, text, prepared, directory)
        except OSError as error:
            return _failed(task, directory, error)

    async def adopt(self, found: Found) -> Launched:
        """Take up a task that an earlier server's executor still runs."""
        return await adopted(found)

    def refill(self) -> None:
        """Keep nothing ready, but leave no dead processes either, of those that came here."""
        self._threads.submit(reap_orphans)

    async def close(self, live: Sequence[Launched]) -> None:
        """Kill what did not end when asked."""
        for one in live:
            if isinstance(one, LocalRun):
                await one.kill_now()
            elif isinstance(one, Supervised):
                one.let_go()
        await asyncio.to_thread(end_orphans, _ORPHANS_LIMIT_SECS)
        self._threads.shutdown(wait=False)

    def _prepare(self, request: TaskRequest, text: bytes, directory: Path) -> _Prepared:
        zsh = self._settings.zsh or _found_zsh(request)
        options = _AGENT_OPTIONS if request.profile == "agent" else []
        env = {encoded(name): encoded(value) for name, value in request.env.items()}
        if not request.cwd.is_dir():
            raise NotADirectoryError(f"there is no directory {request.cwd}")
        if len(text) > _ARGUMENT_MAX:
            file = directory / "command"
            file.touch(mode=0o600, exist_ok=False)
            file.write_bytes(text)
            return _Prepared(["zsh", *options, file], zsh, env, None)
        band = sideband.prepare(directory / "z", text, zsh, env, request.cwd)
        if band is not None:
            env = band.dress(env)
        return _Prepared(["zsh", *options, "-c", "--", text], zsh, env, band)

    async def _spawn(
        self, task: Task, request: TaskRequest, text: bytes, prepared: _Prepared, directory: Path
    ) -> LocalRun:
        output, theirs = os.pipe()
        given, typed = subprocess.DEVNULL, -1
        if request.stdin is not None or request.keep_stdin:
            given, typed = os.pipe()
        try:
            spawn = partial(
                spawned,
                prepared.argv,
                executable=prepared.zsh,
                stdin=given,
                stdout=theirs,
                stderr=theirs,
                cwd=request.cwd,
                env=prepared.env,
            )
            process = await Process.start(self._threads, spawn)
        except OSError:
            for one in (output, typed):
                if one >= 0:
                    os.close(one)
            if prepared.band is not None:
                prepared.band.close()
            raise
        finally:
            os.close(theirs)
            if given >= 0:
                os.close(given)
        run = LocalRun(task, directory, process, request, OutputWriter(directory), text, prepared.band)
        task.runner = run
        await run.connect(output, typed)
        return run


def _refuse(request: TaskRequest) -> None:
    if request.pty or request.persist:
        asked = "a terminal (pty)" if request.pty else "a task that persists (persist)"
        raise PythonOnlyError(
            f"Python-only mode cannot do {asked}: no executor is in use, and zsh_health says why"
        )


def _found_zsh(request: TaskRequest) -> Path:
    found = shutil.which("zsh", path=request.env.get("PATH")) or shutil.which("zsh")
    if found is None:
        raise FileNotFoundError("zsh was not found on PATH: install it, or set ZSH_TOOL_ZSH")
    return Path(found)


def _failed(task: Task, directory: Path, error: OSError) -> NeverRan:
    words = str(error) if error.errno is None else f"{error.strerror}: {error.filename}"
    task.settle(TaskResult(FAILED_TO_START, cwd=str(task.cwd), error=words))
    task.left()
    return NeverRan(task, directory)
