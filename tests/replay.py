"""Replays weeks of an agent's work into a memory, and says what the replies at chosen points would be.

Run it to read them: ``python -m tests.replay``.
"""

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.memory import START, Memory, Result
from zsh_tool import render
from zsh_tool.insights import RunResult, for_reply
from zsh_tool.recording import record_ssh, ssh_uses
from zsh_tool.recording_core import CoreRecorder, Observation
from zsh_tool.replies import Facts

DAY_SECS = 86_400.0
WEEKS = 5
SESSIONS_A_DAY = 3


@dataclass(frozen=True)
class Step:
    """One command of the past: where, what, how it ended, and how long the agent thought before it."""

    project: str
    command: str
    codes: tuple[int, ...] = (0,)
    seconds: float = 0.4
    pause: float = 20.0
    late: bool = False


Story = Callable[[random.Random], Iterator[Step]]


def web(chance: random.Random) -> Iterator[Step]:
    """Work on a web application: after a pull the tests need `npm ci`, as a rule."""
    yield Step("web", "git status")
    if chance.random() < 0.4:
        yield Step("web", "git pull --rebase", seconds=2)
        yield Step("web", "npm test", (1,), 6)
        yield Step("web", "cat package.json")
        if chance.random() < 0.9:
            yield Step("web", "npm ci", seconds=14)
            yield Step("web", "npm test", (0 if chance.random() < 0.95 else 1,), 31)
    for _ in range(chance.randrange(2, 6)):
        yield Step("web", f"sed -n '{chance.randrange(200)},300p' src/app.ts")
        yield Step("web", "grep -rn useState src", (chance.choice((0, 0, 1)),))
        yield Step("web", "npm test", (0,), chance.uniform(28, 36))
    yield Step("web", f'git commit -qm "{chance.choice(("Fix", "Add", "Move"))} a thing"')
    yield Step("web", "git push origin main", seconds=1.8)


def engine(chance: random.Random) -> Iterator[Step]:
    """Work on a Rust program: long builds, tests that fail while something is written."""
    for _ in range(chance.randrange(1, 4)):
        yield Step("engine", "cargo check", (chance.choice((0, 0, 101)),), 4)
        yield Step(
            "engine", "cargo test --workspace", (chance.choice((0, 0, 0, 101)),), chance.uniform(50, 70)
        )
    yield Step("engine", "cargo build --release", seconds=chance.uniform(170, 230))
    yield Step("engine", "ls -la target/release")
    yield Step("engine", f"git checkout -b topic{chance.randrange(99)}")


def data(chance: random.Random) -> Iterator[Step]:
    """Look after some machines and a nightly import."""
    missing = chance.random() < 0.05
    yield Step("data", "curl -sf http://api.local/daily | jq .count", (22 if missing else 0, 0), 0.9)
    yield Step("data", "ssh db1 'systemctl is-active postgres'", (0,), 0.7)
    yield Step("data", "ssh bastion uptime", (255 if chance.random() < 0.5 else 0,), 3)
    yield Step("data", "rsync -a out/ backup:/srv/out", (0,), 20)
    yield (
        Step("data", "python import.py --all", (143,), 120, late=True)
        if chance.random() < 0.7
        else Step("data", "python import.py --all", (0,), 100)
    )
    yield Step("data", "wc -l out/daily.csv")


STORIES: tuple[Story, ...] = (web, web, engine, engine, data)


