"""Which project a directory belongs to: the scope of history."""

import os
from pathlib import Path


def project_of(cwd: Path | str) -> str:
    """Return the nearest directory from the real ``cwd`` upwards that has an entry ``.git``, else ``cwd``.

    The executor stores the same text with each command, by the same rule.
    """
    try:
        real = os.path.realpath(cwd, strict=True)
    except (OSError, ValueError):
        # A directory that is gone, or that no system could have, is a project of its own.
        real = str(Path(cwd))
    # By names, not by `Path`: this is asked with each command, and takes less than half of the time so.
    directory, above = "", real
    while directory != above:
        directory, above = above, os.path.dirname(above) or os.curdir  # noqa: PTH120
        if os.path.lexists(os.path.join(directory, ".git")):  # noqa: PTH118
            return stored_path(directory)
    return stored_path(real)


def stored_path(path: Path | str) -> str:
    """Return a path as the database holds it: text, with what is not UTF-8 replaced."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
