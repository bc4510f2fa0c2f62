"""Fix: what was run between an earlier failure of this template and its next success, seen more than once."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from zsh_tool.insights.looking import only_looks
from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import age, quoted
from zsh_tool.queries import Run

EPISODES_READ: Final = 20
COMMANDS_BETWEEN: Final = 8
"""Most commands before a success that may have brought it about, those that only look around aside."""
COMMANDS_READ: Final = 40
"""Most commands before a success that are read to find these."""
GAP_SECS: Final = 3600.0
SIGHTINGS: Final = 2
SUCCESS_SHARE: Final = 0.6
ROUTINE_FACTOR: Final = 2
"""How much more often a repair must follow a failure than a success."""


@dataclass
class _Sightings:
    after_failure: int = 0
    worked: int = 0
    after_success: int = 0
    last: Run | None = None
    texts: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Episode:
    """Two runs of the template in a row in one session."""

    first: Run
    second: Run


def fix(situation: Situation) -> Insight | None:
    """Name the command that most often made this template work again after a failure in this project."""
    episodes = _episodes(situation)
    failures = [one for one in episodes if _is_like_this(situation, one.first)][:EPISODES_READ]
    if len(failures) < SIGHTINGS:
        return None
    successes = [one for one in episodes if one.first.succeeded][:EPISODES_READ]
    found: dict[str, _Sightings] = defaultdict(_Sightings)
    for episode in failures + successes:
        _note(found, situation, episode)
    proven = {
        template: seen for template, seen in found.items() if _is_proven(seen, len(failures), len(successes))
    }
    if not proven:
        return None
    template, best = max(
        proven.items(), key=lambda pair: (pair[1].worked / pair[1].after_failure, pair[1].worked)
    )
    what = quoted(best.last.preview if best.last and len(best.texts) == 1 else template)
    when = age(situation.now - best.last.ended_at) if best.last else ""
    counts = f"{best.worked} of {best.after_failure}"
    same = all(one.first.hash == situation.hash for one in failures)
    broken = "this failed" if same else f"{quoted(situation.template)} failed"
    return Insight(
        "fix",
        "info",
        f"when {broken} here before, {what} was followed by success {counts} times (last {when})",
    )


def _is_like_this(situation: Situation, run: Run) -> bool:
    """Tell whether a run failed, and in the same way as the command did now."""
    now = situation.result
    same = now is None or (run.exit_code, bool(run.timed_out)) == (now.exit_code, now.timed_out)
    return same and situation.failed(run)


def _is_proven(seen: _Sightings, failures: int, successes: int) -> bool:
    """Tell whether a command repairs: it is seen often enough, works mostly, and is no mere routine.

    What runs as often when nothing was broken has no part in the repair.
    """
    if seen.worked < SIGHTINGS or seen.worked < SUCCESS_SHARE * seen.after_failure:
        return False
    return seen.after_success * failures * ROUTINE_FACTOR <= seen.after_failure * successes


def _episodes(situation: Situation) -> list[_Episode]:
    """Pair the runs of the template that follow each other in a session, newest first."""
    pairs: list[_Episode] = []
    next_run: dict[str, Run] = {}
    for run in situation.same_template:
        if run.session_id is None:
            continue
        following = next_run.get(run.session_id)
        if following and following.ended_at - run.ended_at <= GAP_SECS:
            pairs.append(_Episode(run, following))
        next_run[run.session_id] = run
    return pairs


def _note(found: dict[str, _Sightings], situation: Situation, episode: _Episode) -> None:
    first, second = episode.first, episode.second
    between = situation.queries.session_runs(
        first.session_id or "", first.rowid, second.rowid, COMMANDS_READ, newest_first=True
    )
    # An agent looks around before it repairs: what counts are the last commands that did something.
    doing = [run for run in between if not only_looks(run.preview)][:COMMANDS_BETWEEN]
    repairs = [run for run in reversed(doing) if run.project == situation.project and run.succeeded]
    for run in {run.template: run for run in repairs}.values():
        seen = found[run.template]
        if first.succeeded:
            seen.after_success += 1
            continue
        seen.after_failure += 1
        if second.succeeded:
            seen.worked += 1
            seen.texts.add(run.preview)
            seen.last = seen.last or run
