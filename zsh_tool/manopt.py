"""Reads a command's options from its man page, in the background and within a limit."""

import asyncio
import contextlib
import os
import re
import signal
from collections import Counter
from typing import Final

OPTIONS_BYTES: Final = 16_384
"""Most that is kept of a page's options."""

DESCRIPTION_CHARS: Final = 120

TAG_COLUMNS: Final = 7
"""How far a description is set in beyond its option: man(7), .TP"""

COMMON_SHARE: Final = 4
"""The fewest options that share the indentation of a page's options, as a part of the most that share any."""

FILLED_CHARS: Final = 100
"""A longer line is one of a text that goes on below; no option's name is that long."""

PAGE_BYTES: Final = 4 * 1024 * 1024

_OVERSTRUCK: Final = re.compile(r".\x08")
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
_OPTION: Final = re.compile(r"^ {1,14}(-{1,2}[A-Za-z0-9?@][^\n]*)$")
_FULL_STOP: Final = re.compile(r"""(?<=[\w)\]}>'"\u2019\u201d])\.$""")
"""What ends a sentence; ``starting with .`` ends with the name of a file."""
_TWO_COLUMNS: Final = re.compile(r" {2,}|\t")
_SINGLE_SPACE: Final = re.compile(r"\S \S")
_TABLE_ROW: Final = re.compile(r"(?: {2,}|\t)(?:[^A-Za-z]*$|.*\S {4,}\S)")
"""A second column without words, or a third one."""
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
    for index in _option_lines(lines):
        text = _with_description(lines, index)
        size += len(text.encode()) + 1
        if size > OPTIONS_BYTES:
            break
        if text not in found:
            found.append(text)
    return "\n".join(found)


def _option_lines(lines: list[str]) -> list[int]:
    """Return the places of the lines that begin with an option and tell of it.

    Prose that names an option may be broken before it, and is then set in as the line above it. Options of a
    page share their indentation.
    """
    found: list[int] = []
    for index, line in enumerate(lines):
        if not _OPTION.match(line) or _is_listed(lines, index):
            continue
        above = lines[index - 1] if index else ""
        if not above.strip() or _depth(above) != _depth(line) or found[-1:] == [index - 1]:
            found.append(index)
    depths = Counter(_depth(lines[index]) for index in found)
    most = max(depths.values(), default=0)
    # Further in stand values of options, and prose.
    usual = min((depth for depth, count in depths.items() if count * COMMON_SHARE >= most), default=0)
    return [index for index in found if _depth(lines[index]) == usual]


def _is_listed(lines: list[str], index: int) -> bool:
    """Tell whether a line is the row of a table, or of a list within a sentence: it ends with a comma."""
    line, below = lines[index], lines[index + 1].strip() if index + 1 < len(lines) else ""
    return bool(_TABLE_ROW.search(line, _depth(line))) or (not below and line.endswith(","))


def _with_description(lines: list[str], index: int) -> str:
    flags, description = _columns(lines, index)
    sentence = _SENTENCE_END.split(description, maxsplit=1)[0]
    sentence = _FULL_STOP.sub("", " ".join(sentence.split()))[:DESCRIPTION_CHARS]
    return f"{flags}: {sentence}" if sentence else flags


def _columns(lines: list[str], index: int) -> tuple[str, str]:
    """Return what stands for the option and what begins to describe it."""
    line, below = lines[index], _below(lines, index)
    column = _depth(line) + TAG_COLUMNS
    # A tag that leaves room for one space has its description behind it, which fills the line or ends there.
    if _SINGLE_SPACE.match(line, column - 2) and (not below or len(line) > FILLED_CHARS):
        return line[:column].strip(), line[column:]
    flags, *rest = _TWO_COLUMNS.split(line.strip(), maxsplit=1)
    return flags, rest[0] if rest else below


def _below(lines: list[str], index: int) -> str:
    """Return the first line of the description under an option; it is set in further than the option.

    Options one right under the other share it.
    """
    depth = _depth(lines[index])
    for line in lines[index + 1 : index + 4]:
        if not line.strip() or _depth(line) > depth:
            return line.strip()
        if not _OPTION.match(line) or _TWO_COLUMNS.search(line, depth):
            break
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
