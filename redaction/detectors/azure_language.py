"""The `azure_language` detector: the PII recognition of Azure AI Language.

The law: a passage counts as read when the service has read every chunk of it; anything less raises.
Nothing is asked but the configured endpoint. Passages in which nothing could stand, without a
letter or a digit, are not sent at all, nor are words of a vocabulary (`Passage.coded`). One
instance serves all records of a process and belongs to its event loop; its packer
(`azure_language_packer`) has the pace and the memory that they share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from audit.telemetry import Count, NoCount
from redaction.detectors.azure_language_chunks import Chunk, chunks
from redaction.detectors.azure_language_client import (
    NAME,
    AzureLanguageAccess,
    Document,
    LanguageClient,
)
from redaction.detectors.azure_language_packer import Packer, Patience
from redaction.detectors.azure_language_seams import joined
from redaction.finding import Passage, Span

__all__ = ["AzureLanguageDetector"]

_SAYS_SOMETHING = re.compile(r"\w")
# Seconds without any answer after which the service counts as away.
_STALLED = 15.0


class AzureLanguageDetector:
    """Implements `Detector`. Made by `open`."""

    def __init__(self, client: LanguageClient, packer: Packer, language: str) -> None:
        self._client = client
        self._packer = packer
        self._language = language

    @classmethod
    def open(cls, access: AzureLanguageAccess, count: Count | None = None) -> AzureLanguageDetector:
        """Make it; the service is not asked yet. Raises `SettingInvalid`."""
        client = LanguageClient.open(access)
        packer = Packer(
            client,
            language=access.language,
            at_once=access.at_once,
            count=count or NoCount(),
            # Who waits behind a slow request is not told before that has had its time.
            patience=Patience(stalled=max(_STALLED, 1.5 * access.timeout)),
        )
        return cls(client, packer, access.language)

    @property
    def name(self) -> str:
        """The name policies know it by."""
        return NAME

    @property
    def version(self) -> str:
        """The SDK's version, the API's and the model's."""
        return self._client.version

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Ask the service about all passages at once, but about no word of a vocabulary.

        Raises `DetectorUnavailable` while it cannot be asked, `DetectorFailed` for a text that it
        refuses.
        """
        pieces = [[] if each.coded else list(_pieces(each.text)) for each in passages]
        documents = [
            Document(chunk.text, passage.language or self._language)
            for passage, cut in zip(passages, pieces, strict=True)
            for chunk in cut
        ]
        answers = iter(await self._packer.read(documents))
        return [joined([(chunk, next(answers)) for chunk in cut]) for cut in pieces]

    async def close(self) -> None:
        """End what is under way and close the connections. Idempotent."""
        await self._packer.close()
        await self._client.close()


def _pieces(text: str) -> Iterator[Chunk]:
    """The chunks worth reading: the service refuses a document of white space."""
    return (chunk for chunk in chunks(text) if _SAYS_SOMETHING.search(chunk.text))
