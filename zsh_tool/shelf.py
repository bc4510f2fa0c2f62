"""How long finished tasks stay readable."""

from bisect import insort
from dataclasses import dataclass
from typing import Final

NEWER_MAX: Final = 100
AGE_MAX_SECS: Final = 24 * 3600.0
BYTES_MAX: Final = 1 << 30


@dataclass(frozen=True, order=True)
class Finished:
    """A finished task, as far as keeping it is concerned. In the order of their ends."""

    ended_at: float
    task_id: str
    kept_bytes: int


class Shelf:
    """The finished tasks that can be read."""

    def __init__(self) -> None:
        self._finished: list[Finished] = []
        self._bytes = 0

    def add(self, one: Finished) -> None:
        """Take a task that has finished."""
        insort(self._finished, one)
        self._bytes += one.kept_bytes

    def take_surplus(self, now: float) -> list[str]:
        """Take down the oldest while there are too many newer ones, or they are too old or too much in all."""
        taken = []
        while self._finished and self._is_surplus(self._finished[0], now):
            oldest = self._finished.pop(0)
            self._bytes -= oldest.kept_bytes
            taken.append(oldest.task_id)
        return taken

    def _is_surplus(self, oldest: Finished, now: float) -> bool:
        too_many = len(self._finished) > NEWER_MAX
        return too_many or now - oldest.ended_at > AGE_MAX_SECS or self._bytes > BYTES_MAX
