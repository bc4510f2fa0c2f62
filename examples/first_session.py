"""The main job before your eyes: server and client over stdio, real commands, and what is remembered.

    make run        or: python examples/first_session.py

Everything it keeps is in a temporary directory that is gone at the end. Its commands only read.
"""

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent

FACTS = "io.github.zsh-tool/result"
WIDTH = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
HERE = Path(__file__).resolve().parent.parent
BOLD, DIM, RESET = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if sys.stdout.isatty() else ("", "", "")


def title(text: str) -> None:
    """Announce what comes next."""
    print(f"\n{BOLD}{text}{RESET}")


class Session:
    """A conversation with the server that prints each call and the reply as the client gets it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool, print both sides, and return the reply's facts for machines."""
        said = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        print(f"{DIM}→ {tool}({RESET}{said}{DIM}){RESET}")
        result = await self._client.call_tool(tool, arguments)
        if not isinstance(result, CallToolResult):
            raise TypeError(f"{tool} answered with {type(result).__name__}")
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        print(textwrap.indent(text, "  │ ", lambda _: True))
        return dict((result.meta or {}).get(FACTS, {}))

    async def start(self, **arguments: Any) -> str:
        """Start a command that goes on after the reply, and return its task id."""
        return str((await self.call("zsh", **arguments))["task_id"])


async def converse(session: Session) -> None:
    """Run the commands that the tool is for."""
    title("A pipeline whose first command fails unseen: plain `$?` is 0")
    await session.call("zsh", command="cat README.md no-such-file.md | wc -l")

    title("A failure, and the same again: now it is remembered")
    await session.call("zsh", command="cat no-such-file.md")
    await session.call("zsh", command="cat no-such-file.md")

    title("A long one: the reply comes after a second, the rest by one waiting call")
    parts = 'for part in {1..6}; do print "building part $part of 6"; sleep 0.5; done'
    task = await session.start(command=parts, yield_after=1)
    await session.call("zsh_poll", task_id=task)

    title("One that asks: a real terminal, the question, the answer")
    question = 'read "name?Who is there? "; print "Hello, $name, on $(tty)."'
    task = await session.start(command=question, pty=True)
    await session.call("zsh_send", task_id=task, input="an agent")

    title("One that takes too long")
    await session.call("zsh", command="print started; sleep 30; print never seen", timeout=1)

    title("One that is killed, with what it started")
    task = await session.start(command="print serving; sleep 300 & sleep 300", yield_after=0.5)
    await session.call("zsh_kill", task_id=task)

    title("What the memory says of all this")
    await session.call("zsh_alan_stats")


def shown(name: str, value: Any) -> str:
    """Return a cell of a table, short enough to be read: of an id its end, of a hash its start."""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = "" if value is None else str(value)
    if name.endswith("id") and len(text) > 8:
        return text[-6:]
    limit = {"command_hash": 8, "created_at": 19}.get(name)
    return text[:limit] if limit else textwrap.shorten(text, 30, placeholder="…")


def print_table(connection: sqlite3.Connection, name: str) -> None:
    """Print the rows of a table under its name; what is the same in all of them only once."""
    cursor = connection.execute(f'SELECT * FROM "{name}" ORDER BY rowid')
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    columns = [[column, *(shown(column, row[at]) for row in rows)] for at, column in enumerate(names)]
    title(f"{name}: {len(rows)} row{'' if len(rows) == 1 else 's'}")
    constant = [column for column in columns if len(rows) > 1 and len(set(column[1:])) == 1]
    if common := [f"{column[0]} {column[1]}" for column in constant if column[1]]:
        print(f"  {DIM}in all: {', '.join(common)}{RESET}")
    varying = [column for column in columns if column not in constant and any(column[1:])]
    for number in range(len(rows) + 1 if rows else 0):
        cells = [column[number].ljust(max(map(len, column))) for column in varying]
        print(f"  {'  '.join(cells)}"[:WIDTH].rstrip())


def print_database(path: Path) -> None:
    """Print every table of the database."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (name,) in connection.execute(query).fetchall():
            print_table(connection, name)


async def main() -> None:
    """Start the server in a state directory of its own, talk to it, and print what it recorded."""
    with tempfile.TemporaryDirectory(prefix="zsh-tool-") as directory:
        places = {"XDG_STATE_HOME": directory, "XDG_CONFIG_HOME": directory}
        chosen = {name: os.environ[name] for name in ("ZSH_TOOL_EXEC", "ZSH_TOOL_ZSH") if name in os.environ}
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "zsh_tool"], env=places | chosen, cwd=HERE
        )
        async with Client(stdio_client(server)) as client:
            if about := client.server_info:
                print(f"{about.name} {about.version}, speaking {client.protocol_version}")
            await converse(Session(client))
        print_database(Path(directory) / "zsh-tool" / "alan.db")


if __name__ == "__main__":
    asyncio.run(main())
