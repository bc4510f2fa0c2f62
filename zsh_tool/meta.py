"""The answer of an executor: what the meta file and the end message say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from zsh_tool.taskmodel import OUTCOMES, Survivor, TaskResult

SCHEMA: Final = 1
_SIZE_MAX: Final = 16 << 20


class MetaError(Exception):
    """The answer is not one that this server understands."""


def result_of(meta: Mapping[str, Any]) -> TaskResult:
    """Read an answer. Unknown keys are ignored, missing ones are an error."""
    try:
        if meta["schema"] != SCHEMA or meta["outcome"] not in OUTCOMES:
            raise MetaError(f"schema {meta['schema']!r}, outcome {meta['outcome']!r}: not known here")
        return TaskResult(
            outcome=meta["outcome"],
            ended_by=meta["ended_by"],
            exit_code=meta["exit_code"],
            signal=meta["signal"],
            pipestatus=tuple(meta["pipestatus"]),
            timed_out=meta["timed_out"],
            elapsed_ms=meta["elapsed_ms"],
            grace_ms=meta["grace_ms"],
            output_bytes=meta["output_bytes"],
            survivors=tuple(Survivor(one["pid"], one["name"]) for one in meta["survivors"]),
            recorded=meta["recorded"],
            record_error=meta["record_error"],
            observation_id=meta["observation_id"],
            cwd=meta["cwd"],
            error=meta["error"],
            output_kept=meta["output_kept"],
            output_error=meta.get("output_error"),
        )
    except (KeyError, TypeError) as error:
        raise MetaError(f"the answer lacks or misuses {error}") from error


def read_result(file: Path) -> TaskResult | None:
    """Read a meta file; None when there is none that can be understood."""
    try:
        with file.open("rb") as opened:
            return result_of(json.loads(opened.read(_SIZE_MAX)))
    except (OSError, ValueError, MetaError):
        return None
