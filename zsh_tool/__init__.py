"""A zsh for AI coding agents, served over MCP."""

from typing import Final

__all__ = ["__version__"]

__version__: Final = "0.1.0"
"""The version of the package, which the server tells its clients."""
