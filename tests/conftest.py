"""Every test gets a home of its own, and the suite fails where there is no executor to test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.memory import Rules, rules

CHECKOUT = Path(__file__).resolve().parent.parent
_BUILT = [CHECKOUT / "zsh-tool-rs" / "target" / profile / "zsh-tool-exec" for profile in ("release", "debug")]
_KEPT = {"PATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "ZSH_TOOL_ZSH", "PYTHONPATH", "LD_LIBRARY_PATH"}


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the home directory and everything under XDG at a directory of this test."""
    for name in set(os.environ) - _KEPT:
        if name.startswith(("XDG_", "ALAN_", "NEVERHANG_", "ZSH_TOOL_", "ZDOTDIR")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    for name, place in {
        "XDG_CONFIG_HOME": ".config",
        "XDG_STATE_HOME": ".local/state",
        "XDG_DATA_HOME": ".local/share",
        "XDG_CACHE_HOME": ".cache",
    }.items():
        monkeypatch.setenv(name, str(home / place))
    return home


def _find_executor() -> Path | None:
    given = os.environ.get("ZSH_TOOL_EXEC")
    places = [Path(given)] if given else _BUILT
    return next((place for place in places if place.is_file() and os.access(place, os.X_OK)), None)


EXECUTOR = _find_executor()


@pytest.fixture
def executor() -> Path:
    """Return the real executor; a suite without one fails, it does not skip."""
    if EXECUTOR is None:
        pytest.fail("no executor: set ZSH_TOOL_EXEC or run `cargo build --release` in zsh-tool-rs")
    return EXECUTOR


@pytest.fixture(scope="module")
def rust() -> Iterator[Rules]:
    """Run the executor's side of the rules that both languages have; not beside tests that kill all children."""
    given = os.environ.get("ZSH_TOOL_RULES")
    built = [place.with_name("examples") / "rules" for place in _BUILT]
    program = next((place for place in ([Path(given)] if given else built) if place.is_file()), None)
    if program is None:
        pytest.fail("no rules program: `cargo build --example rules` in zsh-tool-rs, or set ZSH_TOOL_RULES")
    with rules(program) as running:
        yield running


@pytest.fixture
def anyio_backend() -> Iterator[str]:
    """Run asynchronous tests on asyncio, which is what the server runs on."""
    yield "asyncio"
