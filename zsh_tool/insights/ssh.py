"""SSH: how a host, and a command on it, went before."""

import re
from collections.abc import Sequence
from typing import Final

from zsh_tool import normalize
from zsh_tool.insights.exit_codes import is_benign
from zsh_tool.insights.model import Insight
from zsh_tool.insights.outline import outline
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import age, quoted
from zsh_tool.insights.words import operators, pipelines, program, split_words
from zsh_tool.queries import SshRun, epoch
from zsh_tool.ssh import may_use_ssh, remote_host, ssh_in, within_timeout, without_redirections

CONNECTION_RATE = 0.3
ENOUGH_USES = 3
RELIABLE_USES = 5
RELIABLE_RATE = 0.95
HOST_FAILED = "connection_failed"
UNKNOWN = frozenset(("timeout", "interrupted"))
"""Ends that say nothing about the host."""

_FAILS_WITH_ONE: Final = frozenset(("cd", "echo", "export", "print", "printf", "pushd", "true"))
"""Commands of the shell's own that end with 0 or 1: zshbuiltins(1)."""
_TIMED: Final = re.compile(r"time[ \t]+(?!-)")
_LAST_SEPARATOR: Final = re.compile(r"(?<!\\);\s*\Z")


def ssh(situation: Situation) -> Insight | None:
    """Warn of a host that often cannot be reached or a command that keeps failing there."""
    if not may_use_ssh(situation.command):
        return None
    text = plain(situation.command)
    for segment in segments(text) or chain(text):
        used = within_timeout(segment) or segment
        host = remote_host(used)
        if host is None:
            continue
        uses = [use for use in situation.queries.ssh(host) if use.exit_type not in UNKNOWN]
        parsed = ssh_in(used)
        remote = parsed.remote_command if parsed else None
        return (
            _unreachable(situation, host, uses)
            or _remote_failing(situation, host, remote, uses)
            or _reliable(host, uses)
        )
    return None


def plain(command: str) -> str:
    """Return the text without what leaves its code as it is: here-documents, ``time``, a ``;`` at the end."""
    text = (outline(command) if "<<" in command else command).strip()
    return _LAST_SEPARATOR.sub("", _TIMED.sub("", text) if _TIMED.match(text) else text).rstrip()


def segments(text: str) -> list[str]:
    """Return the simple commands of a single pipeline, without redirections; other texts have none."""
    parts = normalize.parse_pipeline(text) if normalize.is_single_pipeline(text) else []
    return [without_redirections(part) for part in parts]


def chain(text: str) -> list[str]:
    """Return the simple commands of ``a && b`` if only one uses a host and the others fail with 1 only; else none.

    Of such a text every code but 1 tells how the use of the host ended.
    """
    if set(operators(text)) != {"&&"}:
        return []
    parts = pipelines(text)
    if any(len(pipeline) != 1 for pipeline in parts):
        return []
    found = [without_redirections(pipeline[0]) for pipeline in parts]
    others = [part for part in found if remote_host(within_timeout(part) or part) is None]
    programs = [program(part) for part in others]
    only_one = len(others) == len(found) - 1
    return found if only_one and all(one and one.name in _FAILS_WITH_ONE for one in programs) else []


def _unreachable(situation: Situation, host: str, uses: Sequence[SshRun]) -> Insight | None:
    bad = [use for use in uses if use.exit_type == HOST_FAILED]
    if len(uses) < ENOUGH_USES or len(bad) <= CONNECTION_RATE * len(uses):
        return None
    last = age(situation.now - epoch(bad[0].created_at))
    message = f"connecting to {quoted(host)} failed in {len(bad)} of {len(uses)} tries (last {last})"
    return Insight("ssh", "warning", message, warns_of="no connection")


def _remote_failing(
    situation: Situation, host: str, remote: str | None, uses: Sequence[SshRun]
) -> Insight | None:
    if remote is None:
        return None
    template = normalize.template_command(remote)
    same = [use for use in uses if use.remote_template == template and use.exit_type != HOST_FAILED]
    bad = [use for use in same if _has_failed(use)]
    if len(bad) < ENOUGH_USES or 2 * len(bad) <= len(same):
        return None
    last = age(situation.now - epoch(bad[0].created_at))
    message = (
        f"{quoted(template)} failed in {len(bad)} of {len(same)} runs on {quoted(host)}, which was reached"
        f" (last {last})"
    )
    return Insight("ssh", "warning", message)


def _has_failed(use: SshRun) -> bool:
    # The remote shell reads the words once more: grep that finds nothing did not fail there either.
    command = " ".join(split_words(use.remote_command or ""))
    return use.exit_type == "command_failed" and not is_benign(command, use.exit_code or 0)


def _reliable(host: str, uses: Sequence[SshRun]) -> Insight | None:
    good = sum(1 for use in uses if use.exit_type != HOST_FAILED)
    if len(uses) < RELIABLE_USES or good < RELIABLE_RATE * len(uses):
        return None
    message = f"{quoted(host)} was reached in {good} of {len(uses)} tries"
    return Insight("ssh", "info", message, shown=False)
