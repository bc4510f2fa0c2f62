"""Pipeline: parts of a pipeline that failed while the last one hid it."""

import re
from typing import Final

from zsh_tool import normalize
from zsh_tool.insights.exit_codes import SIGPIPE_CODE, is_benign, segment_is_benign, segment_meaning
from zsh_tool.insights.model import Insight, RunResult
from zsh_tool.insights.text import quoted
from zsh_tool.insights.words import operators, pipelines

NAMED_AT_MOST = 2
SEGMENT_CHARS = 40

_OPENING: Final = re.compile(r"^(?:(?:do|then|else|elif|if|while|until|[{!&])\s+|\(\s*)+")
"""What may stand before a command within a compound one."""


def hidden_failure(command: str, result: RunResult) -> Insight | None:
    """Warn when earlier segments failed and the exit code does not show it. 141 is normal: `yes | head`."""
    codes = list(result.pipestatus)
    if len(codes) < 2 or result.timed_out or result.exit_code is None:
        return None
    if result.exit_code != 0 and not is_benign(command, result.exit_code):
        return None
    segments = segments_of(command, codes) or _last_segments(command, codes)
    bad = [(index, code) for index, code in enumerate(codes[:-1]) if code not in (0, SIGPIPE_CODE)]
    possible = [[segments[index]] for index, _ in bad] if segments else [_all_segments(command)] * len(bad)
    bad = [
        one
        for one, where in zip(bad, possible, strict=True)
        if not any(segment_is_benign(segment, one[1]) for segment in where)
    ]
    if not bad:
        return None
    if segments is None:
        listed = " ".join(str(code) for code in codes)
        return Insight(
            "pipeline", "warning", f"a part of the pipeline failed, hidden by its end: codes {listed}"
        )
    told = "; ".join(_told(segments[index], code) for index, code in bad[:NAMED_AT_MOST])
    more = f"; and {len(bad) - NAMED_AT_MOST} more" if len(bad) > NAMED_AT_MOST else ""
    return Insight("pipeline", "warning", f"hidden by the pipeline's exit {result.exit_code}: {told}{more}")


def segments_of(command: str, codes: list[int]) -> list[str] | None:
    """Return the segments that the codes belong to, or None where that is not certain."""
    if len(codes) < 2 or not normalize.is_single_pipeline(command):
        return None
    segments = [segment.removeprefix("&").lstrip() for segment in normalize.parse_pipeline(command)]
    return segments if len(segments) == len(codes) else None


def _last_segments(command: str, codes: list[int]) -> list[str] | None:
    """Return the segments of a text's last pipeline where the codes must be theirs: the last to run leaves them."""
    last = pipelines(command)[-1]
    if len(last) != len(codes) or "||" in operators(command):
        return None
    return [_OPENING.sub("", segment.removeprefix("&").lstrip()) for segment in last]


def _all_segments(command: str) -> list[str]:
    """Return every segment that may have given a code: if one may have answered, nobody knows of a failure."""
    return [_OPENING.sub("", segment) for segments in pipelines(command) for segment in segments]


def _told(segment: str, code: int) -> str:
    meaning = segment_meaning(segment, code)
    return f"{quoted(segment, SEGMENT_CHARS)} failed with {code}" + (f" ({meaning})" if meaning else "")
