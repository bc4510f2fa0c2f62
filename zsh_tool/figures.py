"""Figures on past commands: what the stats and query tools answer. Segments never count as commands."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from statistics import median
from typing import Any, Final, Literal, NamedTuple, Self

from zsh_tool import normalize
from zsh_tool.insights.score import Score
from zsh_tool.insights.situation import failed, interrupted, shape
from zsh_tool.insights.text import plain
from zsh_tool.queries import Queries, Run, preview_of

Scope = Literal["session", "project", "all"]

REACH: Final = 200_000
"""How many rows a search looks at, of those that an index leads to: as many as are kept by default, about half
a second of reading at most."""

PAGE: Final = 500
"""How many rows a search takes at a time: which of them are wanted is not known before they are read."""

STATS_RUNS: Final = 5_000
"""How many of the newest commands the figures are of: a tenth of a second of reading."""
TOP: Final = 5

_SCOPE_COLUMNS: Final = {"session": ("session_id", "parent_id"), "project": ("project",), "all": ()}
"""The columns that an older database may lack."""


class Found(NamedTuple):
    """What a search found."""

    runs: list[Run]
    looked_at: int | None
    """How many of the newest rows it looked at, if it stopped there: with older ones there may be more to find."""


class _Like(NamedTuple):
    """What a command and its like have in common."""

    hash: str
    template: str
    shape: tuple[tuple[str, ...], tuple[str, ...]]

    @classmethod
    def of(cls, command: str) -> Self:
        hash_, template = normalize.hash_command(command), normalize.template_command(command)
        return cls(hash_, template, shape(preview_of(command)))


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
    pages = _pages(queries, queries.rowids_of_project(project, REACH), "1", ())
    return list(islice(chain.from_iterable(page for page in pages if page), limit))


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
) -> Found:
    """Return commands of a scope that meet all conditions, newest first.

    An index leads to all runs of a command, a session or a project. Without any the newest rows are searched.
    """
    if not queries.refresh() or not queries.reader.has("observations", *_SCOPE_COLUMNS[scope]):
        return Found([], None)
    like = _Like.of(command) if command else None
    where, parameters = _conditions(text, failed_only)
    pages = (
        _newest_pages(queries, where, parameters)
        if scope == "all" and like is None
        else _pages(queries, _places(queries, scope, session_id, project, like), where, parameters)
    )
    found: list[Run] = []
    for page in pages:
        if page is None:
            return Found(found, REACH)
        found += [run for run in page if _is_wanted(run, like, failed_only)]
        if len(found) >= limit:
            break
    return Found(found[:limit], None)


def _conditions(text: str | None, failed_only: bool) -> tuple[str, list[str]]:
    """Return what the columns of a row must say beyond what an index tells, and the values."""
    conditions, parameters = ["1"], []
    if text:
        # LIKE folds ASCII case; the text's own % and _ are taken literally.
        literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append("command_preview LIKE ? ESCAPE '\\'")
        parameters.append(f"%{literal}%")
    if failed_only:
        conditions.append("(exit_code <> 0 OR timed_out = 1)")
    return " AND ".join(conditions), parameters


def _places(
    queries: Queries, scope: Scope, session_id: str, project: str, like: _Like | None
) -> Iterator[list[int]]:
    """Yield the rows that an index leads to, newest first, and more than a search looks at, if there are."""
    if scope == "session":
        yield queries.rowids("session_id = ? AND parent_id IS NULL", (session_id,), REACH + 1)
    elif like is None:
        yield from queries.rowids_of_project(project, REACH)
    else:
        inside, parameters = ("project = ? AND ", [project]) if scope == "project" else ("", [])
        keys = {"command_hash": like.hash, "command_template": like.template}
        found = {
            rowid
            for column, key in keys.items()
            if queries.reader.has("observations", column)
            for rowid in queries.rowids(f"{inside}{column} = ?", (*parameters, key), REACH + 1)
        }
        yield sorted(found, reverse=True)


def _pages(
    queries: Queries, places: Iterable[list[int]], where: str, parameters: Sequence[Any]
) -> Iterator[list[Run] | None]:
    """Read rows a page at a time; a last page None stands for rows that were not looked at."""
    left = REACH
    for rowids in places:
        reached = rowids[:left]
        for start in range(0, len(reached), PAGE):
            yield queries.at(reached[start : start + PAGE], where, parameters)
        left -= len(reached)
        if len(reached) < len(rowids):
            yield None
            return


def _newest_pages(queries: Queries, where: str, parameters: Sequence[Any]) -> Iterator[list[Run] | None]:
    """Do the same with the newest rows of all."""
    page = queries.newest(REACH, where, parameters, PAGE)
    yield page
    while len(page) == PAGE:
        page = queries.newest(REACH, f"rowid < ? AND {where}", (page[-1].rowid, *parameters), PAGE)
        yield page
    if queries.row_count() > REACH:
        yield None


def _is_wanted(run: Run, like: _Like | None, failed_only: bool) -> bool:
    """Tell what no column says: whether a code is no mere answer, and whether a whole pipeline is alike."""
    if failed_only and not failed(run):
        return False
    if like is None or run.hash == like.hash:
        return True
    return run.template == like.template and shape(run.preview) == like.shape


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
