"""What the tap's loop can be asked to read in one step: by what is in it, not by its size alone."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from audit.exchange import AnswerHead
from audit.sheaf import Sheaf
from tap.bodies import TooLargeError
from tap.capture import Captured
from tap.reassembly import assemble_steps
from tap.recording import LARGE
from tests.unit.tap_cores.kit import DIGEST_KEY, SALT, chunk, head, opened

ASKED = b'{"messages":[{"role":"user","content":"hi"}]}'


def steps(
    request: bytes = ASKED,
    answer: bytes = b"",
    answered: AnswerHead | None = None,
    *,
    most: int | None = LARGE,
) -> Generator[None, None, Sheaf]:
    """The steps in which the tap makes a record, or the worker, who has no loop to hold up."""
    captured = Captured(request_body=request, answer_head=answered or head(), answer_body=answer)
    return assemble_steps(opened(), captured, digest_key=DIGEST_KEY, salt=SALT, most=most)


def many(item: str, count: int) -> bytes:
    """A request with so many messages, or whatever stands in their place."""
    return f'{{"messages":[{",".join([item] * count)}]}}'.encode()


@pytest.mark.parametrize(
    "request_body",
    [many("{}", 900), many("[]", 900), many("[[[]]]", 300), many("7", 6000), many('""', 1600)],
    ids=["objects", "arrays", "nested", "numbers", "strings"],
)
def test_a_document_of_many_small_things_is_left_to_the_worker(request_body: bytes) -> None:
    """Each thing in it costs its reading, and the smallest are the most."""
    with pytest.raises(TooLargeError):
        list(steps(request_body))
    assert len(list(steps(request_body, most=None))) < 10


@pytest.mark.parametrize(
    "request_body",
    [
        many('{"role":"user","content":"What was said, between us, stays."}', 300),
        json.dumps({"messages": [], "embedding": [0.0069293 * n for n in range(3072)]}).encode(),
        json.dumps({"messages": [{"role": "user", "content": "so it goes, " * 4000}]}).encode(),
    ],
    ids=["history", "vector", "prose"],
)
def test_what_people_send_is_read_in_steps(request_body: bytes) -> None:
    """A long history, a vector and much prose are no reason to leave an exchange to the worker."""
    assert list(steps(request_body)) is not None


def test_an_event_that_broke_off_is_weighed_too() -> None:
    """A stream that ends inside an event may end inside one that takes long to read."""
    event = chunk({f"k{number}": "" for number in range(2000)})
    for end in (b"", b"\n\n"):
        with pytest.raises(TooLargeError):
            list(steps(answer=b"data: " + json.dumps(event).encode() + end))


def test_many_events_that_came_at_once_are_many_steps() -> None:
    """None of them is too much, but what arrived together need not be read together."""
    event = b'data: {"choices":[%b]}\n\n' % b",".join([b"{}"] * 100)
    assert len(event) < 400
    assert len(list(steps(answer=event * 100))) > 10
