"""The page on insights names every kind, and every kind has a module or a table behind it."""

import re
from pathlib import Path

from zsh_tool.insights import catalogue, score
from zsh_tool.insights.exit_table import PROGRAMS, SUBCOMMANDS

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "insights.md").read_text(encoding="utf-8")


def test_every_kind_is_described() -> None:
    kinds = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert kinds == {*score.KINDS, "silent"}
    assert len(catalogue.BEFORE) + len(catalogue.OF_RESULT) + len(catalogue.AFTER_FAILURE) + 3 == len(kinds)


def test_every_exit_code_names_its_source() -> None:
    tables = [*PROGRAMS.values(), *(table for tables in SUBCOMMANDS.values() for table in tables.values())]
    meanings = [meaning for table in tables for meaning in table.values()]
    assert len(meanings) > 100
    for meaning in meanings:
        assert re.search(r"\(\d\w*\)|documentation", meaning.source), meaning
        assert meaning.text == meaning.text.strip()
        assert not meaning.text.endswith("."), meaning
        assert not re.search(r"[()\[\]]", meaning.text), "it is told in brackets itself"
