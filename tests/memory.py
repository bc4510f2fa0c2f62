"""A memory to test with: Python-only mode, a clock that the test moves, and runs that need no shell."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from zsh_tool.alan import ALAN
from zsh_tool.config import load
from zsh_tool.insights import Insight, for_reply

START = 1_780_000_000.0


@dataclass
class Result:
    """How a command ended, as the tasks would tell it."""

    exit_code: int | None = 0
    pipestatus: Sequence[int] = ()
    outcome: str = "exited"
    signal: str | None = None
    timed_out: bool = False
    elapsed_ms: int = 100
    output_bytes: int = 10
    observation_id: str | None = None

    def __post_init__(self) -> None:
        if not self.pipestatus and self.exit_code is not None:
            self.pipestatus = (self.exit_code,)


def timed_out(elapsed_ms: int = 120_000) -> Result:
    return Result(143, outcome="timed_out", signal="TERM", timed_out=True, elapsed_ms=elapsed_ms)


@dataclass
class Reply:
    """What a reply would carry of insights."""

    insights: list[Insight]

    @property
    def text(self) -> str:
        return "\n".join(f"[{one.message}]" for one in self.insights if one.shown)

    def of(self, kind: str) -> Insight | None:
        return next((one for one in self.insights if one.kind == kind), None)

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in self.insights]


@dataclass
class Memory:
    """One server run's memory, as the server uses it."""

    home: Path
    executor_active: bool = False
    session: str = "sess0001"
    now: float = START
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = self.home / "state" / "alan.db"
        self.settings = load({"HOME": str(self.home), "ALAN_DB_PATH": str(self.path)} | self.environment)
        self.cwd = self.project("app")
        self.alan = self.open(self.session)

    def open(self, session: str) -> ALAN:
        self.session = session
        self.alan = ALAN(self.settings, session, self.executor_active, clock=lambda: self.now)
        return self.alan

    def project(self, name: str) -> Path:
        place = self.home / "src" / name
        (place / ".git").mkdir(parents=True, exist_ok=True)
        return place.resolve()

    def run(
        self, command: str, result: Result | int = 0, *, cwd: Path | None = None, after: float = 30
    ) -> Reply:
        """Let time pass, run a command in the sense of the server, and return what its reply would carry."""
        self.now += after
        ended = Result(result) if isinstance(result, int) else result
        where = cwd or self.cwd
        before = self.alan.get_insights(command, where)
        carried = self.alan.shown.take()
        ended.observation_id = self.alan.record(command, ended, where, insights=carried)
        post = self.alan.get_post_insights(command, ended, where)
        reply = for_reply(before, post, ended)
        self.alan.note_shown(reply, command)
        return Reply(reply)

    def before(self, command: str, cwd: Path | None = None) -> Reply:
        return Reply(self.alan.get_insights(command, cwd or self.cwd))


class Rules:
    """The executor's rules, asked line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def rules(program: Path) -> Iterator[Rules]:
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        yield Rules(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0, process.returncode
