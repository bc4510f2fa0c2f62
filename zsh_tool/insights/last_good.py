"""Last known good: after a failure, the nearest success of the same template in this project."""

from difflib import SequenceMatcher
from pathlib import PurePosixPath

from zsh_tool.insights.model import Insight
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.text import age, plain, quoted
from zsh_tool.queries import Run

DIFFERENCE_CHARS = 60


def last_good(situation: Situation) -> Insight | None:
    """Name the success that differs least from the failed command, and what differs."""
    good = [run for run in situation.same_template if run.succeeded and run.project is not None]
    if not good:
        return None
    # A row shows no more of its command, so no more can be compared.
    words = situation.preview.split()
    nearest = max(good, key=lambda run: (_likeness(run, words, situation), run.rowid))
    when = age(situation.now - nearest.ended_at)
    differences = _differences(nearest, words, situation)
    if not differences:
        return Insight("last_good", "info", f"this very command succeeded {when}")
    return Insight("last_good", "info", f"last success {when} {', '.join(differences)}")


def _likeness(run: Run, words: list[str], situation: Situation) -> float:
    ratio = SequenceMatcher(None, run.preview.split(), words, autojunk=False).ratio()
    return round(ratio, 2) + (0.01 if situation.is_here(run) else 0.0)


def _differences(run: Run, words: list[str], situation: Situation) -> list[str]:
    told: list[str] = []
    then = run.preview.split()
    if not situation.has_this_text(run):
        told.append(_changed(then, words) or f"was {quoted(run.preview)}")
    if run.cwd is not None and not situation.is_here(run):
        told.append(f"in {quoted(_relative(run.cwd, situation.project), DIFFERENCE_CHARS)}")
    return told


def _changed(then: list[str], now: list[str]) -> str | None:
    """Say the one place where two commands are seen to differ; None if there are several."""
    if then == now:
        return "of a command that begins like this one"
    changes = [
        (then[a:b], now[c:d])
        for tag, a, b, c, d in SequenceMatcher(None, then, now, autojunk=False).get_opcodes()
        if tag != "equal"
    ]
    if len(changes) != 1:
        return None
    before, after = (plain(" ".join(part)) for part in changes[0])
    if not before:
        return f"without {quoted(after, DIFFERENCE_CHARS)}"
    if not after:
        return f"with {quoted(before, DIFFERENCE_CHARS)} added"
    return f"with {quoted(before, DIFFERENCE_CHARS)} in place of {quoted(after, DIFFERENCE_CHARS)}"


def _relative(cwd: str, project: str) -> str:
    path = PurePosixPath(cwd)
    return str(path.relative_to(project)) if path.is_relative_to(project) else cwd
