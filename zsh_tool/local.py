"""Run commands without an executor: what Python-only mode can do."""

from collections.abc import Sequence
from typing import Any

from zsh_tool.config import Settings
from zsh_tool.launch import Launched
from zsh_tool.taskdirs import Found, TaskDirs
from zsh_tool.taskmodel import TaskRequest


class LocalLauncher:
    """Runs commands as children of the server."""

    def __init__(self, settings: Settings, dirs: TaskDirs) -> None:
        self._settings = settings
        self._dirs = dirs

    async def open(self) -> None:
        """Nothing to get ready."""

    async def start(self, request: TaskRequest) -> Launched:
        """Start a command."""
        raise NotImplementedError

    async def adopt(self, found: Found) -> Launched:
        """Take up a task of an earlier server."""
        raise NotImplementedError

    async def close(self, live: Sequence[Any]) -> None:
        """End by force what did not end when asked."""
        raise NotImplementedError
