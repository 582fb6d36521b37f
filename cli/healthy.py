"""`python -m cli.healthy PORT`: exits 0 where what listens there says that it is well.

For the health checks of containers, whose images carry no other client. It asks this machine
only, and nothing but `/healthz`.
"""

from __future__ import annotations

import http.client
import sys

__all__ = ["healthy", "main"]

_SECONDS = 4.0


def healthy(port: int, seconds: float = _SECONDS) -> bool:
    """Whether a server on this port of this machine answers, and says of no trouble of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(words: list[str]) -> int:
    """Ask the port that is named; 0 when it is well, 1 when not, 2 for no port."""
    if len(words) != 1 or not words[0].isdecimal():
        sys.stderr.write("usage: python -m cli.healthy PORT\n")
        return 2
    return 0 if healthy(int(words[0])) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
