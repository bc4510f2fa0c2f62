"""Hold a zsh command that is being read."""

from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Final

from zsh_tool.foreign.names import DECLARERS
from zsh_tool.foreign.words import Word

OPENERS: Final = frozenset(b"{ } ! do elif else if then time until while".split())
"""Words after which a command begins."""
ANYWHERE: Final = frozenset([b"{", b"}", b"do"])
"""Those that need not stand where a command begins themselves."""
RESERVED: Final = OPENERS.union(b"[[ case done end esac fi for foreach function select ]]".split())
"""Words that are no command's name, if they stand there as they are."""
_ASSIGNERS: Final = frozenset(b"declare export float integer local readonly typeset".split())
"""Reserved words that take assignments for arguments."""


@dataclass(frozen=True, slots=True)
class Document:
    """A here-document that comes behind the line: the line that ends it."""

    end: bytes
    is_quoted: bool
    strips_tabs: bool


@dataclass(slots=True)
class Current:
    """A command under way."""

    is_told: bool
    """Whether anybody wants to know of it."""
    words: list[Word] = field(default_factory=list)
    names: list[int] = field(default_factory=list)
    """Those of the words that may be the command's name."""
    begins: bool = True
    """Whether the next word may be the name."""
    surely: bool = True
    """Whether it is, for certain."""
    belongs: bool = False
    """Whether the next word belongs to what is before it: to where, or how often."""
    operands: int = 0
    """How many operands were found before the part of it that may have a process of its own."""
    documents: list[Document] = field(default_factory=list)

    @property
    def takes_lists(self) -> bool:
        """Whether the next word may be an assignment for certain.

        It is the first one then, or an argument of a reserved word that takes such.
        """
        name = self.words[0].bare if self.words else b""
        return (self.begins and self.surely) or (self.names == [0] and name in _ASSIGNERS)

    @property
    def is_simple(self) -> bool:
        """Whether what was read is one command, and no part of another.

        A process of its own runs it then where it is piped into the next.
        """
        bare = [word.bare for word in self.words]
        rest = [*dropwhile(lambda said: said in OPENERS and said != b"}", bare)]
        is_compound = bool(rest) and (rest[0] in RESERVED or rest[0] == b"repeat")
        return not is_compound and ANYWHERE.isdisjoint(rest)

    def takes_assignments(self, name: int) -> bool:
        """Tell whether each word behind this one is one assignment if that declares variables.

        A builtin, other than the reserved word of its name, takes whatever a value turns out to be.
        """
        word = self.words[name]
        if word.said not in DECLARERS:
            return True
        is_first = all(before.bare in OPENERS for before in self.words[:name])
        is_reserved = is_first and word.bare in _ASSIGNERS
        behind = self.words[name + 1 :]
        return is_reserved or not any(
            word.said is None and (word.is_loose or word.spreads) for word in behind
        )

    def restart(self) -> None:
        """Begin the next command."""
        self.words, self.names = [], []
        self.begins, self.surely, self.belongs = True, True, False
