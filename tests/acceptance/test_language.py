"""Azure AI Language as workers have it: long texts, storms, errors, outages, and a real worker.

The service is the stand-in of `tests.emulators.language`; the worker, its processes that redact,
queue and store are real.
"""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

from cli.places import Places
from tests.emulators.language import LanguageService, language_service
from tests.harness.language import LongTexts, environment, policy
from tests.harness.tree import records
from tests.harness.wait import until
from tests.harness.workers import RunningWorker, filled, left_in, stored_in, worker

PAIRS = 3


def assert_no_name_rests(data: Path, texts: LongTexts) -> None:
    """None of them stands in the clear in any file of the data folder."""
    for file in data.rglob("*"):
        if file.is_file():
            held = file.read_bytes()
            assert b"Planta" not in held, file.name
            assert not any(name.rpartition(" ")[2].encode() in held for name in texts.names)


def dead(data: Path) -> list[str]:
    """The codes of what was set aside."""
    with closing(sqlite3.connect(Places(data).queue, timeout=30)) as db:
        found = db.execute("SELECT code FROM messages WHERE dead_since IS NOT NULL")
        return [code for (code,) in found]


def paused(running: RunningWorker) -> bool:
    """Whether the worker has stopped receiving."""
    return b"worker.paused" in running.log.read_bytes()


def fewest(service: LanguageService, texts: LongTexts) -> int:
    """How many requests it takes without any overlap, all that was asked packed into full ones."""
    short = sum("Planta" not in text for text in service.read)
    return math.ceil((short + texts.drawn * math.ceil(texts.size / 5_120)) / 5)


async def test_long_texts_are_redacted_across_every_edge_in_few_requests(tmp_path: Path) -> None:
    """Three texts of 200 KB, cut in the middle of names: none is stored, and requests are full.

    But for one of each delivery, which goes when no other comes along.
    """
    texts = LongTexts()
    data = await filled(tmp_path / "data", PAIRS, draw=texts)
    cut, edges = texts.cut_names()
    assert edges == PAIRS * 39
    assert cut > edges / 2
    async with language_service() as service:
        told = environment(service, policy(tmp_path))
        async with worker(data, "--processes", "2", env=told) as running:
            await left_in(data)
            assert await running.stop() == 0
        assert service.counts.refused == 0
        assert service.counts.requests <= 1.05 * fewest(service, texts) + PAIRS
    assert stored_in(data) == PAIRS
    assert not dead(data)
    assert_no_name_rests(data, texts)


async def test_a_storm_of_429s_is_waited_out(tmp_path: Path) -> None:
    """A small budget, and refusals in bursts: nothing is lost, nothing is asked about twice."""
    texts = LongTexts()
    data = await filled(tmp_path / "data", PAIRS, draw=texts)
    async with language_service() as service:
        service.faults.set("budget", 12)
        service.faults.coming.extend(["throttle 1", "", "throttle", "", "", "throttle 1"])
        told = environment(service, policy(tmp_path))
        async with worker(data, env=told) as running:
            await left_in(data)
            assert await running.stop() == 0
        assert service.counts.throttled >= 3
        assert service.counts.answered <= 1.05 * fewest(service, texts) + PAIRS
        assert service.counts.throttled <= 0.25 * service.counts.answered
    assert stored_in(data) == PAIRS
    assert not dead(data)
    assert_no_name_rests(data, texts)


async def test_an_outage_stops_receiving_and_dead_letters_nothing(tmp_path: Path) -> None:
    """It is down when the worker starts, answers for a while, is down again, silent, and back."""
    texts = LongTexts(size=60_000)
    data = await filled(tmp_path / "data", PAIRS, draw=texts)
    async with language_service() as service:
        port = service.port
        await service.stop()
        short = {"AUDITSTREAM_LANGUAGE__TIMEOUT": "1"}
        told = environment(service, policy(tmp_path), **short)
        async with worker(data, "--concurrency", "2", env=told) as running:
            await until(lambda: paused(running), "it stops receiving")
            assert stored_in(data) == 0
            faults = ["", "", "cut", "status 500", "html", "silence", "shape fewer", "status 503"]
            service.faults.coming.extend([*faults, *faults])
            await service.start(port)
            await left_in(data)
            assert await running.stop() == 0
        assert not service.faults.coming
    assert stored_in(data) == PAIRS
    assert not dead(data)
    assert_no_name_rests(data, texts)


async def test_a_document_that_the_service_refuses_is_set_aside_alone(tmp_path: Path) -> None:
    """Its delivery is dead-lettered with the code; those that shared its requests are stored."""
    texts = LongTexts(size=30_000)
    data = await filled(tmp_path / "data", PAIRS, draw=texts)
    async with language_service() as service:
        service.faults.poison[texts.names[len(texts.names) // 2]] = "InvalidDocument"
        service.faults.poison[texts.names[-1]] = "request"
        told = environment(service, policy(tmp_path))
        async with worker(data, env=told) as running:
            await left_in(data)
            assert await running.stop() == 0
    assert stored_in(data) == PAIRS - 2
    assert dead(data) == ["detector.failed"] * 2
    assert_no_name_rests(data, texts)


async def test_without_an_optional_detector_records_are_stored_and_listed(tmp_path: Path) -> None:
    """They say that it is missing, so that they can be redacted again."""
    data = await filled(tmp_path / "data", 3)
    async with language_service() as service:
        service.faults.always = "status 503"
        told = environment(service, policy(tmp_path, required=False))
        async with worker(data, env=told) as running:
            await left_in(data, 0)
            assert await running.stop() == 0
    listed = records(data, "degraded:azure_language")
    assert [each["redaction"]["degraded"] for each in listed] == [["azure_language"]] * 3
    assert not dead(data)
