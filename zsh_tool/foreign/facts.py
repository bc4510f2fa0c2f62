"""Tell what a piece of zsh code does that bears on which code its shell runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import takewhile, zip_longest
from operator import attrgetter
from typing import Final, TypeVar

from zsh_tool.foreign.compiled import compiled_words
from zsh_tool.foreign.lexer import RESERVED, Assignment, Command, Cut, Function, Loop, Target, cut
from zsh_tool.foreign.mentions import has_process, reckons, unquoted
from zsh_tool.foreign.names import (
    BEYOND,
    CALM,
    CODE,
    DECLARERS,
    MODULES,
    MOVERS,
    RECKONERS,
    SETTERS,
    SPECIAL,
    WRITERS,
    is_no_code,
    is_table,
)
from zsh_tool.foreign.words import HOME, NotUnderstoodError, Other, Said, Value, Word, assignment

_T = TypeVar("_T")
_DEEPEST: Final = 8
"""How often code may be evaluated by code."""
_MOST: Final = 32
"""Of more directories, files, variables or calls than these nothing is known."""
_IS_LOOSE: Final = attrgetter("is_loose")
_IS_NO_COMMAND: Final = attrgetter("is_no_command")


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
    QUOTES = auto()
    """It makes one quote of two in quotes."""
    TWO_QUOTES = auto()
    """It has two of them."""
    CALLS = auto()
    """It may change files."""
    RECKONS = auto()
    """It reckons with values, which may be expressions that assign to variables."""
    PATH_DIRS = auto()
    """It has names with a slash looked for in ``PATH``."""


_LETTERS: Final = {b"Q": Mark.PATH_DIRS, b"T": Mark.SEARCHES, b"y": Mark.ODD}
"""Options by their letters."""


@dataclass(frozen=True, slots=True)
class Given:
    """A variable named to give it values: those that are said."""

    name: bytes
    values: Sequence[bytes | None]


@dataclass
class Facts:
    """What is known of a piece of code."""

    plain: bytes = b""
    """The code without what quotes in it."""
    reads: list[tuple[Word, bool]] = field(default_factory=list)
    """The names of files that it reads as code, and whether the working directory comes before ``PATH``."""
    moves: list[Word] = field(default_factory=list)
    """Where it changes to."""
    called: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Commands that are the value of a variable, and what is behind that in the word."""
    given: list[Given] = field(default_factory=list)
    """The values that it gives to variables."""
    marks: set[Mark] = field(default_factory=set)
    functions: set[bytes] = field(default_factory=set)
    """The functions it defines."""
    passes_commands: set[bytes] = field(default_factory=set)
    """The commands it calls with what may be another command."""

    _cuts: dict[bytes, Cut] = field(default_factory=dict)
    """Code that was cut once: it may be evaluated again and again."""

    @classmethod
    def of(cls, code: bytes) -> "Facts":
        """Return what code does. NotUnderstoodError if that may be anything."""
        facts = cls._told_by(unquoted(code))
        facts._mark(Mark.TWO_QUOTES, b"''" in code)
        facts._mark(Mark.CALLS, has_process(code))
        facts._add(code, 0)
        return facts

    @classmethod
    def of_compiled(cls, compiled: bytes) -> "Facts":
        """Return what compiled code does. NotUnderstoodError if that may be anything."""
        facts = cls._told_by(compiled_words(compiled))
        facts._mark(Mark.CALLS)
        return facts

    @classmethod
    def _told_by(cls, plain: bytes) -> "Facts":
        """Return what the words in code tell, wherever they stand."""
        options = plain.lower().replace(b"_", b"")
        unseen = (b"trap", b"functions[", b"aliases[")
        may_reckon = reckons(plain)
        if (
            any(word in plain for word in unseen)
            or b"promptsubst" in options
            or b"histchars" in options
            or (may_reckon and b"::=" in plain)
        ):
            raise NotUnderstoodError
        facts = cls(plain)
        facts._mark(Mark.RECKONS, may_reckon)
        facts._mark(Mark.PATH_DIRS, b"pathdirs" in options)
        facts._mark(Mark.ODD, b"shwordsplit" in options)
        facts._mark(Mark.PATTERNS, b"globsubst" in options)
        facts._mark(Mark.QUALIFIERS, b"extendedglob" in options or b"bareglobqual" in options)
        facts._mark(Mark.QUOTES, b"rcquotes" in options)
        facts._mark(Mark.SEARCHES, b"cdpath" in options or b"cdablevars" in options)
        return facts

    def _mark(self, mark: Mark, is_so: bool = True) -> None:
        if is_so:
            self.marks.add(mark)

    def _cut(self, code: bytes) -> Cut:
        if code not in self._cuts:
            self._cuts[code] = cut(code)
        return self._cuts[code]

    def _add(self, code: bytes, depth: int) -> None:
        if depth > _DEEPEST:
            raise NotUnderstoodError
        for found in self._cut(code).found:
            match found:
                case Command(name, arguments):
                    self._command(name, arguments, depth)
                case Function(name):
                    self._mark(Mark.REPEATS)
                    self.functions.add(name)
                case Loop():
                    self._mark(Mark.REPEATS)
                case Target(word):
                    self._mark(Mark.CALLS)
                    self._mark(Mark.LOOSE, word.is_loose)
                case Assignment(name, value):
                    self._mark(Mark.LOOSE, value is None)
                    self._give(name, (value,))

    def _command(self, name: Word, arguments: Sequence[Word], depth: int) -> None:
        self._mark(Mark.LOOSE, name.is_loose or any(map(_IS_LOOSE, arguments)))
        # A function may have a slash in its name too.
        if not all(map(_IS_NO_COMMAND, arguments)):
            self.passes_commands.add(name.said or b"")
        if name.is_path:
            return
        if name.said is None:
            self._worked_out(name)
            return
        if name.said in SETTERS or name.said == b"emulate":
            letters = b"".join(_letters(arguments))
            self.marks.update(mark for letter, mark in _LETTERS.items() if letter in letters)
        self._mark(Mark.CALLS, name.said not in CALM and name.said not in RESERVED)
        self._mark(Mark.RECKONS, name.said in RECKONERS)
        if (name.said in DECLARERS or name.said in WRITERS) and _has_hidden_options(arguments):
            raise NotUnderstoodError
        match name.said:
            case b"." | b"source" as said:
                is_end = bool(arguments) and arguments[0].said == b"--"
                self.reads.append((_at(arguments, int(is_end)), said == b"source"))
                if len(self.reads) > _MOST:
                    raise NotUnderstoodError
            case b"eval":
                self._add(b" ".join(_all_said(arguments)), depth + 1)
            case b"emulate":
                self._emulate(arguments, depth)
            case b"alias":
                for word in arguments:
                    self._alias(_said(word), depth)
            case said if said in MOVERS:
                self._move_to(said, arguments)
            case said if said in BEYOND:
                raise NotUnderstoodError
            case b"enable" | b"disable":
                _all_said(arguments)
                if _with_option(arguments, b"r") is not None:
                    raise NotUnderstoodError
            case b"setopt" | b"unsetopt":
                _all_said(arguments)
                if _with_option(arguments, b"m") is not None:
                    raise NotUnderstoodError
            case b"set":
                self._set(arguments)
            case b"for" | b"foreach" | b"select":
                self._each(arguments)
            case b"function":
                self._function(arguments)
            case b"functions":
                if any(word.startswith(b"-") for word in _all_said(arguments)):
                    raise NotUnderstoodError
            case b"exec" if _with_option(arguments, b"a") is not None:
                raise NotUnderstoodError
            case said if said in DECLARERS:
                self._declare(arguments)
            case b"print" | b"printf":
                self._print(arguments)
            case b"getopts":
                self._give(_said(_at(arguments, 1)))
            case b"zmodload":
                if not MODULES.issuperset(map(_said, _operands(arguments))):
                    raise NotUnderstoodError
            case b"zstyle" if _with_option(arguments, b"e") is not None:
                raise NotUnderstoodError
            case said if said in WRITERS:
                for word in _operands(arguments):
                    self._give(_said(word).split(b"?")[0])

    def _worked_out(self, name: Word) -> None:
        """Note a command whose name is worked out while the code runs."""
        match name.parts:
            case (Value(variable),):
                self.called.append((variable, b""))
            case (Value(variable), Said(rest), *more) if not more or b"/" in rest:
                self.called.append((variable, rest))
            case (Other.ARGUMENT,):
                self._mark(Mark.RUNS_ARGUMENTS)
            case _:
                raise NotUnderstoodError
        if len(self.called) > _MOST:
            raise NotUnderstoodError

    def _give(self, name: bytes, values: Sequence[bytes | None] = (None,)) -> None:
        """Note a variable that is given one of these values, by default one that is not said."""
        self._mark(Mark.ODD, name == b"argv" or not name or name.isdigit())
        is_code = is_table(name) and name != b"argv"
        if is_code or (name in CODE and not all(map(is_no_code, values))):
            raise NotUnderstoodError
        self.given.append(Given(name, values))

    def _move_to(self, name: bytes, arguments: Sequence[Word]) -> None:
        match arguments:
            case () if not name.startswith(b"p"):
                self.moves.append(HOME)
            case (target,) if not target.beginning.startswith((b"-", b"+")):
                self.moves.append(target)
            case _:
                self._mark(Mark.LOST)
        self._mark(Mark.LOST, len(self.moves) > _MOST)

    def _emulate(self, arguments: Sequence[Word], depth: int) -> None:
        said = _all_said(arguments)
        shell = next((word for word in said if not word.startswith(b"-")), None)
        self._mark(Mark.ODD, shell != b"zsh")
        if b"-c" in said:
            self._add(_at(said, said.index(b"-c") + 1), depth + 1)
        # A letter that is given with others would have to be understood.
        if any(word.startswith((b"-", b"+")) and b"c" in word and word != b"-c" for word in said):
            raise NotUnderstoodError

    def _alias(self, said: bytes, depth: int) -> None:
        """Note an alias, which may stand for code, and takes the words behind it along."""
        name, gives, value = said.partition(b"=")
        if not gives:
            return
        self._mark(Mark.ODD)
        self._mark(Mark.REPEATS)
        inner = self._cut(value)
        names = {found.name.said for found in inner.found if isinstance(found, Command)}
        self._mark(Mark.LOST, not MOVERS.isdisjoint(names))
        takes_more = None in names or not SPECIAL.isdisjoint(names - MOVERS)
        # Where it stands for part of a list or condition, these would end that, or hide its end.
        ends_more = any(sign in b")]#" for sign in value)
        if name in SPECIAL or name in RESERVED or inner.is_open or takes_more or ends_more:
            raise NotUnderstoodError
        self._add(value, depth + 1)

    def _print(self, arguments: Sequence[Word]) -> None:
        """Note that what is printed may go to a variable, or be evaluated as a prompt is."""
        if _with_option(arguments, b"P") is not None:
            _all_said(arguments)
        for word, name in zip_longest(arguments, arguments[1:]):
            if word.beginning.startswith(b"-") and b"v" in word.beginning:
                self._give(b"" if name is None else _said(name))

    def _function(self, arguments: Sequence[Word]) -> None:
        self._mark(Mark.REPEATS)
        names = takewhile(lambda word: word.said != b"{", arguments)
        self.functions.update(map(_said, names))

    def _set(self, arguments: Sequence[Word]) -> None:
        if arguments and arguments[0].said in {b"-A", b"+A"}:
            self._give(_said(_at(arguments, 1)))
            return
        # Options come first; what is behind them becomes the shell's arguments.
        words = iter(arguments)
        for word in words:
            said = _said(word)
            if said.startswith((b"-", b"+")) and len(said) > 1 and said != b"--":
                if b"A" in said:
                    raise NotUnderstoodError
                option = next(words, None) if said.endswith(b"o") else None
                if option is not None:
                    _said(option)
                continue
            self._mark(Mark.ODD)
            if said == b"--":
                break

    def _each(self, arguments: Sequence[Word]) -> None:
        """Note the variables of a loop, and what they become."""
        self._mark(Mark.REPEATS)
        of = next((at for at, word in enumerate(arguments) if word.said == b"in"), None)
        values = [None] if of is None else [word.said for word in arguments[of + 1 :]]
        names = arguments[:of]
        if len(names) > _MOST:
            raise NotUnderstoodError
        for name in names:
            self._give(_said(name), values)

    def _declare(self, arguments: Sequence[Word]) -> None:
        """Note a declaration of variables, with values or without."""
        letters = frozenset(b"".join(_letters(arguments)))
        is_changed = not letters.isdisjoint(b"LRTZlnu")
        # A function's code would be looked for, or names be patterns.
        if (letters.issuperset(b"f") and not letters.isdisjoint(b"uU")) or not letters.isdisjoint(b"mT"):
            raise NotUnderstoodError
        for word in arguments:
            if word.beginning.startswith((b"-", b"+")):
                continue
            found = assignment(word.beginning)
            if found is None:
                self._give(_said(word), (None,) if is_changed else ())
                continue
            name, at = found
            self._give(name, (None if word.said is None or is_changed else word.said[at:],))


