"""What only looks like commands is left out, in time that grows with the length only."""

import time

import pytest

from tests.memory import Result
from zsh_tool.insights.exit_codes import exit_code, is_benign
from zsh_tool.insights.looking import only_looks
from zsh_tool.insights.outline import outline
from zsh_tool.insights.words import deciding

COMMIT = """git commit -qm "$(cat <<'EOF'
It's done; (see | "the notes)
EOF
)" """


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("kill $(ps aux | grep x)", "kill $()"),
        ("echo `a | b` | c", "echo `` | c"),
        ("diff <(a | b) =(c; d)", "diff <() =()"),
        ("echo ${x:-$(a | b)} | c", "echo ${} | c"),
        ("x=$((1 + (2 * 3))); a", "x=$(); a"),
        ("[[ -f a || $b == (c|d) ]] && e", "[[ ]] && e"),
        ("(( a || b )); c", "((); c"),
        ("ls *(.om|N) | head", "ls *() | head"),
        ("(a; b) | c", "(a; b) | c"),
        ("a # b; it's c\nd", "a \nd"),
        ("a#b", "a#b"),
        ("cat <<A <<-'B' | c\n; |\nA\n\t\"\n\tB\nd", "cat   | c\n\nd"),
        ("cat <<< 'a; b'", "cat <<< 'a; b'"),
        (COMMIT, 'git commit -qm "$()" '),
        ('echo "a $(b "c; d") e"; f', 'echo "a $() e"; f'),
        ("ssh h 'a; b # c'", "ssh h 'a; b # c'"),
        ("echo $'it\\'s; a' | b", "echo $'it\\'s; a' | b"),
        ("a && \\\n b", "a &&  b"),
        ("a $(b; c", "a $("),
        ("case $x in a) b;; esac", "case $x in a) b;; esac"),
        ("cat <<EOF\nnever ends; a", "cat \n"),
    ],
)
def test_what_is_left(command: str, left: str) -> None:
    assert outline(command) == left


@pytest.mark.parametrize(
    "piece", ["$(", '"', "`", "((", "[[ ", "'", "#\n", "a(", "}", "\\\n", "<<A\n", "<<A "]
)
def test_a_long_command_is_read_in_proportion(piece: str) -> None:
    def took(length: int) -> float:
        text = piece * (length // len(piece))
        begin = time.process_time()
        outline(text)
        return time.process_time() - begin

    # Four times the length takes four times as long; what is quadratic takes sixteen times.
    assert took(200_000) < 10 * took(50_000) + 0.1


@pytest.mark.parametrize(
    "piece", ["{ ", "( ", "x=$(", "</dev/null ", ">1 ", "} ", "fi>1", "case a in a) ", "do case "]
)
def test_what_encloses_a_command_is_read_in_proportion(piece: str) -> None:
    def took(length: int) -> float:
        text = piece * (length // len(piece)) + "x +; }\nfi"
        begin = time.process_time()
        assert not is_benign(text, 1)
        assert not only_looks(text)
        return time.process_time() - begin

    assert took(200_000) < 10 * took(50_000) + 0.2


@pytest.mark.parametrize(
    "runner",
    ["uv run ", "timeout 1 ", "ssh h ", "eval ", "xargs ", "find . -exec ", "sudo ", "command ", "A=1 "],
)
def test_what_runs_what_runs_is_read_to_a_depth(runner: str) -> None:
    def took(length: int) -> float:
        text = runner * (length // len(runner)) + "x +"
        begin = time.process_time()
        for code in (1, 123):
            exit_code(text, Result(code))
            assert not is_benign(text, code)
        assert not only_looks(text)
        return time.process_time() - begin

    assert took(80_000) < 10 * took(20_000) + 0.2


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("kill $(ps aux | grep x)", ["kill"]),
        ("a &&\n b", ["b", "a"]),
        ("a && b |\n c", ["c", "a"]),
        ("a ||\n\n b", ["b"]),
        ("make |& grep error", ["grep"]),
        ("exec 3<&0; grep x", ["grep"]),
        ("grep x y # or; z\n# done\n", ["grep"]),
        ("cat <<EOF | grep x\nhi; there\nEOF", ["grep"]),
        ("[[ -f a || -f b ]]", ["[["]),
        (COMMIT + "&& grep x y", ["grep", "git"]),
        ("sudo \\\n  grep x y", ["grep"]),
    ],
)
def test_the_deciding_programs(command: str, names: list[str]) -> None:
    assert [found.name if found else None for found in deciding(command)] == names


@pytest.mark.parametrize(
    "command",
    [
        "kill $(ps aux | grep x)",
        "vim `git ls-files | grep x`",
        "tool <(grep x y)",
        "make &&\n grep x y",
        "tool # then | grep x",
        "cat > f <<EOF\n| grep x\nEOF",
        "tool -- command -v grep",
    ],
)
def test_no_code_is_taken_for_that_of_another_program(command: str) -> None:
    assert exit_code(command, Result(1)) is None


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("command -v jq", 1, "command -v exit 1: no such command, not an error"),
        ("command -v grep", 1, "command -v exit 1: no such command, not an error"),
        ("(( $# > 3 ))", 1, "(( exit 1: the value is 0, not an error"),
        ("[[ -f a && -f b ]]", 1, "[[ exit 1: the condition is false, not an error"),
        (
            "find . -name '*.py' | xargs -n 5 grep x",
            123,
            "xargs exit 123: grep gave 1 for some of its input (no lines matched), or something failed",
        ),
        (
            "find . -exec grep -l x {} + 2>/dev/null",
            1,
            "find exit 1: grep gave 1 for some of its input (no lines matched), or something failed",
        ),
    ],
)
def test_answers_are_no_failures(command: str, code: int, message: str) -> None:
    found = exit_code(command, Result(code))
    assert found is not None
    assert (found.level, found.message) == ("info", message)
    assert is_benign(command, code)


def test_xargs_says_what_failed_where_one_is_no_answer() -> None:
    found = exit_code("ls | xargs cc -c", Result(123))
    assert found is not None
    assert found.level == "warning"
    assert not is_benign("find . -exec cc -c {} +", 1)
