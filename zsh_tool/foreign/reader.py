"""Go through zsh code byte by byte."""

import re
from typing import Final

from zsh_tool.foreign.words import NotUnderstoodError

DEEPEST: Final = 50
"""How deep groups and substitutions may be nested."""


class Reader:
    """Where in a piece of code the reading is."""

    def __init__(self, code: bytes) -> None:
        self.code = code
        self.at = 0
        self.in_condition = False
        """Whether patterns are for texts here, and not for the names of files."""
        self.allows_comments = True
        """Whether ``#`` begins a comment here: in parentheses that may be those of a pattern it does not."""
        self.has_quoted_values = False
        """Whether text has been quoted that would be a value if it were not."""
        self.cases = 0
        """How many ``case`` there were."""
        self.lists = 0
        """In how many lists of words this is."""
        self.depth = 0
        self._groups = len(code)
        """How many more groups may be read: some are read twice, and those in them four times."""

    def peek(self) -> bytes:
        """Return the next byte, empty at the end."""
        return self.code[self.at : self.at + 1]

    def takes(self, what: bytes) -> bool:
        """Go behind this if it comes next, and tell whether it did."""
        found = self.code.startswith(what, self.at)
        if found:
            self.at += len(what)
        return found

    def some(self) -> bytes:
        """Return the next byte, which must be there."""
        byte = self.peek()
        if not byte:
            raise NotUnderstoodError
        return byte

    def takes_run(self, run: re.Pattern[bytes]) -> bool:
        """Go behind a run of such bytes if one comes next, and tell whether it did."""
        found = run.match(self.code, self.at)
        if found is not None:
            self.at = found.end()
        return found is not None

    def takes_whole(self, whole: re.Pattern[bytes]) -> None:
        """Go behind what must come next. NotUnderstoodError if something else does."""
        if not self.takes_run(whole):
            raise NotUnderstoodError

    def takes_single_quotes(self) -> None:
        """Go behind the quoted text here. NotUnderstoodError if it has no end."""
        self.at = self.code.find(b"'", self.at + 1) + 1
        if not self.at:
            raise NotUnderstoodError

    def enter(self) -> None:
        """Go one level deeper."""
        is_more = self._groups == 0
        self._groups = max(self._groups - 1, 0)
        if is_more or self.depth == DEEPEST:
            raise NotUnderstoodError
        self.depth += 1

    def leave(self) -> None:
        """Go back to the level around."""
        self.depth -= 1
