"""Exit codes: what a code means for the program that gave it."""

import re
import shlex
import signal
from dataclasses import replace
from functools import lru_cache
from typing import Final

from zsh_tool.insights.exit_table import PROGRAMS, SIGNAL_HINTS, SUBCOMMANDS, Meaning
from zsh_tool.insights.model import Insight, RunResult
from zsh_tool.insights.words import (
    TIMEOUT_OPTIONS,
    Program,
    after_options,
    deciding,
    deciding_within,
    fails_as_a_whole,
    program,
    program_of,
    split_words,
    used_flags,
)
from zsh_tool.ssh import parse_ssh

_CANNOT_RUN: Final = Meaning(
    "found but not executable: no permission, or not a program", "zshmisc(1), sh(1p)"
)
_NOT_FOUND: Final = Meaning("command not found: check the name, PATH, or whether it is installed", "sh(1p)")
SIGPIPE_CODE: Final = 141
_PART_ENDED_BY_SIGPIPE: Final = Meaning(
    "a part of the pipeline got SIGPIPE, as any before head may", "zshoptions(1), PIPE_FAIL", benign=True
)
LAST_CLASSIC_SIGNAL: Final = 31

NESTED_AT_MOST: Final = 5
"""Most programs that pass on a code, one within the other, that are looked through."""

_SHELLS: Final = frozenset(("sh", "bash", "zsh", "dash", "ksh"))
_SCRIPT_FLAG: Final = re.compile(r"-[A-Za-z]*c")
_FIND_RUNS: Final = frozenset(("-exec", "-execdir"))
_RUNNERS: Final = frozenset(("uv", "poetry", "pipenv", "pdm", "hatch"))
_XARGS_LIST: Final = "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --max-chars"
_XARGS_OPTIONS: Final = frozenset(_XARGS_LIST.split())
_ASKS_FIRST: Final = frozenset(("sudo", "doas"))
"""Prefixes that may refuse, with 1, to run anything: sudo(8), EXIT VALUE."""


def exit_code(command: str, result: RunResult) -> Insight | None:
    """Say what the exit code means, if the program that gave it is known and the code says something."""
    code = result.exit_code
    if not code or result.timed_out or result.outcome not in ("exited", "signalled"):
        return None
    if result.signal is not None:
        return Insight("exit_code", "warning", _by_signal(result.signal))
    candidates = _candidates(command, result)
    meanings = {_meaning_here(candidate, code, result) for candidate in candidates}
    if code == SIGPIPE_CODE and fails_as_a_whole(command):
        meanings = {_PART_ENDED_BY_SIGPIPE}
    if len(meanings) != 1 or (meaning := meanings.pop()) is None:
        return None
    name = _named(candidates, code)
    if meaning.benign:
        sure = "" if meaning.unsure else ", not an error"
        return Insight("exit_code", "info", f"{name}exit {code}: {meaning.text}{sure}", is_answer=True)
    if meaning.obvious:
        return Insight(
            "exit_code", "info", f"{name}exit {code}: {meaning.text}", shown=not result.output_bytes
        )
    return Insight("exit_code", "warning", f"{name}exit {code}: {meaning.text}")


@lru_cache(maxsize=4096)
def is_benign(command: str, code: int) -> bool:
    """Tell whether a code may be an answer rather than a failure, as grep's 1 is.

    One candidate is enough: what might be no failure is not called one.
    """
    if code == SIGPIPE_CODE and fails_as_a_whole(command):
        return True
    candidates = deciding(command)
    if candidates[0] is None:
        candidates += deciding_within(command)
    return any(_is_benign_of(candidate, code) for candidate in candidates)


def segment_is_benign(segment: str, code: int) -> bool:
    """Tell the same of one segment of a pipeline."""
    return code == SIGPIPE_CODE or _is_benign_of(program(segment), code)


def segment_meaning(segment: str, code: int) -> str | None:
    """Return what a segment's code means, in a few words."""
    meaning = meaning_of(program(segment), code)
    return meaning.text if meaning else None


def meaning_of(candidate: Program | None, code: int, depth: int = 0) -> Meaning | None:
    """Return what a code means for a program, or in general; None if there is nothing to say.

    ``depth`` is how many programs passed it on.
    """
    if candidate is not None:
        inside = _inside(candidate)
        if inside and code not in PROGRAMS.get(candidate.name, {}):
            if depth == NESTED_AT_MOST:
                return None
            meanings = {meaning_of(one, code, depth + 1) for one in inside}
            return meanings.pop() if len(meanings) == 1 else None
        if unsure := _of_many(candidate, code, depth):
            return unsure
        for word in (_subcommand(candidate), *candidate.args[:1]):
            special = SUBCOMMANDS.get(candidate.name, {}).get(word, {})
            if code in special:
                return special[code]
        known = PROGRAMS.get(_family(candidate), {}).get(code)
        if known is not None and (not known.only_with or known.only_with & used_flags(candidate)):
            return known
    if code == 126:
        return _CANNOT_RUN
    if code == 127:
        return _NOT_FOUND
    name = _signal_name(code - 128)
    return Meaning(_by_signal(name), "sh(1p), signal(7)") if name else None


