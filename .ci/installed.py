"""Talk to an installed server that has next to nothing in its environment, and run one command through it.

    installed.py PROGRAM [NAME=VALUE...]

The server's environment is those variables and no other. The protocol is spoken by hand, so that
nothing but PROGRAM has to be installed. Where EXPECTED_MARK is set here, the command's zsh must bear it.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

LIMIT_SECS = 60
VERSION = "2025-06-18"
CLIENT = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "installed", "version": "0"}}
COMMAND = "print -r -- zsh $ZSH_VERSION ${ZSH_TOOL_MARK-unmarked}; false | true"


def say(stream: IO[str], method: str, params: dict[str, Any], number: int | None = None) -> None:
    """Write one request, or a notification when it has no number."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    if number is not None:
        message["id"] = number
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def answer(stream: IO[str], number: int) -> dict[str, Any]:
    """Read up to the answer with this number."""
    for line in stream:
        message = json.loads(line)
        if message.get("id") == number:
            if "error" in message:
                sys.exit(f"the server answered with an error: {message['error']}")
            result: dict[str, Any] = message["result"]
            return result
    sys.exit("the server ended without an answer")


def talk(server: "subprocess.Popen[str]") -> tuple[dict[str, Any], list[str], dict[str, Any]]:
    """Shake hands, list the tools, run the command."""
    assert server.stdin is not None
    assert server.stdout is not None
    say(server.stdin, "initialize", CLIENT, 1)
    greeting = answer(server.stdout, 1)
    say(server.stdin, "notifications/initialized", {})
    say(server.stdin, "tools/list", {}, 2)
    tools = [tool["name"] for tool in answer(server.stdout, 2)["tools"]]
    say(server.stdin, "tools/call", {"name": "zsh", "arguments": {"command": COMMAND}}, 3)
    return greeting, tools, answer(server.stdout, 3)


def main(program: str, *assignments: str) -> int:
    """Hold the conversation and judge it."""
    program = str(Path(program).absolute())
    environment = dict(assignment.split("=", 1) for assignment in assignments)
    version = subprocess.run(
        [program, "--version"], env=environment, capture_output=True, text=True, timeout=LIMIT_SECS
    )
    print(f"$ zsh-tool --version\n{version.stdout}{version.stderr}", end="")
    server = subprocess.Popen(
        [program], env=environment, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    hung = threading.Timer(LIMIT_SECS, server.kill)
    hung.start()
    greeting, tools, result = talk(server)
    assert server.stdin is not None
    server.stdin.close()
    status = server.wait()
    hung.cancel()
    text = "\n".join(part.get("text", "") for part in result["content"])
    about = greeting["serverInfo"]
    print(f"server: {about['name']} {about['version']}\ntools: {' '.join(tools)}\n{text}")
    facts = result.get("_meta", {}).get("io.github.zsh-tool/result", {})
    mark = os.environ.get("EXPECTED_MARK", "unmarked")
    wrong = [
        (version.returncode != 0, "--version failed under an empty environment"),
        (len(tools) != 10, "not the ten tools"),
        (result.get("isError"), "the command was not carried out"),
        (facts.get("pipestatus") != [1, 0], "the pipeline's codes are not [1, 0]"),
        ("ython-only" in text, "the executor was not found"),
        (mark not in text, "another zsh than the one wired in"),
        (status != 0, f"the server ended with status {status} at the end of its input"),
    ]
    for message in [message for bad, message in wrong if bad]:
        print(f"wrong: {message}")
    return 1 if any(bad for bad, _ in wrong) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
