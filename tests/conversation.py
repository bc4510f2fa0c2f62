"""The real server over stdio, spoken to by the SDK's own client."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent

from tests.conftest import CHECKOUT, EXECUTOR
from tests.schemas import Said, kept, validated
from zsh_tool.replies import META_KEY

ERAS = ["legacy", "auto"]
"""How the client opens: by handshake (2025-11-25), or by what it likes best (2026-07-28)."""


@dataclass(frozen=True)
class Told:
    """A reply as a client sees it."""

    text: str
    is_error: bool
    facts: dict[str, Any]
    result: CallToolResult

    @property
    def lines(self) -> list[str]:
        """The reply's lines."""
        return self.text.splitlines()

    @property
    def state(self) -> str:
        """The last line, which says how the command stands."""
        return self.lines[-1] if self.lines else ""

    @property
    def task(self) -> str:
        """The task's id."""
        return str(self.facts["task_id"])


class Conversation:
    """One client's connection."""

    def __init__(self, client: Client, said: list[Said]) -> None:
        self.client = client
        self.said = said

    async def call(self, tool: str, /, **arguments: Any) -> Told:
        """Call a tool."""
        return told(await self.client.call_tool(tool, arguments))

    async def zsh(self, command: str, **arguments: Any) -> Told:
        """Run a command."""
        return await self.call("zsh", command=command, **arguments)


def told(result: Any) -> Told:
    """Take a result apart."""
    assert isinstance(result, CallToolResult)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    return Told(text, bool(result.is_error), (result.meta or {}).get(META_KEY, {}), result)


def server_environment(**more: str) -> dict[str, str]:
    """Return the environment of a server that uses the real executor."""
    if EXECUTOR is None:
        raise FileNotFoundError(
            "no executor: set ZSH_TOOL_EXEC or run `cargo build --release` in zsh-tool-rs"
        )
    environment = {**os.environ, "ZSH_TOOL_EXEC": str(EXECUTOR), "PYTHONPATH": str(CHECKOUT), **more}
    # An installed server is compiled; compiling it anew at every start would be half of what tests wait for.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


@asynccontextmanager
async def conversation(
    cwd: Path, mode: str = "auto", client: dict[str, Any] | None = None, **environment: str
) -> AsyncIterator[Conversation]:
    """Start a server in ``cwd`` and connect to it; in the end hold all that it said against the schemas."""
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "zsh_tool"], cwd=cwd, env=server_environment(**environment)
    )
    said: list[Said] = []
    async with Client(kept(stdio_client(parameters), said), mode=mode, **(client or {})) as connected:
        yield Conversation(connected, said)
    validated(said)
