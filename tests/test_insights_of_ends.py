"""Insights after a command: what a code means, what a pipeline hid, what is unusual, and what worked before."""

from pathlib import Path

import pytest

from tests.memory import Memory, Result
from zsh_tool.insights.exit_codes import exit_code, is_benign
from zsh_tool.insights.pipeline import hidden_failure


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


# exit codes


@pytest.mark.parametrize(
    ("command", "code", "part", "level"),
    [
        ("nosuch", 127, "command not found", "warning"),
        ("./x", 126, "not executable", "warning"),
        ("a.out", 139, "ended by SIGSEGV", "warning"),
        ("grep x y", 1, "no lines matched, not an error", "info"),
        ("cat y | grep x", 1, "no lines matched", "info"),
        ("sudo -u bob env A=1 nice -n 5 grep x y", 1, "no lines matched", "info"),
        ("FOO=1 time command grep x y", 1, "no lines matched", "info"),
        ("make; grep x y", 1, "no lines matched", "info"),
        ("make || diff a b", 1, "differ", "info"),
        ("[ -f x ]", 1, "condition is false", "info"),
        ("git diff --exit-code", 1, "differ", "info"),
        ("git grep x", 1, "no lines matched", "info"),
        ("curl -f u", 22, "HTTP 400", "warning"),
        ("ssh h", 255, "ssh itself failed", "warning"),
        ("rsync a h:", 255, "ssh connection failed", "warning"),
        ("timeout 5 make", 124, "time limit", "warning"),
        ("python -m pytest", 5, "no tests were collected", "warning"),
        ("pytest", 1, "some failed", "info"),
        ("ssh h 'grep x y'", 1, "no lines matched", "info"),
        ("ssh -p 22 h grep x y", 255, "ssh itself failed", "warning"),
        ("timeout -k 5 10 grep x y", 1, "no lines matched", "info"),
        ("bash -lc 'cd a; grep x y'", 1, "no lines matched", "info"),
        ("uv run pytest -q", 5, "no tests were collected", "warning"),
        ("command grep -v x y", 1, "grep exit 1: no lines matched", "info"),
        ("command -pv x", 1, "no such command", "info"),
        ("sudo -nu bob grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("sudo --user bob grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("env -i A=b grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("env --unset A -uB --chdir / grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("nice -5 ionice -c2 -n 7 nice --adjustment 5 grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("timeout 5 grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("timeout --kill-after 3 --signal KILL 5 grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("timeout -k 3 5 make", 137, "its time limit with -k", "warning"),
        ("git -C repo grep x", 1, "no lines matched", "info"),
        ("git --git-dir r -c a=b diff --quiet", 1, "differ", "info"),
        ("dpkg -s nothing", 1, "not installed", "info"),
        ("set -e; grep x y", 1, "no lines matched, not an error", "info"),
        ("set -o pipefail; yes | head -1", 141, "SIGPIPE, as any before head may, not an error", "info"),
        ("ls --wrong", 2, "an unknown option", "info"),
        (".venv/bin/pytest", 5, "pytest exit 5: no tests", "warning"),
        ("node_modules/.bin/eslint; ~/.local/bin/rg x", 1, "rg exit 1: no lines matched", "info"),
        ("/usr/bin/grep x y", 1, "grep exit 1: no lines matched", "info"),
        ("make -sq all", 1, "not up to date, not an error", "info"),
        ("jq -e .x", 4, "there was no output, not an error", "info"),
        ("sort --check x", 1, "not sorted, not an error", "info"),
        (
            "git diff --no-index a b",
            1,
            "git exit 1: the inputs differ, or one of them cannot be read",
            "info",
        ),
        ("git diff --no-index --quiet a b", 1, "differ, or one of them cannot", "info"),
        ("git diff a b", 1, "differ, or one of them cannot", "info"),
        ("2>/dev/null grep x y", 1, "grep exit 1: no lines matched, not an error", "info"),
        ("/usr/bin/env grep x y", 1, "grep exit 1: no lines matched, not an error", "info"),
        ("eval 'grep x y'", 1, "grep exit 1: no lines matched, not an error", "info"),
        ("let x=0", 1, "let exit 1: the value is 0, not an error", "info"),
        ("ssh h \"sudo timeout 5 bash -c 'eval grep x y'\"", 1, "grep exit 1: no lines matched", "info"),
    ],
)
def test_codes_have_meanings(command: str, code: int, part: str, level: str) -> None:
    found = exit_code(command, Result(code))
    assert found is not None
    assert part in found.message
    assert found.level == level
    assert "or one" not in found.message or "not an error" not in found.message


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("make", 255),
        ("python x.py", 1),
        ("make && grep x y", 1),
        ("for i in 1 2; do grep x $i; done", 1),
        ("{ grep x y; }", 1),
        ("make", 200),
        ("a.out", 164),
        ("true", 0),
        ("echo grep x", 1),
        ("ssh h 'make && grep x y'", 1),
        ("sh script.sh", 1),
        ("timeout 5", 1),
        ("sudo --user test make", 1),
        ("sudo -nu test make", 1),
        ("! grep x y", 1),
        ("set -e; make; grep x y", 1),
        ("set -euo pipefail\nmake x\ngrep x y", 1),
        ("setopt err_exit; make; grep x y", 1),
        ("set -o pipefail; make | grep x", 1),
        ("bash -ec 'make; grep x y'", 1),
        ("bash -euo pipefail -c 'make | grep x'", 1),
        ("set -e", 1),
        ("make all", 1),
        ("./test", 1),
        ("build/diff a b", 1),
        ("bin/test", 1),
        ("./bin/test", 1),
        ("build/bin/test", 1),
        ("/src/app/grep x y", 2),
        ("jq .e", 4),
    ],
)
def test_what_a_code_does_not_say_is_not_said(command: str, code: int) -> None:
    assert exit_code(command, Result(code)) is None


def test_a_silent_cd_before_grep_did_not_fail() -> None:
    found = exit_code("cd src && grep x y", Result(1, output_bytes=0))
    assert found is not None
    assert "no lines matched" in found.message
    assert exit_code("cd src && grep x y", Result(1, output_bytes=9)) is None


def test_what_sudo_may_have_refused_is_not_called_an_answer() -> None:
    refused = exit_code("sudo -n grep x y", Result(1, output_bytes=30))
    assert refused is not None
    assert refused.message == "grep exit 1: no lines matched, unless sudo refused"
    silent = exit_code("sudo -n grep x y", Result(1, output_bytes=0))
    assert silent is not None
    assert silent.message == "grep exit 1: no lines matched, not an error"


def test_what_the_output_says_anyway_is_not_shown() -> None:
    told = exit_code("cargo test", Result(101, output_bytes=900))
    untold = exit_code("cargo test -q", Result(101, output_bytes=0))
    assert told is not None
    assert untold is not None
    assert (told.shown, untold.shown) == (False, True)


def test_what_may_be_no_failure_is_not_called_one() -> None:
    assert is_benign("cd x && grep y z", 1)
    assert not is_benign("grep y z", 2)
    assert not is_benign("make", 1)
    assert is_benign("set -o pipefail; yes | head", 141)
    assert not is_benign("yes | head", 141)


@pytest.mark.parametrize(
    "command",
    [
        "{ grep x y; }",
        "{ grep x y } 2>/dev/null",
        "(grep x y)",
        "( cd a && grep x y ) > out 2>&1",
        "(\ncd a\ngrep x y\n)",
        "x=$(grep x y)",
        'found="$(cat y | grep x)"',
        "for i in 1 2; do grep x $i; done",
        "for i in 1 2; do\n  cd $i && { grep x $i; }\ndone < list",
        "while read -r line; do grep x $line; done",
        "cat y | while read -r line; do grep x $line; done",
        "cat y | (grep x)",
        "cat y | { grep x; }",
        "if test -e y; then grep x y; fi",
        "for i in 1; do (( 0 )); done",
        "case a in a|b) grep x y;; esac",
        "for i in 1; do case $i in (1) grep x y ;; esac; done",
        "make; { grep x y; }",
        "for i in 1 2; do grep x 'a command that its row cuts off",
        "</dev/null grep x y",
        "2>/dev/null grep x y",
        "2> /dev/null A=1 &>out sudo >&2 <<< word grep x y",
        "eval 'grep x y'",
        "eval 'cd a;' grep x y",
        "let x=0",
        "/usr/bin/env A=1 grep x y",
        "/usr/bin/time -f %e grep x y",
        "/usr/bin/sudo -u bob /bin/nice -n 5 grep x y",
    ],
)
def test_an_answer_is_no_failure_wherever_it_is_given(command: str) -> None:
    assert is_benign(command, 1)
    assert not is_benign(command.replace("grep x", "make").replace("let", "make").replace("((", "make"), 1)
    assert not is_benign(command, 3)


@pytest.mark.parametrize(
    "command",
    [
        "{ grep x y; make; }",
        "(grep x y; make)",
        "{ grep x y || exit 1; }",
        "! { grep x y; }",
        "if grep x y; then make; fi",
        "if a; then make; else grep x y; fi",
        "if a; then make; elif b; then grep x y; fi",
        "case $a in a) make;; b) grep x y;; esac",
        "while grep x y; do make; done",
        "x=$(grep x y; make)",
        "x=$(make $(grep x y))",
        "x=$(make) y=$(grep x y)",
        "for i in 1; do grep x y | make; done",
        "{ grep x y; } | make",
        "{ grep x y; } always { make; }",
        "f() { grep x y; }; make",
        "eval make",
        ">out",
        "./env grep x y",
    ],
)
def test_a_failure_stays_one_beside_an_answer(command: str) -> None:
    assert not is_benign(command, 1)


def test_silent_success_is_noted(memory: Memory) -> None:
    found = memory.run("touch x", Result(0, output_bytes=0)).of("silent")
    assert found is not None
    assert (found.level, found.shown) == ("info", False)


# pipelines


def test_a_failure_that_the_last_segment_hides_is_a_warning() -> None:
    found = hidden_failure("curl -f u | jq .", Result(0, pipestatus=(22, 0)))
    assert found is not None
    assert found.level == "warning"
    assert found.message.startswith("hidden by the pipeline's exit 0: `curl -f u` failed with 22 (the server")


@pytest.mark.parametrize(
    ("command", "codes"),
    [
        ("yes | head -1", (141, 0)),
        ("grep x y | wc -l", (1, 0)),
        ("a | b", (0, 0)),
        ("a | b", (0, 2)),
        ("diff a b |& less", (1, 0)),
        ("cd src && grep x y | head -5", (1, 0)),
        ("cd src; grep x y | sort | uniq", (1, 0, 0)),
        ("set -o pipefail\ngrep x y | head", (1, 0)),
        ("for f in *; do grep x $f | head; done", (1, 0)),
        ("if true; then grep x y | head; fi", (1, 0)),
        ("grep x y | head || make | head", (1, 0)),
        ("(cd src && grep x y | head)", (1, 0)),
        ("! grep x y | head", (1, 0)),
    ],
)
def test_what_is_normal_in_a_pipeline_is_not_told(command: str, codes: tuple[int, ...]) -> None:
    assert hidden_failure(command, Result(codes[-1], pipestatus=codes)) is None


def test_codes_without_their_segments_are_told_as_they_are() -> None:
    for command in ("for x in 1; do a | b; done", "a | b || c | d"):
        found = hidden_failure(command, Result(0, pipestatus=(3, 0)))
        assert found is not None
        assert found.message == "a part of the pipeline failed, hidden by its end: codes 3 0"


def test_codes_belong_to_the_last_pipeline_of_a_text() -> None:
    found = hidden_failure("cd src; echo $(a | b) | c; make | tail -1", Result(0, pipestatus=(2, 0)))
    assert found is not None
    assert found.message == "hidden by the pipeline's exit 0: `make` failed with 2 (a recipe failed)"


# unusual here


def test_a_code_out_of_line_is_unusual(memory: Memory) -> None:
    for count in range(43):
        memory.run("curl -s api | jq .x", Result(0, pipestatus=(0 if count % 20 else 7, 0)), after=3600)
    found = memory.run("curl -s api | jq .x", Result(0, pipestatus=(22, 0))).of("unusual")
    assert found is not None
    assert found.message == "unusual here: `curl -s api` gave 22 (0 in 40 of 43 runs of `curl -s *`)"


def test_a_pipeline_is_not_counted_as_its_first_segment(memory: Memory) -> None:
    for _ in range(12):
        memory.run("cat x | sort", Result(0, pipestatus=(0, 0)), after=3600)
    assert memory.run("cat y | nl", Result(1, pipestatus=(0, 1)), after=3600).of("last_good") is None
    assert memory.before("cat x y").insights == []


def test_few_runs_or_a_common_code_are_nothing_unusual(memory: Memory) -> None:
    for count in range(9):
        memory.run("make", after=3600)
        assert memory.run("tool", count % 2, after=10).of("unusual") is None
    assert memory.run("make", 2).of("unusual") is None
    for _ in range(9):
        memory.run("make", after=3600)
    assert memory.run("make", 3, cwd=memory.project("other")).of("unusual") is None
    assert memory.run("make", 3).of("unusual") is not None


# last known good


def test_the_nearest_success_and_its_difference(memory: Memory) -> None:
    memory.run("git push origin main", after=7200)
    memory.run("git push upstream release", after=7200)
    found = memory.run("git push origin dev", 1, after=3600).of("last_good")
    assert found is not None
    assert found.message == "last success 3 h ago with `main` in place of `dev`"


def test_the_same_command_in_another_directory(memory: Memory) -> None:
    deep = memory.cwd / "web"
    deep.mkdir()
    memory.run("npm test", cwd=deep)
    found = memory.run("npm test", 1, after=7200).of("last_good")
    assert found is not None
    assert found.message == "last success 2 h ago in `web`"


def test_no_success_elsewhere_is_suggested(memory: Memory) -> None:
    memory.run("npm test", cwd=memory.project("other"))
    assert memory.run("npm test", 1).of("last_good") is None
    assert memory.run("npm ci").of("last_good") is None
