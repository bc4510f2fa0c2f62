"""Advice that measures itself: what the session did next is an insight's score."""

from pathlib import Path
from typing import Any

import pytest

from tests.memory import Memory, Result
from zsh_tool.database import Reader
from zsh_tool.insights.score import FOLLOWING_READ, OLDEST_SECS


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def score(memory: Memory, kind: str) -> tuple[int, int, int]:
    stats: dict[str, Any] = memory.alan.get_stats("all", memory.cwd)
    (found,) = [one for one in stats["insights"] if one["kind"] == kind]
    return found["shown"], found["helped"], found["ignored"]


def show_a_retry(memory: Memory) -> None:
    """Fail twice: the second reply warns of a retry."""
    memory.run("make all", 2, after=700)
    assert "already failed once" in memory.run("make all", 2).text


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        ([], (0, 0, 0)),
        ([("ls", 0)], (1, 0, 0)),
        ([("ls", 0), ("make all", 0)], (1, 1, 0)),
        ([("make all", 0)], (1, 1, 0)),
        ([("ls", 0), ("make all", 3)], (1, 0, 1)),
        ([("ls", 0)] * (FOLLOWING_READ - 1), (1, 0, 0)),
        ([("ls", 0)] * FOLLOWING_READ, (1, 1, 0)),
    ],
)
def test_what_was_done_next_is_the_verdict(
    memory: Memory, following: list[tuple[str, int]], expected: tuple[int, int, int]
) -> None:
    show_a_retry(memory)
    for command, code in following:
        # Hours later, so that no more insights are shown.
        memory.run(command, code, after=4000)
    assert score(memory, "retry") == expected


def test_a_run_that_was_ended_from_outside_is_no_verdict(memory: Memory) -> None:
    show_a_retry(memory)
    memory.run("make all", Result(143, outcome="killed", signal="TERM"), after=4000)
    assert score(memory, "retry") == (1, 0, 0)
    memory.run("make all", after=4000)
    assert score(memory, "retry") == (1, 1, 0)


def test_what_other_sessions_did_is_no_verdict(memory: Memory) -> None:
    show_a_retry(memory)
    memory.run("ls")
    memory.open("sess0002")
    memory.run("make all", 2)
    assert score(memory, "retry") == (1, 0, 0)


def test_leaving_alone_is_no_answer_to_advice_on_how_to_go_on(memory: Memory) -> None:
    memory.run("make all")
    assert "this very command succeeded" in memory.run("make all", 2).text
    for _ in range(FOLLOWING_READ):
        memory.run("ls")
    assert score(memory, "last_good") == (1, 0, 0)


@pytest.mark.parametrize(
    ("kind", "command", "codes", "following", "next_codes", "expected"),
    [
        ("pipeline", "false | true", (1, 0), "false | true", (1, 0), (1, 0, 1)),
        ("pipeline", "false | true", (1, 0), "false | true", (0, 0), (1, 1, 0)),
        # What the end does not hide has not been put right either.
        ("pipeline", "false | true", (1, 0), "false | true", (0, 1), (1, 0, 1)),
        ("pipeline", "curl -s a | cat", (7, 0), "curl -s a", (0,), (1, 1, 0)),
        ("pipeline", "curl -s a | cat", (7, 0), "curl -s b | head", (141, 0), (1, 1, 0)),
        ("pipeline", "curl -s a | cat", (7, 0), "curl -s a | grep x | cat", (0, 1, 0), (1, 1, 0)),
        # The codes of a compound command belong to no recorded segment: nobody knows how its parts ended.
        ("pipeline", "true; make | cat", (2, 0), "true; make | cat", (2, 0), (1, 0, 0)),
        ("exit_code", "grep zz f", (1,), "grep zz f", (1,), (1, 0, 0)),
        ("exit_code", "grep zz f", (1,), "grep zz f", (0,), (1, 0, 0)),
        ("exit_code", "curl -s host", (7,), "curl -s host", (7,), (1, 0, 1)),
        ("exit_code", "curl -s host", (7,), "curl -s host", (0,), (1, 1, 0)),
    ],
)
def test_what_was_told_of_an_end_is_judged_by_the_same_part_of_the_next_end(
    memory: Memory,
    kind: str,
    command: str,
    codes: tuple[int, ...],
    following: str,
    next_codes: tuple[int, ...],
    expected: tuple[int, int, int],
) -> None:
    found = memory.run(command, Result(codes[-1], codes)).of(kind)
    assert found is not None
    assert found.shown
    memory.run(following, Result(next_codes[-1], next_codes), after=4000)
    assert score(memory, kind) == expected


def test_an_unusual_segment_that_fails_again_is_no_help(memory: Memory) -> None:
    for _ in range(10):
        memory.run("cut -f1 data | cat", Result(0, (0, 0)), after=4000)
    assert memory.run("cut -f1 data | cat", Result(0, (4, 0)), after=4000).of("unusual") is not None
    memory.run("cut -f1 data | cat", Result(0, (4, 0)), after=4000)
    assert score(memory, "unusual") == (1, 0, 1)


def test_a_kind_falls_silent_as_soon_as_the_figures_say_so_and_stays_so_after_a_restart(
    memory: Memory,
) -> None:
    told: set[str] = set()
    for _ in range(70):
        stats = memory.alan.get_stats("all", memory.cwd)
        mute = {one["kind"] for one in stats["insights"] if one["muted"]}
        reply = memory.run("exit 3", 3, after=5)
        shown = {one.kind for one in reply.insights if one.shown}
        assert not shown & mute
        told |= shown
    assert told == {"retry", "streak"}
    assert reply.text == ""
    memory.open("sess0002")
    again = memory.run("exit 3", 3, after=5)
    assert again.of("streak") is not None
    assert again.text == ""


def test_what_is_not_shown_is_not_judged_and_a_verdict_is_looked_up_once(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        memory.run("exit 3", 3, after=5)
    memory.run("make")
    asked: list[str] = []
    plain = Reader.rows

    def noted(self: Reader, sql: str, parameters: Any = ()) -> list[Any]:
        asked.append(sql)
        return plain(self, sql, parameters)

    monkeypatch.setattr(Reader, "rows", noted)
    memory.run("make")
    assert [sql for sql in asked if "FROM insights" in sql] == []
    memory.run("exit 3", 3)
    asked.clear()
    assert memory.before("exit 3").of("streak") is not None
    verdicts = [sql for sql in asked if "session_id = ? AND parent_id IS NULL AND rowid > ?" in sql]
    assert len(verdicts) <= 2, "only those that are still open"


def test_a_kind_that_muted_itself_is_heard_again_after_a_month(memory: Memory) -> None:
    memory.run("git push origin main", after=1)
    for number in range(30):
        memory.run(f"git push origin x{number}", 1, after=700)
    muted = memory.run("git push origin y", 1, after=700)
    assert (muted.text, muted.of("last_good") is not None) == ("", True)
    memory.run("git push origin main", after=OLDEST_SECS)
    memory.now += 700
    again = memory.run("git push origin y", 1, after=700)
    assert "last success" in again.text
