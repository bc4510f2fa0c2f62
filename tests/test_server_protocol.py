"""Progress, cancellation, resources and their notices, prompts, Python-only mode: the real server."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ResourceListChangedNotification,
    ResourceUpdatedNotification,
    TextContent,
    TextResourceContents,
)

from tests.conversation import ERAS, Conversation, conversation
from tests.schemas import validated
from tests.waits import gone, until

pytestmark = pytest.mark.anyio

VERSIONS = dict(zip(ERAS, ("2025-11-25", "2026-07-28"), strict=True))


async def read(talk: Conversation, uri: str) -> str:
    (contents,) = (await talk.client.read_resource(uri)).contents
    assert isinstance(contents, TextResourceContents)
    return contents.text


async def prompt(talk: Conversation, name: str, arguments: dict[str, str] | None = None) -> str:
    (message,) = (await talk.client.get_prompt(name, arguments)).messages
    assert isinstance(message.content, TextContent)
    return message.content.text


@pytest.mark.parametrize("era", ERAS)
async def test_progress_rises_and_says_how_long(tmp_path: Path, era: str) -> None:
    said: list[tuple[float, float | None, str | None]] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        said.append((progress, total, message))

    async with conversation(tmp_path, era) as talk:
        await talk.client.call_tool(
            "zsh", {"command": "for i in {1..30}; do print $i; sleep 0.1; done"}, progress_callback=listen
        )
        values = [value for value, _, _ in said]
        assert values == sorted(set(values))
        assert 1 <= len(values) <= values[-1] + 1
        assert (said[0][2] or "").startswith("running ")
        said.clear()
        await talk.client.call_tool("zsh", {"command": "true"}, progress_callback=listen)
        assert said == []
    assert validated(talk.said)[f"{VERSIONS[era]} notifications/progress"] == len(values)


@pytest.mark.parametrize("era", ERAS)
async def test_a_cancelled_call_ends_its_tree_and_is_recorded_as_cancelled(
    tmp_path: Path, private_home: Path, era: str
) -> None:
    pid_file = tmp_path / "pid"
    async with conversation(tmp_path, era) as talk:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(talk.zsh, "sleep 300 & print $! > pid; wait")

                async def started() -> bool:
                    return pid_file.exists() and pid_file.read_text(encoding="ascii").endswith("\n")

                await until(started)
                scope.cancel()
        await gone(int(pid_file.read_text(encoding="ascii")))

        async def listed() -> bool:
            return "cancelled (exit 143, TERM)" in (await talk.call("zsh_tasks")).text

        await until(listed)
        assert "notifications/cancelled" in [
            one.get("method") for by_server, one in talk.said if not by_server
        ]
        assert (await talk.call("zsh_alan_stats")).result.structured_content is not None
    rows = sqlite3.connect(private_home / ".local/state/zsh-tool/alan.db")
    assert rows.execute("SELECT outcome FROM observations").fetchall() == [("cancelled",)]
    rows.close()


async def test_a_cancelled_poll_ends_nothing(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        started = await talk.zsh("sleep 300", yield_after=0)
        with anyio.move_on_after(0.5):
            await talk.call("zsh_poll", task_id=started.task)
        assert (await talk.call("zsh_poll", task_id=started.task, wait=0)).facts["running"]


@pytest.mark.parametrize("era", ERAS)
async def test_resources_are_listed_and_read(tmp_path: Path, era: str) -> None:
    async with conversation(tmp_path, era) as talk:
        reply = await talk.zsh("print something")
        uris = [str(resource.uri) for resource in (await talk.client.list_resources()).resources]
        log = f"zsh://task/{reply.task}/log"
        assert uris == ["zsh://tasks", "zsh://alan/summary", log]
        (template,) = (await talk.client.list_resource_templates()).resource_templates
        assert template.uri_template == "zsh://task/{id}/log"
        assert await read(talk, log) == "something"
        assert reply.task in await read(talk, "zsh://tasks")
        assert "1 command" in await read(talk, "zsh://alan/summary")
        for wrong in ("zsh://task/zzzzzz/log", "zsh://nothing"):
            with pytest.raises(MCPError, match="no "):
                await talk.client.read_resource(wrong)
    assert validated(talk.said)[f"{VERSIONS[era]} error"] == 2


@pytest.mark.filterwarnings(
    "ignore:resources/subscribe is removed", "ignore:resources/unsubscribe is removed"
)
async def test_a_handshake_client_is_told_of_changes(tmp_path: Path) -> None:
    told: list[Any] = []

    async def listen(message: Any) -> None:
        told.append(message)

    def updated(uri: str) -> bool:
        return any(
            isinstance(one, ResourceUpdatedNotification) and str(one.params.uri) == uri for one in told
        )

    async with conversation(tmp_path, "legacy", client={"message_handler": listen}) as talk:
        capabilities = talk.client.server_capabilities
        assert capabilities is not None
        assert capabilities.resources is not None
        assert capabilities.resources.subscribe
        assert capabilities.resources.list_changed
        await talk.client.subscribe_resource("zsh://tasks")
        started = await talk.zsh("read line; print got $line; sleep 300", keep_stdin=True, yield_after=0)
        log = f"zsh://task/{started.task}/log"
        await talk.client.subscribe_resource(log)
        await talk.call("zsh_send", task_id=started.task, input="it")

        async def all_told() -> bool:
            listed = any(isinstance(one, ResourceListChangedNotification) for one in told)
            return listed and updated("zsh://tasks") and updated(log)

        await until(all_told)
        await talk.client.unsubscribe_resource("zsh://tasks")
    assert {
        "2025-11-25 resources/subscribe",
        "2025-11-25 resources/unsubscribe",
        "2025-11-25 notifications/resources/updated",
        "2025-11-25 notifications/resources/list_changed",
    } <= set(validated(talk.said))


@pytest.mark.filterwarnings("ignore:resources/subscribe is removed")
async def test_output_that_comes_right_after_a_notice_is_told_of_too(tmp_path: Path) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def listen(message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            told.put_nowait(str(message.params.uri))

    async with conversation(tmp_path, "legacy", client={"message_handler": listen}) as talk:
        started = await talk.zsh(
            "read line; print got $line; read line; print got $line; sleep 300",
            keep_stdin=True,
            yield_after=0,
        )
        log = f"zsh://task/{started.task}/log"
        await talk.client.subscribe_resource(log)
        for word in ("one", "two"):
            await talk.call("zsh_send", task_id=started.task, input=word)
            assert await asyncio.wait_for(told.get(), 20) == log, word


async def test_a_2026_client_is_told_of_changes(tmp_path: Path) -> None:
    async with conversation(tmp_path, "2026-07-28") as talk:
        started = await talk.zsh("read line; print got $line; sleep 300", keep_stdin=True, yield_after=0)
        log = f"zsh://task/{started.task}/log"
        wanted = {"zsh://tasks", log, "list"}
        async with talk.client.listen(
            resources_list_changed=True, resource_subscriptions=["zsh://tasks", log]
        ) as notices:
            await talk.call("zsh_send", task_id=started.task, input="it")
            await talk.zsh("true")
            async with asyncio.timeout(20):
                async for notice in notices:
                    if isinstance(notice, ResourceUpdated):
                        wanted.discard(str(notice.uri))
                    elif isinstance(notice, ResourcesListChanged):
                        wanted.discard("list")
                    if not wanted:
                        break
        assert not wanted
    assert {
        "2026-07-28 notifications/subscriptions/acknowledged",
        "2026-07-28 notifications/resources/updated",
        "2026-07-28 notifications/resources/list_changed",
    } <= set(validated(talk.said))


async def test_prompts_put_facts_into_the_chat(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        assert [one.name for one in (await talk.client.list_prompts()).prompts] == [
            "run",
            "why_failed",
            "session_report",
        ]
        assert "No command" in await prompt(talk, "why_failed")
        assert "hello\n[exit 0" in await prompt(talk, "run", {"command": "print hello"})
        await talk.zsh("ls /no/such/place")
        why = await prompt(talk, "why_failed")
        assert "ls /no/such/place" in why
        (failed, *_) = (await talk.call("zsh_tasks")).text.split()
        assert "ls /no/such/place" in await prompt(talk, "why_failed", {"task_id": f" {failed.upper()}"})
        with pytest.raises(MCPError, match="no task 'zzzzzz'") as unknown:
            await prompt(talk, "why_failed", {"task_id": "zzzzzz"})
        assert unknown.value.code == INVALID_PARAMS
        assert "cannot access" in why or "No such file" in why
        assert "commands: 2" in await prompt(talk, "session_report")
        for name, arguments, words in (("run", None, "needs command"), ("other", None, "unknown prompt")):
            with pytest.raises(MCPError, match=words):
                await talk.client.get_prompt(name, arguments)


async def test_what_did_not_fail_is_not_called_failed(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        failed = (await talk.zsh("print -u2 oops; false")).task
        answered = (await talk.zsh("grep -q x /dev/null")).task
        killed, signalled, running = [
            (await talk.zsh("sleep 300", yield_after=0)).task for _ in ("killed", "signalled", "running")
        ]
        await talk.call("zsh_kill", task_id=killed)
        ended = await talk.call("zsh_kill", task_id=signalled, signal="KILL")
        if ended.facts["running"]:
            await talk.call("zsh_poll", task_id=signalled)
        assert (await prompt(talk, "why_failed")).startswith(
            "This command failed:\n\nprint -u2 oops; false\n"
        )
        for task, opening in (
            (failed, "This command failed:"),
            (answered, "This command did not fail:"),
            (killed, "This command was ended, it did not fail by itself:"),
            (signalled, "This command was ended, it did not fail by itself:"),
            (running, "This command is still running:"),
        ):
            why = await prompt(talk, "why_failed", {"task_id": task})
            assert why.startswith(opening), why
            assert ("Say why it failed" in why) == (task == failed)


async def test_python_only_mode_says_so_everywhere(
    tmp_path: Path, private_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with conversation(tmp_path, ZSH_TOOL_EXEC="") as talk:
        reply = await talk.zsh("print hello | cat; exit 3")
        assert reply.lines[0] == "hello"
        assert reply.state.endswith("; Python-only mode]")
        assert reply.facts["exit_code"] == 3
        health = (await talk.call("zsh_health")).text
        assert "mode: Python-only" in health
        assert "ZSH_TOOL_EXEC is empty" in health
        for tool, arguments in (
            ("zsh_tasks", {}),
            ("zsh_alan_stats", {}),
            ("zsh_alan_query", {}),
            ("zsh_neverhang_status", {}),
            ("zsh_neverhang_reset", {}),
            ("zsh_poll", {"task_id": reply.task}),
            ("zsh_poll", {"task_id": "no"}),
            ("zsh_kill", {"task_id": reply.task}),
            ("zsh", {"comand": "x"}),
            ("zsh", {"command": "print Python-only; exit 3"}),
        ):
            assert "Python-only mode]" in (await talk.call(tool, **arguments)).lines[-1], tool
        refused = await talk.zsh("true", pty=True)
        assert refused.is_error
        assert "Python-only" in refused.text
        asked = await talk.zsh("read line; print got $line", keep_stdin=True, yield_after=40)
        assert "got it" in (await talk.call("zsh_send", task_id=asked.task, input="it")).text
        started = await talk.zsh("sleep 300 & sleep 301", yield_after=0.3)
        assert (await talk.call("zsh_kill", task_id=started.task)).facts["outcome"] == "killed"
    assert "Traceback" not in capfd.readouterr().err
    rows = sqlite3.connect(private_home / ".local/state/zsh-tool/alan.db")
    assert rows.execute("SELECT exit_code FROM observations ORDER BY created_at LIMIT 1").fetchall() == [(3,)]
    rows.close()


async def test_an_executor_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    async with conversation(tmp_path, ZSH_TOOL_EXEC="/no/executor", PATH="/usr/bin:/bin") as talk:
        assert "ZSH_TOOL_EXEC: /no/executor cannot be run" in (await talk.call("zsh_health")).text
        assert (await talk.zsh("print fine")).lines[0] == "fine"
