"""The ids of rows, as the executor makes them."""

import os
import time


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562) as text.

    Its first digits grow with time, so that new ids stand together in their index.
    """
    millis = time.time_ns() // 1_000_000 & (1 << 48) - 1
    # Of the ten random bytes, six bits give way to the version and the variant.
    chance = int.from_bytes(os.urandom(10)) & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62
    digits = f"{millis:012x}{chance:020x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
