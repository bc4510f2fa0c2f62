"""Tell whether code besides what stands in a command's text may set traps in its shell.

A trap for EXIT that is a string may run a pipeline of its own after the last one of the text, and is out of the
hook's sight then. So such code is looked for beforehand: in the start-up files and in every file that these or the
text read, and those read in turn. Whatever runs code that is not there to be seen, or may do so as far as is
understood here, may hold anything. The files that the text may read are looked at once more when it has ended: it
may have made or changed them.

The executor has the same rule in ``sideband/foreign.rs``.
"""

import os
import pwd
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zsh_tool.foreign.facts import Facts
from zsh_tool.foreign.files import LONGEST, code_at, is_nothing, is_read, joined, real_place
from zsh_tool.foreign.marks import Mark
from zsh_tool.foreign.mentions import mentions
from zsh_tool.foreign.names import CODE, SPECIAL, TAKES_NUMBERS, is_no_code, is_shells_own
from zsh_tool.foreign.numbers import are_numbers
from zsh_tool.foreign.stamps import Stamps
from zsh_tool.foreign.words import NotUnderstoodError, Said, Value, Word

_MOST: Final = 32
"""Of more files than these, one is taken to set some; in more directories, a file may be anywhere."""
_MOST_PLACES: Final = 500
"""In more places, one is taken to be where a file is."""
_OPENERS: Final = frozenset(b"EGID EUID GID UID USERNAME limit ulimit unlimit".split())
"""What keeps a shell from opening files that this process can open."""
_PLAIN: Final = re.compile(rb"[A-Za-z0-9_\-./+,@%\x80-\xff]*")
"""A value that stays one word in any shell."""


def is_harmless(
    text: bytes, env: Mapping[bytes, bytes], cwd: Path, system: Sequence[bytes], stamps: Stamps
) -> bool:
    """Tell whether no code besides ``text`` sets traps in a shell that gets it with ``env`` in ``cwd``.

    ``system`` is the code of the system's own start-up files, which comes first. The files whose code the shell may run
    are put into ``stamps``: what is told holds as long as these do. This looks at files and may wait a moment.
    """
    start = _Start(env, os.fsencode(cwd), stamps)
    try:
        for code in system:
            start.add(code)
        own = start.own_files()
        for place in own:
            code, compiled = code_at(place)
            start.add(code)
            if compiled:
                start.pieces.append(Facts.of_compiled(compiled))
        files = start.follow(0, may_change=False)
        replaces = any(Mark.REPLACES in facts.marks for facts in start.pieces)
        if replaces or not start.is_understood():
            return False
        if any(Mark.CALLS in facts.marks for facts in start.pieces):
            for place in (*own, *files):
                stamps.add(place)
        # What a function reads is another file once the text has changed where it is looked for.
        reads_later = any(Mark.REPEATS in facts.marks for facts in start.pieces)
        first = 0 if reads_later else len(start.pieces)
        if not reads_later:
            start.used.clear()
        start.add(text)
        start.follow(first, may_change=True)
    except NotUnderstoodError:
        return False
    return start.is_understood()


