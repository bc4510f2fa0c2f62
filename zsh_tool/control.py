"""Client of an executor's control channel: framed requests and replies, and events as they come."""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from zsh_tool.executor import PROTOCOL

LINE_MAX: Final = 1 << 20
READ_BYTES: Final = 64 * 1024
SOCKET_NAME: Final = "control"
_SUN_PATH_MAX: Final = 100
"""Paths up to this length are connected to directly; the kernel's limit is 104 or 108 with the NUL."""
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
"""Made once: `json.dumps` with separators makes one for each message."""


@dataclass(frozen=True)
class Message:
    """One frame: a JSON object and the bytes that follow it."""

    fields: Mapping[str, Any]
    payload: bytes = b""


@dataclass(frozen=True)
class Malformed:
    """A line that is no message; what follows it can be read."""

    why: str


@dataclass(frozen=True)
class Hello:
    """An executor's first words."""

    protocol: int
    version: str
    pid: int
    state: str


class ChannelError(Exception):
    """A request was refused; ``code`` is for programs, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class ChannelClosedError(ChannelError):
    """The executor is no longer there."""

    def __init__(self, text: str = "the executor is gone") -> None:
        super().__init__("gone", text)


def encode(fields: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """Return one frame."""
    head = {**fields, "payload": len(payload)} if payload else fields
    return _ENCODER.encode(head).encode() + b"\n" + payload


@dataclass
class Decoder:
    """Cuts a stream of bytes into messages."""

    _buffer: bytearray = field(default_factory=bytearray)
    _head: dict[str, Any] | None = None
    _searched: int = 0

    def feed(self, data: bytes | bytearray) -> Iterator[Message | Malformed]:
        """Take the next bytes and yield what they complete; ValueError for a line without end."""
        self._buffer += data
        while True:
            if self._head is None:
                line = self._take_line()
                if line is None:
                    return
                head = _head_of(line)
                if isinstance(head, Malformed):
                    yield head
                    continue
                self._head = head
            length = self._head.get("payload", 0)
            if len(self._buffer) < length:
                return
            payload = bytes(self._buffer[:length])
            del self._buffer[:length]
            head, self._head = self._head, None
            yield Message(head, payload)

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > LINE_MAX:
                raise ValueError("a line of the control channel is longer than 1 MiB")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line


def _head_of(line: bytes) -> dict[str, Any] | Malformed:
    try:
        head = json.loads(line)
    except ValueError as error:
        return Malformed(f"not JSON: {error}")
    if not isinstance(head, dict):
        return Malformed("not an object")
    length = head.get("payload", 0)
    if type(length) is not int or length < 0:
        return Malformed(f"a payload of {length!r} bytes")
    return head


class Channel(asyncio.BufferedProtocol):
    """One connection to an executor."""

    _buffer: ClassVar = bytearray(READ_BYTES)
    """One for all, which live on one event loop: what it holds is taken before anything else is received."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[Hello] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        """Done when the executor has closed the connection, or we have."""
        self.on_event: Callable[[Message], None] = lambda _message: None
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0

    @classmethod
    async def over(cls, connection: socket.socket) -> "Channel":
        """Speak over a connected socket, which the channel owns from now on."""
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(cls, sock=connection)
        return channel

    @classmethod
    async def to(cls, directory: Path) -> "Channel":
        """Connect to the executor that serves a task's directory; OSError when there is none."""
        connection = await asyncio.to_thread(connect, directory)
        return await cls.over(connection)

    async def greeted(self, limit_secs: float) -> Hello:
        """Return the executor's hello; raises `ChannelError` if it does not come or does not fit."""
        either: set[asyncio.Future[Any]] = {self.hello, self.closed}
        await asyncio.wait(either, timeout=limit_secs, return_when=asyncio.FIRST_COMPLETED)
        if not self.hello.done():
            raise ChannelClosedError("the executor did not say hello")
        hello = self.hello.result()
        if hello.protocol != PROTOCOL:
            raise ChannelError("protocol", f"the executor speaks protocol {hello.protocol}, not {PROTOCOL}")
        return hello

    def ask(self, verb: str, payload: bytes = b"", **fields: Any) -> "asyncio.Future[Message]":
        """Send a request at once; its reply is the future's result, `ChannelError` if there is none."""
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        if self.closed.done() or self._transport is None:
            reply.set_exception(ChannelClosedError())
            return reply
        self._last_id += 1
        number = self._last_id
        self._replies[number] = reply
        reply.add_done_callback(lambda _: self._replies.pop(number, None))
        self._transport.write(encode({"verb": verb, "id": number, **fields}, payload))
        return reply

    async def request(self, verb: str, payload: bytes = b"", **fields: Any) -> Message:
        """Send a request and return its reply; a refusal raises `ChannelError`."""
        return await self.ask(verb, payload, **fields)

    def tell(self, verb: str, **fields: Any) -> None:
        """Send a request whose reply does not matter."""
        if self._transport is not None and not self.closed.done():
            self._transport.write(encode({"verb": verb, **fields}))

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport (called by asyncio)."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        """Say where the next bytes go (called by asyncio, which would get 256 KiB of new memory for a line)."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes (called by asyncio)."""
        try:
            for message in self._decoder.feed(self._buffer[:nbytes]):
                if isinstance(message, Malformed):
                    raise ValueError(message.why)
                self._dispatch(message)
        except (ValueError, KeyError, TypeError):
            # Whoever does not speak the protocol is no executor of ours: nothing it says can be trusted.
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Fail what waits for a reply (called by asyncio)."""
        self._transport = None
        if not self.closed.done():
            self.closed.set_result(None)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(ChannelClosedError())

    def _dispatch(self, message: Message) -> None:
        fields = message.fields
        if "event" not in fields:
            reply = self._replies.get(fields.get("id") or 0)
            if reply is not None and not reply.done():
                _settle(reply, message)
        elif fields["event"] == "hello" and not self.hello.done():
            said = (int(fields["protocol"]), str(fields["version"]), int(fields["pid"]), str(fields["state"]))
            self.hello.set_result(Hello(*said))
        else:
            self.on_event(message)


def _settle(reply: "asyncio.Future[Message]", message: Message) -> None:
    if message.fields.get("ok"):
        reply.set_result(message)
    else:
        code = str(message.fields.get("code") or "unknown")
        reply.set_exception(ChannelError(code, str(message.fields.get("error") or code)))


def connect(directory: Path) -> socket.socket:
    """Connect to the socket in a task's directory, however long its path is."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path = directory / SOCKET_NAME
        if len(os.fsencode(path)) <= _SUN_PATH_MAX:
            connection.connect(os.fsencode(path))
        else:
            _connect_within(connection, directory)
    except OSError:
        connection.close()
        raise
    connection.setblocking(False)
    return connection


def _connect_within(connection: socket.socket, directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        through = Path(f"/proc/self/fd/{opened}")
        if through.exists():
            connection.connect(str(through / SOCKET_NAME))
            return
        # Without /proc the only short name is one relative to the working directory.
        before = os.open(".", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fchdir(opened)
            connection.connect(SOCKET_NAME)
        finally:
            os.fchdir(before)
            os.close(before)
    finally:
        os.close(opened)
