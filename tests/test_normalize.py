"""The normal forms: the vectors both languages read, and random text compared with the executor's rules."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.memory import Rules
from zsh_tool import normalize

CRATE = Path(__file__).resolve().parent.parent / "zsh-tool-rs"
VECTORS = CRATE / "tests" / "vectors"


def vectors(name: str) -> list[Any]:
    cases = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(case["input"], case["expect"], id=case["name"]) for case in cases]


@pytest.mark.parametrize(("command", "expected"), vectors("normalize"))
def test_hash_follows_the_vectors(command: str, expected: dict[str, str]) -> None:
    assert normalize.normalize(command) == expected["normalized"]
    assert normalize.hash_command(command) == expected["hash"]


@pytest.mark.parametrize(("command", "expected"), vectors("template"))
def test_template_follows_the_vectors(command: str, expected: str) -> None:
    assert normalize.template_command(command) == expected


@pytest.mark.parametrize(("command", "expected"), vectors("pipeline"))
def test_pipeline_follows_the_vectors(command: str, expected: list[str]) -> None:
    assert normalize.parse_pipeline(command) == expected


@pytest.mark.parametrize(("command", "expected"), vectors("single_pipeline"))
def test_single_pipeline_follows_the_vectors(command: str, expected: bool) -> None:
    assert normalize.is_single_pipeline(command) is expected


PIECE_LIST = """
    git GIT ma\u212ae push -x -- * ' " \\ | || |& & && >& &> ; 12 \u0663 \u00b2 \u65e5\u672c $( ` $' N_1
    ! { } ( time export [[ 2>&1 \u00e9 \u0130 \U0001d7d9 <<EOF
"""
BLANKS = ["\n", " ", "\t", "\x1c", "\x85", "\xa0", "\u2003", "\u200b"]
PIECES = st.sampled_from([*PIECE_LIST.split(), *BLANKS])
COMMANDS = st.one_of(
    st.lists(PIECES, max_size=24).map("".join),
    st.lists(PIECES, max_size=16).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=COMMANDS)
def test_both_languages_agree_on_any_text(rust: Rules, command: str) -> None:
    theirs = json.loads(rust.ask(json.dumps(command)))
    ours = normal_forms(command)
    assert {rule: theirs[rule] for rule in ours} == ours


def normal_forms(command: str) -> dict[str, Any]:
    return {
        "normalized": normalize.normalize(command),
        "hash": normalize.hash_command(command),
        "template": normalize.template_command(command),
        "segments": normalize.parse_pipeline(command),
        "single_pipeline": normalize.is_single_pipeline(command),
    }


def test_every_white_space_and_digit_is_classed_alike(rust: Rules) -> None:
    odd = [chr(code) for code in range(0x11_0000) if chr(code).isspace() or chr(code).isdigit()]
    for character in odd:
        command = f"a {character}b {character}5 |{character}c"
        answer = json.loads(rust.ask(json.dumps(command)))
        assert answer["normalized"] == normalize.normalize(command), ascii(character)
        assert answer["segments"] == normalize.parse_pipeline(command), ascii(character)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_split_loses_nothing_but_blanks_and_pipes(command: str) -> None:
    def left(text: str) -> str:
        return "".join(character for character in text if character != "|" and not character.isspace())

    assert left("".join(normalize.parse_pipeline(command))) == left(command)


@given(st.text("ab 1'\"\\|", max_size=80))
def test_more_white_space_changes_no_hash(command: str) -> None:
    assert normalize.hash_command(" ".join(command.split())) == normalize.hash_command(command)


def test_a_long_hostile_text_takes_no_time() -> None:
    for text in ("'" * 100_001, '"\\' * 50_000, "1" * 200_000 + "a", "|" * 100_001, "a'" * 70_001):
        normalize.hash_command(text)
        normalize.parse_pipeline(text)
        normalize.is_single_pipeline(text)
