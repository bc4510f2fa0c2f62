"""Read what begins with ``$`` in zsh code, and pass over what stands in it: groups, calculations, quotes."""

import re
from typing import Final

from zsh_tool.foreign.arithmetic import ArithmeticReader
from zsh_tool.foreign.names import is_table
from zsh_tool.foreign.words import Draft, NotUnderstoodError, Other, Part, Said, Value, Word

_NAME: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]++")
_NAMES_FILE: Final = re.compile(rb"[ \t\n]*+[0-9<#{]")
"""What a substitution of a file's text begins with, as ``$(< file)`` does."""
_BACKTICKS: Final = re.compile(rb"`(?:[^`\\]++|\\.)*+`", re.DOTALL)
JOINED: Final = b"\\\n"
"""What joins a line to the next one."""
_IN_DOUBLE_QUOTES: Final = re.compile(rb"(?:[^\"\\`$]++|\\[^\n$`\"\\])++")
_IN_BRACES: Final = re.compile(rb"[^}{(\\'\"`$]++")
_IN_CALCULATION: Final = re.compile(rb"[^()$'\"`\\{}\n#]++")
_DOLLAR_QUOTES: Final = re.compile(rb"'(?:[^'\\]++|\\.)*+'", re.DOTALL)
_IN_OLD_CALCULATION: Final = re.compile(rb"[^\[\]$'\"`\\{}\n#]++")
_CHANGERS: Final = re.compile(rb"[#=^+~]++")
"""What before a name changes its value."""
_DIGITS: Final = re.compile(rb"[0-9]++")
_CHANGES: Final = re.compile(rb"\[|:[A-Za-z]")
"""What behind a value takes part of it, or changes it."""
_COUNTED: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff@*?!$-]")
_COUNT: Final = re.compile(rb"[?$]|#[@*]|#[A-Za-z0-9_\x80-\xff]*+(?:\[[@*]\])?")
"""How long a value or list is, or a number of the shell's."""


