import dataclasses
import re
from pathlib import Path

import pytest

from zsh_tool import _build, config

DOCS = Path(__file__).parents[1] / "docs"


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), **more}


def write_config(home: Path, text: str) -> Path:
    file = home / ".config" / "zsh-tool" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_without_any_file(tmp_path: Path) -> None:
    settings = config.load(environment(tmp_path))
    assert settings.problems == ()
    assert settings.command.timeout == 120
    assert settings.command.timeout_pty == 600
    assert settings.command.profile == "agent"
    assert settings.database.path == tmp_path / ".local/state/zsh-tool/alan.db"
    assert settings.state_dir == tmp_path / ".local/state/zsh-tool"
    assert settings.executor is None
    assert settings.origins == {}


def test_the_commented_file_is_equal_to_the_defaults(tmp_path: Path) -> None:
    documented = re.sub(r"^#(?=\w+ = )", "", (DOCS / "config.toml").read_text(encoding="utf-8"), flags=re.M)
    plain = config.load(environment(tmp_path))
    write_config(tmp_path, documented)
    read = config.load(environment(tmp_path))
    assert read.problems == ()
    assert dataclasses.replace(read, origins={}) == plain
    every_key = {
        f"{name}.{key.name}" for name, kind in config.SECTIONS.items() for key in dataclasses.fields(kind)
    }
    assert set(read.origins) == every_key


def test_the_commented_file_as_it_stands_changes_nothing(tmp_path: Path) -> None:
    plain = config.load(environment(tmp_path))
    write_config(tmp_path, (DOCS / "config.toml").read_text(encoding="utf-8"))
    assert config.load(environment(tmp_path)) == plain


def test_every_variable_is_documented() -> None:
    text = (DOCS / "config.toml").read_text(encoding="utf-8")
    for kind in config.SECTIONS.values():
        for key in dataclasses.fields(kind):
            assert key.metadata["env"] in text


def test_order_of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_config(tmp_path, "[command]\ntimeout = 30\ntimeout_max = 300\n")
    settings = config.load(environment(tmp_path, NEVERHANG_TIMEOUT_DEFAULT="50"))
    assert (settings.command.timeout, settings.command.timeout_max) == (50, 300)
    assert settings.origins["command.timeout"] == "environment NEVERHANG_TIMEOUT_DEFAULT"
    assert settings.origins["command.timeout_max"] == f"{file} [command] timeout_max"


def test_wired_path_is_expanded_at_run_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_build, "ZSH", "/pinned/zsh")
    state = tmp_path / "state"
    settings = config.load(
        environment(
            tmp_path, XDG_STATE_HOME=str(state), ALAN_DB_PATH="$XDG_STATE_HOME/x/${USER}.db", USER="me"
        )
    )
    assert settings.database.path == state / "x/me.db"
    assert settings.zsh == Path("/pinned/zsh")
    assert settings.origins["zsh"] == "build"
    assert config.load(environment(tmp_path, ZSH_TOOL_ZSH="~/bin/zsh")).zsh == tmp_path / "bin/zsh"


def test_relative_base_directories_are_ignored(tmp_path: Path) -> None:
    settings = config.load(environment(tmp_path, XDG_STATE_HOME="state", XDG_CONFIG_HOME="config"))
    assert settings.state_dir == tmp_path / ".local/state/zsh-tool"


def test_home_comes_from_the_system_when_unset() -> None:
    assert config.load({}).state_dir.is_absolute()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[command]\ntimeout = 'abc'\n", "timeout: 'abc' is not a number of seconds"),
        ("[command]\ntimeout = true\n", "is not a number"),
        ("[command]\ntimeout = nan\n", "is not a number"),
        ("[command]\ntimeout = -1\n", "is not between 0 and"),
        ("[command]\ntimout = 3\n", "unknown key 'timout'; did you mean timeout?"),
        ("[comand]\n", "did you mean command?"),
        ("command = 3\n", "write [command]"),
        ("[command]\nprofile = 'bash'\n", "none of agent, plain"),
        ("[command]\ncwd = 'here'\n", "is not an absolute path"),
        ("[command]\ncwd = '$NO_SUCH/x'\n", "$NO_SUCH is not set"),
        ("[command]\nenv = { 'A=B' = 'x' }\n", "is not a variable's name"),
        ("[command]\nenv = { A = [1] }\n", "the value of A is not a text"),
        ("[command]\nlogin_path = 'maybe'\n", "neither true nor false"),
        ("[database]\nrows = 1.5\n", "is not a whole number"),
        ("[database]\nignore = [1]\n", "is not a list of texts"),
        ("[manopt]\nfail_trigger = 0\n", "is not a whole number from 1"),
        ("[command\n", "is not valid TOML"),
    ],
)
def test_bad_values_are_reported_and_defaults_used(tmp_path: Path, text: str, words: str) -> None:
    file = write_config(tmp_path, text)
    settings = config.load(environment(tmp_path))
    (problem,) = settings.problems
    assert str(file) in problem
    assert words in problem
    assert dataclasses.replace(settings, problems=(), origins={}) == dataclasses.replace(
        config.load({**environment(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "none")}), origins={}
    )


def test_bad_environment_falls_back_to_the_file(tmp_path: Path) -> None:
    write_config(tmp_path, "[command]\ntimeout = 30\n")
    settings = config.load(environment(tmp_path, NEVERHANG_TIMEOUT_DEFAULT="soon"))
    assert settings.command.timeout == 30
    assert settings.problems == (
        "environment NEVERHANG_TIMEOUT_DEFAULT: 'soon' is not a number of seconds; not used",
    )


def test_a_lower_maximum_bounds_the_defaults_in_silence(tmp_path: Path) -> None:
    settings = config.load(environment(tmp_path, NEVERHANG_TIMEOUT_MAX="60"))
    assert (settings.command.timeout, settings.command.timeout_pty) == (60, 60)
    assert settings.problems == ()


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    file = write_config(tmp_path, "")
    file.unlink()
    file.mkdir()
    assert "cannot be read" in config.load(environment(tmp_path)).problems[0]
    file.rmdir()
    file.write_bytes(b"\xff\xfe[command]")
    assert "is not UTF-8" in config.load(environment(tmp_path)).problems[0]


def test_executor_keeps_the_difference_between_unset_and_empty(tmp_path: Path) -> None:
    assert config.load(environment(tmp_path)).executor is None
    assert config.load(environment(tmp_path, ZSH_TOOL_EXEC="")).executor == ""


def test_a_limit_above_the_maximum_is_lowered_and_reported(tmp_path: Path) -> None:
    file = write_config(tmp_path, "[command]\ntimeout = 900\n")
    settings = config.load(environment(tmp_path))
    assert settings.command.timeout == 600
    assert settings.problems == (f"{file} [command] timeout: 900 is above timeout_max; using 600",)
