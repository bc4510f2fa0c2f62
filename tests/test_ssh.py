"""How ssh command lines are read and recorded, and what a host's history says."""

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.memory import Memory, Result, timed_out
from zsh_tool.ssh import parse_ssh, remote_host, ssh_in, within_timeout

VECTORS = Path(__file__).parent / "vectors" / "ssh_parse.json"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(case["input"], case["expect"], id=case["name"])
        for case in json.loads(VECTORS.read_text(encoding="utf-8"))
    ],
)
def test_ssh_command_lines(command: str, expected: dict[str, Any] | None) -> None:
    parsed = parse_ssh(command)
    assert (asdict(parsed) if parsed else None) == expected


@pytest.mark.parametrize(
    ("command", "host"),
    [
        ("scp -P 22 a u@h:/x", "h"),
        ("scp -r h:/x .", "h"),
        ("scp a b", None),
        ("scp scp://u@h:22/x .", "h"),
        ("sftp -b batch u@h", "h"),
        ("rsync -av -e 'ssh -p 2' src/ me@h:dst", "h"),
        ("rsync -av src/ dst/", None),
        ("rsync -av src/ h::module", None),
        ("FOO=1 sudo rsync a [::1]:b", "[::1]"),
        ("ls -la", None),
        ("scp -l 100 -c aes -D server a h:b", "h"),
        ("scp -3 a:x b:y", "a"),
        ("scp ./a:b c", None),
        ("scp h:'a b' .", "h"),
        ("sftp -b - -s sub -R 9 h", "h"),
        ("sftp sftp://u@h:22/x", "h"),
        ("sftp u@h:/d", "h"),
        ("rsync --exclude a:b src h:dst", "h"),
        ("rsync --rsh 'ssh -p 1' --link-dest o:ld src h:dst", "h"),
        ("rsync -aB 100 -f 'merge x:y' src h:dst", "h"),
        ("rsync --exclude=a:b src dst", None),
        ("rsync rsync://h/m .", None),
        ("ssh u@$HOST ls", None),
        ('scp "$SOURCE:x" .', None),
        ("ssh h echo $HOME", "h"),
        ("FOO=1 ssh -p 2 h ls", "h"),
        ("sudo -u me /usr/bin/ssh h", "h"),
        ("./ssh h", None),
        ("sudo -u ssh h", None),
    ],
)
def test_hosts_of_the_relatives(command: str, host: str | None) -> None:
    assert remote_host(command) == host


@pytest.mark.parametrize(
    ("command", "remote"),
    [
        ("ssh h 'git pull'", "'git pull'"),
        ("A='x y' sudo -u me ssh -p 22 h  \"a  b\"", '"a b"'),
        ("env -i /usr/bin/ssh h", None),
    ],
)
def test_ssh_is_read_behind_prefixes(command: str, remote: str | None) -> None:
    found = ssh_in(command)
    assert found is not None
    assert (found.host, found.remote_command) == ("h", remote)


@pytest.mark.parametrize(
    ("command", "inside"),
    [
        ("timeout 5 ssh h 'a  b'", "ssh h 'a  b'"),
        ("A=1 timeout -k 1 --signal=INT --foreground 5s scp a h:b", "scp a h:b"),
        ("timeout 5 sudo ssh h", "sudo ssh h"),
        ("timeout 5", None),
        ("timeout", None),
        ("ssh h timeout 5 ls", None),
    ],
)
def test_what_runs_within_a_timeout(command: str, inside: str | None) -> None:
    assert within_timeout(command) == inside


def rows(memory: Memory) -> list[sqlite3.Row]:
    connection = sqlite3.connect(memory.path)
    connection.row_factory = sqlite3.Row
    found = connection.execute("SELECT * FROM ssh_observations ORDER BY rowid").fetchall()
    connection.close()
    return found


