"""Read the words of zsh code, and pass over what stands in them: groups, patterns, quotes, what begins with ``$``."""

import re
from typing import Final

from zsh_tool.foreign.values import JOINED, ValueLexer
from zsh_tool.foreign.words import (
    Draft,
    Ending,
    NotUnderstoodError,
    Other,
    Said,
    Value,
    Word,
    assignment,
)

_BORDERS: Final = b" \t\n;&|)"
"""What ends a word."""
_BLANKS: Final = re.compile(rb"[ \t]*+")
_RUN: Final = re.compile(rb"[^ \t\n;&|)\\'\"`$(<>~*?^#{}\[\]]++")
"""What means nothing in a word, but for ``=`` where that begins."""
_WHOLE: Final = re.compile(rb"(?:(?!=)%b|\[\[?|\]\]?|[{}])(?=[ \t\n;&|)]|\Z)" % _RUN.pattern)
"""A word that is such a run, or a brace or bracket that stands for itself."""
_IN_PATTERN: Final = re.compile(rb"[^)#(|\\'\"`$]++")
_NUMBERS: Final = re.compile(rb"\{(?=[0-9.]{1,23}\})[0-9]++\.\.[0-9]++\}")
_RANGE: Final = re.compile(rb"[^>]*+>")
_NO_REDIRECTION: Final = re.compile(rb"[<>]\(|<[0-9]*+-[0-9-]*+>")


class WordLexer(ValueLexer):
    """Reads words."""

    def __init__(self, code: bytes) -> None:
        super().__init__(code)
        self._whole: dict[bytes, Word] = {}

    def takes_blanks(self) -> None:
        """Go to what is no blank.

        NotUnderstoodError at a line that is joined to the next one within a word, which would have to be read as one.
        """
        self.takes_run(_BLANKS)
        while self.code.startswith(JOINED, self.at):
            if self.at and self.code[self.at - 1] not in b" \t\n;&|":
                raise NotUnderstoodError
            self.at += len(JOINED)
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
                self.double_quotes(draft)
                draft.is_one_quote = is_first and self.ends_word()
            case b"`":
                self.backticks()
                draft.spreads = True
                draft.add(Other.UNKNOWN)
            case b"$":
                first = self.at
                part = self.dollar(in_quotes=False)
                draft.spreads |= part is Other.UNKNOWN or self.is_list(first)
                draft.add(part)
            case b"(":
                self._inner_parentheses(start, draft)
            case b"~" if self.at == start and self._is_home():
                self.at += 1
                draft.add(Value(b"HOME"))
            case b"<" | b">":
                self.at += 1
                if self.peek() == b"(":
                    self.subshell(allows_comments=True)
                else:
                    # A range of numbers.
                    self.takes_whole(_RANGE)
                draft.add(Other.UNKNOWN)
            case b"=" if self.at == start:
                self.at += 1
                if self.ends_word():
                    draft.push(b"=")
                else:
                    draft.spreads = True
                    draft.add(Other.UNKNOWN)
            case b"{" if self.takes_run(_NUMBERS):
                draft.spreads = True
                draft.add(Other.NUMBER)
            case b"~" | b"*" | b"?" | b"^" | b"#" | b"{" | b"}" | b"[" | b"]":
                self.at += 1
                draft.spreads = True
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
            is_substitution = self.at == start + 1
            draft.is_hazardous = not is_substitution and self._is_hazardous()
            opened = self.at
            if is_substitution:
                self.subshell(allows_comments=True)
            else:
                self.list_of_words(allows_comments=True)
                self.note_keys(opened, self.at)
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
        draft.spreads = True
        draft.add(Other.UNKNOWN)

    def _is_hazardous(self) -> bool:
        """Tell whether the parentheses here would run code if they were those of a pattern."""
        at, depth, found, lists = self.at, self.depth, len(self.operands), self.lists
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
            del self.operands[found:]
            self.lists = lists
            self.in_condition, self.allows_comments = around

    def _is_array(self, start: int) -> bool:
        """Tell whether a word up to here has what is in parentheses be a list of words."""
        # Most are none: a word with many of them is not looked through each time.
        if not self.code.endswith(b"=", start, self.at):
            return False
        found = assignment(self.code, start, self.at)
        if found is not None and not found[0].isascii():
            # In another locale this is no name.
            raise NotUnderstoodError
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
                    self.double_quotes(Draft())
                case b"`":
                    has_values = True
                    self.backticks()
                case b"$":
                    has_values = True
                    self.dollar(in_quotes=False)
                case _:
                    self.takes_run(_IN_PATTERN)
        self.leave()
        first, last = start + 1, self.at - 1
        if not is_choice:
            self.note_qualifiers(first, last)
        runs_code = has_values or any(self.code.find(sign, first, last) >= 0 for sign in (b"e", b"+"))
        if self.code.startswith(b"#q", first, last) or (runs_code and not is_choice):
            raise NotUnderstoodError
