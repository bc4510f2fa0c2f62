"""A gigabyte of output: kept within bounds, read in cuts, memory flat."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.registry import finished, registry_of, request
from zsh_tool.output import view
from zsh_tool.runner import ExecutorRunner
from zsh_tool.waiting import WaitReason, parse_until, wait_for

pytestmark = pytest.mark.anyio

GIGABYTE = 1_000_000_000
SERVER_GROWTH_KB = 40_000
EXECUTOR_MAX_KB = 24_000
"""Of a development build; a release build has its own, tighter bound in the benchmarks."""


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def test_a_gigabyte_leaves_memory_flat_and_its_end_readable(executor: Path) -> None:
    async with registry_of(executor) as registry:
        before = resident_kb(os.getpid())
        command = f"yes 'one line of a very long flood' | head -c {GIGABYTE}; echo; echo 'error: at the end'"
        task = await registry.start(request(command))
        assert isinstance(task.runner, ExecutorRunner)
        watching = asyncio.create_task(wait_for(task, parse_until("^error: at the end$", False), 100))
        peak = executor_peak = 0
        while not watching.done():
            reduced = await view.delta(task.output, task.delivered, max_chars=16_000)
            assert len(reduced.text) < 17_000
            task.delivered = reduced.end
            if task.running:
                executor_peak = max(executor_peak, resident_kb(task.runner._pid))
            peak = max(peak, resident_kb(os.getpid()))
            await asyncio.wait({watching}, timeout=0.1)
        assert watching.result().reason in {WaitReason.MATCHED, WaitReason.ENDED}
        assert (await finished(task)).output_bytes == GIGABYTE + 19
        full = await view.full(task.output)
        assert full.text.endswith("error: at the end")
        assert full.notes
        assert (await view.lines(task.output, "-1")).text == "error: at the end"
        last = task.output.newlines
        started = time.monotonic()
        found = await view.grep(task.output, "^error", spec=f"{last - 1000}-")
        assert found.text == f"{last}: error: at the end"
        assert time.monotonic() - started < 3
        assert peak - before < SERVER_GROWTH_KB
        assert executor_peak < EXECUTOR_MAX_KB