class ValueLexer(ArithmeticReader):
    """Reads values."""

    def group(self, *, allows_comments: bool) -> None:
        """Pass over commands in parentheses, or a calculation in two pairs of them."""
        around = self.in_condition, self.allows_comments
        self.enter()
        start = self.at
        if self.takes(b"(("):
            self._calculation()
            self.note_arithmetic(start + 2, self.at - 2)
        else:
            self.at += 1
            self.in_condition, self.allows_comments = False, allows_comments
            self.pass_commands()
        self.in_condition, self.allows_comments = around
        self.leave()

    def subshell(self, *, allows_comments: bool) -> None:
        """Do so where a process of its own runs the commands."""
        start, found = self.at, len(self.operands)
        lists, self.lists = self.lists, 0
        self.group(allows_comments=allows_comments)
        self.lists = lists
        # A file that is read for its text alone is named by the shell itself.
        if not self.code.startswith(b"((", start) and not _NAMES_FILE.match(self.code, start + 1):
            del self.operands[found:]

    def list_of_words(self, *, allows_comments: bool) -> None:
        """Do so where they are no commands, but the words of a list."""
        self.lists += 1
        self.group(allows_comments=allows_comments)
        self.lists -= 1

    def count(self, word: Word) -> None:
        """Note a word that is taken for a number."""
        if (operand := word.operand) is not None:
            self.operands.append(operand)

    def backticks(self) -> None:
        """Pass over a substitution in backticks, unless the shell itself expands what is in there."""
        start = self.at + 1
        self.takes_whole(_BACKTICKS)
        inner = self.code[start : self.at - 1]
        if _NAMES_FILE.match(inner) and (b"$" in inner or b"\\" in inner):
            raise NotUnderstoodError

    def pattern(self) -> None:
        """Pass over the parentheses of a pattern."""
        raise NotImplementedError

    def pass_commands(self) -> None:
        """Pass over commands up to the ``)`` behind them."""
        raise NotImplementedError

    def _calculation(self) -> None:
        """Pass over a calculation behind ``((``, unless it may be something else."""
        still_open = 0
        while still_open or not self.takes(b"))"):
            match self.some():
                case b"(":
                    still_open += 1
                    self.at += 1
                case b")" if still_open:
                    still_open -= 1
                    self.at += 1
                case b"$":
                    self.dollar(in_quotes=True)
                case _:
                    if not self.takes_run(_IN_CALCULATION):
                        raise NotUnderstoodError

    def double_quotes(self, draft: Draft) -> None:
        """Read what stands in double quotes."""
        self.at += 1
        while not self.takes(b'"'):
            text = self.at
            if self.takes_run(_IN_DOUBLE_QUOTES):
                draft.push(self.code[text : self.at])
            match self.some():
                case b"\\":
                    # What is not special keeps its backslash, and was taken above.
                    escaped = self.code[self.at + 1 : self.at + 2]
                    if not escaped:
                        raise NotUnderstoodError
                    self.at += 2
                    self.has_quoted_values |= escaped == b"$" and self.peek() == b"{"
                    if escaped != b"\n":
                        draft.push(escaped)
                case b"`":
                    self.backticks()
                    draft.add(Other.UNKNOWN)
                case b"$":
                    first = self.at
                    draft.add(self.dollar(in_quotes=True))
                    draft.spreads |= self.is_list(first)

    def dollar(self, *, in_quotes: bool) -> Part:
        """Read what begins with ``$``."""
        part = self._value(in_quotes=in_quotes)
        if self.code.startswith(JOINED, self.at):
            # What is behind that may belong to it.
            raise NotUnderstoodError
        return part

    def _value(self, *, in_quotes: bool) -> Part:
        self.at += 1
        start = self.at
        following = self.peek()
        match following:
            case b"'" if not in_quotes:
                self.takes_whole(_DOLLAR_QUOTES)
                return Other.UNKNOWN
            case b"(":
                self.subshell(allows_comments=True)
                return Other.NUMBER if self.code.startswith(b"((", start) else Other.UNKNOWN
            case b"{":
                self._braces(in_quotes=in_quotes)
                self.note_braces(start + 1, self.at - 1)
                return _inside(self.code[start + 1 : self.at - 1])
            case b"@" | b"*":
                self.at += 1
                self.note_behind(start)
                return self._unless_changed(Other.ARGUMENT)
            case b"[":
                self.at += 1
                self._old_calculation()
                self.note_arithmetic(start + 1, self.at - 1)
                return Other.NUMBER
            case b"?" | b"!" | b"-" | b"$":
                self.at += 1
                self.note_behind(start)
                return self._unless_changed(Other.UNKNOWN if following == b"-" else Other.NUMBER)
        if self.takes_run(_DIGITS):
            self.note_behind(start)
            return self._unless_changed(Other.ARGUMENT)
        if self.takes_run(_NAME):
            self.note_behind(start)
            return self._unless_changed(Value(self.code[start : self.at]))
        if self.takes_run(_CHANGERS):
            # What a value says would be taken for a pattern, which may run code.
            if self.code.find(b"~", start, self.at) >= 0:
                raise NotUnderstoodError
            self.note_behind(start)
            # How many arguments there are, if there is no more to it.
            is_count = self.at == start + 1 and following == b"#" and not _COUNTED.match(self.code, self.at)
            return self._unless_changed(Other.NUMBER) if is_count else Other.UNKNOWN
        return Said(b"$")

    def _old_calculation(self) -> None:
        """Pass over a calculation behind ``$[``."""
        still_open = 0
        while still_open or not self.takes(b"]"):
            match self.some():
                case b"[":
                    still_open += 1
                    self.at += 1
                case b"]":
                    still_open -= 1
                    self.at += 1
                case b"$":
                    self._value(in_quotes=True)
                case _:
                    self.takes_whole(_IN_OLD_CALCULATION)

    def _unless_changed(self, part: Part) -> Part:
        """Return what a value is unless part of it is taken, or it is changed by what is behind it."""
        return Other.UNKNOWN if _CHANGES.match(self.code, self.at) else part

    def is_list(self, start: int) -> bool:
        """Tell whether the parameter from ``start`` up to here may be several words in quotes too."""
        read = self.code[start : self.at]
        is_value = read.startswith(b"${") and not read.startswith(b"${#")
        return (
            (is_value and any(sign in read for sign in b"@(=^"))
            or read in {b"$@", b"$*", b"${*}"}
            or self.peek() == b"["
        )

    def _braces(self, *, in_quotes: bool) -> None:
        """Pass over ``{…}`` behind ``$``."""
        self.enter()
        self.at += 1
        start = self.at
        flags = self.code.find(b")", start) if self.peek() == b"(" else start
        if flags < 0:
            raise NotUnderstoodError
        while not self.takes(b"}"):
            match self.some():
                case b"(" if self.at > start and not in_quotes:
                    # What is given instead of a value may be a pattern that finds files.
                    if self.at <= flags:
                        raise NotUnderstoodError
                    self.pattern()
                case b"{" if not in_quotes:
                    raise NotUnderstoodError
                case b"\\" if self.code.startswith(JOINED, self.at):
                    raise NotUnderstoodError
                case b"\\":
                    self.at += 2
                case b"'" if not in_quotes:
                    self.takes_single_quotes()
                case b'"':
                    self.enter()
                    self.double_quotes(Draft())
                    self.leave()
                case b"`":
                    self.backticks()
                case b"$":
                    self.dollar(in_quotes=in_quotes)
                case b"{" | b"'" | b"(":
                    self.at += 1
                case _:
                    self.takes_run(_IN_BRACES)
        self.leave()


def _inside(text: bytes) -> Part:
    """Return what stands in ``${…}`` is, unless it may run code or give any variable a value."""
    if _NAME.fullmatch(text):
        return Other.ARGUMENT if _DIGITS.fullmatch(text) else Value(text)
    if text in {b"@", b"*"}:
        return Other.ARGUMENT
    if _COUNT.fullmatch(text):
        return Other.NUMBER
    # Flags may have the value evaluated, or name the variable that gets one; what is said may be taken for a pattern.
    flags = text[: max(text.rfind(b")"), 0)] if text.startswith(b"(") else b""
    evaluates = b"e" in flags or b"%" in flags
    # A name behind flags, or a number, is no assignment that would be noticed.
    name = text.lstrip(b"#=^+~")
    gives = b"=" in name and (bool(flags) or name[:1].isdigit() or is_table(name))
    if evaluates or gives or b"~" in text:
        raise NotUnderstoodError
    return Other.UNKNOWN
