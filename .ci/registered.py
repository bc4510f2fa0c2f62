"""Print how MCP clients would start the server, from the configuration files that they read.

FILE is JSON with `mcpServers`, or TOML with `mcp_servers`.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any


def command(file: Path) -> str:
    """Return the command under which one file registers zsh-tool."""
    text = file.read_text(encoding="utf-8")
    servers: dict[str, dict[str, Any]]
    servers = tomllib.loads(text)["mcp_servers"] if file.suffix == ".toml" else json.loads(text)["mcpServers"]
    return str(servers["zsh-tool"]["command"])


if __name__ == "__main__":
    print("\n".join(command(Path(name)) for name in sys.argv[1:]))