def test_each_use_is_recorded_with_its_observation(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    ended = Result(0, elapsed_ms=1500)
    memory.run("ssh web1 'systemctl status nginx'", ended)
    (row,) = rows(memory)
    assert row["observation_id"] == ended.observation_id
    assert (row["host"], row["remote_command"]) == ("web1", "'systemctl status nginx'")
    assert row["remote_command_template"] == "'systemctl status *"
    assert (row["exit_code"], row["exit_type"], row["duration_ms"]) == (0, "success", 1500)


@pytest.mark.parametrize(
    ("command", "ended", "exit_type"),
    [
        ("ssh h", Result(255), "connection_failed"),
        ("ssh h false", Result(1), "command_failed"),
        ("scp a h:b", Result(1), "command_failed"),
        ("rsync a h:b", Result(12), "connection_failed"),
        ("ssh h 'exit 12'", Result(12), "command_failed"),
        ("ssh h sleep 99", timed_out(), "timeout"),
        ("ssh h", Result(143, outcome="killed", signal="TERM"), "interrupted"),
        ("sudo ssh h", Result(255), "connection_failed"),
        ("timeout 5 ssh h", Result(255), "connection_failed"),
        ("timeout -k 1 5 ssh h ls | cat", Result(0, pipestatus=(0, 0)), "success"),
        ("ssh h ls | head -1", Result(0, pipestatus=(255, 0)), "connection_failed"),
        ("> log ssh h ls", Result(255), "connection_failed"),
        ("time ssh h ls", Result(255), "connection_failed"),
        ("cd x && ssh h ls", Result(0), "success"),
        ("cd x && ssh h ls", Result(255), "connection_failed"),
        ("cd x && timeout 5 ssh h ls", Result(255), "connection_failed"),
        ("ssh h ls && echo ok", Result(2), "command_failed"),
    ],
)
def test_ends_are_told_apart(tmp_path: Path, command: str, ended: Result, exit_type: str) -> None:
    memory = Memory(tmp_path)
    memory.run(command, ended)
    (row,) = rows(memory)
    assert row["exit_type"] == exit_type
    assert row["timed_out"] == int(ended.timed_out)


@pytest.mark.parametrize("code", [124, 137])
def test_a_timeout_before_it_is_one_of_the_host(tmp_path: Path, code: int) -> None:
    memory = Memory(tmp_path)
    memory.run("timeout -k 1 5 ssh h ls", Result(code))
    memory.run("ssh h ls", Result(code))
    first, second = rows(memory)
    assert (first["host"], first["remote_command"]) == ("h", "ls")
    assert (first["exit_type"], first["timed_out"], first["exit_code"]) == ("timeout", 1, code)
    assert (second["exit_type"], second["timed_out"]) == ("command_failed", 0)


@pytest.mark.parametrize(
    ("command", "remote"),
    [
        ("ssh h <<EOF\nls\nEOF", None),
        ("ssh h sh -s <<-'EOF' > log\n\tls | ssh x\n\tEOF\n", "sh -s"),
        ("cat <<EOF | ssh h 'cat > x; ls'\n$(date); a\nEOF", "'cat > x; ls'"),
        ("ssh h ls;", "ls"),
        ("ssh h find . -exec ls {} \\;", "find . -exec ls {} \\;"),
        ("time cat f | ssh h sh", "sh"),
        ("time timeout 5 ssh h ls 2> /dev/null ;", "ls"),
        ("ssh h ls && echo ok", "ls"),
        ("cd x && ssh h 'ls && cat' > log && echo ok > y", "'ls && cat'"),
        ("cd x && ssh h <<EOF\nls\nEOF", None),
        ("export A=b && ssh h ls;", "ls"),
    ],
)
def test_what_runs_there_is_told_from_what_is_around_it(
    tmp_path: Path, command: str, remote: str | None
) -> None:
    memory = Memory(tmp_path)
    memory.run(command)
    (row,) = rows(memory)
    assert (row["host"], row["remote_command"], row["exit_type"]) == ("h", remote, "success")


@pytest.mark.parametrize(
    ("command", "ended"),
    [
        ("cd x && ssh h ls", Result(1)),
        ("cd x && ssh h ls", timed_out()),
        ("make && ssh h ls", Result(255)),
        ("make && ssh h ls", Result(0)),
        ("ssh a && ssh b", Result(0)),
        ("! cd x && ssh h ls", Result(0)),
        ("cd x && ssh h ls | head", Result(0, pipestatus=(255, 0))),
        ("ssh h ls || true", Result(0)),
        ("cd x && ssh h ls || echo no", Result(0)),
        ("cd x && ssh h ls &", Result(0)),
        ("cd x; ssh h ls && echo ok", Result(0)),
        ("ssh -O check h", Result(255)),
        ("ssh -G h > /dev/null", Result(0)),
        ("ssh h <<EOF\nls\nEOF\necho done", Result(0)),
    ],
)
def test_an_end_that_may_be_another_one_s_is_not_recorded(
    tmp_path: Path, command: str, ended: Result
) -> None:
    memory = Memory(tmp_path)
    memory.run(command, ended)
    assert rows(memory) == []


def test_a_chain_is_warned_of_too(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for _ in range(3):
        memory.run("cd x && ssh db1 uptime > log", 255, after=4000)
    found = memory.before("cd y && ssh db1 <<EOF\nls\nEOF").of("ssh")
    assert found is not None
    assert "`db1` failed in 3 of 3 tries" in found.message


@pytest.mark.parametrize(
    "command",
    [
        "sudo -u ssh h",
        "timeout 5 cat ssh",
        "echo ssh h",
        "ssh",
        "(ssh h)",
        "ssh $HOST ls",
        "scp a `host`:b",
    ],
)
def test_what_cannot_be_told_is_not_recorded(tmp_path: Path, command: str) -> None:
    memory = Memory(tmp_path)
    memory.run(command)
    assert rows(memory) == []


def test_a_host_that_often_cannot_be_reached_is_warned_of(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for code in (0, 255, 255, 0):
        memory.run("ssh db1 uptime", code, after=4000)
    found = memory.before("ssh db1 'df -h'").of("ssh")
    assert found is not None
    assert found.level == "warning"
    assert "`db1` failed in 2 of 4 tries" in found.message


def test_a_host_is_warned_of_whatever_runs_ssh(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for command in ("timeout 5 ssh db1 uptime", "sudo ssh db1", "ssh db1"):
        memory.run(command, 255, after=4000)
    found = memory.before("timeout 9 ssh db1 'df -h'").of("ssh")
    assert found is not None
    assert "`db1` failed in 3 of 3 tries" in found.message


def test_timeouts_say_nothing_about_the_host(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for _ in range(5):
        memory.run("ssh db1 slow", timed_out(), after=4000)
    assert memory.before("ssh db1 uptime").of("ssh") is None


def test_a_remote_command_that_keeps_failing_is_told_from_the_host(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for _ in range(4):
        memory.run("ssh db1 git pull origin main", 1, after=4000)
    found = memory.before("ssh db1 git pull origin dev").of("ssh")
    assert found is not None
    assert "`git pull *` failed in 4 of 4 runs on `db1`, which was reached" in found.message
    reliable = memory.before("ssh db1 uptime").of("ssh")
    assert reliable is None


def test_a_reliable_host_is_noted_for_machines_only(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for _ in range(6):
        memory.run("ssh db1 uptime", 0, after=4000)
    found = memory.before("ssh db1 uptime").of("ssh")
    assert found is not None
    assert (found.level, found.shown) == ("info", False)
