"""Clients that we did not write, a real tokenizer, and the SDK's schemas for every message that we send.

Wants Node and npm, so it is no part of the plain suite: `make interop` runs it.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.conversation import server_environment
from tests.schemas import Said, validated
from tests.tokens import most_tokens
from zsh_tool import config
from zsh_tool.protocol import definitions
from zsh_tool.server import Tools
from zsh_tool.session import Session

HERE = Path(__file__).resolve().parent
BUILT = CHECKOUT / "build" / "interop"
FILES = ("package.json", "package-lock.json", "client.mjs", "tokens.mjs")
LIMIT_SECS = 110


@pytest.fixture(scope="session")
def packages() -> Path:
    """Install what the lock names, once, outside of what git sees."""
    BUILT.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_bytes()
    made_from = BUILT / "made-from"
    for name in FILES:
        shutil.copyfile(HERE / name, BUILT / name)
    if not made_from.exists() or made_from.read_bytes() != lock:
        npm = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(npm, cwd=BUILT, check=True, stdin=subprocess.DEVNULL, timeout=600)
        made_from.write_bytes(lock)
    return BUILT


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[tuple[list[str], Path]]:
    """Yield the command of a server whose conversation is written down, and where; then check every message."""
    log = tmp_path / "conversation"
    yield [sys.executable, str(HERE / "tee.py"), str(log), sys.executable, "-m", "zsh_tool"], log
    assert validated(said(log))


def run(command: list[str], cwd: Path, given: str = "", **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=server_environment(**environment),
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LIMIT_SECS,
    )
    return done.stdout


def said(log: Path) -> Iterator[Said]:
    for line in log.read_text(encoding="utf-8").splitlines():
        yield line.startswith("< "), json.loads(line[2:])


@pytest.mark.timeout(700)
@pytest.mark.parametrize(
    ("kind", "version"), [("sdk1", "2025-11-25"), ("client2", "2025-11-25"), ("client2-auto", "2026-07-28")]
)
def test_clients_from_npm(
    packages: Path, recorded: tuple[list[str], Path], tmp_path: Path, kind: str, version: str
) -> None:
    command, log = recorded
    seen = json.loads(run(["node", str(packages / "client.mjs"), kind, *command], tmp_path))
    assert seen["server"]["name"] == "zsh-tool"
    assert len(seen["tools"]) == 10
    assert seen["plain"]["text"].startswith("hello\n[exit 0 in ")
    assert seen["plain"]["structured"] is None
    assert seen["plain"]["facts"]["exit_code"] == 0
    assert len(seen["plain"]["facts"]) == 15
    assert seen["wrong"]["isError"]
    assert "did you mean command?" in seen["wrong"]["text"]
    assert "unknown tool" in seen["unknown"]
    assert seen["progress"] == sorted(set(seen["progress"])) != []
    assert seen["cancelled"]
    assert seen["killed"] == "killed"
    assert seen["resources"][:2] == ["zsh://tasks", "zsh://alan/summary"]
    assert seen["templates"] == ["zsh://task/{id}/log"]
    assert seen["log"] == "hello"
    assert seen["prompts"] == ["run", "why_failed", "session_report"]
    assert seen["report"]
    assert "print hello" in seen["rows"]
    assert version in log.read_text(encoding="utf-8")


@pytest.mark.timeout(700)
def test_the_inspectors_command_line(
    packages: Path, recorded: tuple[list[str], Path], tmp_path: Path
) -> None:
    command, _ = recorded
    binaries = packages / "node_modules" / ".bin"
    inspector = [str(binaries / "node"), str(binaries / "mcp-inspector"), "--cli"]
    given = {name: value for name, value in server_environment().items() if name.startswith(("ZSH_", "XDG_"))}
    given["PYTHONPATH"] = str(CHECKOUT)
    environment = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]

    def inspect(*words: str) -> Any:
        # The Inspector takes everything up to its first option for the server's command.
        return json.loads(run([*inspector, *command, *environment, *words], tmp_path))

    assert len(inspect("--method", "tools/list")["tools"]) == 10
    arguments = ["--tool-name", "zsh", "--tool-arg", "command=print hello"]
    reply = inspect("--method", "tools/call", *arguments)
    assert reply["content"][0]["text"].startswith("hello\n[exit 0 in ")
    assert len(inspect("--method", "resources/list")["resources"]) >= 2
    assert len(inspect("--method", "prompts/list")["prompts"]) == 3


@pytest.mark.timeout(700)
def test_a_real_tokenizer_agrees_with_the_bounds_of_the_plain_suite(packages: Path, tmp_path: Path) -> None:
    tools = definitions(Tools(Session(config.load({"HOME": str(tmp_path)}), {}, None)))
    listed = [
        tool.definition.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in tools.values()
    ]
    texts = [
        json.dumps(listed, separators=(",", ":")),
        *(json.dumps(one, separators=(",", ":")) for one in listed),
    ]
    states = [
        "[exit 0 in 0.12 s]",
        "[exit 0 in 0.0064 s]",
        "[exit 1 in 10 min 3 s; pipeline 0 1 0]",
        "[running 10 s, task k3x9ab]",
        "[timed out, ended (exit 143, TERM) in 122 s]",
        "one\ntwo\nthree\n[exit 0 in 0.12 s]",
        "one\ntwo\nthree\n",
    ]
    counts = json.loads(run(["node", str(packages / "tokens.mjs")], packages, json.dumps([*texts, *states])))
    for text, count in zip([*texts, *states], counts, strict=True):
        assert count <= most_tokens(text), text
    assert counts[0] <= 1500
    assert counts[-2] - counts[-1] <= 25
