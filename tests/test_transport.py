import asyncio
import fcntl
import json
import os
import socket
import sys
import termios
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from tests.waits import until
from zsh_tool import transport, wire
from zsh_tool.transport import MessageReader, MessageWriter

LIMIT_SECS = 20
Client = Callable[[MessageReader, MessageWriter, int, int], Coroutine[Any, Any, None]]


def request(number: int, method: str = "ping", **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def connected(client: Client) -> None:
    """Run ``client`` with both ends of a connection by two pipes."""

    async def run() -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        async with asyncio.timeout(LIMIT_SECS), transport.connected(ours_in, ours_out) as (reader, writer):
            await client(reader, writer, theirs_out, theirs_in)

    asyncio.run(run())


async def answer(descriptor: int) -> Any:
    data = b""
    while not data.endswith(b"\n"):
        data += await asyncio.to_thread(os.read, descriptor, 65536)
    return json.loads(data)


def unread(pipe: int) -> int:
    """Return how many bytes are still in a pipe."""
    count = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def method_of(message: SessionMessage) -> str:
    assert isinstance(message.message, JSONRPCRequest | JSONRPCNotification)
    return message.message.method


def test_messages_arrive_in_order_whatever_the_pieces() -> None:
    async def client(reader: MessageReader, _writer: MessageWriter, out: int, _in: int) -> None:
        line = request(1, "first") + b"\r\n\n" + request(2, "second")
        for index in range(len(line)):
            os.write(out, line[index : index + 1])
            await asyncio.sleep(0)
        assert method_of(await reader.receive()) == "first"
        assert method_of(await reader.receive()) == "second"

    connected(client)


def test_a_malformed_line_is_answered_and_the_next_one_is_served() -> None:
    async def client(reader: MessageReader, _writer: MessageWriter, out: int, back: int) -> None:
        os.write(out, b"not json\n" + request(1))
        assert method_of(await reader.receive()) == "ping"
        error = await answer(back)
        assert (error["id"], error["error"]["code"]) == (None, -32700)

    connected(client)


def test_a_line_of_five_million_bytes_arrives_whole() -> None:
    async def client(reader: MessageReader, _writer: MessageWriter, out: int, _in: int) -> None:
        line = request(1, "big", text="x" * 5_000_000)
        writing = asyncio.create_task(asyncio.to_thread(_write_all, out, line))
        message = (await reader.receive()).message
        await writing
        assert isinstance(message, JSONRPCRequest)
        assert len((message.params or {})["text"]) == 5_000_000

    connected(client)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def test_an_endless_line_is_refused_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LINE_MAX_BYTES", 1000)

    async def client(reader: MessageReader, _writer: MessageWriter, out: int, back: int) -> None:
        for _ in range(5):
            os.write(out, b"x" * 900)
            await until(lambda: unread(out) == 0)
        os.write(out, b"\n" + request(1))
        assert method_of(await reader.receive()) == "ping"
        assert "too long" in (await answer(back))["error"]["message"]

    connected(client)


def test_eof_ends_reading_after_what_was_sent() -> None:
    async def client(reader: MessageReader, _writer: MessageWriter, out: int, _in: int) -> None:
        os.write(out, request(1) + request(2, "last").rstrip())
        os.close(out)
        assert [method_of(message) async for message in reader] == ["ping", "last"]
        assert reader.ended_by == "EOF"

    connected(client)


def test_replies_of_calls_under_way_still_go_out_at_eof() -> None:
    async def client(reader: MessageReader, writer: MessageWriter, out: int, back: int) -> None:
        os.write(out, request(1))
        os.close(out)
        await reader.receive()
        ending = asyncio.create_task(anext(reader, None))
        await until(lambda: reader.ended_by == "EOF")
        assert not ending.done()
        await writer.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={})))
        assert await ending is None
        assert (await answer(back))["id"] == 1

    connected(client)


def test_a_signal_ends_reading_at_once_even_with_calls_under_way() -> None:
    async def client(reader: MessageReader, _writer: MessageWriter, out: int, _in: int) -> None:
        os.write(out, request(1))
        await reader.receive()
        waiting = asyncio.create_task(anext(reader, None))
        await asyncio.sleep(0)
        reader.end("SIGTERM")
        assert await waiting is None
        assert reader.ended_by == "SIGTERM"

    connected(client)


def test_a_client_that_closes_our_stdout_ends_reading() -> None:
    async def client(reader: MessageReader, writer: MessageWriter, _out: int, back: int) -> None:
        os.close(back)
        assert await anext(reader, None) is None
        with pytest.raises(anyio.BrokenResourceError):
            await writer.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={})))

    connected(client)


def test_a_client_that_does_not_read_holds_senders_back_and_nothing_else() -> None:
    async def client(reader: MessageReader, writer: MessageWriter, out: int, back: int) -> None:
        big = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={"text": "x" * 1_000_000}))
        sending = asyncio.create_task(writer.send(big))
        os.write(out, request(2))
        assert method_of(await reader.receive()) == "ping"
        assert not sending.done()
        assert len((await answer(back))["result"]["text"]) == 1_000_000
        await sending

    connected(client)


@pytest.mark.parametrize("source", ["/dev/null", "file"])
def test_a_stdin_that_cannot_be_polled_works(source: str, tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes(request(1))

    async def run() -> None:
        ours_in = os.open(source if source == "/dev/null" else file, os.O_RDONLY)
        ours_out = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
        async with asyncio.timeout(LIMIT_SECS), transport.connected(ours_in, ours_out) as (reader, writer):
            received = [method_of(message) async for message in reader]
            assert received == ([] if source == "/dev/null" else ["ping"])
            await writer.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={})))

    asyncio.run(run())
    assert json.loads((tmp_path / "out").read_bytes())["id"] == 1


def test_a_socket_works_in_both_directions() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        back = os.dup(ours.fileno())
        async with asyncio.timeout(LIMIT_SECS), transport.connected(ours.detach(), back) as (reader, writer):
            theirs.sendall(request(1))
            assert method_of(await reader.receive()) == "ping"
            await writer.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={})))
            assert (await answer(theirs.fileno()))["id"] == 1
        theirs.close()

    asyncio.run(run())


def test_what_else_is_printed_goes_to_stderr(tmp_path: Path) -> None:
    target = os.open(tmp_path / "standard", os.O_RDWR | os.O_CREAT)
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    private = transport.claim(target, other)
    os.write(target, b"stray")
    os.write(private, b"message")
    assert (tmp_path / "standard").read_bytes() == b"message"
    assert (tmp_path / "other").read_bytes() == b"stray"
    for descriptor in (target, other, private):
        os.close(descriptor)
