"""Serve one client from the first byte to the orderly end."""

import asyncio
import gc
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

# Loading makes a great many objects that stay: looking for garbage among them is time for nothing.
gc.disable()

from zsh_tool import config, transport  # noqa: E402
from zsh_tool.config import Settings  # noqa: E402
from zsh_tool.protocol import Face  # noqa: E402
from zsh_tool.session import Session, opened  # noqa: E402

gc.freeze()
gc.enable()

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
EXIT_LIMIT_SECS: Final = 2.9
SWITCH_SECS: Final = 0.0002
"""How long the event loop waits for a thread that computes. The interpreter's own 5 ms are a command's time."""
THREADS: Final = 32
"""Expressions and files that take long must not keep a short command waiting for a thread."""

log = logging.getLogger(__name__)


def serve() -> int:
    """Serve until the client goes away or a signal comes; return the exit status."""
    sys.setswitchinterval(SWITCH_SECS)
    settings = config.load()
    settings = _set_up_logging(settings)
    for problem in settings.problems:
        log.warning("%s", problem)
    return asyncio.run(_serve(settings))


def _set_up_logging(settings: Settings) -> Settings:
    """Log where the settings say; return them with what is wrong with that."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    problem = ""
    if settings.server.log_file is not None:
        try:
            descriptor = os.open(settings.server.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            handlers = [logging.StreamHandler(os.fdopen(descriptor, "a", encoding="utf-8"))]
        except OSError as error:
            place = settings.origins["server.log_file"]
            problem = f"{place}: {settings.server.log_file}: {error.strerror}; logging to stderr"
    logging.basicConfig(
        level=settings.server.log_level.upper(),
        format="zsh-tool: %(levelname)s: %(message)s",
        handlers=handlers,
        force=True,
    )
    return replace(settings, problems=(*settings.problems, problem)) if problem else settings


async def _serve(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "worker"))
    async with transport.stdio() as (reader, writer):
        for number in SIGNALS:
            loop.add_signal_handler(number, reader.end, number.name)
        async with opened(Session(settings, os.environ, _started_in())) as session:
            reader.on_end = session.say_good_bye
            writer.on_answer = session.answered
            await Face(session).run(reader, writer)
            loop.call_later(EXIT_LIMIT_SECS, _give_up, reader.ended_by)
    return _status(reader.ended_by)


def _started_in() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None


def _status(ended_by: str | None) -> int:
    numbers = {number.name: number for number in SIGNALS}
    return 128 + numbers[ended_by] if ended_by in numbers else 0


def _give_up(ended_by: str | None) -> None:
    # A thread that hangs (a dead network file system, say) would keep the process from ending.
    log.error("clean-up did not finish within %s s", EXIT_LIMIT_SECS)
    os._exit(_status(ended_by) or 1)
