"""How one configured value is read: each reader checks a raw value and says in words what is wrong.

A raw value is what TOML gave (any type) or what the environment gave (text). A reader raises
ValueError with a fragment fit for "KEY: {fragment}".
"""

import math
import pwd
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
_FALSE_WORDS = frozenset({"0", "false", "no", "off"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Places:
    """Where this user's files live, taken from one environment."""

    environ: Mapping[str, str]
    uid: int

    @property
    def home(self) -> Path:
        """The home directory: ``HOME``, or what the system's user list says."""
        named = self.environ.get("HOME", "")
        if named.startswith("/"):
            return Path(named)
        try:
            return Path(pwd.getpwuid(self.uid).pw_dir)
        except KeyError:
            return Path("/")

    @property
    def state_home(self) -> Path:
        """The base for state that outlives a run."""
        return self._base("XDG_STATE_HOME", ".local/state")

    @property
    def config_home(self) -> Path:
        """The base for configuration files."""
        return self._base("XDG_CONFIG_HOME", ".config")

    def _base(self, variable: str, below_home: str) -> Path:
        # The base directory rules say that a relative value is to be ignored.
        named = self.environ.get(variable, "")
        return Path(named) if named.startswith("/") else self.home / below_home

    def expand(self, template: str) -> str:
        """Replace ``~`` and ``$NAME`` in a path's template."""

        def replace(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if name == "XDG_STATE_HOME":
                return str(self.state_home)
            if name == "XDG_CONFIG_HOME":
                return str(self.config_home)
            if name == "HOME":
                return str(self.home)
            if name not in self.environ:
                raise ValueError(f"${name} is not set")
            return self.environ[name]

        if template == "~" or template.startswith("~/"):
            template = "$HOME" + template[1:]
        return _VARIABLE.sub(replace, template)


Reader = Callable[[object, Places], T]


def shown(raw: object) -> str:
    """Return a raw value as a short piece of a message."""
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def number(low: float, high: float, unit: str = "seconds") -> Reader[float]:
    """Read a finite number from ``low`` to ``high``."""

    def read(raw: object, _places: Places) -> float:
        value = _as_number(raw)
        if value is None or not math.isfinite(value):
            raise ValueError(f"{shown(raw)} is not a number of {unit}")
        if not low <= value <= high:
            raise ValueError(f"{shown(raw)} is not between {low:g} and {high:g} {unit}")
        return value

    return read


def _as_number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        return float(raw)
    except (ValueError, OverflowError):
        return None


def count(low: int, high: int) -> Reader[int]:
    """Read a whole number from ``low`` to ``high``."""
    as_number = number(low, high, unit="whole")

    def read(raw: object, places: Places) -> int:
        try:
            value = as_number(raw, places)
        except ValueError:
            raise ValueError(f"{shown(raw)} is not a whole number from {low} to {high}") from None
        if value != int(value):
            raise ValueError(f"{shown(raw)} is not a whole number from {low} to {high}")
        return int(value)

    return read


def flag(raw: object, _places: Places) -> bool:
    """Read a yes or no."""
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower() if isinstance(raw, str | int) else ""
    if word in _TRUE_WORDS:
        return True
    if word in _FALSE_WORDS:
        return False
    raise ValueError(f"{shown(raw)} is neither true nor false")


def choice(*words: str) -> Reader[str]:
    """Read one of the given words."""

    def read(raw: object, _places: Places) -> str:
        if isinstance(raw, str) and raw.strip().lower() in words:
            return raw.strip().lower()
        raise ValueError(f"{shown(raw)} is none of {', '.join(words)}")

    return read


def path(raw: object, places: Places) -> Path:
    """Read an absolute path, with ``~`` and ``$NAME`` expanded."""
    if not isinstance(raw, str) or not raw or "\0" in raw:
        raise ValueError(f"{shown(raw)} is not a path")
    expanded = places.expand(raw)
    if not expanded.startswith("/"):
        raise ValueError(f"{shown(raw)} is not an absolute path")
    return Path(expanded)


def optional_path(raw: object, places: Places) -> Path | None:
    """Read a path; an empty text means none."""
    return None if raw in ("", None) else path(raw, places)


def words(raw: object, _places: Places) -> tuple[str, ...]:
    """Read a list of texts; from the environment, separated by commas."""
    if isinstance(raw, str):
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    if isinstance(raw, list | tuple | frozenset) and all(isinstance(part, str) for part in raw):
        return tuple(raw)
    raise ValueError(f"{shown(raw)} is not a list of texts")


def word_set(raw: object, places: Places) -> frozenset[str]:
    """Read a set of texts."""
    return frozenset(words(raw, places))


def variables(raw: object, _places: Places) -> Mapping[str, str]:
    """Read a table of environment variables; numbers are taken as their text."""
    if not isinstance(raw, Mapping):
        raise ValueError(f"{shown(raw)} is not a table of variables")
    result: dict[str, str] = {}
    for name, value in raw.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{shown(name)} is not a variable's name")
        if isinstance(value, bool) or not isinstance(value, str | int | float) or "\0" in str(value):
            raise ValueError(f"the value of {name} is not a text")
        result[name] = str(value)
    return result
