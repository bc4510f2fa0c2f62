"""The memory as a client meets it: the real server, and with it the real executor or none."""

import asyncio
import os
import sqlite3
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.conversation import Conversation, Told, conversation
from tests.waits import gone, until
from zsh_tool.recording_core import CoreRecorder, Observation

pytestmark = pytest.mark.anyio

MODES = [pytest.param({}, id="executor"), pytest.param({"ZSH_TOOL_EXEC": ""}, id="python-only")]
"""What the server's environment adds."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return made(tmp_path / "app")


def made(place: Path) -> Path:
    (place / ".git").mkdir(parents=True)
    return place


def programs(place: Path, **scripts: str) -> dict[str, str]:
    """Make programs, and return the environment in which they are found before all others."""
    place.mkdir(exist_ok=True)
    for name, script in scripts.items():
        (place / name).write_text("#!/bin/sh\n" + script, encoding="utf-8")
        (place / name).chmod(0o755)
    return {"PATH": f"{place}{os.pathsep}{os.environ['PATH']}", "ALAN_DB_PATH": str(place / "alan.db")}


def talking(project: Path, environment: dict[str, str]) -> AbstractAsyncContextManager[Conversation]:
    return conversation(project, "auto", None, **environment)


def rows(environment: dict[str, str], sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(environment["ALAN_DB_PATH"])
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


# NEVERHANG


@pytest.mark.parametrize("mode", MODES)
async def test_of_two_calls_at_one_moment_one_is_the_probe(
    tmp_path: Path, project: Path, mode: dict[str, str]
) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    environment = programs(tmp_path / "bin", slow=f"read line < {go}\n") | mode
    recorder = CoreRecorder(Path(environment["ALAN_DB_PATH"]), 1000, 30.0)
    for ago in (900, 600, 301):
        late = Observation("slow down", "old", 143, 100, True, (143,), project, "timed_out", signal="TERM")
        recorder.record(late, time.time() - ago)
    recorder.close()

    async def let_go(talk: Conversation) -> None:
        # The refused call is answered while the probe still runs.
        await until(lambda: len(answered) == 1)
        status = (await talk.call("zsh_neverhang_status")).text
        assert status.startswith("half_open")
        await asyncio.to_thread(go.write_text, "on\n", encoding="utf-8")

    answered: list[Told] = []

    async def ask(talk: Conversation, **arguments: Any) -> None:
        answered.append(await talk.zsh("slow down", **arguments))

    async with talking(project, environment) as talk:
        await asyncio.gather(ask(talk), ask(talk), let_go(talk))
        refused, probe = answered
        assert refused.is_error
        assert refused.facts["outcome"] == "blocked"
        assert "Next try when that one has ended. zsh_neverhang_reset lets it run now" in refused.text
        assert (probe.facts["outcome"], probe.facts["exit_code"]) == ("exited", 0)
        assert (await talk.call("zsh_neverhang_status")).lines[0] == "[nothing is held back]"


@pytest.mark.parametrize("mode", MODES)
async def test_what_was_held_back_is_so_after_a_restart_until_something_ended(
    tmp_path: Path, project: Path, mode: dict[str, str]
) -> None:
    environment = programs(tmp_path / "bin", slow="sleep $2\n") | mode
    async with talking(project, environment) as talk:
        for _ in range(3):
            assert (await talk.zsh("slow down 60", timeout=0.1)).facts["timed_out"]
    async with talking(project, environment) as talk:
        refused = await talk.zsh("slow down 50")
        assert refused.text.startswith(
            "blocked: `slow down *` timed out 3 times within the last hour here. Next try in "
        )
        assert not (await talk.zsh("slow down 0", cwd=str(made(tmp_path / "other")))).is_error
        assert (await talk.call("zsh_neverhang_reset")).lines[0] == "[1 reset]"
        assert (await talk.zsh("slow down 0")).facts["exit_code"] == 0
    async with talking(project, environment) as talk:
        assert (await talk.call("zsh_neverhang_status")).lines[0] == "[nothing is held back]"


# ssh


@pytest.mark.parametrize("mode", MODES)
async def test_uses_of_hosts_are_recorded_with_their_ends(
    tmp_path: Path, project: Path, mode: dict[str, str]
) -> None:
    ssh = 'case "$*" in *down*) exit 255;; *slow*) sleep 60;; *make*) exit 2;; esac\n'
    environment = programs(tmp_path / "bin", ssh=ssh, scp="exit 255\n", rsync="exit 12\n") | mode
    calls: dict[str, tuple[str, str, int]] = {
        "ssh -o ConnectTimeout=1 -oBatchMode=yes down": ("down", "connection_failed", 255),
        "ssh -J a@j,k -p 2222 -l me ::1 -- make all": ("::1", "command_failed", 2),
        "ssh me@up make | cat": ("up", "command_failed", 2),
        "scp -P 22 file me@up:x": ("up", "connection_failed", 255),
        "rsync -a x up:y": ("up", "connection_failed", 12),
        "ssh up slow": ("up", "timeout", 143),
        "ssh up true": ("up", "success", 0),
    }
    async with talking(project, environment) as talk:
        for command in calls:
            await talk.zsh(command, timeout=0.5 if "slow" in command else 20)
    found = rows(
        environment,
        "SELECT o.command_preview, s.host, s.exit_type, s.exit_code, s.timed_out FROM ssh_observations AS s"
        " JOIN observations AS o ON o.id = s.observation_id ORDER BY s.rowid",
    )
    assert [(one[0], one[1:4]) for one in found] == list(calls.items())
    assert [one[0] for one in found if one[4]] == ["ssh up slow"]


# man pages

PAGE = "OPTIONS\n       -a, --all\n              Do all.\n\n       -x, --extract\n              Take out.\n"


@pytest.mark.parametrize("mode", MODES)
async def test_options_are_cached_at_the_second_failure_and_told_at_the_third(
    tmp_path: Path, project: Path, mode: dict[str, str]
) -> None:
    man = f'[ "$4" = tool ] || exit 16\ncat <<"EOF"\n{PAGE}EOF\n'
    environment = programs(tmp_path / "bin", tool="exit 2\n", man=man) | mode
    cached = "SELECT base_command, options_text FROM manopt_cache"
    async with talking(project, environment) as talk:
        assert (await talk.zsh("tool -x a")).facts["insights"] == []
        await talk.zsh("tool -x b")
        await until(lambda: bool(rows(environment, cached)))
        third = await talk.zsh("tool -x c")
        assert len(third.lines) == 2
        assert third.lines[0] == (
            "[options of tool, from its man page: -x, --extract: Take out; -a, --all: Do all;"
            " 2 similar (`tool -x *`) in the last 10 min: all failed]"
        )
        assert "options of tool" not in (await talk.zsh("tool -x d")).text, "once a session is enough"
    assert rows(environment, cached) == [("tool", "-a, --all: Do all\n-x, --extract: Take out")]


async def test_a_man_page_that_never_comes_delays_nothing(tmp_path: Path, project: Path) -> None:
    pids = tmp_path / "pids"
    man = f"sleep 300 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait\n"
    environment = programs(tmp_path / "bin", tool="exit 2\n", man=man) | {"ALAN_MANOPT_TIMEOUT": "0.5"}
    async with talking(project, environment) as talk:
        for letter in "abcd":
            assert (await talk.zsh(f"tool -x {letter}")).facts["outcome"] == "exited"
        await until(pids.exists)
        for pid in pids.read_text(encoding="utf-8").split():
            await gone(int(pid))
    assert rows(environment, "SELECT * FROM manopt_cache") == []


# what is told


@pytest.mark.parametrize("mode", MODES)
async def test_plain_successes_are_told_nothing_and_failures_at_most_three_lines(
    tmp_path: Path, project: Path, mode: dict[str, str]
) -> None:
    environment = programs(tmp_path / "bin", tool='echo "no $2"; exit $3\n') | mode
    async with talking(project, environment) as talk:
        searched = "cd / && grep nothing /dev/null | wc -l"
        for command in ("print hi", "print hi | cat", "tool -x a 0", "true; print hi", searched):
            reply = await talk.zsh(command)
            assert reply.facts["insights"] == [], command
            assert len(reply.lines) == 2, command
        for _ in range(4):
            reply = await talk.zsh("tool -x b 3")
            assert reply.lines[0] == "no b"
            assert len(reply.lines) <= 3
        assert reply.lines[1].startswith(
            "[failed 3 times in a row here (first just now); last success just now "
        )


@pytest.mark.parametrize("mode", MODES)
async def test_what_was_shown_is_recorded_with_the_next_command_and_judged(
    tmp_path: Path, project: Path, mode: dict[str, str]
) -> None:
    environment = programs(tmp_path / "bin", tool='[ -e "$1" ]\n') | mode
    async with talking(project, environment) as talk:
        await talk.zsh("tool file")
        assert "already failed once" in (await talk.zsh("tool file")).text
        assert "already failed twice" in (await talk.zsh("tool file")).text
        await talk.zsh("touch file")
        await talk.zsh("tool file")
        stats = (await talk.call("zsh_alan_stats")).result.structured_content
    assert stats is not None
    (score,) = [one for one in stats["insights"] if one["kind"] == "retry"]
    assert (score["shown"], score["helped"], score["ignored"], score["precision"]) == (2, 1, 1, 0.5)
    told = rows(
        environment,
        "SELECT i.kind, i.command_template, o.command_preview FROM insights AS i"
        " JOIN observations AS o ON o.id = i.observation_id ORDER BY i.rowid",
    )
    assert [one for one in told if one[0] == "retry"] == [
        ("retry", "tool file", "tool file"),
        ("retry", "tool file", "touch file"),
    ]


@pytest.mark.parametrize("mode", MODES)
async def test_what_was_shown_waits_for_a_command_that_is_recorded(
    tmp_path: Path, project: Path, mode: dict[str, str]
) -> None:
    settings = tmp_path / "config" / "zsh-tool"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text('[database]\nignore = ["secret *"]\n', encoding="utf-8")
    environment = programs(tmp_path / "bin", tool="exit 1\n") | mode
    environment["XDG_CONFIG_HOME"] = str(settings.parent)
    async with talking(project, environment) as talk:
        for _ in range(2):
            reply = await talk.zsh("tool file")
        assert "already failed once" in reply.text
        assert (await talk.zsh("print on", cwd="nowhere")).result.is_error
        await talk.zsh("secret word")
        await talk.zsh("print recorded")
    sql = "SELECT i.kind, o.command_preview FROM insights AS i JOIN observations AS o ON o.id = i.observation_id"
    assert ("retry", "print recorded") in rows(environment, sql)


# both modes

OWN = {"id", "parent_id", "observation_id", "session_id", "created_at", "timestamp", "duration_ms"} | {
    "last_updated",
    "shown_at",
}
"""Values that differ between any two runs."""


def whole(environment: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return all that was recorded but for what is each run's own."""
    connection = sqlite3.connect(environment["ALAN_DB_PATH"])
    connection.row_factory = sqlite3.Row
    tables = ("observations", "recent_commands", "streaks", "ssh_observations", "insights")
    found = {
        name: [
            {key: value is not None if key in OWN else value for key, value in dict(row).items()}
            for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid")
        ]
        for name in tables
    }
    connection.close()
    return found


async def test_both_modes_record_the_same(tmp_path: Path, project: Path) -> None:
    environment = programs(tmp_path / "bin", ssh='case "$*" in *down*) exit 255;; esac\n')
    recorded = []
    for name, mode in (("rust", {}), ("python", {"ZSH_TOOL_EXEC": ""})):
        environment["ALAN_DB_PATH"] = str(tmp_path / f"{name}.db")
        async with talking(project, environment | mode) as talk:
            await talk.zsh("print on", description="to see whether it works")
            await talk.zsh("false | sort | cat", cwd="..")
            await talk.zsh(f"print -r -- '{'é' * 250}' | wc -c")
            for _ in range(3):
                await talk.zsh("ssh down uptime")
            await talk.zsh("sleep 60", timeout=0.1)
            running = await talk.zsh("sleep 61", yield_after=0)
            await talk.call("zsh_kill", task_id=running.task)
            await talk.zsh("kill -SEGV $$")
            await talk.zsh("no-such-command")
            await talk.zsh("")
            await talk.zsh("true", description="é\n")
        recorded.append(whole(environment))
    rust, python = recorded
    assert len(rust["observations"]) > 12
    assert len(rust["insights"]) > 2
    for name, there in rust.items():
        assert python[name] == there, name
