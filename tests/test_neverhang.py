"""The circuit breaker, with a clock that the test moves."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from tests.memory import Memory, Result, timed_out
from zsh_tool.config import load
from zsh_tool.insights import Insight
from zsh_tool.neverhang import OPEN_SECS, WINDOW_SECS, Neverhang, TimedOutRow
from zsh_tool.project import project_of
from zsh_tool.session import Session
from zsh_tool.session import opened as opened_session
from zsh_tool.taskmodel import TaskRequest

pytestmark = pytest.mark.anyio

HERE = "/src/app"


class Clock:
    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Neverhang:
    breaker = Neverhang(clock)
    for _ in range(3):
        assert breaker.check("sleep *", HERE).allowed
        clock.now += 60
        breaker.finished("sleep *", HERE, timed_out=True, ran=True)
    return breaker


def test_three_timeouts_within_an_hour_open_it_for_five_minutes() -> None:
    clock = Clock()
    breaker = opened(clock)
    verdict = breaker.check("sleep *", HERE)
    assert (verdict.allowed, verdict.state) == (False, "open")
    clock.now += OPEN_SECS - 1
    assert breaker.check("sleep *", HERE).state == "open"
    clock.now += 1
    assert breaker.check("sleep *", HERE).allowed


def test_only_a_template_that_is_held_back_somewhere_may_be_refused() -> None:
    clock = Clock()
    breaker = Neverhang(clock)
    breaker.finished("sleep *", HERE, timed_out=True, ran=True)
    assert not breaker.may_refuse("sleep *"), "one timeout holds nothing back"
    breaker = opened(clock)
    assert breaker.may_refuse("sleep *")
    assert not breaker.may_refuse("make")
    clock.now += OPEN_SECS
    assert breaker.may_refuse("sleep *"), "there may be a probe under way"
    breaker.reset()
    assert not breaker.may_refuse("sleep *")


def test_a_refusal_says_until_when_and_how_to_override() -> None:
    clock = Clock()
    message = opened(clock).check("sleep *", HERE).message or ""
    assert "3 times" in message
    assert "5 min 0 s" in message
    assert "zsh_neverhang_reset" in message


def test_timeouts_over_more_than_an_hour_leave_it_closed() -> None:
    clock = Clock()
    breaker = Neverhang(clock)
    for _ in range(6):
        clock.now += WINDOW_SECS / 2
        breaker.finished("sleep *", HERE, timed_out=True, ran=True)
        assert breaker.check("sleep *", HERE).allowed


def test_half_open_lets_exactly_one_probe_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += OPEN_SECS
    allowed: list[bool] = []
    threads = [
        threading.Thread(target=lambda: allowed.append(breaker.check("sleep *", HERE).allowed))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(allowed) == [False] * 15 + [True]
    assert breaker.statuses()[0].state == "half_open"


def test_a_completed_probe_closes_it_and_a_late_one_opens_it_again() -> None:
    clock = Clock()
    for late in (False, True):
        breaker = opened(clock)
        clock.now += OPEN_SECS
        assert breaker.check("sleep *", HERE).allowed
        breaker.finished("sleep *", HERE, timed_out=late, ran=True)
        assert breaker.check("sleep *", HERE).state == ("open" if late else "closed")


def test_a_probe_that_never_ran_lets_the_next_one_try() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += OPEN_SECS
    assert breaker.check("sleep *", HERE).allowed
    breaker.finished("sleep *", HERE, timed_out=False, ran=False)
    assert breaker.check("sleep *", HERE).allowed


def test_an_earlier_command_that_is_ended_makes_no_room_for_a_second_probe() -> None:
    for late in (False, True):
        clock = Clock()
        breaker = opened(clock)
        clock.now += OPEN_SECS
        assert breaker.check("sleep *", HERE).is_probe
        breaker.finished("sleep *", HERE, timed_out=late, ran=late, probe=False)
        clock.now += OPEN_SECS
        verdict = breaker.check("sleep *", HERE)
        assert not verdict.allowed
        assert "started 5 min ago" in (verdict.message or "")
        assert "zsh_neverhang_reset" in (verdict.message or "")
        breaker.finished("sleep *", HERE, timed_out=False, ran=True, probe=True)
        assert breaker.check("sleep *", HERE).state == "closed"


def test_a_clock_that_goes_back_does_not_keep_it_open() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now -= 3600
    assert breaker.check("sleep *", HERE).is_probe
    breaker.finished("sleep *", HERE, timed_out=True, ran=True)
    message = breaker.check("sleep *", HERE).message or ""
    assert "timed out again when it was tried" in message
    assert "5 min 0 s" in message


def test_a_template_is_shown_as_data() -> None:
    breaker = Neverhang(Clock())
    for _ in range(3):
        breaker.finished("sleep \x1b[31m`x`\n*", HERE, timed_out=True, ran=True)
    assert "`sleep 'x' *` timed out 3 times" in (breaker.check("sleep \x1b[31m`x`\n*", HERE).message or "")


def test_a_failure_is_a_completion_too() -> None:
    clock = Clock()
    breaker = Neverhang(clock)
    for _ in range(5):
        breaker.finished("make *", HERE, timed_out=True, ran=True)
        breaker.finished("make *", HERE, timed_out=False, ran=True)
    assert breaker.check("make *", HERE).allowed


def test_templates_and_projects_do_not_share_a_circuit() -> None:
    breaker = opened(Clock())
    assert breaker.check("sleep *", "/src/other").allowed
    assert breaker.check("make", HERE).allowed


def test_reset_closes_one_template_or_all() -> None:
    breaker = opened(Clock())
    assert breaker.reset("make") == 0
    assert breaker.reset("sleep *") == 1
    assert breaker.check("sleep *", HERE).allowed
    assert breaker.reset() == 0


def test_recorded_timeouts_of_the_last_hour_give_the_state_after_a_start() -> None:
    clock = Clock()
    breaker = Neverhang(clock)
    rows = [TimedOutRow("sleep *", HERE, clock.now - age) for age in (60, 100, 200, 4000)]
    breaker.seed(reversed(rows))
    status = breaker.statuses()[0]
    assert (status.state, status.recent_timeouts) == ("open", 3)
    assert status.open_until == clock.now - 60 + OPEN_SECS
    clock.now += OPEN_SECS
    assert breaker.check("sleep *", HERE).state == "half_open"


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ("late late late", "open"),
        ("late late late done", "closed"),
        ("late late late killed", "open"),
        ("late late done late late", "closed"),
        ("done late late killed late", "open"),
    ],
)
def test_a_completion_closes_it_over_a_start_too(tmp_path: Path, ends: str, state: str) -> None:
    memory = Memory(tmp_path)
    results = {"late": timed_out(), "done": Result(1), "killed": Result(143, outcome="killed", signal="TERM")}
    for end in ends.split():
        memory.run("sleep 99", results[end], after=10)
    memory.run("sleep 99", timed_out(), cwd=memory.project("other"))
    breaker = Neverhang(lambda: memory.now)
    breaker.seed(memory.open("sess0002").recent_timeouts())
    assert breaker.check("sleep 99", str(memory.cwd)).state == state
    assert breaker.check("sleep 99", str(memory.project("other"))).state == "closed"
    memory.now += OPEN_SECS
    assert breaker.check("sleep 99", str(memory.cwd)).allowed


async def test_a_probe_that_is_called_off_while_history_is_read_lets_the_next_one_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load({"HOME": str(tmp_path), "ALAN_DB_PATH": str(tmp_path / "alan.db")})
    reads, may_go_on = threading.Event(), threading.Event()

    def get_insights(*_: object) -> list[Insight]:
        reads.set()
        may_go_on.wait(10)
        return []

    session = Session(settings, {"HOME": str(tmp_path), "PATH": os.defpath}, tmp_path)
    async with opened_session(session):
        await session.ready()
        key = ("true", project_of(tmp_path))
        session.breaker.seed([TimedOutRow(*key, time.time() - OPEN_SECS - 1) for _ in range(3)])
        monkeypatch.setattr(session.alan, "get_insights", get_insights)
        starting = asyncio.create_task(session.start(TaskRequest("true", tmp_path, {})))
        assert await asyncio.to_thread(reads.wait, 10)
        starting.cancel()
        await asyncio.wait([starting])
        may_go_on.set()
        assert session.breaker.check(*key).is_probe


def test_quiet_circuits_are_forgotten() -> None:
    clock = Clock()
    breaker = Neverhang(clock)
    breaker.finished("sleep *", HERE, timed_out=True, ran=True)
    assert breaker.statuses()[0].state == "closed"
    clock.now += WINDOW_SECS
    assert breaker.statuses() == []
