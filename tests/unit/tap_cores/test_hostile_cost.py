"""What a hostile client or upstream might send to make it dear: work and memory in proportion."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from audit.exchange import Ending
from audit.record import AuditRecord
from audit.sheaf import Sheaf
from tap.bodies import TooLargeError
from tap.capture import Captured
from tap.dialects.loose_fold import LooseFold
from tap.dialects.openai_responses import ResponsesStream
from tap.dialects.realtime_session import RealtimeSession
from tap.dialects.responses_session import ResponsesSession
from tap.reassembly import assemble_steps
from tap.recording import LARGE
from tests.harness.frames import Writer
from tests.harness.work import memory_of
from tests.unit.tap_cores.kit import DIGEST_KEY, SALT, keeper, opened
from tests.unit.tap_cores.session_kit import switched

Json = Any


def test_a_long_name_above_many_values_is_held_in_proportion() -> None:
    """Its place is not spelled out for each of them, and nothing of it is lost."""

    def gathered(size: int) -> object:
        loose = LooseFold()
        loose.take("event", json.dumps({"n" * size: ["x", "y"] * (size // 8)}))
        return loose.reading(keeper())

    gathered(100)
    least = memory_of(lambda: gathered(20_000))
    assert memory_of(lambda: gathered(40_000)) <= 2.2 * least
    assert least < 2_000_000
    (output,) = gathered(4000).response.outputs  # type: ignore[attr-defined]
    assert output.parts[0].text.count('"y"') == 500


def test_an_item_that_is_opened_again_and_again_is_not_copied() -> None:
    """Each opening adds to what is known of the item; a copy each time would be quadratic work."""
    folded = ResponsesStream()

    def opens(item: dict[str, Json]) -> None:
        folded.fold.take("response.output_item.added", {"output_index": 0, "item": item})

    opens({f"field_{number}": number for number in range(100_000)})
    assert memory_of(lambda: opens({"field_7": 7})) < 100_000


@pytest.mark.parametrize("connection", [ResponsesSession, RealtimeSession])
def test_a_response_that_says_nothing_takes_little_memory(
    connection: type[ResponsesSession | RealtimeSession],
) -> None:
    """A connection can begin a response with some fifty bytes, and can do so very often."""

    def held() -> object:
        session = connection()
        for number in range(1000):
            response = {"id": f"resp_{number}"}
            session.server(json.dumps({"type": "response.created", "response": response}))
        return session

    held()
    assert memory_of(held) < 3_500_000


def test_a_session_that_cannot_be_put_together_in_a_short_step_is_left_to_others() -> None:
    """Who shares the tap's loop is not held up by thousands of messages, small as they are."""
    many = [{"type": "conversation.item.create", "item": {}}] * 900
    deep = [{"type": "x", "a": [[]] * 100}] * 20
    for client, server in ((many, []), ([], many), (deep, []), ([], deep)):
        with pytest.raises(TooLargeError):
            _made(client, server, most=LARGE)
        assert _made(client, server, most=None).exchange.ending == "tunnelled"
    assert _made(many[:50], many[:50], most=LARGE).exchange.ending == "tunnelled"


def _made(client: list[Json], server: list[Json], *, most: int | None) -> AuditRecord:
    steps = assemble_steps(
        opened("/v1/realtime", method="GET", content_type=None, upgrade="websocket"),
        Captured(
            request_body=Writer(masked=True).events(*client),
            answer_head=switched(),
            answer_body=Writer().events(*server),
            transport=Ending.TUNNELLED,
        ),
        digest_key=DIGEST_KEY,
        salt=SALT,
        most=most,
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("Sheaf", end.value)[-1]