@dataclass
class _Start:
    """What a shell starts with, and the code that it may run."""

    env: Mapping[bytes, bytes]
    cwd: bytes
    stamps: Stamps
    """What the files are like that matter until the shell ends."""
    pieces: list[Facts] = field(default_factory=list)
    """What the pieces of code do that it may run."""
    folders: list[bytes] = field(init=False)
    """The directories that it may be in, unless it may be in any."""
    is_lost: bool = False
    is_moved: bool = False
    """Whether it changes to one by a name that is not looked for in the working directory alone."""
    is_relative: bool = False
    """Whether it matters where it is."""
    used: set[bytes] = field(default_factory=set)
    """The variables whose values were taken from the environment."""
    room: int = LONGEST
    """How much more of files is searched, in bytes."""

    def __post_init__(self) -> None:
        # It keeps to ``PWD`` where that leads to the same directory, through whatever links.
        told = self.env.get(b"PWD", b"")
        leads_here = told.startswith(b"/") and told != self.cwd and real_place(told) == real_place(self.cwd)
        self.folders = [self.cwd, told] if leads_here else [self.cwd]

    def add(self, code: bytes) -> None:
        """Add a start-up file or the text."""
        facts = Facts.of(code)
        self.is_lost |= Mark.LOST in facts.marks
        for word in facts.moves:
            target = self._expanded(word)
            if target is None:
                self.is_lost = True
                break
            is_relative = not target.startswith(b"/")
            self.is_moved |= is_relative
            # A step that is made again leads elsewhere, and one up from behind a link to where that stands.
            self.is_lost |= (Mark.REPEATS in facts.marks and is_relative) or b".." in target.split(b"/")
            self.folders += [joined(folder, target) for folder in self.folders]
            if len(self.folders) > _MOST:
                self.is_lost = True
                break
        self.pieces.append(facts)

    def own_files(self) -> list[bytes]:
        """Return where the caller's own start-up file may be: the system's may say so too.

        NotUnderstoodError if only the shell can tell.
        """
        folder = self.env.get(b"ZDOTDIR", self.env.get(b"HOME"))
        folders = [_home_of_user() if folder is None else folder]
        for name in (b"ZDOTDIR", b"HOME"):
            given = [one for facts in self.pieces for one in facts.given if one.name == name]
            values = [value for one in given for value in one.values]
            if len(given) != self._mentions(name) or None in values:
                raise NotUnderstoodError
            folders += [value for value in values if value is not None]
        # What is empty is the root to zsh, which puts a slash behind it.
        return [joined(joined(self.cwd, folder or b"/"), b".zshenv") for folder in folders]

    def follow(self, first: int, *, may_change: bool) -> list[bytes]:
        """Add the files that the pieces from ``first`` on read, and those read in turn; return their places."""
        # As they are named: a slash or dot at the end is another compiled form.
        found: dict[bytes, None] = {}
        at = first
        while at < len(self.pieces):
            for word, is_source in self.pieces[at].reads:
                for place in self._places(word, is_source=is_source):
                    if place in found:
                        continue
                    found[place] = None
                    if is_nothing(place):
                        self.stamps.add_nothing(place)
                        continue
                    if len(found) > _MOST_PLACES:
                        raise NotUnderstoodError
                    if may_change:
                        self.stamps.add(place)
                    self._add_file(place)
            at += 1
        return [*found]

    def _add_file(self, place: bytes) -> None:
        code, compiled = code_at(place)
        self.room -= len(code) + len(compiled)
        if self.room < 0:
            raise NotUnderstoodError
        pieces = [Facts.of(code)] if code else []
        if compiled:
            pieces.append(Facts.of_compiled(compiled))
        for facts in pieces:
            # Such a file is given arguments by who reads it.
            if Mark.RUNS_ARGUMENTS in facts.marks or len(self.pieces) > _MOST:
                raise NotUnderstoodError
            self.is_lost |= Mark.LOST in facts.marks or bool(facts.moves)
            self.pieces.append(facts)

    def is_understood(self) -> bool:
        """Tell whether what was taken for granted about the pieces holds for all of them."""
        marks = set().union(*(facts.marks for facts in self.pieces))
        is_odd = Mark.ODD in marks
        has_patterns = Mark.PATTERNS in marks or (is_odd and Mark.QUALIFIERS in marks)
        has_moved = self.is_moved and (Mark.SEARCHES in marks or b"CDPATH" in self.env)
        reads = any(facts.reads for facts in self.pieces)
        is_doubtful = (
            ((self.is_lost or has_moved) and self.is_relative)
            or (Mark.QUOTES in marks and not marks.isdisjoint({Mark.TWO_QUOTES, Mark.EVALUATES}))
            or {Mark.RECKONS, Mark.QUOTED_VALUES} <= marks
            or not are_numbers(
                [facts.numbers for facts in self.pieces],
                [one for facts in self.pieces for one in facts.given],
                [facts.plain for facts in self.pieces],
                self.env,
            )
            or (is_odd and any(facts.numbers.tested for facts in self.pieces))
            or b"HISTCHARS" in self.env
            or (Mark.RECKONS in marks and bool(self.used))
            or (Mark.PATH_DIRS in marks and reads)
            or (Mark.REPLACES in marks and (reads or Mark.EVALUATES in marks))
            or ((has_patterns or Mark.EXPANDS in marks) and Mark.LOOSE in marks)
            or not all(is_no_code(self.env[name]) for name in CODE & self.env.keys())
            or _may_run_arguments(self.pieces, is_odd=is_odd)
        )
        called: dict[bytes, set[bytes]] = defaultdict(set)
        for facts in self.pieces:
            for variable, rest in facts.called:
                called[variable].add(rest)
        return (
            not is_doubtful
            and not (called and is_odd)
            and not any(map(self._mentions, self.used))
            and all(self._calls_no_other(variable, rests) for variable, rests in called.items())
        )

    def _calls_no_other(self, variable: bytes, rests: set[bytes]) -> bool:
        """Tell whether commands that are the value of a variable, and one of these, are none that run other code."""
        given = [one for facts in self.pieces for one in facts.given if one.name == variable]
        # A loop gives all its variables the same list.
        lists = {id(one.values): one.values for one in given}
        values = {value for one in lists.values() for value in one}
        if variable in self.env:
            values.add(self.env[variable])
        elif not given:
            return False
        if is_shells_own(variable) or None in values or len(given) != self._mentions(variable):
            return False
        values.add(b"")
        return all(_is_harmless(value + rest) for value in values if value is not None for rest in rests)

    def _mentions(self, variable: bytes) -> int:
        """Return how often the pieces name a variable but to use its value."""
        return sum(mentions(facts.plain, variable) for facts in self.pieces)

    def _places(self, word: Word, *, is_source: bool) -> list[bytes]:
        """Return where a file of this name may be. One without a slash is looked for in ``PATH`` too.

        NotUnderstoodError if only the shell can tell.
        """
        name = self._expanded(word)
        if name is None:
            raise NotUnderstoodError
        if name.startswith(b"/"):
            return [name]
        self.is_relative = True
        places = [joined(folder, name) for folder in self.folders]
        is_here = is_source and all(map(is_read, places))
        if is_here:
            # Where it cannot be opened after all, it is looked for in ``PATH``.
            self.used |= _OPENERS
        if b"/" not in name and not is_here:
            self.used.add(b"path")
            listed = self._taken(b"PATH")
            if listed is None:
                raise NotUnderstoodError
            for folder in listed.split(b":"):
                places += [joined(joined(at, folder), name) for at in self.folders]
        return places

    def _expanded(self, word: Word) -> bytes | None:
        """Return what a word says with the values of the environment, if that can be told and is something."""
        said = bytearray()
        for part in word.parts:
            match part:
                case Said(text):
                    said += text
                case Value(b"PWD") if not said:
                    self.used.add(b"PWD")
                    said += b"."
                case Value(name):
                    taken = self._taken(name)
                    if taken is None or (word.is_loose and not _PLAIN.fullmatch(taken)):
                        return None
                    said += taken
                case _:
                    return None
        return bytes(said) or None

    def _taken(self, name: bytes) -> bytes | None:
        """Return the value of a variable in the environment, which the code is taken to leave as it is."""
        self.used.add(name)
        is_plain = not name[:1].islower() and not is_shells_own(name)
        return self.env.get(name) if is_plain else None


def _home_of_user() -> bytes:
    try:
        return os.fsencode(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise NotUnderstoodError from error


def _is_harmless(name: bytes) -> bool:
    """Tell whether a command of this name, which was worked out, runs no other code."""
    is_other = not name or b"/" in name or (name not in SPECIAL and name not in TAKES_NUMBERS)
    return bool(_PLAIN.fullmatch(name)) and is_other and not name.startswith(b"-")


def _may_run_arguments(every: Sequence[Facts], *, is_odd: bool) -> bool:
    """Tell whether any code may run as a command what it calls a function with, and that may run other code."""
    if not any(Mark.RUNS_ARGUMENTS in facts.marks for facts in every):
        return False
    functions = {name for facts in every for name in facts.functions}
    passed = {name for facts in every for name in facts.passes_commands}
    # That function gets whatever is no command, and a name that is worked out may be any function's.
    gets_all = bool(passed) and b"command_not_found_handler" in functions
    return is_odd or gets_all or b"" in passed or not passed.isdisjoint(functions)
