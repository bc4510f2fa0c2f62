"""Typing, signals and screens through the real server: what an agent at a terminal sees."""

from pathlib import Path

import pytest

from tests.conftest import EXECUTOR
from tests.conversation import Conversation, Told, conversation
from tests.waits import gone, until

pytestmark = pytest.mark.anyio

SHOWS_KEYS = """
import os, termios, tty
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b"ready\\r\\n")
while (keys := os.read(0, 100)) != b"q":
    os.write(1, repr(keys).encode() + b"\\r\\n")
termios.tcsetattr(0, termios.TCSANOW, before)
"""


async def started(talk: Conversation, command: str, until: str, **arguments: object) -> str:
    reply = await talk.zsh(command, until=until, yield_after=40, **arguments)
    assert reply.facts["running"], reply.text
    return reply.task


async def sent(talk: Conversation, task: str, **what: object) -> Told:
    return await talk.call("zsh_send", task_id=task, **what)


async def test_enter_is_pressed_as_asked_and_never_twice_for_one_line(tmp_path: Path) -> None:
    (tmp_path / "keys.py").write_text(SHOWS_KEYS, encoding="utf-8")
    async with conversation(tmp_path) as talk:
        task = await started(talk, "python3 keys.py", "ready", pty=True)
        for what, typed in (
            ({"input": "a"}, r"a\r"),
            ({"input": "a\n"}, r"a\r"),
            ({"input": "a\n", "enter": False}, r"a\n"),
            ({"input": "a", "enter": False}, "a"),
            ({"input": ""}, r"\r"),
            ({"enter": True}, r"\r"),
            ({"input": "a", "enter": False, "keys": "Up BSpace"}, r"a\x1b[A\x7f"),
            ({"chars": "a"}, "a"),
            ({"keys": ["Up", "ctrl+c"]}, r"\x1b[A\x03"),
        ):
            assert f"b'{typed}'" in (await sent(talk, task, **what)).text.replace("'\nb'", "")
        nothing = await sent(talk, task, enter=False, keys="")
        assert nothing.is_error
        assert "nothing to send" in nothing.text
        assert (await sent(talk, task, input="q", enter=False, wait=20)).facts["exit_code"] == 0


