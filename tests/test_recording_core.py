"""Python-only mode leaves the executor's rows: by the shared vectors, and compared with the executor."""

import json
import os
import re
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.memory import START, Memory, Result
from zsh_tool import figures, filesystem
from zsh_tool.database import open_writer
from zsh_tool.filesystem import kind_of
from zsh_tool.insights import ShownInsight
from zsh_tool.recording_core import CoreRecorder, Observation, RecordError, stored_text
from zsh_tool.upgrade import migrate, steps

VECTORS = Path(__file__).resolve().parent.parent / "zsh-tool-rs" / "tests" / "vectors"
CORE = ("observations", "recent_commands", "streaks", "meta", "insights")
# Values that differ between any two runs.
OWN = {
    "id",
    "created_at",
    "timestamp",
    "last_updated",
    "duration_ms",
    "observation_id",
    "parent_id",
    "session_id",
}


def vectors(name: str) -> list[Any]:
    cases = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(case["input"], case["expect"], id=case["name"]) for case in cases]


def table(path: Path, name: str) -> list[dict[str, Any]]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid")]
    connection.close()
    return found


@pytest.mark.parametrize(("given", "expected"), vectors("record"))
def test_rows_follow_the_vectors(tmp_path: Path, given: dict[str, Any], expected: dict[str, Any]) -> None:
    path = tmp_path / "alan.db"
    codes = given["pipestatus"] or [given["exit_code"]]
    recorder = CoreRecorder(path, 200_000, 30.0)
    late, outcome = given.get("timed_out", False), given.get("outcome", "exited")
    recorder.record(
        Observation(given["command"], "s", given["exit_code"], 100, late, codes, tmp_path, outcome), START
    )
    recorder.close()
    for name in ("observations", "recent_commands"):
        columns = expected[name][0]
        assert [{key: row[key] for key in columns} for row in table(path, name)] == expected[name]
    assert len(table(path, "streaks")) == expected["streak_rows"]


@pytest.mark.parametrize(("given", "expected"), vectors("streak"))
def test_streaks_follow_the_vectors(tmp_path: Path, given: dict[str, Any], expected: dict[str, Any]) -> None:
    memory = Memory(tmp_path)
    for command, code, late in given["records"]:
        memory.run(command, Result(code, timed_out=late))
    found = memory.alan.get_pattern_stats(given["query"], memory.cwd)["streak"]
    assert found == expected


