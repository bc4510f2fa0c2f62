"""What Python-only mode forgets: the same as the executor, in the same shares."""

import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.memory import START
from zsh_tool.recording_core import CoreRecorder, Observation

DAY = 86_400.0


def recorded(path: Path, commands: list[str], rows: int = 1000, at: float = START) -> CoreRecorder:
    recorder = CoreRecorder(path, rows, 30.0)
    for command in commands:
        recorder.record(Observation(command, "s", 0, 1, False, (0,), path.parent, "exited"), at)
    return recorder


def column(path: Path, sql: str) -> list[object]:
    connection = sqlite3.connect(path)
    found = [row[0] for row in connection.execute(sql)]
    connection.close()
    return found


def change(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()


def test_a_streak_goes_with_the_last_observation_of_its_command(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    recorder = recorded(path, [f"c a{number}" for number in range(30)] + ["c a0"], rows=10)
    recorder.retain(START)
    assert len(column(path, "SELECT * FROM observations")) == 10
    assert len(column(path, "SELECT * FROM streaks")) == 10
    assert 2 in column(path, "SELECT current_streak FROM streaks")


def test_what_else_grows_is_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    recorder = recorded(path, ["make"], rows=20)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
    change(path, f"{numbers} INSERT INTO ssh_observations (id, host, created_at) SELECT i, 'h', 't' FROM n")
    change(path, f"{numbers} INSERT INTO insights (id, kind, level, shown_at) SELECT i, 'k', 'l', 1.0 FROM n")
    recorder.retain(START)
    for table in ("ssh_observations", "insights"):
        assert column(path, f"SELECT id FROM {table}") == [str(number) for number in range(31, 51)], table


def test_a_row_made_lighter_by_an_earlier_release_leaves_sooner(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    recorder = recorded(path, ["first", "light", "half", "last"])
    change(path, "UPDATE observations SET weight = 0.004 WHERE command_preview = 'light'")
    change(path, "UPDATE observations SET weight = 0.5 WHERE command_preview = 'half'")
    recorder.retain(START + 2 * DAY)
    assert column(path, "SELECT command_preview FROM observations") == ["first", "half", "last"]
    recorder.retain(START + 170 * DAY)
    assert column(path, "SELECT command_preview FROM observations") == ["first", "last"]


@pytest.mark.parametrize("first", ["young", "2999-01-01T00:00:00+00:00", "", "1780000000"])
def test_old_rows_are_forgotten_whatever_was_written_before_them(tmp_path: Path, first: str) -> None:
    path = tmp_path / "alan.db"
    recorder = recorded(path, [f"c{number}" for number in range(30)])
    change(
        path, "UPDATE observations SET created_at = '2020-01-01T00:00:00+00:00' WHERE rowid BETWEEN 2 AND 21"
    )
    if first != "young":
        change(path, f"UPDATE observations SET created_at = '{first}' WHERE rowid = 1")
    recorder.retain(START)
    assert column(path, "SELECT rowid FROM observations") == [1, *range(22, 31)]


def test_times_that_cannot_be_read_or_lie_ahead_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    recorder = recorded(path, ["a", "b", "c"])
    change(path, "UPDATE observations SET created_at = 'long ago' WHERE rowid = 1")
    change(path, "UPDATE observations SET created_at = '2999-01-01T00:00:00+00:00' WHERE rowid = 2")
    change(path, "UPDATE observations SET weight = NULL WHERE rowid = 3")
    recorder.retain(START)
    assert len(column(path, "SELECT * FROM observations")) == 3


def test_while_somebody_writes_the_next_command_takes_the_share(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    recorder = recorded(path, [f"c{number}" for number in range(50)], rows=10)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    recorder.retain(START)
    assert recorder.notice is None, "that is no problem of anybody's"
    holder.execute("ROLLBACK")
    holder.close()
    assert len(column(path, "SELECT * FROM observations")) == 50
    recorder.retain(START)
    assert len(column(path, "SELECT * FROM observations")) == 10


@pytest.mark.parametrize("days", [198, 200])
def test_the_executor_and_python_forget_at_the_same_age(tmp_path: Path, executor: Path, days: int) -> None:
    left = []
    now = datetime.now(UTC).timestamp()
    for name in ("python", "rust"):
        path = tmp_path / f"{name}.db"
        recorder = recorded(path, ["old"], at=now - days * DAY)
        recorded(path, ["new"], at=now).close()
        if name == "python":
            recorder.retain(now)
        else:
            arguments = ["--db", str(path), "--session-id", "s", "--half-life-days", "30", "--", "new"]
            subprocess.run([executor, *arguments], stdin=subprocess.DEVNULL, timeout=60, check=False)
        recorder.close()
        left.append("old" in column(path, "SELECT command_preview FROM observations"))
    assert left == [days < 199] * 2
