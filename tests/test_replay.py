"""What an agent would read after five weeks of work: judge the advice by reading it."""

from pathlib import Path

import pytest

from tests.replay import Replay, scenes

EXPECTED = """\
# an ordinary success
$ git status
nothing to commit
[exit 0 in 0.1 s]

# broken after a pull
$ npm test
Cannot find module 'left-pad'
[when this failed here before, `npm ci` was followed by success 5 of 5 times (last 17 h ago); this very command succeeded 9 h ago]
[exit 1 in 0.1 s]

# mended
$ npm test
42 passing
[exit 0 in 0.1 s]

# nothing found
$ grep -rn useReducer src
[grep exit 1: no lines matched, not an error]
[exit 1 in 0.1 s]

# a hidden failure
$ curl -sf http://api.local/daily | jq .count
[hidden by the pipeline's exit 0: `curl -sf http://api.local/daily` failed with 22 (the server answered with HTTP 400 or above)]
[exit 0 in 0.1 s; pipeline 22 0]

# a host that is often away
$ ssh bastion uptime
[ssh exit 255: ssh itself failed: the connection was not made or was lost; connecting to `bastion` failed in 20 of 50 tries (last 1 d ago)]
[exit 255 in 0.1 s]

# too slow for its limit
$ python import.py --all
[this command timed out in 35 of 50 runs here (after up to 2 min); allow more time or narrow it; this very command succeeded 4 d ago]
[timed out, ended (exit 143, TERM) in 2 min]

# a branch that is not there
$ git push origin mian
error: src refspec mian
[last success 9 h ago with `main` in place of `mian`; unusual here: exit 1 (0 in 99 of 99 runs of `git push *`)]
[exit 1 in 0.1 s]

# the same mistake again
$ git push origin mian
error: src refspec mian
[this command already failed once in the last 10 min (30 s ago, exit 1); last success 9 h ago with `main` in place of `mian`]
[exit 1 in 0.1 s]

# the same command elsewhere
$ npm test
no test specified
[exit 1 in 0.1 s]

# a long build
$ cargo build --release
[usually takes 3 min here, rarely over 4 min (50 runs)]
[running 10 s, task abc123]

# a build that hangs
$ cargo build --release
[4x longer than usual (3 min over 50 runs here)]
[running 11 min 40 s, task abc123]
"""  # noqa: E501 - these are whole replies


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    lived = Replay(tmp_path_factory.mktemp("replay"))
    lived.live_through()
    return lived


def test_replies_after_weeks_of_work(replay: Replay) -> None:
    assert replay.steps > 3000
    played = [f"# {name}\n$ {command}\n{text}\n" for name, command, text in scenes(replay)]
    assert "\n".join(played) == EXPECTED


def test_figures_of_the_whole_time(replay: Replay) -> None:
    stats = replay.alan.get_stats("all", replay.cwd)
    assert stats["commands"] >= replay.steps
    assert stats["database"]["rows"] > stats["commands"]
    assert stats["most_failed"][0]["template"] == "cargo check"
    by_project = [
        replay.alan.get_stats("project", replay.project(name))["commands"]
        for name in ("web", "engine", "data")
    ]
    assert sum(by_project) <= stats["commands"]
    assert min(by_project) > 300


def test_the_past_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = Replay(tmp_path / "a"), Replay(tmp_path / "b")
    first.live_through(weeks=1)
    second.live_through(weeks=1)
    assert first.steps == second.steps > 300
