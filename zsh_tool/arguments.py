"""From what a client sent to what a tool takes: names, types and limits, each settled once.

Whatever is changed on the way leaves a note for the reply. Pure: no I/O, no MCP types.
"""

import difflib
import json
import math
import re
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zsh_tool.config import Settings
from zsh_tool.spellings import BACKGROUND, BLOCKING, IGNORED, KEYSTROKES, MILLISECONDS, SPELLINGS, TOKENS

CHARS_PER_TOKEN: Final = 4
SURELY_MILLISECONDS: Final = 10_000
"""A limit of so many "seconds" is close to three hours; the client thinks in milliseconds."""
SURELY_MILLISECONDS_WAIT: Final = 1_000
_EXACT_MAX: Final = 1e15
MIN_OUTPUT_CHARS: Final = 200
MAX_OUTPUT_CHARS: Final = 45_000
DEFAULT_OUTPUT_CHARS: Final = 16_000
_TIMES: Final = frozenset({"timeout", "yield_after", "wait"})
_UNITS: Final = {"ms": 0.001, "s": 1, "sec": 1, "secs": 1, "m": 60, "min": 60, "mins": 60, "h": 3600}
_SIGNALS: Final = {
    f"{one.value}": one.name.removeprefix("SIG") for one in signal.Signals if not one.name.startswith("SIGRT")
}
_WITH_UNIT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_EMPTY_IS_NONE: Final = frozenset({"cwd", "description", "grep", "keys", "lines", "signal", "until", "view"})
"""Texts that mean nothing when they are empty: a client that fills in every argument leaves them so."""
_TYPED: Final = frozenset({"input", "keys"})
"""What is typed into a task: a terminal may hide it, so that no reply repeats it."""
_KINDS: Final = {dict: "a table", list: "a list", bool: "true or false"}


class ArgumentError(ValueError):
    """An argument cannot be used. The text is for the agent and says what would do."""


