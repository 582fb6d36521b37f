"""The `names` detector: what the shipped model finds, and what it leaves behind: nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import resources

import pytest

from audit.errors import DetectorFailed
from redaction.cache import Remembering
from redaction.detectors.names import NameDetector
from redaction.finding import Passage
from tests.unit.docs.source import ROOT


@pytest.fixture(scope="module")
def detector() -> NameDetector:
    """The model as a worker loads it."""
    return NameDetector()


async def found(detector: NameDetector, text: str, key: str | None = None) -> set[tuple[str, str]]:
    """What is found in one passage, as `(value, type)`."""
    [spans] = await detector.detect([Passage(text, key)])
    return {(text[span.start : span.end], span.type) for span in spans}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, I'm Maria Schneider and I need help.", ("Maria Schneider", "PERSON")),
        ("Please deliver to 14 Oakfield Road, Bristol BS8 2AH.", ("14 Oakfield Road", "ADDRESS")),
        ("Ich heiße Jürgen Wachowiak.", ("Jürgen Wachowiak", "PERSON")),
        ("Bonjour, je m'appelle Solène Garnier.", ("Solène Garnier", "PERSON")),
        ("Me llamo Inés Valdivia.", ("Inés Valdivia", "PERSON")),
        ("Buongiorno, sono Ottavio Brambilla.", ("Ottavio Brambilla", "PERSON")),
        ("Meu nome é Thiago Falcão.", ("Thiago Falcão", "PERSON")),
        ("Mijn naam is Marloes Dijkgraaf.", ("Marloes Dijkgraaf", "PERSON")),
        ("Nazywam się Grzegorz Wiśnicki.", ("Grzegorz Wiśnicki", "PERSON")),
    ],
)
async def test_people_and_addresses_are_found_in_eight_languages(
    detector: NameDetector, text: str, expected: tuple[str, str]
) -> None:
    """Without being told which language it is."""
    value, label = expected
    assert any(value in there and label == kind for there, kind in await found(detector, text))


@pytest.mark.parametrize(
    "text",
    [
        "def total(items: list[float]) -> float:\n    return sum(items)",
        "The function returns None when the key is missing from the cache.",
        "SELECT count(*) FROM orders WHERE status = 'open' GROUP BY region;",
        "Upgrade PostgreSQL to 16.2 before the release in October.",
    ],
)
async def test_code_and_plain_prose_are_left_alone(detector: NameDetector, text: str) -> None:
    """Masking what is nobody's makes the log useless."""
    assert not await found(detector, text)


@pytest.mark.parametrize(
    "text",
    [
        "Why did Lise Meitner leave Berlin, and what did Meitner find?",
        "Compare Victor Hugo's novels with those of Charles Dickens.",
        "Wann lebte Albrecht Dürer, und wo arbeitete Dürer?",
    ],
)
async def test_public_figures_in_questions_stay_readable(detector: NameDetector, text: str) -> None:
    """By name, in full, and by a part of it near by."""
    assert not [value for value, kind in await found(detector, text) if kind == "PERSON"]


async def test_a_name_in_small_letters_counts_only_among_small_letters(
    detector: NameDetector,
) -> None:
    """Where people write with capitals, a word without one is a word."""
    assert ("maria schneider", "PERSON") in await found(detector, "i am maria schneider")
    text = "The Contract With maria schneider"
    assert not [value for value, _ in await found(detector, text) if value == "maria schneider"]


async def test_a_key_tells_what_a_bare_value_is(detector: NameDetector) -> None:
    """The member's name is read before its value, and is no part of what is found."""
    assert await found(detector, "Fairweather", "lastName") == {("Fairweather", "PERSON")}


async def test_what_lies_across_the_edge_of_a_window_is_whole(detector: NameDetector) -> None:
    """Wherever a name stands in a long text, it is found whole."""
    filler = "The report was late again and nobody knew the reason. " * 73
    for shift in range(0, 60, 7):
        text = filler[shift:] + "Please ask Magdalena Thornbury about it. " + filler
        assert ("Magdalena Thornbury", "PERSON") in await found(detector, text)


async def test_a_word_of_a_vocabulary_is_no_name(detector: NameDetector) -> None:
    """The model is not asked, whatever it would make of the word, or made of it in prose."""
    name = "Maria Schneider"
    remembering = Remembering(detector)
    for _ in range(2):
        prose, coded = await remembering.detect([Passage(name), Passage(name, coded=True)])
        assert prose
        assert not coded


async def test_what_was_read_is_forgotten(detector: NameDetector) -> None:
    """No vocabulary keeps the words of those who were read about."""
    before = detector._reader.words
    await found(detector, "Please call Xanthippe Quackenbushel, and zyxwvutsrq too.")
    assert not detector._reader.knows("Quackenbushel")
    assert detector._reader.words == before


async def test_a_model_that_fails_says_so_without_the_text(detector: NameDetector) -> None:
    """The passage counts as unread, and the error quotes nothing."""
    spoilt = NameDetector()
    spoilt._network._layers.append(spoilt._network._mix)
    with pytest.raises(DetectorFailed) as failed:
        await found(spoilt, "Please call Magdalena Thornbury.")
    assert "Thornbury" not in str(failed.value)


def test_the_artefact_holds_weights_and_labels_and_no_word_of_anybody() -> None:
    """It is at most 8 MB, and no name or town of the training lists stands in it."""
    folder = resources.files("redaction.model")
    weights = folder.joinpath("weights.bin").read_bytes()
    assert len(weights) <= 8_000_000
    held = {word.decode("utf-8", "replace") for word in re.findall(rb"[\w\x80-\xff]{6,}", weights)}
    assert not held & _taught()


def _taught() -> set[str]:
    """Names and towns of six letters and more that training put into its texts."""
    places, names = (
        tomllib.loads((ROOT / "training" / "lists" / file).read_text("utf-8"))
        for file in ("places.toml", "names.toml")
    )
    del names["words"]
    lists = [each for group in (*places.values(), *names.values()) for each in group.values()]
    taught = {word for each in lists for text in each for word in text.split() if len(word) > 5}
    assert len(taught) > 500
    return taught


def test_the_model_loads_where_there_is_no_network() -> None:
    """In a process that cannot open a socket."""
    program = (
        "import socket\n"
        "def refuse(*_, **__): raise OSError('no network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import asyncio\n"
        "from redaction.detectors.names import NameDetector\n"
        "from redaction.finding import Passage\n"
        "print(len(asyncio.run(NameDetector().detect([Passage('I am Maria Schneider.')]))[0]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "1"
