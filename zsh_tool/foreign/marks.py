"""Name what matters of a piece of code as a whole."""

from enum import Enum, auto
from typing import Final


class Mark(Enum):
    """What matters of a piece of code as a whole."""

    LOST = auto()
    """It may change to any directory."""
    SEARCHES = auto()
    """It has a directory that is changed to looked for elsewhere."""
    REPEATS = auto()
    """Some of its commands may run more than once, or in another order."""
    RUNS_ARGUMENTS = auto()
    """It runs what it, or a function, was called with."""
    ODD = auto()
    """It gives the shell arguments of its own, or commands other names, or has it do as another shell does."""
    PATTERNS = auto()
    """It makes patterns of values, which may qualify files by code."""
    QUALIFIERS = auto()
    """It allows that in other shells."""
    LOOSE = auto()
    """It has values that are not quoted."""
    EXPANDS = auto()
    """It has these take along what is joined to them."""
    QUOTES = auto()
    """It makes one quote of two in quotes."""
    TWO_QUOTES = auto()
    """It has two of them."""
    CALLS = auto()
    """It may change files."""
    RECKONS = auto()
    """It reckons with values, which may be expressions that assign to variables."""
    PATH_DIRS = auto()
    """It has names with a slash looked for in ``PATH``, or reads redirections otherwise."""
    QUOTED_VALUES = auto()
    """It quotes text that would be a value."""
    EVALUATES = auto()
    """It evaluates text."""
    REPLACES = auto()
    """It has any word, or sign, stand for others."""


LETTERS: Final = {
    b"I": {Mark.ODD, Mark.PATH_DIRS},
    b"P": {Mark.EXPANDS},
    b"Q": {Mark.PATH_DIRS},
    b"T": {Mark.SEARCHES},
    b"y": {Mark.ODD},
}
"""Options by their letters."""
