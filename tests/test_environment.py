import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from zsh_tool import config, environment
from zsh_tool.environment import Environment

BARE = "/usr/bin:/bin"


def make(environ: Mapping[str, str], started_in: str | None = "/srv", **command: object) -> Environment:
    settings = config.load(environ)
    # Which settings there are is for the dataclass to say.
    settings = replace(settings, command=replace(settings.command, **command))  # type: ignore[arg-type]
    return Environment(settings, environ, Path(started_in) if started_in else None)


def fake_shell(home: Path, text: str) -> str:
    shell = home / "zsh"
    shell.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    shell.chmod(0o755)
    return str(shell)


def path_after(environ: Mapping[str, str], **command: object) -> str:
    async def run() -> str:
        made = make(environ, "/srv", **command)
        made.open()
        await made.ready()
        await made.close()
        return made.for_command(Path("/"), False, None)["PATH"]

    return asyncio.run(run())


def test_the_login_path_is_taken_when_ours_names_only_system_folders(tmp_path: Path) -> None:
    shell = fake_shell(tmp_path, 'echo hello from a profile; PATH="/home/me/bin:/usr/bin"; eval "$2"')
    assert path_after({"HOME": str(tmp_path), "PATH": BARE, "SHELL": shell}) == "/home/me/bin:/usr/bin:/bin"


def test_a_path_that_somebody_has_set_stays_as_it_is(tmp_path: Path) -> None:
    shell = fake_shell(tmp_path, 'PATH="/home/me/bin"; eval "$2"')
    given = f"/some/venv/bin:{BARE}"
    assert path_after({"HOME": str(tmp_path), "PATH": given, "SHELL": shell}) == given
    assert path_after({"HOME": str(tmp_path), "PATH": BARE, "SHELL": shell}, login_path=False) == BARE


def test_a_login_shell_that_hangs_delays_nothing_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "PATIENCE_SECS", 0.1)
    shell = fake_shell(tmp_path, "sleep 60 & sleep 60")
    begun = time.monotonic()
    assert path_after({"HOME": str(tmp_path), "PATH": BARE, "SHELL": shell}) == BARE
    assert time.monotonic() - begun < 20


def test_a_login_shell_that_says_nothing_or_is_not_there_leaves_the_path(tmp_path: Path) -> None:
    assert path_after({"HOME": str(tmp_path), "PATH": BARE, "SHELL": fake_shell(tmp_path, "exit 3")}) == BARE
    assert path_after({"HOME": str(tmp_path), "PATH": BARE, "SHELL": str(tmp_path / "no" / "zsh")}) == BARE


def test_no_path_at_all_is_mended() -> None:
    assert make({"HOME": "/h"}).for_command(Path("/"), False, None)["PATH"] == environment.DEFAULT_PATH


def test_a_locale_is_given_only_where_there_is_none() -> None:
    assert make({"HOME": "/h"}).for_command(Path("/"), False, None)["LC_CTYPE"].endswith("UTF-8")
    assert "LC_CTYPE" not in make({"HOME": "/h", "LANG": "de_DE.UTF-8"}).for_command(Path("/"), False, None)


def test_pagers_print_by_pipe_and_a_terminal_has_a_name() -> None:
    made = make({"HOME": "/h", "TERM": "dumb", "PAGER": "less"})
    by_pipe = made.for_command(Path("/w"), False, None)
    assert (by_pipe["PAGER"], by_pipe["GIT_PAGER"], by_pipe["TERM"], by_pipe["PWD"]) == (
        "cat",
        "cat",
        "dumb",
        "/w",
    )
    in_terminal = made.for_command(Path("/w"), True, None)
    assert (in_terminal["PAGER"], in_terminal["TERM"]) == ("less", "xterm-256color")
    assert (
        make({"HOME": "/h", "PAGER": "less"}, profile="plain").for_command(Path("/"), False, None)["PAGER"]
        == "less"
    )


def test_variables_of_the_call_win_over_those_of_the_configuration() -> None:
    made = make({"HOME": "/h", "A": "1", "B": "1", "C": "1"}, env={"B": "2", "C": "2"})
    env = made.for_command(Path("/"), False, {"C": "3", "PAGER": "more"})
    assert (env["A"], env["B"], env["C"], env["PAGER"]) == ("1", "2", "3", "more")


def test_where_commands_start(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert make(home).cwd == Path("/srv")
    assert make(home, "/").cwd == tmp_path
    assert make(home, None).cwd == tmp_path
    assert make(home, "/srv", cwd=tmp_path.parent).cwd == tmp_path.parent
    (problem,) = make(home, "/srv", cwd=tmp_path / "none").problems
    assert f"there is no directory {tmp_path}/none" in problem
    assert make(home, "/srv", cwd=tmp_path / "none").cwd == Path("/srv")
    made = make(home)
    assert made.directory(None) == Path("/srv")
    assert made.directory("~/x") == tmp_path / "x"
    assert made.directory("sub") == Path("/srv/sub")
    assert made.directory("/abs") == Path("/abs")
