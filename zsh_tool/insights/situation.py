"""What an insight may look at: the command, where and when it runs, and its history, read once."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

from zsh_tool import normalize
from zsh_tool.insights.exit_codes import is_benign
from zsh_tool.insights.model import RunResult
from zsh_tool.insights.words import Program, deciding, operators
from zsh_tool.normalize import PREVIEW_CHARS
from zsh_tool.queries import RECENT_READ, RUNS_READ, Queries, RecentRun, Run, decayed, preview_of

RECENT_SECS = 600.0
"""What "just now" means for retries."""

SHORT_LIST_SECS = 6000.0
"""The short list of recent commands reaches back a hundred minutes."""

_HASHED_AWAY = re.compile("""["'0-9]""")

AnyRun = TypeVar("AnyRun", Run, RecentRun)

INTERRUPTED = frozenset(("killed", "cancelled", "session_ended"))


@dataclass(frozen=True)
class Situation:
    """One command about to run, or just ended. ``own_id`` is its row, which is no history of itself."""

    command: str
    cwd: str
    project: str
    session_id: str
    now: float
    half_life_days: float
    queries: Queries
    own_id: str | None = None
    runs_read: int = RUNS_READ
    result: RunResult | None = None
    """How it ended, once it has."""

    @cached_property
    def hash(self) -> str:
        """The command's hash."""
        return normalize.hash_command(self.command)

    @cached_property
    def template(self) -> str:
        """The command's template."""
        return normalize.template_command(self.command)

    @cached_property
    def preview(self) -> str:
        """The command as its row shows it."""
        return preview_of(self.command)

    @cached_property
    def programs(self) -> list[Program | None]:
        """The programs that may decide the exit code."""
        return deciding(self.command)

    @cached_property
    def same_text(self) -> list[Run]:
        """Runs of this very text in this directory, newest first.

        Commands that differ only inside quotes share a hash and have nothing else in common.
        """
        return self._others([run for run in self._hash_runs if self._is_same(run)])

    @property
    def may_have_older_runs(self) -> bool:
        """Whether there may be more runs of this text than were read."""
        return len(self._hash_runs) >= self.runs_read

    @cached_property
    def same_template(self) -> list[Run]:
        """Runs of this template in this project, newest first."""
        return self._others([run for run in self._template_runs if self._is_alike(run)])

    @cached_property
    def recent_same_text(self) -> list[RecentRun]:
        """Runs of this very text in this session within the last ten minutes."""
        runs = self._of_hash(self._short_list, RECENT_READ)
        if runs is None:
            runs = self._recent("command_hash", self.hash)
        return [run for run in self._just_now(runs) if self._is_same(run)]

    @cached_property
    def recent_similar(self) -> list[RecentRun]:
        """Other commands of this template in this session within the last ten minutes.

        The same text in another directory is one of them: what `recent_same_text` leaves out is not lost.
        """
        runs = self._just_now(self._short_list)
        return [run for run in runs if not self._is_same(run) and self._is_alike(run)]

    @cached_property
    def failures_in_session(self) -> int:
        """How often commands of this template failed in this session, as far as the short list reaches back."""
        return sum(1 for run in self._short_list if self.failed(run) and self._is_alike(run))

    def weight(self, run: Run) -> float:
        """Return what a run still counts today."""
        return decayed(run, self.now, self.half_life_days)

    def success_rate(self, runs: Sequence[Run]) -> float:
        """Return the share of runs that did not fail, newer ones counting more."""
        bad = [run for run in runs if self.failed(run)]
        if not bad:
            return 1.0 if runs else 0.0
        total = sum(self.weight(run) for run in runs)
        return 1.0 - sum(self.weight(run) for run in bad) / total if total > 0 else 0.0

    def failed(self, run: Run | RecentRun) -> bool:
        """Tell whether a run failed. What is cut from its row is known when it is of this very command."""
        if run.exit_code == 0 and not run.timed_out:
            return False
        return failed(run, self.command if self.has_this_text(run) else None)

    def has_this_text(self, run: Run | RecentRun) -> bool:
        """Tell whether a row is certainly of this very command.

        The hash covers the whole text but for what stands in quotes and the digits of numbers; so what a preview
        cuts off is known only where it has neither.
        """
        return run.hash == self.hash and self._is_shown_whole and run.preview.strip() == self._stripped

    def is_here(self, run: Run | RecentRun) -> bool:
        """Tell whether a run's directory is this one, by whatever name; a row of an earlier release does not say."""
        if run.cwd is None or run.cwd == self.cwd:
            return True
        if run.cwd not in self._real_paths:
            self._real_paths[run.cwd] = os.path.realpath(run.cwd)
        return self._real_paths[run.cwd] == os.path.realpath(self.cwd)

    @cached_property
    def _real_paths(self) -> dict[str, str]:
        return {}

    @cached_property
    def _stripped(self) -> str:
        return self.preview.strip()

    @cached_property
    def _is_shown_whole(self) -> bool:
        return not _HASHED_AWAY.search(self.command, PREVIEW_CHARS)

    def _is_same(self, run: Run | RecentRun) -> bool:
        return self.has_this_text(run) and self.is_here(run) and not interrupted(run)

    def _is_alike(self, run: Run | RecentRun) -> bool:
        if interrupted(run):
            return False
        # A template tells nothing after the first pipe: `cat x | sort` has that of `cat x y`.
        return run.preview == self.preview or shape(run.preview) == shape(self.preview)

    @cached_property
    def _hash_runs(self) -> list[Run]:
        known = self._of_hash(self._template_runs, self.runs_read) if self.queries.knows_projects else None
        if known is None:
            return self.queries.runs_by_hash(self.project, self.hash, self.runs_read)
        return known or self.queries.runs_without_project(self.hash)

    @cached_property
    def _template_runs(self) -> list[Run]:
        return self.queries.runs_by_template(self.project, self.template, self.runs_read)

    @cached_property
    def _short_list(self) -> list[RecentRun]:
        return self._recent("command_template", self.template)

    def _of_hash(self, runs: list[AnyRun], limit: int) -> list[AnyRun] | None:
        """Return what a query for the hash would find, if one for the template tells, which may be nothing; else None.

        A text has one template: all its runs are among those of the template, if these are all there are, or
        if there is no other text among them.
        """
        same = [run for run in runs if run.hash == self.hash]
        return same if len(runs) < limit or len(same) == len(runs) else None

    def _just_now(self, runs: list[RecentRun]) -> list[RecentRun]:
        since = self.now - RECENT_SECS
        return [run for run in runs if run.at > since]

    def _recent(self, column: str, value: str) -> list[RecentRun]:
        since = self.now - SHORT_LIST_SECS
        runs = self.queries.recent(self.session_id, self.project, column, value, since, RECENT_READ)
        # A command may end while its history is read; once it is known how, it counts.
        return runs if self.result else [run for run in runs if run.id is None or run.id != self.own_id]

    def _others(self, runs: list[Run]) -> list[Run]:
        return [run for run in runs if run.id != self.own_id or self.own_id is None]


