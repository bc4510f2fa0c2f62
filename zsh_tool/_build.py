"""Places that a packager fixes at build time.

Each value is a placeholder between at-signs until a build replaces it; a value that still starts
with ``@`` is unset. Environment, configuration file and arguments win over what is written here.
"""

from typing import Final

EXECUTOR: Final = "@executor@"
"""Absolute path of ``zsh-tool-exec``."""
ZSH: Final = "@zsh@"
"""Absolute path of the zsh that runs commands."""
ALAN_DB_PATH: Final = "@alanDbPath@"
"""Template of the database's path; ``$XDG_STATE_HOME`` and ``$HOME`` are expanded at run time."""


def wired(value: str) -> str | None:
    """Return ``value``, or None when no build has replaced its placeholder."""
    return None if value.startswith("@") else value
