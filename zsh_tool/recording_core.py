"""Python-only mode's rows: what the executor would have recorded, written by Python.

Nothing here runs while an executor is active. The rows, their order, and the layout are the executor's.
"""

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from zsh_tool import normalize, retention
from zsh_tool.database import is_damage, open_writer, writing
from zsh_tool.filesystem import is_local
from zsh_tool.ids import new_id
from zsh_tool.insights.model import RunResult
from zsh_tool.project import project_of, stored_path
from zsh_tool.taskmodel import InsightShown
from zsh_tool.upgrade import MigrationsMissingError, migrate

_STREAK: Final = """
INSERT INTO streaks (command_hash, current_streak, longest_success_streak, longest_fail_streak,
                     last_result, last_updated)
VALUES (:hash, 2 * :success - 1, :success, 1 - :success, :success, :time)
ON CONFLICT (command_hash) DO UPDATE SET
  current_streak = CASE WHEN current_streak * excluded.current_streak > 0
    THEN current_streak + excluded.current_streak ELSE excluded.current_streak END,
  longest_success_streak = CASE WHEN current_streak > 0 AND excluded.last_result
    THEN max(coalesce(longest_success_streak, 0), current_streak + 1)
    ELSE coalesce(longest_success_streak, 0) END,
  longest_fail_streak = CASE WHEN current_streak < 0 AND NOT excluded.last_result
    THEN max(coalesce(longest_fail_streak, 0), 1 - current_streak)
    ELSE coalesce(longest_fail_streak, 0) END,
  last_result = excluded.last_result,
  last_updated = excluded.last_updated
"""


class RecordError(Exception):
    """A command was not recorded; the text says why."""


@dataclass(frozen=True)
class Observation:
    """One command that has ended."""

    command: str
    session_id: str
    exit_code: int
    duration_ms: int
    timed_out: bool
    pipestatus: Sequence[int]
    cwd: Path | str
    outcome: str
    id: str | None = None
    """The id of its row, if the caller has chosen one."""
    signal: str | None = None
    intent: str | None = None
    author: str | None = None
    insights: Sequence[InsightShown] = ()

    @property
    def succeeded(self) -> bool:
        """Whether it counts as a success: a command that was killed never does."""
        return self.exit_code == 0 and not self.timed_out and self.outcome == "exited"


def observation_of(result: RunResult, **known: Any) -> Observation:
    """Return what is recorded of an end, with what else is known as `Observation` names it."""
    return Observation(
        exit_code=result.exit_code or 0,
        duration_ms=result.elapsed_ms,
        timed_out=result.timed_out,
        pipestatus=result.pipestatus,
        outcome=result.outcome,
        signal=result.signal,
        **known,
    )


