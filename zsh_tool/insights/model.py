"""What an insight is, and what it may know about a run. Imports nothing of ours."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Level = Literal["info", "warning"]
End = Literal["failure", "timeout", "no connection"]


def new_id() -> str:
    """Return a fresh insight id."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Insight:
    """One thing worth knowing about a command, for ``_meta`` and maybe for the text.

    ``shown`` says whether the text of a reply may show it: warnings, and an info that changes what to do
    next.
    """

    kind: str
    level: Level
    message: str
    id: str = field(default_factory=new_id)
    shown: bool = True
    warns_of: End = "failure"
    """The end that a warning before the command speaks of: after another end it is no news."""
    is_answer: bool = False
    """Whether it says of a code other than 0 that it is, or may be, an answer rather than a failure."""


@dataclass(frozen=True)
class ShownInsight:
    """The record of an insight that was put before the agent, written with the next recorded command."""

    id: str
    kind: str
    level: str
    template: str
    shown_at: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class DurationEstimate:
    """How long a command took before, in this project."""

    runs: int
    median_ms: int
    p90_ms: int


class RunResult(Protocol):
    """The end of a run, as the tasks tell it and the executor's meta file says."""

    @property
    def outcome(self) -> str:
        """One word of the closed list of outcomes."""

    @property
    def exit_code(self) -> int | None:
        """The shell's wait status, 128+n for signal n; None when there was no end to see."""

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended the shell, without SIG."""

    @property
    def pipestatus(self) -> Sequence[int]:
        """The codes of the last pipeline, or just the exit code."""

    @property
    def timed_out(self) -> bool:
        """Whether a limit ended the command."""

    @property
    def elapsed_ms(self) -> int:
        """How long the shell ran."""

    @property
    def output_bytes(self) -> int:
        """How much was printed."""

    @property
    def observation_id(self) -> str | None:
        """The id of the row that was recorded, if one was."""
