from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsh_tool import config
from zsh_tool.arguments import ArgumentError, clamped, output_chars, resolve, timeout_secs, wait_secs
from zsh_tool.config import Settings
from zsh_tool.protocol import definitions
from zsh_tool.server import Tools
from zsh_tool.session import Session
from zsh_tool.spellings import IGNORED, SPELLINGS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.load({"HOME": str(tmp_path)})


@pytest.fixture
def schemas(settings: Settings) -> dict[str, Any]:
    tools = definitions(Tools(Session(settings, {}, None)))
    return {name: tool.definition.input_schema for name, tool in tools.items()}


def test_every_spelling_leads_to_an_argument_of_its_tool(schemas: dict[str, Any]) -> None:
    for tool, spellings in SPELLINGS.items():
        for name, (ours, how) in spellings.items():
            assert how == IGNORED or ours in schemas[tool]["properties"], f"{tool}: {name}"
            assert name not in schemas[tool]["properties"], f"{tool}: {name}"


@pytest.mark.parametrize(
    ("tool", "raw", "values", "note"),
    [
        ("zsh", {"command": "x", "workdir": "/w"}, {"cwd": "/w"}, "workdir taken as cwd"),
        ("zsh", {"cmd": "x", "timeout_ms": 1500}, {"timeout": 1.5}, "timeout_ms taken as timeout 1.5 s"),
        ("zsh", {"command": "x", "timeoutMs": 1500}, {"timeout": 1.5}, "timeoutMs taken as timeout 1.5 s"),
        ("zsh", {"command": "x", "run_in_background": True}, {"yield_after": 0}, "taken as yield_after 0"),
        ("zsh", {"command": "x", "yield_time_ms": 500}, {"yield_after": 0.5}, "taken as yield_after 0.5 s"),
        ("zsh", {"command": "x", "keepStdin": "true"}, {"keep_stdin": True}, "keepStdin taken as keep_stdin"),
        ("zsh", {"command": "x", "max_output_tokens": 10}, {"max_output": 40}, "taken as max_output 40"),
        (
            "zsh",
            {"command": "x", "cwd": "/a", "workdir": "/b"},
            {"cwd": "/a"},
            "another spelling of cwd ignored",
        ),
        ("zsh_poll", {"bash_id": "abc123", "timeout_ms": 2000}, {"wait": 2.0}, "bash_id taken as task_id"),
        ("zsh_send", {"task_id": "a", "text": "y"}, {"input": "y"}, "text taken as input"),
        ("zsh_alan_query", {"query": "make"}, {"search": "make"}, "query taken as search"),
        ("zsh", {"command": "x", "cd": "/w"}, {"cwd": "/w"}, "cd taken as cwd"),
        ("zsh", {"command": "x", "Blocking": False}, {"yield_after": 0}, "Blocking taken as yield_after 0"),
        ("zsh", {"command": "x", "WaitMsBeforeAsync": 500}, {"yield_after": 0.5}, "taken as yield_after 0.5"),
        ("zsh_poll", {"task_id": "a", "block": False}, {"wait": 0}, "block taken as wait 0"),
        ("zsh", {"command": "x", "dangerouslyDisableSandbox": True}, {"command": "x"}, "Sandbox ignored"),
        ("zsh_send", {"task_id": "a", "max_output_tokens": 9, "eof": True}, {"eof": True}, "tokens ignored"),
        ("zsh", {"command": ["bash", "-lc", "a b"]}, {"command": "bash -lc 'a b'"}, "list taken as bash -lc"),
        ("zsh_send", {"task_id": "a", "keys": ["Up", "C-c"]}, {"keys": "Up C-c"}, "keys list joined"),
        (
            "zsh_send",
            {"task_id": "a", "chars": "x\n"},
            {"input": "x\n", "enter": False},
            "chars taken as input without Enter",
        ),
        (
            "zsh_send",
            {"task_id": "a", "chars": "x", "enter": True},
            {"input": "x", "enter": True},
            "chars taken as input",
        ),
    ],
)
def test_spellings_that_models_know_are_taken_and_named(
    schemas: dict[str, Any], tool: str, raw: dict[str, Any], values: dict[str, Any], note: str
) -> None:
    given = resolve(tool, schemas[tool], raw)
    assert values.items() <= given.values.items()
    assert any(note in said for said in given.notes), given.notes


