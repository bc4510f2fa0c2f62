"""Connections to the database: the reader that stays open, and writers that come and go.

The executor owns the file. The reader is opened ``mode=ro`` and never holds a transaction; it is kept open
because a database in WAL mode without any holder has its whole log recovered at each opening.
"""

import os
import random
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

READ_BUSY_SECS: Final = 0.25
"""How long a read may wait where the file system allows no WAL: insights are worth no more."""

READ_CACHE_KIB: Final = 8192
"""The inner pages of the indexes of a million rows stay in memory."""

WRITE_BUSY_SECS: Final = 2.0
"""How long a write waits for another writer, in both languages."""

_PAUSE_SECS: Final = (0.001, 0.004)
"""How long a writer that found the lock taken waits until it looks again, from and to, as the executor does."""

Row = tuple[Any, ...]
Schema = Mapping[str, frozenset[str]]
_NO_SCHEMA: Final[Schema] = MappingProxyType({})


class Reader:
    """A read-only view of a database that may be missing, old, replaced or broken at any time.

    What cannot be read is no history: ``problem`` says why, and the next refresh tries again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self.schema: Schema = _NO_SCHEMA
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, ...] = ()
        self._lockless = False
        self._schema_version = -1

    def refresh(self) -> bool:
        """Open the file if it is there, again if it was replaced; tell whether there is something to read."""
        identity = self._identity()
        if identity != self._opened or self._connection is None:
            self.close()
            self.problem = None
            if identity:
                self._open(identity)
        if self._connection is not None:
            self._read_schema()
        return self._connection is not None

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Run one SELECT to its end; an unreadable database gives no rows."""
        if self._connection is None:
            return []
        try:
            return _fetch(self._connection, sql, parameters)
        except sqlite3.DatabaseError as wrong:
            self._give_up(wrong)
            return []

    @property
    def is_open(self) -> bool:
        """Whether the file is held open, which spares the next writer the recovery of its log."""
        return self._connection is not None

    def has(self, table: str, *columns: str) -> bool:
        """Tell whether the table is there with these columns."""
        return table in self.schema and self.schema[table].issuperset(columns)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._opened = ()
        self.schema = _NO_SCHEMA
        self._schema_version = -1

    def _identity(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except OSError:
            return ()
        if not stat.S_ISREG(found.st_mode):
            return ()
        identity = (found.st_dev, found.st_ino)
        if not self._lockless:
            return identity
        # A connection without locks never looks at the files again, so a change must reopen it.
        files = (self.path, self._beside("-wal"), self._beside("-shm"))
        return (*identity, *chain.from_iterable(_stamp(file) for file in files))

    def _open(self, identity: tuple[int, ...]) -> None:
        self._lockless = False
        try:
            self._connection = self._connect("mode=ro")
        except sqlite3.DatabaseError as wrong:
            options = self._without_locks()
            if options is None:
                self._give_up(wrong)
                return
            try:
                self._connection = self._connect(*options)
            except sqlite3.DatabaseError:
                self._give_up(wrong)
                return
            self._lockless = True
        self._opened = self._identity() if self._lockless else identity

    def _connect(self, options: str, exclusive: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri(self.path, options),
            uri=True,
            timeout=READ_BUSY_SECS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if exclusive:
                # Before anything reads the file.
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
            # Only a read shows whether the file and its WAL can be used.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _without_locks(self) -> tuple[str, bool] | None:
        """Return how to open a database that nobody can write here and nobody has open; None for any other.

        A log has an index beside it as long as somebody has it open, so one without has been left behind. In
        exclusive mode SQLite keeps that index in memory (https://sqlite.org/wal.html#noshm). The lock for that mode
        is for writers, so it takes the VFS whose locks always succeed.
        """
        if os.access(self.path.parent, os.W_OK, effective_ids=True):
            return None
        try:
            if not _is_there(self._beside("-wal")):
                return ("mode=ro&immutable=1", False)
            return None if _is_there(self._beside("-shm")) else ("mode=ro&vfs=unix-none", True)
        except OSError:
            return None

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _read_schema(self) -> None:
        version = self.rows("PRAGMA schema_version")
        if not version or version[0][0] == self._schema_version:
            return
        names = [str(row[0]) for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        self.schema = MappingProxyType({name: self._columns_of(name) for name in names})
        self._schema_version = version[0][0]

    def _columns_of(self, table: str) -> frozenset[str]:
        quoted = table.replace('"', '""')
        return frozenset(row[1] for row in self.rows(f'PRAGMA table_info("{quoted}")'))

    def _give_up(self, wrong: sqlite3.DatabaseError) -> None:
        self.close()
        self.problem = f"{self.path}: {wrong}"


def _is_there(path: Path) -> bool:
    """Tell whether a file is there and not empty."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (-1, -1)
    return (found.st_mtime_ns, found.st_size)


def open_writer(path: Path, create: bool = False) -> sqlite3.Connection:
    """Open for writing, transactions by hand. Without ``create`` the file must be there."""
    connection = sqlite3.connect(
        uri(path, "mode=rwc" if create else "mode=rw"),
        uri=True,
        timeout=WRITE_BUSY_SECS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    # In WAL mode this leaves fsync to the checkpoint: a power loss costs the last rows, never the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@contextmanager
def writing(connection: sqlite3.Connection, patience_secs: float = WRITE_BUSY_SECS) -> Iterator[None]:
    """Write in one IMMEDIATE transaction, which is taken back when anything goes wrong within."""
    _begin(connection, patience_secs)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _begin(connection: sqlite3.Connection, patience_secs: float) -> None:
    """Begin to write as soon as nobody else does, and look often: SQLite has no queue for its write lock.

    Its own way of waiting looks ten times in a second, so that busy executors, which look every few milliseconds,
    could take every gap for seconds.
    """
    deadline = time.monotonic() + patience_secs
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as wrong:
                if not is_busy(wrong) or time.monotonic() >= deadline:
                    raise
            else:
                return
            # Nobody tells when a lock is free, so there is no event to wait for. No loop waits here: it is a thread.
            time.sleep(random.uniform(*_PAUSE_SECS))
    finally:
        # Without a log, to commit is to wait for readers.
        connection.execute(f"PRAGMA busy_timeout = {round(WRITE_BUSY_SECS * 1000)}")


def is_busy(wrong: sqlite3.Error) -> bool:
    """Tell whether an error says that somebody else holds a lock."""
    return _code(wrong) == sqlite3.SQLITE_BUSY


def is_damage(wrong: sqlite3.Error) -> bool:
    """Tell whether an error says that a file is no database, or a damaged one."""
    return _code(wrong) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(wrong: sqlite3.Error) -> int | None:
    # The kinds of an error are told by its higher bits.
    code: int | None = getattr(wrong, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def uri(path: Path, options: str) -> str:
    """Return the SQLite address of a file, whatever its name contains."""
    return f"file:{quote(os.fsencode(path))}?{options}"


def _fetch(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[Row]:
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as wrong:
        if "decode" not in str(wrong):
            raise
    # Text that is not UTF-8, from a release that stored bytes. Decoding here is slower, so not the rule.
    connection.text_factory = _lenient_text
    return connection.execute(sql, parameters).fetchall()


def _lenient_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