def may_run_arguments(every: Sequence[Facts], *, is_odd: bool) -> bool:
    """Tell whether any code may run as a command what it calls a function with, and that may run other code."""
    if not any(Mark.RUNS_ARGUMENTS in facts.marks for facts in every):
        return False
    functions = {name for facts in every for name in facts.functions}
    passed = {name for facts in every for name in facts.passes_commands}
    # That function gets whatever is no command, and a name that is worked out may be any function's.
    gets_all = bool(passed) and b"command_not_found_handler" in functions
    return is_odd or gets_all or b"" in passed or not passed.isdisjoint(functions)


def _said(word: Word) -> bytes:
    if word.said is None:
        raise NotUnderstoodError
    return word.said


def _all_said(words: Sequence[Word]) -> list[bytes]:
    said = [word.said for word in words if word.said is not None]
    if len(said) < len(words):
        raise NotUnderstoodError
    return said


def _operands(arguments: Sequence[Word]) -> list[Word]:
    return [word for word in arguments if not word.beginning.startswith(b"-")]


def _letters(arguments: Sequence[Word]) -> list[bytes]:
    return [word.beginning for word in arguments if word.beginning.startswith((b"-", b"+"))]


def _with_option(arguments: Sequence[Word], letter: bytes) -> int | None:
    """Return which argument gives the option of this letter."""
    beginnings = (word.beginning for word in arguments)
    found = (at for at, said in enumerate(beginnings) if said.startswith(b"-") and letter in said)
    return next(found, None)


def _at(words: Sequence[_T], at: int) -> _T:
    if at >= len(words):
        raise NotUnderstoodError
    return words[at]


def _has_hidden_options(arguments: Sequence[Word]) -> bool:
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
