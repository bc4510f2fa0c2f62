"""Reads a command's text as far as insights need it: which program's exit code is it? Pure."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from zsh_tool.insights.outline import outline
from zsh_tool.normalize import parse_pipeline

# Nothing here can backtrack, and words are joined once: a command may have megabytes.
_PIECE: Final = re.compile(
    r"""(?P<gap>[ \t\r\n]++)|\\(?P<escaped>[\s\S])|'(?P<single>[^']*+)'|"(?P<double>(?:[^"\\]++|\\[\s\S])*+)\""""
    r"""|(?P<plain>[^ \t\r\n\\'"]++)|(?P<open>[\s\S])"""
)
_ESCAPED_IN_DOUBLE: Final = re.compile(r'\\(["\\])')
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_SEPARATOR: Final = re.compile(
    r"""[^\\'";&|\n]++|\\[\s\S]?|'[^']*'?|"(?:[^"\\]+|\\[\s\S])*"?|(?P<operator>&&|\|\||;|\n|(?<![|<>])&(?!>))"""
)

# Words that run another command and pass its exit code on, with the options of theirs that take a value:
# sudo(8), env(1), nice(1), time(1), zshmisc(1) "precommand modifiers", stdbuf(1), ionice(1), doas(1).
_PREFIXES: Final[dict[str, str]] = {
    "sudo": "CDghpRrTtUu",
    "doas": "Cu",
    "env": "uCS",
    "nice": "n",
    "ionice": "cnpt",
    "time": "fo",
    "stdbuf": "ioe",
    "command": "",
    "builtin": "",
    "exec": "a",
    "nohup": "",
    "noglob": "",
    "nocorrect": "",
    "setsid": "",
    "busybox": "",
    "-": "",
}
_ASKS_ONLY: Final = re.compile(r"-[pvV]*[vV][pvV]*")
"""The options with which ``command`` runs nothing and says what would run."""
_COMPOUND_LIST: Final = "for while until if case repeat select function done fi esac end { } ( )"
_COMPOUND: Final = frozenset(_COMPOUND_LIST.split())


@dataclass(frozen=True)
class Program:
    """The program that a simple command runs, and its words after it."""

    name: str
    args: tuple[str, ...]

    @property
    def subcommand(self) -> str:
        """The first argument that is not an option, as in ``git push``; empty without one."""
        return next((word for word in self.args if not word.startswith("-")), "")


def program(simple: str) -> Program | None:
    """Find the program of one simple command behind assignments and prefixes such as sudo and env."""
    words = split_words(simple)
    position = 0
    while position < len(words):
        word = words[position]
        if _ASSIGNMENT.match(word):
            position += 1
        elif word.startswith("(("):
            return Program("((", ())
        elif word == "command" and any(_ASKS_ONLY.fullmatch(option) for option in words[position + 1 :][:2]):
            return Program("command -v", tuple(words[position + 1 :]))
        elif word in _PREFIXES:
            position = after_options(words, position + 1, _PREFIXES[word])
        elif word in _COMPOUND or word.startswith("("):
            return None
        else:
            return Program(PurePosixPath(word).name or word, tuple(words[position + 1 :]))
    return None


def deciding(command: str) -> list[Program | None]:
    """Return the programs that may have given the whole command's exit code, the last one first.

    After ``a && b`` either may have; after ``;`` and ``||`` only what follows. Of a pipeline it is the last
    segment. None stands for something that is no simple command.
    """
    parts = _parts(outline(command))
    found: list[Program | None] = []
    for operator, text in reversed(parts):
        segments = parse_pipeline(text)
        # The second half of `|&` stands before its segment.
        found.append(program(segments[-1].removeprefix("&")) if segments else None)
        if operator != "&&":
            break
    return found


def split_words(text: str) -> list[str]:
    """Split at unquoted whitespace and remove the quotes; a text with open quotes is split at whitespace."""
    words: list[str] = []
    word: list[str] = []
    for found in _PIECE.finditer(text):
        piece = found[found.lastgroup or 0]
        match found.lastgroup:
            case "open":
                return text.split()
            case "gap":
                words += ["".join(word)] if word else []
                word = []
            case "double":
                word.append(_ESCAPED_IN_DOUBLE.sub(r"\1", piece))
            case _:
                word.append(piece)
    return words + (["".join(word)] if word else [])


def _parts(command: str) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    operator, begin = "", 0
    for found in _SEPARATOR.finditer(command):
        if found["operator"]:
            text = command[begin : found.start()].strip()
            # A line that ends with an operator goes on in the next one.
            if found["operator"] == "\n" and (not text or text.endswith(("|", "|&"))):
                continue
            parts.append((operator, text))
            operator, begin = found["operator"], found.end()
    parts.append((operator, command[begin:].strip()))
    while len(parts) > 1 and not parts[-1][1] and parts[-1][0] in (";", "\n"):
        parts.pop()
    return parts


def after_options(words: list[str], position: int, with_value: str) -> int:
    """Return the place of the first word that is neither an option nor the value of one."""
    while position < len(words) and words[position].startswith("-") and words[position] != "-":
        word = words[position]
        position += 1
        if word == "--":
            break
        if not word.startswith("--") and word[-1] in with_value and len(word) == 2:
            position += 1
    return position
