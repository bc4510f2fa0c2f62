"""Shown: which insights replies have put before the agent, until the next recorded command carries them along."""

import threading
from collections.abc import Sequence

from zsh_tool.insights.model import Insight, ShownInsight


class Shown:
    """A list that the event loop and threads share. Nothing blocks while it is held."""

    def __init__(self) -> None:
        self._list: list[ShownInsight] = []
        self._lock = threading.Lock()

    def add(self, insights: Sequence[Insight], template: str, now: float) -> None:
        """Add those insights of a reply that its text showed."""
        shown = [ShownInsight(one.id, one.kind, one.level, template, now) for one in insights if one.shown]
        with self._lock:
            self._list += shown

    def take(self) -> tuple[ShownInsight, ...]:
        """Hand over, once, what was added since the last call."""
        with self._lock:
            taken, self._list = tuple(self._list), []
            return taken

    def give_back(self, untold: Sequence[ShownInsight]) -> None:
        """Take again what was handed over for a command that left no record."""
        with self._lock:
            self._list[:0] = untold
