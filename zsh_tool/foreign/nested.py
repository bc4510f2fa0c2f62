"""Read the words of zsh code, and pass over what stands in them: groups, patterns, quotes, what begins with ``$``."""

import re
from typing import Final

from zsh_tool.foreign.names import is_table
from zsh_tool.foreign.reader import Reader
from zsh_tool.foreign.words import (
    Draft,
    Ending,
    NotUnderstoodError,
    Other,
    Part,
    Said,
    Value,
    Word,
    assignment,
)

_BORDERS: Final = b" \t\n;&|)"
"""What ends a word."""
_BLANKS: Final = re.compile(rb"[ \t]*+")
_JOINED: Final = b"\\\n"
"""What joins a line to the next one."""
_RUN: Final = re.compile(rb"[^ \t\n;&|)\\'\"`$(<>~*?^#{}\[\]]++")
"""What means nothing in a word, but for ``=`` where that begins."""
_WHOLE: Final = re.compile(rb"(?:(?!=)%b|\[\[?|\]\]?|[{}])(?=[ \t\n;&|)]|\Z)" % _RUN.pattern)
"""A word that is such a run, or a brace or bracket that stands for itself."""
_IN_DOUBLE_QUOTES: Final = re.compile(rb"(?:[^\"\\`$]++|\\[^\n$`\"\\])++")
_IN_BRACES: Final = re.compile(rb"[^}{\\'\"`$]++")
_IN_PATTERN: Final = re.compile(rb"[^)#(|\\'\"`$]++")
_IN_CALCULATION: Final = re.compile(rb"[^()$'\"`\\{}\n#]++")
_BACKTICKS: Final = re.compile(rb"`(?:[^`\\]++|\\.)*+`", re.DOTALL)
_DOLLAR_QUOTES: Final = re.compile(rb"'(?:[^'\\]++|\\.)*+'", re.DOTALL)
_IN_OLD_CALCULATION: Final = re.compile(rb"[^\[\]$'\"`\\{}\n#]++")
_NAME: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]++")
_CHANGERS: Final = re.compile(rb"[#=^+~]++")
"""What before a name changes its value."""
_RANGE: Final = re.compile(rb"[^>]*+>")
_DIGITS: Final = re.compile(rb"[0-9]++")
_CHANGES: Final = re.compile(rb"\[|:[A-Za-z]")
"""What behind a value takes part of it, or changes it."""
_NO_REDIRECTION: Final = re.compile(rb"[<>]\(|<[0-9]*+-[0-9-]*+>")


