"""The executor is looked for in one order, and what cannot be used is named."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from zsh_tool import _build, executor
from zsh_tool.config import load
from zsh_tool.executor import find_executor


def script(place: Path, says: str, status: int = 0) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n", encoding="utf-8")
    place.chmod(0o755)
    return place


GOOD = "zsh-tool-exec 9.8.7 (protocol 1)"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any executor."""
    monkeypatch.setattr(executor, "_PACKAGE", tmp_path / "checkout" / "zsh_tool")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path


def choose(given: str | None = None) -> executor.ExecutorChoice:
    return find_executor(replace(load(os.environ), executor=given))


def test_the_real_one_is_usable(executor: Path) -> None:
    choice = choose(str(executor))
    assert (choice.path, choice.origin, choice.problems) == (executor, "ZSH_TOOL_EXEC", ())
    assert choice.version


def test_an_empty_variable_means_python_only(bare: Path) -> None:
    script(bare / "path" / "zsh-tool-exec", GOOD)
    choice = choose("")
    assert choice.python_only
    assert choice.problems == ()


def test_without_any_it_is_python_only(bare: Path) -> None:
    assert choose().python_only


def test_places_are_tried_in_order(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [
        ("PATH", bare / "path" / "zsh-tool-exec"),
        ("the checkout", bare / "checkout" / "zsh-tool-rs" / "target" / "release" / "zsh-tool-exec"),
        ("the installed package", bare / "checkout" / "zsh_tool" / "bin" / "zsh-tool-exec"),
    ]
    for origin, place in places:
        script(place, GOOD)
        assert (choose().origin, choose().path) == (origin, place)
    wired = script(bare / "wired", GOOD)
    monkeypatch.setattr(_build, "EXECUTOR", str(wired))
    assert choose().path == wired
    given = script(bare / "given", GOOD)
    assert choose(str(given)).version == "9.8.7"
    assert choose(str(given)).path == given


@pytest.mark.parametrize(
    ("says", "status", "problem"),
    [
        ("zsh-tool-exec 9.8.7 (protocol 99)", 0, "speaks protocol 99"),
        ("something else", 0, "is not an executor"),
        ("", 3, "status 3"),
    ],
)
def test_an_unusable_one_is_named_and_the_next_taken(
    bare: Path, says: str, status: int, problem: str
) -> None:
    given = script(bare / "given", says, status)
    script(bare / "path" / "zsh-tool-exec", GOOD)
    choice = choose(str(given))
    assert choice.origin == "PATH"
    assert "ZSH_TOOL_EXEC: " in choice.problems[0]
    assert problem in choice.problems[0]


def test_a_home_of_nobody_is_named_and_the_next_taken(bare: Path) -> None:
    script(bare / "path" / "zsh-tool-exec", GOOD)
    choice = choose("~no-such-user/zsh-tool-exec")
    assert choice.origin == "PATH"
    assert "ZSH_TOOL_EXEC: ~no-such-user/zsh-tool-exec cannot be run" in choice.problems[0]


def test_a_relative_one_is_found_from_any_directory(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(bare / "given", GOOD)
    monkeypatch.chdir(bare)
    assert choose("./given").path == bare / "given"


def test_one_that_is_missing_or_no_program_is_named(bare: Path) -> None:
    assert "cannot be run" in choose(str(bare / "missing")).problems[0]
    (bare / "text").write_text("x", encoding="utf-8")
    assert "cannot be run" in choose(str(bare / "text")).problems[0]
