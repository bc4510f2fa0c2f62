"""Each kind of insight as the whole advice of a reply: its words, its evidence, its age, and where it holds.

Of a past there are two ends: what is said at its own place, and what is said of the same command in another project.
"""

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.memory import Memory, Result, timed_out
from zsh_tool import render
from zsh_tool.insights import for_reply

HOUR = 3600.0
MINUTE = 60.0
FAILED = Result(2)
LATE = timed_out()


@dataclass(frozen=True)
class Step:
    """A command of the past, and the time since the one before it."""

    command: str
    ended: Result | int = 0
    after: float = HOUR
    cwd: str = ""


def steps(count: int, command: str, ended: Result | int = 0, after: float = HOUR) -> list[Step]:
    return [Step(command, ended, after) for _ in range(count)]


def piped(*codes: int) -> Result:
    return Result(codes[-1], codes)


@dataclass(frozen=True)
class Case:
    """A past, what is run now, and what the reply says here and elsewhere."""

    kind: str
    past: list[Step]
    now: Step
    here: str
    elsewhere: str = ""


MENDED = [
    Step("npm test", 1, 2 * HOUR),
    Step("ls node_modules", 0, MINUTE),
    Step("npm ci", 0, MINUTE),
    Step("npm test", 0, MINUTE),
]

CASES = [
    Case(
        "retry",
        [Step("make all", 2)],
        Step("make all", 2, 2 * MINUTE),
        "[this command already failed once in the last 10 min (2 min ago, exit 2)]",
    ),
    Case(
        "retry after a timeout",
        [Step("make all", LATE), Step("make all", FAILED, MINUTE)],
        Step("make all", 2, 2 * MINUTE),
        "[this command already failed twice in the last 10 min (last 2 min ago, exit 2)]",
    ),
    Case("retry too late", [Step("make all", 2)], Step("make all", 2, 11 * MINUTE), ""),
    Case(
        "retry with mixed results", [Step("make all", 2), Step("make all", 0, MINUTE)], Step("make all"), ""
    ),
    Case(
        "similar",
        [Step("git push origin a", 1), Step("git push origin b", 1, MINUTE)],
        Step("git push origin c", 1, MINUTE),
        "[2 similar (`git push *`) in the last 10 min: all failed]",
    ),
    Case(
        "one similar failure",
        [Step("git push origin a", 1)],
        Step("git push origin c", 1, MINUTE),
        "",
    ),
    Case("streak of two", steps(2, "make all", 2), Step("make all", 2), ""),
    Case(
        "streak",
        steps(4, "make all", 2),
        Step("make all", 2),
        "[failed 4 times in a row here (first 4 h ago)]",
    ),
    Case(
        "streak after a success",
        [*steps(5, "make all", 2), Step("make all"), *steps(3, "make all", 2)],
        Step("make all", 2),
        "[failed 3 times in a row here (first 3 h ago); this very command succeeded 4 h ago]",
    ),
    Case("streak that ends", steps(4, "make all", 2), Step("make all"), ""),
    Case(
        "history",
        [*steps(3, "make slow", LATE), Step("make slow")],
        Step("make slow", LATE),
        "[this command timed out in 3 of 4 runs here (after up to 2 min); allow more time or narrow it;"
        " this very command succeeded 1 h ago]",
    ),
    Case(
        "history of which the newer part counts more",
        # Of six runs four were late, but those are four half-lives old.
        [*steps(4, "make slow", LATE), Step("make slow", 0, 120 * 24 * HOUR), Step("make slow")],
        Step("make slow", LATE),
        "[this very command succeeded 1 h ago]",
    ),
    Case(
        "ssh",
        [Step("ssh db1 uptime", code) for code in (0, 255, 255)],
        Step("ssh db1 'df -h'", 255),
        "[ssh exit 255: ssh itself failed: the connection was not made or was lost;"
        " connecting to `db1` failed in 2 of 3 tries (last 1 h ago)]",
        # A host is the same from everywhere.
        "[ssh exit 255: ssh itself failed: the connection was not made or was lost;"
        " connecting to `db1` failed in 2 of 3 tries (last 1 h ago)]",
    ),
    Case(
        "a remote command",
        steps(3, "ssh db1 make all", 2),
        Step("ssh db1 make all", Result(2, output_bytes=0)),
        "[`make all` failed in 3 of 3 runs on `db1`, which was reached (last 1 h ago); make exit 2: a recipe failed]",
        "[`make all` failed in 3 of 3 runs on `db1`, which was reached (last 1 h ago); make exit 2: a recipe failed]",
    ),
    Case(
        "manopt",
        steps(2, "tool -x --size=3 a", 2, MINUTE),
        Step("tool -x --size=3 b", 2, MINUTE),
        "[options of tool, from its man page: --size=N: how much; -x: take out; -a: all;"
        " 2 similar (`tool -x --size=3 *`) in the last 10 min: all failed]",
    ),
    Case(
        "exit_code",
        [],
        Step("curl -sf api | jq -e .x", piped(0, 5)),
        "[jq exit 5: the program failed on this input, or it is not JSON]",
        "[jq exit 5: the program failed on this input, or it is not JSON]",
    ),
    Case(
        "pipeline",
        [],
        Step("make all | grep -c warn", piped(2, 1)),
        "[hidden by the pipeline's exit 1: `make all` failed with 2 (a recipe failed);"
        " grep exit 1: no lines matched, not an error]",
        "[hidden by the pipeline's exit 1: `make all` failed with 2 (a recipe failed);"
        " grep exit 1: no lines matched, not an error]",
    ),
    Case(
        "unusual",
        steps(20, "curl -s api | wc -l", piped(0, 0)),
        Step("curl -s api | wc -l", piped(7, 0)),
        "[hidden by the pipeline's exit 0: `curl -s api` failed with 7 (no connection to the host);"
        " unusual here: `curl -s api` gave 7 (0 in 20 of 20 runs of `curl -s *`)]",
        "[hidden by the pipeline's exit 0: `curl -s api` failed with 7 (no connection to the host)]",
    ),
    Case(
        "last_good",
        [Step("git push origin main"), Step("git push upstream release", 0, MINUTE)],
        Step("git push origin dev", 1, 2 * HOUR),
        "[last success 2 h ago with `main` in place of `dev`]",
    ),
    Case(
        "last_good elsewhere in the project",
        [Step("npm test", cwd="web")],
        Step("npm test", 1),
        "[last success 1 h ago in `web`]",
    ),
    Case("fix seen once", MENDED, Step("npm test", 1), "[this very command succeeded 1 h ago]"),
    Case(
        "fix",
        [*MENDED, *MENDED],
        Step("npm test", 1),
        "[when this failed here before, `npm ci` was followed by success 2 of 2 times (last 1 h ago);"
        " this very command succeeded 1 h ago]",
    ),
]


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def live(memory: Memory, past: list[Step]) -> None:
    for step in past:
        place = memory.cwd / step.cwd
        place.mkdir(exist_ok=True)
        memory.run(step.command, again(step.ended), cwd=place, after=step.after)
    connection = sqlite3.connect(memory.path)
    if past:
        options = "-a: all\n--size=N: how much\n-x: take out"
        connection.execute("INSERT OR REPLACE INTO manopt_cache VALUES ('tool', ?, '')", (options,))
    connection.commit()
    connection.close()


