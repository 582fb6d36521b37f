"""The broker as a process: `python -m tests.emulators.service_bus --journal DIR --queue NAME`.

It prints one line of JSON when it listens, obeys the commands of `control` on standard input,
and ends when that ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.emulators.service_bus.administration import Administration
from tests.emulators.service_bus.control import obey
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.server import ServiceBusEmulator


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.emulators.service_bus")
    parser.add_argument("--port", type=int, default=0, help="of AMQP; 0 takes a free one")
    parser.add_argument("--journal", type=Path, help="folder; without it nothing outlives the run")
    parser.add_argument("--sync", action="store_true", help="fsync the journal before answering")
    parser.add_argument(
        "--queue",
        action="append",
        default=[],
        metavar="NAME[:RULES]",
        help='a queue, with fields of QueueRules as JSON: q:{"lock_duration": 5}',
    )
    parser.add_argument("--administration", type=Path, help="folder for a certificate; serve HTTPS")
    parser.add_argument("--administration-port", type=int, default=0)
    return parser.parse_args()


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


async def _run(options: argparse.Namespace) -> None:
    emulator = ServiceBusEmulator(options.journal, port=options.port, sync=options.sync)
    for given in options.queue:
        name, _, rules = given.partition(":")
        emulator.create_queue(name, QueueRules(**json.loads(rules or "{}")))
    await emulator.start()
    ready = {"port": emulator.port, "connection_string": emulator.connection_string}
    if options.administration is not None:
        admin = Administration(emulator, options.administration)
        await admin.start(options.administration_port)
        ready |= {"administration": admin.connection_string, "certificate": str(admin.certificate)}
    _say(ready)
    lines = await _lines()
    while line := await lines.readline():
        _say(await obey(emulator, line.decode()))
    await emulator.stop()


asyncio.run(_run(_options()))
