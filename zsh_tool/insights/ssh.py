"""SSH: how a host, and a command on it, went before."""

from collections.abc import Sequence

from zsh_tool import normalize
from zsh_tool.insights.exit_codes import is_benign
from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import age, quoted
from zsh_tool.insights.words import split_words
from zsh_tool.queries import SshRun, epoch
from zsh_tool.ssh import remote_host, ssh_in, within_timeout

CONNECTION_RATE = 0.3
ENOUGH_USES = 3
RELIABLE_USES = 5
RELIABLE_RATE = 0.95
HOST_FAILED = "connection_failed"
UNKNOWN = frozenset(("timeout", "interrupted"))
"""Ends that say nothing about the host."""


def ssh(situation: Situation) -> Insight | None:
    """Warn of a host that often cannot be reached or a command that keeps failing there."""
    for segment in segments(situation.command):
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


def segments(command: str) -> list[str]:
    """Return the simple commands of a single pipeline; other texts do not say which one gave which code."""
    return normalize.parse_pipeline(command) if normalize.is_single_pipeline(command) else []


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
