"""What ends a call, and when."""

import asyncio
import re
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.fakes import FakeTask, FastClock
from tests.waits import BOUND_SECS, until
from zsh_tool.config import load
from zsh_tool.matching import OutputSearch
from zsh_tool.waiting import (
    BadUntilError,
    Until,
    Waited,
    WaitReason,
    horizon,
    parse_until,
    settled,
    wait_for,
)

pytestmark = pytest.mark.anyio


def wait(
    task: FakeTask, until: str | Until | None, limit: float = 30.0, since: int | None = None
) -> "asyncio.Task[Waited]":
    parsed = until if isinstance(until, Until) else parse_until(until, task.accepts_input)
    return asyncio.create_task(wait_for(task, parsed, limit, since, FastClock()))


async def settle_loop() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_ended_task_ends_the_wait_at_once(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    waiting = wait(task, None)
    await settle_loop()
    assert not waiting.done()
    task.end()
    assert (await waiting).reason is WaitReason.ENDED
    assert (await wait(task, "never")).reason is WaitReason.ENDED


async def test_the_clock_ends_the_wait(tmp_path: Path) -> None:
    started = time.monotonic()
    task = FakeTask(tmp_path)
    assert (await wait(task, "exit", limit=2)).reason is WaitReason.CLOCK
    assert time.monotonic() - started < 1
    assert (await wait(task, None, 0)).reason is WaitReason.CLOCK


async def test_output_ends_the_wait_for_output(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    waiting = wait(task, "output")
    await settle_loop()
    task.print(b"x")
    assert (await waiting).reason is WaitReason.OUTPUT
    task.delivered = 1
    waiting = wait(task, "output", limit=1)
    assert (await waiting).reason is WaitReason.CLOCK


async def test_an_expression_is_found_across_blocks_without_a_newline(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    waiting = wait(task, r"ready on port \d+$")
    for part in (b"star", b"ting\nserver \x1b[3", b"2mrea", b"dy\x1b[0m on po", b"rt 80"):
        task.print(part)
        await settle_loop()
    assert await waiting == Waited(WaitReason.MATCHED, "server ready on port 80")


async def test_delivered_output_does_not_match_again(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"done\n")
    assert (await wait(task, "^done$")).reason is WaitReason.MATCHED
    task.delivered = 5
    assert (await wait(task, "^done$", limit=1)).reason is WaitReason.CLOCK
    task.print(b"done\n")
    assert (await wait(task, "^done$")).reason is WaitReason.MATCHED


async def test_what_the_last_moment_printed_still_matches(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    waiting = wait(task, "finished")
    await settle_loop()
    task.print(b"finished")
    task.end()
    assert (await waiting).reason is WaitReason.MATCHED


@pytest.mark.parametrize("at", range((1 << 18) - 12, (1 << 18) + 2))
async def test_the_border_of_a_window_is_no_end_and_no_beginning_of_a_line(tmp_path: Path, at: int) -> None:
    task = FakeTask(tmp_path)
    task.print(b"x" * (at - 10_000) + b"\n" + b"y" * 9_999 + b"half a line, and the rest\n" + b"z" * 50_000)
    for never in ("half$", "ha$", "a line,$", "^y?half", "^a line", "^z{1,9}$", "x$y"):
        assert (await wait(task, never, limit=0)).reason is WaitReason.CLOCK
    assert (await wait(task, "yhalf a line, and the rest$")).matched is not None


async def test_a_long_line_has_one_beginning_for_an_expression(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"x" * 30_000)
    waiting = wait(task, "^x*y$")
    await settle_loop()
    task.print(b"y")
    task.end()
    assert (await waiting).reason is WaitReason.ENDED


async def test_an_expression_is_found_far_behind_megabytes(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"noise and more noise\n" * 300_000 + b"the needle: 42\n" + b"noise\n" * 10_000)
    assert (await wait(task, r"^the needle: \d+$")).matched == "the needle: 42"


async def test_a_hostile_expression_is_given_up_and_the_loop_lives(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"a" * 5000)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    waited = await wait(task, r"(?=(a+)+\1+b)(a|aa)+$b", limit=100)
    ticking.cancel()
    assert waited.reason is WaitReason.CLOCK
    assert waited.note is not None
    assert ticks > 20


class SlowExpression:
    """Finds "found", but in a thread only, and for its first search there not before it is released."""

    pattern = "found"

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.running = 0
        self.most = 0
        self.searches = 0
        self.released = threading.Event()
        self._lock = threading.Lock()

    def search(
        self, text: str, pos: int = 0, *, timeout: float, concurrent: bool = False
    ) -> "re.Match[str] | None":
        if not concurrent:
            raise TimeoutError
        with self._lock:
            self.searches += 1
            held = self.searches <= self.holds
            self.running += 1
            self.most = max(self.most, self.running)
        if held:
            self.released.wait(BOUND_SECS)
        with self._lock:
            self.running -= 1
        return re.compile(self.pattern).search(text, pos)


def searching(task: FakeTask, expression: SlowExpression) -> "asyncio.Task[str | None]":
    search = OutputSearch(task.output, expression, 0)
    return asyncio.create_task(search.upto(task.output.total, BOUND_SECS))


async def test_at_most_two_searches_are_in_threads_at_once(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"found\n")
    slow = SlowExpression(holds=10)
    waits = [searching(task, slow) for _ in range(10)]
    await until(lambda: slow.running == 2)
    await settle_loop()
    slow.released.set()
    assert await asyncio.gather(*waits) == ["found"] * 10
    assert (slow.most, slow.searches) == (2, 10)
    task.end()


async def test_a_search_is_not_kept_waiting_by_one_that_takes_long(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"found\n")
    slow = SlowExpression(holds=1)
    first = searching(task, slow)
    await until(lambda: slow.running == 1)
    assert await searching(task, slow) == "found"
    first.cancel()
    await asyncio.wait({first})
    assert slow.running == 1
    assert await searching(task, slow) == "found"
    slow.released.set()
    await until(lambda: slow.running == 0)
    task.end()


async def test_a_hostile_expression_does_not_outlast_the_clock(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"a" * 5000)
    started = time.monotonic()
    waited = await wait_for(task, parse_until(r"(?=(a+)+\1+b)(a|aa)+$b", False), 0.1)
    assert waited == Waited(WaitReason.CLOCK)
    assert time.monotonic() - started < 1.5


async def test_a_question_is_seen_at_the_end_of_every_wait_that_watches_output(tmp_path: Path) -> None:
    task = FakeTask(tmp_path, open_input=True)
    task.fake.waiting_for_input = True
    assert (await wait(task, "never", limit=2)).reason is WaitReason.INPUT
    assert task.fake.probes == 1
    waiting = wait(task, settled())
    await settle_loop()
    task.print(b"Sorry, try again.\npassword: ")
    assert (await waiting).reason is WaitReason.INPUT
    assert (await wait(task, "idle")).reason is WaitReason.INPUT
    assert (await wait(task, "never", limit=0)).reason is WaitReason.CLOCK


async def test_idle_needs_output_and_then_quiet(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    assert (await wait(task, "idle", limit=2)).reason is WaitReason.CLOCK
    waiting = wait(task, "idle")
    for _ in range(5):
        task.print(b".")
        await asyncio.sleep(0.2 / 20)
        assert not waiting.done()
    assert (await waiting).reason is WaitReason.IDLE


async def test_what_a_reply_could_not_show_yet_is_no_new_output(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"10 %\r")
    assert (await wait(task, "output")).reason is WaitReason.OUTPUT
    task.delivered, task.looked_at = 4, 5
    for word in ("output", "idle"):
        assert (await wait(task, word, limit=2)).reason is WaitReason.CLOCK
    waiting = wait(task, "^20 %$")
    await settle_loop()
    assert not waiting.done()
    task.print(b"20 %\r")
    assert (await waiting).matched == "20 %"
    assert (await wait(task, "output")).reason is WaitReason.OUTPUT


async def test_a_question_that_came_after_the_look_is_seen_when_the_wait_is_over(tmp_path: Path) -> None:
    task = FakeTask(tmp_path, open_input=True)
    waiting = wait(task, "input", limit=10)
    await asyncio.sleep(2 / 20)
    assert task.fake.probes == 1
    task.fake.waiting_for_input = True
    assert (await waiting).reason is WaitReason.INPUT
    assert task.fake.probes == 2


async def test_settled_counts_from_the_offset_given(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.print(b"old")
    assert (await wait(task, settled(), limit=1, since=3)).reason is WaitReason.CLOCK
    waiting = wait(task, settled(), since=3)
    await settle_loop()
    task.print(b"new")
    assert (await waiting).reason is WaitReason.IDLE


async def test_a_question_ends_the_wait_and_is_looked_for_once_per_burst(tmp_path: Path) -> None:
    task = FakeTask(tmp_path, open_input=True)
    task.print(b"working\n")
    waiting = wait(task, None)
    await asyncio.sleep(2 / 20)
    assert task.fake.probes == 1
    assert not waiting.done()
    task.fake.waiting_for_input = True
    await asyncio.sleep(2 / 20)
    assert task.fake.probes == 1
    task.print(b"name? ")
    assert (await waiting).reason is WaitReason.INPUT


async def test_tasks_without_open_input_are_never_probed(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    task.fake.waiting_for_input = True
    assert (await wait(task, None, limit=2)).reason is WaitReason.CLOCK
    assert task.fake.probes == 0


async def test_waiting_for_the_end_costs_nothing_while_output_flows(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    waiting = wait(task, "exit")
    for _ in range(50):
        task.print(b"line\n")
        await asyncio.sleep(0)
    task.end()
    await waiting
    assert task.fake.notified == 0


async def test_waits_leave_nothing_behind(tmp_path: Path) -> None:
    task = FakeTask(tmp_path)
    for _ in range(50):
        await wait(task, "output", limit=0.01)
    waiting = wait(task, "output")
    await settle_loop()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    task.output_grew(0)
    assert task._waiters == []
    assert not task.ended.cancelled()


@pytest.mark.parametrize(
    ("text", "open_input", "expected"),
    [
        (None, False, Until()),
        (None, True, Until(or_input=True)),
        ("", True, Until(or_input=True)),
        ("exit", True, Until()),
        ("input", False, Until(or_input=True)),
        ("idle", False, Until(WaitReason.IDLE)),
        ("output", False, Until(WaitReason.OUTPUT)),
        ("exits?", True, Until(WaitReason.MATCHED, pattern="exits?")),
    ],
)
def test_until_is_a_word_or_an_expression(text: str | None, open_input: bool, expected: Until) -> None:
    assert parse_until(text, open_input) == expected


@pytest.mark.parametrize("text", ["(", "*", "a" * 5000, "[z-a]", "(?R)", r"(x|\\(?1))", "(?P<n>a(?&n))"])
def test_a_bad_expression_is_refused(text: str) -> None:
    with pytest.raises(BadUntilError):
        parse_until(text, False)


def test_what_only_looks_like_a_call_of_itself_is_an_expression() -> None:
    for text in (r"\(\?R\)", r"f\(?1\)", "(?:a)(?=b)(?i:c)(?P<n>d)(?P=n)", r"is it (ok)\?"):
        assert parse_until(text, False).pattern == text


@dataclass(frozen=True)
class Estimate:
    runs: int
    p90_ms: float


@pytest.mark.parametrize(
    ("estimate", "asked", "expected"),
    [
        (None, None, 10.0),
        (Estimate(5, 20_000), None, 22.0),
        (Estimate(4, 20_000), None, 10.0),
        (Estimate(9, 3_000), None, 10.0),
        (Estimate(9, 43_000), None, 45.0),
        (Estimate(9, 44_000), None, 10.0),
        (Estimate(9, 20_000), 3.0, 3.0),
        (None, 90.0, 45.0),
        (None, 0.0, 0.0),
        (None, -1.0, 0.0),
    ],
)
def test_the_horizon_is_asked_learned_or_default(
    estimate: Estimate | None, asked: float | None, expected: float
) -> None:
    assert horizon(load({}), estimate, asked) == expected


def test_a_client_that_waits_longer_may_ask_for_more() -> None:
    settings = load({})
    settings = replace(settings, server=replace(settings.server, call_max=110.0))
    assert horizon(settings, None, 100.0) == 100.0
