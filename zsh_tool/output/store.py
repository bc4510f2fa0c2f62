"""Read the kept output of one task."""

from pathlib import Path


class OutputStore:
    """The bounded file with a task's output, and its index."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def total(self) -> int:
        """How many bytes were printed so far, kept or not."""
        raise NotImplementedError
