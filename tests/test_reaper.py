"""Orphans are ended, helpers are not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waits import alive
from zsh_tool.reaper import children_of, process_facts

CHECKOUT = Path(__file__).resolve().parent.parent

ADOPT_AND_END = """
import asyncio, json, os, subprocess, sys, time
from tests.waits import until
from zsh_tool.reaper import CHILDREN, become_subreaper, children_of, end_orphans
assert become_subreaper()
helper = subprocess.Popen(["sleep", "100"])
with CHILDREN.lock:
    known = subprocess.Popen(["sleep", "100"], start_new_session=True)
    CHILDREN.known.add(known.pid)
made = subprocess.Popen(["sh", "-c", sys.argv[1]], start_new_session=True, stdout=subprocess.PIPE)
pids = [int(word) for word in made.stdout.readline().split()]
made.wait()
asyncio.run(until(lambda: bool(set(pids) & set(children_of(os.getpid())))))
started = time.monotonic()
ended = end_orphans()
took = time.monotonic() - started
print(json.dumps({"pids": pids, "ended": ended, "took": took, "left": children_of(os.getpid()),
                  "helpers": [helper.pid, known.pid], "alive": [helper.poll() is None, known.poll() is None]}))
helper.kill(); known.kill(); helper.wait(); known.wait()
"""


@pytest.mark.parametrize(
    "command",
    [
        "sleep 100 & echo $!",
        "trap '' TERM; (sleep 100; sleep 100) & echo $!",
        "setsid sh -c 'sleep 100 & sleep 100 & wait' & echo $!",
        "sleep 100 & a=$!; kill -STOP $a; echo $a",
        "f() { sleep 0.01; f & }; f & sleep 100 & echo $!",
    ],
)
def test_orphans_and_their_descendants_are_ended(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ADOPT_AND_END, command],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)
    assert told["ended"] >= 1
    assert told["took"] < 3
    assert told["alive"] == [True, True]
    assert sorted(told["left"]) == sorted(told["helpers"])
    assert not any(map(alive, told["pids"]))


def test_facts_survive_odd_names(tmp_path: Path) -> None:
    odd = tmp_path / "a) R 1 (b"
    odd.write_text("#!/bin/sh\nread x\n", encoding="utf-8")
    odd.chmod(0o755)
    with subprocess.Popen([odd], stdin=subprocess.PIPE) as child:
        facts = process_facts(child.pid)
        assert facts is not None
        assert facts.pid == child.pid
        assert child.pid in children_of(facts.parent)
    assert process_facts(child.pid) is None
