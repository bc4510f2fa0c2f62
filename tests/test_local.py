"""Python-only mode: what it can do, and that it says what it cannot."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.registry import descriptors, finished, printed, registry_of, request, run
from tests.waits import BOUND_SECS, alive, until
from zsh_tool.localtask import LocalRun
from zsh_tool.reaper import children_of
from zsh_tool.sessions import living
from zsh_tool.sideband import zshenv
from zsh_tool.task import Task
from zsh_tool.tasks import (
    InputClosedError,
    PythonOnlyError,
    StartError,
    TaskEndedError,
    TaskRegistry,
    UnknownTaskError,
)
from zsh_tool.waiting import WaitReason, parse_until, wait_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def registry() -> AsyncIterator[TaskRegistry]:
    async with registry_of(None) as opened:
        yield opened


@pytest.mark.parametrize(
    ("command", "exit_code", "pipestatus", "output"),
    [
        ("echo hi; echo err >&2", 0, (0,), b"hi\nerr\n"),
        ("exit 3", 3, (3,), b""),
        ("false | true", 0, (1, 0), b""),
        ("false | true; exit 5", 5, (5,), b""),
        ("f() { false | true; exit 0 }; f", 0, (0,), b""),
        ("set -o pipefail; true | (exit 3) | true", 3, (0, 3, 0), b""),
        ("trap 'true | false | true' EXIT; true | true", 0, (0,), b""),
        ("zshexit() { echo z }; true | false", 1, (1,), b"z\n"),
        ("set -x; true | true", 0, (0, 0), b"+zsh:1> true\n+zsh:1> true\n"),
        ("echo a||echo b", 0, (0,), b"a\n"),
        ("cat", 0, (0,), b""),
        ("printf '%s' 'no newline'", 0, (0,), b"no newline"),
    ],
)
async def test_commands_end_as_they_do_in_plain_zsh(
    registry: TaskRegistry, command: str, exit_code: int, pipestatus: tuple[int, ...], output: bytes
) -> None:
    result, said = await run(registry, command)
    assert (result.outcome, result.exit_code, result.pipestatus) == ("exited", exit_code, pipestatus)
    if "set -x" not in command:
        assert said == output


async def test_an_input_that_the_command_closed_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    async with registry_of(None) as registry:
        task = await registry.start(request("read x; exec <&-; print $x; sleep 0.2", keep_stdin=True))
        await task.send(b"it\n")
        assert (await finished(task)).exit_code == 0
        await asyncio.wait({task.gone}, timeout=BOUND_SECS)
    assert [record.message for record in caplog.records] == []


async def test_a_signal_is_named(registry: TaskRegistry) -> None:
    result, _ = await run(registry, "kill -TERM $$")
    assert (result.outcome, result.signal, result.exit_code) == ("signalled", "TERM", 143)
    assert result.pipestatus == (143,)


async def test_input_is_null_text_or_kept_open(registry: TaskRegistry) -> None:
    assert (await run(registry, "cat", stdin="text\n"))[1] == b"text\n"
    task = await registry.start(request("cat", stdin="first\n", keep_stdin=True))
    assert task.accepts_input
    await task.send(b"second\n")
    await task.send_eof()
    assert (await finished(task)).exit_code == 0
    assert task.output.read(0, 100) == b"first\nsecond\n"
    with pytest.raises(TaskEndedError):
        await task.send(b"late")
    other = await registry.start(request("sleep 20"))
    with pytest.raises(InputClosedError, match="keep_stdin"):
        await other.send(b"x")
    await other.kill()


async def test_what_it_cannot_do_is_said(registry: TaskRegistry) -> None:
    for asked in ({"pty": True}, {"persist": True}):
        with pytest.raises(PythonOnlyError, match="Python-only"):
            await registry.start(request("true", **asked))
    with pytest.raises(StartError):
        await registry.start(request("a\0b"))
    with pytest.raises(UnknownTaskError):
        registry.get("nosuch")


async def test_a_missing_directory_fails_to_start(registry: TaskRegistry, tmp_path: Path) -> None:
    result, _ = await run(registry, "true", cwd=tmp_path / "none")
    assert result.outcome == "failed_to_start"
    assert result.error is not None
    assert "none" in result.error


async def test_a_timeout_ends_the_tree_after_the_grace(registry: TaskRegistry) -> None:
    command = "trap '' TERM; sleep 30 & echo $!; wait; sleep 30"
    result, said = await run(registry, command, timeout_secs=0.3, grace_secs=0.2)
    assert (result.outcome, result.timed_out, result.ended_by) == ("timed_out", True, "timeout")
    assert result.exit_code == 137
    assert 400 <= result.elapsed_ms < 3000
    assert not alive(int(said))


async def test_idleness_ends_a_task_and_output_keeps_it(registry: TaskRegistry) -> None:
    command = "for i in 1 2 3 4; do sleep 0.2; echo $i; done; sleep 30"
    result, said = await run(registry, command, idle_timeout_secs=0.8)
    assert result.outcome == "idle_timeout"
    assert said == b"1\n2\n3\n4\n"


async def test_a_kill_ends_the_group_and_says_by_whom(registry: TaskRegistry) -> None:
    task = await registry.start(request("sleep 30 & echo $! $$; wait"))
    await printed(task, b"\n")
    pids = list(map(int, task.output.read(0, 100).split()))
    await task.kill("cancelled")
    assert task.result is not None
    assert (task.result.outcome, task.result.exit_code) == ("cancelled", 143)
    assert not any(map(alive, pids))


LEFT = "setsid sh -c 'trap \"\" TERM; sleep 30 & echo $! $$; wait' & wait"


async def test_a_kill_ends_who_left_the_session_too(registry: TaskRegistry) -> None:
    task = await registry.start(request(LEFT, grace_secs=0.2))
    await printed(task, b"\n")
    pids = list(map(int, task.output.read(0, 100).split()))
    assert len(pids) == 2
    await task.kill()
    assert not any(map(alive, pids))
    assert task.result is not None
    assert (task.result.outcome, task.result.survivors) == ("killed", ())


async def test_a_tree_that_keeps_forking_is_ended(registry: TaskRegistry) -> None:
    task = await registry.start(
        request("f() { sleep 0.01; f & }; f; echo on; wait; sleep 30", grace_secs=0.2)
    )
    await printed(task, b"on\n")
    await task.kill()
    assert session_of(task) == []


def session_of(task: Task) -> list[int]:
    assert isinstance(task.runner, LocalRun)
    return [facts.pid for facts in living(task.runner.process.pid)]


async def test_who_came_to_the_server_is_reaped_and_ended_with_it() -> None:
    async with registry_of(None) as registry:
        short, long = [await left_behind(registry, f"sleep {secs}") for secs in (0.2, 30)]
        await until(lambda: not alive(short))
        await run(registry, "true")
        await until(lambda: short not in children_of(os.getpid()))
        assert long in children_of(os.getpid())
    assert long not in children_of(os.getpid())


async def left_behind(registry: TaskRegistry, command: str) -> int:
    """Run a command in a session of its own behind its shell; return its process, a child of ours by now."""
    task = await registry.start(request(f"(setsid {command} >/dev/null 2>&1 & echo $!) | cat"))
    await finished(task)
    pid = int(task.output.read(0, 100))
    await until(lambda: pid in children_of(os.getpid()))
    return pid


async def test_survivors_do_not_delay_the_answer(registry: TaskRegistry) -> None:
    task = await registry.start(request("(sleep 0.5; echo later; sleep 30) & echo now"))
    result = await finished(task)
    assert result.elapsed_ms < 450
    assert result.survivors
    assert task.live
    await printed(task, b"now\nlater\n")
    await task.kill()
    assert not any(alive(survivor.pid) for survivor in result.survivors)
    await until(lambda: not task.live)
    assert task.result is result


async def test_the_question_of_a_command_ends_a_wait(registry: TaskRegistry) -> None:
    task = await registry.start(request("printf 'name? '; read x; echo hello $x", keep_stdin=True))
    waited = await wait_for(task, parse_until(None, task.accepts_input), 10)
    assert waited.reason is WaitReason.INPUT
    await task.send(b"you\n")
    assert (await finished(task)).exit_code == 0


async def test_who_reads_from_another_program_asks_nobody(registry: TaskRegistry) -> None:
    for command in ("sleep 100 | cat", "sleep 100 > >(cat)", "exec 0</dev/zero; sleep 100"):
        task = await registry.start(request(command, keep_stdin=True))
        assert (await wait_for(task, parse_until(None, True), 1)).reason is WaitReason.CLOCK
        await task.kill()
    for command in ("cat | cat", "sh -c 'read x'", "python3 -c 'import os; os.read(os.dup(0), 1)'"):
        task = await registry.start(request(command, keep_stdin=True))
        assert (await wait_for(task, parse_until(None, True), 10)).reason is WaitReason.INPUT, command
        await task.kill()


async def test_long_commands_come_from_a_file(registry: TaskRegistry) -> None:
    result, said = await run(registry, "echo start\n" + "# x\n" * 50_000 + "echo $LINENO; exit 4")
    assert result.exit_code == 4
    assert said == b"start\n50002\n"


async def test_a_hundred_commands_leave_nothing_behind(registry: TaskRegistry) -> None:
    await run(registry, "true | true")
    before = descriptors()
    for _ in range(100):
        await run(registry, "echo x | cat")
    await until(lambda: descriptors() <= before)
    assert threading.active_count() < 20
    assert len(asyncio.all_tasks()) < 10


def test_the_hook_is_the_one_of_the_executor() -> None:
    hook = zshenv(b"/private/c", 4242, None).decode()
    source = (Path(__file__).parent.parent / "zsh-tool-rs/src/sideband/hook.rs").read_text(encoding="utf-8")
    flat = "".join(source.split()).replace('\\"', '"').replace("\\\\", "\\")
    for part in (
        "() { [[ $ZSH_SUBSHELL = 0 ]] && \\builtin trap && \\builtin trap - DEBUG ZERR && ",
        '\\builtin print -ru2 -- "$@" || ',
        "\\builtin trap - DEBUG ZERR } $? $pipestatus } 2<>",
        "\\builtin emulate -R zsh -o no_debug_before_cmd -c '",
        "[[ ( ! -e ${ZDOTDIR-$HOME}/.zshenv || -d ${ZDOTDIR-$HOME}/.zshenv ) && ",
        "! -e ${ZDOTDIR-$HOME}/.zshenv.zwc ]] ||",
        '\\builtin source "${ZDOTDIR-$HOME}/.zshenv"',
    ):
        assert part in hook
        assert "".join(part.split()) in flat


async def test_close_ends_everything_and_removes_the_directories(tmp_path: Path) -> None:
    async with registry_of(None) as registry:
        task = await registry.start(request("sleep 30 & echo $!; wait"))
        await printed(task, b"\n")
        child = int(task.output.read(0, 100))
        directory = task.output.directory
        await run(registry, "true")
    assert not alive(child)
    assert list(directory.parent.iterdir()) == []
    assert task.result is not None
    assert task.result.outcome == "session_ended"
    assert json.dumps(task.facts.as_json())
