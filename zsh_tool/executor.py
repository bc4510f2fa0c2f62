"""Find the executor: the first place that has a usable one, and what was wrong with those before it."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zsh_tool import _build
from zsh_tool.config import Settings

PROTOCOL = 1
"""The version of the control channel that this server speaks."""
NAME = "zsh-tool-exec"
_VERSION = re.compile(r"zsh-tool-exec (\S+) \(protocol (\d+)\)")
_PACKAGE = Path(__file__).resolve().parent
_ANSWER_LIMIT_SECS = 5.0


@dataclass(frozen=True)
class ExecutorChoice:
    """The executor to use, or None for Python-only mode."""

    path: Path | None
    origin: str
    version: str = ""
    problems: tuple[str, ...] = ()

    @property
    def python_only(self) -> bool:
        """Whether commands have to be run without an executor."""
        return self.path is None


def find_executor(settings: Settings) -> ExecutorChoice:
    """Return the first usable executor. Blocks while each candidate is asked for its version."""
    if settings.executor == "":
        return ExecutorChoice(None, "ZSH_TOOL_EXEC is empty")
    problems: list[str] = []
    for origin, path in _candidates(settings):
        version, problem = _ask(path)
        if not problem:
            return ExecutorChoice(path, origin, version, tuple(problems))
        problems.append(f"{origin}: {problem}")
    return ExecutorChoice(None, "no executor was found", "", tuple(problems))


def _candidates(settings: Settings) -> Iterator[tuple[str, Path]]:
    if settings.executor:
        yield "ZSH_TOOL_EXEC", _given(settings.executor)
    wired = _build.wired(_build.EXECUTOR)
    if wired:
        yield "the path built in", Path(wired)
    for origin, path in (
        ("the installed package", _PACKAGE / "bin" / NAME),
        ("the checkout", _PACKAGE.parent / "zsh-tool-rs" / "target" / "release" / NAME),
    ):
        if path.exists():
            yield origin, path
    on_path = shutil.which(NAME)
    if on_path:
        yield "PATH", Path(on_path)


def _given(name: str) -> Path:
    path = Path(name)
    if "/" not in name and not name.startswith("~"):
        return path
    # An executor is started in another directory than ours, so a name below ours would not be found there.
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        # Nobody is called so: asked for its version as it stands, it is one more that cannot be run.
        return path


def _ask(path: Path) -> tuple[str, str]:
    """Return the version and what is wrong with this executor, one of them empty."""
    try:
        asked = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_LIMIT_SECS,
            check=False,
        )
    except (OSError, ValueError) as error:
        return "", f"{path} cannot be run: {getattr(error, 'strerror', None) or error}"
    except subprocess.TimeoutExpired:
        return "", f"{path} does not answer --version"
    said = asked.stdout.decode("utf-8", "replace").strip()
    found = _VERSION.fullmatch(said)
    if found is None:
        return "", f"{path} is not an executor (--version said {said[:80]!r}, status {asked.returncode})"
    if int(found[2]) != PROTOCOL:
        return "", f"{path} speaks protocol {found[2]}, this server {PROTOCOL}"
    return found[1], ""