def test_background_false_changes_nothing(schemas: dict[str, Any]) -> None:
    given = resolve("zsh", schemas["zsh"], {"command": "x", "run_in_background": False})
    assert (given.values, given.notes) == ({"command": "x"}, [])


def test_nulls_are_as_good_as_nothing(schemas: dict[str, Any]) -> None:
    raw = {"command": "x", "cwd": None, "timeout": None, "nonsense": None}
    assert resolve("zsh", schemas["zsh"], raw).values == {"command": "x"}


def test_empty_texts_are_as_good_as_nothing_where_they_mean_nothing(schemas: dict[str, Any]) -> None:
    raw = {"command": "", "cwd": "", "until": "", "stdin": "", "description": "", "env": {"A": None}}
    assert resolve("zsh", schemas["zsh"], raw).values == {"command": "", "stdin": "", "env": {}}
    raw = {"task_id": "a", "lines": "", "grep": "", "view": ""}
    assert resolve("zsh_poll", schemas["zsh_poll"], raw).values == {"task_id": "a"}
    raw = {"task_id": "a", "input": "", "keys": "", "signal": ""}
    assert resolve("zsh_send", schemas["zsh_send"], raw).values == {"task_id": "a", "input": ""}


@pytest.mark.parametrize(
    ("text", "secs"), [("30s", 30), ("1.5 s", 1.5), ("500ms", 0.5), ("2m", 120), ("1 h", 3600), ("7", 7)]
)
def test_a_time_may_be_written_with_its_unit(schemas: dict[str, Any], text: str, secs: float) -> None:
    assert resolve("zsh", schemas["zsh"], {"command": "x", "timeout": text}).values["timeout"] == secs


def test_switches_in_the_environment_are_words(schemas: dict[str, Any]) -> None:
    raw = {"command": "x", "env": {"CI": True, "N": 1}}
    assert resolve("zsh", schemas["zsh"], raw).values["env"] == {"CI": "true", "N": "1"}


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", "null", "true", "17", '"x"'])
def test_text_that_looks_like_json_stays_text(schemas: dict[str, Any], text: str) -> None:
    given = resolve("zsh", schemas["zsh"], {"command": text, "stdin": text, "until": text})
    assert given.values == {"command": text, "stdin": text, "until": text}


