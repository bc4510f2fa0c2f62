"""With and without an executor: the same commands end the same way, print the same, and give the same codes."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.registry import registry_of, request, run
from zsh_tool.tasks import TaskRegistry

VECTORS = Path(__file__).resolve().parent.parent / "zsh-tool-rs" / "tests" / "vectors"
MORE = [
    "kill -9 $$",
    "false | true; kill -TERM $$",
    "true | sh -c 'kill -9 $$'",
    "yes | head -1",
    "exit 300",
    "exec false",
    "print -r -- é | cat",
    "coproc cat; true | false",
    "set -e; false; echo no",
    "! true | false",
    "ls /proc/self/fd",
    "printf '\\xff\\x00z'",
    "true | true; ulimit -f 0",
]


async def one(
    registry: TaskRegistry, command: str, scratch: Path
) -> tuple[str, int | None, str | None, list[int], bytes]:
    env = {**request("").env, "SCRATCH": str(scratch)}
    result, said = await run(registry, command, cwd=scratch, env=env, timeout_secs=20)
    said = said.replace(os.fsencode(scratch), b"SCRATCH")
    return result.outcome, result.exit_code, result.signal, list(result.pipestatus), said


def make(scratch: Path) -> None:
    scratch.mkdir()


@pytest.mark.anyio
async def test_both_runners_agree_on_every_vector(executor: Path, tmp_path: Path) -> None:
    cases = json.loads((VECTORS / "exec.json").read_text(encoding="utf-8"))
    commands = [(case["input"], case["expect"]) for case in cases] + [(text, None) for text in MORE]
    for number in range(len(commands)):
        for kind in ("rust", "python"):
            make(tmp_path / f"{kind}-{number}")
    async with registry_of(executor) as rust, registry_of(None) as python:
        for number, (command, expected) in enumerate(commands):
            theirs, ours = await asyncio.gather(
                one(rust, command, tmp_path / f"rust-{number}"),
                one(python, command, tmp_path / f"python-{number}"),
            )
            assert ours == theirs, command
            if expected is not None:
                assert ours[1] == expected["exit_code"], command
                assert ours[3] in expected["pipestatus_any_of"], command


TRAPS = [
    # where, what the file says, the command, the codes
    (".zshenv", "trap 'true | true | true' EXIT", "true | false | true", [0]),
    (".zshenv", ". ~/more", "false | true", [1, 0]),
    (".zshenv", "print set up", "false | true", [1, 0]),
    ("more", "trap 'true | true | true' EXIT", "source ./more; false | true", [0]),
    ("more", "trap 'true | true | true' EXIT", '. "$HOME/more" && false | true', [0]),
    ("more", "trap 'true | true | true' EXIT", "f=./more; source $f; false | true", [0]),
    ("more", "trap 'true | true | true' EXIT", 'eval "$(< more)"; false | true', [0]),
    ("more", "trap 'true | (exit 1) | (exit 1)' ZERR", "s=$(print source); $s ./more; true | false", [1]),
    ("more", "print set up", "source ./more; false | true", [1, 0]),
    ("more", "trap " + "x" * (1 << 20), "cat more >/dev/null; false | true", [1, 0]),
    ("more", "print set up", "source ./nosuch; false | true", [1, 0]),
    ("more", "tra\\p 'true | true | true' EXIT", "tr -d '\\\\' <more >made; . ./made; false | true", [0]),
    ("more", "#" * (1 << 20) + "\ntrap 'true | true | true' EXIT", "source ./more; false | true", [0]),
]


@pytest.mark.anyio
async def test_both_runners_heed_the_traps_of_other_files(executor: Path, tmp_path: Path) -> None:
    async with registry_of(executor) as rust, registry_of(None) as python:
        for number, (name, content, command, codes) in enumerate(TRAPS):
            home = tmp_path / str(number)
            home.mkdir()
            (home / name).write_text(f"{content}\n", encoding="utf-8")
            env = {**request("").env, "HOME": str(home)}
            for registry in (rust, python):
                result, _ = await run(registry, command, cwd=home, env=env)
                assert list(result.pipestatus) == codes, (content[:50], command, registry.python_only)