def test_segments_are_linked_to_their_command(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("a | b", Result(1, pipestatus=(0, 1)))
    whole, *segments = table(memory.path, "observations")
    assert [row["parent_id"] for row in segments] == [whole["id"]] * 2
    assert whole["project"] == segments[0]["project"] == str(memory.cwd)
    recent = table(memory.path, "recent_commands")
    assert [row["parent_id"] for row in recent] == [None, whole["id"], whole["id"]]
    assert [row["success"] for row in recent] == [0, 1, 0]


def test_a_killed_command_is_no_success_even_with_exit_0(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("make", Result(0, outcome="killed"))
    assert table(memory.path, "recent_commands")[0]["success"] == 0
    assert table(memory.path, "observations")[0]["exit_code"] == 0


def test_recent_commands_are_kept_for_a_hundred_minutes(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("first", after=0)
    memory.run("second", after=5999)
    memory.run("third", after=2)
    assert [row["command_preview"] for row in table(memory.path, "recent_commands")] == ["second", "third"]


def test_retention_takes_a_small_share_after_each_command(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    recorder = CoreRecorder(path, 10, 30.0)
    for number in range(100):
        recorder.record(Observation(f"c{number}", "s", 0, 1, False, (0,), tmp_path, "exited"), START)
    recorder.retain(START)
    assert len(table(path, "observations")) == 36
    recorder.retain(START)
    assert [row["command_preview"] for row in table(path, "observations")] == [
        f"c{n}" for n in range(90, 100)
    ]


def test_old_rows_leave_by_their_weight(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    recorder = CoreRecorder(path, 1000, 1.0)
    recorder.record(Observation("old", "s", 0, 1, False, (0,), tmp_path, "exited"), START)
    recorder.record(Observation("new", "s", 0, 1, False, (0,), tmp_path, "exited"), START + 6 * 86_400)
    recorder.retain(START + 7 * 86_400)
    assert [row["command_preview"] for row in table(path, "observations")] == ["new"]


def test_file_and_directory_are_private(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("true")
    assert stat.S_IMODE(memory.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(memory.path.parent.stat().st_mode) == 0o700


def test_a_damaged_file_is_set_aside_and_named(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.path.parent.mkdir()
    memory.path.write_bytes(b"no database " * 1000)
    memory.run("true")
    (aside,) = memory.path.parent.glob("alan.db.damaged-*")
    assert aside.read_bytes().startswith(b"no database")
    assert aside.name in (memory.alan.problem or "")
    assert len(table(memory.path, "observations")) == 1


def test_damage_behind_the_first_page_is_found_by_the_record_and_set_aside(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("first")
    memory.alan.close()
    settling = sqlite3.connect(memory.path)
    settling.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    settling.close()
    whole = memory.path.read_bytes()
    assert len(whole) > 50_000
    memory.path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    memory.open("sess0002")
    memory.alan.record("second", Result(0), memory.cwd)
    aside, *_its_log = sorted(memory.path.parent.glob("alan.db.damaged-*"))
    assert aside.read_bytes().startswith(whole[:16])
    assert aside.name in (memory.alan.problem or "")
    assert [row["command_preview"] for row in table(memory.path, "observations")] == ["second"]


def test_a_directory_in_the_way_is_an_error_that_names_it(tmp_path: Path) -> None:
    recorder = CoreRecorder(tmp_path, 10, 30.0)
    with pytest.raises(RecordError, match=str(tmp_path)):
        recorder.record(Observation("a", "s", 0, 1, False, (0,), tmp_path, "exited"), START)


def test_a_replaced_file_is_written_anew(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("first")
    for suffix in ("", "-wal", "-shm"):
        memory.path.with_name(memory.path.name + suffix).unlink(missing_ok=True)
    memory.run("second")
    assert [row["command_preview"] for row in table(memory.path, "observations")] == ["second"]


MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw - nfs4 server:/home rw
31 30 8:2 / /home/me/my\\040disk rw - btrfs /dev/sdb rw
32 21 0:41 / /mnt rw - ext4 /dev/sdc rw
33 21 0:42 / /mnt rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/alan.db", "ext4"),
        ("/home/me/alan.db", "nfs4"),
        ("/home/me/my disk/alan.db", "btrfs"),
        ("/homework/alan.db", "ext4"),
        ("/mnt/alan.db", "cifs"),
    ],
)
def test_the_nearest_mount_tells_the_kind_of_file_system(path: str, kind: str) -> None:
    assert kind_of(Path(path), MOUNTS) == kind


def test_both_languages_know_the_same_kinds_of_shared_file_systems() -> None:
    source = VECTORS.parent.parent / "src" / "alan" / "place.rs"
    listed = source.read_text(encoding="utf-8").split("SHARED_KINDS: [&str;", 1)[1].split("];", 1)[0]
    assert frozenset(re.findall(r'"([^"]+)"', listed)) == filesystem._SHARED_KINDS


def test_a_network_file_system_gets_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(tmp_path)
    monkeypatch.setattr("zsh_tool.recording_core.is_local", lambda path: False)
    memory.run("true")
    assert not memory.path.with_name("alan.db-wal").exists()
    assert memory.before("true").kinds == ["retry"]


def test_stored_text_is_always_text() -> None:
    assert stored_text("a\udcffb") == "a\ufffdb"
    assert stored_text("a\ud800b") == "a?b"
    assert stored_text("é") == "é"


def test_migrating_twice_changes_nothing_and_a_later_layout_stays(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "a.db", create=True)
    migrate(connection)
    layout = connection.execute("PRAGMA schema_version").fetchone()[0]
    connection.execute("PRAGMA user_version = 99")
    migrate(connection)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 99
    connection.execute("PRAGMA user_version = 0")
    migrate(connection)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == steps()[-1][0]
    assert connection.execute("PRAGMA schema_version").fetchone()[0] == layout
    connection.close()


@pytest.mark.parametrize(
    ("table_name", "column", "index"),
    [
        ("observations", "weight", "idx_weight"),
        ("recent_commands", "command_template", "idx_recent_template"),
        ("ssh_observations", "remote_command_template", "idx_ssh_remote_template"),
    ],
)
def test_a_layout_that_lacks_an_indexed_column_gets_it(
    tmp_path: Path, table_name: str, column: str, index: str
) -> None:
    connection = open_writer(tmp_path / "a.db", create=True)
    migrate(connection)
    connection.execute(f"DROP INDEX {index}")
    connection.execute(f"ALTER TABLE {table_name} DROP COLUMN {column}")
    connection.execute("PRAGMA user_version = 0")
    migrate(connection)
    sql = "SELECT count(*) FROM pragma_index_info(?) WHERE name = ?"
    assert connection.execute(sql, (index, column)).fetchone()[0] == 1
    connection.close()


COMMANDS = [
    "echo hello",
    "echo hello | cat",
    "(exit 3) | (exit 0)",
    "false | true | sh -c 'exit 4'",
    "false; true | false",
    "true |& cat",
    "echo 'a|b' 12 | grep -c a",
    "exit 7",
    "no-such-command-here",
    "sh -c 'kill -9 $$'",
    "kill -TERM $$",
    "printf 'é日本\\n' | wc -c",
    "x=$(false); true",
    "",
    "echo hello",
]


def test_the_executor_and_python_leave_the_same_rows(tmp_path: Path, executor: Path) -> None:
    ours, theirs = tmp_path / "python.db", tmp_path / "rust.db"
    recorder = CoreRecorder(ours, 200_000, 30.0)
    for number, command in enumerate(COMMANDS):
        meta = tmp_path / f"{number}.json"
        subprocess.run(
            [executor, "--db", theirs, "--session-id", "diff0001", "--meta", meta, "--", command],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        told = json.loads(meta.read_text(encoding="utf-8"))
        assert told["recorded"], told["record_error"]
        recorder.record(
            Observation(
                command=command,
                session_id="diff0001",
                exit_code=told["exit_code"],
                duration_ms=told["elapsed_ms"],
                timed_out=told["timed_out"],
                pipestatus=told["pipestatus"],
                cwd=tmp_path,
                outcome=told["outcome"],
                signal=told["signal"],
            ),
            START,
        )
    recorder.close()
    assert _layout(ours) == _layout(theirs)
    for name in CORE:
        assert [_shared(row) for row in table(ours, name)] == [_shared(row) for row in table(theirs, name)], (
            name
        )


def _shared(row: dict[str, Any]) -> dict[str, Any]:
    linked = {f"{key} set": row[key] is not None for key in ("parent_id", "observation_id") if key in row}
    return {key: value for key, value in row.items() if key not in OWN} | linked


def _layout(path: Path) -> list[Any]:
    connection = sqlite3.connect(path)
    found = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    ).fetchall()
    found += connection.execute("PRAGMA user_version").fetchall()
    connection.close()
    return found


def test_insights_go_along_with_the_command(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    shown = ShownInsight("a" * 32, "retry", "warning", "make", START)
    memory.alan.record("make", Result(0), memory.cwd, insights=(shown, shown))
    (row,) = table(memory.path, "insights")
    assert row["observation_id"] == table(memory.path, "observations")[0]["id"]
    assert (row["kind"], row["level"], row["command_template"], row["shown_at"]) == (
        "retry",
        "warning",
        "make",
        START,
    )


def test_recording_can_be_turned_off_and_commands_left_out(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "zsh-tool"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[database]\nignore = ["vault *"]\n', encoding="utf-8")
    memory = Memory(tmp_path)
    memory.run("vault read x")
    memory.run("ls")
    assert [row["command_preview"] for row in table(memory.path, "observations")] == ["ls"]


def test_session_figures_count_commands_not_segments(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.run("a | b | c", Result(0, pipestatus=(0, 0, 0)))
    memory.run("d", 1)
    stats = memory.alan.get_stats("session", memory.cwd)
    assert (stats["commands"], stats["failed"]) == (2, 1)
    assert memory.alan.summary() == "2 commands in this session: 1 failed"
    assert figures.REACH >= stats["database"]["rows"] == 5


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "alan.db"
    path.touch()
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        with pytest.raises(RecordError, match="belongs to another user"):
            CoreRecorder(path, 10, 30.0).record(
                Observation("a", "s", 0, 1, False, (0,), tmp_path, "exited"), START
            )
    assert path.stat().st_size == 0
