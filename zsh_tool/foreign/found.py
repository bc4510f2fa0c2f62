"""Name what a piece of zsh code holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from zsh_tool.foreign.operands import Operand
from zsh_tool.foreign.words import Assigned, Word


@dataclass(frozen=True, slots=True)
class Command:
    """A word that may be a command's name, and those behind it."""

    name: Word
    arguments: Sequence[Word]


@dataclass(frozen=True, slots=True)
class Function:
    """The definition of a function of this name."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Loop:
    """The word that begins a loop."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a redirection leads."""

    word: Word


@dataclass(frozen=True, slots=True)
class QuotedValue:
    """Text that would be a value if it were not quoted."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment before a command's name, or alone."""

    assigned: Assigned


@dataclass(frozen=True, slots=True)
class Filled:
    """A variable that is given a value in ``${…}``."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What is taken for a number."""

    operand: Operand


Found: TypeAlias = Command | Function | Loop | Target | QuotedValue | Assignment | Filled | Reckoned
