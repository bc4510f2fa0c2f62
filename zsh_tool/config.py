"""Settings: read once, checked once, passed in.

One order: what is built in < what a packager wired in < the configuration file < the environment
< a tool's argument. A value that cannot be used is reported in ``Settings.problems`` with its
place, and the next lower one stays: reading the configuration never fails.
"""

# ruff: noqa: RUF009 - `setting` returns a dataclass field, evaluated once per class on purpose

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from zsh_tool import _build
from zsh_tool.config_values import (
    Places,
    Reader,
    T,
    choice,
    count,
    flag,
    number,
    optional_path,
    path,
    shown,
    variables,
    word_set,
    words,
)

DAY_SECS = 86_400.0
CALL_MAX_SECS = 110.0
"""Clients that extend their own limit on progress still give up at two minutes."""


def setting(default: T, read: Reader[T], env: str = "", wired: str = "") -> T:
    """Declare a field: its default, its reader, its variable, its value wired in at build time."""
    metadata = {"read": read, "env": env, "wired": wired}
    return field(default_factory=lambda: default, metadata=metadata)


@dataclass(frozen=True)
class CommandSettings:
    """How commands run unless a call says otherwise. Times are in seconds."""

    timeout: float = setting(120.0, number(0, DAY_SECS), env="NEVERHANG_TIMEOUT_DEFAULT")
    timeout_pty: float = setting(600.0, number(0, DAY_SECS))
    timeout_max: float = setting(600.0, number(1, DAY_SECS), env="NEVERHANG_TIMEOUT_MAX")
    yield_after: float = setting(10.0, number(0, CALL_MAX_SECS))
    grace: float = setting(2.0, number(0, 60))
    idle_timeout: float = setting(0.0, number(0, DAY_SECS))
    profile: str = setting("agent", choice("agent", "plain"))
    cwd: Path | None = setting(None, optional_path)
    env: Mapping[str, str] = setting(cast("Mapping[str, str]", {}), variables)
    login_path: bool = setting(True, flag)


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the memory of past commands is kept, and how much of it."""

    path: Path = setting(Path(), path, env="ALAN_DB_PATH", wired=_build.ALAN_DB_PATH)
    rows: int = setting(200_000, count(1, 100_000_000))
    half_life_days: float = setting(30.0, number(0.01, 36_500, unit="days"))
    record: bool = setting(True, flag)
    ignore: tuple[str, ...] = setting((), words)


@dataclass(frozen=True)
class InsightSettings:
    """Which kinds of insight stay unsaid."""

    mute: frozenset[str] = setting(cast("frozenset[str]", frozenset()), word_set)


@dataclass(frozen=True)
class ManoptSettings:
    """When the options of a man page are offered after failures."""

    enabled: bool = setting(True, flag, env="ALAN_MANOPT_ENABLED")
    timeout: float = setting(2.0, number(0.1, 60), env="ALAN_MANOPT_TIMEOUT")
    fail_trigger: int = setting(2, count(1, 1000), env="ALAN_MANOPT_FAIL_TRIGGER")
    fail_present: int = setting(3, count(1, 1000), env="ALAN_MANOPT_FAIL_PRESENT")


@dataclass(frozen=True)
class ServerSettings:
    """The server itself."""

    call_max: float = setting(45.0, number(1, CALL_MAX_SECS))
    log_level: str = setting("warning", choice("debug", "info", "warning", "error", "critical"))
    log_file: Path | None = setting(None, optional_path)


@dataclass(frozen=True)
class Settings:
    """Everything that can be configured, with where each value came from."""

    command: CommandSettings
    database: DatabaseSettings
    insights: InsightSettings
    manopt: ManoptSettings
    server: ServerSettings
    state_dir: Path
    executor: str | None
    """``ZSH_TOOL_EXEC`` as given; empty means Python-only mode."""
    zsh: Path | None
    origins: Mapping[str, str]
    """``section.key`` to the place that its value came from, defaults left out."""
    problems: tuple[str, ...]


SECTIONS: Mapping[str, type[Any]] = {
    "command": CommandSettings,
    "database": DatabaseSettings,
    "insights": InsightSettings,
    "manopt": ManoptSettings,
    "server": ServerSettings,
}


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings for one environment. Never fails: see ``Settings.problems``."""
    return _Loader(environ).load()


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the configuration file is looked for."""
    return Places(environ, os.getuid()).config_home / "zsh-tool" / "config.toml"


class _Loader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.places = Places(environ, os.getuid())
        self.state_dir = self.places.state_home / "zsh-tool"
        self.origins: dict[str, str] = {}
        self.problems: list[str] = []

    def load(self) -> Settings:
        file = config_file(self.environ)
        tables = self._checked_tables(_read_toml(file, self.problems), file)
        read = {name: self._section(name, kind, tables, file) for name, kind in SECTIONS.items()}
        read["command"] = self._within_maximum(read["command"])
        return Settings(
            **{name: SECTIONS[name](**values) for name, values in read.items()},
            state_dir=self.state_dir,
            executor=self.environ.get("ZSH_TOOL_EXEC"),
            zsh=self._zsh(),
            origins=self.origins,
            problems=tuple(self.problems),
        )

    def _section(
        self, section: str, kind: type[Any], tables: Mapping[str, Mapping[str, object]], file: Path
    ) -> dict[str, Any]:
        return {key.name: self._value(section, key, tables.get(section, {}), file) for key in fields(kind)}

    def _value(self, section: str, key: Field[Any], table: Mapping[str, object], file: Path) -> object:
        name = f"{section}.{key.name}"
        variable = key.metadata["env"]
        wired = _build.wired(key.metadata["wired"]) if key.metadata["wired"] else None
        offers: list[tuple[str, object]] = []
        if variable and self.environ.get(variable):
            offers.append((f"environment {variable}", self.environ[variable]))
        if key.name in table:
            offers.append((f"{file} [{section}] {key.name}", table[key.name]))
        if wired:
            offers.append(("build", wired))
        for place, raw in offers:
            try:
                value = key.metadata["read"](raw, self.places)
            except ValueError as wrong:
                self.problems.append(f"{place}: {wrong}; not used")
            else:
                self.origins[name] = place
                return value
        return self._default(name, key)

    def _default(self, name: str, key: Field[Any]) -> object:
        if name == "database.path":
            return self.state_dir / "alan.db"
        factory = cast("Any", key.default_factory)
        return factory()

    def _within_maximum(self, command: dict[str, Any]) -> dict[str, Any]:
        most = command["timeout_max"]
        for name in ("timeout", "timeout_pty"):
            if command[name] > most:
                if place := self.origins.get(f"command.{name}"):
                    self.problems.append(f"{place}: {command[name]:g} is above timeout_max; using {most:g}")
                command[name] = most
        return command

    def _zsh(self) -> Path | None:
        for place, raw in (
            ("environment ZSH_TOOL_ZSH", self.environ.get("ZSH_TOOL_ZSH")),
            ("build", _build.wired(_build.ZSH)),
        ):
            if not raw:
                continue
            try:
                found = path(raw, self.places)
            except ValueError as wrong:
                self.problems.append(f"{place}: {wrong}; not used")
            else:
                self.origins["zsh"] = place
                return found
        return None

    def _checked_tables(
        self, document: Mapping[str, object], file: Path
    ) -> Mapping[str, Mapping[str, object]]:
        tables: dict[str, Mapping[str, object]] = {}
        for section, table in document.items():
            if section not in SECTIONS:
                self.problems.append(
                    f"{file}: unknown section or key {shown(section)}{near(section, SECTIONS)}"
                )
            elif not isinstance(table, Mapping):
                self.problems.append(f"{file}: {section} is not a table: write [{section}]")
            else:
                tables[section] = table
                self._check_keys(section, table, file)
        return tables

    def _check_keys(self, section: str, table: Mapping[str, object], file: Path) -> None:
        known = {key.name: key for key in fields(SECTIONS[section])}
        self.problems.extend(
            f"{file} [{section}]: unknown key {shown(name)}{near(name, known)}"
            for name in table
            if name not in known
        )


def near(name: str, known: Iterable[str]) -> str:
    """Return words that name what was probably meant, or else all there is."""
    names = list(known)
    found = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {found[0]}?" if found else f"; known: {', '.join(names)}"


def _read_toml(file: Path, problems: list[str]) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as wrong:
        problems.append(f"{file}: cannot be read ({wrong.strerror}); defaults used")
    except UnicodeDecodeError:
        problems.append(f"{file}: is not UTF-8; defaults used")
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        problems.append(f"{file}: is not valid TOML ({wrong}); defaults used")
    return {}
