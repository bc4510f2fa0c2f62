"""The server as a process: odd input on its wire, and every way in which it ends."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conversation import server_environment
from tests.waits import alive, ended
from zsh_tool import __version__

COMMAND = [sys.executable, "-m", "zsh_tool"]
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
END_LIMIT_SECS = 9
"""Three times what the server promises, for slow machines."""


class Wire:
    """A server spoken to line by line."""

    def __init__(self, cwd: Path, **environment: str) -> None:
        self.stderr = cwd / "stderr"
        with self.stderr.open("ab") as stderr:
            self.process = subprocess.Popen(
                COMMAND,
                cwd=cwd,
                env=server_environment(**environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )

    def send(self, message: object) -> None:
        self.send_line(json.dumps(message).encode())

    def send_line(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.stderr.read_text(encoding="utf-8")
        return json.loads(line)

    def answer(self, request_id: int) -> Any:
        while (message := self.receive()).get("id") != request_id:
            pass
        return message

    def shake_hands(self) -> None:
        self.send(INITIALIZE)
        assert self.answer(0)["result"]["protocolVersion"] == "2025-06-18"
        self.send(INITIALIZED)

    def call(self, request_id: int, tool: str, **arguments: object) -> None:
        params = {"name": tool, "arguments": arguments}
        self.send({"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params})

    def text(self, request_id: int) -> str:
        return str(self.answer(request_id)["result"]["content"][0]["text"])

    def child(self) -> int:
        """Start a command that runs for long, and return its process."""
        self.call(1, "zsh", command="print $$; exec sleep 300", until="\\d+\n")
        return int(self.text(1).splitlines()[0])

    def ended(self) -> int:
        return self.process.wait(END_LIMIT_SECS)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = Wire(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()
    for stream in (made.process.stdin, made.process.stdout):
        if stream is not None:
            stream.close()


def test_a_malformed_line_is_answered_and_the_next_one_is_served(wire: Wire) -> None:
    wire.shake_hands()
    for line, code in (
        (b"{oops", -32700),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0","id":9}', -32600),
        (b"\xff", -32700),
    ):
        wire.send_line(line)
        message = wire.receive()
        assert message["error"]["code"] == code
        assert message["id"] == (9 if b"id" in line else None)
    wire.send({"jsonrpc": "2.0", "id": 2, "method": "ping"})
    assert wire.answer(2)["result"] == {}


@pytest.mark.parametrize("first", [None, b"{oops", json.dumps(INITIALIZED).encode()])
def test_after_a_handshake_requests_of_the_other_era_are_refused(wire: Wire, first: bytes | None) -> None:
    if first is not None:
        wire.send_line(first)
    wire.shake_hands()
    envelope = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
    wire.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": envelope})
    assert wire.answer(1)["error"]["code"] == -32600
    wire.send({"jsonrpc": "2.0", "method": "notifications/initialized", "params": envelope})
    wire.call(2, "zsh", command="print served")
    assert wire.text(2).splitlines()[0] == "served"
    assert wire.process.stdin is not None
    wire.process.stdin.close()
    assert wire.ended() == 0
    assert "Traceback" not in wire.stderr.read_text(encoding="utf-8")


def test_no_text_ends_the_server(wire: Wire) -> None:
    wire.shake_hands()
    wire.call(1, "zsh", command="print half a pair: \ud800")
    assert wire.text(1).splitlines()[0] == "half a pair: \ufffd"
    wire.call(2, "zsh", command=r"mkdir $'\xff'; cd $'\xff'; pwd; print text; printf '\xed\xa0\x80\n'")
    assert "\ufffd" in wire.text(2)
    wire.call(3, "no-tool-\udcff")
    assert "unknown tool" in wire.answer(3)["error"]["message"]


def test_a_command_of_five_million_bytes_runs(wire: Wire) -> None:
    wire.shake_hands()
    wire.call(1, "zsh", command=": " + "x" * 5_000_000 + "\nprint done")
    assert wire.text(1).splitlines()[0] == "done"


def test_other_words_on_stdout_never_reach_the_wire(tmp_path: Path) -> None:
    chatty = "import os, runpy, sys; sys.argv = ['zsh_tool']; import zsh_tool.config as c; load = c.load\n"
    chatty += "def loud(*a):\n    import asyncio\n    asyncio.get_event_loop_policy()\n    return load(*a)\n"
    chatty += "import zsh_tool.protocol as p; old = p.Face.__init__\n"
    chatty += (
        "def init(self, s):\n    print('stray'); os.write(1, b'raw'); os.system('echo child'); old(self, s)\n"
    )
    chatty += "p.Face.__init__ = init; runpy.run_module('zsh_tool', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", chatty],
        cwd=tmp_path,
        env=server_environment(),
        input=json.dumps(INITIALIZE).encode() + b"\n",
        capture_output=True,
        timeout=60,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["id"] == 0
    for word in (b"raw", b"child"):
        assert word in done.stderr


def test_piped_requests_are_answered_before_the_end(tmp_path: Path) -> None:
    lines = [INITIALIZE, INITIALIZED, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}]
    done = subprocess.run(
        COMMAND,
        cwd=tmp_path,
        env=server_environment(),
        input=b"".join(json.dumps(line).encode() + b"\n" for line in lines),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [0, 1]
    assert done.stderr == b""


@pytest.mark.parametrize("source", ["null", "file"])
def test_a_stdin_that_is_no_pipe_works(tmp_path: Path, source: str) -> None:
    file = tmp_path / "requests"
    file.write_text(json.dumps(INITIALIZE), encoding="utf-8")
    with (Path(os.devnull) if source == "null" else file).open("rb") as stdin:
        done = subprocess.run(
            COMMAND,
            cwd=tmp_path,
            env=server_environment(),
            stdin=stdin,
            capture_output=True,
            timeout=60,
            check=True,
        )
    assert len(done.stdout.splitlines()) == (0 if source == "null" else 1)


def test_the_end_of_stdin_ends_the_server_and_what_it_started(wire: Wire) -> None:
    wire.shake_hands()
    pid = wire.child()
    assert wire.process.stdin is not None
    wire.process.stdin.close()
    assert wire.ended() == 0
    assert ended(pid, END_LIMIT_SECS)
    assert "Traceback" not in wire.stderr.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_server_and_what_it_started(wire: Wire, number: signal.Signals) -> None:
    wire.shake_hands()
    pid = wire.child()
    wire.process.send_signal(number)
    assert wire.ended() == 128 + number
    assert ended(pid, END_LIMIT_SECS)
    assert "Traceback" not in wire.stderr.read_text(encoding="utf-8")


def test_a_client_that_closes_stdout_ends_the_server(wire: Wire) -> None:
    wire.shake_hands()
    pid = wire.child()
    assert wire.process.stdout is not None
    wire.process.stdout.close()
    assert wire.ended() == 0
    assert ended(pid, END_LIMIT_SECS)


def test_what_the_server_started_is_gone_when_the_server_is_killed(wire: Wire) -> None:
    wire.shake_hands()
    pid = wire.child()
    wire.process.kill()
    assert ended(pid, END_LIMIT_SECS)


@pytest.mark.parametrize("executor", [{}, {"ZSH_TOOL_EXEC": ""}], ids=["executor", "Python-only"])
def test_what_has_left_its_command_ends_with_the_server(tmp_path: Path, executor: dict[str, str]) -> None:
    with_it = Wire(tmp_path, **executor)
    with_it.shake_hands()
    with_it.call(
        1, "zsh", command="(setsid sh -c 'trap \"\" TERM; sleep 300' >/dev/null 2>&1 & echo $!) | cat"
    )
    pid = int(with_it.text(1).splitlines()[0])
    assert alive(pid)
    assert with_it.process.stdin is not None
    assert with_it.process.stdout is not None
    with_it.process.stdin.close()
    assert with_it.ended() == 0
    with_it.process.stdout.close()
    assert ended(pid, END_LIMIT_SECS)
    assert not alive(pid)


def test_a_task_that_persists_is_found_by_the_next_server(wire: Wire, tmp_path: Path) -> None:
    wire.shake_hands()
    wire.call(1, "zsh", command="print $$; cat", persist=True, keep_stdin=True, until="\\d+\n")
    reply = wire.answer(1)["result"]
    facts = reply["_meta"]["io.github.zsh-tool/result"]
    pid = int(reply["content"][0]["text"].splitlines()[0])
    assert wire.process.stdin is not None
    wire.process.stdin.close()
    assert wire.ended() == 0
    assert alive(pid)
    second = Wire(tmp_path)
    try:
        second.shake_hands()
        second.call(1, "zsh_send", task_id=facts["task_id"], input="still here")
        assert "still here" in second.text(1)
        second.call(2, "zsh_kill", task_id=facts["task_id"])
        assert "killed by agent" in second.text(2)
        assert ended(pid, END_LIMIT_SECS)
    finally:
        second.process.kill()
        second.process.communicate()


def test_a_person_at_a_terminal_is_told_what_this_is(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            COMMAND,
            cwd=tmp_path,
            env=server_environment(),
            stdin=theirs,
            capture_output=True,
            timeout=60,
            check=True,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"served over MCP" in done.stdout


def test_the_command_line(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            cwd=tmp_path,
            env=server_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("--version").stdout == f"zsh-tool {__version__}\n"
    assert "usage: zsh-tool" in run("--help").stdout
    wrong = run("--nonsense")
    assert wrong.returncode == 2
    assert re.search("unknown argument '--nonsense'", wrong.stderr)


def test_no_use_of_the_command_line_loads_the_sdk(tmp_path: Path) -> None:
    script = (
        "import sys; from zsh_tool.command_line import main; main(['--version']); print('mcp' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=server_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"
