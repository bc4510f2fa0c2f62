"""The check of what a server says notices what is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.schemas import Said, validated

MODERN = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}


def asked(method: str, **params: Any) -> Said:
    return False, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def answered(**answer: Any) -> Said:
    return True, {"jsonrpc": "2.0", "id": 1, **answer}


def noticed(method: str, **params: Any) -> Said:
    return True, {"jsonrpc": "2.0", "method": method, "params": params}


def test_what_is_right_is_counted_under_its_version() -> None:
    updated = noticed("notifications/resources/updated", uri="zsh://tasks")
    content = {"content": [{"type": "text", "text": "x"}]}
    error = {"code": -32602, "message": "no"}
    legacy = [asked("tools/call", name="zsh"), answered(result=content), updated, answered(error=error)]
    assert dict(validated(legacy)) == {
        "2025-11-25 tools/call": 1,
        "2025-11-25 notifications/resources/updated": 1,
        "2025-11-25 error": 1,
    }
    modern = [
        asked("tools/call", name="zsh", **MODERN),
        answered(result={**content, "resultType": "complete"}),
    ]
    assert dict(validated(modern)) == {"2026-07-28 tools/call": 1}


@pytest.mark.parametrize(
    "conversation",
    [
        [noticed("notifications/resources/updated")],
        [noticed("notifications/no/such")],
        [asked("tools/call", name="zsh"), answered(result={"content": [{"type": "text"}]})],
        [asked("tools/list", **MODERN), answered(result={"tools": []})],
        [asked("resources/subscribe", uri="zsh://tasks", **MODERN), answered(result={})],
        [asked("ping"), answered(error={"code": "bad", "message": "no"})],
        [asked("ping"), answered(error={"code": -32602, "message": "no"}, result={})],
        [answered(result={})],
    ],
)
def test_what_is_wrong_is_noticed(conversation: list[Said]) -> None:
    with pytest.raises((ValidationError, KeyError)):
        validated(conversation)
