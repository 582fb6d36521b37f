"""The service as a process: `python -m tests.emulators.language --port N`.

It prints one line of JSON when it listens; each line of JSON on standard input sets the faults that
it names and is answered with the counts. It ends when its input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

from tests.emulators.language.server import LanguageService


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def _run(port: int) -> None:
    service = LanguageService()
    await service.start(port)
    _say({"port": service.port, "key": service.key})
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        for name, value in json.loads(line).items():
            service.faults.set(name, value)
        _say(asdict(service.counts))
    await service.stop()


def _main() -> None:
    parser = argparse.ArgumentParser(prog="tests.emulators.language")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    asyncio.run(_run(parser.parse_args().port))


_main()
