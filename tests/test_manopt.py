"""Man page options: read in the background, cached, and offered when a command keeps failing."""

import asyncio
import os
import sqlite3
import time
from pathlib import Path

import pytest

from tests.memory import Memory, Result
from zsh_tool import manopt
from zsh_tool.insights import Insight
from zsh_tool.insights.manopt import SHOWN_BYTES, presented
from zsh_tool.insights.words import Program, used_flags

PAGE = """\
TOOL(1)                          User Commands                         TOOL(1)

OPTIONS
       -x, --extract, --get
              Extract files from an archive. Arguments are optional.

       -f, --file=ARCHIVE
              Use archive file or device ARCHIVE.  If this option is not given, stdin is used.

       --long-only   Do the long thing

       -a
       -b     Two ways to say it

EXAMPLES
       tool -x
"""


def fake_man(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.mkdir(exist_ok=True)
    program = directory / "man"
    program.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin")


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return Path("/proc/self").exists() is False
    except ProcessLookupError:
        return False
    return state != "Z"


def cached(memory: Memory) -> dict[str, str]:
    connection = sqlite3.connect(memory.path)
    found = dict(connection.execute("SELECT base_command, options_text FROM manopt_cache").fetchall())
    connection.close()
    return found


def test_options_are_taken_from_a_page() -> None:
    assert manopt.options_of(PAGE).splitlines() == [
        "-x, --extract, --get: Extract files from an archive",
        "-f, --file=ARCHIVE: Use archive file or device ARCHIVE",
        "--long-only: Do the long thing",
        "-a",
        "-b: Two ways to say it",
    ]


# As man(1) prints them: parts of sleep(1), ls(1), find(1), zip(1) and git-log(1).
REAL = """\
DESCRIPTION
       Pause for NUMBER seconds.

       --help display this help and exit

       --version
              output version information and exit

       -a, --all
              do not ignore entries starting with .

       -A, --almost-all
              do not list implied . and ..

       -ipath pattern
              Like -path.  but the match is case insensitive.

       -print True;  print  the  full  file name on the standard output, followed by a newline.   If you
              are piping the output of find into another program, use -print0.

       -L     Follow symbolic links.  The -type predicate then matches the type of the target, and
              -type f is assumed to be more likely to succeed than any other, and using it causes the
              -lname and -ilname predicates always to return false.

       A numeric argument n can be specified as

       +n     for greater than n,

       -n     for less than n,

       n      for exactly n.

       -j
       --junk-paths
              Store just the name (of a "file").

       --pretty[=<format>]
           Print the logs in a given format, one of

           --oneline is a short-hand for the first, and is what one wants.

       When no
       --format option is given, the default is used.

       Feature                Added in   Also occurs in

       -files0-from           4.9.0
       -newerXY               4.3.3      BSD
"""


def test_what_a_page_does_not_say_of_an_option_is_not_said() -> None:
    assert manopt.options_of(REAL).splitlines() == [
        "--help: display this help and exit",
        "--version: output version information and exit",
        "-a, --all: do not ignore entries starting with .",
        "-A, --almost-all: do not list implied . and ..",
        "-ipath pattern: Like -path. but the match is case insensitive",
        "-print: True; print the full file name on the standard output, followed by a newline",
        "-L: Follow symbolic links",
        '-j: Store just the name (of a "file")',
        '--junk-paths: Store just the name (of a "file")',
        "--pretty[=<format>]: Print the logs in a given format, one of",
    ]


def test_a_page_without_options_has_none() -> None:
    assert manopt.options_of("TOOL(1)\n\nNAME\n     tool - does it\n") == ""


def test_overstruck_and_coloured_pages_are_plain() -> None:
    assert manopt.clean("N\x08NA\x08AM\x08ME\x08E _\x08x \x1b[1mbold\x1b[0m") == "NAME x bold"


def test_flags_in_use_come_first_and_the_text_is_short() -> None:
    options = "\n".join(
        ["-a: all", "-f, --file=F: the file", "-x: extract", *[f"--o{n}: {'w' * 60}" for n in range(90)]]
    )
    text = presented("tar", options, Program("tar", ("-xzf", "a.tar")))
    lines = text.splitlines()
    assert lines[:4] == [
        "options of tar, from its man page:",
        "-f, --file=F: the file;",
        "-x: extract;",
        "-a: all;",
    ]
    assert SHOWN_BYTES - 100 < len(text.encode()) <= SHOWN_BYTES
    assert used_flags(Program("x", ("--size=5", "-la", "plain", "-"))) == {"--size", "-la", "-l", "-a"}


def test_cached_on_the_second_failure_and_offered_from_the_third(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_man(tmp_path / "bin", f"[ \"$4\" = tool ] || exit 16\ncat <<'EOF'\n{PAGE}EOF\n", monkeypatch)

    async def scenario() -> None:
        memory = Memory(tmp_path)

        async def fail(number: int) -> Insight | None:
            reply = await asyncio.to_thread(memory.run, f"tool -x {number}.a {number}", Result(2))
            async with asyncio.timeout(20):
                for reader in list(memory.alan._manopt_readers):
                    await asyncio.wrap_future(reader)
            return reply.of("manopt")

        assert await fail(1) is None
        assert cached(memory) == {}
        assert await fail(2) is None
        assert list(cached(memory)) == ["tool"]
        third = await fail(3)
        assert third is not None
        assert third.shown
        again = await fail(4)
        assert again is not None
        assert not again.shown
        memory.alan.close()

    asyncio.run(scenario())


def test_a_late_page_is_given_up_and_its_whole_group_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pids"
    fake_man(tmp_path / "bin", f"sleep 300 &\necho $! $$ > {pid_file}\nwait\n", monkeypatch)
    begin = time.monotonic()
    assert asyncio.run(manopt.read_page("tool", 0.5)) is None
    assert time.monotonic() - begin < 10
    for pid in pid_file.read_text(encoding="utf-8").split():
        deadline = time.monotonic() + 10
        while alive(int(pid)):
            assert time.monotonic() < deadline, pid


def test_without_man_there_are_no_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert asyncio.run(manopt.read_page("ls", 5)) is None


def test_a_page_that_does_not_exist_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_man(tmp_path / "bin", "exit 16\n", monkeypatch)
    assert asyncio.run(manopt.read_page("nothing", 5)) is None


def test_cancelling_ends_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading the pipe waits for the script to write.
    told = tmp_path / "told"
    os.mkfifo(told)
    fake_man(tmp_path / "bin", f"echo $$ > {told}\nexec sleep 300\n", monkeypatch)

    async def scenario() -> int:
        reading = asyncio.create_task(manopt.read_page("tool", 100))
        async with asyncio.timeout(20):
            pid = await asyncio.to_thread(told.read_text, encoding="utf-8")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        return int(pid)

    assert not alive(asyncio.run(scenario()))
