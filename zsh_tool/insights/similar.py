"""Similar: commands of the same template, with other arguments, ran just now in this session."""

from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import quoted

FAILURES_TO_SHOW = 2


def similar(situation: Situation) -> Insight | None:
    """Say how similar commands went; shown when several did and none worked."""
    runs = situation.recent_similar
    if not runs:
        return None
    bad = [run for run in runs if situation.failed(run)]
    template = quoted(situation.template)
    if not bad:
        outcome = "none failed" if len(runs) > 1 else "it did not fail"
    elif len(bad) == len(runs):
        outcome = "all failed" if len(runs) > 1 else "it failed"
    else:
        outcome = f"{len(bad)} failed"
    message = f"{len(runs)} similar ({template}) in the last 10 min: {outcome}"
    hopeless = len(bad) == len(runs) and len(bad) >= FAILURES_TO_SHOW
    return Insight("similar", "info", message, shown=hopeless)
