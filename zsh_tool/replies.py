"""What a tool answers: text for the model, and the same facts for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from zsh_tool.insights import Insight
from zsh_tool.task import Task
from zsh_tool.waiting import Waited, WaitReason

META_KEY: Final = "io.github.zsh-tool/result"


@dataclass(frozen=True)
class Facts:
    """The facts of a reply about one command. Every key is always there."""

    task_id: str | None = None
    running: bool = False
    outcome: str | None = None
    ended_by: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    pipestatus: Sequence[int] | None = None
    timed_out: bool = False
    elapsed_ms: int = 0
    output_bytes: int = 0
    truncated: bool = False
    waiting_for_input: bool = False
    survivors: Sequence[Mapping[str, Any]] = ()
    cwd: str | None = None
    insights: Sequence[Mapping[str, str]] = ()

    def as_meta(self) -> dict[str, Any]:
        """Return the facts as they go into a result's ``_meta``."""
        return dict(vars(self))


def facts_of(
    task: Task, waited: Waited | None = None, truncated: bool = False, insights: Sequence[Insight] = ()
) -> Facts:
    """Take the facts from a task as it is now."""
    shown = tuple({"kind": one.kind, "level": one.level, "message": one.message} for one in insights)
    result = task.result
    if result is None:
        return Facts(
            task_id=task.id,
            running=True,
            elapsed_ms=task.elapsed_ms,
            output_bytes=task.output.total,
            truncated=truncated,
            waiting_for_input=waited is not None and waited.reason is WaitReason.INPUT,
            cwd=str(task.cwd),
            insights=shown,
        )
    return Facts(
        task_id=task.id,
        outcome=result.outcome,
        ended_by=result.ended_by,
        exit_code=result.exit_code,
        signal=result.signal,
        pipestatus=tuple(result.pipestatus),
        timed_out=result.timed_out,
        elapsed_ms=result.elapsed_ms,
        output_bytes=max(result.output_bytes, task.output.total) if result.survivors else result.output_bytes,
        truncated=truncated,
        survivors=tuple({"pid": one.pid, "name": one.name} for one in result.survivors) if task.live else (),
        cwd=result.cwd or str(task.cwd),
        insights=shown,
    )


@dataclass(frozen=True)
class Reply:
    """A tool's answer before it becomes an MCP result."""

    text: str
    facts: Facts | None = None
    is_error: bool = False
    structured: Mapping[str, Any] | None = field(default=None)
