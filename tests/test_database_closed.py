"""Databases where this user may read and not write."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.memory import START, Memory, Result
from tests.test_database import every_call, settle
from zsh_tool.alan import ALAN
from zsh_tool.database import Reader


@contextmanager
def somebody_else() -> Iterator[None]:
    """Act as a user without rights while the block runs; without root, as oneself."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def closed_directory(tmp_path: Path) -> Iterator[Path]:
    """Make a directory with a database that nobody can write, nor anything beside it."""
    source = Memory(tmp_path)
    source.run("make", 2)
    settle(source)
    # The usual place for temporary files may be its owner's alone, such as that of a Nix shell.
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        place = Path(temporary)
        shutil.copy(source.path, place / "alan.db")
        (place / "alan.db").chmod(0o444)
        place.chmod(0o555)
        yield place
        place.chmod(0o755)


def test_a_database_in_a_directory_that_cannot_be_written_is_read(closed_directory: Path) -> None:
    with somebody_else():
        reader = Reader(closed_directory / "alan.db")
        assert reader.refresh(), reader.problem
        assert reader.rows("SELECT command_preview FROM observations")[0][0] == "make"
        assert reader.problem is None
        reader.close()


@pytest.mark.parametrize("executor_active", [True, False])
def test_what_such_a_database_knows_is_told_and_what_it_cannot_take_is_named(
    tmp_path: Path, closed_directory: Path, executor_active: bool
) -> None:
    path = closed_directory / "alan.db"
    memory = Memory(tmp_path, executor_active, "sess0002", environment={"ALAN_DB_PATH": str(path)})
    with somebody_else():
        alan = ALAN(memory.settings, "sess0002", executor_active, clock=lambda: START + 3600)
        assert [row["command"] for row in alan.query(cwd=memory.cwd)] == ["make"]
        assert alan.get_stats("project", memory.cwd)["failed"] == 1
        said = every_call(alan, memory.cwd)
        assert [one.kind for one in said["after"]] == ["exit_code"]
        assert alan.problem is None
        ended = Result(0, observation_id="1")
        assert alan.record("ssh h true", ended, memory.cwd) == ("1" if executor_active else None)
        assert executor_active or str(path) in (alan.problem or "")
        alan.close()


def test_a_log_left_behind_is_read_with_the_database(tmp_path: Path, closed_directory: Path) -> None:
    source = Memory(tmp_path / "source")
    source.run("make", 2)
    settle(source)
    source.run("later", 2)
    path = closed_directory / "alan.db"
    closed_directory.chmod(0o755)
    path.unlink()
    for suffix in ("", "-wal"):
        shutil.copy(f"{source.path}{suffix}", f"{path}{suffix}")
        Path(f"{path}{suffix}").chmod(0o444)
    closed_directory.chmod(0o555)
    with somebody_else():
        reader = Reader(path)
        found = []
        for _ in range(2):
            assert reader.refresh(), reader.problem
            found.append([row[0] for row in reader.rows("SELECT command_preview FROM observations")])
        assert found == [["make", "later"]] * 2
        reader.close()
    assert sorted(one.name for one in closed_directory.iterdir()) == ["alan.db", "alan.db-wal"]


def test_a_log_that_cannot_be_read_forbids_reading_without_locks(closed_directory: Path) -> None:
    closed_directory.chmod(0o755)
    (closed_directory / "alan.db-wal").write_bytes(b"x" * 100)
    (closed_directory / "alan.db-wal").chmod(0o000)
    closed_directory.chmod(0o555)
    with somebody_else():
        reader = Reader(closed_directory / "alan.db")
        assert not reader.refresh()
        assert "alan.db" in (reader.problem or "")
