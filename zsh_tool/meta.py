"""The answer of an executor: what the meta file and the end message say."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Final

from zsh_tool.taskmodel import OUTCOMES, Survivor, TaskResult

_WORDS, _MAYBE_WORDS = (str,), (str, NoneType)
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "outcome": _WORDS,
    "ended_by": _MAYBE_WORDS,
    "exit_code": (int, NoneType),
    "signal": _MAYBE_WORDS,
    "pipestatus": (list,),
    "timed_out": (bool,),
    "elapsed_ms": (int,),
    "grace_ms": (int,),
    "output_bytes": (int,),
    "survivors": (list,),
    "recorded": (bool,),
    "record_error": _MAYBE_WORDS,
    "observation_id": _MAYBE_WORDS,
    "cwd": _WORDS,
    "error": _MAYBE_WORDS,
    "output_kept": (bool,),
    "output_error": _MAYBE_WORDS,
    "record_notice": _MAYBE_WORDS,
}
_MAY_BE_MISSING: Final[Mapping[str, Any]] = {"record_notice": None}
_SIZE_MAX: Final = 16 << 20


class MetaError(Exception):
    """The answer is not one that this server understands."""


def result_of(meta: Mapping[str, Any]) -> TaskResult:
    """Read an answer. Unknown keys are ignored; one that is missing or of another kind is an error.

    A later schema only adds keys, so its number is not looked at.
    """
    _check_object(meta)
    values = {key: _checked({**_MAY_BE_MISSING, **meta}, key, kinds) for key, kinds in _KINDS.items()}
    survivors = [_survivor(one) for one in values.pop("survivors")]
    if values["outcome"] not in OUTCOMES or not all(type(code) is int for code in values["pipestatus"]):
        raise MetaError(f"outcome {values['outcome']!r}, codes {values['pipestatus']!r}")
    values["pipestatus"] = tuple(values["pipestatus"])
    return TaskResult(survivors=tuple(survivors), **values)


def _check_object(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise MetaError(f"the answer has {value!r} instead of an object")


def _checked(meta: Mapping[str, Any], key: str, kinds: tuple[type, ...]) -> Any:
    if key not in meta:
        raise MetaError(f"the answer lacks {key}")
    if type(meta[key]) not in kinds:
        raise MetaError(f"the answer has {key} = {meta[key]!r}")
    return meta[key]


def _survivor(one: Any) -> Survivor:
    _check_object(one)
    return Survivor(_checked(one, "pid", (int,)), _checked(one, "name", (str,)))


def read_result(file: Path) -> TaskResult | None:
    """Read a meta file; None when there is none that can be understood."""
    try:
        with file.open("rb") as opened:
            return result_of(json.loads(opened.read(_SIZE_MAX)))
    except (OSError, ValueError, MetaError):
        return None
