"""The stand-in for Azure AI Language refuses what the service refuses, and says so as it does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from azure.ai.textanalytics import DocumentError, RecognizePiiEntitiesResult
from azure.ai.textanalytics.aio import TextAnalyticsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from tests.emulators.language import (
    LanguageProcess,
    LanguageService,
    language_process,
    language_service,
)
from tests.emulators.language.faults import Budget
from tests.emulators.language.finding import text_elements


@asynccontextmanager
async def sdk(
    service: LanguageService | LanguageProcess, key: str = ""
) -> AsyncIterator[TextAnalyticsClient]:
    """The SDK as it comes, but for its retries."""
    credential = AzureKeyCredential(key or service.key)
    client = TextAnalyticsClient(service.endpoint, credential, retry_total=0)
    async with client:
        yield client


async def test_the_sdk_understands_its_answers() -> None:
    """Entities where they are, in code points, and the model's version."""
    async with language_service() as service, sdk(service) as client:
        (found,) = await client.recognize_pii_entities(["\U0001f600 a@b.example"])
        assert isinstance(found, RecognizePiiEntitiesResult)
        (entity,) = found.entities
        assert (entity.text, entity.category) == ("a@b.example", "Email")
        assert (entity.offset, entity.length) == (2, 11)


@pytest.mark.parametrize(("index", "offset"), [("Utf16CodeUnit", 3), ("TextElement_v8", 2)])
async def test_offsets_count_what_was_asked_for(index: str, offset: int) -> None:
    """Code units and text elements too."""
    async with language_service() as service, sdk(service) as client:
        texts = ["\U0001f600 a@b.example"]
        (found,) = await client.recognize_pii_entities(texts, string_index_type=index)
        assert isinstance(found, RecognizePiiEntitiesResult)
        assert found.entities[0].offset == offset


async def test_a_document_has_5120_text_elements_at_most() -> None:
    """One more is refused, and so is one of white space; the others are read."""
    async with language_service() as service, sdk(service) as client:
        family = "👨‍👩‍👧‍👦"
        texts = ["x" * 5_120, "x" * 5_121, family * 5_120, "e\u0301" * 5_121, " "]
        results = await client.recognize_pii_entities(texts)
        refused = [each for each in results if isinstance(each, DocumentError)]
        assert [each.id for each in refused] == ["1", "3", "4"]
        assert {each.error.code for each in refused} == {"InvalidDocument"}
        assert service.counts.documents == 2


def test_text_elements_are_counted_as_the_larger_of_two_ways() -> None:
    """Versions of Unicode differ over Indic conjuncts."""
    assert text_elements("e\u0301\r\n🇩🇪") == 3
    assert text_elements("क्ष") == 2


async def test_a_request_has_five_documents_at_most() -> None:
    """Six are refused with the service's code."""
    async with language_service() as service, sdk(service) as client:
        with pytest.raises(HttpResponseError) as refused:
            await client.recognize_pii_entities(["x"] * 6)
        assert refused.value.status_code == 400
        assert refused.value.error is not None
        assert refused.value.error.code == "InvalidDocumentBatch"


async def test_a_request_has_a_megabyte_at_most() -> None:
    """Whatever is in it."""
    async with language_service() as service, aiohttp.ClientSession() as session:
        place = f"{service.endpoint}/language/:analyze-text?api-version=2023-04-01"
        told = {"Ocp-Apim-Subscription-Key": service.key}
        body = io.BytesIO(b'{"kind": "' + b"x" * 1_000_000 + b'"}')
        assert (await session.post(place, data=body, headers=told)).status == 413


async def test_a_wrong_key_is_refused() -> None:
    """As is none."""
    async with language_service() as service, sdk(service, "f" * 32) as client:
        with pytest.raises(ClientAuthenticationError):
            await client.recognize_pii_entities(["x"])
        async with aiohttp.ClientSession() as session:
            place = f"{service.endpoint}/language/:analyze-text?api-version=2023-04-01"
            assert (await session.post(place, json={})).status == 401


async def test_a_language_that_it_does_not_know_is_refused() -> None:
    """For that document."""
    async with language_service() as service, sdk(service) as client:
        asked = [{"id": "1", "language": "eo", "text": "saluton"}, {"id": "2", "text": "hello"}]
        other, read = await client.recognize_pii_entities(asked)
        assert isinstance(other, DocumentError)
        assert other.error.code == "UnsupportedLanguageCode"
        assert not read.is_error


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"kind": "SentimentAnalysis"}, "InvalidParameterValue"),
        ({"analysisInput": {"documents": []}}, "MissingInputDocuments"),
        ({"analysisInput": {"documents": [{"id": "1", "text": "a"}] * 2}}, "InvalidDocumentBatch"),
        ({"parameters": {"modelVersion": "1999-01-01"}}, "ModelVersionIncorrect"),
        ({"analysisInput": []}, "InvalidRequestBodyFormat"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said(asked: dict[str, Any], code: str) -> None:
    """By its inner code."""
    whole = {
        "kind": "PiiEntityRecognition",
        "analysisInput": {"documents": [{"id": "1", "text": "a"}]},
        **asked,
    }
    async with language_service() as service, aiohttp.ClientSession() as session:
        place = f"{service.endpoint}/language/:analyze-text?api-version=2023-04-01"
        told = {"Ocp-Apim-Subscription-Key": service.key}
        answer = await session.post(place, json=whole, headers=told)
        assert answer.status == 400
        assert (await answer.json())["error"]["innererror"]["code"] == code


async def test_faults_come_one_a_request_and_then_none() -> None:
    """A refusal says when to come again."""
    async with language_service() as service, sdk(service) as client:
        service.faults.coming.extend(["throttle 7", "status 500"])
        for status, after in ((429, "7"), (500, None)):
            with pytest.raises(HttpResponseError) as refused:
                await client.recognize_pii_entities(["x"])
            assert refused.value.status_code == status
            headers = getattr(refused.value.response, "headers", {})
            assert headers.get("Retry-After") == after
        assert len(await client.recognize_pii_entities(["x"])) == 1
        assert (service.counts.requests, service.counts.answered) == (3, 1)
        assert service.counts.throttled == 1


def test_a_budget_is_for_a_second() -> None:
    """What it does not take in one, it takes in the next."""
    budget = Budget(2)
    assert [budget.takes(at) for at in (5.0, 5.1, 5.9, 6.0)] == [True, True, False, True]


async def test_it_runs_as_a_process_and_takes_faults_there() -> None:
    """And tells its counts."""
    async with language_process() as service, sdk(service) as client:
        await service.tell(coming=["status 500"], budget=1_000)
        with pytest.raises(HttpResponseError):
            await client.recognize_pii_entities(["x"])
        await client.recognize_pii_entities(["x", "y"])
        counts = await service.tell()
    assert (counts["requests"], counts["answered"], counts["documents"]) == (2, 1, 2)


async def test_an_answer_that_is_held_comes_when_it_is_let_go() -> None:
    """Not before."""
    async with language_service() as service, sdk(service) as client:
        service.faults.always = "held"
        asking = asyncio.ensure_future(client.recognize_pii_entities(["x"]))
        service.faults.release.set()
        assert len(await asking) == 1
