"""Measures what the server costs over doing the same by hand, and prints it beside the targets.

Run it as ``python -m tests.bench.mcp [PART ...]``; the parts are call, pty, parallel, start, searches, idle, leaks.
Mostly ratios of medians, both sides interleaved in one run, by an own line-by-line client: the SDK's client would be
measured too.
"""

import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.conversation import server_environment
from zsh_tool.replies import META_KEY

ROUNDS = 200
APART_SECS = 0.02
PARALLEL = 32
IDLE_SECS = 10
SEARCH_SECS = 4
SETTLE_SECS = 1
MANY = 1000
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Server:
    """The server, spoken to with as little as possible in between."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last = 0
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            if message.get("id") in self._waiting:
                self._waiting.pop(message["id"]).set_result(message["result"])

    async def request(self, method: str, params: dict[str, Any]) -> Any:
        assert self.process.stdin is not None
        self._last += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._last] = answer
        message = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        return await answer

    async def call(self, tool: str, **arguments: Any) -> Any:
        return await self.request("tools/call", {"name": tool, "arguments": arguments})

    async def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()
        await self._reader


@asynccontextmanager
async def server(home: Path) -> AsyncIterator[Server]:
    """Start a server with a home of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "zsh_tool",
        cwd=home,
        env=server_environment(
            HOME=str(home), XDG_STATE_HOME=str(home / "state"), XDG_CONFIG_HOME=str(home / "config")
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    made = Server(process)
    await made.request("initialize", INITIALIZE)
    assert process.stdin is not None
    process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    await made.call("zsh", command="true")
    try:
        yield made
    finally:
        await made.close()


async def by_hand(command: str) -> bytes:
    """Do what a server at least has to: spawn zsh, read it to its end."""
    process = await asyncio.create_subprocess_exec(
        "zsh",
        "-c",
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return out


async def timed(work: Awaitable[object]) -> float:
    """Return how many milliseconds ``work`` took."""
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000


def report(title: str, target: str, measured: str, good: bool) -> bool:
    """Print one line of the table."""
    sys.stdout.write(f"{title:<58} {target:>12} {measured:>34}  {'ok' if good else 'MISSED'}\n")
    sys.stdout.flush()
    return good


def compared(title: str, most: float, ours: list[float], theirs: list[float]) -> bool:
    """Print a ratio of medians."""
    mine, other = statistics.median(ours), statistics.median(theirs)
    measured = f"{mine / other:.2f} ({mine:.2f} / {other:.2f} ms)"
    return report(title, f"<= {most:g} x", measured, mine / other <= most)


async def call(home: Path) -> bool:
    """`zsh true`, recorded and with insights, against zsh from asyncio; and a tool that does nothing.

    Without a pause each command also pays for the next executor, which is started behind its reply.
    """
    good = True
    for pause, how in ((0.0, ""), (APART_SECS, f", {APART_SECS * 1000:.0f} ms apart")):
        ours, theirs, nothing = [], [], []
        async with server(home) as it:
            for _ in range(ROUNDS):
                theirs.append(await timed(by_hand("true")))
                await asyncio.sleep(pause)
                ours.append(await timed(it.call("zsh", command="true")))
                await asyncio.sleep(pause)
                nothing.append(await timed(it.call("zsh_neverhang_status")))
                await asyncio.sleep(pause)
        report(f"  (a tool that does nothing{how})", "", f"{statistics.median(nothing):.2f} ms", True)
        good &= compared(f"zsh true over MCP / zsh -c true from asyncio{how}", 1.5, ours, theirs)
    return good


async def pty(home: Path) -> bool:
    """A line to `cat` in a terminal and back to a client that waits for it, against a bare terminal."""
    ours, theirs = [], []
    leader, follower = os.openpty()
    bare = await asyncio.create_subprocess_exec(
        "cat", stdin=follower, stdout=follower, start_new_session=True
    )
    os.set_blocking(leader, False)
    loop = asyncio.get_running_loop()

    async def echoed() -> None:
        os.write(leader, b"line\n")
        seen = b""
        while seen.count(b"line") < 2:
            ready = loop.create_future()
            loop.add_reader(leader, ready.set_result, None)
            await ready
            loop.remove_reader(leader)
            seen += os.read(leader, 1000)

    async with server(home) as it:
        started = await it.call("zsh", command="cat", pty=True, yield_after=0)
        task = started["_meta"]["io.github.zsh-tool/result"]["task_id"]

        async def sent(index: int, waiting: Awaitable[object]) -> None:
            sending = asyncio.create_task(it.call("zsh_send", task_id=task, input=f"line{index}", wait=0))
            await waiting
            both.append(sending)

        both: list[asyncio.Task[Any]] = []
        for index in range(ROUNDS):
            theirs.append(await timed(echoed()))
            until = f"line{index}\\s+line{index}"
            waiting = asyncio.create_task(it.call("zsh_poll", task_id=task, until=until))
            # Its answer says that the waiting call before it is at work.
            await it.call("zsh_neverhang_status")
            ours.append(await timed(sent(index, waiting)))
            await both.pop()
        await it.call("zsh_kill", task_id=task)
    bare.kill()
    await bare.wait()
    more = statistics.median(ours) - statistics.median(theirs)
    measured = f"+{more:.2f} ms ({statistics.median(ours):.2f} / {statistics.median(theirs):.2f})"
    return report("a line to cat in a PTY and back / a bare PTY", "<= +1.5 ms", measured, more <= 1.5)


async def parallel(home: Path) -> bool:
    """32 commands at once, against the same from asyncio."""
    ours, theirs = [], []
    async with server(home) as it:
        for _ in range(5):
            commands = [f"sleep 0.2; echo {index}" for index in range(PARALLEL)]
            theirs.append(await timed(asyncio.gather(*(by_hand(command) for command in commands))))
            ours.append(
                await timed(asyncio.gather(*(it.call("zsh", command=command) for command in commands)))
            )
    return compared(f"{PARALLEL} x sleep 0.2; echo, at once / from asyncio", 1.5, ours, theirs)


async def start(home: Path) -> bool:
    """The first answer, against importing the SDK alone."""
    ours, theirs = [], []
    line = (
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}).encode() + b"\n"
    )
    environment = server_environment(HOME=str(home), XDG_STATE_HOME=str(home / "state"))

    async def imported() -> None:
        code = "import mcp.server.lowlevel, os; os._exit(0)"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=home, env=environment)
        await process.wait()

    for _ in range(15):
        theirs.append(await timed(imported()))
        begun = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "zsh_tool", cwd=home, env=environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(line)
        await process.stdout.readline()
        ours.append((time.perf_counter() - begun) * 1000)
        process.stdin.close()
        await process.wait()
    return compared("start to the first answer / importing the SDK alone", 1.1, ours, theirs)


