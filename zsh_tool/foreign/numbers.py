"""Tell what single commands take for numbers, and whether that is such."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import takewhile
from typing import Final

from zsh_tool.foreign.arguments import place_of_option
from zsh_tool.foreign.mentions import has_joined
from zsh_tool.foreign.names import COUNTERS, NUMBERS, UNFOLLOWED, is_known
from zsh_tool.foreign.operands import Anything, Counted, Keyed, Operand, is_number, operands_of
from zsh_tool.foreign.words import Value, Word

_MOST: Final = 32
"""Of more variables that are taken for numbers nothing is known."""
_BETWEEN: Final = frozenset(b"= == != < > -ef -eq -ge -gt -le -lt -ne -nt -ot".split())
"""Operators of ``test`` that stand between two words."""
_TEXT_FORMAT: Final = re.compile(rb"(?!.*\\[uU])(?:[^%]++|%[-+ 0.1-9]*+[sbqc%])*+", re.DOTALL)
"""A format of ``printf`` that takes its arguments for text alone. A percent sign may be written by its number too."""
_NAMES: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")


class Kind(IntEnum):
    """What is known of the values of a variable, said or not."""

    NUMBER = 0
    """They are numbers, or there are none."""
    TEXT = 1
    """They are no lists."""
    ANY = 2


@dataclass(frozen=True, slots=True)
class Given:
    """A variable named to give it values: those that are said."""

    name: bytes
    values: Sequence[bytes | None]
    kind: Kind


@dataclass
class Numbers:
    """What a piece of code takes for numbers."""

    has_data: bool = False
    """Whether that may be any expression."""
    counted: set[bytes] = field(default_factory=set)
    """The variables whose values it takes so."""
    keyed: set[bytes] = field(default_factory=set)
    """The shell's tables that it relies on."""
    tested: set[bytes] = field(default_factory=set)
    """The variables whose values must not be several words."""
    names: set[bytes] = field(default_factory=set)
    """The names in code that is compiled, where any may be taken so."""

    def reckon(self, operand: Operand) -> None:
        """Note what is taken for a number."""
        match operand:
            case Counted(name):
                self.counted.add(name)
                # In another locale, a name ends before a byte that is none of ASCII.
                self.has_data |= not name.isascii() or len(self.counted) > _MOST
            case Keyed(table):
                self.keyed.add(table)
            case Anything():
                self.has_data = True

    def compiled(self, plain: bytes) -> None:
        """Note code that is compiled."""
        self.has_data |= b"[" in plain
        self.names.update(_NAMES.findall(plain))

    def command(self, name: bytes, behind: Sequence[Word]) -> None:
        """Note what a command of this name takes for numbers."""
        # Behind the brace that ends a group there is no argument.
        arguments = [*takewhile(lambda word: word.bare != b"}", behind)]
        match name:
            case b"[":
                is_closed = bool(arguments) and arguments[-1].said == b"]"
                # Its last word may turn out to be the bracket that is missing.
                self.has_data |= not is_closed and any(word.said is None for word in arguments)
                self._test(arguments[:-1] if is_closed else arguments)
            case b"test":
                self._test(arguments)
            case b"let":
                for word in arguments:
                    for operand in [Anything()] if word.said is None else operands_of(word.said):
                        self.reckon(operand)
            case b"printf":
                self._print(arguments)
            case b"print" if place_of_option(arguments, b"f") is not None:
                self.has_data = True
            case b"strftime" if place_of_option(arguments, b"r") is not None:
                self.has_data = True
            case b"read":
                self._read(arguments)
            case _ if name in UNFOLLOWED:
                self.has_data = True
            case _ if name in COUNTERS:
                self._count(arguments)

    def _count(self, words: Sequence[Word]) -> None:
        for word in words:
            if (operand := word.operand) is not None:
                self.reckon(operand)

    def _test(self, arguments: Sequence[Word]) -> None:
        """Note what ``test`` looks at.

        There ``-t`` takes a number, and ``-v`` a name that may have a subscript. Comparisons take no expressions.
        """
        words = [*arguments]
        while words and words[0].said == b"!":
            del words[0]
        match words:
            case [] | [_]:
                is_plain = True
            case [operator, word] if operator.said == b"-t":
                is_plain = True
                self._count([word])
            case [operator, word] if operator.said == b"-v":
                is_plain = word.is_plain_name
            case [operator, _]:
                is_plain = operator.said is not None and operator.said.startswith(b"-")
            case [first, operator, last]:
                is_plain = operator.said in _BETWEEN
                said = operator.said or b""
                is_first = first.said is None or first.said == b"-t"
                if said.startswith(b"-") and is_first and last.is_loose:
                    # Without the last word, what is left may be `-t` and a number.
                    self.reckon(Counted(said[1:]))
            case _:
                is_plain = False
        is_said = all(word.said is not None and word.said not in {b"-t", b"-v"} for word in words)
        self.has_data |= not is_said and (not is_plain or any(word.spreads for word in words))
        # A list would be several words.
        values = (part for word in words if word.is_loose for part in word.parts if isinstance(part, Value))
        for value in values:
            if value.name not in NUMBERS:
                self.has_data |= value.name[:1].islower() and is_known(value.name)
                self.tested.add(value.name)

    def _print(self, arguments: Sequence[Word]) -> None:
        """Note that a format may have its arguments be numbers."""
        words = [*arguments]
        # Any other option is taken for the format.
        while words and words[0].beginning.startswith(b"-v"):
            del words[: 2 if words[0].beginning == b"-v" else 1]
        if words and words[0].beginning in {b"-", b"--"}:
            del words[0]
        if not words:
            return
        form, *rest = words
        if not rest and not form.spreads and not form.is_loose:
            return
        if form.said is None:
            self.has_data = True
        elif not _TEXT_FORMAT.fullmatch(form.said):
            self._count(rest)

    def _read(self, arguments: Sequence[Word]) -> None:
        """Note that the time that ``read`` waits may be an expression."""
        for at, word in enumerate(arguments):
            letters = word.beginning[1:] if word.beginning.startswith(b"-") else b""
            _, waits, behind = letters.partition(b"t")
            if not waits:
                continue
            following = arguments[at + 1].said if at + 1 < len(arguments) else None
            is_time = following is not None and following[:1].isdigit()
            self.has_data |= not is_number(behind) or (is_time and not is_number(following or b""))


