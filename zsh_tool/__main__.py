"""``python -m zsh_tool``: the same as the ``zsh-tool`` command."""

from zsh_tool.command_line import main

if __name__ == "__main__":
    raise SystemExit(main())
