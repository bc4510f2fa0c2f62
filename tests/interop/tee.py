"""Stand between a client and the server, and keep both sides of the conversation: tee.py FILE COMMAND…"""

import subprocess
import sys
import threading
from pathlib import Path
from typing import IO


def copy(source: IO[bytes], target: IO[bytes], log: IO[bytes], mark: bytes) -> None:
    """Pass lines on, and write each one down under its side's mark."""
    for line in source:
        log.write(mark + line.rstrip(b"\n") + b"\n")
        log.flush()
        target.write(line)
        target.flush()
    target.close()


def main() -> int:
    """Run the server until it ends."""
    with Path(sys.argv[1]).open("ab") as log:
        server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if server.stdin is None or server.stdout is None:
            raise ValueError("no pipes")
        asked = threading.Thread(target=copy, args=(sys.stdin.buffer, server.stdin, log, b"> "), daemon=True)
        asked.start()
        copy(server.stdout, sys.stdout.buffer, log, b"< ")
        return server.wait()


if __name__ == "__main__":
    raise SystemExit(main())
