"""Which part of a task's output a reply shows."""

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from zsh_tool.arguments import ArgumentError
from zsh_tool.output import OutputStore, Reduced, view
from zsh_tool.output.screen import AlternateScreen
from zsh_tool.session import Session
from zsh_tool.task import Task

_TAKEN: Final[WeakKeyDictionary[OutputStore, AlternateScreen]] = WeakKeyDictionary()
"""What is known of the screens of terminals, as long as their tasks are kept."""


@dataclass(frozen=True)
class Look:
    """One look at a task's output: what is new, lines, matching lines, all of it, or the screen."""

    lines: str | None = None
    grep: str | None = None
    view: str = "delta"

    @property
    def moves_on(self) -> bool:
        """Whether this look is the running delta, worth waiting for."""
        return self.lines is None and self.grep is None and self.view == "delta"

    def check(self, task: Task) -> None:
        """Raise if this look is impossible."""
        if self.view == "screen" and not task.pty:
            raise ArgumentError(f"view screen needs a terminal, and task {task.id} was started without pty")
        if self.view != "delta" and (self.lines is not None or self.grep is not None):
            raise ArgumentError("view goes without lines and grep: give one of them")
        view.check(self.lines, self.grep)

    async def read(self, session: Session, task: Task, chars: int) -> Reduced:
        """Read what is to be shown; only the delta moves on."""
        if self.grep is not None:
            return await view.grep(task.output, self.grep, spec=self.lines, max_chars=chars)
        if self.lines is not None:
            return await view.lines(task.output, self.lines, max_chars=chars)
        if self.view == "full":
            return await view.full(task.output, max_chars=chars)
        if self.view == "screen":
            return await view.screen(task.output, task.facts.rows, task.facts.cols, max_chars=chars)
        async with session.book(task).reading:
            total = task.output.total
            shown = await self._delta(task, chars, total)
            task.delivered = max(task.delivered, shown.end)
            task.looked_at = max(task.looked_at, total)
            return shown

    async def _delta(self, task: Task, chars: int, total: int) -> Reduced:
        output, start, final = task.output, task.delivered, not task.live
        if not task.pty:
            return await view.delta(output, start, total=total, max_chars=chars, final=final)
        taken = _TAKEN.setdefault(output, AlternateScreen())
        size = (task.facts.rows, task.facts.cols)
        return await view.terminal_delta(output, start, taken, size, max_chars=chars, final=final)
