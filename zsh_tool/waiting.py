"""What ends a call: the command's end, a text, quiet, a question, or the clock, whichever is first."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from zsh_tool.config import Settings
from zsh_tool.task import Task


class WaitReason(Enum):
    """What ended a wait."""

    ENDED = "ended"
    MATCHED = "matched"
    IDLE = "idle"
    OUTPUT = "output"
    INPUT = "input"
    CLOCK = "clock"


class BadUntilError(ValueError):
    """The ``until`` given is no usable expression; the text says why."""


@dataclass(frozen=True)
class Until:
    """What a call waits for, besides the end and the clock."""

    kind: WaitReason = WaitReason.ENDED
    pattern: str = ""
    quiet_secs: float = 0.5
    """How long it has to be quiet for `WaitReason.IDLE`."""
    or_input: bool = False


@dataclass(frozen=True)
class Waited:
    """Why a wait ended."""

    reason: WaitReason
    matched: str | None = None
    """The text that the expression matched."""
    note: str | None = None
    """Something the agent should know, such as an expression that was given up."""


class Estimate(Protocol):
    """How long a command usually takes here."""

    @property
    def runs(self) -> int: ...  # noqa: D102
    @property
    def p90_ms(self) -> float: ...  # noqa: D102


def parse_until(text: str | None, task_accepts_input: bool) -> Until:
    """Read the ``until`` argument of a call; raises `BadUntilError` before anything runs."""
    raise NotImplementedError


def settled(quiet_secs: float = 0.2) -> Until:
    """Return the condition of `zsh_send`: some output, then quiet."""
    return Until(WaitReason.IDLE, quiet_secs=quiet_secs)


async def wait_for(task: Task, until: Until, limit_secs: float, since: int | None = None) -> Waited:
    """Wait until the condition is met, the task ended, or ``limit_secs`` passed.

    Only output from ``since`` on counts: by default what no reply has delivered yet.
    """
    raise NotImplementedError


def horizon(settings: Settings, expected: Estimate | None, asked: float | None) -> float:
    """Return how long a call may take before it yields: as asked, else learned, else the default."""
    raise NotImplementedError
