"""A stand-in for Azure AI Language's PII recognition, spoken to by the real SDK, for tests.

In the test's own process:

    async with language_service() as service:
        client = TextAnalyticsClient(service.endpoint, AzureKeyCredential(service.key))
        ...
        service.faults.coming.extend(["throttle 1", "cut"])  # one fault a request, see `faults`
        assert service.counts.documents == 5

As a process of its own: `python -m tests.emulators.language --port N`, which takes the same faults
as JSON on standard input, or by `language_process`.

What it enforces are the documented limits ("Service limits for Azure AI Language"): five documents
a request, a megabyte a request, 5,120 text elements a document, no empty document, known languages,
a key. What .NET's `StringInfo` calls a text element is taken to be an extended grapheme cluster
(UAX #29), as from .NET 5 on, counted in two ways of which the larger is held against a document: by
the rules of today, and by those before Unicode 15.1, which do not join Indic conjuncts.

What it finds are the values of `finding`, by rules of its own. Its answers were written after the
SDK's models and the REST reference of 2023-04-01, not recorded from the service.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.emulators.language.faults import Faults
from tests.emulators.language.server import Counts, LanguageService

__all__ = [
    "Counts",
    "Faults",
    "LanguageProcess",
    "LanguageService",
    "language_process",
    "language_service",
]


@asynccontextmanager
async def language_service(port: int = 0) -> AsyncIterator[LanguageService]:
    """A service on a loopback port, until the block ends."""
    service = LanguageService()
    await service.start(port)
    try:
        yield service
    finally:
        await service.stop()


@dataclass(slots=True)
class LanguageProcess:
    """A service in a process of its own."""

    process: asyncio.subprocess.Process = field(repr=False)
    port: int
    key: str = field(repr=False)

    @property
    def endpoint(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}"

    async def tell(self, **faults: object) -> dict[str, int]:
        """Set faults by name, or none; gives the counts so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(faults).encode() + b"\n")
        counts: dict[str, int] = json.loads(await self.process.stdout.readline())
        return counts


@asynccontextmanager
async def language_process(port: int = 0) -> AsyncIterator[LanguageProcess]:
    """Start one and wait until it listens; it is killed in the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.emulators.language", "--port", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        yield LanguageProcess(process, ready["port"], ready["key"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
