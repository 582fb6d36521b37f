"""Names that never repeat: record ids, boots and exchange numbers.

Time and randomness come in as arguments, so that the functions are pure and a test can choose
both.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from audit.value import Value

__all__ = ["ExchangeNumber", "boot_began", "boot_name", "day_of", "timestamp", "uuid7"]

_BOOT = re.compile("[0-9a-f]{12}-[0-9a-f]{4}")


class ExchangeNumber(Value, frozen=True, order=True):
    """The place of an exchange in the world: which tap, which of its boots, the how-manieth.

    `seq` starts at 1 in each boot and has no holes: a missing number is a lost exchange.
    """

    tap: str
    boot: str
    seq: int

    def __repr__(self) -> str:
        return f"{self.tap}/{self.boot}/{self.seq}"


def uuid7(unix_ms: int, randomness: bytes) -> str:
    """A UUID version 7 (RFC 9562 §5.7) from milliseconds and 10 random bytes.

    Ids sort by the time of the opening to the millisecond.
    """
    if len(randomness) != 10:
        raise ValueError("uuid7 takes exactly 10 random bytes")
    tail = int.from_bytes(randomness, "big")
    rand_a = (tail >> 64) & 0x0FFF
    rand_b = tail & 0x3FFF_FFFF_FFFF_FFFF
    number = (unix_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def boot_name(unix_ms: int, randomness: bytes) -> str:
    """Name one start of a tap: 12 hex digits of time, a dash, 4 random ones.

    Names sort by time; the random digits keep two boots apart that share a millisecond after a
    clock was set back or a folder was lost.
    """
    if len(randomness) != 2:
        raise ValueError("boot_name takes exactly 2 random bytes")
    return f"{unix_ms & 0xFFFF_FFFF_FFFF:012x}-{randomness.hex()}"


def boot_began(name: str) -> str | None:
    """When a boot was named, as `timestamp` writes it; None for a name of another form."""
    if not _BOOT.fullmatch(name):
        return None
    try:
        return timestamp(int(name[:12], 16) * 1_000_000)
    except (ValueError, OverflowError):
        return None


def timestamp(unix_ns: int) -> str:
    """Format nanoseconds since the epoch as UTC in ISO 8601 with exactly six decimals.

    The fixed width makes text order equal to time order in every store.
    """
    seconds, nanos = divmod(unix_ns, 1_000_000_000)
    return f"{_to_the_second(seconds)}.{nanos // 1000:06d}Z"


# Calls that come in the same second share it; formatting a date costs as much as sealing a frame.
@lru_cache(maxsize=256)
def _to_the_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}"


def day_of(unix_ns: int) -> str:
    """Give the UTC day of an instant as `YYYY-MM-DD`."""
    return timestamp(unix_ns)[:10]
