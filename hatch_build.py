"""Put the compiled executor and the database's migrations into the wheel.

``ZSH_TOOL_BUILD_EXECUTOR`` says where the executor comes from: unset, cargo compiles it; a path is a
program that was compiled before; ``0`` leaves it out, for a packager who wires its place into
``zsh_tool/_build.py``. An editable install compiles nothing: a checkout finds its own build.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CRATE = "zsh-tool-rs"
MIGRATIONS = f"{CRATE}/src/alan/migrations"
VARIABLE = "ZSH_TOOL_BUILD_EXECUTOR"
WITHOUT = f"set {VARIABLE} to a compiled zsh-tool-exec, or to 0 for the Python part alone"


class ExecutorHook(BuildHookInterface[BuilderConfig]):
    """Adds to a wheel what is not Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile and include the executor, unless told otherwise; tag the wheel for its platform."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        included = build_data["force_include"]
        included[str(root / MIGRATIONS)] = "zsh_tool/migrations"
        wanted = os.environ.get(VARIABLE, "")
        if wanted == "0":
            return
        executor = Path(wanted).absolute() if wanted else self.compiled(root / CRATE)
        if not os.access(executor, os.X_OK):
            self.app.abort(f"{VARIABLE}: {executor} is not an executable file")
        included[str(executor)] = "zsh_tool/bin/zsh-tool-exec"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"

    def compiled(self, crate: Path) -> Path:
        """Compile the executor with cargo and return where it is, as cargo tells it."""
        if shutil.which("cargo") is None:
            self.app.abort(f"cargo is needed to compile the executor: install Rust 1.89+, or {WITHOUT}")
        command = ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics"]
        # cargo looks for .cargo/config.toml from the working directory upwards
        build = subprocess.run(command, cwd=crate, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        if build.returncode:
            self.app.abort(f"cargo could not compile the executor; its messages are above. Or {WITHOUT}")
        messages = map(json.loads, build.stdout.splitlines())
        return next(Path(found) for message in messages if (found := message.get("executable")))


def platform_tag() -> str:
    """Return the tag of wheels that run on this platform and processor, whatever the Python."""
    if sys.platform == "darwin":  # the processor's own tag, also from a universal Python
        from packaging.tags import mac_platforms  # noqa: PLC0415  (only there needed)

        return next(iter(mac_platforms()))
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
