"""Reads a command's text as far as insights need it: which program's exit code is it? Pure."""

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import takewhile
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

_MAY_SEPARATE: Final = re.compile(r"[;&\n]|\|\|")

# Words that run another command and pass its exit code on, with the options of theirs that take a value:
# sudo(8), env(1), nice(1), time(1), zshmisc(1) "precommand modifiers", stdbuf(1), ionice(1), doas(1).
_PREFIX_OPTIONS: Final[dict[str, str]] = {
    "sudo": "-C -D -g -h -p -R -r -T -t -U -u --close-from --chdir --group --host --prompt --chroot --role"
    " --command-timeout --type --other-user --user",
    "doas": "-C -u",
    "env": "-u -C -S --unset --chdir --split-string",
    "nice": "-n --adjustment",
    "ionice": "-c -n -p -t --class --classdata --pid",
    "time": "-f -o --format --output",
    "stdbuf": "-i -o -e --input --output --error",
    "command": "",
    "builtin": "",
    "exec": "-a",
    "nohup": "",
    "noglob": "",
    "nocorrect": "",
    "setsid": "",
    "busybox": "",
    "-": "",
}
_PREFIXES: Final = {name: frozenset(options.split()) for name, options in _PREFIX_OPTIONS.items()}
_ASKS_ONLY: Final = re.compile(r"-[pvV]*[vV][pvV]*")
"""The options with which ``command`` runs nothing and says what would run."""

# Options with a value that may stand before the subcommand: git(1), docker(1), kubectl(1), systemctl(1), cargo(1).
_BEFORE_SUBCOMMAND: Final = {
    "git": frozenset(["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env"]),
    "docker": frozenset(["-c", "-H", "-l", "--config", "--context", "--host", "--log-level"]),
    "kubectl": frozenset(
        ["-n", "-s", "--namespace", "--context", "--cluster", "--kubeconfig", "--server", "--user"]
    ),
    "systemctl": frozenset(["-H", "-M", "--host", "--machine"]),
    "cargo": frozenset(["-C", "-Z", "--color", "--config"]),
}

TIMEOUT_OPTIONS: Final = frozenset(("-k", "-s", "--kill-after", "--signal"))
"""Those of timeout(1) that take a value. Its duration and the command come after its options."""

_PROGRAM_DIRECTORIES: Final = frozenset(("bin", "sbin", ".bin", "libexec"))

_STOPS_AT_FAILURE: Final = re.compile(r"-[A-Za-z]*e[A-Za-z]*")
_COMPOUND_LIST: Final = """
    for while until if then else elif case repeat select do function done fi esac end { } ( )
"""
_COMPOUND: Final = frozenset(_COMPOUND_LIST.split())
_CASE: Final = re.compile(r"\bcase\s++\S++\s++in\s++\(?[^()]++\)\s*+")
_OPENING: Final = re.compile(rf"(?:(?:do|then|\{{)\s++|\((?!\()\s*+|{_CASE.pattern})++")
_CLOSING: Final = re.compile(
    r"(?:[})]|(?:done|fi|esac)\b)(?:\s++|[})]|(?:done|fi|esac)\b|(?:\d++|&)?(?:>>?|<)[&|]?\s*+[^\s;&|<>(){}]++)*+"
)
"""What ends a group, a loop or a branch, with its redirections."""
_CLOSER: Final = re.compile(r"(?<!\S)(?:fi|esac)\b")
_OTHER_BRANCH: Final = re.compile(r"(?:else|elif)\b")
_SUBSTITUTED: Final = re.compile(r'[A-Za-z_]\w*\+?="?\$\((?P<inside>[\s\S]*)\)"?')
_EMPTIED_ASSIGNMENT: Final = re.compile(r'[A-Za-z_]\w*\+?="?\$\(\)"?')
_REDIRECTION: Final = re.compile(r"(?:\d+|&)?(?:<<<|<>|[<>]&|>>?[|!]?|<)(?P<target>.*)", re.DOTALL)
"""A word that redirects; without a target its target is the next word."""


@dataclass(frozen=True)
class Program:
    """The program that a simple command runs, and its words after it."""

    name: str
    args: tuple[str, ...]
    behind: tuple[str, ...] = ()
    """The prefixes before it, such as sudo."""

    @property
    def subcommand(self) -> str:
        """The first argument that is not an option, as in ``git push``; empty without one."""
        begin = after_options(self.args, 0, _BEFORE_SUBCOMMAND.get(self.name, frozenset()))
        return next((word for word in self.args[begin:] if not word.startswith(("-", "+"))), "")


def program(simple: str) -> Program | None:
    """Find the program of one simple command behind assignments and prefixes such as sudo and env."""
    return program_of(split_words(simple))


def program_of(words: Sequence[str]) -> Program | None:
    """Do what `program` does with the words of a simple command."""
    behind: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        name = _name_of(word)
        if _ASSIGNMENT.match(word):
            position += 1
        elif redirection := _REDIRECTION.fullmatch(word):
            position += 1 if redirection["target"] else 2
        elif word.startswith("(("):
            return Program("((", ())
        elif name == "command" and _asks_only(words, position + 1):
            return Program("command -v", tuple(words[position + 1 :]))
        elif name in _PREFIXES:
            behind.append(name)
            position = after_options(words, position + 1, _PREFIXES[name])
        elif word in _COMPOUND or word.startswith("("):
            return None
        else:
            return Program(name, tuple(words[position + 1 :]), tuple(behind))
    return None


