"""The ``zsh-tool`` command: what its words mean, before anything of the server is loaded."""

import sys
from collections.abc import Sequence
from typing import Final

from zsh_tool import __version__

USAGE: Final = f"""\
zsh-tool {__version__}: a zsh for AI coding agents, served over MCP on stdin and stdout.

usage: zsh-tool            serve one client; the client starts it, nothing is to be typed
       zsh-tool --version  print the version
       zsh-tool --help     print this

Add it to a client's configuration as a stdio server with the command "zsh-tool".
Its own configuration: ~/.config/zsh-tool/config.toml (XDG_CONFIG_HOME).
"""
GOOD: Final = 0
USAGE_ERROR: Final = 2


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] in ("--version", "-V"):
        return _say(f"zsh-tool {__version__}\n")
    if words and words[0] in ("--help", "-h"):
        return _say(USAGE)
    if words:
        sys.stderr.write(f"zsh-tool: unknown argument {words[0]!r}\n\n{USAGE}")
        return USAGE_ERROR
    if sys.stdin is None or sys.stdout is None:
        sys.stderr.write("zsh-tool: stdin and stdout must be open: an MCP client talks over them\n")
        return USAGE_ERROR
    if sys.stdin.isatty():
        return _say(USAGE)
    return _serve()


def _say(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough; nothing is to be flushed into its pipe at exit.
        sys.stdout = None
    return GOOD


def _serve() -> int:
    # The SDK takes most of a second to load, which no other use of the command should pay for.
    from zsh_tool import serving  # noqa: PLC0415

    return serving.serve()
