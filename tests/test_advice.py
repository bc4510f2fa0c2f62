"""An error while advice is made costs the advice, never the reply."""

import logging
from pathlib import Path

import pytest

from zsh_tool import alan, session
from zsh_tool.config import load
from zsh_tool.taskmodel import TaskRequest

pytestmark = pytest.mark.anyio


# Where there is nothing to say of a success, only what tells so is asked.
@pytest.mark.parametrize(
    ("maker", "command"),
    [
        *((maker, "true") for maker in ("get_insights", "estimate", "insights_at_once", "running_insight")),
        *((maker, "exit 3") for maker in ("get_insights", "estimate", "insights_at_once", "running_insight")),
        ("record", "exit 3"),
        ("get_post_insights", "exit 3"),
    ],
)
async def test_an_error_of_ours_costs_the_advice_only(
    maker: str,
    command: str,
    tmp_path: Path,
    executor: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_args: object, **_named: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setenv("ZSH_TOOL_EXEC", str(executor))
    monkeypatch.setattr(alan.ALAN, maker, broken)
    monkeypatch.setattr(session, "surely_not_long", lambda _estimate, _elapsed: False)
    async with session.opened(session.Session(load(), {}, None)) as open_session:
        await open_session.ready()
        request = TaskRequest(command, tmp_path, {"PATH": "/usr/bin:/bin"})
        task = await open_session.start(request)
        result = await task.ended
        assert result.exit_code == (0 if command == "true" else 3)
        await open_session.after(task)
        assert await open_session.running_insight(task) is None
    told = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert told
    assert all(one.exc_info and "too deep" in str(one.exc_info[1]) for one in told)