def _name_of(word: str) -> str:
    """Return a program's name; one that lies elsewhere than programs do is known by its path: ``./test`` is no test.

    A project's own ``bin/test`` is none either, but ``.venv/bin/pytest`` is pytest.
    """
    if "/" not in word or not (path := PurePosixPath(word)).name:
        return word
    above = path.parent
    installed = above.name in _PROGRAM_DIRECTORIES and (
        word.startswith(("/", "~", "$")) or above.name == ".bin" or "env" in above.parent.name
    )
    return path.name if installed else word


def used_flags(program: Program) -> set[str]:
    """Return the options of a command line as a man page names them: ``-xzf`` is also -x, -z and -f."""
    used: set[str] = set()
    for word in program.args:
        if word.startswith("--") and len(word) > 2:
            used.add(word.split("=", 1)[0])
        elif word.startswith("-") and len(word) > 1:
            used.add(word)
            used.update("-" + letter for letter in word[1:] if letter.isalnum())
    return used


def _asks_only(words: Sequence[str], position: int) -> bool:
    following = (words[place] for place in range(position, len(words)))
    options = takewhile(lambda word: word.startswith("-") and word not in ("-", "--"), following)
    return any(_ASKS_ONLY.fullmatch(option) for option in options)


def deciding(command: str) -> list[Program | None]:
    """Return the programs that may have given the whole command's exit code, the last one first.

    After ``a && b`` either may have; after ``;`` and ``||`` only what follows, but after ``set -e`` every one. Of
    a pipeline it is the last segment; after ``set -o pipefail`` every one. None stands for something that is no
    simple command.
    """
    return _deciding(_parts(outline(command)), program)


def deciding_within(command: str) -> list[Program | None]:
    """Return the same of what runs last within a group, a loop, a branch, or the one substitution of an assignment.

    None too where there are several branches: which of them was taken is not known.
    """
    text = outline(command)
    if _EMPTIED_ASSIGNMENT.fullmatch(text.strip()) and (found := _SUBSTITUTED.fullmatch(command.strip())):
        return deciding(found["inside"])
    return _deciding(_opened(_parts(text)), lambda simple: program(_inner(simple)))


def _deciding(parts: list[tuple[str, str]], read: Callable[[str], Program | None]) -> list[Program | None]:
    stops, fails_as_a_whole = _strictness(parts)
    found: list[Program | None] = []
    for operator, text in reversed(parts[stops:]):
        segments = parse_pipeline(text)
        # The second half of `|&` stands before its segment.
        told = [read(segment.removeprefix("&")) for segment in reversed(segments)] or [None]
        found += told if fails_as_a_whole else told[:1]
        if operator != "&&" and not stops:
            break
    return found or [None]


def _opened(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parts without the words that enclose the last of them; none if there are several branches."""
    last, closers = len(parts) - 1, set[str]()
    while last > 0 and (found := _CLOSING.fullmatch(parts[last][1])):
        closers.update(_CLOSER.findall(found[0]))
        # A branch of `case` ends with two semicolons.
        last -= 2 if parts[last - 1][1] == "" else 1
    inner = [(operator, _inner(text)) for operator, text in parts[: last + 1]]
    several = "fi" in closers and any(_OTHER_BRANCH.match(text) for _, text in parts)
    several = several or ("esac" in closers and not _CASE.search(parts[last][1]))
    return [] if several else inner


def _inner(text: str) -> str:
    found = _OPENING.match(text)
    return text[found.end() :] if found else text


def pipelines(command: str) -> list[list[str]]:
    """Return the segments of each pipeline that a command's text shows, in order; which of them ran is not known."""
    return [parse_pipeline(text) for _, text in _parts(outline(command))]


def operators(command: str) -> tuple[str, ...]:
    """Return what stands between the pipelines of a command, in order; nothing for a single pipeline."""
    if not _MAY_SEPARATE.search(command):
        return ()
    return tuple(operator for operator, _ in _parts(outline(command))[1:])


def fails_as_a_whole(command: str) -> bool:
    """Tell whether a pipeline of the command fails when any of its parts does: ``set -o pipefail``."""
    return "fail" in command.lower() and _strictness(_parts(outline(command)))[1]


def _strictness(parts: list[tuple[str, str]]) -> tuple[int, bool]:
    """Return after which part every failure ends the command, 0 if none does, and whether pipelines fail as a whole."""
    stops, whole = 0, False
    for number, (_, text) in enumerate(parts, start=1):
        words = text.split()
        if words[:1] not in (["set"], ["setopt"]):
            continue
        options = {word.lower().replace("_", "") for word in words[1:]}
        by_letter = words[0] == "set" and any(_STOPS_AT_FAILURE.fullmatch(word) for word in words[1:])
        whole = whole or "pipefail" in options
        if "errexit" in options or by_letter:
            stops = stops or number
    return stops, whole


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


def after_options(words: Sequence[str], position: int, with_value: Set[str]) -> int:
    """Return the place of the first word that is neither an option nor the value of one.

    Letters may share a word: in ``-nu bob`` the name belongs to ``-u``.
    """
    while position < len(words) and words[position].startswith("-") and words[position] != "-":
        word = words[position]
        position += 1
        if word == "--":
            break
        if word.startswith("--"):
            position += word in with_value
            continue
        taking = next((place for place, letter in enumerate(word) if place and f"-{letter}" in with_value), 0)
        position += taking > 0 and taking == len(word) - 1
    return position
