"""Find what arithmetic takes for numbers: each is an expression to the shell, which may run code in its subscripts."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

_NAME: Final = rb"[A-Za-z0-9_\x80-\xff]"
_VARIABLE: Final = rb"[A-Za-z_\x80-\xff]%b*+" % _NAME
KEYED: Final = frozenset([b"builtins", b"commands"])
"""Tables of the shell's whose keys are no numbers."""
KEY: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff.-]*+")
"""A key of such a table."""
MODIFIER: Final = re.compile(rb":[A-Za-z&]")
"""What changes the value that is before it."""
_NUMBER: Final = re.compile(rb"[0-9.-]*+")
_TOKEN: Final = re.compile(
    rb"""(?P<signs>[-+*/%%<>=!&|^~?:,;()\ \t]++)
    | (?:0x[0-9A-Fa-f]*+|[0-9][0-9.]*+)(?!%(name)b|[.\#])
    | (?P<name>%(variable)b)(?![(\[])
    | (?<!%(name)b)(?<![.\#])
      \$(?: \{\#%(name)b*+(?:\[[@*]\])?\}
          | \{(?P<braced>%(variable)b)\}
          | \+(?P<table>builtins|commands)\[[A-Za-z0-9_\x80-\xff.-]*+\]
          | \#%(name)b*+
          | [?$]
          | (?P<value>%(variable)b)
      )
      (?!\[|:[A-Za-z&]|%(name)b|[.\#])"""
    % {b"name": _NAME, b"variable": _VARIABLE},
    re.VERBOSE,
)
"""What an expression is made of, as far as it is understood."""


@dataclass(frozen=True, slots=True)
class Anything:
    """What may be any expression."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The value of the variable of this name, which is taken for a number."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Keyed:
    """None, as long as this is the shell's own table, whose keys are none."""

    table: bytes


Operand: TypeAlias = Anything | Counted | Keyed
"""What is taken for a number."""


def is_number(text: bytes) -> bool:
    """Tell whether text is a number, however it is joined to others: without names and subscripts it runs nothing."""
    return _NUMBER.fullmatch(text) is not None


def operands_of(expression: bytes) -> list[Operand]:
    """Return the operands of an expression."""
    found: list[Operand] = []
    at = 0
    is_behind_operand = False
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None:
            return [Anything()]
        is_value = expression.startswith(b"$", at)
        if is_value and is_behind_operand:
            return [Anything()]
        is_behind_operand = not token["signs"]
        if token["table"]:
            found.append(Keyed(token["table"]))
        elif name := token["name"] or token["braced"] or token["value"]:
            found.append(Counted(name))
        at = token.end()
    return found
