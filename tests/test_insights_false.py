"""Histories made to mislead: a false insight is worse than none."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.memory import Memory, Result, timed_out

LONG = "make -C build OPTION=" + "x" * 190
"""A command of which a row shows only the beginning."""


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def test_a_command_that_goes_on_is_not_the_one_that_succeeded(memory: Memory) -> None:
    memory.run("cd app && make")
    found = memory.run("cd app && make test", 2).of("last_good")
    assert found is not None
    assert found.message == "last success 30 s ago without `test`"


@pytest.mark.parametrize(
    "other", ["{}; echo done", "{} || true", "{} & wait", "{}\necho done", "{} && echo yes"]
)
def test_a_command_whose_end_another_one_gave_is_not_the_same(memory: Memory, other: str) -> None:
    for number in range(12):
        memory.run(other.format(f"curl -s host/{number}"), Result(0, elapsed_ms=30_000), after=3600)
    assert memory.before("curl -s host").insights == []
    reply = memory.run("curl -s host", 7)
    assert reply.text == "[curl exit 7: no connection to the host]"
    assert memory.alan.estimate("curl -s host", memory.cwd) is None
    assert memory.alan.query(command="curl -s host/x", cwd=memory.cwd)[-1]["command"] == "curl -s host"


def test_what_stands_between_commands_in_quotes_or_substitutions_is_an_argument(memory: Memory) -> None:
    memory.run("curl -s 'host;x' $(a && b)", after=60)
    found = memory.run("curl -s 'host' $(c; d)", 7).of("last_good")
    assert found is not None
    assert found.message.startswith("last success 30 s ago")


def test_texts_that_differ_in_quotes_beyond_what_a_row_shows_are_not_the_same(memory: Memory) -> None:
    for number in range(4):
        memory.run(f"{LONG} 'step {number}'", 2)
    reply = memory.run(f"{LONG} 'step 9'", 2)
    assert (reply.of("retry"), reply.of("streak")) == (None, None)
    memory.run(f"{LONG} 'step 3'", 0)
    found = memory.run(f"{LONG} 'step 7'", 2).of("last_good")
    assert found is not None
    assert found.message == "last success 30 s ago of a command that begins like this one"


def test_a_long_text_that_its_hash_tells_in_full_is_the_same(memory: Memory) -> None:
    memory.run(f"{LONG} all", 2)
    assert memory.run(f"{LONG} all", 2).of("retry") is not None
    assert memory.run(f"{LONG} none", 2).of("retry") is None


def test_a_long_search_that_finds_nothing_is_no_failing_streak(memory: Memory) -> None:
    for _ in range(4):
        reply = memory.run(f"{LONG} | grep error", Result(1, pipestatus=(0, 1)))
    assert [one for one in reply.insights if one.level == "warning"] == []


@pytest.mark.parametrize("other", ["ls\nmake", "ls  make", "ls 'make'"])
def test_what_a_shell_reads_otherwise_is_another_command(memory: Memory, other: str) -> None:
    for _ in range(3):
        memory.run("ls make", 2)
    reply = memory.before(other)
    assert (reply.of("retry"), reply.of("streak")) == (None, None)


def test_what_was_run_in_another_project_meanwhile_fixed_nothing_here(memory: Memory) -> None:
    for _ in range(3):
        memory.run("npm test", 1, after=7200)
        memory.run("npm install", cwd=memory.project("other"))
        memory.run("npm test")
    assert memory.run("npm test", 1, after=7200).of("fix") is None


def test_what_fixed_another_kind_of_failure_is_not_offered(memory: Memory) -> None:
    for _ in range(2):
        memory.run("git push origin main", 1, after=7200)
        memory.run("git pull --rebase")
        memory.run("git push origin main")
    assert memory.run("git push origin main", 128, after=7200).of("fix") is None
    found = memory.run("git push origin topic", 1, after=7200).of("fix")
    assert found is not None
    assert found.message.startswith(
        "when `git push *` failed here before, `git pull --rebase` was followed by"
    )


def test_options_are_offered_for_the_command_that_failed(memory: Memory) -> None:
    for _ in range(4):
        memory.run("cat a | sort", Result(2, pipestatus=(0, 2)))
    connection = sqlite3.connect(memory.path)
    for page in ("sort", "cat"):
        connection.execute("INSERT INTO manopt_cache VALUES (?, '-k, --key: the key', 'now')", (page,))
    connection.commit()
    connection.close()
    assert memory.before("cat a b").of("manopt") is None
    assert memory.before("cat a | sort").of("manopt") is not None


def test_other_arguments_may_take_longer(memory: Memory) -> None:
    for _ in range(5):
        memory.run("python import.py 20", Result(0, elapsed_ms=20_000))
    before = memory.before("python import.py 60").of("duration")
    assert before is not None
    assert before.message == "`python import.py *` usually takes 20 s here, rarely over 20 s (5 runs)"
    late = memory.alan.running_insight("python import.py 60", memory.cwd, 60_000)
    assert late is not None
    assert late.message == "3x longer than `python import.py *` usually takes (20 s over 5 runs here)"


def test_an_answer_that_other_arguments_never_gave_is_no_news(memory: Memory) -> None:
    for number in range(20):
        memory.run(f"grep -rn word{number} src")
    reply = memory.run("grep -rn nothing src", Result(1, output_bytes=0))
    assert reply.text == "[grep exit 1: no lines matched, not an error]"


def test_a_remote_search_that_finds_nothing_does_not_fail(memory: Memory) -> None:
    for _ in range(5):
        reply = memory.run("ssh db1 'grep -c error /var/log/app'", 1)
    assert [one for one in reply.insights if one.level == "warning"] == []
    for _ in range(5):
        reply = memory.run("ssh db1 'make -C app'", 2)
    found = reply.of("ssh")
    assert found is not None
    assert found.message == "`'make -C *` failed in 4 of 4 runs on `db1`, which was reached (last 30 s ago)"


def reply_after(memory: Memory, command: str, earlier: Result, now: Result) -> str:
    for _ in range(4):
        memory.run(command, replace(earlier), after=3600)
    return memory.run(command, now, after=3600).text


def test_a_warning_of_failures_is_dropped_when_the_end_is_an_answer(memory: Memory) -> None:
    text = reply_after(memory, "grep -rn x src", Result(2), Result(1, output_bytes=0))
    assert text == "[grep exit 1: no lines matched, not an error]"


@pytest.mark.parametrize("outcome", ["killed", "cancelled", "session_ended"])
def test_a_warning_of_failures_is_no_news_of_a_command_that_was_ended(memory: Memory, outcome: str) -> None:
    ended = Result(143, outcome=outcome, signal="TERM")
    assert reply_after(memory, "npm test", Result(1), ended) == ""


def test_more_time_is_no_advice_for_what_failed_at_once(memory: Memory) -> None:
    text = reply_after(memory, "make slow", timed_out(), Result(2))
    assert "allow more time" not in text
    assert "allow more time" in memory.run("make slow", timed_out(), after=3600).text


def test_a_host_that_was_reached_is_not_warned_of(memory: Memory) -> None:
    text = reply_after(memory, "ssh db1 make", Result(255), Result(2))
    assert "connecting to `db1`" not in text
    assert "connecting to `db1` failed in 4 of 5 tries" in memory.run("ssh db1 make", 255, after=3600).text


def test_a_directory_by_another_name_is_the_same(memory: Memory, tmp_path: Path) -> None:
    (memory.cwd / "web").mkdir()
    (tmp_path / "link").symlink_to(memory.cwd / "web")
    memory.run("npm test", cwd=memory.cwd / "web")
    found = memory.run("npm test", 1, cwd=tmp_path / "link").of("last_good")
    assert found is not None
    assert found.message == "this very command succeeded 30 s ago"
    again = memory.run("npm test", 1, cwd=memory.cwd / ".." / "app" / "web").of("retry")
    assert again is not None
    assert again.message == "mixed results in the last 10 min: 1 of 2 runs failed"
    assert memory.before("npm test").of("retry") is None, "that is another directory"


def test_a_clock_that_goes_back_makes_nothing_up(memory: Memory) -> None:
    for _ in range(3):
        memory.run("make", 2)
    memory.now -= 40 * 86_400
    reply = memory.run("make", 2)
    for one in reply.insights:
        assert "-" not in one.message
    assert memory.alan.recent_timeouts() == []
    assert memory.run("make").text == ""


def test_what_was_ended_from_outside_is_no_evidence(memory: Memory) -> None:
    memory.run("make")
    for outcome in ("killed", "cancelled", "session_ended"):
        memory.run("make", Result(143, outcome=outcome, signal="TERM"))
    reply = memory.run("make", 2)
    assert [one.kind for one in reply.insights if one.level == "warning"] == []
    found = reply.of("last_good")
    assert found is not None
    assert found.message == "this very command succeeded 2 min ago"


def test_a_first_run_in_a_busy_project_says_nothing(memory: Memory) -> None:
    for number in range(30):
        memory.run("npm test", number % 2)
        memory.run("ssh h uptime", 255)
        memory.run("sleep 99", timed_out())
    for command in ("npm ci", "make", "git status", "echo 'npm test'", "ls | wc -l"):
        codes = (0, 0) if "|" in command else (0,)
        assert memory.run(command, Result(0, pipestatus=codes)).text == ""


def test_a_retry_counts_no_more_than_it_looked_at(memory: Memory) -> None:
    for _ in range(3):
        memory.run("make all", 2)
    memory.run("make all", 2, after=700)
    found = memory.before("make all").of("retry")
    assert found is not None
    assert found.message == "this command already failed once in the last 10 min (just now, exit 2)"