def again(ended: Result | int) -> Result:
    return Result(ended) if isinstance(ended, int) else replace(ended)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_the_whole_advice_of_a_reply(memory: Memory, case: Case, place: str) -> None:
    memory.path.parent.mkdir(exist_ok=True)
    live(memory, case.past)
    cwd = memory.cwd if place == "here" else memory.project("other")
    reply = memory.run(case.now.command, again(case.now.ended), cwd=cwd, after=case.now.after)
    shown = [one.message for one in reply.insights if one.shown]
    assert render.bracketed(shown, 5000) == (case.here if place == "here" else case.elsewhere)


def test_a_success_after_any_past_is_told_nothing(memory: Memory) -> None:
    for case in CASES:
        live(memory, case.past)
    for case in CASES:
        count = len(again(case.now.ended).pipestatus)
        assert memory.run(case.now.command, Result(0, (0,) * count)).text == "", case.kind


def test_of_a_streak_longer_than_what_is_read_no_beginning_is_told(memory: Memory) -> None:
    for _ in range(60):
        memory.now += HOUR
        memory.alan.record("make all", Result(2), memory.cwd)
    found = memory.before("make all").of("streak")
    assert found is not None
    assert found.message == "failed the last 50 times here (the first of them 2 d ago)"


def test_what_is_said_of_a_command_that_still_runs(memory: Memory) -> None:
    for seconds in (30, 31, 33, 32, 40):
        memory.run("make all", Result(0, elapsed_ms=seconds * 1000), after=HOUR)
    before = memory.before("make all").insights
    shown = [one.message for one in for_reply(before, [], None) if one.shown]
    assert shown == ["usually takes 32 s here, rarely over 40 s (5 runs)"]
    slow = memory.alan.running_insight("make all", memory.cwd, 99_000)
    assert slow is not None
    shown = [one.message for one in for_reply(before, [slow], None) if one.shown]
    assert shown == ["3x longer than usual (32 s over 5 runs here)"]
    assert memory.alan.running_insight("make all", memory.project("other"), 99_000) is None