@dataclass
class Given:
    """The arguments of one call under our own names, and notes on what was read differently."""

    values: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def resolve(tool: str, schema: Mapping[str, Any], raw: Mapping[str, Any] | None) -> Given:
    """Name, check and convert the raw arguments of a call by the tool's input schema."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    given = Given({})
    aliased: dict[str, Any] = {}
    typed_as_is = False
    for name, value in (raw or {}).items():
        if value is None:
            continue
        if name in properties:
            _take(given, name, value, properties)
        else:
            unit = _resolve_spelling(tool, name, value, properties, aliased, given.notes)
            typed_as_is = typed_as_is or unit == KEYSTROKES
    for name, value in aliased.items():
        if name in given.values:
            given.notes.append(f"another spelling of {name} ignored")
        else:
            _take(given, name, value, properties)
    if typed_as_is:
        given.values.setdefault("enter", False)
    for name in schema.get("required", ()):
        if name not in given.values:
            raise ArgumentError(f"{name} is missing; {tool} takes {', '.join(properties)}")
    return given


def _take(given: Given, name: str, value: Any, properties: Mapping[str, Mapping[str, Any]]) -> None:
    if value != "" or name not in _EMPTY_IS_NONE:
        given.values[name] = checked(name, _joined(name, value, given.notes), properties[name])


def _resolve_spelling(
    tool: str,
    name: str,
    value: Any,
    properties: Mapping[str, Mapping[str, Any]],
    aliased: dict[str, Any],
    notes: list[str],
) -> str:
    """Take an argument by another name, and say so; return how its value was read."""
    snake = _snake(name)
    spellings = SPELLINGS.get(tool, {})
    if snake in properties:
        aliased[snake] = value
        notes.append(f"{name} taken as {snake}")
        return ""
    if snake not in spellings:
        raise ArgumentError(_unknown(tool, name, snake, properties, spellings))
    to, unit = spellings[snake]
    if unit == IGNORED:
        notes.append(f"{name} ignored")
    elif (converted := _converted(name, value, unit)) is None:
        return ""
    elif to in aliased:
        notes.append(f"{name} ignored, {to} was given by another name")
    else:
        aliased[to] = converted
        notes.append(f"{name} taken as {to}{_reading(converted, unit)}")
        return unit
    return ""


def _reading(converted: Any, unit: str) -> str:
    if unit == MILLISECONDS:
        return f" {plain_number(converted)} s"
    if unit == KEYSTROKES:
        return " without Enter"
    return f" {converted}" if unit else ""


def _joined(name: str, value: Any, notes: list[str]) -> Any:
    """Make one text of a list of words where that can only mean one thing."""
    if name not in ("command", "keys") or not isinstance(value, list) or not value:
        return value
    if not all(isinstance(word, str) for word in value):
        return value
    if name in _TYPED:
        notes.append(f"{name} list joined")
        return " ".join(value)
    text = shlex.join(value)
    notes.append(f"{name} list taken as {text if len(text) <= 60 else text[:57] + '...'}")
    return text


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower().replace("-", "_")


def _unknown(
    tool: str, name: str, snake: str, properties: Mapping[str, Any], spellings: Mapping[str, tuple[str, str]]
) -> str:
    near = difflib.get_close_matches(snake, [*properties, *spellings], n=3)
    names = (found if found in properties else spellings[found][0] for found in near)
    ours = list(dict.fromkeys(name for name in names if name))
    hint = f"did you mean {' or '.join(ours)}? " if ours else ""
    takes = f"{tool} takes {', '.join(properties)}" if properties else f"{tool} takes no arguments"
    return f"unknown argument {_shown(name)}; {hint}{takes}"


def _converted(name: str, value: Any, unit: str) -> Any:
    if unit == MILLISECONDS:
        return _number(name, value) / 1000
    if unit == TOKENS:
        return int(_number(name, value) * CHARS_PER_TOKEN)
    if unit in (BACKGROUND, BLOCKING):
        return 0 if _boolean(name, value) == (unit == BACKGROUND) else None
    return value


def plain_number(value: float) -> str:
    """Return a number as a person writes it: no exponent as long as it is exact, no needless digits."""
    return f"{value:.0f}" if abs(value) < _EXACT_MAX and value == int(value) else f"{value:g}"


def checked(name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    """Return ``value`` as the type that the schema wants, or raise with what is wrong."""
    if "enum" in schema:
        return _one_of(name, value, schema["enum"])
    match schema.get("type"):
        case "string":
            return _text(name, value)
        case "number":
            return _number(name, value)
        case "integer":
            return _whole(name, value)
        case "boolean":
            return _boolean(name, value)
        case "object":
            return _table(name, value)
    return value


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and name != "command":
        return str(value)
    shown = _KINDS.get(type(value), "that") if name in _TYPED else _shown(value)
    raise ArgumentError(f"{name} must be a text, not {shown}")


def _one_of(name: str, value: Any, words: list[str]) -> str:
    if isinstance(value, str) and value.strip().lower() in words:
        return value.strip().lower()
    raise ArgumentError(f"{name} must be one of {', '.join(words)}, not {_shown(value)}")


def _number(name: str, value: Any) -> float:
    if name in _TIMES and isinstance(value, str) and (found := _WITH_UNIT.fullmatch(value)):
        if (factor := _UNITS.get(found[2].lower())) is not None:
            return float(found[1]) * factor
        raise ArgumentError(f"{name} must be a number of seconds, not {_shown(value)}")
    try:
        number = (
            math.nan if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
        )
    except (ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        raise ArgumentError(f"{name} must be a number, not {_shown(value)}")
    return number


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if not math.isfinite(number):
        raise ArgumentError(f"{name} must be a whole number, not {_shown(value)}")
    return int(number)


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "1", "on"):
        return True
    if word in ("false", "no", "0", "off", ""):
        return False
    raise ArgumentError(f"{name} must be true or false, not {_shown(value)}")


def _table(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, str):
        # A table is never text, so a client that sent its JSON as a string meant the table.
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise ArgumentError(f'{name} must be a table such as {{"NAME": "value"}}')
    table: dict[str, str] = {}
    for key, item in value.items():
        if item is None:
            continue
        if not isinstance(item, str | int | float):
            raise ArgumentError(f"{name}: the value of {_shown(key)} must be a text, not {_shown(item)}")
        if not key or "=" in key or "\0" in f"{key}{item}":
            raise ArgumentError(f"{name}: {_shown(key)} cannot be a variable")
        table[key] = str(item).lower() if isinstance(item, bool) else str(item)
    return table


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


def wait_secs(name: str, asked: float | None, most: float, notes: list[str]) -> float | None:
    """Bound a wait by what one call may take; None stays None."""
    if asked is None:
        return None
    if asked >= SURELY_MILLISECONDS_WAIT > most and math.isfinite(asked):
        notes.append(f"{name} {plain_number(asked)} read as milliseconds, {plain_number(asked / 1000)} s")
        asked /= 1000
    return clamped(name, asked, 0, most, notes, " s")


def clamped(name: str, asked: float, low: float, high: float, notes: list[str], unit: str = "") -> float:
    """Return ``asked`` within its limits, with a note if that changes it."""
    if low <= asked <= high:
        return asked
    bound = low if asked < low else high
    notes.append(f"{name} {plain_number(asked)} is out of range, {plain_number(bound)}{unit} used")
    return bound


def timeout_secs(
    asked: float | None, *, pty: bool, persist: bool, settings: Settings, notes: list[str]
) -> float:
    """Return the limit of a command in seconds; 0 means none."""
    command = settings.command
    if asked is None:
        return 0.0 if persist else command.timeout_pty if pty else _bounded_default(command.timeout, settings)
    most = command.timeout_max
    if asked >= max(SURELY_MILLISECONDS, most + 1) and math.isfinite(asked):
        notes.append(f"timeout {plain_number(asked)} read as milliseconds, {plain_number(asked / 1000)} s")
        asked /= 1000
    if asked == 0:
        if pty or persist:
            return 0.0
        notes.append(f"timeout 0 needs pty or persist, {plain_number(most)} s used")
        return most
    if asked < 0:
        default = timeout_secs(None, pty=pty, persist=persist, settings=settings, notes=[])
        notes.append(f"timeout {plain_number(asked)} is out of range, the default used")
        return default
    return clamped("timeout", asked, 0, most, notes, " s")


def _bounded_default(timeout: float, settings: Settings) -> float:
    return timeout or settings.command.timeout_max


def output_chars(asked: int | None, notes: list[str]) -> int:
    """Return how many characters of output a reply may hold."""
    if asked is None:
        return DEFAULT_OUTPUT_CHARS
    return int(clamped("max_output", asked, MIN_OUTPUT_CHARS, MAX_OUTPUT_CHARS, notes))


def signal_name(asked: str) -> str:
    """Return a signal's name without SIG, from a name in any case or a number."""
    text = asked.strip().upper()
    name = _SIGNALS.get(text.lstrip("0"), text.removeprefix("SIG"))
    if name not in _SIGNALS.values():
        raise ArgumentError(f"no signal {_shown(asked)}: give a name such as INT, TERM, HUP or KILL")
    return name
