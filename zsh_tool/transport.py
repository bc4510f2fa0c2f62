"""MCP over this process's stdin and stdout, on the event loop.

The SDK's own stdio transport reads in a thread, so it can neither be closed from outside nor run
clean-up on a signal; it drops a malformed line without an answer, and dies of a text that UTF-8
cannot carry. Here reading ends on EOF, on a signal and when the client closes our stdout, and
whatever else the process prints goes to stderr.
"""

import asyncio
import fcntl
import os
import socket
import stat
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Final, Protocol, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import (
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from zsh_tool import wire

EOF_PATIENCE_SECS: Final = 0.3
"""How long calls under way may still be answered after the client has closed our stdin."""
QUEUE_HIGH: Final = 256
"""Messages read ahead before reading pauses."""
LAST_WORDS_SECS: Final = 0.5
"""How long the last replies may take to leave when the client reads slowly."""
READ_BYTES: Final = 256 * 1024


class Sink(Protocol):
    """Where encoded lines go."""

    def write(self, data: bytes) -> None:
        """Take one line; it is sent in the background."""

    def close(self) -> None:
        """Send nothing more."""


class MessageWriter(asyncio.BaseProtocol):
    """The write side that the SDK sees."""

    def __init__(self) -> None:
        self.unanswered: set[str | int] = set()
        self.all_answered = asyncio.Event()
        self.gone = asyncio.Event()
        self.on_answer: Callable[[], None] | None = None
        """Called when an answer was written."""
        self._sink: Sink | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def open(self, sink: Sink) -> None:
        """Begin to write to ``sink``."""
        self._sink = sink

    async def send(self, item: SessionMessage) -> None:
        """Send one message; waits only while the client does not read."""
        if self._sink is None or self.gone.is_set():
            raise anyio.BrokenResourceError
        self._sink.write(wire.encode(item.message))
        if isinstance(item.message, JSONRPCResponse | JSONRPCError) and item.message.id is not None:
            # Where processors share no cache, the client was woken on ours and would wait there until we sleep.
            os.sched_yield()
            self.settled(item.message.id)
            if self.on_answer is not None:
                self.on_answer()
        await self._writable.wait()

    def settled(self, request_id: str | int) -> None:
        """Note that a request will get no further answer."""
        self.unanswered.discard(request_id)
        if not self.unanswered:
            self.all_answered.set()

    def expect(self, request_id: str | int) -> None:
        """Note that a request waits for its answer."""
        self.unanswered.add(request_id)
        self.all_answered.clear()

    def pause_writing(self) -> None:
        """Hold senders back: the client does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self._writable.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Note that the client has closed our stdout."""
        self.gone.set()
        self._writable.set()

    async def aclose(self) -> None:
        """Do nothing: the transport's owner closes it, after the last words are out."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _exc: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class MessageReader(asyncio.Protocol):
    """The read side that the SDK sees. ``ended_by`` says why there is nothing more to read."""

    def __init__(self, writer: MessageWriter) -> None:
        self.ended_by: str | None = None
        self.on_end: Callable[[], None] | None = None
        """Called before the SDK learns of the end, which it tells handlers as a plain cancellation."""
        self._writer = writer
        self._queue: deque[JSONRPCMessage | wire.Refusal] = deque()
        self._partial = bytearray()
        self._searched = 0
        self._overlong = False
        self._wake = asyncio.Event()
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to pause it."""
        if isinstance(transport, asyncio.ReadTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Cut what came into lines, and keep the unfinished one."""
        self._partial += data
        while (end := self._partial.find(b"\n", self._searched)) >= 0:
            line = bytes(self._partial[:end])
            del self._partial[: end + 1]
            self._searched = 0
            self._take(line)
        self._searched = len(self._partial)
        if len(self._partial) > wire.LINE_MAX_BYTES:
            self._overlong = True
            self._partial.clear()
            self._searched = 0
        if self._transport is not None and len(self._queue) >= QUEUE_HIGH:
            self._transport.pause_reading()

    def _take(self, line: bytes) -> None:
        if self._overlong:
            self._overlong = False
            message: JSONRPCMessage | wire.Refusal = wire.refusal(
                PARSE_ERROR, "parse error: this line is too long"
            )
        elif line.strip():
            message = wire.decode(line)
        else:
            return
        if isinstance(message, JSONRPCRequest):
            self._writer.expect(message.id)
        self._queue.append(message)
        self._wake.set()

    def eof_received(self) -> None:
        """Take the end of the client's words as its good-bye."""
        if self._partial.strip():
            self._take(bytes(self._partial))
        self.end("EOF")

    def connection_lost(self, _exc: Exception | None) -> None:
        """Take the loss of the pipe as the end too."""
        self.end("EOF")

    def end(self, reason: str) -> None:
        """End reading. At EOF what was read is still served; on any other reason it is not."""
        if self.ended_by is None or (self.ended_by == "EOF" and reason != "EOF"):
            self.ended_by = reason
        self._wake.set()

    async def opens_with(self, method: str) -> bool:
        """Wait for the first line, and tell whether it is a request for ``method``. It stays to be received."""
        while not self._queue and self.ended_by is None:
            self._wake.clear()
            await self._wake.wait()
        first = self._queue[0] if self._queue else None
        return isinstance(first, JSONRPCRequest) and first.method == method

    async def receive(self) -> SessionMessage:
        """Return the next message; answer lines that are none."""
        while self.ended_by in (None, "EOF"):
            while self._queue:
                message = self._queue.popleft()
                self._relieve()
                if isinstance(message, wire.Refusal):
                    await self._writer.send(SessionMessage(message.error))
                    continue
                self._note_cancelled(message)
                return SessionMessage(message)
            if self.ended_by == "EOF":
                await self._last_answers()
                break
            self._wake.clear()
            await self._wake.wait()
        if self.on_end is not None:
            self.on_end()
        raise anyio.EndOfStream

    def _relieve(self) -> None:
        if self._transport is not None and len(self._queue) < QUEUE_HIGH and not self._transport.is_closing():
            self._transport.resume_reading()

    def _note_cancelled(self, message: JSONRPCMessage) -> None:
        if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            request_id = (message.params or {}).get("requestId")
            if isinstance(request_id, str | int):
                self._writer.settled(request_id)

    async def _last_answers(self) -> None:
        if self._writer.unanswered:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._writer.all_answered.wait(), EOF_PATIENCE_SECS)

    async def aclose(self) -> None:
        """Read nothing more."""
        if self._transport is not None:
            self._transport.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _exc: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class _File:
    """A stdout that cannot block, such as a regular file: written at once."""

    def __init__(self, descriptor: int, writer: MessageWriter) -> None:
        self._descriptor = descriptor
        self._writer = writer

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def close(self) -> None:
        os.close(self._descriptor)
        self._writer.gone.set()


def claim(descriptor: int, instead: int) -> int:
    """Move a standard descriptor to a private one; ``instead`` takes its place."""
    private = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.dup2(instead, descriptor)
    return private


@asynccontextmanager
async def stdio() -> AsyncIterator[tuple[MessageReader, MessageWriter]]:
    """Own stdin and stdout until the end: nothing else in this process reads or writes them."""
    null = os.open(os.devnull, os.O_RDWR)
    _ensure_stderr(null)
    source = claim(0, null)
    target = claim(1, 2)
    os.close(null)
    async with connected(source, target) as streams:
        yield streams


def _ensure_stderr(null: int) -> None:
    try:
        os.fstat(2)
    except OSError:
        os.dup2(null, 2)


@asynccontextmanager
async def connected(source: int, target: int) -> AsyncIterator[tuple[MessageReader, MessageWriter]]:
    """Serve two descriptors of any kind; they are closed at the end."""
    writer = MessageWriter()
    reader = MessageReader(writer)
    feeder = None
    if _same_socket(source, target):
        sink: Sink = await _open_socket(source, target, reader, writer)
    else:
        sink = await _open_sink(target, writer)
        feeder = await _open_source(source, reader)
    writer.open(sink)
    watcher = asyncio.create_task(_end_when_gone(writer, reader))
    try:
        yield reader, writer
    finally:
        for task in (watcher, feeder):
            if task is not None:
                task.cancel()
        await reader.aclose()
        sink.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(writer.gone.wait(), LAST_WORDS_SECS)


async def _end_when_gone(writer: MessageWriter, reader: MessageReader) -> None:
    await writer.gone.wait()
    reader.end("client closed stdout")


def _pollable(descriptor: int) -> bool:
    # Regular files and /dev/null are refused by epoll, and asyncio would then wait for them for ever. A
    # terminal shares its blocking mode with the shell, which must not find it changed.
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class _Both(asyncio.Protocol):
    """The one protocol of a socket that is stdin and stdout at once."""

    def __init__(self, reader: MessageReader, writer: MessageWriter) -> None:
        self._reader = reader
        self._writer = writer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._reader.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._reader.data_received(data)

    def pause_writing(self) -> None:
        self._writer.pause_writing()

    def resume_writing(self) -> None:
        self._writer.resume_writing()

    def eof_received(self) -> bool:
        self._reader.eof_received()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.connection_lost(exc)
        self._writer.connection_lost(exc)


def _same_socket(source: int, target: int) -> bool:
    mine, other = os.fstat(source), os.fstat(target)
    return stat.S_ISSOCK(mine.st_mode) and (mine.st_dev, mine.st_ino) == (other.st_dev, other.st_ino)


async def _open_socket(source: int, target: int, reader: MessageReader, writer: MessageWriter) -> Sink:
    # Two transports on one socket would each take the other's data for a hang-up.
    os.close(target)
    connection = socket.socket(fileno=source)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: _Both(reader, writer), sock=connection)
    return transport


async def _open_sink(descriptor: int, writer: MessageWriter) -> Sink:
    if not _pollable(descriptor):
        return _File(descriptor, writer)
    pipe = os.fdopen(descriptor, "wb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_write_pipe(lambda: writer, pipe)
    return transport


async def _open_source(descriptor: int, reader: MessageReader) -> asyncio.Task[None] | None:
    if not _pollable(descriptor):
        return asyncio.create_task(_feed_from_file(descriptor, reader))
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: reader, pipe)
    return None


async def _feed_from_file(descriptor: int, reader: MessageReader) -> None:
    while data := await asyncio.to_thread(os.read, descriptor, READ_BYTES):
        reader.data_received(data)
    reader.eof_received()
