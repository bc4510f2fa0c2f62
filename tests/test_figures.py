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


def explained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note how every SELECT of rows finds them."""
    plans: list[str] = []
    plain = Reader.rows

    def noted(self: Reader, sql: str, parameters: Any = ()) -> list[Any]:
        if sql.startswith("SELECT rowid"):
            plans.extend(row[3] for row in plain(self, "EXPLAIN QUERY PLAN " + sql, parameters))
        return plain(self, sql, parameters)

    monkeypatch.setattr(Reader, "rows", noted)
    return plans


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
    plans = explained(monkeypatch)
    assert commands(memory, command="git push origin dev") == ["git push origin main"]
    assert commands(memory, command="git push *") == ["git push origin main"]
    assert commands(memory, command="git push b | cat") == ["git push a | cat"]
    assert commands(memory, command="echo 'c d'") == ["echo 'a b'"]
    assert commands(memory, command="git fetch") == []
    assert plans
    assert [plan for plan in plans if "TEMP B-TREE" in plan or plan.startswith("SCAN")] == []


def test_what_an_index_leads_to_is_found_behind_any_number_of_rows(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "REACH", 20)
    monkeypatch.setattr(figures, "PAGE", 3)
    for command in ("echo needle", "git push origin main", "echo last"):
        memory.run(command)
    for number in range(30):
        memory.run(f"make {number}", 2, cwd=memory.project("other"))
    plans = explained(monkeypatch)
    assert commands(memory, search="needle") == ["echo needle"]
    for scope in ("project", "all"):
        assert commands(memory, command="echo needle", scope=scope) == ["echo needle"]
        assert commands(memory, command="git push *", scope=scope) == ["git push origin main"]
        assert commands(memory, command="echo needle", search="other", scope=scope) == []
    assert commands(memory) == ["echo last", "git push origin main", "echo needle"]
    assert memory.alan.get_stats("project", memory.cwd)["commands"] == 3
    memory.open("sess0002")
    memory.run("make")
    assert memory.alan.get_stats("session", memory.cwd)["commands"] == 1
    assert commands(memory, scope="session", command="make") == ["make"]
    assert plans
    assert [plan for plan in plans if "TEMP B-TREE" in plan or plan.startswith("SCAN obs")] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"search": "needle", "scope": "all"}, "0 found among the newest 20 records"),
        ({"search": "curl", "scope": "all", "limit": 5}, "5 found"),
        ({"search": "host/2", "scope": "all"}, "10 found among the newest 20 records"),
        ({"failed_only": True, "limit": 100}, "20 found among the newest 20 records"),
        ({"command": "curl -s *", "search": "host/1", "limit": 100}, "10 found among the newest 20 records"),
        ({"search": "needle"}, "0 found among the newest 20 records"),
        ({"search": "nothing", "command": "echo needle"}, "0 found"),
    ],
)
def test_a_search_says_how_far_it_looked(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(figures, "REACH", 20)
    monkeypatch.setattr(figures, "PAGE", 3)
    memory.run("echo needle")
    for number in range(30):
        memory.run(f"curl -s host/{number}", 7)
    facts = memory.alan.search(cwd=memory.cwd, **options)
    last = health.found(facts).splitlines()[-1]
    assert last.removeprefix("[").removesuffix("]").split(";")[0] == said
    assert facts["looked_at"] == (20 if "among" in said else None)


def test_a_search_in_an_unreadable_database_says_so(tmp_path: Path) -> None:
    memory = Memory(tmp_path, executor_active=True)
    memory.path.parent.mkdir()
    memory.path.write_bytes(b"not a database, not at all\n" * 400)
    facts = memory.alan.search(cwd=memory.cwd)
    assert facts["rows"] == []
    assert health.found(facts) == f"[0 found; database: {memory.path}: file is not a database]"


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
