"""Hold the words of a command, and what stands in them for something else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Final, TypeAlias

from zsh_tool.foreign.names import NUMBERS, SPECIAL, TAKES_NUMBERS
from zsh_tool.foreign.operands import Anything, Counted, Operand, is_number

_NAME: Final = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+|[0-9]++(?![A-Za-z_\x80-\xff])")
"""The shell's arguments may be assigned to by their numbers; a byte of a letter may be in a name too."""
_NAME_OR_NUMBER: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]*+")


class NotUnderstoodError(Exception):
    """Code that may do anything, as far as is understood here."""


@dataclass(frozen=True, slots=True)
class Said:
    """A part of a word that is this very text."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Value:
    """A part of a word that is the value of the variable of this name."""

    name: bytes


class Other(Enum):
    """A part of a word that is not to be seen in it."""

    ARGUMENT = auto()
    """What the function that runs was called with."""
    NUMBER = auto()
    """A number that only the shell can tell."""
    UNKNOWN = auto()
    """What only the shell can tell: a word, several, or none."""


class Ending(Enum):
    """What a word ends in."""

    PLAIN = auto()
    FUNCTION = auto()
    """``()``, so that it names a function."""
    ARRAY = auto()
    """The list of an array, behind which no blank is needed."""


Part: TypeAlias = Said | Value | Other


def assignment(code: bytes, start: int = 0, end: int | None = None) -> tuple[bytes, int] | None:
    """Return the name that an assignment in this stretch of code gives a value, and where that begins."""
    end = len(code) if end is None else end
    name = _NAME.match(code, start, end)
    if name is None:
        return None
    at = name.end()
    if code.startswith(b"[", at, end):
        # A regular expression would be slow where many words begin so.
        at = code.find(b"]", at + 1, end) + 1
        if not at:
            return None
    at += code.startswith(b"+", at, end)
    return (name[0], at + 1) if code.startswith(b"=", at, end) else None


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a word assigns."""

    name: bytes
    value: bytes | None
    """The value, if it is said."""
    is_number: bool
    """Whether that is a number, said or not."""
    is_list: bool
    """Whether the variable is a list then."""


@dataclass(eq=False)
class Word:
    """A word of a command. Nobody changes one that was read, so that equal ones may be the same."""

    parts: tuple[Part, ...] = ()
    ending: Ending = Ending.PLAIN
    has_quotes: bool = False
    """Something in it is quoted."""
    is_one_quote: bool = False
    """All of it stands in one pair of double quotes."""
    is_hazardous: bool = False
    """Its list would run code if it were a pattern."""
    spreads: bool = False
    """It may be several words, for the values in it are lists, or cut into pieces."""

    @cached_property
    def said(self) -> bytes | None:
        """What it says, if nothing in it stands for something else."""
        match self.parts:
            case ():
                return b""
            case (Said(text),):
                return text
        return None

    @property
    def bare(self) -> bytes | None:
        """What it says without any quote, as a reserved word must."""
        return None if self.has_quotes else self.said

    @cached_property
    def beginning(self) -> bytes:
        """The text that it begins with, whatever is behind that."""
        first = self.parts[0] if self.parts else None
        return first.text if isinstance(first, Said) else b""

    @cached_property
    def is_path(self) -> bool:
        """Whether a command of this name is a file, whatever the values in it are.

        There is a slash in its first word then.
        """
        if b"/" in self.beginning:
            return True
        says = (isinstance(part, Said) and b"/" in part.text for part in self.parts)
        return self.is_one_quote and not self._has_list and any(says)

    @cached_property
    def is_loose(self) -> bool:
        """Whether a value in it is not kept from being more than text by quotes."""
        return not self.is_one_quote and self.said is None

    @cached_property
    def is_no_command(self) -> bool:
        """Whether a function that runs what it is called with runs no code from elsewhere if it gets this word."""
        if self.parts == (Other.ARGUMENT,) or self.is_path:
            return True
        return self.said == b"" or (
            self.said is not None and self.said not in SPECIAL and self.said not in TAKES_NUMBERS
        )

    @property
    def may_vanish(self) -> bool:
        """Whether it may turn out to be no word at all, so that the next one takes its place."""
        # A pattern takes what is joined to it along, and so may a list.
        return self._has_list or not (self.has_quotes or any(isinstance(part, Said) for part in self.parts))

    @property
    def _has_list(self) -> bool:
        """Whether something in it may be several words, or none, in quotes too."""
        return Other.ARGUMENT in self.parts or Other.UNKNOWN in self.parts

    @property
    def operand(self) -> Operand | None:
        """What is taken for a number where the word is; None if that is one for certain."""
        return _operand(self.parts)

    @property
    def is_plain_name(self) -> bool:
        """Whether it is a variable's name, and no element of a list."""
        return self.said is not None and _NAME_OR_NUMBER.fullmatch(self.said) is not None

    @property
    def assigns_number(self) -> bool:
        """Whether what stands behind the ``=`` in it is a number."""
        found = assignment(self.beginning)
        # What is added to `Inf` makes a name of it.
        if found is None or not self.beginning.startswith(b"=", len(found[0])):
            return False
        value = Said(self.beginning[found[1] :])
        return _operand((value, *self.parts[1:])) is None

    def assigns(self, raw: bytes) -> Assigned | None:
        """Return what it assigns. ``raw`` is what the word was read from."""
        found = assignment(raw)
        if found is None:
            return None
        name, said = found[0], self.said
        inner = None if said is None else assignment(said)
        # Part of a value may be given, or something added to it.
        is_said = said is not None and inner is not None and raw.startswith(b"=", len(name))
        value = said[inner[1] :] if is_said and said is not None and inner is not None else None
        is_list = self.ending is Ending.ARRAY or raw.startswith(b"[", len(name))
        return Assigned(name, value, self.assigns_number, is_list)


def _operand(parts: Sequence[Part]) -> Operand | None:
    def is_sure(part: Part) -> bool:
        match part:
            case Said(text):
                return is_number(text)
            case Value(name):
                return name in NUMBERS
        return part is Other.NUMBER

    # What is joined to `Inf` is a name.
    is_one = len(parts) <= 1 or (len(parts) == 2 and parts[0] in {Said(b""), Said(b"-")})
    if is_one and all(map(is_sure, parts)):
        return None
    match parts:
        case (Value(name),):
            return Counted(name)
    return Anything()


HOME: Final = Word((Value(b"HOME"),))
"""The word that stands for the caller's home."""


@dataclass(eq=False)
class Draft:
    """A word that is being read."""

    ending: Ending = Ending.PLAIN
    has_quotes: bool = False
    is_one_quote: bool = False
    is_hazardous: bool = False
    spreads: bool = False
    _parts: list[Part | bytearray] = field(default_factory=list)
    """Text is put together in place: a long one may come byte by byte."""

    def push(self, text: bytes) -> None:
        """Add text, which may be empty."""
        last = self._parts[-1] if self._parts else None
        if isinstance(last, bytearray):
            last += text
        else:
            self._parts.append(bytearray(text))

    def add(self, part: Part) -> None:
        """Add a part."""
        if isinstance(part, Said):
            self.push(part.text)
        else:
            self._parts.append(part)

    def word(self) -> Word:
        """Return what was read."""
        parts = (Said(bytes(part)) if isinstance(part, bytearray) else part for part in self._parts)
        return Word(
            tuple(parts), self.ending, self.has_quotes, self.is_one_quote, self.is_hazardous, self.spreads
        )
