"""Measures the insights before a command on a small and a large history, beside the targets.

Run it as ``python -m tests.bench.insights [ROWS ...]``.
"""

import random
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from zsh_tool.alan import ALAN
from zsh_tool.config import load
from zsh_tool.normalize import hash_command, template_command
from zsh_tool.recording_core import CoreRecorder, Observation

TARGET_MS = 5.0
TARGET_RATIO = 2.0
PROJECTS = 20
ROUNDS = 200
COMMANDS = [
    "cargo test", "cargo build --release", "git status", "git push origin main", "npm test", "make -j8 all",
    "pytest -q tests/test_a.py", "ls -la src", "grep -rn needle src", "python script.py --fast",
    "ssh build1 'make check'", "docker compose up -d web", "curl -s http://localhost:8080/health",
    "cat README.md",
]  # fmt: skip


def fill(path: Path, rows: int, projects: list[str]) -> None:
    """Write a history of so many rows, most of them of few commands, as histories are."""
    recorder = CoreRecorder(path, rows, 30.0)
    recorder.record(Observation("true", "warmup00", 0, 1, False, (0,), projects[0], "exited"), time.time())
    recorder.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO observations (id, command_hash, command_template, command_preview, exit_code,"
        " duration_ms, timed_out, weight, created_at, cwd, project, outcome, session_id)"
        " VALUES (?, ?, ?, ?, ?, ?, 0, 1.0, ?, ?, ?, 'exited', ?)",
        _history(rows, projects),
    )
    recent = [
        ("bench001", hash_command(command), template_command(command), command, time.time() - index, 90, 1, 0)
        for index, command in enumerate(COMMANDS * 40)
    ]
    connection.executemany(
        "INSERT INTO recent_commands (session_id, command_hash, command_template, command_preview, timestamp,"
        " duration_ms, exit_code, success) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        recent,
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _history(rows: int, projects: list[str]) -> Iterator[tuple[object, ...]]:
    chance = random.Random(7)
    keys = {command: (hash_command(command), template_command(command)) for command in COMMANDS}
    begin = time.time() - 40 * 86_400
    for number in range(rows):
        if chance.random() < 0.8:
            command = chance.choice(COMMANDS)
            command_hash, template = keys[command]
        else:
            command = f"tool{chance.randrange(3000)} run item{number}"
            command_hash, template = hash_command(command), template_command(command)
        project = chance.choice(projects)
        at = datetime.fromtimestamp(begin + number * 40 * 86_400 / rows, UTC).isoformat()
        code = 0 if chance.random() < 0.8 else 1
        yield (
            str(uuid.UUID(int=chance.getrandbits(128))), command_hash, template, command, code,
            chance.randrange(20, 60_000), at, project, project, f"s{number // 60:07d}",
        )  # fmt: skip


def measure(path: Path, projects: list[str]) -> tuple[float, float]:
    """Return the median and the 95th percentile of the insights before a command, in milliseconds."""
    settings = load({"HOME": str(path.parent), "ALAN_DB_PATH": str(path)})
    alan = ALAN(settings, "bench001", executor_active=True)
    alan.get_insights("true", projects[0])
    chance = random.Random(11)
    samples: list[float] = []
    for _ in range(ROUNDS):
        command, project = chance.choice(COMMANDS), chance.choice(projects)
        begin = time.perf_counter()
        alan.get_insights(command, project)
        alan.estimate(command, project)
        samples.append((time.perf_counter() - begin) * 1000)
    alan.close()
    return statistics.median(samples), statistics.quantiles(samples, n=20)[-1]


def report(title: str, target: str, measured: str, good: bool) -> None:
    """Print one line of the table."""
    sys.stdout.write(f"{title:<58} {target:>12} {measured:>22}  {'ok' if good else 'MISSED'}\n")


def main(sizes: list[int]) -> int:
    """Measure at each size and compare the ends; a missed target is printed, and is no failure to measure."""
    medians: list[float] = []
    report("what", "target", "measured", True)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        projects = [str(home / f"p{number}") for number in range(PROJECTS)]
        for project in projects:
            (Path(project) / ".git").mkdir(parents=True)
        for rows in sizes:
            path = home / f"alan-{rows}.db"
            fill(path, rows, projects)
            median, p95 = measure(path, projects)
            medians.append(median)
            met = median <= TARGET_MS
            title = f"insights before a command, {rows:,} rows"
            report(title, f"{TARGET_MS:g} ms", f"{median:.2f} ms, p95 {p95:.2f}", met)
    ratio = medians[-1] / medians[0]
    report("the largest against the smallest", f"{TARGET_RATIO:g} x", f"{ratio:.2f} x", ratio <= TARGET_RATIO)
    return 0


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or [10_000, 1_000_000]))