class WordLexer(Reader):
    """Reads words."""

    def __init__(self, code: bytes) -> None:
        super().__init__(code)
        self._whole: dict[bytes, Word] = {}

    def takes_blanks(self) -> None:
        """Go to what is no blank.

        NotUnderstoodError at a line that is joined to the next one within a word, which would have to be read as one.
        """
        self.takes_run(_BLANKS)
        while self.code.startswith(_JOINED, self.at):
            if self.at and self.code[self.at - 1] not in b" \t\n;&|":
                raise NotUnderstoodError
            self.at += len(_JOINED)
            self.takes_run(_BLANKS)

    def redirects(self) -> bool:
        """Tell whether ``<`` or ``>`` comes and begins a redirection, not a word."""
        return self.code.startswith((b"<", b">"), self.at) and not _NO_REDIRECTION.match(self.code, self.at)

    def ends_word(self) -> bool:
        """Tell whether a word would end here."""
        return self.peek() in _BORDERS or self.redirects()

    def word(self) -> Word:
        """Read a word, which may be empty."""
        start = self.at
        if whole := _WHOLE.match(self.code, start):
            self.at = whole.end()
            text = whole[0]
            if text not in self._whole:
                self._whole[text] = Word((Said(text),))
            return self._whole[text]
        draft = Draft()
        while draft.ending is not Ending.ARRAY and not self.ends_word():
            self._word_part(start, draft)
        return draft.word()

    def _word_part(self, start: int, draft: Draft) -> None:
        match self.peek():
            case b"\\":
                draft.has_quotes = True
                self.at += 1
                # A joined line makes one word of two, and of signs that would be read one by one.
                if self.some() == b"\n":
                    raise NotUnderstoodError
                self.has_quoted_values |= self.code.startswith(b"${", self.at)
                draft.push(self.some())
                self.at += 1
            case b"'":
                draft.has_quotes = True
                text = self.at + 1
                self.takes_single_quotes()
                self.has_quoted_values |= self.code.find(b"${", text, self.at - 1) >= 0
                draft.push(self.code[text : self.at - 1])
            case b'"':
                is_first = self.at == start
                draft.has_quotes = True
                self._double_quotes(draft)
                draft.is_one_quote = is_first and self.ends_word()
            case b"`":
                self.takes_whole(_BACKTICKS)
                draft.add(Other.UNKNOWN)
            case b"$":
                draft.add(self._dollar(in_quotes=False))
            case b"(":
                self._inner_parentheses(start, draft)
            case b"~" if self.at == start and self._is_home():
                self.at += 1
                draft.add(Value(b"HOME"))
            case b"<" | b">":
                self.at += 1
                if self.peek() == b"(":
                    self.group(allows_comments=True)
                else:
                    # A range of numbers.
                    self.takes_whole(_RANGE)
                draft.add(Other.UNKNOWN)
            case b"=" if self.at == start:
                self.at += 1
                draft.add(Other.UNKNOWN)
            case b"~" | b"*" | b"?" | b"^" | b"#" | b"{" | b"}" | b"[" | b"]":
                self.at += 1
                draft.add(Other.UNKNOWN)
            case _:
                text = self.at
                self.takes_run(_RUN)
                draft.push(self.code[text : self.at])

    def _is_home(self) -> bool:
        """Tell whether ``~`` stands for the caller's home here."""
        following = self.code[self.at + 1 : self.at + 2]
        return following == b"/" or following in _BORDERS

    def _inner_parentheses(self, start: int, draft: Draft) -> None:
        """Pass over parentheses in a word: an array, the mark of a function, a pattern."""
        if self._is_array(start):
            draft.is_hazardous = self.at > start + 1 and self._is_hazardous()
            self.group(allows_comments=True)
            draft.ending = Ending.ARRAY
        elif self.code.endswith(b"=", start, self.at):
            # A substitution, or a pattern, as options say.
            raise NotUnderstoodError
        elif self.takes(b"()"):
            draft.ending = Ending.FUNCTION
            if not self.ends_word():
                raise NotUnderstoodError
            return
        else:
            self.pattern()
        draft.add(Other.UNKNOWN)

    def _is_hazardous(self) -> bool:
        """Tell whether the parentheses here would run code if they were those of a pattern."""
        at, depth = self.at, self.depth
        around = self.in_condition, self.allows_comments
        try:
            self.pattern()
        except NotUnderstoodError:
            self.depth = depth
            return True
        else:
            return False
        finally:
            self.at = at
            self.in_condition, self.allows_comments = around

    def _is_array(self, start: int) -> bool:
        """Tell whether a word up to here has what is in parentheses be a list of words."""
        # Most are none: a word with many of them is not looked through each time.
        if not self.code.endswith(b"=", start, self.at):
            return False
        found = assignment(self.code, start, self.at)
        return self.at == start + 1 or (found is not None and found[1] == self.at)

    def pattern(self) -> None:
        """Pass over the parentheses of a pattern, unless they may qualify the files found by code.

        In a condition no files are found.
        """
        start = self.at
        is_choice, has_values = self.in_condition, False
        self.enter()
        self.at += 1
        while not self.takes(b")"):
            match self.some():
                case b"#":
                    # A comment, or not, as options say.
                    raise NotUnderstoodError
                case b"(":
                    self.pattern()
                case b"|":
                    is_choice = True
                    self.at += 1
                case b"\\":
                    self.at += 2
                case b"'":
                    self.takes_single_quotes()
                case b'"':
                    self._double_quotes(Draft())
                case b"`":
                    has_values = True
                    self.takes_whole(_BACKTICKS)
                case b"$":
                    has_values = True
                    self._dollar(in_quotes=False)
                case _:
                    self.takes_run(_IN_PATTERN)
        self.leave()
        first, last = start + 1, self.at - 1
        runs_code = has_values or any(self.code.find(sign, first, last) >= 0 for sign in (b"e", b"+"))
        if self.code.startswith(b"#q", first, last) or (runs_code and not is_choice):
            raise NotUnderstoodError

    def group(self, *, allows_comments: bool) -> None:
        """Pass over commands in parentheses, or a calculation in two pairs of them."""
        around = self.in_condition, self.allows_comments
        self.enter()
        if self.takes(b"(("):
            self._calculation()
        else:
            self.at += 1
            self.in_condition, self.allows_comments = False, allows_comments
            self.pass_commands()
        self.in_condition, self.allows_comments = around
        self.leave()

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
                    self._dollar(in_quotes=True)
                case _:
                    if not self.takes_run(_IN_CALCULATION):
                        raise NotUnderstoodError

    def _double_quotes(self, draft: Draft) -> None:
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
                    self.takes_whole(_BACKTICKS)
                    draft.add(Other.UNKNOWN)
                case b"$":
                    draft.add(self._dollar(in_quotes=True))

    def _dollar(self, *, in_quotes: bool) -> Part:
        """Read what begins with ``$``."""
        part = self._value(in_quotes=in_quotes)
        if self.code.startswith(_JOINED, self.at):
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
                self.group(allows_comments=True)
                return Other.UNKNOWN
            case b"{":
                self._braces(in_quotes=in_quotes)
                return _inside(self.code[start + 1 : self.at - 1])
            case b"@" | b"*":
                self.at += 1
                return self._unless_changed(Other.ARGUMENT)
            case b"[":
                self.at += 1
                self._old_calculation()
                return Other.UNKNOWN
            case b"?" | b"!" | b"-" | b"$":
                self.at += 1
                return Other.UNKNOWN
        if self.takes_run(_DIGITS):
            return self._unless_changed(Other.ARGUMENT)
        if self.takes_run(_NAME):
            return self._unless_changed(Value(self.code[start : self.at]))
        if self.takes_run(_CHANGERS):
            # What a value says would be taken for a pattern, which may run code.
            if self.code.find(b"~", start, self.at) >= 0:
                raise NotUnderstoodError
            return Other.UNKNOWN
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

    def _braces(self, *, in_quotes: bool) -> None:
        """Pass over ``{…}`` behind ``$``."""
        self.enter()
        self.at += 1
        while not self.takes(b"}"):
            match self.some():
                case b"{" if not in_quotes:
                    raise NotUnderstoodError
                case b"\\" if self.code.startswith(_JOINED, self.at):
                    raise NotUnderstoodError
                case b"\\":
                    self.at += 2
                case b"'" if not in_quotes:
                    self.takes_single_quotes()
                case b'"':
                    self.enter()
                    self._double_quotes(Draft())
                    self.leave()
                case b"`":
                    self.takes_whole(_BACKTICKS)
                case b"$":
                    self._dollar(in_quotes=in_quotes)
                case b"{" | b"'":
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
    # Flags may have the value evaluated, or name the variable that gets one; what is said may be taken for a pattern.
    flags = text[: max(text.rfind(b")"), 0)] if text.startswith(b"(") else b""
    evaluates = b"e" in flags or b"%" in flags
    # A name behind flags, or a number, is no assignment that would be noticed.
    name = text.lstrip(b"#=^+~")
    gives = b"=" in name and (bool(flags) or name[:1].isdigit() or is_table(name))
    if evaluates or gives or b"~" in text:
        raise NotUnderstoodError
    return Other.UNKNOWN
