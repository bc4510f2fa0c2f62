"""Applies the database's numbered migrations, the same files and rules as the executor.

A line ``-- if-missing: TABLE.COLUMN`` makes the statement after it apply only when that column is missing,
which SQL itself cannot say. A statement ends with a semicolon at a line's end.
"""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent
_PLACES: Final = (
    _PACKAGE / "migrations",
    _PACKAGE.parent / "zsh-tool-rs" / "src" / "alan" / "migrations",
)
_CONDITION: Final = "-- if-missing:"
_FILE_NAME: Final = re.compile(r"(\d{3})_\w+\.sql")


class MigrationsMissingError(Exception):
    """The SQL files are neither in the package nor in a checkout around it."""


@dataclass(frozen=True)
class Statement:
    """One statement of a step, with the column that must be missing for it."""

    sql: str
    if_missing: tuple[str, str] | None = None


def steps() -> list[tuple[int, str]]:
    """Return the numbered steps in order, each with its SQL."""
    for place in _PLACES:
        files = sorted(path for path in place.glob("*.sql") if _FILE_NAME.fullmatch(path.name))
        if files:
            return [(int(path.name[:3]), path.read_text(encoding="utf-8")) for path in files]
    raise MigrationsMissingError(f"no migrations in {' or '.join(str(place) for place in _PLACES)}")


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what the file lacks, in one transaction. A later layout stays as it is: later ones only add."""
    known = steps()
    if _version(connection) >= known[-1][0]:
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        # Another process may have been faster.
        begin = _version(connection)
        for number, sql in known:
            if number > begin:
                _apply(connection, sql)
                connection.execute(f"PRAGMA user_version = {number}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def statements(step: str) -> Iterator[Statement]:
    """Split a step into its statements."""
    lines: list[str] = []
    condition: tuple[str, str] | None = None
    for line in step.splitlines():
        if line.startswith(_CONDITION):
            table, _, column = line.removeprefix(_CONDITION).strip().partition(".")
            condition = (table, column)
        elif not line.startswith("--"):
            lines.append(line)
            if line.rstrip().endswith(";"):
                yield Statement("\n".join(lines), condition)
                lines, condition = [], None


def _apply(connection: sqlite3.Connection, step: str) -> None:
    for statement in statements(step):
        if statement.if_missing is not None:
            table, column = statement.if_missing
            if column in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
                continue
        connection.execute(statement.sql)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
