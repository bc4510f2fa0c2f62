"""Tasks run by the real executor: how they end, what they print, how they are found."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes import FakeRunner, FakeTask
from tests.registry import (
    choice_of,
    descriptors,
    finished,
    printed,
    registry_of,
    request,
    run,
    settings_for,
)
from tests.waits import alive, until
from zsh_tool.ids import new_id
from zsh_tool.sending import send_all
from zsh_tool.task import TaskFacts
from zsh_tool.taskdirs import TaskDirs
from zsh_tool.taskmodel import SendReport
from zsh_tool.tasks import (
    InputClosedError,
    StartError,
    Task,
    TaskEndedError,
    TaskLimitError,
    TaskRegistry,
    UnknownTaskError,
)
from zsh_tool.waiting import WaitReason, parse_until, settled, wait_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def registry(executor: Path) -> AsyncIterator[TaskRegistry]:
    async with registry_of(executor) as opened:
        yield opened


async def test_a_command_runs_and_its_end_is_told(registry: TaskRegistry) -> None:
    result, said = await run(registry, "echo out; echo err >&2; false | true")
    assert said == b"out\nerr\n"
    assert (result.outcome, result.exit_code, result.pipestatus) == ("exited", 0, (1, 0))
    assert result.output_bytes == len(said)
    assert not result.recorded


async def test_directory_environment_and_input_arrive(registry: TaskRegistry, tmp_path: Path) -> None:
    env = {**request("").env, "ODD": "ä\n'\"", "BYTES": "\udcff"}
    command = "pwd; print -r -- $ODD; print -rn -- $BYTES; cat; print -r -- $+terminfo"
    result, said = await run(registry, command, cwd=tmp_path, env=env, stdin="input ü\n")
    assert said.startswith(os.fsencode(tmp_path) + "\nä\n'\"\n".encode() + b"\xffinput \xc3\xbc\n")
    assert result.cwd == str(tmp_path)


async def test_a_command_of_five_megabytes_runs(registry: TaskRegistry) -> None:
    result, said = await run(registry, "echo start\n" + "# comment\n" * 500_000 + "echo end; exit 3")
    assert (result.exit_code, said) == (3, b"start\nend\n")


async def test_what_cannot_start_says_why(registry: TaskRegistry, tmp_path: Path) -> None:
    result, _ = await run(registry, "true", cwd=tmp_path / "missing")
    assert result.outcome == "failed_to_start"
    assert result.exit_code is None
    assert result.error
    with pytest.raises(StartError):
        await registry.start(request("echo a\0b"))
    assert (await run(registry, "echo fine"))[1] == b"fine\n"


async def test_a_timeout_and_a_signal_are_told_apart(registry: TaskRegistry) -> None:
    result, _ = await run(registry, "sleep 30", timeout_secs=0.2)
    assert (result.outcome, result.timed_out, result.ended_by) == ("timed_out", True, "timeout")
    result, _ = await run(registry, "kill -KILL $$")
    assert (result.outcome, result.signal, result.exit_code) == ("signalled", "KILL", 137)


async def test_a_kill_ends_the_whole_tree_at_once(registry: TaskRegistry) -> None:
    command = "(setsid sh -c 'echo $$; exec sleep 100') & (sleep 100 & echo $!; wait) & echo $$; wait"
    task = await registry.start(request(command))
    await until(lambda: task.output.newlines == 3)
    pids = list(map(int, task.output.read(0, 100).split()))
    assert all(map(alive, pids))
    started = time.monotonic()
    await task.kill()
    took = time.monotonic() - started
    assert not any(map(alive, pids))
    assert task.result is not None
    assert (task.result.outcome, task.result.ended_by) == ("killed", "agent")
    assert took < 1.0
    await task.kill()


async def test_a_cancelled_start_ends_the_command_as_cancelled(registry: TaskRegistry) -> None:
    # What persists has to be found again before it runs, so that its start takes a moment.
    starting = asyncio.create_task(registry.start(request("sleep 100", persist=True)))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await until(lambda: bool(registry.tasks()) and not registry.tasks()[0].running)
    result = registry.tasks()[0].result
    assert result is not None
    assert (result.outcome, result.ended_by) == ("cancelled", "cancelled")


async def test_a_terminal_takes_input_keys_size_and_eof(registry: TaskRegistry) -> None:
    task = await registry.start(request("stty size; cat", pty=True, rows=30, cols=100))
    await printed(task, b"30 100")
    assert (await task.send(b"typed\r")).echo
    await printed(task, b"typed\r\ntyped\r\n")
    await task.resize(25, 90)
    await task.send_eof()
    assert (await finished(task)).exit_code == 0
    assert task.facts.rows == 25


async def test_hidden_input_is_not_echoed_and_that_is_reported(registry: TaskRegistry) -> None:
    task = await registry.start(request("read -s 'x?password: '; echo; echo ${#x}", pty=True))
    waited = await wait_for(task, parse_until(None, task.accepts_input), 10)
    assert waited.reason is WaitReason.INPUT
    assert not (await task.send(b"hunter22\r")).echo
    await finished(task)
    assert b"hunter22" not in task.output.read(0, 1000)
    assert b"\n8" in task.output.read(0, 1000)


async def test_an_interrupt_reaches_the_foreground(registry: TaskRegistry) -> None:
    task = await registry.start(
        request("trap 'echo got it; exit 7' INT; echo ready; while :; do sleep 0.1; done")
    )
    await printed(task, b"ready")
    await task.send_signal("INT")
    assert (await finished(task)).exit_code == 7
    with pytest.raises(TaskEndedError):
        await task.send_signal("INT")


async def test_input_to_a_closed_task_says_how_to_open_it(registry: TaskRegistry) -> None:
    task = await registry.start(request("sleep 30"))
    with pytest.raises(InputClosedError, match="keep_stdin"):
        await task.send(b"x")
    await task.kill()
    kept = await registry.start(request("cat; echo rest", keep_stdin=True))
    await kept.send(b"one\n")
    await printed(kept, b"one")
    await kept.send_eof()
    await finished(kept)


async def test_a_regex_a_question_and_settled_output_end_waits(registry: TaskRegistry) -> None:
    command = "sleep 0.1; printf 'ready on 80'; read x; print $x; read x; print $x; sleep 100"
    task = await registry.start(request(command, keep_stdin=True))
    waited = await wait_for(task, parse_until(r"on \d+$", True), 10)
    assert waited.matched == "ready on 80"
    task.delivered = task.output.total
    for words, reason in ((b"hello\n", WaitReason.INPUT), (b"again\n", WaitReason.IDLE)):
        since = task.output.total
        await task.send(words)
        assert (await wait_for(task, settled(), 10, since=since)).reason is reason
        assert task.output.read(since, since + 100) == words
    await task.kill()


async def test_survivors_are_named_read_and_ended(registry: TaskRegistry) -> None:
    task = await registry.start(request("(sleep 0.5; echo later; sleep 100) & echo now"))
    result = await finished(task)
    assert [survivor.name for survivor in result.survivors] == ["zsh"] or result.survivors
    assert task.live
    await printed(task, b"now\nlater\n")
    await task.kill()
    assert not task.live
    assert not any(alive(survivor.pid) for survivor in result.survivors)
    assert task.result is result


async def test_thirty_two_at_once_all_come_back(registry: TaskRegistry) -> None:
    tasks = await asyncio.gather(*(registry.start(request(f"sleep 0.2; echo {n}")) for n in range(32)))
    for number, task in enumerate(tasks):
        assert (await finished(task)).exit_code == 0
        assert task.output.read(0, 100) == b"%d\n" % number


async def test_the_sixty_fifth_live_task_is_refused_with_a_list(registry: TaskRegistry) -> None:
    tasks = await asyncio.gather(*(registry.start(request("sleep 100")) for _ in range(64)))
    with pytest.raises(TaskLimitError, match="zsh_kill") as refused:
        await registry.start(request("echo no"))
    assert all(task.id in str(refused.value) for task in tasks)
    await tasks[0].kill()
    await until(lambda: not tasks[0].live)
    assert (await run(registry, "echo yes"))[1] == b"yes\n"
    started = time.monotonic()
    await registry.close()
    assert time.monotonic() - started < 5
    assert all(
        task.result is not None and task.result.outcome in {"session_ended", "killed"} for task in tasks
    )


async def test_end_listeners_hear_of_each_end_once(registry: TaskRegistry) -> None:
    heard: list[str] = []

    async def listen(task: Task) -> None:
        heard.append(task.id)

    registry.add_end_listener(listen)
    tasks = [await registry.start(request("true")) for _ in range(3)]
    await until(lambda: len(heard) == 3)
    assert sorted(heard) == sorted(task.id for task in tasks)


async def test_an_end_is_told_without_waiting_for_what_is_left_for_later_servers(
    registry: TaskRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    may_write, write = threading.Event(), TaskDirs.write_facts

    def write_when_it_may(dirs: TaskDirs, directory: Path, facts: TaskFacts) -> None:
        if facts.end_seen:
            may_write.wait()
        write(dirs, directory, facts)

    async def listen(task: Task) -> None:
        heard.append(task.id)

    monkeypatch.setattr(TaskDirs, "write_facts", write_when_it_may)
    registry.add_end_listener(listen)
    task = await registry.start(request("true", persist=True))
    try:
        await until(lambda: heard == [task.id])
    finally:
        may_write.set()


async def test_unknown_tasks_get_near_ids(registry: TaskRegistry) -> None:
    task = await registry.start(request("true"))
    typo = task.id[:-1] + ("a" if task.id[-1] != "a" else "b")
    with pytest.raises(UnknownTaskError, match=task.id):
        registry.get(typo)
    assert registry.get(task.id) is task


@dataclass(frozen=True)
class Shown:
    id: str
    kind: str
    level: str
    template: str | None
    shown_at: float


async def test_commands_are_recorded_with_their_context(executor: Path) -> None:
    async with registry_of(executor, record=True) as registry:
        shown = (Shown("ab12", "retry", "info", "false *", time.time()),)
        result, _ = await run(registry, "false | true", description="why", author="me", insights=shown)
        assert result.recorded, result.record_error
        database = registry.settings.database.path
        unrecorded, _ = await run(registry, "echo secret", record=False)
        assert not unrecorded.recorded
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT command_preview, exit_code, intent, author, session_id FROM observations WHERE id = ?",
            (result.observation_id,),
        ).fetchall()
        previews = {row[0] for row in connection.execute("SELECT command_preview FROM observations")}
        insights = connection.execute("SELECT id, kind FROM insights").fetchall()
    connection.close()
    assert rows == [("false | true", 0, "why", "me", "testtest")]
    assert previews == {"false | true", "false", "true"}
    assert insights == [("ab12", "retry")]


async def test_the_row_bears_the_id_that_the_server_chose(executor: Path) -> None:
    async with registry_of(executor, record=True) as registry:
        chosen = new_id()
        result, _ = await run(registry, "false | true", observation_id=chosen)
        assert (result.recorded, result.observation_id) == (True, chosen)
        refused, said = await run(registry, "echo ran", observation_id="1' OR 1")
        assert (refused.outcome, refused.exit_code, said) == ("failed_to_start", None, b"")
        assert "observation_id is not a UUID" in (refused.error or "")
        database = registry.settings.database.path
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT command_preview, id = ?, parent_id = ? FROM observations", (chosen,) * 2
            )
            assert rows.fetchall() == [("false | true", 1, None), ("false", 0, 1), ("true", 0, 1)]
        connection.close()


async def test_two_hundred_commands_in_a_row_leak_nothing(registry: TaskRegistry) -> None:
    for _ in range(5):
        await run(registry, "echo x | cat")
    await until(lambda: all(not task.live for task in registry.tasks()))
    before = descriptors()
    for _ in range(200):
        assert (await run(registry, "echo x | cat"))[1] == b"x\n"
    await until(lambda: len(registry._held) == 0)
    await until(lambda: descriptors() <= before + 8)
    assert threading.active_count() < 20
    assert len(asyncio.all_tasks()) < 10
    await until(lambda: len(registry.tasks()) <= 101)
    # They are removed in threads. Executors in standby have some too.
    directories = registry.settings.state_dir / "tasks"
    await until(lambda: len(list(directories.iterdir())) <= 101 + 3)


async def test_replies_one_upon_another_do_not_put_off_the_next_executors(registry: TaskRegistry) -> None:
    await run(registry, "true")
    await until(lambda: registry._tidying is not None)
    async with asyncio.timeout(10):
        while registry._tidying is not None:
            registry.replied()
            await asyncio.sleep(0)
    assert (await run(registry, "echo x"))[1] == b"x\n"


async def test_a_flood_is_kept_bounded(registry: TaskRegistry) -> None:
    task = await registry.start(request("yes 'a line of the flood' | head -c 200000000; echo; echo last"))
    waited = await wait_for(task, parse_until("^last$", False), 60)
    assert waited.reason in {WaitReason.MATCHED, WaitReason.ENDED}
    await finished(task)
    assert task.output.total == 200_000_006
    assert (task.output.directory / "output").stat().st_size <= 64 << 20
    assert task.output.read(task.output.total - 5, task.output.total) == b"last\n"


async def test_close_leaves_nothing_and_takes_bounded_time(executor: Path) -> None:
    registry = TaskRegistry(settings_for(), "testtest", choice_of(executor))
    await registry.open()
    stubborn = await registry.start(request("trap '' TERM INT; echo $$; sleep 100; sleep 100", grace_secs=30))
    polite = await registry.start(request("sleep 100 & echo $!; wait"))
    await printed(stubborn, b"\n")
    await printed(polite, b"\n")
    pids = [int(task.output.read(0, 50)) for task in (stubborn, polite)]
    started = time.monotonic()
    await registry.close()
    assert time.monotonic() - started < 4
    assert not any(map(alive, pids))
    assert {task.result and task.result.outcome for task in (stubborn, polite)} == {"session_ended"}
    with pytest.raises(StartError, match="ending"):
        await registry.start(request("true"))
    assert list((registry.settings.state_dir / "tasks").iterdir()) == []
    assert list((registry.settings.state_dir / "servers").iterdir()) == []


async def test_what_a_closed_input_left_unsent_is_told_and_the_rest_sent(tmp_path: Path) -> None:
    task = FakeTask(tmp_path, open_input=True)
    runner = FakeRunner()

    async def once(data: bytes) -> SendReport:
        if runner.sent:
            raise InputClosedError("the command has closed its input")
        runner.sent.append(data)
        return SendReport(True)

    runner.send = once  # type: ignore[method-assign]  # a stand-in for this test alone
    task.runner = runner
    notes = await send_all(task, b"answer\n", b"more", "INT", False)
    assert notes == ["it closed its input before keys could be sent"]
    assert runner.sent == [b"answer\n", b"INT"]
    with pytest.raises(InputClosedError):
        await send_all(task, b"late", b"", "TERM", False)
    assert runner.sent == [b"answer\n", b"INT"]
