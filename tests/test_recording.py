"""What Python writes while others write too: nothing is lost for want of a gap in their work."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.memory import START, Memory, Result
from zsh_tool import recording
from zsh_tool.database import open_writer, writing
from zsh_tool.recording import SshUse
from zsh_tool.recording_core import CoreRecorder, Observation

USE = SshUse("h", None, 0, "success", 1, timed_out=False)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    made = Memory(tmp_path)
    made.run("true")
    return made


@contextmanager
def busy(path: Path) -> Iterator[None]:
    """Hold the write lock in all moments at which SQLite's own way of waiting looks for it.

    From the first quarter of a second on it looks once in a tenth of a second, so the gaps lie between.
    """
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(path, isolation_level=None, timeout=20)
        begin = time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        held.set()
        for number in range(30):
            if done.wait(max(0.0, begin + 0.245 + number * 0.1 - time.monotonic())):
                break
            connection.execute("ROLLBACK")
            done.wait(0.06)
            connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    try:
        yield
    finally:
        done.set()
        holder.join(20)


def count(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    found = int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    connection.close()
    return found


def test_what_python_writes_finds_the_gaps_between_others(memory: Memory) -> None:
    with busy(memory.path):
        assert recording.record_ssh(memory.path, [USE], None, START)
    with busy(memory.path):
        assert recording.cache_manopt(memory.path, "ls", "-l: long", START)
    assert (count(memory.path, "ssh_observations"), count(memory.path, "manopt_cache")) == (1, 1)


def test_a_record_of_python_only_mode_finds_the_gaps_too(memory: Memory) -> None:
    before = count(memory.path, "observations")
    with busy(memory.path):
        assert memory.alan.record("make", Result(0), memory.cwd) is not None
    assert count(memory.path, "observations") == before + 1


def test_who_waits_to_write_does_not_wait_for_ever(memory: Memory) -> None:
    holder = sqlite3.connect(memory.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert not recording.record_ssh(memory.path, [USE], None, START)
    holder.execute("ROLLBACK")
    holder.close()
    assert recording.record_ssh(memory.path, [USE], None, START)


def test_what_goes_wrong_in_a_transaction_leaves_nothing_of_it(memory: Memory) -> None:
    connection = open_writer(memory.path)
    with pytest.raises(ZeroDivisionError), writing(connection):
        connection.execute("DELETE FROM observations")
        raise ZeroDivisionError
    with writing(connection):
        connection.execute("DELETE FROM streaks")
    connection.close()
    assert (count(memory.path, "observations"), count(memory.path, "streaks")) == (1, 0)


def test_many_writers_of_both_kinds_lose_nothing(tmp_path: Path) -> None:
    path, writers, each = tmp_path / "alan.db", 6, 25
    wrong: list[BaseException] = []

    def write(name: str) -> None:
        recorder = CoreRecorder(path, 200_000, 30.0)
        try:
            for _ in range(each):
                recorder.record(Observation("make", name, 0, 1, False, (0,), tmp_path, "exited"), START)
                assert recording.record_ssh(path, [USE], None, START)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            wrong.append(error)
        finally:
            recorder.close()

    threads = [threading.Thread(target=write, args=(f"s{number}",)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert count(path, "observations") == count(path, "ssh_observations") == writers * each
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT current_streak FROM streaks").fetchone() == (writers * each,)
    connection.close()
