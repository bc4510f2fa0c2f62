"""Duration: how long a command usually takes here, and when it takes unusually long."""

from collections.abc import Sequence
from statistics import median

from zsh_tool.insights.model import DurationEstimate, Insight
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import quoted, span
from zsh_tool.queries import Run

ENOUGH_RUNS = 5
RUNS_USED = 50
WORTH_SAYING_MS = 10_000
TOO_LONG_FACTOR = 3.0
TOO_LONG_AT_LEAST_MS = 5_000


def estimate(situation: Situation) -> DurationEstimate | None:
    """Return the usual time of this text, or else of its template; None before five completed runs."""
    return _usual(situation)[0]


def usual_duration(situation: Situation) -> Insight | None:
    """Say the usual time of a command that takes long enough to plan around."""
    usual, what = _usual(situation)
    if usual is None or usual.median_ms <= WORTH_SAYING_MS:
        return None
    message = f"{what}usually takes {span(usual.median_ms)} here, rarely over {span(usual.p90_ms)} ({usual.runs} runs)"
    return Insight("duration", "info", message)


def surely_not_long(usual: DurationEstimate | None, elapsed_ms: int) -> bool:
    """Tell whether ``running_long`` has nothing to say of a command with this estimate."""
    return usual is None or elapsed_ms < usual.p90_ms + TOO_LONG_AT_LEAST_MS


def running_long(situation: Situation, elapsed_ms: int) -> Insight | None:
    """Say that a running command takes several times its usual time."""
    usual, what = _usual(situation)
    if usual is None or surely_not_long(usual, elapsed_ms):
        return None
    # Other arguments may well take longer than most.
    expected_ms = usual.p90_ms if what else usual.median_ms
    if elapsed_ms < TOO_LONG_FACTOR * expected_ms:
        return None
    factor = elapsed_ms / max(1, usual.median_ms)
    many = f"{factor:.0f}x" if factor < 100 else "over 100x"
    than = f"{what}usually takes" if what else "usual"
    message = f"{many} longer than {than} ({span(usual.median_ms)} over {usual.runs} runs here)"
    return Insight("duration", "warning", message)


def _usual(situation: Situation) -> tuple[DurationEstimate | None, str]:
    """Return the estimate, and the name of what it is of unless that is this very command."""
    of_text = _estimate(situation, situation.same_text)
    if of_text is not None:
        return of_text, ""
    return _estimate(situation, situation.same_template), f"{quoted(situation.template)} "


def _completed(run: Run) -> bool:
    return not run.timed_out and run.outcome in (None, "exited")


def _estimate(situation: Situation, runs: Sequence[Run]) -> DurationEstimate | None:
    # Rows of earlier releases know no project: what took that long may have been another one's.
    completed = [run for run in runs if run.project is not None and _completed(run)]
    # A run that failed early says little about how long the command takes, unless it never does anything else.
    good = [run for run in completed if not situation.failed(run)]
    used = good if len(good) >= ENOUGH_RUNS else completed
    ordered = sorted([run.duration_ms for run in used][:RUNS_USED])
    if len(ordered) < ENOUGH_RUNS:
        return None
    p90 = ordered[min(len(ordered) - 1, round(0.9 * (len(ordered) - 1) + 0.499))]
    return DurationEstimate(len(ordered), round(median(ordered)), p90)
