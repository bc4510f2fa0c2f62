"""The little that Python writes while an executor is active: ssh_observations and manopt_cache.

A short-lived writer with a busy timeout does it; the executor owns the rest of the file.
"""

import logging
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from zsh_tool import normalize
from zsh_tool.database import open_writer, writing
from zsh_tool.insights.exit_table import CONNECTION_CODES
from zsh_tool.insights.model import RunResult
from zsh_tool.insights.pipeline import segments_of
from zsh_tool.insights.ssh import chain, plain, segments
from zsh_tool.insights.words import program
from zsh_tool.ssh import may_use_ssh, remote_host, ssh_in, within_timeout

_LOG: Final = logging.getLogger(__name__)

WRITTEN_TABLES: Final = frozenset(("ssh_observations", "manopt_cache"))
"""All that this module ever writes."""

_TIMEOUT_CODES: Final = frozenset((124, 137))
"""How timeout(1) ends when it has ended the command: with TERM, or with KILL."""

_BY_ITSELF: Final = frozenset(("exited", "signalled", "timed_out", "idle_timeout"))


@dataclass(frozen=True)
class SshUse:
    """One use of a host, as a row tells it."""

    host: str
    remote_command: str | None
    exit_code: int
    exit_type: str
    duration_ms: int
    timed_out: bool


def ssh_uses(command: str, result: RunResult) -> list[SshUse]:
    """Find which hosts a command used and how that went. Its text is the stored one."""
    if result.exit_code is None or not may_use_ssh(command):
        return []
    found: list[SshUse] = []
    for part, code in _parts(plain(command), result):
        limited = within_timeout(part)
        used = limited or part
        host = remote_host(used)
        if host is None or code is None:
            continue
        parsed = ssh_in(used)
        remote = parsed.remote_command if parsed else None
        late = result.timed_out or (limited is not None and code in _TIMEOUT_CODES)
        exit_type = "timeout" if late else _exit_type(used, code, result)
        found.append(SshUse(host, remote, code, exit_type, result.elapsed_ms, late))
    return found


def record_ssh(path: Path, uses: Sequence[SshUse], observation_id: str | None, now: float) -> bool:
    """Write the uses of hosts, linked to their observation; tell whether that worked."""
    rows = [_ssh_row(use, observation_id, now) for use in uses]
    names = ", ".join(rows[0]) if rows else ""
    marks = ", ".join(f":{name}" for name in rows[0]) if rows else ""
    return not rows or _write(path, f"INSERT INTO ssh_observations ({names}) VALUES ({marks})", rows)


def cache_manopt(path: Path, base_command: str, options_text: str, now: float) -> bool:
    """Keep the options of a man page; tell whether that worked."""
    row = {"base": base_command, "text": options_text, "at": _iso(now)}
    sql = (
        "INSERT INTO manopt_cache (base_command, options_text, created_at) VALUES (:base, :text, :at)"
        " ON CONFLICT (base_command) DO UPDATE SET options_text = excluded.options_text,"
        " created_at = excluded.created_at"
    )
    return _write(path, sql, [row])


def _parts(text: str, result: RunResult) -> list[tuple[str, int | None]]:
    """Return the simple commands of a text, each with its own code; None where that cannot be told."""
    if parts := segments(text):
        return list(zip(parts, _codes(text, len(parts), result), strict=True))
    is_told = result.outcome == "exited" and result.exit_code != 1
    return [(part, result.exit_code if is_told else None) for part in chain(text)]


def _codes(text: str, number: int, result: RunResult) -> list[int | None]:
    """Return each segment's own code; where only the whole one's is known, the last one's."""
    if segments_of(text, list(result.pipestatus)) is not None:
        return list(result.pipestatus)
    return [None] * (number - 1) + [result.exit_code]


def _exit_type(part: str, code: int, result: RunResult) -> str:
    if result.outcome not in _BY_ITSELF:
        return "interrupted"
    if code == 0:
        return "success"
    found = program(part)
    failed = CONNECTION_CODES.get(found.name, frozenset()) if found else frozenset()
    return "connection_failed" if code in failed else "command_failed"


def _ssh_row(use: SshUse, observation_id: str | None, now: float) -> dict[str, Any]:
    template = normalize.template_command(use.remote_command) if use.remote_command else None
    return {
        "id": str(uuid.uuid4()),
        "observation_id": observation_id,
        "host": use.host,
        "remote_command": use.remote_command,
        "remote_command_template": template,
        "exit_code": use.exit_code,
        "exit_type": use.exit_type,
        "duration_ms": use.duration_ms,
        "timed_out": int(use.timed_out),
        "weight": 1.0,
        "created_at": _iso(now),
    }


def _write(path: Path, sql: str, rows: Sequence[dict[str, Any]]) -> bool:
    try:
        connection = open_writer(path)
    except sqlite3.Error as wrong:
        _LOG.info("not recorded in %s: %s", path, wrong)
        return False
    try:
        with writing(connection):
            connection.executemany(sql, rows)
    except sqlite3.Error as wrong:
        _LOG.info("not recorded in %s: %s", path, wrong)
        return False
    finally:
        connection.close()
    return True


def _iso(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat()
