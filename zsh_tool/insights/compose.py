"""Chooses what a reply shows: few lines, the most useful first, nothing that the end of the run refutes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from zsh_tool.insights.exit_table import ANY_CONNECTION_CODE
from zsh_tool.insights.model import End, Insight, RunResult

# Most useful first: what to do next, then why it went wrong, then what to expect.
_ORDER: Final = (
    "fix",
    "last_good",
    "pipeline",
    "unusual",
    "exit_code",
    "ssh",
    "retry",
    "streak",
    "history",
    "manopt",
    "duration",
    "similar",
    "silent",
)

# These say the same in different words: only the first of them that has something to say is shown.
_SAME_NEWS: Final = ("ssh", "history", "streak", "retry", "similar")
_BY_ITSELF: Final = frozenset({"exited", "signalled"})
_HELPS_WHILE_RUNNING: Final = frozenset({"duration", "manopt"})
_EXPECTATIONS: Final = frozenset({"retry", "streak", "history", "similar", "duration", "ssh", "manopt"})


def for_reply(
    before: Sequence[Insight], after: Sequence[Insight], result: RunResult | None, limit: int = 2
) -> list[Insight]:
    """Return all insights of a reply, those for its text first: ``shown`` stays true on at most ``limit``.

    What was said before the command is an expectation: a warning of what then did not happen is no news, and
    once it failed, an info that it usually succeeds helps nobody.
    """
    if not before and not after:
        return []
    told_again = {insight.kind for insight in after}
    repeated = {(insight.kind, insight.message) for insight in after}
    answered = any(insight.is_answer for insight in after)
    expected = [_outdated(one, result, answered) for one in before if (one.kind, one.message) not in repeated]
    kept = [_hidden(one) if one.kind in told_again else one for one in expected] + list(after)
    ranked = sorted((insight for insight in kept if insight.shown), key=_rank)
    same = [one for kind in _SAME_NEWS for one in ranked if one.kind == kind]
    chosen = [one for one in ranked if one not in same[1:]][:limit]
    return chosen + [_hidden(one) for one in kept if one not in chosen]


def _hidden(insight: Insight) -> Insight:
    return replace(insight, shown=False) if insight.shown else insight


def _outdated(insight: Insight, result: RunResult | None, answered: bool) -> Insight:
    if result is None or insight.kind not in _EXPECTATIONS or result.exit_code is None:
        return insight
    news = insight.kind not in _HELPS_WHILE_RUNNING and _came_about(insight.warns_of, result, answered)
    return insight if news else _hidden(insight)


def _came_about(end: End, result: RunResult, answered: bool) -> bool:
    """Tell whether the end that a warning spoke of is the one that the command had."""
    match end:
        case "timeout":
            return result.timed_out
        case "no connection":
            # A host that does not answer at all runs into the limit.
            return result.timed_out or result.exit_code in ANY_CONNECTION_CODE
        case "failure":
            by_itself = result.timed_out or result.outcome in _BY_ITSELF
            return by_itself and not answered and (result.timed_out or result.exit_code != 0)


def _rank(insight: Insight) -> tuple[int, int]:
    place = _ORDER.index(insight.kind) if insight.kind in _ORDER else len(_ORDER)
    return (0 if insight.level == "warning" else 1, place)
