"""The ids of rows, as the executor makes them."""

import secrets
import time
import uuid


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562) as text.

    Its first digits grow with time, so that new ids stand together in their index.
    """
    number = secrets.randbits(128) & ~(0xF << 76 | 0x3 << 62)
    millis = time.time_ns() // 1_000_000
    number = (millis & (1 << 48) - 1) << 80 | number & (1 << 80) - 1
    return str(uuid.UUID(int=number | 0x7 << 76 | 0x2 << 62))
