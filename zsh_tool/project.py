"""Which project a directory belongs to: the scope of history."""

import os
from pathlib import Path


def project_of(cwd: Path | str) -> str:
    """Return the nearest directory from the real ``cwd`` upwards that has an entry ``.git``, else ``cwd``.

    The executor stores the same text with each command, by the same rule.
    """
    try:
        real = Path(cwd).resolve(strict=True)
    except (OSError, ValueError):
        # A directory that is gone, or that no system could have, is a project of its own.
        real = Path(cwd)
    for directory in (real, *real.parents):
        if os.path.lexists(directory / ".git"):
            return stored_path(directory)
    return stored_path(real)


def stored_path(path: Path | str) -> str:
    """Return a path as the database holds it: text, with what is not UTF-8 replaced."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
