import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from mcp_types import JSONRPCResponse
from mcp_types.methods import serialize_server_result

from tests.tokens import most_tokens
from zsh_tool import config
from zsh_tool.protocol import ICON, INSTRUCTIONS, as_result, definitions
from zsh_tool.replies import META_KEY, Facts, Reply
from zsh_tool.server import Tools
from zsh_tool.session import Session
from zsh_tool.spellings import SPELLINGS
from zsh_tool.wire import encode

NAMES = [
    "zsh",
    "zsh_poll",
    "zsh_send",
    "zsh_kill",
    "zsh_tasks",
    "zsh_health",
    "zsh_alan_stats",
    "zsh_alan_query",
    "zsh_neverhang_status",
    "zsh_neverhang_reset",
]
META_KEYS = [field.name for field in dataclasses.fields(Facts)]
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def listed(tmp_path: Path) -> list[dict[str, Any]]:
    tools = definitions(Tools(Session(config.load({"HOME": str(tmp_path)}), {}, None)))
    return [
        tool.definition.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in tools.values()
    ]


def test_the_ten_tools_and_their_arguments(listed: list[dict[str, Any]]) -> None:
    assert [tool["name"] for tool in listed] == NAMES
    arguments = {tool["name"]: " ".join(tool["inputSchema"]["properties"]) for tool in listed}
    assert arguments == {
        "zsh": "command cwd timeout yield_after pty stdin keep_stdin env until persist max_output "
        "description",
        "zsh_poll": "task_id wait until lines grep view max_output",
        "zsh_send": "task_id input enter keys signal eof wait",
        "zsh_kill": "task_id signal",
        "zsh_tasks": "",
        "zsh_health": "",
        "zsh_alan_stats": "command scope",
        "zsh_alan_query": "command search failed_only limit scope",
        "zsh_neverhang_status": "",
        "zsh_neverhang_reset": "command",
    }


def test_all_definitions_cost_at_most_1500_tokens(listed: list[dict[str, Any]]) -> None:
    assert most_tokens(json.dumps(listed, separators=(",", ":"))) <= 1500


def test_schemas_have_plain_types_and_no_noise(listed: list[dict[str, Any]]) -> None:
    for tool in listed:
        schema = tool["inputSchema"]
        assert set(schema) <= {"type", "properties", "required"}
        for name, spec in schema["properties"].items():
            assert isinstance(spec["type"], str), f"{tool['name']}.{name}"
            assert not {"anyOf", "title", "$ref"} & set(spec)
            assert spec.get("default", 0) is not None


def test_every_tool_has_a_title_and_all_four_hints(listed: list[dict[str, Any]]) -> None:
    for tool in listed:
        assert tool["title"]
        assert set(tool["annotations"]) == {
            "readOnlyHint",
            "destructiveHint",
            "idempotentHint",
            "openWorldHint",
        }
        assert not (tool["annotations"]["readOnlyHint"] and tool["annotations"]["destructiveHint"])
        assert "outputSchema" not in tool


def test_the_description_says_what_does_not_carry_over(listed: list[dict[str, Any]]) -> None:
    assert "cd and export do not carry over" in listed[0]["description"]
    assert "cd, export, aliases and functions do not carry over" in INSTRUCTIONS
    assert len(INSTRUCTIONS.encode("utf-8")) <= 2048


def test_the_icon_is_small_and_needs_no_network() -> None:
    assert ICON.src.startswith("data:image/svg+xml;base64,")
    assert len(ICON.src) < 1024


def test_the_facts_are_the_promised_ones() -> None:
    promised = """task_id running outcome ended_by exit_code signal pipestatus timed_out elapsed_ms
        output_bytes truncated waiting_for_input survivors cwd insights"""
    assert promised.split() == META_KEYS


def test_facts_have_every_key_also_where_nothing_ran() -> None:
    result = as_result("zsh", Reply("wrong", is_error=True))
    assert list(result["_meta"][META_KEY]) == META_KEYS
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert "_meta" not in as_result("zsh_tasks", Reply("x"))


@pytest.mark.parametrize(("revision", "kind"), [("2025-11-25", None), ("2026-07-28", "complete")])
def test_texts_that_utf8_cannot_carry_are_mended(revision: str, kind: str | None) -> None:
    result = as_result("zsh", Reply("a\udcff", Facts(cwd="/\udcff"), structured={"row": "\udcff"}))
    shaped = serialize_server_result("tools/call", revision, result)
    assert shaped.get("resultType") == kind
    sent = json.loads(encode(JSONRPCResponse(jsonrpc="2.0", id=1, result=shaped)))["result"]
    assert sent["content"][0]["text"] == "a\ufffd"
    assert sent["_meta"][META_KEY]["cwd"] == "/\ufffd"
    assert sent["structuredContent"] == {"row": "\ufffd"}


def test_every_tool_argument_and_spelling_is_documented(listed: list[dict[str, Any]]) -> None:
    text = (DOCS / "tools.md").read_text(encoding="utf-8")
    sections = dict(zip(NAMES, text.split("\n## `")[1:], strict=False))
    for tool in listed:
        section = sections[tool["name"]]
        assert section.startswith(f"{tool['name']}`")
        for name in tool["inputSchema"]["properties"]:
            assert f"| `{name}` |" in section, f"{tool['name']}.{name}"
        for spelling in SPELLINGS.get(tool["name"], {}):
            assert f"`{spelling}`" in text, spelling
    for key in META_KEYS:
        assert f"| `{key}` |" in text, key
