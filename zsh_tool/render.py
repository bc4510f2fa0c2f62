"""A reply's words: the output first, then at most three short bracketed lines, the last one the state.

Pure: no clock, no I/O. What is said here is plain text, without ANSI codes and without the command.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zsh_tool.insights import Insight
from zsh_tool.replies import Facts

LINE_MAX_CHARS: Final = 600
"""A bracketed line is a remark, not a page."""


@dataclass(frozen=True)
class Remarks:
    """What is said beside the output."""

    notes: Sequence[str] = ()
    """About this call. First, so that nothing can push them out of the line."""
    insights: Sequence[Insight] = ()
    finished: Sequence[str] = ()
    """Background tasks that ended and were not told of yet."""
    state: Sequence[str] = ()
    """More words for the state line."""


def reply(body: str, facts: Facts, remarks: Remarks) -> str:
    """Return the whole text of a reply about one command."""
    lines = [
        bracketed([*remarks.notes, *remarks.finished]),
        _advice([one for one in remarks.insights if one.shown]),
        bracketed([state(facts, remarks.state)]),
    ]
    return joined(body, [line for line in lines if line])


def joined(body: str, lines: Sequence[str]) -> str:
    """Put bracketed lines below the output, which keeps its own lines apart from them."""
    parts = [body.removesuffix("\n")] if body.strip("\n") else []
    return "\n".join([*parts, *lines])


def _advice(insights: Sequence[Insight]) -> str:
    """Return the insights as one line. A page's options, once a session and at most 2 KB, are not cut again."""
    options = sum(len(one.message) for one in insights if one.kind == "manopt")
    return bracketed([one.message for one in insights], LINE_MAX_CHARS + options)


def bracketed(remarks: Sequence[str], most: int = LINE_MAX_CHARS) -> str:
    """Join remarks to one bracketed line; nothing for none."""
    text = "; ".join(" ".join(remark.split()) for remark in remarks if remark)
    if len(text) > most:
        text = text[: most - 3] + "..."
    return f"[{text}]" if text else ""


def state(facts: Facts, more: Sequence[str] = ()) -> str:
    """Return how a command stands or how it ended, in one line."""
    words = [_running(facts) if facts.running else ended(facts), *more]
    if not facts.running and facts.truncated and facts.task_id:
        words.append(f"task {facts.task_id}")
    return "; ".join(words)


def _running(facts: Facts) -> str:
    since = f"running {seconds(facts.elapsed_ms)}, task {facts.task_id}"
    if facts.waiting_for_input:
        return f"waits for input: answer with zsh_send; {since}"
    return since


def ended(facts: Facts) -> str:
    """Return how a command ended: outcome, exit code, time, and what the plain exit code hides."""
    if facts.outcome == "failed_to_start":
        return "failed to start"
    words = f"{_outcome(facts)} in {seconds(facts.elapsed_ms)}"
    if facts.pipestatus and len(facts.pipestatus) > 1:
        words += f"; pipeline {' '.join(map(str, facts.pipestatus))}"
    if facts.survivors:
        words += f"; still alive: {named(facts.survivors)}, end with zsh_kill, task {facts.task_id}"
    return words


def _outcome(facts: Facts) -> str:
    code = f"exit {facts.exit_code}" if facts.exit_code is not None else "no exit code"
    how = f"{code}, {facts.signal}" if facts.signal else code
    match facts.outcome:
        case "exited":
            return code
        case "signalled":
            sender = f" from the {facts.ended_by}" if facts.ended_by else ""
            return f"killed by signal {facts.signal or '?'}{sender} ({code})"
        case "timed_out":
            return f"timed out, ended ({how})"
        case "idle_timeout":
            return f"idle too long, ended ({how})"
        case "killed":
            return f"killed by {facts.ended_by or 'user'} ({how})"
        case "cancelled":
            return f"cancelled ({how})"
        case "session_ended":
            return f"ended with its session ({how})"
        case "lost":
            return "lost: the executor ended without an answer, how the command ended is unknown,"
    return facts.outcome or "not run"


def named(survivors: Sequence[Mapping[str, Any]]) -> str:
    """Return the first few of some processes by name and number."""
    names = [f"{one['name']} ({one['pid']})" for one in survivors[:3]]
    more = len(survivors) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def seconds(elapsed_ms: float) -> str:
    """Return a time as a person would say it."""
    value = elapsed_ms / 1000
    if value < 10:
        return f"{value:.2g} s" if value < 1 else f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def preview(command: str, most: int = 60) -> str:
    """Return a command on one line, cut to ``most`` characters and without control characters."""
    line = "".join(char if char.isprintable() else " " for char in command)
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def task_line(facts: Facts, command: str, description: str | None, age_secs: float) -> str:
    """Return one line of the list of tasks."""
    how = (state(facts) if facts.running else ended(facts)).replace(f", task {facts.task_id}", "")
    said = f" ({preview(description, 40)})" if description else ""
    when = "" if facts.running else f"  {ago(age_secs)}"
    return f"{facts.task_id}  {how}{when}  {preview(command)}{said}"


def ago(age_secs: float) -> str:
    """Return an age as words."""
    return f"started {seconds(max(0.0, age_secs) * 1000)} ago"


def finished_line(facts: Facts, command: str) -> str:
    """Return the words that announce the end of a background task."""
    return f"task {facts.task_id} ({preview(command, 30)}) ended: {ended(facts)}"