def are_numbers(
    pieces: Sequence[Numbers], given: Sequence[Given], plain: Sequence[bytes], env: Mapping[bytes, bytes]
) -> bool:
    """Tell whether the values that are taken for numbers are such, and those that must not be lists are none.

    ``given`` are all variables that ``pieces`` give values, and ``plain`` is their code without what quotes in it.
    """
    kinds: dict[bytes, Kind] = {}
    for one in given:
        kinds[one.name] = max(one.kind, kinds.get(one.name, Kind.NUMBER))

    def is_number_in_env(name: bytes) -> bool:
        return is_number(env.get(name, b""))

    def is_compiled(name: bytes) -> bool:
        return any(name in piece.names for piece in pieces)

    def is_data(name: bytes) -> bool:
        # The name of a compiled start-up file is none of the shell's own.
        is_own = is_known(name) and name not in NUMBERS and name != b"zshenv"
        return is_own or kinds.get(name, Kind.NUMBER) > Kind.NUMBER

    def is_counted(name: bytes) -> bool:
        return name in NUMBERS or (
            not is_data(name) and is_number_in_env(name) and not is_compiled(name) and not is_joined(name)
        )

    def is_joined(name: bytes) -> bool:
        return any(has_joined(code, name) for code in plain)

    def is_table(name: bytes) -> bool:
        return name not in kinds and name not in env and not is_compiled(name) and not is_joined(name)

    def is_tame(name: bytes) -> bool:
        # What compiled code takes for a number is not to be seen, nor what a value of the environment leads to.
        value = env.get(name, b"")
        inner = _NAMES.findall(value)
        return b"[" not in value and not any(map(is_data, inner)) and all(map(is_number_in_env, inner))

    return all(map(is_number_in_env, NUMBERS - {b"status"})) and all(
        not piece.has_data
        and all(map(is_counted, piece.counted))
        and all(map(is_table, piece.keyed))
        and all(kinds.get(name) is not Kind.ANY for name in piece.tested)
        and all(not is_data(name) and is_tame(name) for name in piece.names)
        for piece in pieces
    )
