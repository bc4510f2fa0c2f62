"""Outline: a command's text without what only looks like commands. Pure; its time grows with the length only.

A separator within a substitution, a condition, a here-document or a comment separates nothing, so whoever
looks for the last program of a command must not see it.
"""

import re
from typing import Final

# A quoted text stays as it is: it may be a command line for another shell. Nothing here can backtrack.
_TOKEN: Final = re.compile(
    r"""\\[\s\S]?|\$'(?:[^'\\]++|\\[\s\S])*+'?|'[^']*+'?|`(?:[^`\\]++|\\[\s\S])*+`?"""
    r"""|\$\(|\$\{|[<>=]\(|(?<![^\s;|&(!])\(\(|(?<![^\s;|&(!])\[\[(?=\s)|(?<=\s)\]\]|[(){}"\n]"""
    r"""|<<<|<<(?P<tabs>-?)[ \t]*+(?P<mark>\\?[\w.+-]+|'[^'\n]*'|"[^"\n]*")"""
    r"""|(?<![^\s;|&()])\#[^\n]*+"""
)
_FIRST: Final = re.compile(r"""[\\$'`<>=()\[\]{}"\n#]""")
"""The first characters of tokens. What lies between is passed at once: no other thread runs during one search."""
_IN_DOUBLE_QUOTES: Final = re.compile(r"""\\[\s\S]?|`(?:[^`\\]++|\\[\s\S])*+`?|\$\(|\$\{|\"""")

_HIDDEN: Final = {"$(": (")",), "${": ("}",), "<(": (")",), ">(": (")",), "=(": (")",)} | {
    "((": (")", ")"),
    "[[": ("]]",),
}
"""What hides its inside, with what closes it, the last first."""
_BALANCED: Final = {"(": ")", "{": "}"}
_STARTS_A_COMMAND: Final = frozenset(" \t\n;|&(!")


def outline(command: str) -> str:
    """Return the text without the insides of substitutions and conditions, here-documents, and comments."""
    return _Outline(command).text()


class _Outline:
    def __init__(self, command: str) -> None:
        self._command = command
        self._kept: list[str] = []
        self._closers: list[str] = []
        self._hiding = 0
        """How many of what is open hide their inside."""
        self._bodies: list[re.Pattern[str]] = []
        """The last lines of here-documents that begin after this line."""

    def text(self) -> str:
        place = 0
        while found := self._next(place):
            self._keep(self._command[place : found.start()])
            place = found.end()
            self._meet(found)
            if found[0] == "\n":
                place = self._after_bodies(place)
        self._keep(self._command[place:])
        return "".join(self._kept)

    def _next(self, place: int) -> re.Match[str] | None:
        tokens = self._tokens()
        while first := _FIRST.search(self._command, place):
            if found := tokens.match(self._command, first.start()):
                return found
            place = first.end()
        return None

    def _tokens(self) -> re.Pattern[str]:
        return _IN_DOUBLE_QUOTES if self._closers[-1:] == ['"'] else _TOKEN

    def _meet(self, found: re.Match[str]) -> None:
        token = found[0]
        if self._closers and token == self._closers[-1]:
            self._closers.pop()
            self._hiding -= token != '"' and self._hiding > 0
            self._keep(token)
        elif token == '"':
            self._keep(token)
            self._closers.append(token)
        elif token in _HIDDEN or (token in _BALANCED and self._hides(found.start())):
            # A condition's closing word has to remain a word.
            self._keep(token + " " if token == "[[" else token)
            closers = _HIDDEN.get(token) or (_BALANCED[token],)
            self._closers += closers
            self._hiding += len(closers)
        elif self._closers[-1:] != ['"'] and found["mark"]:
            self._bodies.append(_last_line(found["mark"], found["tabs"]))
        elif token.startswith("`"):
            self._keep("``")
        elif token != "\\\n" and not token.startswith("#"):
            self._keep(token)

    def _hides(self, place: int) -> bool:
        """Tell whether a bracket is no group of commands: it is part of a word, or within what is hidden."""
        before = self._command[place - 1 : place]
        return self._hiding > 0 or (before != "" and before not in _STARTS_A_COMMAND)

    def _keep(self, text: str) -> None:
        if not self._hiding:
            self._kept.append(text)

    def _after_bodies(self, place: int) -> int:
        for last_line in self._bodies:
            found = last_line.search(self._command, place)
            place = found.end() if found else len(self._command)
        self._bodies = []
        return place


def _last_line(mark: str, tabs: str) -> re.Pattern[str]:
    text = mark.removeprefix("\\").strip("'\"")
    indent = "\t*" if tabs else ""
    return re.compile(rf"^{indent}{re.escape(text)}$", re.MULTILINE)
