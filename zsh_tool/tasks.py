"""All tasks of this server: started, found again, looked up, ended."""

from collections.abc import Awaitable, Callable

from zsh_tool.config import Settings
from zsh_tool.executor import ExecutorChoice
from zsh_tool.task import Task
from zsh_tool.taskmodel import (
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

EndListener = Callable[[Task], Awaitable[None]]


class TaskRegistry:
    """Starts commands and keeps them findable until they are long over."""

    def __init__(self, settings: Settings, session_id: str, choice: ExecutorChoice) -> None:
        self.settings = settings
        self.session_id = session_id
        self.choice = choice

    @property
    def python_only(self) -> bool:
        """Whether commands run without an executor."""
        return self.choice.python_only

    async def open(self) -> None:
        """Make the directories, find tasks that persisted, clean up after dead servers, warm up."""
        raise NotImplementedError

    async def start(self, request: TaskRequest) -> Task:
        """Start a command. If the caller is cancelled meanwhile, the command is ended as cancelled."""
        raise NotImplementedError

    def get(self, task_id: str) -> Task:
        """Return the task with this id, or raise `UnknownTaskError` naming near ones."""
        raise NotImplementedError

    def tasks(self) -> list[Task]:
        """Return all tasks, live ones first, then the latest first."""
        raise NotImplementedError

    def add_end_listener(self, listener: EndListener) -> None:
        """Have ``listener`` awaited with each task that ends."""
        raise NotImplementedError

    async def close(self, by: str = "session") -> None:
        """End everything that is not meant to stay, within three seconds."""
        raise NotImplementedError
