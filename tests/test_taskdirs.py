"""Directories of tasks: private, unique, cleaned, and never another live server's."""

import errno
import os
import shutil
import time
from pathlib import Path

import pytest

from zsh_tool.task import TaskFacts
from zsh_tool.taskdirs import ID_PATTERN, TaskDirs, UnsafePlaceError, read_facts
from zsh_tool.taskmodel import StartError

FACTS = TaskFacts("sleep 9", "/tmp", 1.5, "why ü", persist=True, open_input=True, leader=42)


def opened(state: Path) -> TaskDirs:
    dirs = TaskDirs(state)
    assert dirs.open() == []
    return dirs


def test_ids_are_six_letters_and_digits_and_places_private(tmp_path: Path) -> None:
    dirs = opened(tmp_path / "state")
    claimed = [dirs.claim() for _ in range(20)]
    assert len({task_id for task_id, _ in claimed}) == 20
    for task_id, directory in claimed:
        assert ID_PATTERN.fullmatch(task_id)
        assert directory.name == task_id
        assert directory.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    dirs.close()


def test_a_loose_umask_and_loose_modes_are_corrected(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    old = os.umask(0)
    try:
        dirs = opened(state)
        _, directory = dirs.claim()
        dirs.write_facts(directory, FACTS)
    finally:
        os.umask(old)
    assert state.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in directory.iterdir())
    dirs.close()


@pytest.mark.parametrize("place", ["tasks", "servers"])
def test_a_symlink_in_their_place_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePlaceError, match="XDG_STATE_HOME"):
        TaskDirs(tmp_path / "state").open()


@pytest.mark.parametrize("missing", ["", "links", "room"])
def test_what_dead_servers_left_is_removed_and_live_ones_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing == "links":
        monkeypatch.setattr(Path, "hardlink_to", _no_links)
    with monkeypatch.context() as full:
        if missing == "room":
            full.setattr(os, "write", _no_room)
        alive, dead = opened(tmp_path), opened(tmp_path)
    _, kept = alive.claim()
    _, left = dead.claim()
    dead.close()
    other = opened(tmp_path)
    assert kept.is_dir()
    assert not left.exists()
    assert len(list((tmp_path / "servers").iterdir())) == 2
    alive.close()
    other.close()


def _no_room(_descriptor: int, _data: bytes) -> int:
    raise OSError(errno.ENOSPC, "no space left on device")


def _no_links(file: Path, _target: Path) -> None:
    raise PermissionError(errno.EPERM, "this file system has no hard links", str(file))


@pytest.mark.parametrize("removed", ["", "tasks", "servers"])
def test_places_that_were_removed_are_made_again_and_known_to_be_in_use(tmp_path: Path, removed: str) -> None:
    state = tmp_path / "state"
    dirs = opened(state)
    shutil.rmtree(state / removed)
    claimed = [dirs.claim()[1] for _ in range(3)]
    other = opened(state)
    assert all(directory.is_dir() for directory in claimed)
    assert (state / removed).stat().st_mode & 0o777 == 0o700
    assert len(list((state / "servers").iterdir())) == 2
    dirs.close()
    other.close()
    assert list((state / "servers").iterdir()) == []


def test_a_symlink_that_took_the_place_of_a_removed_one_is_refused(tmp_path: Path) -> None:
    dirs = opened(tmp_path / "state")
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartError, match="XDG_STATE_HOME"):
        dirs.claim()
    dirs.close()


def test_a_directory_costs_no_file_to_say_whose_it_is(tmp_path: Path) -> None:
    dirs = opened(tmp_path)
    (server,) = (tmp_path / "servers").iterdir()
    _, directory = dirs.claim()
    (named,) = directory.iterdir()
    assert named.samefile(server)
    assert named.read_text(encoding="ascii") == server.name
    dirs.close()


def test_a_directory_that_is_being_claimed_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    fresh, old = tmp_path / "tasks" / "aaaaaa", tmp_path / "tasks" / "bbbbbb"
    for directory in (fresh, old):
        directory.mkdir(mode=0o700)
    os.utime(old, (time.time() - 600, time.time() - 600))
    dirs = opened(tmp_path)
    assert fresh.is_dir()
    assert not old.exists()
    dirs.close()


def test_only_directories_of_tasks_are_looked_at(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tasks" / "notes").mkdir()
    (tmp_path / "tasks" / "cccccc").symlink_to(tmp_path / "elsewhere")
    opened(tmp_path).close()
    assert (tmp_path / "tasks" / "notes").is_dir()
    assert (tmp_path / "elsewhere").is_dir()
    assert (tmp_path / "tasks" / "cccccc").is_symlink()


def test_a_task_that_persists_is_found_and_owned_by_one(tmp_path: Path) -> None:
    first = opened(tmp_path)
    task_id, directory = first.claim()
    first.write_facts(directory, FACTS)
    guest = TaskDirs(tmp_path)
    (seen,) = guest.open()
    assert (seen.task_id, seen.facts, seen.live, seen.owned) == (task_id, FACTS, False, False)
    first.close()
    heir = TaskDirs(tmp_path)
    (adopted,) = heir.open()
    assert adopted.owned
    late = TaskDirs(tmp_path)
    (again,) = late.open()
    assert not again.owned
    for dirs in (guest, heir, late):
        dirs.close()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"command": "x"}'])
def test_facts_that_make_no_sense_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "task.json").write_text(text, encoding="utf-8")
    assert read_facts(tmp_path) is None


def test_facts_of_a_later_release_are_read(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(
        '{"command": "x", "cwd": "/", "started_at": 1, "colour": "red"}', encoding="utf-8"
    )
    facts = read_facts(tmp_path)
    assert facts is not None
    assert facts.command == "x"
