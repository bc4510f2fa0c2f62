"""A.L.A.N., the memory: a facade over what is read from the database and the little that Python writes."""

# ruff: noqa: ARG002

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from zsh_tool import normalize
from zsh_tool.config import Settings
from zsh_tool.insights import DurationEstimate, Insight, RunResult, ShownInsight
from zsh_tool.neverhang import TimedOutRow

Scope = Literal["session", "project", "all"]


class ALAN:
    """The memory of one server run. Thread-safe and synchronous: call it through ``asyncio.to_thread``.

    Make it inside the event loop: the man page reader runs there, in the background.
    """

    def __init__(
        self,
        settings: Settings,
        session_id: str,
        executor_active: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._session_id = session_id
        self._executor_active = executor_active
        self._clock = clock
        self._lock = threading.RLock()
        self._shown: list[ShownInsight] = []

    # TODO(phase3): port to Rust MCP server
    def get_insights(self, command: str, cwd: Path | str) -> list[Insight]:
        """Say what history knows about a command before it runs."""
        return []

    # TODO(phase3): port to Rust MCP server
    def get_post_insights(self, command: str, result: RunResult, cwd: Path | str) -> list[Insight]:
        """Say what the end of a command means. Call it after ``record``."""
        return []

    # TODO(phase3): port to Rust MCP server
    def running_insight(self, command: str, cwd: Path | str, elapsed_ms: int) -> Insight | None:
        """Say that a command that still runs takes unusually long, or None."""
        return None

    # TODO(phase3): port to Rust MCP server
    def estimate(self, command: str, cwd: Path | str) -> DurationEstimate | None:
        """Return how long this command took before in this project; None with fewer than 5 runs."""
        return None

    def record(
        self,
        command: str,
        result: RunResult,
        cwd: Path | str,
        *,
        description: str | None = None,
        author: str | None = None,
        insights: Sequence[ShownInsight] = (),
    ) -> str | None:
        """Record a finished command and return the observation's id.

        With the executor active the core rows are there already; only SSH and the man page cache are left.
        """
        return result.observation_id

    # TODO(phase3): port to Rust MCP server
    def get_stats(self, scope: Scope = "session", cwd: Path | str | None = None) -> dict[str, Any]:
        """Return figures on the commands of this session, this project, or all."""
        return {}

    # TODO(phase3): port to Rust MCP server
    def get_pattern_stats(self, command: str, cwd: Path | str | None = None) -> dict[str, Any]:
        """Return figures on one command and its template."""
        return {}

    # TODO(phase3): port to Rust MCP server
    def query(
        self,
        search: str | None = None,
        command: str | None = None,
        failed_only: bool = False,
        limit: int = 20,
        scope: Scope = "project",
        cwd: Path | str | None = None,
    ) -> list[dict[str, Any]]:
        """Return recorded commands, newest first."""
        return []

    # TODO(phase3): port to Rust MCP server
    def recent_timeouts(self) -> list[TimedOutRow]:
        """Return the timeouts of the last hour, for the circuit breaker after a start."""
        return []

    # TODO(phase3): port to Rust MCP server
    def summary(self) -> str:
        """Say in one line what this session did."""
        return ""

    def note_shown(self, insights: Sequence[Insight], command: str) -> None:
        """Remember which insights a reply showed, until the next recorded command carries them along."""
        template = self._template_command(command)
        now = self._clock()
        with self._lock:
            self._shown += [
                ShownInsight(one.id, one.kind, one.level, template, now) for one in insights if one.shown
            ]

    def take_shown(self) -> tuple[ShownInsight, ...]:
        """Hand over, once, the insights shown since the last call: they go along with the next request."""
        with self._lock:
            shown, self._shown = tuple(self._shown), []
            return shown

    def close(self) -> None:
        """Close the database and end what runs in the background."""

    def _hash_command(self, command: str) -> str:
        return normalize.hash_command(command)

    def _template_command(self, command: str) -> str:
        return normalize.template_command(command)

    def _parse_pipeline(self, command: str) -> list[str]:
        return normalize.parse_pipeline(command)
