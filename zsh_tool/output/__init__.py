"""What tasks printed: the kept file, cuts of it that fit a reply, and a terminal's screen."""

from zsh_tool.output.reduced import Reduced
from zsh_tool.output.store import OutputStore

__all__ = ["OutputStore", "Reduced"]
