"""The kinds of insight by the moment at which they are made."""

from collections.abc import Callable
from typing import Final

from zsh_tool.insights.duration import estimate, running_long, usual_duration
from zsh_tool.insights.exit_codes import exit_code
from zsh_tool.insights.fix import fix
from zsh_tool.insights.history import history
from zsh_tool.insights.last_good import last_good
from zsh_tool.insights.model import Insight, RunResult
from zsh_tool.insights.pipeline import hidden_failure
from zsh_tool.insights.retry import retry
from zsh_tool.insights.silent import silent
from zsh_tool.insights.similar import similar
from zsh_tool.insights.situation import Situation
from zsh_tool.insights.streak import streak
from zsh_tool.insights.unusual import unusual

__all__ = ["AFTER_FAILURE", "BEFORE", "OF_RESULT", "estimate", "running_long", "unusual"]

Make = Callable[[Situation], Insight | None]

BEFORE: Final[tuple[Make, ...]] = (retry, similar, streak, history, usual_duration)
"""Before a command runs, in the order in which they are told; SSH and man page options follow."""

OF_RESULT: Final[tuple[Callable[[str, RunResult], Insight | None], ...]] = (
    lambda _command, result: silent(result),
    exit_code,
    hidden_failure,
)
"""From the end of a command alone."""

AFTER_FAILURE: Final[tuple[Make, ...]] = (last_good, fix)
"""From history, when a command failed."""
