"""Looking: which commands only look around. Such a command repairs nothing, however often it precedes a success."""

import re
from functools import lru_cache
from typing import Final

from zsh_tool.insights.outline import outline
from zsh_tool.insights.words import Program, deciding, program_of

_LOOKING_LIST: Final = """
    ls cat less more head tail grep egrep fgrep rg ag find fd pwd cd echo print printf which whence type man
    stat file wc diff cmp env date ps top du df tree history sleep true test [ [[ jq bat sed awk sort uniq
"""
_LOOKING: Final = frozenset(_LOOKING_LIST.split())
_LOOKING_SUBCOMMANDS: Final = {
    "git": frozenset(("status", "log", "diff", "show", "branch", "blame", "remote", "rev-parse", "grep")),
    "docker": frozenset(("ps", "images", "logs", "inspect")),
    "kubectl": frozenset(("get", "describe", "logs")),
    "systemctl": frozenset(("status", "is-active", "list-units")),
}

_WRITES: Final = {
    "sed": re.compile(r"-[nErsuz]*[iI].*|--in-place.*"),
    "sort": re.compile(r"-[bcCdfghiMmnRrsuVz]*o.*|--output.*"),
    "awk": re.compile(r"(?:-i|--include=)?inplace"),
    "find": re.compile(r"-delete|-fprint0?|-fprintf|-fls"),
}
"""The options with which these write files: sed(1), sort(1), gawk(1), find(1)."""
_RUNS: Final = {
    "find": frozenset(("-exec", "-execdir", "-ok", "-okdir")),
    "fd": frozenset(("-x", "-X", "--exec", "--exec-batch")),
}
"""The options after which another command line follows: find(1), fd(1)."""

_CHANGES_BRANCHES: Final = re.compile(
    r"-[dDmMcCfu].*|--(?:delete|move|copy|force|set-upstream-to.*|unset-upstream|edit-description)"
)
_LOOKS_AT_REMOTES: Final = frozenset(("show", "get-url"))

# Nothing here can backtrack. What stands in quotes redirects nothing.
_REDIRECTION: Final = re.compile(
    r"""\\[\s\S]?|\$'(?:[^'\\]++|\\[\s\S])*+'?|'[^']*+'?|"(?:[^"\\]++|\\[\s\S])*+"?"""
    r"""|(?<!<)>>?(?P<operator>[&|!]*+)[ \t]*+(?P<target>[^\s;&|<>()]++)"""
)
_DESCRIPTOR: Final = re.compile(r"\d+|-|p")
_NO_FILES: Final = frozenset(("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"))


@lru_cache(maxsize=4096)
def only_looks(command: str) -> bool:
    """Tell whether a command certainly only looks around."""
    if _writes_a_file(command):
        return False
    return all(candidate is not None and _looks(candidate) for candidate in deciding(command))


def _writes_a_file(command: str) -> bool:
    for found in _REDIRECTION.finditer(outline(command)) if ">" in command else ():
        target = (found["target"] or "").strip("'\"")
        to_descriptor = "&" in (found["operator"] or "") and _DESCRIPTOR.fullmatch(target)
        if target and not to_descriptor and target not in _NO_FILES and not target.startswith("/dev/fd/"):
            return True
    return False


def _looks(candidate: Program) -> bool:
    name, args = candidate.name, candidate.args
    if candidate.subcommand in _LOOKING_SUBCOMMANDS.get(name, ()):
        return name != "git" or _git_looks(candidate)
    if name not in _LOOKING or (name in _WRITES and any(_WRITES[name].fullmatch(word) for word in args)):
        return False
    begin = next((place for place, word in enumerate(args, 1) if word in _RUNS.get(name, ())), 0)
    inner = program_of(args[begin:]) if begin else None
    # One that runs others in turn is not followed further.
    return not begin or (inner is not None and inner.name not in _RUNS and _looks(inner))


def _git_looks(candidate: Program) -> bool:
    words = candidate.args[candidate.args.index(candidate.subcommand) + 1 :]
    match candidate.subcommand:
        case "branch":
            makes_one = bool(words) and not any(word.startswith("-") for word in words)
            return not makes_one and not any(_CHANGES_BRANCHES.fullmatch(word) for word in words)
        case "remote":
            return all(word in _LOOKS_AT_REMOTES for word in [w for w in words if not w.startswith("-")][:1])
        case _:
            return True
