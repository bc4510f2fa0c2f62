import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens import most_tokens
from zsh_tool import render
from zsh_tool.insights import Insight
from zsh_tool.render import Remarks
from zsh_tool.replies import Facts
from zsh_tool.taskmodel import BLOCKED, OUTCOMES

EXITED = Facts(task_id="k3x9ab", outcome="exited", exit_code=0, pipestatus=(0,), elapsed_ms=123)
RUNNING = Facts(task_id="k3x9ab", running=True, elapsed_ms=10_040)


def facts(outcome: str, **more: object) -> Facts:
    # Which facts there are is for the dataclass to say.
    return Facts(**{"task_id": "k3x9ab", "outcome": outcome, "elapsed_ms": 2_040, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_facts", "text"),
    [
        (EXITED, "exit 0 in 0.12 s"),
        (facts("exited", exit_code=3, pipestatus=(3,)), "exit 3 in 2.0 s"),
        (facts("exited", exit_code=0, pipestatus=(1, 0)), "exit 0 in 2.0 s; pipeline 1 0"),
        (facts("signalled", exit_code=139, signal="SEGV"), "killed by signal SEGV (exit 139) in 2.0 s"),
        (
            facts("signalled", exit_code=143, signal="TERM", ended_by="agent"),
            "killed by signal TERM from the agent (exit 143) in 2.0 s",
        ),
        (facts("timed_out", exit_code=143, signal="TERM"), "timed out, ended (exit 143, TERM) in 2.0 s"),
        (
            facts("idle_timeout", exit_code=143, signal="TERM"),
            "idle too long, ended (exit 143, TERM) in 2.0 s",
        ),
        (
            facts("killed", ended_by="agent", exit_code=143, signal="TERM"),
            "killed by agent (exit 143, TERM) in 2.0 s",
        ),
        (facts("killed", ended_by="user", exit_code=0), "killed by user (exit 0) in 2.0 s"),
        (facts("cancelled", exit_code=137, signal="KILL"), "cancelled (exit 137, KILL) in 2.0 s"),
        (
            facts("session_ended", exit_code=143, signal="TERM"),
            "ended with its session (exit 143, TERM) in 2.0 s",
        ),
        (facts("failed_to_start"), "failed to start"),
        (RUNNING, "running 10 s, task k3x9ab"),
        (
            Facts(task_id="k3x9ab", running=True, elapsed_ms=900, waiting_for_input=True),
            "waits for input: answer with zsh_send; running 0.9 s, task k3x9ab",
        ),
        (
            facts("exited", exit_code=0, survivors=[{"pid": 7, "name": "sleep"}]),
            "exit 0 in 2.0 s; still alive: sleep (7), end with zsh_kill, task k3x9ab",
        ),
        (facts("exited", exit_code=0, truncated=True), "exit 0 in 2.0 s; task k3x9ab"),
    ],
)
def test_the_state_says_what_happened(given_facts: Facts, text: str) -> None:
    assert render.state(given_facts) == text


def test_every_outcome_has_words_of_its_own() -> None:
    outcomes = [outcome for outcome in OUTCOMES if outcome != BLOCKED]
    said = {render.ended(facts(outcome)) for outcome in outcomes}
    assert len(said) == len(outcomes)


@pytest.mark.parametrize(
    ("elapsed_ms", "text"),
    [
        (0, "0 s"),
        (4, "0.004 s"),
        (999, "1 s"),
        (1500, "1.5 s"),
        (61_000, "61 s"),
        (600_000, "10 min"),
        (9e6, "2 h 30 min"),
    ],
)
def test_times_are_said_as_a_person_would(elapsed_ms: float, text: str) -> None:
    assert render.seconds(elapsed_ms) == text


def test_a_plain_success_costs_little() -> None:
    text = render.reply("hello\n", EXITED, Remarks())
    assert text == "hello\n[exit 0 in 0.12 s]"
    assert most_tokens(text) - most_tokens("hello\n") <= 25


def test_output_comes_first_then_at_most_three_lines_the_last_one_the_state() -> None:
    text = render.reply(
        "line\n\n",
        RUNNING,
        Remarks(
            notes=["workdir taken as cwd", "timeout 900 is out of range"],
            insights=[
                Insight("retry", "warning", "third try"),
                Insight("history", "info", "not said", shown=False),
            ],
            finished=["task aaaaaa (make) ended: exit 0 in 3 s"],
            state=["Python-only mode"],
        ),
    )
    assert text.splitlines() == [
        "line",
        "",
        "[workdir taken as cwd; timeout 900 is out of range; task aaaaaa (make) ended: exit 0 in 3 s]",
        "[third try]",
        "[running 10 s, task k3x9ab; Python-only mode]",
    ]


def test_no_output_means_no_empty_line() -> None:
    assert render.reply("", EXITED, Remarks()) == "[exit 0 in 0.12 s]"
    assert render.reply("\n", EXITED, Remarks()) == "[exit 0 in 0.12 s]"


def test_the_options_of_a_page_are_one_whole_line_beside_the_other_advice() -> None:
    options = "options of tar, from its man page:\n" + "\n".join(f"-x{n}: {'w' * 40};" for n in range(40))
    advice = [Insight("retry", "warning", "third try"), Insight("manopt", "info", options)]
    lines = render.reply("out\n", EXITED, Remarks(notes=["a note"], insights=advice)).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("[third try; options of tar, from its man page: -x0: ")
    assert lines[2].endswith(f"-x39: {'w' * 40};]")


@given(st.text())
def test_a_remark_never_breaks_its_line(remark: str) -> None:
    line = render.bracketed([remark])
    assert len(line.splitlines()) <= 1
    assert len(line) <= render.LINE_MAX_CHARS + 2


@given(st.text())
def test_a_preview_is_one_short_printable_line(command: str) -> None:
    shown = render.preview(command, 30)
    assert len(shown) <= 30
    assert re.fullmatch(r"[^\x00-\x1f\x7f-\x9f]*", shown)
