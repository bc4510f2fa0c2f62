"""What fixed it: the commands that made the difference between a failure and the next success."""

from pathlib import Path

import pytest

from tests.memory import Memory
from zsh_tool.insights.text import quoted


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def breaks_and_is_mended(memory: Memory, fix: str, ends: int = 0) -> None:
    memory.run("npm test", 1, after=7200)
    memory.run("ls node_modules")
    memory.run(fix)
    memory.run("npm test", ends)


def test_what_fixed_it_twice_is_offered(memory: Memory) -> None:
    breaks_and_is_mended(memory, "npm install")
    assert memory.run("npm test", 1, after=7200).of("fix") is None
    breaks_and_is_mended(memory, "npm install")
    found = memory.run("npm test", 1, after=7200).of("fix")
    assert found is not None
    assert (
        found.message
        == "when this failed here before, `npm install` was followed by success 2 of 2 times (last 2 h ago)"
    )


def test_what_fixed_it_rarely_is_not(memory: Memory) -> None:
    for ends in (0, 1, 1, 0):
        breaks_and_is_mended(memory, "npm install", ends)
        memory.now += 7200
    assert memory.run("npm test", 1, after=7200).of("fix") is None


def test_what_is_run_anyway_mends_nothing(memory: Memory) -> None:
    for ends in (1, 0, 1, 0, 0, 0, 1, 0):
        memory.run("npm test", ends, after=700)
        memory.run("make docs")
    assert memory.run("npm test", 1, after=700).of("fix") is None


def test_looking_around_mends_nothing(memory: Memory) -> None:
    for _ in range(3):
        breaks_and_is_mended(memory, "git status")
    assert memory.run("npm test", 1, after=7200).of("fix") is None


@pytest.mark.parametrize(
    "repair",
    [
        "echo ok > flag",
        "printf x >flag",
        "echo ok 2>&1 >> flag; cat flag",
        "print x >| 'the flag'",
        "echo x &> flag",
        "cat > flag <<'EOF'\nhello > there\nEOF",
        "sed -i 'w flag' f",
        "sed -ni.bak p f",
        "sed --in-place=.bak p f",
        "sort f -o flag",
        "sort -uo flag f",
        "awk -i inplace 1 flag",
        "find . -name f -exec cp {} flag ';'",
        "find . -name '*.pyc' -delete",
        "fd -e pyc -x rm",
        "git branch -D old",
        "git -C sub branch topic",
        "git remote set-url origin u",
        "git config user.name me",
        "git stash pop",
        "touch flag",
    ],
)
def test_what_writes_may_mend_however_it_is_called(memory: Memory, repair: str) -> None:
    for _ in range(2):
        breaks_and_is_mended(memory, repair)
    found = memory.run("npm test", 1, after=7200).of("fix")
    assert found is not None
    assert quoted(repair) in found.message


@pytest.mark.parametrize(
    "look",
    [
        "echo 'a > b'",
        "ls nosuch 2>/dev/null",
        "ls nosuch 2> /dev/null >&2",
        "cat f 2>&1 | grep x",
        "make_list() { :; }; echo a \\> b >/dev/stderr",
        "[[ b > a ]]",
        "cat <<EOF\na > b\nEOF",
        "sed -n '/i/p' f",
        "sort -k 2 f",
        "awk '$1 > 5' f",
        "find . -exec grep -l x {} +",
        "git branch -a",
        "git branch --contains abc",
        "git remote -v",
        "git remote get-url origin",
        "cat a <b",
    ],
)
def test_what_writes_nothing_mends_nothing(memory: Memory, look: str) -> None:
    for _ in range(3):
        breaks_and_is_mended(memory, look)
    assert memory.run("npm test", 1, after=7200).of("fix") is None


def test_what_mended_it_is_found_behind_much_looking_around(memory: Memory) -> None:
    for _ in range(2):
        memory.run("npm test", 1, after=7200)
        for number in range(20):
            memory.run(f"ls -la src/{number}")
        memory.run("npm install")
        for number in range(9):
            memory.run(f"cat src/{number}")
        memory.run("npm test")
    found = memory.run("npm test", 1, after=7200).of("fix")
    assert found is not None
    assert "`npm install` was followed by success 2 of 2 times" in found.message


def test_what_was_done_long_before_the_success_mended_nothing(memory: Memory) -> None:
    for _ in range(2):
        memory.run("npm test", 1, after=7200)
        memory.run("npm install")
        for number in range(9):
            memory.run(f"tool{number} all")
        memory.run("npm test")
    found = memory.run("npm test", 1, after=7200).of("fix")
    assert found is not None
    assert "npm install" not in found.message


def test_a_fix_in_another_session_or_project_does_not_count(memory: Memory) -> None:
    for _ in range(3):
        memory.run("npm test", 1, after=7200)
        memory.run("npm install", cwd=memory.project("other"))
        memory.open("sess0009")
        memory.run("npm test")
        memory.open("sess0001")
    assert memory.run("npm test", 1, after=7200).of("fix") is None