@pytest.mark.parametrize(
    ("tool", "raw", "words"),
    [
        ("zsh", {}, "command is missing"),
        ("zsh", None, "command is missing"),
        ("zsh", {"command": None}, "command is missing"),
        ("zsh", {"command": 5}, "command must be a text, not 5"),
        ("zsh", {"command": ["ls", 5]}, 'command must be a text, not ["ls", 5]'),
        ("zsh", {"command": []}, "command must be a text, not []"),
        ("zsh", {"command": "x", "timeout": "5 days"}, 'timeout must be a number of seconds, not "5 days"'),
        ("zsh", {"command": "x", "shell": "bash"}, 'unknown argument "shell"'),
        ("zsh", {"command": "x", "timeout": "abc"}, 'timeout must be a number, not "abc"'),
        ("zsh", {"command": "x", "timeout": True}, "timeout must be a number"),
        ("zsh", {"command": "x", "timeout": "nan"}, "timeout must be a number"),
        ("zsh", {"command": "x", "pty": "perhaps"}, "pty must be true or false"),
        ("zsh", {"command": "x", "env": ["A=1"]}, "env must be a table"),
        ("zsh", {"command": "x", "env": {"A": {}}}, 'the value of "A" must be a text'),
        ("zsh", {"command": "x", "env": {"A=B": "1"}}, '"A=B" cannot be a variable'),
        ("zsh", {"command": "x", "max_output": "inf"}, "max_output must be a whole number"),
        ("zsh", {"comand": "x"}, 'unknown argument "comand"; did you mean command?'),
        ("zsh", {"command": "x", "tymeout": 1}, "did you mean timeout?"),
        ("zsh_poll", {"task_id": "a", "view": "all"}, "view must be one of delta, full, screen"),
        ("zsh_tasks", {"all": True}, "zsh_tasks takes no arguments"),
    ],
)
def test_what_cannot_be_used_is_said_with_what_would_do(
    schemas: dict[str, Any], tool: str, raw: dict[str, Any] | None, words: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        resolve(tool, schemas[tool], raw)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"input": {"pw": "S3CRET"}}, "input must be a text, not a table"),
        ({"text": ["S3CRET"]}, "input must be a text, not a list"),
        ({"keys": ["S3CRET", ["Enter"]]}, "keys must be a text, not a list"),
    ],
)
def test_what_was_to_be_typed_is_not_repeated(
    schemas: dict[str, Any], raw: dict[str, Any], words: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        resolve("zsh_send", schemas["zsh_send"], {"task_id": "a"} | raw)
    assert str(caught.value) == words
    (note,) = resolve("zsh_send", schemas["zsh_send"], {"task_id": "a", "keys": ["S3CRET", "Enter"]}).notes
    assert note == "keys list joined"


def test_numbers_given_as_text_are_numbers_and_ids_given_as_numbers_are_text(schemas: dict[str, Any]) -> None:
    assert resolve("zsh", schemas["zsh"], {"command": "x", "timeout": "5"}).values["timeout"] == 5
    assert resolve("zsh_poll", schemas["zsh_poll"], {"task_id": 123456, "lines": -5}).values == {
        "task_id": "123456",
        "lines": "-5",
    }
    assert resolve("zsh", schemas["zsh"], {"command": "x", "env": '{"A": 1}'}).values["env"] == {"A": "1"}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@given(st.sampled_from(sorted(SPELLINGS)), st.data())
def test_no_arguments_break_anything(tool: str, data: st.DataObject) -> None:
    schemas = _SCHEMAS
    names = st.sampled_from([*schemas[tool]["properties"], *SPELLINGS[tool], "other"])
    raw = data.draw(st.dictionaries(names, json_values, max_size=5))
    try:
        resolve(tool, schemas[tool], raw)
    except ArgumentError as wrong:
        assert str(wrong)


_SCHEMAS: dict[str, Any] = {
    name: tool.definition.input_schema
    for name, tool in definitions(Tools(Session(config.load({"HOME": "/"}), {}, None))).items()
}


@pytest.mark.parametrize(
    ("asked", "pty", "persist", "expected", "note"),
    [
        (None, False, False, 120, None),
        (None, True, False, 600, None),
        (None, True, True, 0, None),
        (None, False, True, 0, None),
        (30, False, False, 30, None),
        (0.5, False, False, 0.5, None),
        (0, True, False, 0, None),
        (0, False, True, 0, None),
        (0, False, False, 600, "timeout 0 needs pty or persist, 600 s used"),
        (900, False, False, 600, "timeout 900 is out of range, 600 s used"),
        (120_000, False, False, 120, "timeout 120000 read as milliseconds, 120 s"),
        (3_600_000, False, False, 600, "timeout 3600 is out of range, 600 s used"),
        (float("inf"), False, False, 600, "timeout inf is out of range, 600 s used"),
        (1e9, False, False, 600, "timeout 1000000 is out of range, 600 s used"),
        (-1, False, False, 120, "timeout -1 is out of range, the default used"),
        (-1, True, False, 600, "timeout -1 is out of range, the default used"),
    ],
)
def test_limits_of_commands(
    settings: Settings, asked: float | None, pty: bool, persist: bool, expected: float, note: str | None
) -> None:
    notes: list[str] = []
    assert timeout_secs(asked, pty=pty, persist=persist, settings=settings, notes=notes) == expected
    assert notes[-1:] == ([note] if note else [])


@pytest.mark.parametrize(
    ("asked", "expected", "note"),
    [
        (None, None, None),
        (0, 0, None),
        (45, 45, None),
        (46, 45, "wait 46 is out of range, 45 s used"),
        (10_000, 10, "wait 10000 read as milliseconds, 10 s"),
        (-3, 0, "wait -3 is out of range, 0 s used"),
        (float("inf"), 45, "wait inf is out of range, 45 s used"),
    ],
)
def test_limits_of_waits(asked: float | None, expected: float | None, note: str | None) -> None:
    notes: list[str] = []
    assert wait_secs("wait", asked, 45, notes) == expected
    assert notes[-1:] == ([note] if note else [])


def test_limits_of_output() -> None:
    notes: list[str] = []
    assert output_chars(None, notes) == 16_000
    assert output_chars(200, notes) == 200
    assert notes == []
    assert output_chars(0, notes) == 200
    assert output_chars(100_000, notes) == 45_000
    assert notes == [
        "max_output 0 is out of range, 200 used",
        "max_output 100000 is out of range, 45000 used",
    ]
    assert clamped("limit", 0, 1, 100, notes) == 1
