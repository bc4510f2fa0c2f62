"""What Python-only mode forgets, in small shares after each record. The rules are the executor's.

Nothing here counts rows: rowids grow with time, so the distance between the lowest and the highest bounds their
number from above.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from zsh_tool.database import is_busy, writing
from zsh_tool.queries import epoch

SHARE: Final = 64
"""The most rows of one table that one command's share removes."""

AT_ONCE: Final = 16
"""The observations that one transaction removes: a record of another command may be waiting."""

LEAST_WEIGHT: Final = 0.01
"""A row that weighs less is forgotten."""

RECENT_KEPT_SECS: Final = 6000.0
"""The short list of recent commands reaches back a hundred minutes."""

PRUNED_PER_RECORD: Final = 100
PRUNED_PER_SHARE: Final = 1000

_BOUNDED_TOO: Final = ("ssh_observations", "insights")


def share(connection: sqlite3.Connection, rows: int, half_life_days: float, now: float) -> None:
    """Remove this command's share of what is over the bound, too light, or no longer recent.

    Where another writer is at work, the next command takes it.
    """
    due = _due(connection, rows, half_life_days, now)
    try:
        for begin in range(0, len(due), AT_ONCE):
            with writing(connection, patience_secs=0):
                _forget(connection, due[begin : begin + AT_ONCE])
        if _others_due(connection, rows, now):
            with writing(connection, patience_secs=0):
                _trim(connection, rows, now)
    except sqlite3.OperationalError as wrong:
        if not is_busy(wrong):
            raise


def prune(connection: sqlite3.Connection, now: float, most: int) -> None:
    """Remove rows of the short list that are no longer recent, within the caller's transaction."""
    connection.execute(
        "DELETE FROM recent_commands WHERE id IN"
        " (SELECT id FROM recent_commands WHERE timestamp < ? ORDER BY timestamp LIMIT ?)",
        (now - RECENT_KEPT_SECS, most),
    )


def _due(connection: sqlite3.Connection, rows: int, half_life_days: float, now: float) -> list[int]:
    """Return the observations to forget: the oldest over the bound, then those that weigh too little."""
    due = _oldest(connection, _excess(connection, "observations", rows))
    for order in ("created_at", "weight"):
        light = _light(connection, order, half_life_days, now, SHARE - len(due))
        due += [rowid for rowid in light if rowid not in due]
    return due


def _oldest(connection: sqlite3.Connection, number: int) -> list[int]:
    found = connection.execute("SELECT rowid FROM observations ORDER BY rowid LIMIT ?", (number,))
    return [int(row[0]) for row in found]


def _excess(connection: sqlite3.Connection, table: str, bound: int) -> int:
    # Two look-ups: asked for both in one statement, SQLite walks the whole table.
    (span,) = connection.execute(
        f"SELECT (SELECT max(rowid) FROM {table}) - (SELECT min(rowid) FROM {table}) + 1"
    ).fetchone()
    return min(max((span or 0) - bound, 0), SHARE)


def _light(
    connection: sqlite3.Connection, order: str, half_life_days: float, now: float, most: int
) -> list[int]:
    """Return at most so many of the first rows in an order as long as each weighs too little.

    Rows of one weight grow lighter in the order of their times, so the first that stays ends the search. A time
    that cannot be read, or lies ahead, says nothing of the rows behind it: such a row is passed over.
    """
    found = connection.execute(
        f"SELECT rowid, coalesce(weight, 1.0), created_at FROM observations ORDER BY {order} LIMIT ?",
        (SHARE,),
    )
    light: list[int] = []
    for rowid, weight, created_at in found:
        if len(light) >= most:
            break
        written_at = epoch(created_at)
        is_known = 0 < written_at <= now
        age_days = (now - written_at) / 86_400 if is_known else 0.0
        if weight * 0.5 ** (age_days / half_life_days) < LEAST_WEIGHT:
            light.append(int(rowid))
        elif is_known:
            break
    return light


def _forget(connection: sqlite3.Connection, rowids: Sequence[int]) -> None:
    """Remove observations; with the last of its command also the command's streak."""
    for rowid in rowids:
        found = connection.execute(
            "SELECT command_hash FROM observations WHERE rowid = ?", (rowid,)
        ).fetchone()
        connection.execute("DELETE FROM observations WHERE rowid = ?", (rowid,))
        if found:
            connection.execute(
                "DELETE FROM streaks WHERE command_hash = ?1"
                " AND NOT EXISTS (SELECT 1 FROM observations WHERE command_hash = ?1)",
                (found[0],),
            )


def _others_due(connection: sqlite3.Connection, rows: int, now: float) -> bool:
    if any(_excess(connection, table, rows) for table in _BOUNDED_TOO):
        return True
    sql = "SELECT EXISTS (SELECT 1 FROM recent_commands WHERE timestamp < ?)"
    return bool(connection.execute(sql, (now - RECENT_KEPT_SECS,)).fetchone()[0])


def _trim(connection: sqlite3.Connection, rows: int, now: float) -> None:
    for table in _BOUNDED_TOO:
        connection.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT ?)",
            (_excess(connection, table, rows),),
        )
    prune(connection, now, PRUNED_PER_SHARE)
