"""Streak: this command went the same way at least three times in a row in this project."""

from itertools import takewhile

from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation, place_of
from zsh_tool.insights.text import age

LONG_ENOUGH = 3


def streak(situation: Situation) -> Insight | None:
    """Say how long the current streak is.

    It is counted from the runs here, not read from the streak table: that one mixes projects, and texts that
    differ only inside quotes, and takes grep's "nothing found" for a failure.
    """
    runs = situation.same_text
    if len(runs) < LONG_ENOUGH:
        return None
    failing = situation.failed(runs[0])
    length = sum(1 for _ in takewhile(lambda run: situation.failed(run) == failing, runs))
    if length < LONG_ENOUGH:
        return None
    where = place_of(runs)
    since = age(situation.now - runs[length - 1].ended_at)
    if failing and length == len(runs) and situation.may_have_older_runs:
        return Insight(
            "streak", "warning", f"failed the last {length} times {where} (the first of them {since})"
        )
    if failing:
        return Insight("streak", "warning", f"failed {length} times in a row {where} (first {since})")
    return Insight("streak", "info", f"{length} runs in a row {where} without a failure", shown=False)
