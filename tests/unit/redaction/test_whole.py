"""Long values: what is found is taken out to its end, however long it is."""

from __future__ import annotations

import random
import re
import string

import pytest

from redaction.detectors.drawn import looks_chosen
from redaction.detectors.recogniser import ShapeRecogniser
from redaction.detectors.secrets import SecretDetector
from redaction.detectors.whole import Cut, cut_or_whole, whole
from redaction.finding import Passage, Span
from redaction.merge import merged

DETECTOR = SecretDetector()
CARRIERS = [
    "password {} ok",
    "Passwort {} bitte",
    "le mot de passe {} est bon",
    "the password for it: {} works",
    "the password is {}. Thanks",
    'the password is "{}".',
    "password: {} ok",
    "the password for staging is {}",
    "log in as anna with {} please",
    "the login is anna / {} today",
    "the login is anna / {}",
    "user anna password {} today",
    "log in as anna ({}) please",
    "creds: admin / {} for all",
    "the key is {} and no other",
    "the key {} is it",
    "der Schlüssel ist {} wie immer",
    "my API key is {}",
    "auth token {} for you",
    "token: {} next",
    "https://x.example/a?password={}&next=home",
    "curl -u anna:{} https://x.example",
    "tool --password {} --verbose",
    "sshpass -p '{}' ssh x",
    "AccountKey={};EndpointSuffix=x",
    "Authorization: Bearer {}",
    "<password>{}</password>",
    "use {} as the password there",
    "it is {} (admin password)",
    "postgres://anna:{}@db.example/x",
]
CODE = [
    "the key is to use transformers-4.41.2 with care",
    "the primary key is user_account_number_2024 there",
    "key: node-modules-cache-v4-2024-linux",
    "cache key 9f86d081884c7d659a2feaa0c55ad0159f86d081 hit",
    "the key is UserAccountNumberIndexForTheWholeTable",
    "keys: 5f0c1b2a-6f1e-4b7d-9c55-0a1b2c3d4e5f and more",
    "turn the key in house number 1234567890123456",
]


def drawn(length: int, seed: int = 1) -> str:
    """A value as a manager of passwords draws it."""
    rng = random.Random(f"{length}/{seed}")
    return "7F" + "".join(
        rng.choice(string.ascii_letters + string.digits) for _ in range(length - 2)
    )


async def covers(text: str) -> list[str]:
    """What is taken out of a text."""
    (spans,) = await DETECTOR.detect([Passage(text)])
    return [text[cover.start : cover.end] for cover in merged(spans)]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_value_is_taken_out_whole_whatever_its_length(carrier: str) -> None:
    """No tail of it stays, and what stands behind it does."""
    for length in (20, 48, 64, 65, 100, 401, 9000):
        value = drawn(length)
        assert await covers(carrier.format(value)) == [value], length


@pytest.mark.parametrize("sign", ["7", "-", "_", "x"])
async def test_a_value_goes_on_with_any_sign_of_its_alphabet(sign: str) -> None:
    """What stands at the bound may be of one way only of those in which it can be written."""
    value = f"{drawn(8000)}{sign}{drawn(700)}"
    assert await covers(f"we send Bearer {value} with it") == [value]


async def test_a_name_in_the_value_of_a_name_is_not_judged_to_the_end_of_the_run_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is judged of a run of assignments grows with its length, and not with its square."""
    judged: list[int] = []

    def judge(value: str) -> bool:
        judged.append(len(value))
        return looks_chosen(value)

    monkeypatch.setattr("redaction.detectors.telling_names.looks_chosen", judge)
    text = "pwd:" * 2000
    await covers(text)
    assert sum(judged) < 100 * len(text)


@pytest.mark.parametrize("text", CODE)
async def test_talk_of_keys_stays_readable(text: str) -> None:
    """Names of columns, entries of caches, digests and identifiers are no keys."""
    assert await covers(text) == []


async def test_a_value_behind_a_json_key_is_taken_out_whatever_its_length() -> None:
    """It has no bound but that of the text."""
    value = drawn(20_000)
    (spans,) = await DETECTOR.detect([Passage(value, "password")])
    assert (0, len(value)) in {(span.start, span.end) for span in spans}


async def test_a_private_key_is_taken_out_to_its_end() -> None:
    """A block of many thousand lines is one value."""
    body = "\n".join(drawn(64, n) for n in range(900))
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert await covers(f"here: {block} done") == [block]


async def test_what_hides_signs_in_a_long_password_does_not_end_it() -> None:
    """The bound may fall on any sign."""
    value = f"{drawn(63)}.{drawn(40)}!x"
    assert await covers(f"password {value} ok") == [value]


def test_each_run_is_followed_once() -> None:
    """Of many cuts in one run the first takes it all, so that the work does not grow with both."""
    text = "a" * 1000 + " b"
    cuts = [Cut(at, at + 5, "PASSWORD", 0.7, "x") for at in range(0, 900, 10)]
    (made,) = whole(text, cuts)
    assert (made.start, made.end, type(made)) == (0, 1000, Span)


def test_a_span_is_cut_where_its_run_goes_on_and_nowhere_else() -> None:
    """Not at white space, quotation or the next assignment, nor where it ended before."""
    span = Span(0, 3, "PASSWORD", 0.7, "x")
    for text in ("abc d", 'abc"d', "abc;Server=x", "abc&user=x", "abc"):
        assert cut_or_whole(text, span, 3) is span
    assert cut_or_whole("abc;User=x", span, 6) is span
    assert isinstance(cut_or_whole("abcd", span, 3), Cut)
    assert isinstance(cut_or_whole("abc.def", span, 4), Cut)


def test_a_value_at_the_edge_of_what_is_read_is_cut() -> None:
    """A pattern without a bound has that of its reach."""
    shape = ShapeRecogniser("x", "SECRET", re.compile("k[a-z]+"), 0.9, reach=10)
    text = "k" + "a" * 50 + " b"
    (span,) = shape.find(Passage(text), 0, 1)
    assert isinstance(span, Cut)
    assert [each.end for each in whole(text, [span])] == [51]
