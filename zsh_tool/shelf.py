"""How long finished tasks stay readable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

NEWER_MAX: Final = 100
AGE_MAX_SECS: Final = 24 * 3600.0
BYTES_MAX: Final = 1 << 30


@dataclass(frozen=True)
class Finished:
    """A finished task, as far as keeping it is concerned."""

    task_id: str
    ended_at: float
    kept_bytes: int


def surplus(finished: Sequence[Finished], now: float) -> list[str]:
    """Return the ids of the tasks to drop: too many newer ones, too old, or too much in all."""
    dropped, size = [], 0
    latest_first = sorted(finished, key=lambda one: one.ended_at, reverse=True)
    for newer, one in enumerate(latest_first):
        size += one.kept_bytes
        if newer >= NEWER_MAX or now - one.ended_at > AGE_MAX_SECS or size > BYTES_MAX:
            dropped.append(one.task_id)
    return dropped
