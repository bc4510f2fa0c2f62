"""Manopt: the options of a command's man page, once it has failed several times."""

import re
from typing import Final

from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import plain
from zsh_tool.insights.words import Program, used_flags

SHOWN_BYTES: Final = 2048

_PAGE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}")
_WITH_SUBCOMMAND_PAGES: Final = frozenset(
    ("git", "docker", "podman", "cargo", "npm", "kubectl", "apt", "nix", "btrfs", "ip")
)


def pages(program: Program | None) -> list[str]:
    """Return the man pages to look for, the most special first: git-push before git."""
    if program is None or not _PAGE_NAME.fullmatch(program.name):
        return []
    found = [program.name]
    if program.name in _WITH_SUBCOMMAND_PAGES and _PAGE_NAME.fullmatch(program.subcommand):
        found.insert(0, f"{program.name}-{program.subcommand}")
    return found


def manopt(situation: Situation, present_from: int) -> Insight | None:
    """Offer the cached options after enough failures, those that the command uses first."""
    program = situation.programs[0] if situation.programs else None
    names = pages(program)
    if program is None or not names or situation.failures_in_session < present_from:
        return None
    for name in names:
        if text := situation.queries.manopt(name):
            return Insight("manopt", "info", presented(name, text, program))
    return None


def presented(name: str, options: str, program: Program) -> str:
    """Return the options as text of at most 2 KB, whole lines, used flags first."""
    used = used_flags(program)
    lines = [line for line in plain(options).splitlines() if line.strip()]
    first = [line for line in lines if used & set(_flags_of(line))]
    rest = [line for line in lines if line not in first]
    out = f"options of {name}, from its man page:"
    for line in first + rest:
        longer = f"{out}\n{line};"
        if len(longer.encode()) > SHOWN_BYTES:
            break
        out = longer
    return out.removesuffix(";")


def _flags_of(line: str) -> list[str]:
    head = line.split("  ", 1)[0] if not line.startswith(" ") else line
    return re.findall(r"(?<![\w-])--?[A-Za-z0-9][\w-]*", head.split(": ", 1)[0])
