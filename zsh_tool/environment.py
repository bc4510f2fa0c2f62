"""The environment and the directory that commands start with.

A server that a desktop program started lacks what a login shell has: its ``PATH`` names only the
system's folders, there is no locale, and it may stand in ``/``. That is mended here, once, and
nothing that the user has set is overridden.
"""

import asyncio
import os
import pwd
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from zsh_tool.config import Settings
from zsh_tool.reaper import CHILDREN

SYSTEM_PATH: Final = frozenset(
    f"{prefix}/{name}" for prefix in ("", "/usr", "/usr/local") for name in ("bin", "sbin", "games")
)
LOGIN_LIMIT_SECS: Final = 3.0
"""A login profile that takes longer is not waited for."""
PATIENCE_SECS: Final = 1.5
"""How long the first command waits for the login shell's answer."""
MARK: Final = "zsh-tool-path"
DEFAULT_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def is_bare(path: str) -> bool:
    """Say whether a ``PATH`` names nothing but the system's own folders."""
    return all(entry in SYSTEM_PATH for entry in path.split(":") if entry)


class Environment:
    """What the commands of one server start with."""

    def __init__(self, settings: Settings, inherited: Mapping[str, str], started_in: Path | None) -> None:
        self._settings = settings
        self._base = _with_locale({**inherited})
        self._base.pop("OLDPWD", None)
        if not self._base.get("PATH"):
            self._base["PATH"] = DEFAULT_PATH
        self.problems: list[str] = []
        self.cwd = self._default_cwd(started_in)
        self.note: str | None = None
        self._login: asyncio.Task[str | None] | None = None

    def _default_cwd(self, started_in: Path | None) -> Path:
        configured = self._settings.command.cwd
        if configured is not None:
            if _is_directory(configured):
                return configured
            place = self._settings.origins.get("command.cwd", "command.cwd")
            self.problems.append(f"{place}: there is no directory {configured}; not used")
        if started_in is not None and started_in != Path("/"):
            return started_in
        home = Path(self._base.get("HOME") or _home())
        return home if _is_directory(home) else Path("/")

    def open(self) -> None:
        """Begin to ask the login shell for its ``PATH``, if ours is bare."""
        if self._settings.command.login_path and is_bare(self._base["PATH"]):
            self._login = asyncio.create_task(self._ask_login_shell())

    async def ready(self) -> None:
        """Wait, within bounds, until the login shell has answered."""
        if self._login is None:
            return
        done, _ = await asyncio.wait([self._login], timeout=PATIENCE_SECS)
        if done:
            self._take_login_path(self._login.result())
            self._login = None

    def _take_login_path(self, path: str | None) -> None:
        if path is None:
            self.note = "the login shell did not tell its PATH"
            return
        own = [entry for entry in self._base["PATH"].split(":") if entry]
        entries = dict.fromkeys([*(entry for entry in path.split(":") if entry), *own])
        self._base["PATH"] = ":".join(entries)

    async def _ask_login_shell(self) -> str | None:
        shell = self._login_shell()
        ask = f"printf '\\n{MARK}:%s\\n' \"$PATH\""
        try:
            process = await asyncio.create_subprocess_exec(
                shell,
                "-lc",
                ask,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env=self._base,
                start_new_session=True,
            )
        except OSError:
            return None
        CHILDREN.spare()
        try:
            async with asyncio.timeout(LOGIN_LIMIT_SECS):
                said, _ = await process.communicate()
        except TimeoutError:
            return None
        finally:
            # What a profile leaves behind would keep our pipe, so the whole group goes, ended or not.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            # Daemons that a profile starts come to us, but they are the user's.
            CHILDREN.spare()
        return marked_path(said)

    def _login_shell(self) -> str:
        named = self._base.get("SHELL", "")
        if Path(named).name in ("zsh", "bash", "sh", "dash", "ksh"):
            return named
        return str(self._settings.zsh or "zsh")

    async def close(self) -> None:
        """Ask no longer."""
        if self._login is not None:
            self._login.cancel()
            await asyncio.wait([self._login])

    def for_command(self, cwd: Path, pty: bool, asked: Mapping[str, str] | None) -> dict[str, str]:
        """Return the whole environment of one command."""
        env = dict(self._base)
        env["PWD"] = str(cwd)
        if pty:
            env["TERM"] = "xterm-256color"
        elif self._settings.command.profile == "agent":
            env["PAGER"] = env["GIT_PAGER"] = "cat"
        env.update(self._settings.command.env)
        env.update(asked or {})
        return env

    def directory(self, asked: str | None) -> Path:
        """Return where a command starts: ``~`` is the home directory, other names start at the default."""
        if not asked:
            return self.cwd
        home = self._base.get("HOME") or _home()
        if asked == "~" or asked.startswith("~/"):
            asked = home + asked[1:]
        return self.cwd / asked


def marked_path(said: bytes) -> str | None:
    """Find the answer among whatever a profile printed."""
    for line in reversed(said.decode("utf-8", "surrogateescape").splitlines()):
        if line.startswith(f"{MARK}:"):
            return line.removeprefix(f"{MARK}:") or None
    return None


def _with_locale(env: dict[str, str]) -> dict[str, str]:
    if not any(env.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        env["LC_CTYPE"] = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    return env


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"
