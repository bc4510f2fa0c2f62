"""Note where the shell itself takes text for numbers."""

import re
from typing import Final

from zsh_tool.foreign.mentions import LONGEST_USE
from zsh_tool.foreign.operands import KEY, KEYED, MODIFIER, Anything, Keyed, Operand, operands_of
from zsh_tool.foreign.reader import Reader

_TIMES: Final = re.compile(rb":[A-Za-z&]*[FW]")
"""Modifiers up to one that takes a number, how often the next one applies, or that takes text which may hide it."""
_BEHIND_SIGNS: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]++|[@*#?!$-]")
_SIGNS: Final = re.compile(rb"[#=^+]*+")
_PARAMETER: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]++|[@*#?!-]")
_FILLS: Final = re.compile(rb":{0,2}=")
_OFFSET: Final = re.compile(rb":[^-=+?#|*^]", re.DOTALL)
_FLAG: Final = re.compile(rb"[#PlrI]")
_TAKES_TEXT: Final = re.compile(rb"[jslrIZg_]")
_WIDTH: Final = re.compile(rb"[0-9]*+")
_CLOSING: Final = {b"(": b")", b"[": b"]", b"{": b"}", b"<": b">"}
_BRACKET: Final = re.compile(rb"[\[\]]")
_GIVES: Final = re.compile(rb"\+?=")
_IN_DOCUMENT: Final = re.compile(
    rb"""\$\[ | \$\(\( | \$\{(?![^}]{0,%(most)d}\}) | \$\{[^}]*?(?:\[|:[^}=+?\#|*^-])
    | \$(?!\{)[\#=^+~]*+(?:[A-Za-z0-9_\x80-\xff]++|[@*\#?!-]|)\["""
    % {b"most": LONGEST_USE - 1},
    re.VERBOSE | re.DOTALL,
)
"""What in the text of a here-document may have arithmetic in it."""


class ArithmeticReader(Reader):
    """Notes what is taken for numbers."""

    def __init__(self, code: bytes) -> None:
        super().__init__(code)
        self.operands: list[Operand] = []
        """What is taken for numbers, by the shell itself."""
        self.filled: list[bytes] = []
        """The variables that are given values in ``${…}``."""
        self._last_times = max((found.end() - 1 for found in _TIMES.finditer(code)), default=-1)

    def note_arithmetic(self, start: int, end: int) -> None:
        """Note what the expression in this stretch of code takes for numbers."""
        self.operands += operands_of(self.code[start:end])

    def note_behind(self, start: int) -> None:
        """Note what is behind a parameter that was read from ``start`` on, unless it stands in braces.

        That is subscripts, and modifiers.
        """
        name = self.code[start : self.at]
        after = self.at
        # The name may be behind signs, which are all that was read then.
        if not name.strip(b"#=^+"):
            following = _BEHIND_SIGNS.match(self.code, after)
            after = following.end() if following else after
            name = self.code[self.at : after]
        after = self.note_subscripts(name, after, min(len(self.code), after + LONGEST_USE))
        if self._last_times >= after and MODIFIER.match(self.code, after):
            self.operands.append(Anything())

    def note_subscripts(self, name: bytes, start: int, end: int) -> int:
        """Note the subscripts from ``start`` on of the parameter of this name. Return where they end."""
        at = start
        while at < end and self.code.startswith(b"[", at):
            close = self.code.find(b"]", at + 1, end)
            if close < 0:
                self.operands.append(Anything())
                return end
            key = self.code[at + 1 : close]
            if name in KEYED and KEY.fullmatch(key):
                self.operands.append(Keyed(name))
            elif key not in {b"@", b"*"}:
                self.note_arithmetic(at + 1, close)
            at = close + 1
        return at

    def note_braces(self, start: int, end: int) -> None:
        """Note what stands in ``${…}``: subscripts, offsets, numbers of flags."""
        at = start
        if self.code.startswith(b"(", at):
            close = self.code.find(b")", at, end)
            if close < 0 or not _are_plain(self.code[at + 1 : close]):
                self.operands.append(Anything())
            takes_text = _TAKES_TEXT.search(self.code, at + 1, max(close, at + 1)) is not None
            at = close + 1 if close >= 0 else at
            # The text that a flag takes may hold the first `)`, and more flags be behind that.
            if takes_text and self.code.find(b")", at, end) >= 0:
                self.operands.append(Anything())
        signs = _SIGNS.match(self.code, at, end)
        at = signs.end() if signs else at
        parameter = _PARAMETER.match(self.code, at, end)
        if parameter is None:
            # Another one in its place, or text, may have any of these.
            if any(self.code.find(sign, at, end) >= 0 for sign in (b"[", b":", b"=")):
                self.operands.append(Anything())
            return
        at = self.note_subscripts(parameter[0], parameter.end(), end)
        if _FILLS.match(self.code, at, end):
            self.filled.append(parameter[0])
        elif MODIFIER.match(self.code, at, end):
            if self._last_times >= at:
                self.operands.append(Anything())
        elif _OFFSET.match(self.code, at, end):
            self.note_arithmetic(at + 1, end)

    def note_keys(self, start: int, end: int) -> None:
        """Note the keys of a list, as in ``([2]=x)``."""
        self._note_brackets(start, end, _GIVES)

    def note_qualifiers(self, start: int, end: int) -> None:
        """Note the numbers among qualifiers, as in ``*(om[1])``."""
        if _TIMES.search(self.code, start, end):
            self.operands.append(Anything())
        self._note_brackets(start, end)

    def note_document(self, start: int, end: int) -> None:
        """Note that a line of a here-document may have arithmetic in it."""
        if self._last_times >= start or _IN_DOCUMENT.search(self.code[start:end]):
            self.operands.append(Anything())

    def _note_brackets(self, start: int, end: int, behind: re.Pattern[bytes] | None = None) -> None:
        opened = start
        for bracket in _BRACKET.finditer(self.code, start, end):
            if bracket[0] == b"[":
                opened = bracket.end()
                continue
            if behind is None or behind.match(self.code, bracket.end(), end):
                self.note_arithmetic(opened, bracket.start())
            # One more without its other half is in no expression.
            opened = bracket.start()


def _are_plain(flags: bytes) -> bool:
    """Tell whether flags take no number but one that is said, nor a value for a name or expression."""
    for flag in _FLAG.finditer(flags):
        opening = flags[flag.end() : flag.end() + 1]
        if flag[0] in b"#P" or not opening:
            return False
        width = _WIDTH.match(flags, flag.end() + 1)
        if width is None or not flags.startswith(_CLOSING.get(opening, opening), width.end()):
            return False
    return True
