"""Retry: the same command ran in this session within the last ten minutes."""

from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import age, times


def retry(situation: Situation) -> Insight | None:
    """Say how the same command went just now: all failed is a warning, else an info."""
    runs = situation.recent_same_text
    if not runs:
        return None
    bad = [run for run in runs if situation.failed(run)]
    ago = age(situation.now - runs[0].at)
    last = f"last {ago}" if len(runs) > 1 else ago
    if len(bad) == len(runs):
        how = "timed out" if runs[0].timed_out else f"exit {runs[0].exit_code}"
        message = f"this command already failed {times(len(bad))} in the last 10 min ({last}, {how})"
        return Insight("retry", "warning", message)
    if not bad:
        message = f"this command ran {times(len(runs))} in the last 10 min without a failure ({last})"
        return Insight("retry", "info", message, shown=False)
    message = f"mixed results in the last 10 min: {len(bad)} of {len(runs)} runs failed"
    return Insight("retry", "info", message, shown=False)
