"""Every message of a server against the SDK's schemas, those of the version that the conversation speaks."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from mcp.shared.message import SessionMessage
from mcp_types import PROTOCOL_VERSION_META_KEY, JSONRPCError, methods

Said = tuple[bool, Any]
"""Whether the server said it, and the message."""


def validated(conversation: Iterable[Said]) -> Counter[str]:
    """Check what the server said; return how often it said what, by version and method."""
    asked: dict[Any, tuple[str, str]] = {}
    shaken = "2025-11-25"
    version = shaken
    seen: Counter[str] = Counter()
    for by_server, message in conversation:
        if not by_server:
            if "method" in message:
                meta = message.get("params", {}).get("_meta", {})
                version = meta.get(PROTOCOL_VERSION_META_KEY, shaken)
                if "id" in message:
                    asked[message["id"]] = (message["method"], version)
        elif "method" in message:
            methods.parse_server_notification(message["method"], version, message.get("params"))
            seen[f"{version} {message['method']}"] += 1
        elif "error" in message:
            JSONRPCError.model_validate(message, extra="forbid")
            seen[f"{version} error"] += 1
        else:
            method, version_of_request = asked[message["id"]]
            if method == "initialize":
                shaken = version_of_request = message["result"]["protocolVersion"]
            methods.validate_server_result(method, version_of_request, message["result"])
            seen[f"{version_of_request} {method}"] += 1
    return seen


class _Kept:
    """One direction of a connection, with everything that passes kept."""

    def __init__(self, stream: Any, by_server: bool, said: list[Said]) -> None:
        self._stream = stream
        self._by_server = by_server
        self._said = said

    def _keep(self, item: SessionMessage | Exception) -> None:
        assert isinstance(item, SessionMessage), item
        self._said.append(
            (self._by_server, item.message.model_dump(by_alias=True, exclude_unset=True, mode="json"))
        )

    async def receive(self) -> Any:
        item = await self._stream.receive()
        self._keep(item)
        return item

    async def send(self, item: SessionMessage) -> None:
        self._keep(item)
        await self._stream.send(item)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> "_Kept":
        return self

    async def __anext__(self) -> Any:
        item = await anext(self._stream)
        self._keep(item)
        return item

    async def __aenter__(self) -> "_Kept":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@asynccontextmanager
async def kept(
    transport: AbstractAsyncContextManager[tuple[Any, Any]], said: list[Said]
) -> AsyncIterator[tuple[Any, Any]]:
    """Keep what passes over a transport."""
    async with transport as (read, write):
        yield _Kept(read, True, said), _Kept(write, False, said)
