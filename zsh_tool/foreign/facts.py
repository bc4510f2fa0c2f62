"""Tell what a piece of zsh code does that bears on which code its shell runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile, zip_longest
from operator import attrgetter
from typing import Final

from zsh_tool.foreign.arguments import (
    has_hidden_options,
    is_count,
    joined_names,
    operands_of,
    options_of,
    place_of_option,
    replaces_words,
    text_of,
    texts_of,
    word_at,
)
from zsh_tool.foreign.compiled import compiled_words
from zsh_tool.foreign.current import RESERVED
from zsh_tool.foreign.found import (
    Assignment,
    Command,
    Filled,
    Function,
    Loop,
    QuotedValue,
    Reckoned,
    Target,
)
from zsh_tool.foreign.lexer import Cut, cut
from zsh_tool.foreign.marks import LETTERS, Mark
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
    TAKES_NUMBERS,
    UNSEEN,
    UNSEEN_OPTIONS,
    WRITERS,
    is_no_code,
    is_table,
)
from zsh_tool.foreign.numbers import Given, Kind, Numbers
from zsh_tool.foreign.operands import Counted
from zsh_tool.foreign.words import HOME, Assigned, NotUnderstoodError, Other, Said, Value, Word, assignment

_DEEPEST: Final = 8
"""How often code may be evaluated by code."""
_MOST: Final = 32
"""Of more directories, files, variables or calls than these nothing is known."""
_IS_LOOSE: Final = attrgetter("is_loose")
_IS_NO_COMMAND: Final = attrgetter("is_no_command")


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
    numbers: Numbers = field(default_factory=Numbers)
    """What it takes for numbers."""
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
        facts.numbers.compiled(facts.plain)
        return facts

    @classmethod
    def _told_by(cls, plain: bytes) -> "Facts":
        """Return what the words in code tell, wherever they stand."""
        options = plain.lower().replace(b"_", b"")
        may_reckon = reckons(plain)
        is_unseen = any(word in plain for word in UNSEEN) or any(name in options for name in UNSEEN_OPTIONS)
        if is_unseen or (may_reckon and b"::=" in plain):
            raise NotUnderstoodError
        facts = cls(plain)
        facts._mark(Mark.RECKONS, may_reckon)
        has_words = b"ignorebraces" in options or b"ignoreclosebraces" in options
        facts._mark(Mark.PATH_DIRS, has_words or b"pathdirs" in options)
        facts._mark(Mark.ODD, has_words or b"shwordsplit" in options or b"globassign" in options)
        facts._mark(Mark.PATTERNS, b"globsubst" in options)
        facts._mark(Mark.QUALIFIERS, b"extendedglob" in options or b"bareglobqual" in options)
        facts._mark(Mark.EXPANDS, b"rcexpandparam" in options)
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
                case Assignment(assigned):
                    self._mark(Mark.LOOSE, assigned.value is None)
                    self._assign(assigned)
                case Filled(name):
                    self._give(name)
                case Reckoned(operand):
                    self.numbers.reckon(operand)

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
            self.marks.update(*(marks for letter, marks in LETTERS.items() if letter in letters))
        self._mark(Mark.CALLS, name.said not in CALM and name.said not in RESERVED)
        counts = name.said in COUNTERS and not all(map(is_count, arguments))
        self._mark(Mark.RECKONS, counts or name.said in RECKONERS)
        self.numbers.command(name.said, arguments)
        if (name.said in DECLARERS or name.said in WRITERS) and has_hidden_options(arguments):
            raise NotUnderstoodError
        for joined in joined_names(name.said, arguments):
            self._give(joined)
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
                self._mark(Mark.REPLACES, replaces_words(arguments))
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
                if any(b"m" in option for option in options_of(arguments)):
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
                self._declare(said, arguments)
            case b"print" | b"printf":
                self._print(arguments)
            case b"getopts" if text_of(word_at(arguments, 0)) == b"--":
                raise NotUnderstoodError  # The name would be the next word.
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

    def _assign(self, assigned: Assigned) -> None:
        kind = Kind.NUMBER if assigned.is_number else Kind.TEXT
        self._give(assigned.name, (assigned.value,), Kind.ANY if assigned.is_list else kind)

    def _give(self, name: bytes, values: Sequence[bytes | None] = (None,), kind: Kind = Kind.ANY) -> None:
        """Note a variable that is given one of these values, by default one that is not said."""
        self._mark(Mark.ODD, name == b"argv" or not name or name.isdigit())
        is_reckoned = name in NUMBERS and kind is not Kind.NUMBER
        self._mark(Mark.RECKONS, is_reckoned)
        self.numbers.has_data |= is_reckoned or b"[" in name
        is_code = is_table(name) and name != b"argv" and name not in CODE
        if is_code or (name in CODE and not all(map(is_no_code, values))):
            raise NotUnderstoodError
        self.given.append(Given(name, values, kind))

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
            self._mark(Mark.EVALUATES)
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
        takes_more = None in names or not (SPECIAL | TAKES_NUMBERS | RESERVED).isdisjoint(names - MOVERS)
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
        # A variable may be called so too.
        of = next((at for at, word in enumerate(arguments) if at and word.said == b"in"), None)
        words = [] if of is None else arguments[of + 1 :]
        values = [None] if of is None else [word.said for word in words]
        are_numbers = of is not None and all(word.operand is None for word in words)
        names = arguments[:of]
        if len(names) > _MOST:
            raise NotUnderstoodError
        for name in names:
            self._give(text_of(name), values, Kind.NUMBER if are_numbers else Kind.TEXT)

    def _declare(self, command: bytes, arguments: Sequence[Word]) -> None:
        """Note a declaration of variables, with values or without."""
        letters = frozenset(b"".join(options_of(arguments)))
        is_changed = not letters.isdisjoint(b"LRTZlnu")
        # A function's code would be looked for, or names be patterns.
        if (letters.issuperset(b"f") and not letters.isdisjoint(b"uU")) or not letters.isdisjoint(b"mT"):
            raise NotUnderstoodError
        reckons = not letters.isdisjoint(b"iEF")
        self._mark(Mark.RECKONS, reckons)
        are_lists = not letters.isdisjoint(b"aA")
        for word in arguments:
            if word.beginning.startswith((b"-", b"+")):
                continue
            found = assignment(word.beginning)
            name = text_of(word) if found is None else found[0]
            if reckons or command in {b"float", b"integer"}:
                self.numbers.reckon(Counted(name))
            if found is None:
                is_any = is_changed or are_lists
                self._give(name, (None,) if is_any else (), Kind.ANY if is_any else Kind.NUMBER)
                continue
            is_element = word.beginning.startswith(b"[", len(name))
            self.numbers.has_data |= is_element
            if is_changed or are_lists or is_element:
                kind = Kind.ANY
            elif word.assigns_number:
                kind = Kind.NUMBER
            else:
                kind = Kind.ANY if word.spreads else Kind.TEXT
            self._give(name, (None if word.said is None or is_changed else word.said[found[1] :],), kind)
