"""Measures how long executors wait for each other: sixteen at a time, five hundred commands each.

Run it as ``python -m tests.bench.crowd [AT_ONCE [COMMANDS]]``. That no row is lost and each streak is exact is
checked here too; the Rust suite holds the same for processes that only record.
"""

import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.insights import report
from tests.conftest import EXECUTOR
from zsh_tool.normalize import hash_command

TARGET_SECS = 1.0


def run(db: Path, place: Path, commands: int) -> list[tuple[float, float]]:
    """Run commands one after the other, each by an executor of its own.

    Return of each how long its answer took, which is out when the meta file is there, and how long its process.
    """
    meta = place / "meta.json"
    zsh = shutil.which("zsh") or "zsh"
    call = [
        str(EXECUTOR),
        "--zsh",
        zsh,
        "--db",
        str(db),
        "--session-id",
        place.name,
        "--meta",
        str(meta),
        "--",
    ]
    taken: list[tuple[float, float]] = []
    for number in range(commands):
        begin = time.time()
        subprocess.run(
            [*call, "true" if number % 2 else f"true {place.name}"], stdin=subprocess.DEVNULL, check=True
        )
        taken.append((meta.stat().st_mtime - begin, time.time() - begin))
        if '"recorded":true' not in meta.read_text(encoding="utf-8").replace(" ", ""):
            raise RuntimeError(f"not recorded: {meta.read_text(encoding='utf-8')}")
    return taken


def crowd(at_once: int, commands: int) -> list[tuple[float, float]]:
    """Let so many callers run commands at the same time on one database, and check what is left."""
    with tempfile.TemporaryDirectory() as temporary:
        db = Path(temporary) / "alan.db"
        places = [Path(temporary) / f"caller{number}" for number in range(at_once)]
        for place in places:
            place.mkdir()
        with ThreadPoolExecutor(at_once) as pool:
            taken = list(pool.map(run, [db] * at_once, places, [commands] * at_once))
        connection = sqlite3.connect(db)
        rows = connection.execute("SELECT count(*) FROM observations").fetchone()[0]
        sql = "SELECT current_streak FROM streaks WHERE command_hash = ?"
        streak = connection.execute(sql, (hash_command("true"),)).fetchone()[0]
        connection.close()
        if (rows, streak) != (at_once * commands, at_once * (commands // 2)):
            raise RuntimeError(f"{rows} rows and a streak of {streak} after {at_once} x {commands}")
    return [one for each in taken for one in each]


def main(at_once: int = 16, commands: int = 500) -> int:
    """Measure, and print the longest that any answer took, waiting for others included."""
    taken = crowd(at_once, commands)
    answers, processes = zip(*taken, strict=True)
    longest = max(answers)
    how = f"{longest * 1000:.0f} ms, median {statistics.median(answers) * 1000:.0f}"
    title = f"the slowest answer of {at_once} x {commands} commands"
    report(title, f"{TARGET_SECS:g} s", how, longest <= TARGET_SECS)
    sys.stdout.write(f"  until the process ended, upkeep included: {max(processes) * 1000:.0f} ms\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*[int(word) for word in sys.argv[1:]]))
