"""Look at the words behind a command's name."""

from collections.abc import Sequence
from typing import Final, TypeVar

from zsh_tool.foreign.names import WRITERS
from zsh_tool.foreign.words import NotUnderstoodError, Word

_T = TypeVar("_T")
_MOST: Final = 32
"""Of more letters of options none is looked at."""


def text_of(word: Word) -> bytes:
    """Return what a word says. NotUnderstoodError if something in it stands for something else."""
    if word.said is None:
        raise NotUnderstoodError
    return word.said


def texts_of(words: Sequence[Word]) -> list[bytes]:
    """Return what words say. NotUnderstoodError as for one."""
    said = [word.said for word in words if word.said is not None]
    if len(said) < len(words):
        raise NotUnderstoodError
    return said


def operands_of(arguments: Sequence[Word]) -> list[Word]:
    """Return the words that are no options."""
    return [word for word in arguments if not word.beginning.startswith(b"-")]


def is_digits(text: bytes) -> bool:
    """Tell whether text is a number, or empty."""
    return not text or text.isdigit()


def is_count(word: Word) -> bool:
    """Tell whether a word is a number for certain."""
    return word.said is not None and is_digits(word.said)


def options_of(arguments: Sequence[Word]) -> list[bytes]:
    """Return the options."""
    return [word.beginning for word in arguments if word.beginning.startswith((b"-", b"+"))]


def place_of_option(arguments: Sequence[Word], letter: bytes) -> int | None:
    """Return which argument gives the option of this letter."""
    beginnings = (word.beginning for word in arguments)
    found = (at for at, said in enumerate(beginnings) if said.startswith(b"-") and letter in said)
    return next(found, None)


def joined_names(command: bytes, arguments: Sequence[Word]) -> list[bytes]:
    """Return what may be the name of a variable, joined to the option that takes it, as in ``print -vx``."""
    if command not in WRITERS:
        return []
    options = [word.beginning[1:] for word in arguments if word.beginning.startswith(b"-")]
    ends = (
        (option, at + 1) for option in options for at, letter in enumerate(option[:_MOST]) if letter in b"ves"
    )
    return [option[end:] for option, end in ends if option[end:]]


def replaces_words(arguments: Sequence[Word]) -> bool:
    """Tell whether ``alias`` gets an option by which any word, or sign, stands for others."""
    return any(b"g" in option or option.startswith(b"+") for option in options_of(arguments))


def word_at(words: Sequence[_T], at: int) -> _T:
    """Return a word. NotUnderstoodError if there are fewer."""
    if at >= len(words):
        raise NotUnderstoodError
    return words[at]


def has_hidden_options(arguments: Sequence[Word]) -> bool:
    """Tell whether a word that is worked out may turn out to be an option, or is one in part."""
    takes_next = False
    for word in arguments:
        if word.said in {b"-", b"--"}:
            return False
        is_option = word.beginning.startswith((b"-", b"+"))
        if word.said is None and (is_option or not word.beginning):
            return True
        # What is behind an option may be its value.
        if not is_option and not takes_next:
            return False
        takes_next = is_option
    return False
