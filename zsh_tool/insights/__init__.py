"""Insights: what history says about a command, one kind per module.

A module reads rows through ``queries`` and returns at most one ``Insight`` of its kind, or None when there is
nothing true and useful to say. ``compose`` decides which of them a reply shows.
"""

from zsh_tool.insights.compose import for_reply
from zsh_tool.insights.model import DurationEstimate, Insight, RunResult, ShownInsight

__all__ = ["DurationEstimate", "Insight", "RunResult", "ShownInsight", "for_reply"]
