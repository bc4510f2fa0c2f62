"""Cut zsh code into commands and their words, as far as it is understood for certain.

Only what the shell itself runs matters here, so what stands in parentheses, which a subshell runs, is passed over.
Where a command may begin, one is found rather than missed: behind a word that leads on only sometimes, too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zsh_tool.foreign.current import ANYWHERE, OPENERS, Current, Document
from zsh_tool.foreign.found import (
    Assignment,
    Command,
    Filled,
    Found,
    Function,
    Loop,
    QuotedValue,
    Reckoned,
    Target,
)
from zsh_tool.foreign.mentions import LONGEST_USE, unquoted
from zsh_tool.foreign.names import PREFIXES
from zsh_tool.foreign.nested import WordLexer
from zsh_tool.foreign.operands import Anything, Counted
from zsh_tool.foreign.words import Ending, NotUnderstoodError, Other, Word

_LOOPS: Final = frozenset([b"repeat", b"until", b"while"])
_LISTS: Final = frozenset([b"for", b"foreach", b"select"])
"""Loops over a list that may stand in parentheses."""
_HAZARD: Final = re.compile(rb"\$[~=^]|\$\{(?![^}]{0,%d}\})|\$\{[^}]*?[(=~]" % (LONGEST_USE - 1))
"""What in the text of a here-document may run code or give any variable a value."""
_COMPARISONS: Final = frozenset(b"-eq -ge -gt -le -lt -ne".split())
"""Comparisons of numbers in a condition."""
_COMPARES: Final = re.compile(rb"(?<![^ \t\n()!&|<>;])-(?:[tv]|eq|ge|gt|le|lt|ne)(?![^ \t\n()!&|<>;])")
"""What in the parentheses of a condition may take text for numbers."""
_MOST_NAMES: Final = 64
"""Of more words in one command that may be its name, nothing is understood."""
_MOST_WORDS: Final = 1 << 16
"""Of more words than Linux takes for a command, nothing is understood."""
_SPACE: Final = b" \t\n\f\r"
_DESCRIPTOR: Final = re.compile(rb"\{[A-Za-z0-9_\x80-\xff]+\}")
"""A variable for the number of what is redirected."""
# Not possessive: Python 3.11.2 takes no notice of a look ahead in such a group.
_TO_WHERE: Final = re.compile(rb"(?:(?![<>]\()[<>&|!])*")


@dataclass(frozen=True)
class Cut:
    """What a piece of code holds, unless a process of its own runs that.

    Such is what is piped into another command, or goes to the background.
    """

    found: Sequence[Found]
    is_open: bool
    """Whether the next word behind the code might be a command's name."""


def cut(code: bytes) -> Cut:
    """Cut a piece of code. NotUnderstoodError if it is cut off, or for any other reason."""
    lexer = _Lexer(code)
    is_open = lexer.commands(within=False)
    if lexer.has_quoted_values:
        lexer.found.append(QuotedValue())
    lexer.found += map(Filled, lexer.filled)
    lexer.found += map(Reckoned, lexer.operands)
    return Cut(lexer.found, is_open)


