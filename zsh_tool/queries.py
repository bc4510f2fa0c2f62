"""SELECTs on the database, read-only and bounded: every one walks an index, newest first, to a limit.

Rows are ordered by rowid, the order in which commands ended: it needs no sort and no trust in clocks. Columns
that an older database lacks read as NULL.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from zsh_tool.database import Reader
from zsh_tool.normalize import PREVIEW_CHARS

RUNS_READ: Final = 50
"""Most runs of one command or template that are looked at before each command."""

RUNS_READ_AFTER: Final = 100
"""The same after a failure, when there is more to find out and nobody waits for a shell."""

RECENT_READ: Final = 50
"""Most entries of the short list of recent commands that are looked at."""

SEGMENTS_READ: Final = 64
"""Most rows after a whole command among which its segments are looked for: they are written along with it."""

LEGACY_READ: Final = 200
"""Most rows looked at to find those without a project, written by earlier releases."""

# In the order of Run's fields, with what stands for NULL where no reader wants one.
_RUN_COLUMNS: Final[Mapping[str, str | None]] = {
    "id": None,
    "command_hash": None,
    "command_template": "''",
    "command_preview": "''",
    "exit_code": None,
    "duration_ms": "0",
    "timed_out": "0",
    "weight": "1.0",
    "created_at": "''",
    "outcome": None,
    "signal": None,
    "cwd": None,
    "project": None,
    "session_id": None,
    "parent_id": None,
    "intent": None,
}


class Run(NamedTuple):
    """One recorded command, or a segment of one. A tuple: insights read hundreds of them at a time."""

    rowid: int
    id: str
    hash: str
    template: str
    preview: str
    exit_code: int | None
    duration_ms: int
    timed_out: int
    weight: float
    created_at: str
    outcome: str | None
    signal: str | None
    cwd: str | None
    project: str | None
    session_id: str | None
    parent_id: str | None
    intent: str | None

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.exit_code == 0 and not self.timed_out and self.outcome in (None, "exited")

    @property
    def ended_at(self) -> float:
        """When it ended, in epoch seconds; 0 if the row does not say."""
        return epoch(self.created_at)


class RecentRun(NamedTuple):
    """A command of the last hundred minutes, from the short list."""

    hash: str
    preview: str
    at: float
    exit_code: int | None
    timed_out: int | None
    outcome: str | None
    cwd: str | None
    id: str | None
    """The id of its row among the observations."""


@dataclass(frozen=True)
class SshRun:
    """One use of a host over ssh or a relative."""

    remote_command: str | None
    remote_template: str | None
    exit_code: int | None
    exit_type: str | None
    timed_out: bool
    created_at: str


@dataclass(frozen=True)
class Streak:
    """The streak row of one hash."""

    current: int
    longest_success: int
    longest_fail: int
    last_was_success: bool


@dataclass(frozen=True)
class ShownRow:
    """One insight that was shown, with the place of the command that came next."""

    id: str
    kind: str
    level: str
    template: str
    session_id: str
    command_rowid: int
    shown_at: float


class Queries:
    """What the insights and figures read. Call ``refresh`` first; it says whether there is anything."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def refresh(self) -> bool:
        """Look at the file again; see ``Reader.refresh``."""
        return self.reader.refresh() and self.reader.has("observations")

    @property
    def knows_projects(self) -> bool:
        """Whether rows can say in which project they ran."""
        return self.reader.has("observations", "project")

    def runs_by_hash(self, project: str, command_hash: str, limit: int = RUNS_READ) -> list[Run]:
        """Return whole commands with this hash in this project, newest first."""
        if not self.knows_projects:
            return self._runs(f"command_hash = ? AND {self._whole()}", (command_hash,), limit)
        where = f"project = ? AND command_hash = ? AND {self._whole()}"
        return self._runs(where, (project, command_hash), limit) or self.runs_without_project(command_hash)

    def runs_without_project(self, command_hash: str) -> list[Run]:
        """Return whole commands with this hash that earlier releases recorded, newest first."""
        rows = self.reader.rows(
            f"SELECT rowid, {self._columns()} FROM"
            f" (SELECT rowid, * FROM observations WHERE command_hash = ? ORDER BY rowid DESC LIMIT {LEGACY_READ})"
            f" WHERE project IS NULL AND {self._whole()}",
            (command_hash,),
        )
        return [Run._make(row) for row in rows]

    def runs_by_template(self, project: str, template: str, limit: int = RUNS_READ) -> list[Run]:
        """Return whole commands of this template in this project, newest first."""
        if not self.reader.has("observations", "command_template"):
            return []
        if not self.knows_projects:
            return self._runs(f"command_template = ? AND {self._whole()}", (template,), limit)
        where = f"project = ? AND command_template = ? AND {self._whole()}"
        return self._runs(where, (project, template), limit)

    def runs_in_project(self, project: str, template: str, limit: int = RUNS_READ_AFTER) -> list[Run]:
        """Return runs of this template in exactly this project, segments included, newest first."""
        if not self.knows_projects:
            return []
        return self._runs("project = ? AND command_template = ?", (project, template), limit)

    def segments(self, whole: Run) -> list[Run]:
        """Return the segments of a whole command in the order of the text."""
        if not self.reader.has("observations", "parent_id"):
            return []
        where = "rowid > ? AND rowid <= ? AND parent_id = ?"
        beyond = whole.rowid + SEGMENTS_READ
        return self._runs(where, (whole.rowid, beyond, whole.id), SEGMENTS_READ, order="ASC")

    def session_runs(
        self, session_id: str, after: int, before: int | None, limit: int, newest_first: bool = False
    ) -> list[Run]:
        """Return whole commands of a session between two rowids, both left out."""
        if not self.reader.has("observations", "session_id", "parent_id"):
            return []
        where = "session_id = ? AND parent_id IS NULL AND rowid > ?"
        parameters: list[Any] = [session_id, after]
        if before is not None:
            where += " AND rowid < ?"
            parameters.append(before)
        return self._runs(where, parameters, limit, order="DESC" if newest_first else "ASC")

    def recent(
        self, session_id: str, project: str, column: str, value: str, since: float, limit: int
    ) -> list[RecentRun]:
        """Return whole commands of this session and project with a hash or template since a time."""
        if not self.reader.has("recent_commands", column):
            return []
        whole, more, joined = "r.duration_ms > 0", "NULL, NULL, NULL", ""
        if self.reader.has("recent_commands", "parent_id", "observation_id", "project"):
            whole = (
                "r.parent_id IS NULL AND (r.observation_id IS NOT NULL OR r.duration_ms > 0)"
                " AND coalesce(r.project, :project) = :project"
            )
            more, joined = "o.outcome, o.cwd, o.id", "LEFT JOIN observations AS o ON o.id = r.observation_id"
        rows = self.reader.rows(
            f"SELECT r.command_hash, coalesce(r.command_preview, ''), r.timestamp, r.exit_code, r.timed_out, {more}"
            f" FROM recent_commands AS r {joined} WHERE r.{column} = :value AND r.timestamp > :since"
            f" AND r.session_id = :session AND {whole} ORDER BY r.timestamp DESC LIMIT :limit",
            {"value": value, "since": since, "session": session_id, "project": project, "limit": limit},
        )
        return [RecentRun._make(row) for row in rows]

    def streak(self, command_hash: str) -> Streak | None:
        """Return the streak of one hash, over all projects."""
        if not self.reader.has("streaks"):
            return None
        rows = self.reader.rows(
            "SELECT current_streak, longest_success_streak, longest_fail_streak, last_result"
            " FROM streaks WHERE command_hash = ?",
            (command_hash,),
        )
        return Streak(rows[0][0] or 0, rows[0][1] or 0, rows[0][2] or 0, bool(rows[0][3])) if rows else None

    def timeouts_since(self, since: float, limit: int = 1000) -> list[Run]:
        """Return whole commands that timed out since a time, newest first."""
        begin = datetime.fromtimestamp(since, UTC).isoformat()
        where = f"created_at >= ? AND timed_out = 1 AND {self._whole()}"
        return self._runs(where, (begin,), limit, order_by="created_at")

    def ssh(self, host: str, limit: int = RUNS_READ) -> list[SshRun]:
        """Return the uses of a host, newest first."""
        if not self.reader.has("ssh_observations"):
            return []
        rows = self.reader.rows(
            "SELECT remote_command, remote_command_template, exit_code, exit_type, timed_out, created_at"
            " FROM ssh_observations WHERE host = ? ORDER BY rowid DESC LIMIT ?",
            (host, limit),
        )
        return [SshRun(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) for row in rows]

    def manopt(self, base_command: str) -> str | None:
        """Return the cached options of a command's man page."""
        if not self.reader.has("manopt_cache"):
            return None
        rows = self.reader.rows(
            "SELECT options_text FROM manopt_cache WHERE base_command = ?", (base_command,)
        )
        return str(rows[0][0]) if rows else None

    def shown(self, kind: str, limit: int) -> list[ShownRow]:
        """Return the insights of a kind that were shown, newest first."""
        if not self.reader.has("insights", "observation_id"):
            return []
        rows = self.reader.rows(
            "SELECT i.id, i.kind, i.level, i.command_template, i.session_id, o.rowid, i.shown_at"
            " FROM (SELECT * FROM insights WHERE kind = ? ORDER BY rowid DESC LIMIT ?) AS i"
            " JOIN observations AS o ON o.id = i.observation_id",
            (kind, limit),
        )
        return [
            ShownRow(shown_id, kind, level, template or "", session_id or "", rowid, shown_at)
            for shown_id, kind, level, template, session_id, rowid, shown_at in rows
        ]

    def newest(self, reach: int, where: str, parameters: Sequence[Any], limit: int) -> list[Run]:
        """Return whole commands among the newest ``reach`` rows that also meet a condition."""
        top = self.reader.rows("SELECT max(rowid) FROM observations")
        if not top or top[0][0] is None:
            return []
        floor = top[0][0] - reach
        return self._runs(f"rowid > ? AND {self._whole()} AND ({where})", (floor, *parameters), limit)

    def rowids(self, where: str, parameters: Sequence[Any], limit: int) -> list[int]:
        """Return the newest rows that meet a condition which an index alone tells, newest first."""
        rows = self.reader.rows(
            f"SELECT rowid FROM observations WHERE {where} ORDER BY rowid DESC LIMIT ?", (*parameters, limit)
        )
        return [row[0] for row in rows]

    def rowids_of_project(self, project: str, reach: int) -> Iterator[list[int]]:
        """Return all rows of a project, newest first, in pieces that reach back twice as far each time.

        An index on project has them in the order of what ran, so they are sorted here, and only as far as wanted.
        """
        oldest, newest = self._ends()
        while newest >= oldest:
            # The plus keeps SQLite from walking the rows of all projects.
            rows = self.reader.rows(
                "SELECT rowid FROM observations WHERE project = ? AND +rowid > ? AND +rowid <= ?",
                (project, newest - reach, newest),
            )
            yield sorted((row[0] for row in rows), reverse=True)
            newest, reach = newest - reach, 2 * reach

    def at(self, rowids: Sequence[int], where: str, parameters: Sequence[Any]) -> list[Run]:
        """Return the whole commands among these rows that also meet a condition, newest first."""
        marks = ", ".join("?" * len(rowids))
        among = f"rowid IN ({marks}) AND {self._whole()} AND ({where})"
        return self._runs(among, (*rowids, *parameters), len(rowids))

    def row_count(self) -> int:
        """Return how many rows there are, by their numbers: counting would read them all."""
        oldest, newest = self._ends()
        return newest - oldest + 1

    def _ends(self) -> tuple[int, int]:
        """Return the lowest and the highest rowid; 1 and 0 without rows."""
        rows = self.reader.rows(
            "SELECT (SELECT min(rowid) FROM observations), (SELECT max(rowid) FROM observations)"
        )
        return (rows[0][0], rows[0][1]) if rows and rows[0][0] is not None else (1, 0)

    def _whole(self) -> str:
        # Rows of earlier releases do not say which of them are segments; those have no duration.
        if self.reader.has("observations", "parent_id", "outcome"):
            return "parent_id IS NULL AND (outcome IS NOT NULL OR duration_ms > 0)"
        return "duration_ms > 0"

    def _runs(
        self,
        where: str,
        parameters: Sequence[Any],
        limit: int,
        order: str = "DESC",
        order_by: str = "rowid",
    ) -> list[Run]:
        rows = self.reader.rows(
            f"SELECT rowid, {self._columns()} FROM observations WHERE {where}"
            f" ORDER BY {order_by} {order} LIMIT ?",
            (*parameters, limit),
        )
        return [Run._make(row) for row in rows]

    def _columns(self) -> str:
        present = self.reader.schema.get("observations", frozenset())
        return ", ".join(_column(name, name in present) for name in _RUN_COLUMNS)


@lru_cache(maxsize=4096)
def epoch(created_at: str | None) -> float:
    """Read a time as any release wrote it; one without an offset is UTC; 0 if it cannot be read."""
    try:
        when = datetime.fromisoformat(created_at or "")
    except ValueError:
        return 0.0
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def decayed(run: Run, now: float, half_life_days: float) -> float:
    """Return a row's weight today; it is never written back."""
    age_days = max(0.0, now - run.ended_at) / 86_400
    return float(run.weight * 0.5 ** (age_days / half_life_days))


def preview_of(command: str) -> str:
    """Return what a row keeps of a command's text."""
    return command[:PREVIEW_CHARS]


def _column(name: str, present: bool) -> str:
    instead = _RUN_COLUMNS[name]
    if not present:
        return instead or "NULL"
    return f"coalesce({name}, {instead})" if instead else name
