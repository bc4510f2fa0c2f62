"""Silent: the command succeeded and printed nothing, so an empty reply is no accident."""

from zsh_tool.insights.model import Insight, RunResult


def silent(result: RunResult) -> Insight | None:
    """Note a success without output."""
    if result.exit_code != 0 or result.timed_out or result.outcome != "exited" or result.output_bytes:
        return None
    return Insight("silent", "info", "succeeded without output", shown=False)
