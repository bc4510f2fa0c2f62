"""Tell whether a program is one static file: no interpreter, no library to load, nothing to relocate (ELF only).

    static.py PROGRAM

A Mach-O program is taken as it is: there is no static libc on macOS.
"""

import struct
import sys
from pathlib import Path

INTERP, DYNAMIC, NEEDED = 3, 2, 1
AT_FIXED_ADDRESS = 2


def problems(elf: bytes) -> list[str]:
    """Return what makes this 64-bit little-endian ELF file depend on others, or on where it is loaded."""
    table_offset = struct.unpack_from("<Q", elf, 0x20)[0]
    entry_size, entries = struct.unpack_from("<HH", elf, 0x36)
    kind_of_file = struct.unpack_from("<H", elf, 0x10)[0]
    found = [] if kind_of_file == AT_FIXED_ADDRESS else ["it moves itself to another address at each start"]
    for number in range(entries):
        at = table_offset + number * entry_size
        kind = struct.unpack_from("<I", elf, at)[0]
        offset, size = struct.unpack_from("<Q", elf, at + 8)[0], struct.unpack_from("<Q", elf, at + 32)[0]
        if kind == INTERP:
            found.append(f"INTERP {elf[offset : offset + size].rstrip(bytes(1)).decode()}")
        if kind == DYNAMIC:
            tags = struct.iter_unpack("<QQ", elf[offset : offset + size])
            found += ["NEEDED a library" for tag, _ in tags if tag == NEEDED]
    return found


def main(path: str) -> int:
    """Print the verdict and return the exit status."""
    program = Path(path).read_bytes()
    if program[:4] != b"\x7fELF":
        print(f"{path}: not ELF, dynamic by its platform")
        return 0 if sys.platform == "darwin" else 1
    if found := problems(program):
        print(f"{path}: not static: {', '.join(found)}")
        return 1
    print(f"{path}: static, {len(program):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
