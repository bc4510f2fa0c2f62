"""Command lines are split into words as a shell would, in time that grows with their length only."""

import shlex
import time

import pytest

from zsh_tool.insights.words import program, split_words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  git  push\torigin\nmain ",
        """a'b c'd"e f" '' "" x\\ y""",
        r"""print "a\"b\\c\d$e" 'it\s' \'q\' """,
        r"""sh -c 'echo "x"' "y'z" """,
        "caf\u00e9\u00a0bar \u2003",
        "a#b # c",
    ],
)
def test_words_are_those_of_a_posix_shell(text: str) -> None:
    assert split_words(text) == shlex.split(text)


@pytest.mark.parametrize("text", ["it's open", 'print "a b', "ends with\\", '"\\"\\"'])
def test_a_text_with_open_quotes_is_split_at_whitespace(text: str) -> None:
    assert split_words(text) == text.split()


@pytest.mark.parametrize(
    "piece",
    ["y", "y ", "'y' ", '"y"', '\\"', "\\\\ ", "\n"],
    ids=["word", "words", "single", "double", "escaped", "back", "lines"],
)
@pytest.mark.parametrize("opening", ["", '"', "'"])
def test_a_long_command_is_read_at_once(piece: str, opening: str) -> None:
    text = "print -- " + opening + piece * (200_000 // len(piece))
    begin = time.process_time()
    found = program(text)
    assert found is not None
    assert found.name == "print"
    # Tenths of a second; joining letter by letter, which is quadratic, took several seconds.
    assert time.process_time() - begin < 2
