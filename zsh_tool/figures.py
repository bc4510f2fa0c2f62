"""Figures on past commands: what the stats and query tools answer. Segments never count as commands."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final, Literal

from zsh_tool import normalize
from zsh_tool.insights.score import Score
from zsh_tool.insights.situation import failed, interrupted, shape
from zsh_tool.insights.text import plain
from zsh_tool.queries import Queries, Run, preview_of

Scope = Literal["session", "project", "all"]

REACH: Final = 50_000
"""How many of the newest rows a search looks at."""

IN_PROJECT: Final = "+project = ?"
"""The plus keeps SQLite from an index on project, whose rows it would have to sort."""

ALIKE: Final = "(+command_hash = ? OR +command_template = ?)"
"""A command and its like. The plus keeps SQLite from two indexes, whose rows it would have to sort."""

PAGE: Final = 200
"""How many rows a search takes at a time: which of them are wanted is not known before they are read."""

STATS_RUNS: Final = 5_000
"""How many of the newest commands the figures are of: a tenth of a second of reading."""
TOP: Final = 5


def scoped(
    queries: Queries, scope: Scope, session_id: str, project: str, limit: int = STATS_RUNS
) -> list[Run]:
    """Return the newest whole commands of a scope, newest first."""
    if scope == "session":
        return queries.session_runs(session_id, 0, None, limit, newest_first=True)
    if scope == "all":
        return queries.newest(REACH, "1", (), limit)
    if not queries.reader.has("observations", "project"):
        return []
    return queries.newest(REACH, IN_PROJECT, (project,), limit)


def stats_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Count how commands ended, how long they took, and which of them failed most."""
    bad = [run for run in runs if failed(run)]
    ended_by_themselves = sum(1 for run in runs if not interrupted(run))
    return {
        "commands": len(runs),
        "of_newest": STATS_RUNS,
        "succeeded": sum(1 for run in runs if run.succeeded),
        "failed": len(bad),
        "timed_out": sum(1 for run in runs if run.timed_out),
        "success_rate": round(1 - len(bad) / ended_by_themselves, 3) if ended_by_themselves else None,
        "total_duration_ms": sum(run.duration_ms for run in runs),
        "first_at": runs[-1].created_at if runs else None,
        "last_at": runs[0].created_at if runs else None,
        "most_run": _top(run.template for run in runs),
        "most_failed": _top(run.template for run in bad),
    }


def scores_of(scores: Sequence[Score], configured: frozenset[str]) -> list[dict[str, Any]]:
    """Tell how each kind of insight did, and which are mute and why."""
    return [
        {
            "kind": score.kind,
            "shown": score.shown,
            "helped": score.helped,
            "ignored": score.ignored,
            "precision": None if score.precision is None else round(score.precision, 2),
            "muted": "configured" if score.kind in configured else "low precision" if score.muted else None,
        }
        for score in scores
    ]


def pattern_of(queries: Queries, command: str, project: str) -> dict[str, Any]:
    """Tell all about one command: its keys, its streak, and how it and its like went in this project."""
    command_hash = normalize.hash_command(command)
    template = normalize.template_command(command)
    like = shape(preview_of(command))
    alike = [run for run in queries.runs_by_template(project, template) if shape(run.preview) == like]
    return {
        "command_hash": command_hash,
        "command_template": plain(template),
        "streak": streak_of(queries, command_hash),
        "same_hash": _pattern_runs(queries.runs_by_hash(project, command_hash)),
        "same_template": _pattern_runs(alike),
    }


def streak_of(queries: Queries, command_hash: str) -> dict[str, Any]:
    """Return the streak row of a hash; it counts over all projects."""
    row = queries.streak(command_hash)
    return {
        "has_streak": row is not None,
        "current": row.current if row else 0,
        "longest_success": row.longest_success if row else 0,
        "longest_fail": row.longest_fail if row else 0,
        "last_was_success": row.last_was_success if row else None,
    }


def search(
    queries: Queries,
    scope: Scope,
    session_id: str,
    project: str,
    *,
    text: str | None,
    command: str | None,
    failed_only: bool,
    limit: int,
) -> list[Run]:
    """Return commands of a scope that meet all conditions, newest first.

    A search that finds nothing looked at the newest ``REACH`` rows.
    """
    column = {"session": "session_id", "project": "project"}.get(scope)
    if column and not queries.reader.has("observations", column):
        return []
    conditions: list[str] = ["1"]
    parameters: list[Any] = []
    if text:
        # LIKE folds ASCII case; the text's own % and _ are taken literally.
        literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append("command_preview LIKE ? ESCAPE '\\'")
        parameters.append(f"%{literal}%")
    if command:
        conditions.append(
            ALIKE if queries.reader.has("observations", "command_template") else "command_hash = ?"
        )
        keys = (normalize.hash_command(command), normalize.template_command(command))
        parameters += keys[: conditions[-1].count("?")]
    if failed_only:
        conditions.append("(exit_code <> 0 OR timed_out = 1)")
    if column:
        conditions.append("session_id = ?" if scope == "session" else IN_PROJECT)
        parameters.append(session_id if scope == "session" else project)
    where = " AND ".join(conditions)
    found: list[Run] = []
    page = queries.newest(REACH, where, parameters, PAGE)
    while True:
        found += [run for run in page if _is_wanted(run, command, failed_only)]
        if len(found) >= limit or len(page) < PAGE:
            return found[:limit]
        older = (page[-1].rowid, *parameters)
        page = queries.newest(REACH, f"rowid < ? AND {where}", older, PAGE)


def _is_wanted(run: Run, command: str | None, failed_only: bool) -> bool:
    """Tell what no column says: whether a code is no mere answer, and whether a whole pipeline is alike."""
    if failed_only and not failed(run):
        return False
    if not command or run.hash == normalize.hash_command(command):
        return True
    return shape(run.preview) == shape(preview_of(command))


def described(run: Run) -> dict[str, Any]:
    """Return one command as data for a reply, free of control sequences."""
    facts: dict[str, Any] = {
        "id": run.id,
        "ended_at": run.created_at,
        "command": run.preview,
        "exit_code": run.exit_code,
        "timed_out": bool(run.timed_out),
        "outcome": run.outcome,
        "duration_ms": run.duration_ms,
        "cwd": run.cwd,
        "project": run.project,
        "session_id": run.session_id,
        "intent": run.intent,
    }
    return {name: plain(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}


def _pattern_runs(runs: Sequence[Run]) -> dict[str, Any]:
    durations = [run.duration_ms for run in runs if not run.timed_out]
    return {
        "runs": len(runs),
        "failed": sum(1 for run in runs if failed(run)),
        "timed_out": sum(1 for run in runs if run.timed_out),
        "median_ms": round(median(durations)) if durations else None,
        "last": described(runs[0]) if runs else None,
    }


def _top(templates: Iterable[str]) -> list[dict[str, Any]]:
    counts = Counter(template for template in templates if template)
    return [{"template": plain(template), "count": count} for template, count in counts.most_common(TOP)]
