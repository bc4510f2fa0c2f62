"""History: how this command usually ends in this project."""

from collections.abc import Sequence

from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation, place_of
from zsh_tool.insights.text import quoted, span
from zsh_tool.queries import Run

ENOUGH_RUNS = 5
ENOUGH_WITH_TIMEOUTS = 2
"""One run shows no habit."""
TIMEOUT_RATE = 0.5
SUCCESS_RATE = 0.9


def history(situation: Situation) -> Insight | None:
    """Warn of a command that mostly times out; note one that nearly always works; else nothing."""
    runs, what = runs_of(situation)
    if len(runs) < ENOUGH_WITH_TIMEOUTS:
        return None
    where = place_of(runs)
    late = [run for run in runs if run.timed_out]
    total = sum(situation.weight(run) for run in runs) if late else 0.0
    if total > 0 and sum(situation.weight(run) for run in late) / total > TIMEOUT_RATE:
        longest = max(run.duration_ms for run in late)
        message = (
            f"{what} timed out in {len(late)} of {len(runs)} runs {where} (after up to {span(longest)});"
            " allow more time or narrow it"
        )
        return Insight("history", "warning", message, warns_of="timeout")
    rate = situation.success_rate(runs)
    if len(runs) >= ENOUGH_RUNS and rate > SUCCESS_RATE:
        return Insight(
            "history", "info", f"{what} succeeds in {rate:.0%} of {len(runs)} runs {where}", shown=False
        )
    return None


def runs_of(situation: Situation) -> tuple[Sequence[Run], str]:
    """Return the runs to judge by, of this text or else similar ones, and what to call them."""
    same = situation.same_text
    if len(same) >= ENOUGH_RUNS or len(same) == len(situation.same_template):
        return same, "this command"
    if len(situation.same_template) >= ENOUGH_RUNS:
        return situation.same_template, quoted(situation.template)
    return same, "this command"