def _meaning_here(candidate: Program | None, code: int, result: RunResult) -> Meaning | None:
    """Return what a code means, where the output leaves it open that a prefix gave the code itself."""
    meaning = meaning_of(candidate, code)
    speaker = _speaker(candidate, code)
    if meaning is None or not meaning.benign or speaker is None or code != 1 or not result.output_bytes:
        return meaning
    asked = next((name for name in speaker.behind if name in _ASKS_FIRST), None)
    return replace(meaning, text=f"{meaning.text}, unless {asked} refused", unsure=True) if asked else meaning


def _speaker(candidate: Program | None, code: int, depth: int = 0) -> Program | None:
    """Return the program that gave a code: the inner one, where a program passes on its code."""
    if candidate is None or code in PROGRAMS.get(candidate.name, {}) or depth == NESTED_AT_MOST:
        return candidate
    inside = _inside(candidate)
    return _speaker(inside[0], code, depth + 1) if len(inside) == 1 and inside[0] else candidate


def _is_benign_of(candidate: Program | None, code: int) -> bool:
    meaning = meaning_of(candidate, code) if candidate is not None else None
    return meaning is not None and meaning.benign


@lru_cache(maxsize=32)
def _inside(candidate: Program) -> tuple[Program | None, ...]:
    """Return the programs whose code a program passes on: those of a remote or nested command line."""
    args = candidate.args
    if candidate.name == "ssh":
        parsed = parse_ssh(shlex.join(["ssh", *args]))
        # The remote shell reads the words once more.
        remote = " ".join(split_words(parsed.remote_command)) if parsed and parsed.remote_command else ""
        return tuple(deciding(remote)) if remote else ()
    if candidate.name in _SHELLS:
        flag = next((place for place, word in enumerate(args) if _SCRIPT_FLAG.fullmatch(word)), len(args))
        script = args[flag + 1 :][:1]
        # The shell's own options may be those of `set -e`.
        return tuple(deciding(f"set {' '.join(args[: flag + 1])}\n{script[0]}")) if script else ()
    if candidate.name == "eval":
        return tuple(deciding(" ".join(args)))
    if candidate.name == "timeout":
        rest = after_options(args, 0, TIMEOUT_OPTIONS)
        return (program_of(args[rest + 1 :]),)
    if candidate.name in _RUNNERS and args[:1] == ("run",):
        return (program_of(args[1:]),)
    return ()


def _subcommand(candidate: Program) -> str:
    """Return a program's subcommand, with the option that gives its codes another meaning.

    Without --exit-code or --quiet ``git diff`` gives 1 for files that it compares outside a repository only.
    """
    name = candidate.subcommand
    if (candidate.name, name) != ("git", "diff"):
        return name
    flags = used_flags(candidate)
    within = "--no-index" not in flags and flags & {"--exit-code", "--quiet"}
    return name if within else "diff --no-index"


def _of_many(candidate: Program, code: int, depth: int) -> Meaning | None:
    """Return what a code says that stands for many runs of another program, one of which gave 1.

    Where its 1 is an answer, nobody can tell whether there was a failure too.
    """
    args = list(candidate.args)
    if candidate.name == "xargs" and code == 123:
        words, source = args[after_options(args, 0, _XARGS_OPTIONS) :], "xargs(1), EXIT STATUS"
    elif candidate.name == "find" and code == 1 and "+" in args:
        start = next((place for place, word in enumerate(args) if word in _FIND_RUNS), len(args))
        words, source = args[start + 1 :], "find(1), EXIT STATUS"
    else:
        return None
    inner = program_of(words)
    answer = meaning_of(inner, 1, depth + 1) if depth < NESTED_AT_MOST else None
    if inner is None or answer is None or not answer.benign:
        return None
    text = f"{inner.name} gave 1 for some of its input ({answer.text}), or something failed"
    return Meaning(text, source, benign=True, unsure=True)


def _candidates(command: str, result: RunResult) -> list[Program | None]:
    """Return the programs that may have given the code; a cd that failed would have said so."""
    found = deciding(command)
    if result.output_bytes == 0 and len(found) > 1:
        return [one for one in found if one is None or one.name != "cd"]
    return found


def _named(candidates: list[Program | None], code: int) -> str:
    speaker = _speaker(candidates[0], code)
    if len(candidates) != 1 or speaker is None or code in (126, 127) or (code > 128 and code != 255):
        return ""
    return f"{speaker.name} "


def _family(candidate: Program) -> str:
    # `python -m pytest` answers with pytest's codes.
    if candidate.name.startswith("python") and candidate.args[:1] == ("-m",) and len(candidate.args) > 1:
        return candidate.args[1]
    return candidate.name


def _signal_name(number: int) -> str | None:
    if number > LAST_CLASSIC_SIGNAL:
        return None
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return None


def _by_signal(name: str) -> str:
    hint = SIGNAL_HINTS.get(name)
    return f"ended by SIG{name}: {hint}" if hint else f"ended by SIG{name}"
