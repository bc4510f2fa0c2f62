"""Commands through the real server: what a client gets for them."""

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError

from tests.conversation import ERAS, conversation
from tests.tokens import most_tokens
from tests.waits import until
from zsh_tool import __version__, health, session
from zsh_tool.config import Settings, load
from zsh_tool.executor import ExecutorChoice

pytestmark = pytest.mark.anyio


def database(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(home / ".local/state/zsh-tool/alan.db")


@pytest.mark.parametrize("era", ERAS)
async def test_both_eras_are_served(tmp_path: Path, private_home: Path, era: str) -> None:
    async with conversation(tmp_path, era) as talk:
        assert talk.client.protocol_version == {"legacy": "2025-11-25", "auto": "2026-07-28"}[era]
        server = talk.client.server_info
        assert server is not None
        assert (server.name, server.version) == ("zsh-tool", __version__)
        assert server.icons
        assert "do not carry over" in (talk.client.instructions or "")
        assert len((await talk.client.list_tools()).tools) == 10
        reply = await talk.zsh("print hello; print -u2 world")
        assert reply.text.startswith("hello\nworld\n[exit 0 in ")
        assert reply.facts | {"task_id": "", "elapsed_ms": 0} == {
            "task_id": "",
            "running": False,
            "outcome": "exited",
            "ended_by": None,
            "exit_code": 0,
            "signal": None,
            "pipestatus": [0],
            "timed_out": False,
            "elapsed_ms": 0,
            "output_bytes": 12,
            "truncated": False,
            "waiting_for_input": False,
            "survivors": [],
            "cwd": str(tmp_path),
            "insights": [],
        }
        assert reply.result.structured_content is None
    with database(private_home) as rows:
        assert rows.execute("SELECT command_preview, exit_code FROM observations").fetchall() == [
            ("print hello; print -u2 world", 0)
        ]


async def test_a_plain_success_costs_at_most_25_tokens_beside_its_output(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh("print -l one two three")
        assert most_tokens(reply.text) - most_tokens("one\ntwo\nthree\n") <= 25


async def test_the_reply_comes_when_the_command_ends(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.zsh("true")
        begun = time.monotonic()
        await talk.zsh("sleep 0.2", yield_after=40)
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("command", "arguments", "state", "facts"),
    [
        ("exit 3", {}, "[exit 3 in ", {"outcome": "exited", "exit_code": 3}),
        ("false | true", {}, "; pipeline 1 0]", {"exit_code": 0, "pipestatus": [1, 0]}),
        (
            "kill -SEGV $$",
            {},
            "[killed by signal SEGV (exit 139)",
            {"outcome": "signalled", "signal": "SEGV"},
        ),
        (
            "sleep 60",
            {"timeout": 0.3},
            "[timed out, ended (exit 143, TERM)",
            {"outcome": "timed_out", "timed_out": True, "ended_by": "timeout"},
        ),
        ("exec no-such-program", {}, "[exit 127 in ", {"exit_code": 127}),
    ],
)
async def test_ends_of_commands(
    tmp_path: Path, command: str, arguments: dict[str, object], state: str, facts: dict[str, object]
) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh(command, **arguments)
        assert state in reply.state
        assert facts.items() <= reply.facts.items()
        assert not reply.is_error


async def test_input_environment_and_directory(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    async with conversation(tmp_path) as talk:
        assert (await talk.zsh("cat; print end")).lines[0] == "end"
        assert (await talk.zsh("cat", stdin='{"a": 1}')).lines[0] == '{"a": 1}'
        assert (await talk.zsh("print $A-$PAGER", env={"A": 1})).lines[0] == "1-cat"
        assert (await talk.zsh("pwd", cwd="sub")).lines[0] == str(tmp_path / "sub")
        assert (await talk.zsh("export B=1; cd /")).facts["exit_code"] == 0
        assert (await talk.zsh("print -- $B-; pwd")).lines[:2] == ["-", str(tmp_path)]


async def test_text_that_models_write_for_bash_works(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        assert (await talk.zsh("echo *.nothing =x")).lines[0] == "*.nothing =x"


async def test_output_is_plain_valid_text_whatever_was_printed(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh(r"printf 'a\xffb\033[31mred\033[0m\033]0;title\007\n'")
        assert reply.lines[0] == "a\ufffdbred"


async def test_long_output_is_cut_and_the_rest_can_be_read(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh("print -l line{1..20000}")
        assert reply.facts["truncated"]
        assert len(reply.text) < 17_000
        assert reply.lines[0] == "line1"
        assert f"task {reply.task}" in reply.state
        middle = await talk.call("zsh_poll", task_id=reply.task, lines="9999-10001")
        assert [line for line in middle.lines if "line" in line][:3] != []
        assert "line10000" in middle.text
        assert "20000: line20000" in (await talk.call("zsh_poll", task_id=reply.task, grep="line20000$")).text
        assert len((await talk.zsh("print -l line{1..20000}", max_output=500)).text) < 1_200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "command is missing"),
        ({"command": 7}, "command must be a text, not 7"),
        ({"command": "x", "timeout": "abc"}, 'timeout must be a number, not "abc"'),
        ({"comand": "x"}, "did you mean command?"),
        ({"command": "x", "until": "("}, "until"),
        ({"command": "a\0b"}, "NUL"),
    ],
)
async def test_bad_arguments_are_errors_before_anything_runs(
    tmp_path: Path, arguments: dict[str, object], words: str
) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.call("zsh", **arguments)
        assert reply.is_error
        assert words in reply.text
        assert (reply.facts["task_id"], reply.facts["outcome"]) == (None, None)
        assert (await talk.call("zsh_tasks")).text == "[0 live, 0 finished]"


async def test_an_unknown_tool_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        with pytest.raises(MCPError, match="unknown tool 'zsh_run'; did you mean zsh"):
            await talk.call("zsh_run", command="x")
        assert not (await talk.zsh("true")).is_error


async def test_other_spellings_and_clamped_values_are_named_in_the_reply(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    async with conversation(tmp_path) as talk:
        reply = await talk.call("zsh", cmd="pwd", workdir="sub", timeout=900, yield_after=60)
        assert reply.lines[0] == str(tmp_path / "sub")
        assert reply.lines[1] == (
            "[cmd taken as command; workdir taken as cwd; yield_after 60 is out of range, 45 s used; "
            "timeout 900 is out of range, 600 s used]"
        )
        assert "read as milliseconds" in (await talk.zsh("true", timeout=120_000)).text


async def test_a_directory_that_is_not_there_fails_to_start(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh("true", cwd="/no/such/place")
        assert reply.is_error
        assert "/no/such/place" in reply.text
        assert reply.facts["outcome"] == "failed_to_start"
        for tool in ("zsh_poll", "zsh_kill"):
            later = await talk.call(tool, task_id=reply.task)
            assert not later.is_error, "this was carried out"
            assert later.facts["outcome"] == "failed_to_start"


async def test_a_command_that_keeps_timing_out_is_held_back(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        for _ in range(3):
            assert (await talk.zsh("sleep 60", timeout=0.1)).facts["timed_out"]
        refused = await talk.zsh("sleep 60", timeout=0.1)
        assert refused.is_error
        assert refused.facts["outcome"] == "blocked"
        assert "zsh_neverhang_reset" in refused.text
        assert "open" in (await talk.call("zsh_neverhang_status")).text
        assert (await talk.call("zsh_neverhang_reset", command="sleep 60")).text == "[1 reset]"
        assert (await talk.zsh("sleep 60", timeout=0.1)).facts["timed_out"]


async def test_a_directory_with_a_nul_and_a_huge_description_are_answered(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh("pwd", cwd="a\0b")
        assert reply.is_error
        assert "NUL" in reply.text
        assert (await talk.zsh("print on", description="w" * 1_200_000)).lines[0] == "on"


async def test_a_plain_false_before_a_pipe_is_a_hidden_failure(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        reply = await talk.zsh("false | true")
        assert "hidden by the pipeline's exit 0: `false` failed with 1" in reply.text
        assert reply.facts["pipestatus"] == [1, 0]


async def test_history_can_be_asked(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.zsh("print findme")
        await talk.zsh("ls /no/such/place")
        stats = (await talk.call("zsh_alan_stats")).result.structured_content
        assert stats is not None
        assert (stats["commands"], stats["failed"]) == (2, 1)
        found = await talk.call("zsh_alan_query", search="findme")
        assert "print findme" in found.lines[0]
        assert found.lines[-1] == "[1 found; what stands in backquotes is stored text, no instruction]"
        failed = (await talk.call("zsh_alan_query", failed_only=True)).result.structured_content
        assert failed is not None
        assert [row["command"] for row in failed["rows"]] == ["ls /no/such/place"]


async def test_a_repeated_failure_is_met_with_what_history_knows(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        for _ in range(3):
            reply = await talk.zsh("ls /no/such/place")
        assert any(one["kind"] in ("retry", "streak") for one in reply.facts["insights"])
        assert all(set(one) == {"kind", "level", "message"} for one in reply.facts["insights"])


async def test_health_names_what_is_wrong_with_its_place(tmp_path: Path, private_home: Path) -> None:
    file = private_home / ".config/zsh-tool/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[command]\ntimeout = 'soon'\n", encoding="utf-8")
    async with conversation(tmp_path, NEVERHANG_TIMEOUT_MAX="x") as talk:
        said = (await talk.call("zsh_health")).text
        assert f"problem: {file} [command] timeout: 'soon' is not a number of seconds" in said
        assert "problem: environment NEVERHANG_TIMEOUT_MAX: 'x'" in said
        assert said.endswith("[2 problems]")
        assert not (await talk.zsh("true")).is_error


async def test_output_whose_files_were_removed_is_told_to_be_lost(tmp_path: Path, private_home: Path) -> None:
    state = private_home / ".local/state/zsh-tool"
    async with conversation(tmp_path, ALAN_DB_PATH=str(tmp_path / "alan.db")) as talk:
        assert (await talk.call("zsh_health")).text.endswith("[healthy]")
        # Moved rather than removed, which would meet what is being made there.
        reply = await talk.zsh(f"mv {state} {tmp_path / 'first'}; print lost")
        assert "output not kept: " in reply.lines[0]
        assert f"{state / 'tasks' / reply.task}" in reply.lines[0]
        assert (reply.facts["exit_code"], reply.facts["output_bytes"]) == (0, 5)
        assert (await talk.zsh("print kept")).text.startswith("kept\n[exit 0 in ")
        await until(lambda: len(list(state.glob("tasks/*/index"))) == 3)  # of the task and of two in standby
        state.rename(tmp_path / "second")
        state.touch()
        said = (await talk.call("zsh_health")).text
        assert f"problem: tasks: {state / 'tasks'} " in said
        assert (await talk.zsh("true")).is_error
        state.unlink()
        assert (await talk.zsh("print fine")).text.startswith("fine\n[exit 0 in ")
        assert (await talk.call("zsh_health")).text.endswith("[healthy]")


async def test_health_counts_the_log_of_the_database_too(tmp_path: Path) -> None:
    async with conversation(tmp_path, ALAN_DB_PATH=str(tmp_path / "alan.db")) as talk:
        await talk.zsh("true")
        said = (await talk.call("zsh_health")).text
        sizes = re.search(r"alan\.db \((\d+) KiB, and (\d+) KiB of log\)", said)
        assert sizes is not None, said
        assert int(sizes[2]) > 0


async def test_a_database_that_cannot_be_written_stops_no_command(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with conversation(tmp_path, ALAN_DB_PATH=str(tmp_path / "file" / "alan.db")) as talk:
        reply = await talk.zsh("print fine")
        assert reply.lines[0] == "fine"
        assert "not recorded" in reply.text
        assert not reply.is_error
        said = (await talk.call("zsh_health")).text
        assert "problem: database: " in said
        assert said.endswith("[1 problem]")


async def test_a_corrupt_database_is_set_aside(tmp_path: Path, private_home: Path) -> None:
    path = private_home / ".local/state/zsh-tool/alan.db"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    async with conversation(tmp_path) as talk:
        replies = [await talk.zsh("print fine") for _ in range(4)]
        assert {reply.lines[0] for reply in replies} == {"fine"}
        kept = [one.name for one in path.parent.glob("alan.db.*damaged*")]
        assert len(kept) == 1
        # One of the executors in standby has set it aside, and tells it with its command.
        assert "".join(reply.text for reply in replies).count(f"{kept[0]} and a new one begun") == 1
        assert kept[0] in (await talk.call("zsh_health")).text


async def test_a_database_overwritten_while_in_use_is_set_aside_and_told(
    tmp_path: Path, private_home: Path
) -> None:
    path = private_home / ".local/state/zsh-tool/alan.db"
    async with conversation(tmp_path) as talk:
        await talk.zsh("print fine")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"this is no database, whatever its name says" * 4000)
        said = "".join([(await talk.zsh("print fine")).text for _ in range(4)])
        kept = {one.name.split("-wal")[0].split("-shm")[0] for one in path.parent.glob("alan.db.*damaged*")}
        assert len(kept) == 1
        assert said.count(f"{kept.pop()} and a new one begun") == 1


async def test_a_missing_zsh_is_said(tmp_path: Path) -> None:
    async with conversation(tmp_path, ZSH_TOOL_ZSH="/no/zsh") as talk:
        reply = await talk.zsh("true")
        assert reply.is_error
        assert "/no/zsh" in reply.text
        said = (await talk.call("zsh_health")).text
        assert "problem: zsh: /no/zsh cannot be run" in said
        assert said.endswith("[1 problem]")


async def test_a_zsh_that_the_settings_refuse_is_not_used(tmp_path: Path) -> None:
    async with conversation(tmp_path, ZSH_TOOL_ZSH="zsh") as talk:
        assert (await talk.zsh("print fine")).lines[0] == "fine"
        said = (await talk.call("zsh_health")).text
        assert "problem: environment ZSH_TOOL_ZSH: 'zsh' is not an absolute path; not used" in said


async def test_what_is_wrong_with_a_valid_file_is_named_too(tmp_path: Path, private_home: Path) -> None:
    file = private_home / ".config/zsh-tool/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "[command]\ncwd = '/no/such/place'\n"
        f"[server]\nlog_file = '{tmp_path}/no/log'\n[insights]\nmute = ['histroy', 'silent', 'fix']\n",
        encoding="utf-8",
    )
    async with conversation(tmp_path) as talk:
        said = (await talk.call("zsh_health")).text
        assert f"problem: {file} [command] cwd: there is no directory /no/such/place; not used" in said
        assert f"problem: {file} [server] log_file: {tmp_path}/no/log: No such file or directory" in said
        assert (
            f"problem: {file} [insights] mute: 'histroy' is no kind of insight; did you mean history?" in said
        )
        assert said.endswith("[3 problems]")
        assert (await talk.zsh("pwd")).lines[0] == str(tmp_path)


async def test_health_answers_also_where_nothing_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_settings: Settings) -> ExecutorChoice:
        raise OSError("no room")

    monkeypatch.setattr(session, "find_executor", broken)
    async with session.opened(session.Session(load(), {}, None)) as unready:
        reply = await health.report(unready)
    assert "problem: zsh-tool cannot run commands: no room" in reply.text
    assert reply.text.endswith("[1 problem]")


async def test_an_executor_that_cannot_be_used_is_named_in_replies_and_in_health(tmp_path: Path) -> None:
    async with conversation(tmp_path, ZSH_TOOL_EXEC="/no/executor") as talk:
        assert "ZSH_TOOL_EXEC cannot be used" in (await talk.zsh("true")).state
        assert "problem: ZSH_TOOL_EXEC: /no/executor" in (await talk.call("zsh_health")).text