class Replay(Memory):
    """A memory with a past, and replies as an agent would read them."""

    steps = 0

    def live_through(self, weeks: int = WEEKS, seed: int = 20) -> None:
        """Record the past: some sessions a day, each a few pieces of work, up to an hour before now."""
        chance = random.Random(seed)
        recorder = CoreRecorder(self.path, 200_000, 30.0)
        for number in range(weeks * 7 * SESSIONS_A_DAY):
            ago = (weeks * 7 - number / SESSIONS_A_DAY) * DAY_SECS
            at = START - ago - 3600
            for _ in range(chance.randrange(2, 5)):
                for step in chance.choice(STORIES)(chance):
                    at += step.pause + step.seconds
                    self._note(recorder, step, f"past{number:04d}", at)
        recorder.close()

    def reply(
        self,
        command: str,
        output: str = "",
        ended: Result | int = 0,
        *,
        project: str = "web",
        after: float = 30,
    ) -> str:
        """Run a command now and return the whole text of its reply."""
        result = Result(ended, output_bytes=len(output)) if isinstance(ended, int) else ended
        insights = self.run(command, result, cwd=self.project(project), after=after).insights
        return render.reply(output, _facts(result), render.Remarks(insights=insights))

    def reply_while_running(self, command: str, seconds: float, *, project: str) -> str:
        """Return the text of a reply on a command that still runs."""
        cwd = self.project(project)
        before = self.alan.get_insights(command, cwd)
        slow = self.alan.running_insight(command, cwd, round(seconds * 1000))
        insights = for_reply(before, [slow] if slow else [], None)
        facts = Facts(task_id="abc123", running=True, elapsed_ms=round(seconds * 1000))
        return render.reply("", facts, render.Remarks(insights=insights))

    def _note(self, recorder: CoreRecorder, step: Step, session: str, at: float) -> None:
        outcome = "timed_out" if step.late else "exited"
        milliseconds = round(step.seconds * 1000)
        one = Observation(
            step.command,
            session,
            step.codes[-1],
            milliseconds,
            step.late,
            step.codes,
            self.project(step.project),
            outcome,
        )
        observation_id = recorder.record(one, at)
        result = Result(step.codes[-1], step.codes, outcome, timed_out=step.late, elapsed_ms=milliseconds)
        record_ssh(self.path, ssh_uses(step.command, result), observation_id, at)
        self.steps += 1


def _facts(result: RunResult) -> Facts:
    return Facts(
        task_id="abc123",
        outcome=result.outcome,
        exit_code=result.exit_code,
        signal=result.signal,
        pipestatus=result.pipestatus,
        timed_out=result.timed_out,
        elapsed_ms=result.elapsed_ms,
    )


def scenes(replay: Replay) -> Iterator[tuple[str, str, str]]:
    """Play the present: name, command, and the reply's text of each scene."""

    def scene(name: str, command: str, *rest: object, **options: object) -> tuple[str, str, str]:
        # Which options there are is for `reply` to say.
        return name, command, replay.reply(command, *rest, **options)  # type: ignore[arg-type]

    yield scene("an ordinary success", "git status", "nothing to commit\n")
    yield scene("broken after a pull", "npm test", "Cannot find module 'left-pad'\n", 1)
    yield scene("mended", "npm test", "42 passing\n", 0, after=90)
    yield scene("nothing found", "grep -rn useReducer src", "", 1)
    yield scene(
        "a hidden failure",
        "curl -sf http://api.local/daily | jq .count",
        "",
        Result(0, (22, 0)),
        project="data",
    )
    yield scene("a host that is often away", "ssh bastion uptime", "", 255, project="data")
    yield scene(
        "too slow for its limit",
        "python import.py --all",
        "",
        Result(143, outcome="timed_out", signal="TERM", timed_out=True, elapsed_ms=120_000),
        project="data",
    )
    yield scene("a branch that is not there", "git push origin mian", "error: src refspec mian\n", 1)
    yield scene("the same mistake again", "git push origin mian", "error: src refspec mian\n", 1)
    yield scene("the same command elsewhere", "npm test", "no test specified\n", 1, project="fresh")
    build = "cargo build --release"
    yield "a long build", build, replay.reply_while_running(build, 10, project="engine")
    yield "a build that hangs", build, replay.reply_while_running(build, 700, project="engine")


def main() -> None:
    """Print every scene."""
    with tempfile.TemporaryDirectory() as temporary:
        replay = Replay(Path(temporary))
        replay.live_through()
        sys.stdout.write(f"{replay.steps} commands over {WEEKS} weeks\n")
        for name, command, text in scenes(replay):
            sys.stdout.write(f"\n# {name}\n$ {command}\n{text}\n")


if __name__ == "__main__":
    main()
