"""The reader: missing, old, replaced, broken, locked and read-only databases; and who writes what."""

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.memory import START, Memory, Result
from zsh_tool import recording
from zsh_tool.alan import ALAN
from zsh_tool.database import Reader
from zsh_tool.neverhang import TimedOutRow

OLDEST = """
CREATE TABLE observations (id TEXT PRIMARY KEY, command_hash TEXT NOT NULL, command_preview TEXT,
  exit_code INTEGER, duration_ms INTEGER, timed_out INTEGER DEFAULT 0, output_snippet TEXT,
  error_snippet TEXT, weight REAL DEFAULT 1.0, created_at TEXT NOT NULL, last_accessed TEXT);
INSERT INTO observations (id, command_hash, command_preview, exit_code, duration_ms, created_at) VALUES
  ('1', '74c0ea9b4b3d2ee2', 'make', 2, 900, '2026-05-01T10:00:00');
"""
BEFORE_PROJECTS = """
CREATE TABLE observations (id TEXT PRIMARY KEY, command_hash TEXT NOT NULL, command_template TEXT,
  command_preview TEXT, exit_code INTEGER, duration_ms INTEGER, timed_out INTEGER DEFAULT 0,
  output_snippet TEXT, error_snippet TEXT, weight REAL DEFAULT 1.0, created_at TEXT NOT NULL,
  last_accessed TEXT);
CREATE TABLE recent_commands (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
  command_hash TEXT NOT NULL, command_template TEXT, command_preview TEXT, timestamp REAL NOT NULL,
  duration_ms INTEGER, exit_code INTEGER, timed_out INTEGER DEFAULT 0, success INTEGER DEFAULT 1);
CREATE TABLE streaks (command_hash TEXT PRIMARY KEY, current_streak INTEGER DEFAULT 0,
  longest_success_streak INTEGER DEFAULT 0, longest_fail_streak INTEGER DEFAULT 0, last_result INTEGER,
  last_updated REAL);
"""


def every_call(alan: ALAN, cwd: Path) -> dict[str, Any]:
    """Use all that reads, and return what it said."""
    return {
        "before": alan.get_insights("make", cwd),
        "after": alan.get_post_insights("make", Result(2), cwd),
        "running": alan.running_insight("make", cwd, 10**9),
        "estimate": alan.estimate("make", cwd),
        "stats": [alan.get_stats(scope, cwd) for scope in ("session", "project", "all")],
        "pattern": alan.get_pattern_stats("make", cwd),
        "query": alan.query(search="mak", failed_only=True, scope="all", cwd=cwd),
        "alike": alan.query(command="make", scope="all", cwd=cwd),
        "timeouts": alan.recent_timeouts(),
        "summary": alan.summary(),
    }


