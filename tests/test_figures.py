"""What the stats and query tools answer, from histories made for them."""

from pathlib import Path
from typing import Any

import pytest

from tests.memory import Memory, Result, timed_out
from zsh_tool import figures, health
from zsh_tool.database import Reader


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def commands(memory: Memory, **options: Any) -> list[str]:
    return [row["command"] for row in memory.alan.query(cwd=memory.cwd, **options)]


def test_failures_are_found_behind_any_number_of_answers(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "PAGE", 3)
    for command in ("make a", "make b"):
        memory.run(command, 2)
        for number in range(7):
            memory.run(f"grep {number} file", 1)
    assert commands(memory, failed_only=True, limit=1) == ["make b"]
    assert commands(memory, failed_only=True) == ["make b", "make a"]
    assert commands(memory, failed_only=True, search="a") == ["make b", "make a"]


def test_a_command_and_its_like_are_found(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("git push origin main", "git push -f x", "git pull", "git push a | cat", "echo 'a b'"):
        memory.run(command, Result(0, (0, 0) if "|" in command else (0,)))
    plans: list[str] = []
    plain = Reader.rows

    def explained(self: Reader, sql: str, parameters: Any = ()) -> list[Any]:
        if sql.startswith("SELECT rowid"):
            plans.extend(row[3] for row in plain(self, "EXPLAIN QUERY PLAN " + sql, parameters))
        return plain(self, sql, parameters)

    monkeypatch.setattr(Reader, "rows", explained)
    assert commands(memory, command="git push origin dev") == ["git push origin main"]
    assert commands(memory, command="git push *") == ["git push origin main"]
    assert commands(memory, command="git push b | cat") == ["git push a | cat"]
    assert commands(memory, command="echo 'c d'") == ["echo 'a b'"]
    assert commands(memory, command="git fetch") == []
    assert plans
    assert [plan for plan in plans if "TEMP B-TREE" in plan or plan.startswith("SCAN")] == []


def test_figures_of_a_command_are_of_its_like(memory: Memory) -> None:
    memory.run("curl -s a", Result(7, elapsed_ms=300))
    memory.run("curl -s b", Result(0, elapsed_ms=500))
    memory.run("curl -s a; echo done")
    memory.run("curl -s a | wc", Result(0, (7, 0)))
    memory.run("curl -s a", 7, cwd=memory.project("other"))
    stats = memory.alan.get_pattern_stats("curl -s a", memory.cwd)
    assert (stats["same_hash"]["runs"], stats["same_hash"]["failed"]) == (1, 1)
    alike = stats["same_template"]
    assert (alike["runs"], alike["failed"], alike["median_ms"]) == (2, 1, 400)
    assert alike["last"]["command"] == "curl -s b"
    # The streak counts segments and all projects, as its table does.
    assert stats["streak"]["current"] == -3


def test_what_somebody_ended_is_neither_success_nor_failure(memory: Memory) -> None:
    memory.run("make")
    memory.run("make", 2)
    for outcome in ("killed", "cancelled"):
        memory.run("npm start", Result(143, outcome=outcome, signal="TERM"))
    memory.run("sleep 99", timed_out())
    stats = memory.alan.get_stats("project", memory.cwd)
    assert (stats["commands"], stats["succeeded"], stats["failed"], stats["timed_out"]) == (5, 1, 2, 1)
    assert stats["success_rate"] == round(1 / 3, 3)


@pytest.mark.parametrize(("scope", "count"), [("session", 1), ("project", 2), ("all", 3)])
def test_figures_and_searches_keep_to_their_scope(memory: Memory, scope: figures.Scope, count: int) -> None:
    memory.run("make a | cat", Result(0, (0, 0)))
    memory.run("make b", cwd=memory.project("other"))
    memory.open("sess0002")
    memory.run("make c | sort | head", Result(0, (0, 0, 0)))
    assert memory.alan.get_stats(scope, memory.cwd)["commands"] == count
    assert len(commands(memory, scope=scope)) == count
    assert len(commands(memory, scope=scope, search="make")) == count


def test_kinds_that_are_mute_are_told_also_without_figures(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "zsh-tool"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[insights]\nmute = ["similar"]\n', encoding="utf-8")
    memory = Memory(tmp_path)
    memory.run("make")
    told = health.table(memory.alan.get_stats("session", memory.cwd))
    assert "kind=similar  shown=0  helped=0  ignored=0  muted=configured" in told
    assert "kind=retry" not in told
