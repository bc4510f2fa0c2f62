"""Tasks through the real server: waiting, reading, typing, ending."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.conversation import ERAS, conversation
from tests.waits import alive, gone, until
from zsh_tool import config

pytestmark = pytest.mark.anyio

ANSWER_SECS = 0.1
FASTER = 45
"""How much faster the clock of a long build runs: the most at which `call_max` is a setting that is taken."""


async def test_a_background_task_is_polled_to_its_end(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("print one; sleep 0.5; print two", until="one")
        assert started.facts["running"]
        assert started.lines[0] == "one"
        assert f"task {started.task}" in started.state
        ended = await talk.call("zsh_poll", task_id=started.task)
        assert ended.lines[0] == "two"
        assert ended.facts["exit_code"] == 0
        again = await talk.call("zsh_poll", task_id=started.task)
        assert again.lines == [ended.state]
        assert "one\ntwo\n" in (await talk.call("zsh_poll", task_id=started.task, view="full")).text


async def test_run_in_background_replies_at_once_and_the_end_is_announced_once(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("sleep 0.2; exit 4", run_in_background=True)
        assert started.facts["running"]
        async with asyncio.timeout(20):
            while True:
                other = await talk.zsh("print other")
                if "ended" in other.text:
                    break
        assert f"[task {started.task} (sleep 0.2; exit 4) ended: exit 4 in " in other.text
        assert "ended" not in (await talk.zsh("print other")).text


async def test_the_end_that_a_call_waits_for_is_not_announced_elsewhere(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        waiting = asyncio.create_task(talk.zsh("sleep 0.4; exit 4", yield_after=30))
        others = [await talk.zsh("true") for _ in range(4)]
        assert (await waiting).facts["exit_code"] == 4
        others.append(await talk.zsh("true"))
        assert not any("ended" in other.text for other in others)


async def test_until_ends_a_wait_also_without_a_newline(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        begun = time.monotonic()
        reply = await talk.zsh(
            "printf 'listening on'; printf ' port 80'; sleep 60", until="port \\d+", yield_after=40
        )
        assert time.monotonic() - begun < 20
        assert reply.lines[0] == "listening on port 80"
        assert "matched" in reply.state
        assert "port 80" in reply.state
        idle = await talk.zsh("print begin; sleep 60", until="idle", yield_after=40)
        assert idle.facts["running"]
        assert time.monotonic() - begun < 30


async def test_an_unfinished_end_of_output_ends_no_wait_for_output_twice(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        for part in (r"\r", r"\xf0\x9f", r"\e]8;;http://link"):
            started = await talk.zsh(
                f"printf 'one{part}'; sleep 0.5; printf '\\ntwo'; sleep 60", until="output"
            )
            assert started.lines[0] == "one"
            assert "two" in (await talk.call("zsh_poll", task_id=started.task, until="output")).text


async def test_lines_and_grep_do_not_move_the_delta(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("sleep 1; print -l a b c; sleep 60", yield_after=0)

        async def printed() -> bool:
            return "2: b" in (await talk.call("zsh_poll", task_id=started.task, grep="b")).text

        await until(printed)
        assert (await talk.call("zsh_poll", task_id=started.task, lines="-1")).facts["running"]
        fresh = await talk.call("zsh_poll", task_id=started.task, until="output")
        assert fresh.lines[:3] == ["a", "b", "c"]


async def test_a_task_is_typed_into(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("cat", keep_stdin=True, stdin="first\n", until="first")
        assert started.lines[0] == "first"
        assert (await talk.call("zsh_send", task_id=started.task, input="second")).lines[0] == "second"
        ended = await talk.call("zsh_send", task_id=started.task, eof=True)
        assert ended.facts["exit_code"] == 0
        late = await talk.call("zsh_send", task_id=started.task, input="third")
        assert late.is_error
        assert "ended" in late.text


async def test_typing_into_a_task_without_open_input_says_how_to_start_it(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("sleep 60", yield_after=0)
        refused = await talk.call("zsh_send", task_id=started.task, input="x")
        assert refused.is_error
        assert "keep_stdin" in refused.text
        nothing = await talk.call("zsh_send", task_id=started.task)
        assert nothing.is_error
        assert "nothing to send" in nothing.text
        no_keys = await talk.call("zsh_send", task_id=started.task, keys="C-c")
        assert no_keys.is_error
        assert "no terminal" in no_keys.text
        ended = await talk.call("zsh_send", task_id=started.task, signal="INT")
        assert ended.facts["signal"] == "INT"


async def test_a_terminal_is_typed_into_and_looked_at(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh('read "name?Who? "; print "hello $name"; sleep 60', pty=True, until="Who")
        assert started.lines[0].startswith("Who?")
        answered = await talk.call("zsh_send", task_id=started.task, input="me")
        assert "hello me" in answered.text
        screen = await talk.call("zsh_poll", task_id=started.task, view="screen")
        assert screen.lines[:2] == ["Who? me", "hello me"]
        ended = await talk.call("zsh_send", task_id=started.task, keys="C-c", wait=10)
        assert not ended.facts["running"]
        assert (await talk.zsh("true")).facts["exit_code"] == 0


async def test_a_program_that_reads_is_seen_to_wait_for_input(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        begun = time.monotonic()
        reply = await talk.zsh("printf 'name: '; cat", pty=True, yield_after=40)
        assert time.monotonic() - begun < 20
        assert reply.facts["waiting_for_input"]
        assert reply.state.startswith("[waits for input: answer with zsh_send")


async def test_a_screen_without_a_terminal_is_an_error(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("sleep 60", yield_after=0)
        refused = await talk.call("zsh_poll", task_id=started.task, view="screen")
        assert refused.is_error
        assert "pty" in refused.text
        both = await talk.call("zsh_poll", task_id=started.task, view="full", lines="1")
        assert both.is_error
        begun = time.monotonic()
        for what in ({"lines": "x-y"}, {"lines": "9" * 5000}, {"grep": "("}):
            bad = await talk.call("zsh_poll", task_id=started.task, wait=45, **what)
            assert bad.is_error
            assert "is not " in bad.text
        assert time.monotonic() - begun < 20


async def test_a_kill_ends_the_grandchildren_too(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("sleep 300 & print $!; setsid sleep 301 & sleep 302", until="\\d+\n")
        child = int(started.lines[0])
        assert alive(child)
        ended = await talk.call("zsh_kill", task_id=started.task)
        assert (ended.facts["outcome"], ended.facts["ended_by"]) == ("killed", "agent")
        assert ended.facts["exit_code"] != 0
        await gone(child)
        again = await talk.call("zsh_kill", task_id=started.task)
        assert not again.is_error
        assert again.facts["outcome"] == "killed"


async def test_the_next_server_too_knows_who_ended_a_task_that_persisted(tmp_path: Path) -> None:
    told = {}
    async with conversation(tmp_path) as talk:
        for how in ({}, {"signal": "KILL"}):
            task = (await talk.zsh("print on; exec sleep 300", persist=True, until="on")).task
            await talk.call("zsh_kill", task_id=task, **how)
            told[task] = await talk.call("zsh_poll", task_id=task)
        crashed = await talk.zsh("kill -SEGV $$", persist=True)
        told[crashed.task] = crashed
    assert [one.facts["ended_by"] for one in told.values()] == ["agent", "agent", None]
    for _ in range(2):
        async with conversation(tmp_path) as talk:
            for task, one in told.items():
                later = await talk.call("zsh_poll", task_id=task)
                assert later.state == one.state
                assert later.facts | {"insights": []} == one.facts | {"insights": []}


async def test_the_end_of_a_task_between_two_servers_is_announced_once(
    tmp_path: Path, private_home: Path
) -> None:
    os.mkfifo(tmp_path / "go")
    async with conversation(tmp_path) as talk:
        seen = (await talk.zsh("exit 4", persist=True)).task
        task = (await talk.zsh("read <go; exit 3", persist=True, yield_after=0)).task
    await asyncio.to_thread((tmp_path / "go").write_text, "\n", "ascii")
    await until((private_home / f".local/state/zsh-tool/tasks/{task}/meta.json").exists)
    told = []
    for _ in range(2):
        async with conversation(tmp_path) as talk:
            told += [(await talk.zsh("true")).text for _ in range(2)]
            assert (await talk.call("zsh_poll", task_id=task)).facts["exit_code"] == 3
    assert f"[task {task} (read <go; exit 3) ended: exit 3 in " in told[0]
    assert not any("ended" in text for text in told[1:])
    assert seen not in told[0]


async def test_survivors_are_named_and_can_be_ended(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh("sleep 300 & print $!")
        pid = int(reply.lines[0])
        assert reply.facts["survivors"] == [{"pid": pid, "name": "sleep"}]
        assert f"still alive: sleep ({pid}), end with zsh_kill, task {reply.task}" in reply.state
        assert alive(pid)
        killed = await talk.call("zsh_kill", task_id=reply.task)
        assert not alive(pid)
        assert f"ended what was left: sleep ({pid})" in killed.text
        assert "still alive" not in killed.text
        assert killed.facts["survivors"] == []
        assert (await talk.call("zsh_poll", task_id=reply.task)).facts["survivors"] == []


async def test_a_signal_that_the_agent_sent_is_not_explained_as_a_crash(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        task = (await talk.zsh("sleep 300", yield_after=0)).task
        ended = await talk.call("zsh_kill", task_id=task, signal="SIGKILL")
        if ended.facts["running"]:
            ended = await talk.call("zsh_poll", task_id=task)
        assert (ended.facts["outcome"], ended.facts["ended_by"]) == ("signalled", "agent")
        assert "memory" not in ended.text
        other = await talk.zsh("kill -KILL $$")
        assert other.facts["ended_by"] is None
        assert "memory" in other.text


async def test_an_unknown_task_is_an_error_that_names_near_ones(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("sleep 60", yield_after=0)
        for tool in ("zsh_poll", "zsh_kill", "zsh_send"):
            more = {"input": "x"} if tool == "zsh_send" else {}
            refused = await talk.call(tool, task_id=started.task[:5] + "_", **more)
            assert refused.is_error
            assert started.task in refused.text


async def test_the_list_shows_how_tasks_stand(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        done = await talk.zsh("exit 3", description="to see it fail")
        live = await talk.zsh("sleep 60", yield_after=0)
        listed = await talk.call("zsh_tasks")
        assert listed.lines[0].startswith(f"{live.task}  running ")
        assert listed.lines[1].startswith(f"{done.task}  exit 3 in ")
        assert listed.lines[1].endswith("exit 3 (to see it fail)")
        assert listed.lines[2] == "[1 live, 1 finished]"


@pytest.mark.filterwarnings("ignore:ping is removed")
@pytest.mark.parametrize("era", ERAS)
async def test_other_calls_are_answered_while_64_wait_and_the_65th_task_is_refused(
    tmp_path: Path, era: str
) -> None:
    taken: dict[str, list[float]] = defaultdict(list)

    async def timed(name: str, call: Awaitable[object]) -> None:
        begun = time.monotonic()
        await call
        taken[name].append(time.monotonic() - begun)

    async with conversation(tmp_path, era) as talk:
        waiting = {}

        async def another_waits() -> None:
            task = (await talk.zsh("sleep 300", yield_after=0)).task
            waiting[task] = asyncio.create_task(talk.call("zsh_poll", task_id=task, wait=40))

        for _ in range(64):
            await another_waits()
        await talk.call("zsh_tasks")
        for _ in range(9):
            task = next(iter(waiting))
            await timed("zsh_poll", talk.call("zsh_poll", task_id=task, wait=0))
            if era == "legacy":
                await timed("ping", talk.client.send_ping())
            await timed("tools/list", talk.client.list_tools())
            await timed("zsh_kill", talk.call("zsh_kill", task_id=task))
            assert (await waiting.pop(task)).facts["outcome"] == "killed"
            await another_waits()
        assert not any(poll.done() for poll in waiting.values())
        assert all(median(times) < ANSWER_SECS for times in taken.values()), taken
        refused = await talk.zsh("sleep 300", yield_after=0)
        assert refused.is_error
        assert "64 tasks are live" in refused.text
        assert next(iter(waiting)) in refused.text
        for poll in waiting.values():
            poll.cancel()


async def test_calls_run_side_by_side(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        begun = time.monotonic()
        replies = await asyncio.gather(*(talk.zsh(f"sleep 1; print {index}") for index in range(8)))
        assert time.monotonic() - begun < 6
        assert [reply.lines[0] for reply in replies] == [str(index) for index in range(8)]


@pytest.mark.parametrize(
    ("steps", "how"), [(19, {"timeout": 600 / FASTER}), (20, {"persist": True})], ids=["timeout", "persist"]
)
async def test_a_ten_minute_build_costs_at_most_15_calls(
    tmp_path: Path, private_home: Path, steps: int, how: dict[str, Any]
) -> None:
    """Only what persists may take the whole ten minutes: all else ends at `timeout_max`, 600 s."""
    with_every_time_faster(private_home)
    # By the clock, so that a slow machine makes no longer build of it.
    build = f"""zmodload zsh/datetime; begin=$EPOCHREALTIME
        for step in {{1..{steps}}}; do
            print step $step
            left=$((begin + step * {30 / FASTER} - EPOCHREALTIME))
            ((left > 0)) && sleep $left
        done
        print built; exit 3"""
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh(build, **how)
        calls, said = 1, reply.lines
        while reply.facts["running"]:
            reply = await talk.call("zsh_poll", task_id=reply.task)
            calls += 1
            said += reply.lines
    assert reply.facts["outcome"] == "exited"
    assert reply.facts["exit_code"] == 3
    assert reply.facts["elapsed_ms"] >= steps * 30_000 / FASTER
    printed = [line for line in said if not line.startswith("[")]
    assert printed == [*(f"step {step}" for step in range(1, steps + 1)), "built"]
    assert calls <= 15


async def test_a_ten_minute_build_without_a_timeout_of_its_own_is_told_to_have_timed_out(
    tmp_path: Path, private_home: Path
) -> None:
    with_every_time_faster(private_home)
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh(f"print begun; sleep {600 / FASTER}")
        while reply.facts["running"]:
            reply = await talk.call("zsh_poll", task_id=reply.task)
        assert reply.facts["timed_out"]
        assert 120_000 / FASTER <= reply.facts["elapsed_ms"] < 600_000 / FASTER


def with_every_time_faster(home: Path) -> None:
    """Write a configuration in which every limit is the default one on a faster clock."""
    usual = config.load({"HOME": str(home)})
    times = {
        "command": {name: getattr(usual.command, name) for name in ("timeout", "timeout_max", "yield_after")},
        "server": {"call_max": usual.server.call_max},
    }
    assert times["command"] == {"timeout": 120, "timeout_max": 600, "yield_after": 10}
    file = config.config_file({"HOME": str(home)})
    file.parent.mkdir(parents=True)
    with file.open("w", encoding="utf-8") as out:
        for section, values in times.items():
            out.write(f"[{section}]\n")
            out.writelines(f"{name} = {value / FASTER}\n" for name, value in values.items())
    assert config.load({"HOME": str(home)}).problems == ()