async def test_the_reply_to_an_answer_says_that_the_next_question_waits(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        command = "while :; do stty -echo; read 'word?password: '; stty echo; print; print no; done"
        asked = await talk.zsh(command, pty=True, yield_after=40)
        assert asked.facts["waiting_for_input"]

        async def told_again() -> bool:
            reply = await sent(talk, asked.task, input="s3cret-word")
            assert "s3cret" not in reply.text
            return reply.state.startswith("[waits for input: answer with zsh_send")

        await until(told_again)
        assert "s3cret" not in (await talk.call("zsh_poll", task_id=asked.task, view="full")).text


async def test_a_key_that_ends_a_program_is_the_agents_doing(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        task = await started(talk, "print on; exec sleep 300", "on", pty=True)
        ended = await sent(talk, task, keys="C-c", wait=20)
        assert ended.state.startswith("[killed by signal INT from the agent (exit 130)")
        assert (ended.facts["outcome"], ended.facts["ended_by"]) == ("signalled", "agent")
        assert ended.facts["insights"] == []


@pytest.mark.parametrize("executor", [str(EXECUTOR), ""])
async def test_a_signal_that_is_none_is_named(tmp_path: Path, executor: str) -> None:
    async with conversation(tmp_path, ZSH_TOOL_EXEC=executor) as talk:
        task = (await talk.zsh("sleep 300", yield_after=0)).task
        for tool in ("zsh_send", "zsh_kill"):
            for signal in ("FOO", "0", "99", "-9", "SIG", "35", "RTMIN", "9" * 5000):
                refused = await talk.call(tool, task_id=task, signal=signal)
                assert refused.is_error
                assert f'no signal "{signal[:30]}' in refused.text
                assert ": give a name such as INT" in refused.text
        for name in ("sigterm", "15"):
            ended = await talk.call("zsh_kill", task_id=task, signal=name)
            assert ended.facts["running"] or ended.facts["signal"] == "TERM" or ended.is_error


async def test_what_outlived_the_shell_hears_signals_and_is_then_no_longer_named(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        for tool in ("zsh_send", "zsh_kill"):
            reply = await talk.zsh("sleep 300 & print $!")
            assert "still alive: sleep" in reply.state
            await talk.call(tool, task_id=reply.task, signal="TERM")
            await gone(int(reply.lines[0]))

            async def told(task: str = reply.task) -> bool:
                return "still alive" not in (await talk.call("zsh_poll", task_id=task, wait=0)).text

            await until(told)


async def test_a_kill_says_what_it_found(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh("sleep 300 & print $!")
        killed = await talk.call("zsh_kill", task_id=reply.task.upper())
        assert killed.lines[0] == f"[ended what was left: sleep ({reply.lines[0]})]"
        again = await talk.call("zsh_kill", task_id=reply.task)
        assert again.lines[0] == "[it had already ended]"
        assert not again.is_error


async def test_a_program_that_draws_the_whole_screen_is_shown_as_its_screen(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        task = await started(talk, "print before; vim -u NONE file; print after", "input", pty=True)

        async def drawn(*, words: str, **what: object) -> bool:
            reply = await sent(talk, task, **what)
            return words in reply.text

        assert await drawn(input="ihello there", enter=False, words="hello there")
        shown = await talk.call("zsh_poll", task_id=task, view="screen")
        assert shown.lines[0] == "hello there"
        assert shown.lines[1:4] == ["~", "~", "~"]
        assert len(shown.text) < 1000
        assert await drawn(keys="Escape", words="[this program draws the whole screen, shown as it is now]")
        left = await sent(talk, task, input=":q!", wait=20)
        assert "after" in left.text
        assert "~\n~" not in left.text


@pytest.mark.parametrize("executor", [str(EXECUTOR), ""])
async def test_an_answer_that_ends_the_program_is_no_error_whatever_was_to_follow_it(
    tmp_path: Path, executor: str
) -> None:
    async with conversation(tmp_path, ZSH_TOOL_EXEC=executor) as talk:
        for _ in range(30):
            task = (await talk.zsh("read x; print got $x", keep_stdin=True, yield_after=0)).task
            ended = await sent(talk, task, input="it", signal="CONT", eof=True, wait=20)
            assert not ended.is_error, ended.text
            assert ended.lines[0] == "got it"
            assert ended.facts["exit_code"] == 0
            assert len(ended.lines) == 2 or ended.lines[1].startswith("[it ended before ")
        late = await sent(talk, task, input="it", eof=True)
        assert late.is_error
        assert "has ended (exited, exit code 0) and takes no more input" in late.text


@pytest.mark.parametrize("executor", [str(EXECUTOR), ""])
async def test_a_refused_call_about_a_task_tells_how_it_stands(tmp_path: Path, executor: str) -> None:
    async with conversation(tmp_path, ZSH_TOOL_EXEC=executor) as talk:
        task = (await talk.zsh("sleep 300", yield_after=0)).task
        for tool, what in (
            ("zsh_send", {"input": "x"}),
            ("zsh_poll", {"lines": "x"}),
            ("zsh_poll", {"wait": "soon"}),
            ("zsh_kill", {"signal": "no"}),
        ):
            refused = await talk.call(tool, task_id=task, **what)
            assert refused.is_error
            assert (refused.task, refused.facts["running"]) == (task, True)
        await talk.call("zsh_kill", task_id=task)
        for tool, what in (("zsh_send", {"input": "x"}), ("zsh_kill", {"signal": "INT"})):
            refused = await talk.call(tool, id=task.upper(), **what)
            assert refused.is_error
            assert f"task {task} has ended (killed by agent, exit code 143)" in refused.lines[0]
            assert refused.lines[1] == "[id taken as task_id]"
            assert (refused.facts["outcome"], refused.facts["ended_by"]) == ("killed", "agent")
        unknown = await talk.call("zsh_poll", task_id="no")
        assert (unknown.facts["task_id"], unknown.facts["outcome"]) == (None, None)


@pytest.mark.parametrize("executor", [str(EXECUTOR), ""])
async def test_how_much_of_a_long_input_was_sent_is_told(tmp_path: Path, executor: str) -> None:
    async with conversation(tmp_path, ZSH_TOOL_EXEC=executor) as talk:
        command = "read go <go; wc -c"
        await talk.zsh("mkfifo go")
        task = (await talk.zsh(command, keep_stdin=True, yield_after=0)).task
        refused = await sent(talk, task, input="x" * 5_000_000, wait=0)
        assert refused.is_error
        assert "1 MiB is waiting already: the first 1,048,576 of 5,000,001 bytes were sent" in refused.text
        assert "nothing was sent" in (await sent(talk, task, input="x" * 1_000_000, wait=0)).text
        await talk.zsh("print >go")
        ended = await sent(talk, task, eof=True, wait=20)
        assert ended.lines[0].strip() == "1048576"


async def test_a_refusal_tells_of_the_ends_of_background_tasks_too(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        for tool, what in (("zsh_poll", {"task_id": "no"}), ("zsh", {"command": "true", "cwd": "a\0b"})):
            task = (await talk.zsh("sleep 0.3; exit 4", yield_after=0)).task

            async def told(tool: str = tool, what: dict[str, str] = what, task: str = task) -> bool:
                refused = await talk.call(tool, **what)
                assert refused.is_error
                return f"[task {task} (sleep 0.3; exit 4) ended: exit 4 in " in refused.text

            await until(told)
            assert "ended" not in (await talk.zsh("true")).text


async def test_input_that_nobody_can_read_any_more_is_an_error_unless_some_was_taken(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        task = await started(talk, "exec </dev/null; echo closed; sleep 60", "closed", keep_stdin=True)
        refused = await sent(talk, task, input="one", wait=0)
        assert refused.is_error
        assert "closed its input" in refused.text
        command = "trap 'echo interrupted' INT; echo up; read x; exec </dev/null; echo $x; sleep 60 & wait; sleep 60"
        task = await started(talk, command, "up", keep_stdin=True)
        assert "one" in (await sent(talk, task, input="one")).text
        both = await sent(talk, task, input="two", signal="INT")
        assert both.is_error
        assert "interrupted" not in (await talk.call("zsh_poll", task_id=task, wait=0)).text
