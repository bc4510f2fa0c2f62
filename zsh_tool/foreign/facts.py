"""Tell what a piece of zsh code does that bears on which code its shell runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile, zip_longest
from operator import attrgetter
from typing import Final

from zsh_tool.foreign.arguments import (
    has_hidden_options,
    is_count,
    is_digits,
    operands_of,
    options_of,
    place_of_option,
    text_of,
    texts_of,
    word_at,
)
from zsh_tool.foreign.compiled import compiled_words
from zsh_tool.foreign.lexer import (
    RESERVED,
    Assignment,
    Command,
    Cut,
    Function,
    Loop,
    QuotedValue,
    Target,
    cut,
)
from zsh_tool.foreign.marks import Mark
from zsh_tool.foreign.mentions import behind_comments, has_process, reckons, unquoted
from zsh_tool.foreign.names import (
    BEYOND,
    CALM,
    CODE,
    COUNTERS,
    DECLARERS,
    MODULES,
    MOVERS,
    NUMBERS,
    RECKONERS,
    SETTERS,
    SPECIAL,
    WRITERS,
    is_no_code,
    is_table,
)
from zsh_tool.foreign.words import HOME, NotUnderstoodError, Other, Said, Value, Word, assignment

_DEEPEST: Final = 8
"""How often code may be evaluated by code."""
_MOST: Final = 32
"""Of more directories, files, variables or calls than these nothing is known."""
_IS_LOOSE: Final = attrgetter("is_loose")
_IS_NO_COMMAND: Final = attrgetter("is_no_command")


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
        code = behind_comments(code)
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
        facts._mark(Mark.RECKONS)
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
            or any(
                name in options
                for name in (b"promptvars", b"histchars", b"magicequalsubst", b"zshdirectoryname")
            )
            or (may_reckon and b"::=" in plain)
        ):
            raise NotUnderstoodError
        facts = cls(plain)
        facts._mark(Mark.RECKONS, may_reckon)
        has_words = b"ignorebraces" in options or b"ignoreclosebraces" in options
        facts._mark(Mark.PATH_DIRS, has_words or b"pathdirs" in options)
        facts._mark(Mark.ODD, has_words or b"shwordsplit" in options)
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
                    self._define(name)
                case QuotedValue():
                    self._mark(Mark.QUOTED_VALUES)
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
            letters = b"".join(options_of(arguments))
            self.marks.update(mark for letter, mark in _LETTERS.items() if letter in letters)
        self._mark(Mark.CALLS, name.said not in CALM and name.said not in RESERVED)
        counts = name.said in COUNTERS and not all(map(is_count, arguments))
        self._mark(Mark.RECKONS, counts or name.said in RECKONERS)
        if (name.said in DECLARERS or name.said in WRITERS) and has_hidden_options(arguments):
            raise NotUnderstoodError
        match name.said:
            case b"." | b"source" as said:
                is_end = bool(arguments) and arguments[0].said == b"--"
                self.reads.append((word_at(arguments, int(is_end)), said == b"source"))
                if len(self.reads) > _MOST:
                    raise NotUnderstoodError
            case b"eval":
                self._mark(Mark.EVALUATES)
                self._add(b" ".join(texts_of(arguments)), depth + 1)
            case b"emulate":
                self._emulate(arguments, depth)
            case b"alias":
                for word in arguments:
                    self._alias(text_of(word), depth)
            case said if said in MOVERS:
                self._move_to(said, arguments)
            case said if said in BEYOND:
                raise NotUnderstoodError
            case b"enable" | b"disable":
                texts_of(arguments)
                if any(place_of_option(arguments, letter) is not None for letter in (b"r", b"p")):
                    raise NotUnderstoodError
            case b"setopt" | b"unsetopt":
                texts_of(arguments)
                if place_of_option(arguments, b"m") is not None:
                    raise NotUnderstoodError
            case b"set":
                self._set(arguments)
            case b"for" | b"foreach" | b"select":
                self._each(arguments)
            case b"function":
                self._function(arguments)
            case b"functions":
                if any(word.startswith(b"-") for word in texts_of(arguments)):
                    raise NotUnderstoodError
            case b"exec" if place_of_option(arguments, b"a") is not None:
                raise NotUnderstoodError
            case said if said in DECLARERS:
                self._declare(arguments)
            case b"print" | b"printf":
                self._print(arguments)
            case b"getopts":
                self._give(text_of(word_at(arguments, 1)))
            case b"zmodload":
                if not MODULES.issuperset(map(text_of, operands_of(arguments))):
                    raise NotUnderstoodError
            case b"zstyle" if place_of_option(arguments, b"e") is not None:
                raise NotUnderstoodError
            case said if said in WRITERS:
                for word in operands_of(arguments):
                    self._give(text_of(word).split(b"?")[0])

    def _define(self, function: bytes) -> None:
        """Note a function. One without a name is called with what is behind it."""
        self._mark(Mark.REPEATS)
        self._mark(Mark.CALLS)
        if not function:
            self.passes_commands.add(b"")
        elif function in SPECIAL:
            raise NotUnderstoodError
        self.functions.add(function)

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
        is_reckoned = name in NUMBERS and not all(value is not None and is_digits(value) for value in values)
        self._mark(Mark.RECKONS, is_reckoned)
        is_code = is_table(name) and name != b"argv" and name not in CODE
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
        said = texts_of(arguments)
        shell = next((word for word in said if not word.startswith(b"-")), None)
        self._mark(Mark.ODD, shell != b"zsh")
        if b"-c" in said:
            self._add(word_at(said, said.index(b"-c") + 1), depth + 1)
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
        is_prompt = place_of_option(arguments, b"P") is not None
        if is_prompt and any(b"$" in said or b"`" in said for said in texts_of(arguments)):
            raise NotUnderstoodError
        for word, name in zip_longest(arguments, arguments[1:]):
            if word.beginning.startswith(b"-") and b"v" in word.beginning:
                self._give(b"" if name is None else text_of(name))

    def _function(self, arguments: Sequence[Word]) -> None:
        names = [*map(text_of, takewhile(lambda word: word.said != b"{", arguments))]
        if b"" in names:
            raise NotUnderstoodError
        for name in names or [b""]:
            self._define(name)

    def _set(self, arguments: Sequence[Word]) -> None:
        if arguments and arguments[0].said in {b"-A", b"+A"}:
            self._give(text_of(word_at(arguments, 1)))
            return
        # Options come first; what is behind them becomes the shell's arguments.
        words = iter(arguments)
        for word in words:
            said = text_of(word)
            if said.startswith((b"-", b"+")) and len(said) > 1 and said != b"--":
                if b"A" in said:
                    raise NotUnderstoodError
                option = next(words, None) if said.endswith(b"o") else None
                if option is not None:
                    text_of(option)
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
            self._give(text_of(name), values)

    def _declare(self, arguments: Sequence[Word]) -> None:
        """Note a declaration of variables, with values or without."""
        letters = frozenset(b"".join(options_of(arguments)))
        is_changed = not letters.isdisjoint(b"LRTZlnu")
        # A function's code would be looked for, or names be patterns.
        if (letters.issuperset(b"f") and not letters.isdisjoint(b"uU")) or not letters.isdisjoint(b"mT"):
            raise NotUnderstoodError
        self._mark(Mark.RECKONS, not letters.isdisjoint(b"iEF"))
        for word in arguments:
            if word.beginning.startswith((b"-", b"+")):
                continue
            found = assignment(word.beginning)
            if found is None:
                self._give(text_of(word), (None,) if is_changed else ())
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