async def searches(home: Path) -> bool:
    """Answers to others while expressions are searched that take long, or floods are."""
    good = []
    for title, command, until, count in (
        ("hostile expressions", f"print -r -- {'a' * 60}!; sleep 60", "(a|aa)+$", 40),
        ("floods", "yes", "no such line", 8),
    ):
        async with server(home) as it:
            started = [await it.call("zsh", command=command, yield_after=0) for _ in range(count)]
            tasks = [one["_meta"][META_KEY]["task_id"] for one in started]
            waits = [
                asyncio.create_task(it.call("zsh_poll", task_id=task, until=until, wait=SEARCH_SECS))
                for task in tasks
            ]
            taken: list[float] = []
            end = time.monotonic() + SEARCH_SECS
            while time.monotonic() < end:
                taken.append(await timed(it.request("ping", {})))
                taken.append(await timed(it.call("zsh_poll", task_id=tasks[0], wait=0, lines="1")))
                await asyncio.sleep(APART_SECS)
            await asyncio.gather(*waits)
        typical, worst = statistics.median(taken), max(taken)
        measured = f"{worst:.0f} ms (median {typical:.1f} ms)"
        good.append(
            report(f"the slowest answer beside {count} waits: {title}", "<= 100 ms", measured, worst <= 100)
        )
    return all(good)


def processor_ms(pid: int) -> float:
    """Return the processor time of a process and its descendants."""
    ticks = 0
    children: dict[int, list[int]] = {}
    times: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (
                    (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                )
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            times[int(entry.name)] = int(fields[11]) + int(fields[12])
    left = [pid]
    while left:
        one = left.pop()
        ticks += times.get(one, 0)
        left += children.get(one, [])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


async def idle(home: Path) -> bool:
    """Ten seconds with five sleeping tasks."""
    async with server(home) as it:
        for _ in range(5):
            await it.call("zsh", command="sleep 60", yield_after=0)
        await asyncio.sleep(2)
        before = processor_ms(it.process.pid)
        await asyncio.sleep(IDLE_SECS)
        used = processor_ms(it.process.pid) - before
    # The kernel counts in ticks of 10 ms: one tick may be rounding.
    return report(
        "10 s with five sleeping tasks, the whole tree", "<= 5 ms", f"{used:.0f} ms (ticks of 10)", used <= 5
    )


async def leaks(home: Path) -> bool:
    """A thousand commands in a row."""
    async with server(home) as it:
        pid = it.process.pid

        def state() -> dict[str, int]:
            status = dict(
                line.split(":", 1)
                for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
            )
            return {
                "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
                "threads": int(status["Threads"]),
                "files": sum(len(files) for _, _, files in os.walk(home / "state")),
                "KiB": int(status["VmRSS"].split()[0]),
            }

        for _ in range(500):
            await it.call("zsh", command="true")
        # Until the last one is cleared away and the next executors are there, a few files more are open.
        await asyncio.sleep(SETTLE_SECS)
        before = state()
        for _ in range(MANY):
            await it.call("zsh", command="true")
        await asyncio.sleep(SETTLE_SECS)
        after = state()
    grown = {name: after[name] - before[name] for name in before}
    good = (
        grown["descriptors"] <= 2 and grown["threads"] <= 2 and grown["files"] <= 20 and grown["KiB"] <= 4096
    )
    return report(
        f"{MANY} commands in a row: what is more after them",
        "nothing",
        str(grown)[1:-1].replace("'", ""),
        good,
    )


PARTS: dict[str, Callable[[Path], Awaitable[bool]]] = {
    "call": call,
    "pty": pty,
    "parallel": parallel,
    "start": start,
    "searches": searches,
    "idle": idle,
    "leaks": leaks,
}


async def main(names: list[str]) -> int:
    """Measure the parts named, each with a fresh home; a missed target is printed, and is no failure to measure."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    for name in names:
        with tempfile.TemporaryDirectory() as home:
            await PARTS[name](Path(home))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:] or list(PARTS))))
