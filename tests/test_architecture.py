"""The shape of the package: imports point one way, and few modules know the protocol."""

import ast
import tomllib
from pathlib import Path

import pytest

from zsh_tool import __version__

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "zsh_tool"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each row may import the rows below it and its own. A module stands by its first name, so insights/ssh.py
# is `insights`. A module that is not named here fails the first test: give it its place.
LAYERS = [
    {"__main__", "command_line", "serving"},
    {"protocol", "prompts", "server", "resources", "progress", "transport"},
    {"arguments", "health", "look", "render", "replies", "sending", "session"},
    {"tasks"},
    {"launch", "local", "shelf", "standby"},
    {"alan", "control", "environment", "executor", "localtask", "matching", "neverhang", "output", "runner"}
    | {"task", "taskdirs", "waiting"},
    {
        "figures",
        "foreign",
        "meta",
        "process",
        "recording",
        "recording_core",
        "reaper",
        "sessions",
        "sideband",
        "taskmodel",
    },
    {"database", "filesystem", "insights", "manopt", "normalize", "project", "queries", "retention"}
    | {"ssh", "upgrade"},
    {
        "__init__",
        "_build",
        "advice",
        "config",
        "config_values",
        "expressions",
        "ids",
        "keys",
        "spellings",
        "wire",
    },
]
KNOWS_MCP = {"server", "protocol", "resources", "prompts", "progress", "transport", "wire"}


def short_name(module: Path) -> str:
    """Return the name by which LAYERS knows a module."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer_of(name: str) -> int:
    return next((number for number, names in enumerate(LAYERS) if name in names), len(LAYERS))


def imported(module: Path) -> set[str]:
    """Return every dotted name that a module imports, those under TYPE_CHECKING aside."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_module_has_its_place() -> None:
    placed = set().union(*LAYERS)
    assert {short_name(module) for module in MODULES} <= placed


@pytest.mark.parametrize("module", MODULES, ids=short_name)
def test_imports_point_one_way(module: Path) -> None:
    own = short_name(module)
    parts = [name.split(".") for name in imported(module) if name.startswith("zsh_tool.")]
    names = {part[1] for part in parts if any(part[1] in names for names in LAYERS)}
    upwards = {name for name in names if layer_of(name) < layer_of(own)}
    assert not upwards, f"{own} imports {upwards}, which stand above it"


@pytest.mark.parametrize("module", MODULES, ids=short_name)
def test_few_modules_know_the_protocol(module: Path) -> None:
    roots = {name.split(".")[0] for name in imported(module)}
    assert short_name(module) in KNOWS_MCP or not roots & {"mcp", "mcp_types"}


def test_a_file_can_be_read_in_one_sitting() -> None:
    files = [
        *MODULES,
        *TOP.glob("zsh-tool-rs/src/**/*.rs"),
        *TOP.glob("nix/*.nix"),
    ]
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {file.name: length for file, length in lengths.items() if length > 400} == {}


def test_versions_are_the_same() -> None:
    python = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    rust = tomllib.loads((TOP / "zsh-tool-rs/Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
    assert python == rust == __version__
