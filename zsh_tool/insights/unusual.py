"""Unusual: an exit code that this command, or this part of a pipeline, hardly ever has in this project."""

from collections import Counter
from collections.abc import Sequence

from zsh_tool import normalize
from zsh_tool.insights.exit_codes import SIGPIPE_CODE, is_benign, segment_is_benign
from zsh_tool.insights.model import Insight, RunResult
from zsh_tool.insights.pipeline import SEGMENT_CHARS, segments_of
from zsh_tool.insights.situation import Situation, is_simple
from zsh_tool.insights.text import quoted
from zsh_tool.queries import Run

ENOUGH_RUNS = 10
USUAL_SHARE = 0.9
RARE_SHARE = 0.05


def unusual(situation: Situation, result: RunResult) -> Insight | None:
    """Say which part's code is out of its usual line here, the first such part."""
    codes = list(result.pipestatus) or [result.exit_code or 0]
    if result.timed_out or result.outcome not in ("exited", "signalled") or not any(codes):
        return None
    segments = segments_of(situation.command, codes)
    if segments is None:
        return _of_whole(situation, result.exit_code or 0)
    for segment, code in zip(segments, codes, strict=True):
        if message := _segment_out_of_line(situation, segment, code):
            return Insight("unusual", "info", message, shown=not segment_is_benign(segment, code))
    return None


def _of_whole(situation: Situation, code: int) -> Insight | None:
    runs = [run for run in situation.same_template if run.project is not None]
    message = _out_of_line("exit", situation.template, code, runs)
    # An answer that other arguments never gave is no news.
    return (
        Insight("unusual", "info", message, shown=not is_benign(situation.command, code)) if message else None
    )


def _segment_out_of_line(situation: Situation, segment: str, code: int) -> str | None:
    if code in (0, SIGPIPE_CODE):
        return None
    template = normalize.template_command(segment)
    runs = situation.queries.runs_in_project(situation.project, template)
    alone = [run for run in runs if run.parent_id is not None or is_simple(run.preview)]
    others = [
        run for run in alone if situation.own_id is None or situation.own_id not in (run.id, run.parent_id)
    ]
    return _out_of_line(f"{quoted(segment, SEGMENT_CHARS)} gave", template, code, others)


def _out_of_line(what: str, template: str, code: int | None, runs: Sequence[Run]) -> str | None:
    counts = Counter(run.exit_code for run in runs if not run.timed_out)
    total = counts.total()
    if not code or total < ENOUGH_RUNS:
        return None
    usual, often = counts.most_common(1)[0]
    if usual == code or often < USUAL_SHARE * total or counts[code] > RARE_SHARE * total:
        return None
    of_what = f" of {quoted(template, SEGMENT_CHARS)}" if template else ""
    return f"unusual here: {what} {code} ({usual} in {often} of {total} runs{of_what})"
