"""What the documents say is true: links lead somewhere, commands exist, settings and tools are real."""

import json
import re
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from zsh_tool import config

TOP = Path(__file__).resolve().parent.parent
README = TOP / "README.md"
DOCUMENTS = [README, TOP / "CHANGELOG.md", *sorted((TOP / "docs").glob("*.md"))]
FENCE = re.compile(r"^```([a-z]*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks(document: Path, language: str) -> list[str]:
    """Return the fenced blocks of a document in that language."""
    return [body for found, body in FENCE.findall(text_of(document)) if found == language]


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as they are made from their words."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(document))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), f"{document.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{document.name}: no such heading: {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_snippets_of_data_can_be_read(document: Path) -> None:
    for body in blocks(document, "json"):
        json.loads(body)
    for body in blocks(document, "toml"):
        tomllib.loads(body)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_that_are_named_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of(TOP / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z][a-z-]+)`", text_of(document)))
    named |= {
        line.split()[1]
        for body in blocks(document, "sh")
        for line in body.splitlines()
        if line[:5] == "make "
    }
    assert named <= targets


def test_the_two_commands_come_first() -> None:
    first = blocks(README, "sh")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make run", "make test"]


def load(home: Path, text: str, environ: dict[str, str]) -> config.Settings:
    path = home / ".config" / "zsh-tool" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return config.load({"HOME": str(home)} | environ)


def test_the_example_of_a_configuration_is_accepted(private_home: Path) -> None:
    example = next(body for body in blocks(README, "toml") if "config.toml" in body)
    settings = load(private_home, example, {})
    assert settings.problems == ()
    assert settings.command.timeout == 300


def test_settings_and_variables_of_the_readme_are_real() -> None:
    table = re.findall(r"^\| (?:`([a-z_.]+)`)? *\| (?:`([A-Z_]+)`)? *\|", text_of(README), re.MULTILINE)
    names = {setting for setting, _ in table if "." in setting}
    variables = {variable for _, variable in table if variable}
    assert names >= {"command.timeout", "database.path"}
    hints: dict[str, Any] = {field.name: field.type for field in fields(config.Settings)}
    for name in names:
        section, _, key = name.partition(".")
        kind = hints[section] if is_dataclass(hints[section]) else getattr(config, str(hints[section]))
        assert key in {field.name for field in fields(kind)}, name
    sources = "".join(text_of(path) for path in (TOP / "zsh_tool").glob("config*.py"))
    assert {variable for variable in variables if f'"{variable}"' not in sources} == set()


def test_the_session_of_the_readme_is_the_demo() -> None:
    session = text_of(README).partition("<!-- session -->")[2].partition("<!-- /session -->")[0]
    demo = text_of(TOP / "examples" / "first_session.py")
    said = re.findall(r"command='(.*?)'[,)]", session)
    assert said, "the README shows no session"
    assert [command for command in said if command.replace("\\'", "'") not in demo] == []


def test_every_check_is_one_of_a_known_kind() -> None:
    listed = tomllib.loads(text_of(TOP / ".ci" / "checks.toml"))["check"]
    assert len({check["name"] for check in listed}) == len(listed)
    for check in listed:
        assert check["kind"] in {"rust", "python", "suite", "installed", "nix"}
        assert ("why" if check["kind"] == "nix" else "run") in check


def test_actions_are_pinned_by_commit() -> None:
    for workflow in (TOP / ".github" / "workflows").glob("*.yml"):
        for used in re.findall(r"uses: *(\S+)", text_of(workflow)):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), f"{workflow.name}: {used}"
