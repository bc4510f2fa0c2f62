"""The private directories of tasks: claimed, found again, and cleaned up after servers that died.

Several servers of one user share the place. Each holds a lock on a file of its own for as long as it lives,
and each directory names that file; so a directory whose server is gone can be told from one that is in use.
All functions block for a moment: call them in a thread. Should someone remove the places, they are made again.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import string
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from zsh_tool.control import connect
from zsh_tool.task import TaskFacts
from zsh_tool.taskmodel import StartError

ID_PATTERN: Final = re.compile(r"[a-z0-9]{6}")
FACTS_NAME: Final = "task.json"
META_NAME: Final = "meta.json"
_SERVER_NAME: Final = "server"
_ALPHABET: Final = string.ascii_lowercase + string.digits
_ID_CHARS: Final = 6
_CLAIM_GRACE_SECS: Final = 60.0
"""A directory without an owner is one that is just being claimed, or what a crash in that moment left."""


class UnsafePlaceError(Exception):
    """The directory for tasks is not private to this user."""


@dataclass(frozen=True)
class Found:
    """A task of another server, or of an earlier one."""

    task_id: str
    directory: Path
    facts: TaskFacts
    live: bool
    owned: bool
    """Whether the directory is now this server's to remove."""


class TaskDirs:
    """The directories of one server."""

    def __init__(self, state_dir: Path) -> None:
        self._name = ""
        self._named = False
        """Whether the server's own file holds its name: another name for it then does for a directory."""
        self._lock = -1
        self._restoring = threading.Lock()
        self.move_to(state_dir)

    def move_to(self, state_dir: Path) -> None:
        """Use another place, before it is opened."""
        self._state_dir = state_dir
        self._tasks = state_dir / "tasks"
        self._servers = state_dir / "servers"

    def open(self) -> list[Found]:
        """Make the places, take this server's lock, clean up, and return the tasks that persisted."""
        self._make_places()
        with self._everything_locked():
            self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._take_lock()
            found = [one for one in map(self._look_at, self._others()) if one is not None]
            self._forget_dead_servers()
        return found

    def claim(self) -> tuple[str, Path]:
        """Make a directory for a new task; raises `StartError` when that cannot be."""
        try:
            return self._claimed()
        except (OSError, UnsafePlaceError) as error:
            raise StartError(f"no directory for a task can be made: {error}") from error

    def _claimed(self) -> tuple[str, Path]:
        while True:
            task_id = _new_id()
            directory = self._tasks / task_id
            try:
                directory.mkdir(mode=0o700)
            except FileExistsError:
                continue
            except (FileNotFoundError, NotADirectoryError):
                self._restore()
                continue
            server = self._servers / self._name
            if not self._named or not _linked(directory / _SERVER_NAME, server):
                if not server.exists():
                    self._restore()
                self._own(directory)
            return task_id, directory

    def problem(self) -> str | None:
        """Say what is wrong with the place of the tasks as it is now."""
        return None if os.access(self._tasks, os.W_OK) else f"{self._tasks} is gone or cannot be written"

    def write_facts(self, directory: Path, facts: TaskFacts) -> None:
        """Leave word of a task that persists."""
        _write(directory / FACTS_NAME, json.dumps(facts.as_json()))

    def remove(self, directory: Path) -> None:
        """Remove a task's directory with all that is in it."""
        try:
            # What an executor leaves is a handful of files; the thorough way costs several times as much.
            for name in os.listdir(directory):  # noqa: PTH208
                (directory / name).unlink()
            directory.rmdir()
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)

    def close(self) -> None:
        """Give up this server's lock."""
        if self._lock >= 0:
            (self._servers / self._name).unlink(missing_ok=True)
            self._give_up_lock()

    def _make_places(self) -> None:
        for place in (self._state_dir, self._tasks, self._servers):
            _make_private(place)

    def _restore(self) -> None:
        """Make the places again, and this server's file, without which others would take it for dead."""
        with self._restoring:
            self._make_places()
            with self._everything_locked():
                if not (self._servers / self._name).exists():
                    self._give_up_lock()
                    self._take_lock()

    def _take_lock(self) -> None:
        self._lock = _lock(self._servers / self._name, create=True)
        self._named = _says(self._lock, self._name)

    def _give_up_lock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _others(self) -> list[Path]:
        return [entry for entry in sorted(self._tasks.iterdir()) if ID_PATTERN.fullmatch(entry.name)]

    def _look_at(self, directory: Path) -> Found | None:
        """Find the task of a directory, adopt it, or remove what nobody needs any more."""
        if not _is_private(directory):
            return None
        in_use = self._in_use(directory)
        facts = read_facts(directory)
        live = _answers(directory)
        if facts is None:
            if not in_use and not live:
                self.remove(directory)
            return None
        if not in_use:
            self._own(directory)
        return Found(directory.name, directory, facts, live, owned=not in_use)

    def _in_use(self, directory: Path) -> bool:
        try:
            name = (directory / _SERVER_NAME).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return time.time() - directory.stat().st_mtime < _CLAIM_GRACE_SECS
        return self._server_lives(name)

    def _server_lives(self, name: str) -> bool:
        if not name or "/" in name:
            return False
        try:
            lock = _lock(self._servers / name, create=False)
        except BlockingIOError:
            return True
        except OSError:
            return False
        os.close(lock)
        return False

    def _forget_dead_servers(self) -> None:
        for entry in self._servers.iterdir():
            if entry.name != self._name and not self._server_lives(entry.name):
                entry.unlink(missing_ok=True)

    def _own(self, directory: Path) -> None:
        _write(directory / _SERVER_NAME, self._name)

    @contextmanager
    def _everything_locked(self) -> Iterator[None]:
        """Hold the lock under which servers look at each other's directories."""
        lock = os.open(self._state_dir / "tasks.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _new_id() -> str:
    # One number, since each call of the generator is a system call.
    number = secrets.randbelow(len(_ALPHABET) ** _ID_CHARS)
    digits = []
    for _ in range(_ID_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def read_facts(directory: Path) -> TaskFacts | None:
    """Read what a task that persists is; None when there is nothing usable."""
    try:
        with (directory / FACTS_NAME).open("rb") as file:
            read: dict[str, Any] = json.load(file)
        return TaskFacts(**{one.name: read[one.name] for one in fields(TaskFacts) if one.name in read})
    except (OSError, ValueError, TypeError):
        return None


def _answers(directory: Path) -> bool:
    try:
        connect(directory).close()
    except OSError:
        return False
    return True


def _lock(file: Path, *, create: bool) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    opened = os.open(file, flags, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened


def _says(opened: int, text: str) -> bool:
    """Write into a file, and tell whether it is all there: a full disk is no reason to fail yet."""
    try:
        return os.write(opened, text.encode("ascii")) == len(text)
    except OSError:
        return False


def _linked(name: Path, file: Path) -> bool:
    """Give a file another name, which makes no new file; tell whether that could be."""
    try:
        name.hardlink_to(file)
    except OSError:
        return False
    return True


def _make_private(place: Path) -> None:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UnsafePlaceError(f"{place} is not a directory of this user: remove it or set XDG_STATE_HOME")
    if found.st_mode & 0o077:
        place.chmod(0o700)


def _is_private(directory: Path) -> bool:
    found = directory.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _write(file: Path, text: str) -> None:
    """Write a small private file so that readers see it whole or not at all."""
    made = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    opened = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as out:
        out.write(text)
    made.replace(file)
