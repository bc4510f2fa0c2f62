"""Regular expressions that an agent gives: checked before use, and never searched without a limit of time."""

import re
from importlib import import_module
from typing import Any, Final, Protocol, cast

_PATTERN_MAX: Final = 2000
_RECURSION: Final = re.compile(r"(?<!\\)(?:\\\\)*\(\?(?:R|[+-]?\d+|&\w+|P>\w+)\)")


class Match(Protocol):
    """Where an expression was found."""

    def start(self) -> int: ...  # noqa: D102
    def end(self) -> int: ...  # noqa: D102


class Expression(Protocol):
    """A compiled expression; ``search`` raises TimeoutError after ``timeout`` seconds."""

    @property
    def pattern(self) -> str: ...  # noqa: D102
    def search(  # noqa: D102
        self, text: str, pos: int = 0, *, timeout: float, concurrent: bool = False
    ) -> Match | None: ...


class BadExpressionError(ValueError):
    """The text is no regular expression that can be used; the message says why."""


def library() -> Any:
    """Return the library that searches. The first call loads it, which takes as long as a short command."""
    return import_module("regex")


def compile_expression(pattern: str) -> Expression:
    """Compile an expression in which ``^`` and ``$`` match at line borders."""
    if len(pattern) > _PATTERN_MAX:
        raise BadExpressionError(f"the expression is longer than {_PATTERN_MAX} characters")
    if found := _RECURSION.search(pattern):
        # It may take hundreds of megabytes before its time is up.
        raise BadExpressionError(f"{found[0]!r} calls the expression itself, which is not allowed here")
    regex = library()
    try:
        return cast("Expression", regex.compile(pattern, regex.MULTILINE))
    except (regex.error, RecursionError, OverflowError) as error:
        raise BadExpressionError(f"{pattern!r} is not a regular expression: {error}") from error
