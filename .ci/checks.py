"""Run the checks of ``checks.toml`` one after another, and say how each went.

    checks.py [NAME...]     these checks, or all

Set up by the Makefile, which also makes what a kind of check needs (``make needs-KIND``).
"""

import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
DIRECTORY = {"rust": TOP / "zsh-tool-rs"}


def passes(check: dict[str, str], prepared: dict[str, bool]) -> bool:
    """Run one check, after what its kind needs, which is made once."""
    kind = check["kind"]
    if kind not in prepared:
        prepared[kind] = subprocess.run(["make", f"needs-{kind}"], cwd=TOP).returncode == 0
    if not prepared[kind]:
        print(f"make needs-{kind} failed")
        return False
    print(f"$ {check['run']}", flush=True)
    return subprocess.run(["bash", "-c", check["run"]], cwd=DIRECTORY.get(kind, TOP)).returncode == 0


def main(names: list[str]) -> int:
    """Run the named checks, print a table, and return the exit status."""
    listed = tomllib.loads((TOP / ".ci/checks.toml").read_text(encoding="utf-8"))["check"]
    if unknown := set(names) - {check["name"] for check in listed}:
        known = ", ".join(check["name"] for check in listed)
        print(f"no such check: {', '.join(sorted(unknown))}; there are: {known}")
        return 2
    prepared: dict[str, bool] = {}
    table: list[str] = []
    failed = 0
    for check in (check for check in listed if not names or check["name"] in names):
        name, start = check["name"], time.monotonic()
        if check["kind"] == "nix":
            table.append(f"{name:24} by `nix flake check`: {check['why']}")
            continue
        print(f"\n== {name}", flush=True)
        good = passes(check, prepared)
        failed += not good
        table.append(f"{name:24} {'ok' if good else 'FAILED':8}{time.monotonic() - start:6.0f} s")
    print("\n" + "\n".join(table))
    print(f"{sum(' ok ' in line for line in table)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main(sys.argv[1:]))