class _Lexer(WordLexer):
    def __init__(self, code: bytes) -> None:
        super().__init__(code)
        self.found: list[Found] = []

    def pass_commands(self) -> None:
        self.commands(within=True)

    def commands(self, *, within: bool) -> bool:
        """Read commands up to the end of the code, or ``within`` a group up to its ``)``.

        Return whether the last one lacks its name.
        """
        now = Current(is_told=not within, operands=len(self.operands))
        while True:
            self.takes_blanks()
            start = self.at
            match self.peek():
                case b"":
                    if within or now.documents:
                        raise NotUnderstoodError
                    is_open = now.begins or now.belongs
                    self._end(now)
                    return is_open
                case b"#":
                    before = self.code[self.at - 1 : self.at] if self.at else b""
                    if not self.allows_comments or before not in b" \t\n;&|":
                        raise NotUnderstoodError
                    self.at = self._end_of_line()
                case b"\n":
                    self.at += 1
                    self._end(now)
                    for document in now.documents:
                        self._document(document)
                    now.documents = []
                case b";":
                    self.at += 1
                    # These are for `case`.
                    self._takes_one(b";", b"&", b"|")
                    self._end(now)
                case b"&" if self.takes(b"&>"):
                    self.takes(b">")
                    self._takes_one(b"|", b"!")
                    now.surely = False
                    now.belongs = True
                case b"&" | b"|" as sign:
                    self.at += 1
                    joins = self.takes(sign)
                    if not joins:
                        self._takes_one(*((b"|", b"!") if sign == b"&" else (b"&",)))
                    self._end(now, is_forked=not joins)
                case b")" if within:
                    if now.documents:
                        raise NotUnderstoodError
                    self.at += 1
                    return False
                case b")":
                    # The end of a pattern in `case`, which is no command.
                    self.at += 1
                    now.restart()
                    now.operands = len(self.operands)
                case b"(":
                    self._parentheses(now)
                case b"<" | b">" if self.redirects():
                    self._redirection(now)
                case _:
                    word = self.word()
                    self._add(word, self.code[start : self.at], now)
            if now.documents and self.code.find(b"\n", start, self.at) >= 0:
                # Its lines would begin at the line break in that.
                raise NotUnderstoodError

    def _end(self, now: Current, *, is_forked: bool = False) -> None:
        """End the command, telling of it unless a process of its own runs it."""
        is_forked = is_forked and not self.cases and now.is_simple
        if is_forked:
            del self.operands[now.operands :]
        elif now.is_told:
            if not all(map(now.takes_assignments, now.names)):
                raise NotUnderstoodError
            self.found += (Command(now.words[name], now.words[name + 1 :]) for name in now.names)
        now.restart()
        now.operands = len(self.operands)

    def _tell(self, now: Current, found: Found) -> None:
        if now.is_told:
            self.found.append(found)

    def _add(self, word: Word, raw: bytes, now: Current) -> None:
        """Add the word that was read from ``raw``."""
        if self._is_redirected(raw):
            return
        if now.belongs:
            now.belongs = False
            if now.words and now.words[-1].said == b"repeat":
                self.count(word)
                now.operands = len(self.operands)
            self._tell(now, Target(word))
            return
        bare = word.bare or b""
        if bare == b"[[" and now.begins and (not now.surely or self.lists):
            # It may be a command, or a word of a list.
            raise NotUnderstoodError
        if now.surely and bare == b"[[":
            now.surely = False
            self.in_condition = True
            self._condition()
            self.in_condition = False
            now.operands = len(self.operands)
            return
        if word.ending is Ending.FUNCTION:
            for name in (*now.words, word):
                self._tell_of_function(name, now)
            now.begins = now.surely = True
            return
        # The patterns of `case` would be taken for the end of the group.
        if (not now.is_told and bare == b"case") or len(now.words) == _MOST_WORDS:
            raise NotUnderstoodError
        # Its patterns look like commands that are piped, or subshells, and its end like one of them.
        self.cases += now.begins and bare == b"case"
        opens = bare in OPENERS
        if opens:
            now.operands = len(self.operands)
        if bare in _LOOPS:
            self._tell(now, Loop())
        # Where no variable is given a list, one in parentheses is a pattern.
        if word.is_hazardous and (self.lists or not now.takes_lists):
            raise NotUnderstoodError
        if not now.begins:
            now.begins = bare in ANYWHERE
            now.surely = now.begins and bool(now.words) and now.words[0].bare == b"function"
        elif assigned := word.assigns(raw):
            if not assigned.name.isascii():
                raise NotUnderstoodError
            now.surely = False
            self._tell(now, Assignment(assigned))
            start = self.at - len(raw) + len(assigned.name)
            self.note_subscripts(b"", start, self.at)
        else:
            said = word.said or b""
            leads = opens or said in PREFIXES or word.beginning.startswith(b"-")
            now.surely &= opens
            now.belongs = said == b"repeat"
            now.begins = leads or word.may_vanish
            if not leads or said == b"exec":
                now.names.append(len(now.words))
        now.words.append(word)
        if len(now.names) > _MOST_NAMES:
            raise NotUnderstoodError

    def _is_redirected(self, raw: bytes) -> bool:
        """Tell whether the word that was read is the number of what is redirected behind it, or a variable for that."""
        if len(raw) == 1 and raw.isdigit():
            return self.redirects() or self.code.startswith(b"&>", self.at)
        if not self.redirects() or not _DESCRIPTOR.fullmatch(raw):
            return False
        if not raw.isascii():
            # In another locale this may be no name.
            raise NotUnderstoodError
        # What it is given later is taken for a number too.
        self.operands.append(Counted(raw[1:-1]))
        return True

    def _tell_of_function(self, name: Word, now: Current) -> None:
        if now.is_told:
            if name.said is None:
                raise NotUnderstoodError
            self.found.append(Function(name.said))

    def _condition(self) -> None:
        """Read what is behind ``[[``, up to its end."""
        words = []
        while True:
            self.takes_blanks()
            if self.takes(b"&&") or self.takes(b"||"):
                continue
            following = self.peek()
            # An empty one is in there too.
            if following in b"\n;&|)#":
                raise NotUnderstoodError
            if following == b"(":
                start = self.at
                self.pattern()
                if _COMPARES.search(unquoted(self.code[start : self.at])):
                    self.operands.append(Anything())
            elif self.redirects():
                self.at += 1
            else:
                words.append(self.word())
                if words[-1].bare == b"]]":
                    self._compare(words)
                    return

    def _compare(self, words: Sequence[Word]) -> None:
        """Note the numbers among the words of a condition."""
        for before, word, behind in zip((None, *words), words, (*words[1:], None), strict=False):
            if word.said in _COMPARISONS:
                for number in (before, behind):
                    if number is not None:
                        self.count(number)
            elif behind is not None and word.said == b"-t" and behind.bare != b"]]":
                self.count(behind)
            elif behind is not None and word.said == b"-v" and not behind.is_plain_name:
                self.operands.append(Anything())

    def _parentheses(self, now: Current) -> None:
        """Pass over parentheses that begin a word.

        They hold a subshell, the arguments of a function, the words of a loop, or a pattern.
        """
        start, found = self.at, len(self.operands)
        is_subshell = now.begins and now.surely
        if not self.code.startswith(b"(#", start):
            if not is_subshell:
                self.list_of_words(allows_comments=False)
            elif not self.cases:
                self.subshell(allows_comments=True)
            else:
                self.group(allows_comments=True)
        if self.at == start or not self.ends_word():
            self.at = start
            del self.operands[found:]
            self.pattern()
        end = self.at - 1
        is_function = not self.code[start + 1 : end].strip(_SPACE)
        first = now.words[0].bare if now.words else b""
        is_named = any(word.bare == b"in" for word in now.words)
        is_repeated = first == b"repeat" and len(now.words) == 1
        is_list = (first in _LISTS and not is_named) or is_repeated or self.cases
        is_argument = not (is_subshell or is_list or is_function)
        if is_argument:
            # A pattern that finds files.
            self.at = start
            self.pattern()
            if self.at != end + 1:
                raise NotUnderstoodError
        if is_argument or not self.ends_word():
            rest = self.word()
            word = Word(
                (Other.UNKNOWN, *rest.parts),
                has_quotes=rest.has_quotes,
                is_one_quote=rest.is_one_quote,
                spreads=True,
            )
            if now.belongs:
                now.belongs = False
                self._tell(now, Target(word))
                return
            if now.begins:
                now.names.append(len(now.words))
            now.words.append(word)
            return
        if is_function:
            # One without a name is called at once.
            for name in [Word()] if now.begins else now.words:
                self._tell_of_function(name, now)
        # Behind the words of a loop a command begins, behind an argument none.
        is_over = is_function or not now.words
        self._end(now)
        now.surely = is_over

    def _redirection(self, now: Current) -> None:
        """Read a redirection up to the word that says to where."""
        now.surely = False
        if not self.takes(b"<<<") and self.takes(b"<<"):
            strips_tabs = self.takes(b"-")
            self.takes_blanks()
            word = self.word()
            if not word.said:
                raise NotUnderstoodError
            now.documents.append(Document(word.said, word.bare is None, strips_tabs))
            return
        self.takes_run(_TO_WHERE)
        now.belongs = True

    def _document(self, document: Document) -> None:
        """Pass over the lines of a here-document, up to the line break of the one that ends it."""
        while self.at < len(self.code):
            end = self._end_of_line()
            line = self.code[self.at : end]
            if document.strips_tabs:
                line = line.lstrip(b"\t")
            if line == document.end:
                self.at = end
                return
            # A backslash joins the next line, which then might not be the end.
            if not document.is_quoted and (line.endswith(b"\\") or _HAZARD.search(line)):
                break
            if not document.is_quoted:
                self.note_document(self.at, end)
            self.at = end + 1
        raise NotUnderstoodError

    def _end_of_line(self) -> int:
        end = self.code.find(b"\n", self.at)
        return len(self.code) if end < 0 else end

    def _takes_one(self, *signs: bytes) -> None:
        """Go behind one of these if it comes next."""
        any(map(self.takes, signs))
