"""The packer: full requests, one pace, an answer or an error for everybody."""

from __future__ import annotations

import asyncio

import pytest

from audit.errors import DetectorFailed, DetectorUnavailable
from redaction.detectors.azure_language_client import Document, Unread
from redaction.detectors.azure_language_errors import Refused, Throttled, Unanswered
from redaction.detectors.azure_language_pace import Breaker
from redaction.detectors.azure_language_packer import Patience
from tests.unit.language.asked import Counting, Service, documents, packer, span_of

QUICK = Patience(alone=0.001, beside=0.001, stalled=5.0)


async def test_documents_of_several_redactions_share_requests() -> None:
    """Seven deliveries with three each are 21 documents: five requests, and each gets its own."""
    service = Service()
    by = packer(service)
    texts = [documents(3, f"delivery {number}") for number in range(7)]
    answers = await asyncio.gather(*(by.read(each) for each in texts))
    for asked, answered in zip(texts, answers, strict=True):
        assert answered == [(span_of(each),) for each in asked]
    assert [len(each) for each in service.requests] == [5, 5, 5, 5, 1]


async def test_what_is_not_full_waits_while_others_are_under_way() -> None:
    """What comes while the service is busy fills one request."""
    service = Service()
    service.go.clear()
    by = packer(service, patience=Patience(alone=0.0, beside=60.0))
    first = asyncio.create_task(by.read(documents(1, "first")))
    await service.asked.wait()
    rest = [asyncio.create_task(by.read(documents(1, f"later {n}"))) for n in range(5)]
    await asyncio.sleep(0)
    service.go.set()
    await asyncio.gather(first, *rest)
    assert [len(each) for each in service.requests] == [1, 5]


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    """The others wait for a place."""
    service = Service()
    service.go.clear()
    reading = asyncio.create_task(packer(service, at_once=3).read(documents(100)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert service.under_way == 3
    service.go.set()
    await reading
    assert (service.most_at_once, len(service.requests)) == (3, 20)


async def test_the_same_text_is_asked_about_once() -> None:
    """By two at a time, and again later: system prompts come with every exchange."""
    service = Service()
    by = packer(service)
    await asyncio.gather(by.read(documents(5)), by.read(documents(5)))
    await by.read(documents(5))
    assert len(service.requests) == 1
    await by.read(documents(5, language="de"))
    assert len(service.requests) == 2


async def test_what_was_read_before_an_outage_is_not_asked_again() -> None:
    """A long text of which half was read asks for the other half when it is tried again."""
    service = Service()
    by = packer(service, at_once=1, patience=QUICK)
    service.failures.extend([None, None, Throttled(3600)])
    with pytest.raises(DetectorUnavailable) as unavailable:
        await by.read(documents(20))
    assert 3590 < (unavailable.value.retry_after or 0) <= 3600
    by._pacer._free_at = 0.0  # As if the hour were over.
    await by.read(documents(20))
    assert [len(each) for each in service.requests] == [5] * 5
    assert [*service.requests[3], *service.requests[4]] == documents(20)[10:]


async def test_a_short_refusal_is_waited_out() -> None:
    """Nobody hears of it, and the same documents are asked about."""
    service, count = Service(), Counting()
    service.failures.extend([Throttled(0), Throttled(0)])
    assert len(await packer(service, patience=QUICK, count=count).read(documents(7))) == 7
    assert (count.seen["throttled"], count.seen["answered"]) == (2, 2)


async def test_a_long_storm_of_short_refusals_is_told() -> None:
    """After so many seconds without any answer, so that the worker stops receiving."""
    service = Service(always=Throttled(0))
    by = packer(service, patience=Patience(stalled=0.05))
    with pytest.raises(DetectorUnavailable):
        await by.read(documents(3))


async def test_an_outage_opens_the_breaker_and_who_asks_next_is_told_at_once() -> None:
    """Without another request."""
    service = Service(always=Unanswered("it is down"))
    by = packer(service, patience=QUICK, breaker=Breaker(3, pause=60.0, longest=60.0))
    with pytest.raises(DetectorUnavailable):
        await by.read(documents(40))
    asked = len(service.requests)
    assert asked <= 3 + 4
    with pytest.raises(DetectorUnavailable) as told:
        await by.read(documents(5, "another"))
    assert len(service.requests) == asked
    assert (told.value.retry_after or 0) > 50


async def test_one_request_finds_out_that_an_outage_is_over() -> None:
    """And the rest follows it."""
    service = Service(always=Unanswered("it is down"))
    by = packer(service, patience=QUICK, breaker=Breaker(failures=1, pause=0.0))
    with pytest.raises(DetectorUnavailable):
        await by.read(documents(5))
    service.always, service.most_at_once = None, 0
    service.asked.clear()
    service.go.clear()
    reading = asyncio.create_task(by.read(documents(20)))
    await service.asked.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    assert service.most_at_once == 1
    service.go.set()
    assert len(await reading) == 20


async def test_a_connection_that_broke_is_tried_once_more() -> None:
    """A service closes idle connections."""
    service = Service()
    service.failures.append(Unanswered("it broke off"))
    assert len(await packer(service, patience=QUICK).read(documents(5))) == 5
    assert len(service.requests) == 2


async def test_a_document_that_is_refused_fails_its_own_redaction_only() -> None:
    """The four beside it are of other deliveries."""
    service = Service()
    service.refusing("bad 0", "InvalidDocument")
    by = packer(service)
    good, bad = await asyncio.gather(
        by.read(documents(4)), by.read(documents(1, "bad")), return_exceptions=True
    )
    assert isinstance(bad, DetectorFailed)
    assert good == [(span_of(each),) for each in documents(4)]


async def test_a_document_that_the_service_failed_on_is_for_later() -> None:
    """Its own trouble dead-letters nothing."""
    service = Service()
    service.refusing("bad 0", "InternalServerError")
    with pytest.raises(DetectorUnavailable):
        await packer(service).read(documents(1, "bad"))


async def test_a_request_that_is_refused_whole_is_taken_apart() -> None:
    """Only the document that is at fault fails."""
    service = Service()
    service.failures.extend([Refused("status 400"), None, None, Refused("status 400"), None, None])
    by = packer(service, at_once=1, patience=QUICK)
    texts = [documents(1, f"text {number}") for number in range(5)]
    answers = await asyncio.gather(*(by.read(each) for each in texts), return_exceptions=True)
    assert [isinstance(each, DetectorFailed) for each in answers] == [0, 0, 1, 0, 0]
    assert [len(each) for each in service.requests] == [5, 1, 1, 1, 1, 1]


async def test_an_unknown_language_is_learnt_of_once() -> None:
    """The text is read in the policy's language, and so are later ones."""
    service = Service()
    known = service.answers
    service.answers = lambda document: (
        known(document) if document.language == "en" else Unread("UnsupportedLanguageCode")
    )
    by = packer(service, patience=QUICK)
    text = documents(1, "saluton", "eo")
    assert await by.read(text) == [(span_of(text[0]),)]
    await by.read(documents(1, "dankon", "eo"))
    spoken = [each.language for request in service.requests for each in request]
    assert spoken == ["eo", "en", "en"]


async def test_a_language_that_is_unknown_and_the_policys_own_is_a_failure() -> None:
    """There is no other to ask in."""
    service = Service(answers=lambda _: Unread("UnsupportedLanguageCode"))
    with pytest.raises(DetectorFailed):
        await packer(service).read(documents(1))


async def test_an_error_of_its_own_leaves_nobody_waiting() -> None:
    """Whatever it is; its words may hold text."""
    service = Service(always=KeyError("jane@example.com"))
    with pytest.raises(DetectorFailed) as failed:
        await packer(service).read(documents(3))
    assert "jane" not in str(failed.value)


async def test_a_redaction_that_is_given_up_leaves_the_others_theirs() -> None:
    """Who asked for the same document gets it."""
    service = Service()
    service.go.clear()
    by = packer(service, patience=QUICK)
    given_up = asyncio.create_task(by.read(documents(1)))
    stays = asyncio.create_task(by.read(documents(1)))
    await service.asked.wait()
    given_up.cancel()
    service.go.set()
    assert await stays == [(span_of(documents(1)[0]),)]


async def test_closing_tells_whoever_waits() -> None:
    """And twice is as once."""
    service = Service()
    service.go.clear()
    by = packer(service, patience=QUICK)
    waits = asyncio.create_task(by.read(documents(12)))
    await service.asked.wait()
    await by.close()
    with pytest.raises(DetectorUnavailable):
        await waits
    await by.close()


async def test_nothing_is_asked_about_nothing() -> None:
    """No document, no request."""
    service = Service()
    assert await packer(service).read([]) == []
    assert not service.requests


async def test_documents_say_nothing_of_their_text() -> None:
    """In a log or a traceback."""
    assert "jane" not in repr(Document("jane@example.com", "en"))
