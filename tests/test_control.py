"""The control channel from the client's side: frames, replies, events, and an executor that goes away."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from zsh_tool.control import (
    Channel,
    ChannelClosedError,
    ChannelError,
    Decoder,
    Malformed,
    Message,
    connect,
    encode,
)

VECTORS = Path(__file__).resolve().parent.parent / "zsh-tool-rs" / "tests" / "vectors" / "control.json"
HELLO: dict[str, Any] = {"event": "hello", "protocol": 1, "version": "0", "pid": 7, "state": "standby"}


def shown(message: Message | Malformed) -> dict[str, Any]:
    if isinstance(message, Malformed):
        return {"malformed": "bad_request"}
    return {"fields": message.fields, "payload": message.payload.decode()}


def test_frames_are_read_as_the_executor_reads_them() -> None:
    for case in json.loads(VECTORS.read_text(encoding="utf-8")):
        stream = case["input"].encode()
        assert [shown(one) for one in Decoder().feed(stream)] == case["expect"], case["name"]
        bytewise = Decoder()
        found = [shown(one) for at in range(len(stream)) for one in bytewise.feed(stream[at : at + 1])]
        assert found == case["expect"], case["name"]


def test_what_is_written_is_read_back() -> None:
    fields = {"verb": "run", "id": 3, "text": "ü\n\udcff", "parts": [1, 2]}
    for payload in (b"", b"\0\n{}\xff" * 1000):
        (message,) = Decoder().feed(encode(fields, payload))
        assert isinstance(message, Message)
        assert message.payload == payload
        assert message.fields["text"] == fields["text"]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        list(Decoder().feed(b"x" * 2_000_000))


class FakeExecutor:
    """The other end, spoken by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.decoder = Decoder()
        self.got: list[Message] = []

    def say(self, payload: bytes = b"", **fields: Any) -> None:
        self.writer.write(encode(fields, payload))

    async def next(self) -> Message:
        while not self.got:
            data = await self.reader.read(65536)
            assert data
            self.got += [one for one in self.decoder.feed(data) if isinstance(one, Message)]
        return self.got.pop(0)


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Channel, FakeExecutor]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    channel = await Channel.over(ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    try:
        yield channel, FakeExecutor(reader, writer)
    finally:
        channel.close()
        writer.close()
        await asyncio.wait({channel.closed}, timeout=5)


pytest_anyio = pytest.mark.anyio


@pytest_anyio
async def test_replies_find_their_requests_in_any_order() -> None:
    async with pair() as (channel, executor):
        first = asyncio.create_task(channel.request("status", probe=True))
        second = asyncio.create_task(channel.request("input", b"bytes"))
        asked = [await executor.next(), await executor.next()]
        assert asked[1].payload == b"bytes"
        executor.say(reply="input", id=asked[1].fields["id"], ok=True, echo=False)
        executor.say(b"out", reply="status", id=asked[0].fields["id"], ok=True)
        assert (await second).fields["echo"] is False
        assert (await first).payload == b"out"


@pytest_anyio
async def test_a_refusal_carries_its_code() -> None:
    async with pair() as (channel, executor):
        asked = asyncio.create_task(channel.request("input"))
        number = (await executor.next()).fields["id"]
        executor.say(reply="input", id=number, ok=False, code="closed", error="stdin is closed")
        with pytest.raises(ChannelError, match="stdin is closed") as refused:
            await asked
        assert refused.value.code == "closed"


@pytest_anyio
async def test_events_come_to_the_listener() -> None:
    async with pair() as (channel, executor):
        heard: asyncio.Queue[Message] = asyncio.Queue()
        channel.on_event = heard.put_nowait
        executor.say(**HELLO)
        executor.say(b"data", event="data", offset=0)
        assert (await channel.greeted(5)).pid == 7
        assert (await heard.get()).payload == b"data"


@pytest_anyio
async def test_another_protocol_is_refused() -> None:
    async with pair() as (channel, executor):
        executor.say(**{**HELLO, "protocol": 2})
        with pytest.raises(ChannelError, match="protocol 2"):
            await channel.greeted(5)


@pytest_anyio
async def test_a_lost_executor_fails_what_waits() -> None:
    async with pair() as (channel, executor):
        asked = asyncio.create_task(channel.request("status"))
        await executor.next()
        executor.writer.close()
        with pytest.raises(ChannelClosedError):
            await asked
        with pytest.raises(ChannelClosedError):
            await channel.request("status")
        with pytest.raises(ChannelClosedError):
            await channel.greeted(5)
        channel.tell("notify", beyond=0)


@pytest_anyio
@pytest.mark.parametrize("noise", [b"nonsense\n", b"[]\n", b'{"event":"hello"}\n', b"x" * 3_000_000])
async def test_whoever_does_not_speak_the_protocol_is_dropped(noise: bytes) -> None:
    async with pair() as (channel, executor):
        executor.writer.write(noise)
        await asyncio.wait({channel.closed}, timeout=5)
        assert channel.closed.done()


def test_nobody_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect(tmp_path)
    deep = tmp_path.joinpath(*["a-directory-with-a-long-name"] * 6)
    deep.mkdir(parents=True)
    with pytest.raises(FileNotFoundError):
        connect(deep)
