"""Which project a directory belongs to: the scope of history."""

from pathlib import Path


def project_of(cwd: Path | str) -> str:
    """Return the nearest ancestor of the real ``cwd`` (or itself) with an entry ``.git``, else the real ``cwd``.

    The executor stores the same text with each command, by the same rule.
    """
    real = Path(cwd).resolve()
    for directory in (real, *real.parents):
        if _has_git_entry(directory):
            return stored_path(directory)
    return stored_path(real)


def stored_path(path: Path | str) -> str:
    """Return a path as the database holds it: text, with what is not UTF-8 replaced."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _has_git_entry(directory: Path) -> bool:
    try:
        return (directory / ".git").exists()
    except OSError:
        return False
