"""Progress notices of a silent command: a heartbeat, and what history expects."""

from pathlib import Path

import pytest

from tests.registry import registry_of, request
from tests.waits import until
from zsh_tool import progress
from zsh_tool.insights import DurationEstimate

pytestmark = pytest.mark.anyio


async def test_a_silent_command_is_told_of_until_it_ends(
    executor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (progress.APART_SECS, progress.HEARTBEAT_SECS) == (1, 10)
    for name in ("FIRST_SECS", "APART_SECS", "HEARTBEAT_SECS"):
        monkeypatch.setattr(progress, name, 0.01)
    said: list[tuple[float, float | None, str]] = []

    async def report(value: float, total: float | None, message: str) -> None:
        said.append((value, total, message))

    estimate = DurationEstimate(runs=9, median_ms=60_000, p90_ms=70_000)
    async with registry_of(executor) as registry:
        task = await registry.start(request("sleep 100"))
        async with progress.reported(task, estimate, report):
            await until(lambda: len(said) >= 5)
        told = len(said)
        await task.kill()
    assert len(said) == told
    assert [value for value, _, _ in said] == sorted(value for value, _, _ in said)
    assert {total for _, total, _ in said} == {60.0}
    assert all(message.endswith(" left") for _, _, message in said)
