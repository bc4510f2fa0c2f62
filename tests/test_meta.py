"""The executor's answer is read whole, or not at all."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from zsh_tool.meta import MetaError, read_result, result_of
from zsh_tool.taskmodel import Survivor

VECTORS = Path(__file__).resolve().parent.parent / "zsh-tool-rs" / "tests" / "vectors" / "meta.json"
META = {
    "outcome": "timed_out",
    "ended_by": "timeout",
    "exit_code": 143,
    "signal": "TERM",
    "pipestatus": [143],
    "timed_out": True,
    "elapsed_ms": 1200,
    "grace_ms": 3,
    "recorded": True,
    "record_error": None,
    "observation_id": "x",
    "survivors": [{"pid": 7, "name": "sleep"}],
    "output_bytes": 12,
    "output_kept": True,
    "output_error": None,
    "cwd": "/tmp",
    "error": None,
}


def test_answers_are_read_as_the_executor_writes_them() -> None:
    for case in json.loads(VECTORS.read_text(encoding="utf-8")):
        expected = case["expect"]
        if expected is None:
            with pytest.raises(MetaError):
                result_of(case["input"])
            continue
        result = asdict(result_of(case["input"]))
        result["pipestatus"] = list(result["pipestatus"])
        result["survivors"] = list(result["survivors"])
        assert {**result, "schema": expected["schema"]} == expected, case["name"]


def test_an_answer_is_read(tmp_path: Path) -> None:
    file = tmp_path / "meta.json"
    file.write_text(json.dumps({**META, "new_key": 1}), encoding="utf-8")
    result = read_result(file)
    assert result is not None
    assert (result.outcome, result.exit_code, result.pipestatus) == ("timed_out", 143, (143,))
    assert result.survivors == (Survivor(7, "sleep"),)


@pytest.mark.parametrize("key", sorted(META))
def test_a_missing_key_is_an_error(key: str) -> None:
    with pytest.raises(MetaError):
        result_of({name: value for name, value in META.items() if name != key})


@pytest.mark.parametrize("change", [{"outcome": "vanished"}, {"survivors": [1]}, {"exit_code": "0"}])
def test_what_is_not_known_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(MetaError):
        result_of({**META, **change})


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema":1}'])
def test_half_a_file_is_no_answer(tmp_path: Path, text: str) -> None:
    file = tmp_path / "meta.json"
    file.write_text(text, encoding="utf-8")
    assert read_result(file) is None
    assert read_result(tmp_path / "missing") is None