def stored_text(text: str) -> str:
    """Return a text as it is stored. Every text that reaches a row passes here."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "replace")
    return raw.decode("utf-8", "replace")


class CoreRecorder:
    """Writes whole commands and their segments, one IMMEDIATE transaction each."""

    def __init__(self, path: Path, rows: int, half_life_days: float) -> None:
        self.path = path
        self.notice: str | None = None
        self._rows = rows
        self._half_life_days = half_life_days
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def record(self, observation: Observation, now: float) -> str:
        """Record one command and return the id of its observation; nothing is left half written."""
        try:
            return self._record_once(observation, now)
        except (sqlite3.Error, OSError, MigrationsMissingError) as wrong:
            self.close()
            if not isinstance(wrong, sqlite3.Error) or not is_damage(wrong):
                raise RecordError(f"{self.path}: {wrong}") from wrong
            damage = wrong
        try:
            self._set_aside(damage)
            return self._record_once(observation, now)
        except (sqlite3.Error, OSError, MigrationsMissingError) as wrong:
            self.close()
            raise RecordError(f"{self.path}: {wrong}") from wrong

    def retain(self, now: float) -> None:
        """Remove a small share of what is beyond the bounds."""
        if self._connection is None:
            return
        try:
            retention.share(self._connection, self._rows, self._half_life_days, now)
        except sqlite3.Error as wrong:
            # The next record finds out whether the file is damaged.
            self.notice = f"{self.path}: {wrong}"

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity == _identity(self.path):
            return self._connection
        self.close()
        _make_private(self.path)
        self._identity = _identity(self.path)
        self._connection = self._prepared()
        return self._connection

    def _set_aside(self, damage: sqlite3.Error) -> None:
        if self._identity != _identity(self.path):
            return  # Somebody else was faster, and this is a new file.
        aside = _set_aside(self.path)
        self.notice = f"{self.path} was damaged ({damage}); kept as {aside.name}, a new one begun"

    def _prepared(self) -> sqlite3.Connection:
        connection = open_writer(self.path, create=True)
        try:
            if is_local(self.path):
                connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _record_once(self, observation: Observation, now: float) -> str:
        connection = self._open()
        with writing(connection):
            found = _Rows(connection, observation, now).write()
            retention.prune(connection, now, retention.PRUNED_PER_RECORD)
        return found


class _Rows:
    """The rows of one command, written within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, observation: Observation, now: float) -> None:
        self._connection = connection
        self._observation = observation
        self._now = now
        self._project = project_of(observation.cwd)
        self._common = {
            "cwd": stored_path(observation.cwd),
            "project": self._project,
            "host": platform.node() or None,
            "session_id": observation.session_id,
            "created_at": datetime.fromtimestamp(now, UTC).isoformat(),
        }

    def write(self) -> str:
        one = self._observation
        text = stored_text(one.command)
        whole = self._add(text, one.exit_code, one.succeeded, one.duration_ms, one.timed_out, None)
        segments = normalize.parse_pipeline(text) if normalize.is_single_pipeline(text) else []
        if len(one.pipestatus) > 1 and len(segments) == len(one.pipestatus):
            for segment, code in zip(segments, one.pipestatus, strict=True):
                self._add(segment, code, code == 0, 0, False, whole)
        for shown in one.insights:
            self._add_insight(shown, whole)
        return whole

    def _add(
        self, text: str, exit_code: int, success: bool, duration_ms: int, timed_out: bool, parent: str | None
    ) -> str:
        one = self._observation
        row = self._common | {
            "id": (None if parent else one.id) or new_id(),
            "command_hash": normalize.hash_command(text),
            "command_template": normalize.template_command(text),
            "command_preview": text[: normalize.PREVIEW_CHARS],
            "exit_code": exit_code,
            "duration_ms": duration_ms,
            "timed_out": int(timed_out),
            "weight": 1.0,
            "outcome": None if parent else one.outcome,
            "signal": None if parent else one.signal,
            "intent": None if parent or one.intent is None else stored_text(one.intent),
            "author": None if parent or one.author is None else stored_text(one.author),
            "parent_id": parent,
        }
        self._insert("observations", row)
        kept = ("session_id", "command_hash", "command_template", "command_preview", "duration_ms")
        recent = {name: row[name] for name in (*kept, "exit_code", "timed_out", "project", "parent_id")}
        recent |= {"timestamp": self._now, "success": int(success), "observation_id": row["id"]}
        self._insert("recent_commands", recent)
        self._update_streak(str(row["command_hash"]), success)
        return str(row["id"])

    def _update_streak(self, command_hash: str, success: bool) -> None:
        self._connection.execute(_STREAK, {"hash": command_hash, "success": int(success), "time": self._now})

    def _add_insight(self, shown: InsightShown, observation_id: str) -> None:
        row: dict[str, object] = {
            "id": shown.id,
            "kind": shown.kind,
            "level": shown.level,
            "command_template": shown.template,
            "project": self._project,
            "session_id": self._observation.session_id,
            "observation_id": observation_id,
            "shown_at": shown.shown_at,
        }
        self._insert("insights", row, "INSERT OR IGNORE")

    def _insert(self, table: str, row: Mapping[str, object], verb: str = "INSERT") -> None:
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        self._connection.execute(f"{verb} INTO {table} ({names}) VALUES ({marks})", row)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to another user")
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _set_aside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    # The log first: a new database must never find the log of the old one beside it.
    for suffix in ("-wal", "-shm", "-journal", ""):
        companion = path.with_name(path.name + suffix)
        if os.path.lexists(companion):
            companion.rename(aside.with_name(aside.name + suffix))
    return aside
