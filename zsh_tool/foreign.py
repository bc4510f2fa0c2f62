"""Tell whether code besides what stands in a command's text may set traps in its shell.

A trap for EXIT that is a string may run a pipeline of its own after the last one of the text, and is out of the
hook's sight then. So such code is looked for beforehand: in the user's own ``.zshenv`` and in every file that this
or the text reads, and those read in turn. What the text, or a file that it reads, reads or evaluates without showing
it may hold anything; a start-up file that does so is trusted, or its user would never be told a code. Where code may
be read in a way that is not understood here, every file named is searched too, though most are data and not followed.
Files are looked at once more when the text has ended: it may have made or changed them.

Code is cut without heeding quotes: too much is found rather than too little.

The executor has the same rule in ``sideband/foreign.rs``.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

_CODE_MAX: Final = 1 << 20
"""Bytes. A longer file is not searched, and taken to set some."""
_MOST: Final = 32
"""Of more files than these, one is taken to set some; in more folders, a file may be anywhere."""
_NAMES_MAX: Final = 1000
"""Of more names than these, one may be that of any file."""
_WORDS: Final = 8
"""How many words of a command are looked at: what is read comes first, or behind a few options."""
_SEPARATORS: Final = re.compile(rb"[\n;&|()`]")
"""What ends a command, wherever it stands."""
_BLANKS: Final = re.compile(rb"[ \t]+")
_WORD_BORDERS: Final = re.compile(rb"[\n;&|()` \t]+")
_OPENERS: Final = frozenset([b"{", b"]]", b"do", b"elif", b"else", b"if", b"then", b"until", b"while"])
"""Words after which a command begins, wherever they stand."""
_PREFIXES: Final = frozenset(b"! } builtin command coproc eval exec nocorrect noglob repeat time".split())
"""Words that leave it to the next one to be the command."""
_REDIRECTS: Final = (b"<", b">", b">!", b"<<-")
"""How a word ends whose next one says to where."""
_READS: Final = frozenset([b".", b"source"])
"""Commands that read the file that comes next."""
_READERS: Final = frozenset([b".", b"source", b"eval", b"emulate", b"builtin", b"command"])
"""Values that make a command of a variable whose text reads or evaluates more code, or leave that to the next word."""
_GIVEN: Final = re.compile(rb"[=-]([^=-]*?)\}?\Z")
"""A value in a word that assigns it, or gives it where there is none."""
_ASSIGNS_OR_REDIRECTS: Final = re.compile(rb"[=<>]")
_TABLES: Final = (b"functions[", b"aliases[")
"""Where an assignment defines a command."""
_NAME_BORDERS: Final = re.compile(rb"['\":=,]")
"""What stands between the names in a word."""
_MAGIC: Final = re.compile(rb"[$`*?\[\]{}<>~]")
"""What in a name stands for something else."""
_VARIABLE: Final = re.compile(rb"\$(?:\{([^}]*)\}|([A-Za-z0-9_]*))")
_OWN_FILES: Final = (".zshenv", ".zshenv.zwc")


def harmless_files(text: bytes, env: Mapping[bytes, bytes], cwd: Path) -> list[Path] | None:
    """Return the files whose code ``text`` may have a shell run that gets it with ``env`` in ``cwd``.

    Some of them are perhaps not there yet. None if code besides the text sets traps, or may do so as far as anybody
    can tell.
    """
    own = _own_files(env, cwd)
    if any(map(_sets_traps, own)):
        return None
    start = _Start(env, cwd, (*own, text))
    read = start.read_by(text)
    if read.unseen:
        return None
    # Those of the start-up file are read before the text can change anything, so they are not looked at again.
    if any(start.harmless(start.read_by(code), trusted=True) is None for code in own):
        return None
    return start.harmless(read)


def still_harmless(files: Iterable[Path]) -> bool:
    """Tell whether none of these files sets traps as they are now: the text may have changed them."""
    found = map(_code_at, files)
    return all(code is not None and not _sets_traps(code) for code in found)


def _own_files(env: Mapping[bytes, bytes], cwd: Path) -> list[bytes]:
    folder = env.get(b"ZDOTDIR", env.get(b"HOME"))
    if folder is None:
        return []
    found = (_code_at(cwd / os.fsdecode(folder) / name) for name in _OWN_FILES)
    return [code for code in found if code is not None]


def _sets_traps(code: bytes) -> bool:
    return len(code) > _CODE_MAX or b"trap" in code


def _code_at(place: Path) -> bytes | None:
    """Return the code that a shell would find there, which is nothing where no file is.

    None if it is for the shell alone to read, as from a pipe.
    """
    if place.is_relative_to("/dev") or place.is_relative_to("/proc"):
        return b"" if place == Path(os.devnull) else None
    # What the system finds too long or does not let us see is no file to zsh either.
    with suppress(OSError, ValueError):
        mode = place.stat().st_mode
        if stat.S_ISREG(mode):
            with place.open("rb") as file:
                return file.read(_CODE_MAX + 1)
        if not stat.S_ISDIR(mode):
            return None
    return b""


@dataclass
class _ReadBy:
    """What a piece of code reads as code: where it may be, and whether there is more than can be seen."""

    files: list[Path] = field(default_factory=list)
    named: list[Path] = field(default_factory=list)
    """Files that are there and may be read in a way that is not understood."""
    unseen: bool = False


@dataclass(frozen=True)
class _Start:
    """What a shell starts with: with which values, where, and the code that may give them others."""

    env: Mapping[bytes, bytes]
    cwd: Path
    code: Sequence[bytes]

    def harmless(self, read: _ReadBy, *, trusted: bool = False) -> list[Path] | None:
        """Return these files and those read in turn, if none sets traps, nor may do so unless it is trusted."""
        found: set[Path] = set()
        searched = 0
        while read.files:
            place = read.files.pop()
            if place in found:
                continue
            code = _code_at(place)
            found.add(place)
            searched += bool(code)
            if code is None or searched > _MOST or _sets_traps(code):
                return None
            inner = self.read_by(code)
            if inner.unseen and not trusted:
                return None
            read.files += inner.files
            read.named += inner.named
        if len(read.named) > _MOST or not still_harmless(read.named):
            return None
        return [*found.union(read.named)]

    def read_by(self, code: bytes) -> _ReadBy:
        read = _ReadBy(unseen=any(table in code for table in _TABLES))
        folders = [self.cwd]
        looked_up = 0
        odd = False
        for word, *arguments in _commands(code):
            name = _bare(word)
            match name:
                case b"." | b"source":
                    looked_up += 1
                    operand = next((one for one in arguments if one != b"--"), None)
                    places = None if operand is None else self._places(operand, folders, in_path=True)
                    if places is None:
                        read.unseen = True
                    else:
                        read.files += places
                case b"cd" | b"chdir" | b"pushd":
                    target = next((word for word in arguments if not word.startswith(b"-")), b"~")
                    moved = self._places(target, folders, in_path=False)
                    # Once lost, lost for good: this one may move a subshell alone.
                    folders = folders + moved if moved and folders else []
                case b"eval":
                    read.unseen |= _is_made_up(code)
                case b"emulate":
                    runs = any(word.startswith(b"-") and b"c" in word for word in arguments)
                    reads = any(_bare(word) in _READS for word in arguments)
                    read.unseen |= runs and (reads or _is_made_up(code))
                case b"alias":
                    read.unseen |= self._gives_reader
                case _ if b"$'" in word:
                    read.unseen = True
                case _ if name.startswith(b"$"):
                    looked_up += 1
                    value = self._expanded(name)
                    # What is worked out while the text runs is trusted with what is too.
                    odd |= value is None
                    read.unseen |= self._gives_reader if value is None else value in _READERS
            if len(folders) > _MOST:
                folders = []
            if looked_up > _MOST:
                read.unseen = True
                break
        if odd or not _READS.isdisjoint(_names(code)):
            self._add_named(code, folders, read)
        return read

    def _add_named(self, code: bytes, folders: Sequence[Path], read: _ReadBy) -> None:
        """Add all files that the code may name."""
        named = set(_names(code))
        if len(named) > _NAMES_MAX:
            read.unseen = True
            return
        for name in named:
            places = self._places(name, folders, in_path=False) or ()
            read.named += filter(os.path.isfile, places)

    def _places(self, word: bytes, folders: Sequence[Path], *, in_path: bool) -> list[Path] | None:
        """Return where ``word`` may be, None if only the shell can tell. A name without a slash may be in ``PATH``."""
        name = self._expanded(word)
        if name is None or (not folders and not name.startswith(b"/")):
            return None
        plain = os.fsdecode(name)
        if name.startswith(b"/"):
            return [Path(plain)]
        listed = self.env.get(b"PATH", b"").split(b":") if in_path and b"/" not in name else []
        return [folder / plain for folder in (*folders, *(self.cwd / os.fsdecode(entry) for entry in listed))]

    def _expanded(self, word: bytes) -> bytes | None:
        name = _bare(word)
        if word.count(b"'") % 2 or word.count(b'"') % 2 or name.startswith(b"="):
            return None
        begun = self._beginning(name)
        if begun is None:
            return None
        start, rest = begun
        return None if _MAGIC.search(rest) else (start + rest) or None

    def _beginning(self, name: bytes) -> tuple[bytes, bytes] | None:
        """Return the value that a name begins with, and the rest of it."""
        if name == b"~" or name.startswith(b"~/"):
            variable, rest = b"HOME", name[1:]
        elif found := _VARIABLE.match(name):
            variable, rest = found[1] if found[2] is None else found[2], name[found.end() :]
        else:
            return b"", name
        value = b"." if variable == b"PWD" else self._steady(variable)
        return None if value is None else (value, rest)

    @cached_property
    def _gives_reader(self) -> bool:
        """Whether a word of the code assigns, or gives for want of a value, the name of a command that reads code."""
        words = (_bare(word) for code in self.code for word in _WORD_BORDERS.split(code))
        given = (_GIVEN.search(word) for word in words)
        return any(found is not None and found[1] in _READERS for found in given)

    def _steady(self, variable: bytes) -> bytes | None:
        """Return the value of a variable that no code names but to use it."""
        named = re.compile(rb"(?<!\$)(?<!\$\{)" + re.escape(variable))
        return None if any(map(named.search, self.code)) else self.env.get(variable)


def _commands(code: bytes) -> Iterator[list[bytes]]:
    """Yield the commands in a piece of code, as far as they can be told without heeding quotes: name and arguments."""
    for part in _SEPARATORS.split(code):
        words = [word for word in _BLANKS.split(part) if word]
        begins, belongs = True, False
        for at, word in enumerate(words):
            if belongs:
                belongs = False
                continue
            name = _bare(word) if begins else word
            leads = name in _OPENERS or (begins and _leads_on(name))
            if begins and (not leads or name == b"eval"):
                yield words[at : at + _WORDS]
            belongs = begins and (name == b"repeat" or name.endswith(_REDIRECTS))
            begins = leads


def _leads_on(word: bytes) -> bool:
    """Tell whether a word leaves it to the next to be the command: prefix, option, assignment, redirection."""
    return (
        word in _PREFIXES
        or not word.strip(b"0123456789")
        or word.startswith(b"-")
        or (not word.startswith(b"$") and _ASSIGNS_OR_REDIRECTS.search(word) is not None)
    )


def _names(code: bytes) -> Iterator[bytes]:
    """Yield what may name something: words without their quotes, and what is between quotes and signs in them."""
    for word in _WORD_BORDERS.split(code):
        yield _bare(word)
        yield from _NAME_BORDERS.split(word)


def _bare(word: bytes) -> bytes:
    """Return a word without its quotes."""
    return word.translate(None, b"'\"\\")


def _is_made_up(code: bytes) -> bool:
    """Tell whether what a piece of code evaluates may be more than it shows."""
    return b"$" in code or b"`" in code