def settle(memory: Memory) -> None:
    """Close a memory and bring its log into its file."""
    memory.alan.close()
    connection = sqlite3.connect(memory.path, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def prepare(memory: Memory, script: str) -> sqlite3.Connection:
    memory.path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(memory.path, isolation_level=None)
    connection.executescript(script)
    return connection


@pytest.mark.parametrize("script", [OLDEST, BEFORE_PROJECTS, "", 'CREATE TABLE "odd ""name" (x);'])
def test_old_layouts_are_read_without_error(tmp_path: Path, script: str) -> None:
    memory = Memory(tmp_path, executor_active=True)
    prepare(memory, script).close()
    said = every_call(memory.alan, memory.cwd)
    assert said["estimate"] is None
    assert len(said["alike"]) == script.count(memory.alan._hash_command("make"))
    assert memory.alan.problem is None


def test_history_without_projects_still_counts(tmp_path: Path) -> None:
    memory = Memory(tmp_path, executor_active=True)
    connection = prepare(memory, BEFORE_PROJECTS)
    key = memory.alan._hash_command("make")
    for number in range(4):
        connection.execute(
            "INSERT INTO observations (id, command_hash, command_template, command_preview, exit_code,"
            " duration_ms, created_at) VALUES (?, ?, 'make', 'make', 2, 900, '2026-05-01T10:00:00+00:00')",
            (str(number), key),
        )
    connection.close()
    found = memory.before("make").of("streak")
    assert found is not None
    assert "failed 4 times in a row" in found.message
    # What may have happened in another repository is no suggestion.
    assert memory.run("make", 2).of("last_good") is None


def test_how_long_a_command_takes_here_is_not_told_by_rows_without_projects(tmp_path: Path) -> None:
    memory = Memory(tmp_path, executor_active=True)
    connection = prepare(memory, BEFORE_PROJECTS)
    key = memory.alan._hash_command("make")
    connection.executemany(
        "INSERT INTO observations (id, command_hash, command_template, command_preview, exit_code,"
        " duration_ms, created_at) VALUES (?, ?, 'make', 'make', 0, 11000, '2026-05-01T10:00:00+00:00')",
        [(str(number), key) for number in range(6)],
    )
    connection.close()
    assert memory.before("make").of("duration") is None
    assert memory.alan.estimate("make", memory.cwd) is None
    assert memory.alan.running_insight("make", memory.cwd, 10**6) is None


def test_a_file_that_is_no_database_is_no_history_and_is_named(tmp_path: Path) -> None:
    memory = Memory(tmp_path, executor_active=True)
    memory.path.parent.mkdir()
    memory.path.write_bytes(b"not a database, not at all\n" * 400)
    said = every_call(memory.alan, memory.cwd)
    assert said["before"] == []
    assert str(memory.path) in (memory.alan.problem or "")


def test_text_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    memory = Memory(tmp_path, executor_active=True)
    connection = prepare(memory, BEFORE_PROJECTS)
    connection.execute(
        "INSERT INTO observations (id, command_hash, command_preview, exit_code, duration_ms, created_at)"
        " VALUES ('1', 'x', CAST(x'6d616bff' AS TEXT), 1, 5, '2026-05-01T10:00:00Z')"
    )
    connection.close()
    (row,) = memory.alan.query(scope="all", cwd=memory.cwd)
    assert row["command"] == "mak\ufffd"


def test_a_file_that_appears_or_is_replaced_is_opened_anew(tmp_path: Path) -> None:
    reading = Memory(tmp_path, executor_active=True)
    assert reading.alan.query(scope="all", cwd=reading.cwd) == []
    writing = Memory(tmp_path)
    writing.run("first")
    assert [row["command"] for row in reading.alan.query(scope="all", cwd=reading.cwd)] == ["first"]
    writing.run("second")
    assert len(reading.alan.query(scope="all", cwd=reading.cwd)) == 2
    writing.alan.close()
    memory_of_another = Memory(tmp_path / "other")
    memory_of_another.run("third")
    settle(memory_of_another)
    for suffix in ("-wal", "-shm"):
        reading.path.with_name(reading.path.name + suffix).unlink(missing_ok=True)
    memory_of_another.path.replace(reading.path)
    assert [row["command"] for row in reading.alan.query(scope="all", cwd=reading.cwd)] == ["third"]


def test_no_transaction_stays_open(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("make")
    reading = Memory(tmp_path, executor_active=True)
    every_call(reading.alan, reading.cwd)
    connection = sqlite3.connect(memory.path, isolation_level=None)
    connection.execute("DELETE FROM streaks")
    # A reader with an open transaction would keep the log from being reset.
    busy, _pages, _done = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()
    assert busy == 0


def test_the_reader_keeps_the_log_from_being_recovered(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("make")
    reader = Reader(memory.path)
    assert reader.refresh()
    memory.alan.close()
    assert memory.path.with_name("alan.db-wal").exists()
    reader.close()


def test_odd_names_are_opened(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "a ?b#c%20é")
    memory.run("make")
    assert len(memory.alan.query(scope="all", cwd=memory.cwd)) == 1


WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Note every table that a connection of this process writes."""
    seen: set[str] = set()
    plain = sqlite3.connect

    def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = plain(*arguments, **options)

        def note(action: int, table: str | None, *_rest: str | None) -> int:
            if action in WRITES and table is not None:
                seen.add(table)
            return sqlite3.SQLITE_OK

        connection.set_authorizer(note)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    return seen


def rows_of(path: Path) -> dict[str, list[Any]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    connection.close()
    return found


def test_with_the_executor_active_python_writes_two_tables_only(
    tmp_path: Path, executor: Path, written: set[str]
) -> None:
    memory = Memory(tmp_path, executor_active=True)
    memory.path.parent.mkdir()
    commands = [
        "ssh nowhere.invalid true",
        "false | true",
        "exit 3",
        "ls /nowhere",
        "ls /nowhere",
        "ls /nowhere",
    ]
    for command in commands:
        subprocess.run(
            [executor, "--db", memory.path, "--session-id", memory.session, "--", command],
            cwd=memory.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        before = rows_of(memory.path)
        memory.now = START
        memory.run(command, Result(255 if "ssh" in command else 2))
        recording.cache_manopt(memory.path, "ls", "-l: long", START)
        every_call(memory.alan, memory.cwd)
        after = rows_of(memory.path)
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed <= recording.WRITTEN_TABLES, command
    assert written == recording.WRITTEN_TABLES
    assert len(rows_of(memory.path)["ssh_observations"]) == 1


def test_python_only_mode_writes_the_core_tables_too(tmp_path: Path, written: set[str]) -> None:
    memory = Memory(tmp_path)
    memory.run("make", 2)
    memory.run("ssh h", 255)
    assert {"observations", "recent_commands", "streaks", "ssh_observations"} <= written


def test_a_locked_database_costs_a_bounded_time_and_no_error(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("make", 2)
    holder = sqlite3.connect(memory.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    reading = Memory(tmp_path, executor_active=True)
    assert reading.before("make").of("retry") is not None
    holder.execute("ROLLBACK")
    holder.close()


def test_timeouts_of_the_last_hour_are_found(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for age in (4000, 3000, 60):
        memory.now = START - age
        memory.run("sleep 99", Result(143, outcome="timed_out", timed_out=True), after=0)
    memory.now = START
    found = memory.alan.recent_timeouts()
    assert found == [TimedOutRow("sleep 99", str(memory.cwd), START - age) for age in (60, 3000)]


def test_search_scopes_and_failures(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("make all", 2)
    memory.run("grep 100%_x file", 1)
    memory.run("make test | tee log", Result(0, pipestatus=(0, 0)))
    memory.open("sess0002")
    memory.run("make all", cwd=memory.project("other"))

    def commands(**options: Any) -> list[str]:
        return [row["command"] for row in memory.alan.query(cwd=memory.cwd, **options)]

    assert commands() == ["make test | tee log", "grep 100%_x file", "make all"]
    assert commands(scope="all", limit=1) == ["make all"]
    assert commands(scope="session") == ["make all"]
    assert commands(failed_only=True) == ["make all"]
    assert commands(search="100%_") == ["grep 100%_x file"]
    assert commands(search="100%%x") == []
    assert commands(search="MAKE") == ["make test | tee log", "make all"]
    assert commands(command="make   all", scope="all") == ["make all", "make all"]


def test_no_read_before_a_command_scans_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(tmp_path)
    for number in range(30):
        memory.run("ssh h 'make x' | cat", Result(255, pipestatus=(255, 0)), after=60)
        memory.run("npm test", 1)
        memory.run("npm install")
        memory.run("npm test", number % 3)
    reader = memory.alan._queries.reader
    plans: list[str] = []
    plain = Reader.rows

    def explained(self: Reader, sql: str, parameters: Any = ()) -> list[Any]:
        if sql.startswith("SELECT"):
            plans.extend(row[3] for row in plain(self, "EXPLAIN QUERY PLAN " + sql, parameters))
        return plain(self, sql, parameters)

    monkeypatch.setattr(Reader, "rows", explained)
    every_call(memory.alan, memory.cwd)
    memory.before("ssh h 'make x' | cat")
    memory.run("npm test", 1)
    assert reader.problem is None
    assert len(plans) > 20
    bad = [
        plan
        for plan in plans
        if "SCAN" in plan and "CONSTANT ROW" not in plan and "SCAN (subquery" not in plan
    ]
    bad += [plan for plan in plans if "TEMP B-TREE" in plan]
    assert [plan for plan in bad if plan not in ("SCAN i", "SCAN sqlite_schema")] == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every SELECT of a reader."""
    seen: list[str] = []
    plain = Reader.rows

    def noted(self: Reader, sql: str, parameters: Any = ()) -> list[Any]:
        seen.append(sql)
        return plain(self, sql, parameters)

    monkeypatch.setattr(Reader, "rows", noted)
    return seen


def test_what_the_template_tells_is_not_asked_again_by_hash(tmp_path: Path, asked: list[str]) -> None:
    memory = Memory(tmp_path)
    memory.run("git push origin main", 1)
    for command in ("never run before", "git push origin dev"):
        asked.clear()
        memory.before(command)
        by_hash = [sql for sql in asked if "command_hash = " in sql]
        assert len(by_hash) == 1, "only rows that name no project are left to ask for"
        assert "project IS NULL" in by_hash[0]
    asked.clear()
    assert memory.before("git push origin main").of("retry") is not None
    assert [sql for sql in asked if "command_hash = " in sql] == []
