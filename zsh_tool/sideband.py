"""Learn the codes of a pipeline through a private folder, without touching the command's text.

The executor has the same in Rust; this is for Python-only mode. A text without a single ``|`` runs as it is
and its list is ``[exit code]``. Any other gets ``ZDOTDIR`` naming a folder whose ``.zshenv`` puts the old
value back, defines a ``zshexit`` hook and sources the user's own file; the hook writes into a FIFO that is
read once the shell was reaped. Where that file would not be read the text runs plain: exactness goes before
codes.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from zsh_tool.foreign import is_harmless
from zsh_tool.foreign.stamps import Stamps

NAME: Final = b"ZDOTDIR"
_READ_LIMIT: Final = 2048
_CODES_MAX: Final = 255
"""zsh keeps 256 codes at most, so a list of that length may have been cut."""
_SPEAKABLE: Final = re.compile(rb"/[A-Za-z0-9/._\-+,@%]*")
_LINE: Final = re.compile(rb"[0-9]+(?: [0-9]+)+\n")
_SYSTEM_FILES: Final = (Path("/etc/zshenv"), Path("/etc/zsh/zshenv"))
_NAMES_RCS: Final = re.compile(r"(?:^|[^a-z0-9])(?:no)?rcs(?:$|[^a-z0-9])")
_SETS_LETTER_F: Final = re.compile(r"(?:^|\s)(?:set|setopt)\s+-\S*f")
_EMULATES: Final = re.compile(r"(?:^|[\s;])emulate((?:[\s;]+-\S*)*)[\s;]+([^\s;]+)")


def has_pipe(text: bytes) -> bool:
    """Tell whether a text may hold a pipeline: it has a ``|`` that is not part of ``||``."""
    return b"|" in text.replace(b"||", b"")


def speaks_of_its_end(text: bytes) -> bool:
    """Tell whether a text may set something up for the end of its shell, where the hook would be in the way.

    A trap given as a string may run a pipeline of its own after the last one; and after ``exit`` in a function
    zsh calls only the first of the functions that are due then.
    """
    return b"trap" in text or b"zshexit" in text


class Sideband:
    """A private folder for one command that may be a pipeline."""

    def __init__(self, folder: Path, stamps: Stamps) -> None:
        """Make the folder, which must not exist yet. ValueError when its path would have to be quoted.

        ``stamps`` are those of the files that the text may have the shell read.
        """
        if not _SPEAKABLE.fullmatch(os.fsencode(folder)):
            raise ValueError(f"{folder} cannot be named in the hook")
        self.folder = folder
        self._stamps = stamps
        self._fifo = folder / "c"
        folder.mkdir(mode=0o700)
        os.mkfifo(self._fifo, 0o600)
        # Non-blocking: neither opening nor reading may wait for a writer that never comes.
        self._reader = os.open(self._fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def dress(self, env: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Write the hook, and return the environment with our folder in the caller's place, or last."""
        hook = zshenv(os.fsencode(self._fifo), os.getpid(), env.get(NAME))
        opened = os.open(self.folder / ".zshenv", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "wb") as file:
            file.write(hook)
        return {**env, NAME: os.fsencode(self.folder)}

    def read(self) -> bytes:
        """Return what the hook wrote, empty if nothing that could be believed."""
        with suppress(BlockingIOError):
            line = os.read(self._reader, _READ_LIMIT)
            return line if len(line) < _READ_LIMIT and self._stamps.hold() else b""
        return b""

    def close(self) -> None:
        """Remove the folder, and look at the files no longer."""
        self._stamps.close()
        os.close(self._reader)
        for name in (".zshenv", "c"):
            (self.folder / name).unlink(missing_ok=True)
        self.folder.rmdir()


def prepare(folder: Path, text: bytes, zsh: Path, env: Mapping[bytes, bytes], cwd: Path) -> Sideband | None:
    """Make a sideband if the text needs one and it would work; None to run the text plain.

    This looks at files and may wait a moment: it is not for the event loop's thread.
    """
    if not has_pipe(text) or speaks_of_its_end(text):
        return None
    system = _system_files(zsh)
    if system is None or os.geteuid() != os.getuid() or any(map(_is_in_the_way, system)):
        return None
    stamps = Stamps()
    try:
        if is_harmless(text, env, cwd, system, stamps):
            return Sideband(folder, stamps)
    except (OSError, ValueError):
        pass
    stamps.close()
    return None


def codes(line: bytes, text: bytes, exit_code: int, *, signalled: bool) -> tuple[int, ...]:
    """Return the pipeline codes: the list the hook wrote if it can be believed, else the exit code."""
    return (None if signalled else _believed(line, text, exit_code)) or (exit_code,)


def _believed(line: bytes, text: bytes, exit_code: int) -> tuple[int, ...] | None:
    if not _LINE.fullmatch(line):
        return None
    status, *found = map(int, line.split())
    if not 2 <= len(found) <= _CODES_MAX or max(found) > 255 or status % 256 != exit_code:
        return None
    last_nonzero = next((code for code in reversed(found) if code), None)
    pipefail = b"pipefail" in text.replace(b"_", b"").lower() and last_nonzero == exit_code
    return tuple(found) if found[-1] == exit_code or pipefail else None


def zshenv(fifo: bytes, parent: int, caller: bytes | None) -> bytes:
    """Return the file that defines the hook. The executor writes the same text, byte for byte."""
    back = b"\\builtin unset ZDOTDIR" if caller is None else b"ZDOTDIR=" + _quoted(caller)
    hook = (
        b"zshexit() { { { { () { [[ $ZSH_SUBSHELL = 0 ]] && \\builtin trap && \\builtin trap - DEBUG ZERR &&"
        b' \\builtin print -ru2 -- "$@" || \\builtin trap - DEBUG ZERR }'
        b" $? $pipestatus } 2<>" + fifo + b" } >&- } 2>&- }"
    )
    return (
        b"() { "
        + back
        + b"\n[[ $PPID = %d ]] && " % parent
        + b"\\builtin emulate -R zsh -o no_debug_before_cmd"
        b" -c '" + hook + b'\'\n} "$_"\n'
        b"[[ ( ! -e ${ZDOTDIR-$HOME}/.zshenv || -d ${ZDOTDIR-$HOME}/.zshenv )"
        b" && ! -e ${ZDOTDIR-$HOME}/.zshenv.zwc ]] ||\n"
        b' \\builtin source "${ZDOTDIR-$HOME}/.zshenv"\n'
    )


def _quoted(value: bytes) -> bytes:
    return b"'" + value.replace(b"'", b"'\\''") + b"'"


def _system_files(zsh: Path) -> list[bytes] | None:
    """Return what is in the files that a zsh may read before all others.

    None if one has a compiled form, which would be read instead.
    """
    found = []
    for file in (*_SYSTEM_FILES, zsh.resolve().parent.parent / "etc" / "zshenv"):
        if file.with_suffix(".zwc").exists():
            return None
        with suppress(OSError):
            found.append(file.read_bytes())
    return found


def _is_in_the_way(code: bytes) -> bool:
    """Tell whether a file that zsh reads first keeps it from our folder."""
    text = code.decode("utf-8", errors="replace")
    lines = [line for line in map(str.strip, text.splitlines()) if not line.startswith("#")]
    left_in = ""
    for line in lines:
        if (
            "ZDOTDIR" in line
            or _NAMES_RCS.search(line.lower().replace("_", ""))
            or _SETS_LETTER_F.search(line)
        ):
            return True
        for emulated in _EMULATES.finditer(line):
            left_in = emulated[2]
    return left_in not in {"", "zsh"}
