"""Score: what the agent did after an insight was shown says whether the insight was worth showing.

Nothing is stored for it but the fact that it was shown; the verdicts are computed when reading.
"""

from dataclasses import dataclass
from typing import Final, Literal

from zsh_tool.insights.exit_codes import segment_is_benign
from zsh_tool.insights.situation import failed, interrupted, is_simple
from zsh_tool.queries import Queries, Run, ShownRow

Verdict = Literal["helped", "ignored", "open"]

KINDS: Final = (
    "retry",
    "similar",
    "streak",
    "history",
    "duration",
    "ssh",
    "manopt",
    "exit_code",
    "pipeline",
    "unusual",
    "last_good",
    "fix",
)
_WARN_AGAINST: Final = frozenset(("retry", "similar", "streak", "history", "ssh"))
"""Kinds after which leaving a command alone is a good answer too."""
_UNSCORED: Final = frozenset(("duration",))
"""Kinds that ask for nothing that could be seen afterwards."""
_ABOUT_PARTS: Final = frozenset(("pipeline", "unusual"))
"""Kinds that tell of parts of a pipeline, whose failure its own end may hide."""

SHOWN_READ: Final = 40
FOLLOWING_READ: Final = 10
OLDEST_SECS: Final = 30 * 86_400.0
ENOUGH_VERDICTS: Final = 20
LOWEST_PRECISION: Final = 0.2


@dataclass(frozen=True)
class Score:
    """How a kind of insight did lately."""

    kind: str
    shown: int
    helped: int
    ignored: int

    @property
    def precision(self) -> float | None:
        """The share that helped, of those with a verdict; None without any."""
        scored = self.helped + self.ignored
        return self.helped / scored if scored else None

    @property
    def muted(self) -> bool:
        """Whether there is enough evidence that this kind does not help."""
        enough = self.helped + self.ignored >= ENOUGH_VERDICTS
        return enough and (self.precision or 0.0) < LOWEST_PRECISION


class Judge:
    """Judges the newest insights of each kind, as often as one wants to be shown. Not thread-safe; reads the file.

    A verdict that is no longer open rests on rows that are never changed, so it is looked up once.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._settled: dict[str, dict[str, Verdict]] = {}

    def scores(self, now: float) -> list[Score]:
        """Judge all kinds."""
        return [self.score(kind, now) for kind in KINDS]

    def score(self, kind: str, now: float) -> Score:
        """Judge a kind by what the file says now. Insights older than a month no longer count."""
        rows = [row for row in self._queries.shown(kind, SHOWN_READ) if row.shown_at >= now - OLDEST_SECS]
        known = self._settled.get(kind, {})
        found = {
            row.id: known.get(row.id) or _verdict(self._queries, row)
            for row in rows
            if _asks_for_something(row)
        }
        self._settled[kind] = {one: verdict for one, verdict in found.items() if verdict != "open"}
        verdicts = list(found.values())
        return Score(kind, len(rows), verdicts.count("helped"), verdicts.count("ignored"))

    def is_muted(self, kind: str, now: float) -> bool:
        """Tell whether a kind has muted itself."""
        return kind in KINDS and kind not in _UNSCORED and self.score(kind, now).muted


def _asks_for_something(row: ShownRow) -> bool:
    # An info on an exit code says that it is an answer, or what the output would have said.
    return row.kind not in _UNSCORED and (row.kind, row.level) != ("exit_code", "info")


def _verdict(queries: Queries, row: ShownRow) -> Verdict:
    """Judge one insight by the next commands of its session.

    It helped if the next run of the template worked. It was ignored if that one failed again. For a warning
    against running something, leaving it alone for the commands that followed helped as well.
    """
    # The row went along with the first command after the reply that showed it.
    following = queries.session_runs(row.session_id, row.command_rowid - 1, None, FOLLOWING_READ)
    again = next((run for run in following if run.template == row.template and not interrupted(run)), None)
    if again is not None:
        return _outcome(queries, row.kind, again)
    return "helped" if row.kind in _WARN_AGAINST and len(following) >= FOLLOWING_READ else "open"


def _outcome(queries: Queries, kind: str, again: Run) -> Verdict:
    if failed(again):
        return "ignored"
    segments = queries.segments(again) if kind in _ABOUT_PARTS else []
    if any(part.exit_code and not segment_is_benign(part.preview, part.exit_code) for part in segments):
        return "ignored"
    # Without rows of its parts nobody knows what the end of a longer command hid.
    unknown = kind == "pipeline" and not segments and not is_simple(again.preview)
    return "open" if unknown else "helped"
