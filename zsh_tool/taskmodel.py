"""The words that tasks are described in: requests, results, reports, and the errors an agent reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

EXITED = "exited"
SIGNALLED = "signalled"
TIMED_OUT = "timed_out"
IDLE_TIMEOUT = "idle_timeout"
KILLED = "killed"
CANCELLED = "cancelled"
SESSION_ENDED = "session_ended"
LOST = "lost"
FAILED_TO_START = "failed_to_start"
BLOCKED = "blocked"
OUTCOMES = (
    EXITED,
    SIGNALLED,
    TIMED_OUT,
    IDLE_TIMEOUT,
    KILLED,
    CANCELLED,
    SESSION_ENDED,
    LOST,
    FAILED_TO_START,
    BLOCKED,
)
"""Every way a command can end: a closed list."""


class InsightShown(Protocol):
    """What the record keeps of an insight that was shown with a command."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def level(self) -> str: ...  # noqa: D102
    @property
    def template(self) -> str | None: ...  # noqa: D102
    @property
    def shown_at(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class TaskRequest:
    """One command and how it is to be run. ``env`` is the whole environment, in order."""

    command: str
    cwd: Path
    env: Mapping[str, str]
    timeout_secs: float = 0.0
    idle_timeout_secs: float = 0.0
    grace_secs: float = 2.0
    pty: bool = False
    rows: int = 40
    cols: int = 120
    stdin: str | None = None
    keep_stdin: bool = False
    persist: bool = False
    profile: str = "plain"
    description: str | None = None
    author: str | None = None
    record: bool = True
    observation_id: str | None = None
    """The id of the command's row; None leaves it to who writes the row."""
    insights: tuple[InsightShown, ...] = ()

    @property
    def open_input(self) -> bool:
        """Whether the task can be typed into while it runs."""
        return self.pty or self.keep_stdin


@dataclass(frozen=True)
class Survivor:
    """A process that outlived the shell."""

    pid: int
    name: str


@dataclass(frozen=True)
class TaskResult:
    """How a command ended. Never changes once it is known."""

    outcome: str
    ended_by: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    pipestatus: tuple[int, ...] = ()
    timed_out: bool = False
    elapsed_ms: int = 0
    grace_ms: int = 0
    output_bytes: int = 0
    survivors: tuple[Survivor, ...] = ()
    recorded: bool = False
    record_error: str | None = None
    record_notice: str | None = None
    """What its user should know about the database, such as the new name of a damaged one."""
    observation_id: str | None = None
    cwd: str = ""
    error: str | None = None
    output_kept: bool = True
    output_error: str | None = None


@dataclass(frozen=True)
class SendReport:
    """What became of input. ``echo`` False: the terminal hides it, so no reply may repeat it."""

    echo: bool


@dataclass(frozen=True)
class TaskStatus:
    """A look at a task: what its terminal and its processes are doing now."""

    running: bool
    total: int = 0
    newlines: int = 0
    echo: bool | None = None
    accepts_input: bool = False
    waiting_for_input: bool = False
    foreground: int | None = None
    rows: int = 0
    cols: int = 0


class TaskError(Exception):
    """Something about a task that its caller has to be told; the text is for the agent."""


class StartError(TaskError):
    """The command could not be handed to anything that would run it."""


class TaskEndedError(TaskError):
    """The task is over, so what was asked of it cannot be done."""


class InputClosedError(TaskError):
    """The task takes no input."""


class InputFullError(TaskError):
    """The command leaves so much of its input unread that it gets no more."""

    def __init__(self, sent: int = 0, asked: int = 0) -> None:
        taken = f"the first {sent:,} of {asked:,} bytes were sent" if sent else "nothing was sent"
        super().__init__(f"the command does not read its input, 1 MiB is waiting already: {taken}")


class PythonOnlyError(TaskError):
    """Python-only mode cannot do what was asked."""


@dataclass(eq=False)
class UnknownTaskError(TaskError):
    """No task has this id."""

    task_id: str
    near: Sequence[str] = ()

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(self.near)}?" if self.near else "; zsh_tasks lists what there is"
        return f"no task {self.task_id!r}{hint}"


@dataclass(eq=False)
class TaskLimitError(TaskError):
    """As many tasks are live as may be."""

    limit: int
    tasks: Sequence[str] = field(default_factory=list)
    """One line for each live task: id, age, command."""

    def __str__(self) -> str:
        listed = "\n".join(self.tasks)
        return f"{self.limit} tasks are live, and no more may be; end one with zsh_kill first:\n{listed}"
