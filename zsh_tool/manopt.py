"""Reads a command's options from its man page, in the background and within a limit."""

import asyncio
import contextlib
import os
import re
import signal
from typing import Final

OPTIONS_BYTES: Final = 16_384
"""Most that is kept of a page's options."""

DESCRIPTION_CHARS: Final = 120

PAGE_BYTES: Final = 4 * 1024 * 1024

_OVERSTRUCK: Final = re.compile(r".\x08")
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
_OPTION: Final = re.compile(r"^ {1,14}(-{1,2}[A-Za-z0-9?@][^\n]*)$")
_TWO_COLUMNS: Final = re.compile(r" {2,}|\t")
_SENTENCE_END: Final = re.compile(r"\.\s+(?=[A-Z])")
_WIDTH: Final = "200"


async def read_page(name: str, timeout_secs: float) -> str | None:
    """Return the plain text of a man page; None without man, without such a page, or when it is late.

    The reader runs in a group of its own, so that its formatter ends with it.
    """
    environment = os.environ | {"MANPAGER": "cat", "PAGER": "cat", "MANWIDTH": _WIDTH, "LC_ALL": "C.UTF-8"}
    try:
        process = await asyncio.create_subprocess_exec(
            "man",
            "-P",
            "cat",
            "--",
            name,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            process_group=0,
            limit=PAGE_BYTES,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(timeout_secs):
            raw = await _read(process)
            code = await process.wait()
    except TimeoutError:
        await _kill(process)
        return None
    except asyncio.CancelledError:
        await _kill(process)
        raise
    return clean(raw.decode("utf-8", "replace")) if code == 0 and raw else None


def clean(page: str) -> str:
    """Return a formatted page without the ways of terminals to print bold."""
    return _ESCAPE.sub("", _OVERSTRUCK.sub("", page))


def options_of(page: str) -> str:
    """Return a page's options, one a line: the flags, and the first sentence of what they do."""
    lines = page.splitlines()
    found: list[str] = []
    size = 0
    for index, line in enumerate(lines):
        if not (option := _OPTION.match(line)):
            continue
        text = _with_description(option[1], lines, index)
        size += len(text.encode()) + 1
        if size > OPTIONS_BYTES:
            break
        if text not in found:
            found.append(text)
    return "\n".join(found)


def _with_description(option: str, lines: list[str], index: int) -> str:
    flags, *rest = _TWO_COLUMNS.split(option.strip(), maxsplit=1)
    if not rest:
        rest = [_below(lines, index)]
    sentence = _SENTENCE_END.split(rest[0], maxsplit=1)[0].strip().rstrip(".")[:DESCRIPTION_CHARS]
    return f"{flags}: {sentence}" if sentence else flags


def _below(lines: list[str], index: int) -> str:
    """Return the first line of the description under an option; it is set in further than the option."""
    depth = _depth(lines[index])
    for line in lines[index + 1 : index + 4]:
        if line.strip() and not _OPTION.match(line):
            return line.strip() if _depth(line) > depth else ""
    return ""


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


async def _read(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        return b""
    chunks: list[bytes] = []
    size = 0
    while size < PAGE_BYTES and (chunk := await process.stdout.read(65_536)):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End the whole group and reap its leader."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
