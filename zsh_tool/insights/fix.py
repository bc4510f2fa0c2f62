"""Fix: what was run between an earlier failure of this template and its next success, seen more than once."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation, failed
from zsh_tool.insights.text import age, quoted
from zsh_tool.insights.words import deciding
from zsh_tool.queries import Run

EPISODES_READ: Final = 20
COMMANDS_BETWEEN: Final = 8
GAP_SECS: Final = 3600.0
SIGHTINGS: Final = 2
SUCCESS_SHARE: Final = 0.6

# Looking around repairs nothing, however often it precedes a success.
_LOOKING_LIST: Final = """
    ls cat less more head tail grep egrep fgrep rg ag find fd pwd cd echo print printf which whence type man
    stat file wc diff cmp env date ps top du df tree history sleep true test [ [[ jq bat sed awk sort uniq
"""
_LOOKING: Final = frozenset(_LOOKING_LIST.split())
_LOOKING_SUBCOMMANDS: Final = {
    "git": frozenset(("status", "log", "diff", "show", "branch", "blame", "remote", "rev-parse", "grep")),
    "docker": frozenset(("ps", "images", "logs", "inspect")),
    "kubectl": frozenset(("get", "describe", "logs")),
    "systemctl": frozenset(("status", "is-active", "list-units")),
}


@dataclass
class _Sightings:
    tried: int = 0
    worked: int = 0
    last: Run | None = None
    texts: set[str] = field(default_factory=set)


def fix(situation: Situation) -> Insight | None:
    """Name the command that most often made this template work again after a failure in this project."""
    found: dict[str, _Sightings] = defaultdict(_Sightings)
    for failure, following in _episodes(situation):
        _note(found, situation, failure, following)
    proven = [
        (template, seen)
        for template, seen in found.items()
        if seen.worked >= SIGHTINGS and seen.worked >= SUCCESS_SHARE * seen.tried
    ]
    if not proven:
        return None
    template, best = max(proven, key=lambda pair: (pair[1].worked / pair[1].tried, pair[1].worked))
    what = quoted(best.last.preview if best.last and len(best.texts) == 1 else template)
    when = age(situation.now - best.last.ended_at) if best.last else ""
    message = (
        f"{what} made this work again in {best.worked} of {best.tried} earlier failures here (last {when})"
    )
    return Insight("fix", "info", message)


def _episodes(situation: Situation) -> list[tuple[Run, Run]]:
    """Pair each earlier failure with the next run of the template in the same session, newest first."""
    pairs: list[tuple[Run, Run]] = []
    next_run: dict[str, Run] = {}
    for run in situation.same_template:
        if run.session_id is None:
            continue
        following = next_run.get(run.session_id)
        if following and failed(run) and following.ended_at - run.ended_at <= GAP_SECS:
            pairs.append((run, following))
        next_run[run.session_id] = run
    return pairs[:EPISODES_READ]


def _note(found: dict[str, _Sightings], situation: Situation, failure: Run, following: Run) -> None:
    between = situation.queries.session_runs(
        failure.session_id or "", failure.rowid, following.rowid, COMMANDS_BETWEEN
    )
    for run in {run.template: run for run in between if run.succeeded and _may_repair(run)}.values():
        seen = found[run.template]
        seen.tried += 1
        if following.succeeded:
            seen.worked += 1
            seen.texts.add(run.preview)
            seen.last = seen.last or run


def _may_repair(run: Run) -> bool:
    for candidate in deciding(run.preview):
        if candidate is None:
            return True
        looking = _LOOKING_SUBCOMMANDS.get(candidate.name, frozenset())
        if candidate.name not in _LOOKING and candidate.subcommand not in looking:
            return True
    return False
