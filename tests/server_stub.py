"""A server without MCP, for tests that kill it: starts commands and says their process ids.

Usage: server_stub.py EXECUTOR (persist|plain) COMMAND...
"""

import asyncio
import json
import sys
from pathlib import Path

from tests.registry import choice_of, request, settings_for
from zsh_tool.tasks import TaskRegistry


async def main(executor: Path, persist: bool, commands: list[str]) -> None:
    registry = TaskRegistry(settings_for(), "stubstub", choice_of(executor))
    await registry.open()
    tasks = [await registry.start(request(command, persist=persist)) for command in commands]
    sys.stdout.write(json.dumps([task.id for task in tasks]) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await registry.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] == "persist", sys.argv[3:]))
