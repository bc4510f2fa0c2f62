"""Write a task's output in the layout that the executor uses, for Python-only mode."""

import os
import struct
from pathlib import Path

from zsh_tool.output import layout
from zsh_tool.output.layout import SLOT

_WORD = struct.Struct("<Q")


class OutputWriter:
    """Puts down blocks of output, keeps the index of lines. A full disk loses output, never the command."""

    def __init__(self, directory: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._output = os.open(directory / "output", flags, 0o600)
        self._index = os.open(directory / "index", flags, 0o600)
        self.total = 0
        self.newlines = 0
        self.error: str | None = None
        self._generation = 0
        os.pwrite(self._index, bytes(layout.INDEX_BYTES), 0)
        self._put_header()

    def write(self, data: bytes) -> None:
        """Add ``data`` to the output."""
        view = memoryview(data)
        while view:
            step = min(len(view), SLOT - layout.position(self.total) % SLOT)
            self._write_within_slot(bytes(view[:step]))
            view = view[step:]

    def close(self) -> None:
        """Close both files."""
        os.close(self._output)
        os.close(self._index)

    def _write_within_slot(self, part: bytes) -> None:
        at = layout.position(self.total)
        self._generation += 1
        self._put_header()
        if self.error is None:
            try:
                os.pwrite(self._output, part, at)
            except OSError as error:
                self.error = f"output is no longer kept: {error.strerror}"
        if at % SLOT == 0:
            slot = layout.HEADER_WORDS + at // SLOT
            os.pwrite(self._index, _WORD.pack(self.newlines), slot * _WORD.size)
        self.total += len(part)
        self.newlines += part.count(b"\n")
        self._generation += 1
        self._put_header()

    def _put_header(self) -> None:
        header = layout.HEADER.pack(layout.MAGIC, self.total, self.newlines, self._generation)
        os.pwrite(self._index, header, 0)
