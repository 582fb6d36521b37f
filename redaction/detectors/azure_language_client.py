"""One way to Azure AI Language: `TextAnalyticsClient` with its limits set.

The law: every call ends within `timeout` seconds, is made once, and goes to the configured address
and nowhere else; the SDK's retries and redirects are off, since who asks keeps one pace for all. An
answer counts only when it has one result for each document and every finding lies where it says:
whatever else it is raises, for "nothing found" is a promise. No text is left with the service's
logs (`disable_service_logs`), and no exception of the SDK leaves this module.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from azure.ai.textanalytics import DocumentError, PiiEntity, RecognizePiiEntitiesResult
from azure.ai.textanalytics import __version__ as sdk_version
from azure.ai.textanalytics.aio import TextAnalyticsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from audit.errors import SettingInvalid
from redaction.detectors.azure_language_errors import MISPLACED, TRUNCATED, Unanswered, translated
from redaction.detectors.azure_language_types import type_of
from redaction.finding import Span

__all__ = [
    "DOCUMENTS",
    "NAME",
    "Answer",
    "AzureLanguageAccess",
    "Document",
    "LanguageClient",
    "Unread",
]

NAME = "azure_language"
# Documents that one request may have, for PII ("Service limits for Azure AI Language").
DOCUMENTS = 5

_API = "2023-04-01"
_MOST_TO_CONNECT = 10.0
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AzureLanguageAccess:
    """How to reach the service: by key, or by credential.

    `timeout` is in seconds, for one request. `language` is that of texts whose own is not known, or
    not to the service. `at_once` is how many requests may be under way.
    """

    endpoint: str
    key: str | None = field(default=None, repr=False)
    credential: AsyncTokenCredential | None = field(default=None, repr=False)
    model_version: str = "latest"
    language: str = "en"
    timeout: float = 30.0
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class Document:
    """A text that fits, and its language as ISO 639-1 says it."""

    text: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that the service did not read, and its code for why."""

    code: str


# The spans in a document, in code points.
Answer: TypeAlias = "tuple[Span, ...] | Unread"


class LanguageClient:
    """Asks the service. Made by `open`."""

    def __init__(self, client: TextAnalyticsClient, access: AzureLanguageAccess) -> None:
        self._client = client
        self._access = access

    @classmethod
    def open(cls, access: AzureLanguageAccess) -> LanguageClient:
        """Make the client; the service is not asked yet. Raises `SettingInvalid`."""
        credential = access.credential if access.key is None else AzureKeyCredential(access.key)
        if credential is None:
            raise SettingInvalid("language.key: give it, or an identity to sign in with")
        client = TextAnalyticsClient(
            access.endpoint,
            credential,
            api_version=_API,
            retry_total=0,
            permit_redirects=False,
            connection_timeout=min(access.timeout, _MOST_TO_CONNECT),
            read_timeout=access.timeout,
        )
        return cls(client, access)

    @property
    def version(self) -> str:
        """The SDK's version, the API's and the model's: what findings depend on."""
        return f"{sdk_version}+api-{_API}+model-{self._access.model_version}"

    async def ask(self, documents: Sequence[Document]) -> list[Answer]:
        """Have at most `DOCUMENTS` documents read; answers are in their order.

        Raises `Throttled`, `Unanswered` or `Refused`.
        """
        told = [
            {"id": str(place), "language": each.language, "text": _sendable(each.text)}
            for place, each in enumerate(documents)
        ]
        try:
            async with asyncio.timeout(self._access.timeout):
                results = await self._client.recognize_pii_entities(
                    told,
                    model_version=self._access.model_version,
                    string_index_type="UnicodeCodePoint",
                    disable_service_logs=True,
                )
            return _in_order(told, results)
        except (AzureError, TimeoutError) as problem:
            raise translated(problem) from None
        except Unanswered:
            raise
        except Exception as problem:  # noqa: BLE001 - the SDK fails in any way on another shape
            kind = type(problem).__name__
            raise Unanswered(f"the answer has not the shape of one ({kind})") from None

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._client.close()


def _sendable(text: str) -> str:
    """Half of a surrogate pair is in no encoding: another character stands in for each."""
    return _HALF.sub("\ufffd", text)


def _in_order(
    told: Sequence[Mapping[str, str]],
    results: Sequence[RecognizePiiEntitiesResult | DocumentError],
) -> list[Answer]:
    """Where no document failed the SDK gives the service's order, which may be another."""
    by_id = {result.id: result for result in results}
    if len(results) != len(told) or by_id.keys() != {each["id"] for each in told}:
        raise Unanswered("the answer is not about the documents that were asked about")
    return [_read(each["text"], by_id[each["id"]]) for each in told]


def _read(text: str, result: RecognizePiiEntitiesResult | DocumentError) -> Answer:
    if isinstance(result, DocumentError):
        return Unread(str(result.error.code or ""))
    if any(str(warning.code).lower() == TRUNCATED for warning in result.warnings):
        return Unread(TRUNCATED)
    spans = [_span(entity) for entity in result.entities]
    placed = zip(spans, result.entities, strict=True)
    if not all(_same(text[span.start : span.end], entity.text) for span, entity in placed):
        return Unread(MISPLACED)
    return tuple(spans)


def _span(entity: PiiEntity) -> Span:
    start, length, score = entity.offset, entity.length, entity.confidence_score
    if type(start) is not int or type(length) is not int or not isinstance(score, int | float):
        raise Unanswered("a finding in the answer is incomplete")
    if not entity.category or start < 0 or length < 1 or not 0 <= score <= 1:
        raise Unanswered("a finding in the answer is none")
    return Span(start, start + length, type_of(str(entity.category)), float(score), NAME)


def _same(ours: str, theirs: str) -> bool:
    """Whether it is the same text, white space being white space."""
    return len(ours) == len(theirs) and all(
        one == other or (one.isspace() and other.isspace())
        for one, other in zip(ours, theirs, strict=True)
    )
