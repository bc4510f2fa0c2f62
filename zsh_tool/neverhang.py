"""NEVERHANG: a circuit breaker per command template and project.

Three timeouts within an hour open the circuit for five minutes; then exactly one probe may run, and any
completion closes it again. Nothing is stored: after a start the state is derived from the recorded timeouts.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from zsh_tool.insights.text import age, quoted, times

State = Literal["closed", "open", "half_open"]
Key = tuple[str, str]

TIMEOUTS_TO_OPEN: Final = 3
WINDOW_SECS: Final = 3600.0
OPEN_SECS: Final = 300.0


@dataclass(frozen=True)
class Verdict:
    """Whether a command may run now, and if not, what to tell the agent."""

    allowed: bool
    state: State
    message: str | None = None

    @property
    def is_probe(self) -> bool:
        """Whether this is the one run that finds out: tell ``finished`` so."""
        return self.allowed and self.state == "half_open"


@dataclass(frozen=True)
class CircuitStatus:
    """One circuit that is not simply quiet."""

    template: str
    project: str
    state: State
    recent_timeouts: int
    open_until: float | None
    """Seconds since the epoch; None unless the circuit is open."""


@dataclass(frozen=True)
class TimedOutRow:
    """A recorded timeout, as the state is derived from it after a start."""

    template: str
    project: str
    at: float


@dataclass
class _Circuit:
    timeouts: list[float] = field(default_factory=list)
    opened_at: float | None = None
    probing_since: float | None = None

    def state(self, now: float) -> State:
        if self.opened_at is None:
            return "closed"
        # A clock that went back must not keep it open for longer.
        return "open" if 0 <= now - self.opened_at < OPEN_SECS else "half_open"

    def recent(self, now: float) -> int:
        return sum(1 for at in self.timeouts if now - WINDOW_SECS < at <= now)


class Neverhang:
    """The circuits of one server. Safe to use from several threads; ``clock`` returns epoch seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._circuits: dict[Key, _Circuit] = {}
        self._lock = threading.Lock()

    def check(self, template: str, project: str) -> Verdict:
        """Decide whether a command may run. An allowed probe must be followed by ``finished``."""
        with self._lock:
            circuit = self._circuits.get((template, project))
            now = self._clock()
            if circuit is None or circuit.opened_at is None:
                return Verdict(True, "closed")
            state = circuit.state(now)
            if state == "half_open" and circuit.probing_since is None:
                circuit.probing_since = now
                return Verdict(True, "half_open")
            return Verdict(False, state, _refusal(template, circuit, now))

    def may_refuse(self, template: str) -> bool:
        """Tell whether there is a project in which this template is held back."""
        with self._lock:
            return any(
                key[0] == template and circuit.opened_at is not None
                for key, circuit in self._circuits.items()
            )

    def finished(self, template: str, project: str, timed_out: bool, ran: bool, probe: bool = True) -> None:
        """Take note of how a command ended; ``ran`` is false when it never started or was lost from sight.

        ``probe`` is its verdict's ``is_probe``. A command that was let through earlier may end while the probe
        runs, and must not make room for a second one.
        """
        with self._lock:
            key = (template, project)
            now = self._clock()
            if timed_out and ran:
                self._note_timeout(self._circuits.setdefault(key, _Circuit()), now, probe)
            elif ran:
                self._circuits.pop(key, None)
            elif probe and key in self._circuits:
                self._circuits[key].probing_since = None

    def statuses(self) -> list[CircuitStatus]:
        """Return the circuits that have timeouts to their name, the open ones first."""
        with self._lock:
            now = self._clock()
            self._forget_quiet(now)
            found = [_status(key, circuit, now) for key, circuit in self._circuits.items()]
        return sorted(found, key=lambda status: (status.state == "closed", status.template, status.project))

    def reset(self, template: str | None = None) -> int:
        """Close one template's circuits in every project, or all circuits; return how many had a record."""
        with self._lock:
            keys = [key for key in self._circuits if template is None or key[0] == template]
            for key in keys:
                del self._circuits[key]
            return len(keys)

    def seed(self, rows: Iterable[TimedOutRow]) -> None:
        """Derive the state from the recorded timeouts of the last hour, oldest first or not."""
        with self._lock:
            now = self._clock()
            for row in sorted(rows, key=lambda row: row.at):
                if now - WINDOW_SECS < row.at <= now:
                    circuit = self._circuits.setdefault((row.template, row.project), _Circuit())
                    self._note_timeout(circuit, row.at, probe=False)

    def _note_timeout(self, circuit: _Circuit, at: float, probe: bool) -> None:
        circuit.timeouts = [earlier for earlier in circuit.timeouts if at - WINDOW_SECS < earlier <= at] + [
            at
        ]
        failed_probe = probe and circuit.probing_since is not None
        if failed_probe:
            circuit.probing_since = None
        if failed_probe or len(circuit.timeouts) >= TIMEOUTS_TO_OPEN:
            circuit.opened_at = at

    def _forget_quiet(self, now: float) -> None:
        for key, circuit in list(self._circuits.items()):
            if circuit.opened_at is None and all(at <= now - WINDOW_SECS for at in circuit.timeouts):
                del self._circuits[key]


def _status(key: Key, circuit: _Circuit, now: float) -> CircuitStatus:
    state = circuit.state(now)
    until = circuit.opened_at + OPEN_SECS if state == "open" and circuit.opened_at is not None else None
    return CircuitStatus(key[0], key[1], state, circuit.recent(now), until)


def _refusal(template: str, circuit: _Circuit, now: float) -> str:
    override = "zsh_neverhang_reset lets it run now; a longer timeout or a smaller input may let it finish"
    what = quoted(template)
    if circuit.state(now) == "half_open":
        begun = age(now - (circuit.probing_since or now))
        return (
            f"blocked: {what} timed out repeatedly here, and one run, started {begun}, is to show whether it ends "
            f"now. Next try when that one has ended. {override}"
        )
    left = (circuit.opened_at or now) + OPEN_SECS - now
    until = time.strftime("%H:%M:%S", time.localtime(now + left))
    count = circuit.recent(now)
    often = f"{times(count)} within the last hour" if count >= TIMEOUTS_TO_OPEN else "again when it was tried"
    return f"blocked: {what} timed out {often} here. Next try in {_span(left)}, at {until}. {override}"


def _span(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