@lru_cache(maxsize=4096)
def shape(preview: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what stands between a command's pipelines, and the templates of its segments.

    A template alone would take `make; echo done`, whose end says nothing about make, for `make` with arguments.
    """
    segments = normalize.parse_pipeline(preview)
    return operators(preview), tuple(normalize.template_command(segment) for segment in segments)


def is_simple(preview: str) -> bool:
    """Tell whether a command is one segment and nothing else."""
    between, segments = shape(preview)
    return not between and len(segments) == 1


def place_of(runs: Sequence[Run]) -> str:
    """Say where runs took place: rows of earlier releases do not tell."""
    return "here" if any(run.project is not None for run in runs) else "by records that name no project"


def interrupted(run: Run | RecentRun) -> bool:
    """Tell whether somebody ended a run from outside, so that its end says nothing about the command."""
    return run.outcome in INTERRUPTED


def failed(run: Run | RecentRun, text: str | None = None) -> bool:
    """Tell whether a run failed in a way worth talking about: grep that found nothing did not.

    ``text`` is its whole text, where that is known to be longer than the row shows.
    """
    if run.timed_out:
        return True
    if run.exit_code is None or run.exit_code == 0 or interrupted(run):
        return False
    return not is_benign(text or run.preview, run.exit_code)


def result_failed(command: str, result: RunResult) -> bool:
    """Tell whether a command that just ended failed by its own doing, or ran out of time."""
    if result.timed_out:
        return True
    if result.exit_code in (None, 0) or result.outcome not in ("exited", "signalled"):
        return False
    return not is_benign(command, result.exit_code or 0)
