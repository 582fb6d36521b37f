"""Pictures: prompts are text, pictures are digests, whichever way they are asked for and come."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending
from audit.parts import Extra, Media, Part, Text
from audit.record import AuditRecord, Message, Reference
from audit.value import to_json
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded, stream

PICTURE = b"\x89PNG" + bytes(range(256))
PICTURE_64 = base64.b64encode(PICTURE).decode()
DIGEST = keyed_digest(DIGEST_KEY, PICTURE)
USAGE = {
    "total_tokens": 100,
    "input_tokens": 50,
    "output_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
}


def exchanged(request: Any, answer: Any, status: int = 200, path: str = "generations") -> Any:
    """The record of one call that was answered plainly."""
    told = head(status, "application/json")
    sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    opening = opened(f"/v1/images/{path}")
    return recorded(sent, request=request, opening=opening, answer_head=told)


def parts(answer: Any) -> tuple[Part, ...]:
    """The parts of the first output."""
    record: AuditRecord = exchanged({"prompt": "p"}, answer)
    return record.response.outputs[0].parts


def event(kind: str = "image_generation.completed", **more: Any) -> dict[str, Any]:
    """One event of a stream."""
    about = {"created_at": 1, "size": "1024x1024", "output_format": "png"}
    return {"type": kind, "b64_json": PICTURE_64, **about, **more}


def partial(number: int) -> dict[str, Any]:
    """A picture on the way."""
    return event("image_generation.partial_image", partial_image_index=number)


def streamed(*events: object, done: bool = False, **capture: Any) -> AuditRecord:
    """The record of a streamed call."""
    asked = {"prompt": "p", "stream": True}
    opening = opened("/v1/images/generations")
    return recorded(stream(*events, done=done), request=asked, opening=opening, **capture)


def picture(mime: str = "image/png", name: str | None = None) -> Media:
    """What a record holds of the picture."""
    return Media(mime=mime, bytes=len(PICTURE), digest=DIGEST, name=name)


def test_the_prompt_is_text_and_the_rest_are_parameters() -> None:
    """A generation is asked for in JSON."""
    record = exchanged({"prompt": "a cat", "n": 2, "model": "gpt-image", "user": "u"}, {})
    assert record.exchange.dialect is Dialect.OPENAI_IMAGES
    assert record.request.messages == (Message(role="user", parts=(Text(text="a cat"),)),)
    assert record.request.parameters == {"n": 2, "model": "gpt-image", "user": "u"}
    assert (record.exchange.requested_model, record.identity.user) == ("gpt-image", "u")


def test_a_form_gives_prompt_and_pictures_in_their_order() -> None:
    """An edit is sent as a form; several pictures, a mask, and fields of a list."""
    fields = [
        (b'name="image[]"; filename="a.png"\r\nContent-Type: image/png', PICTURE),
        (b'name="prompt"', b"a caf\xc3\xa9"),
        (b'name="mask"; filename="m.png"', b"\x00"),
        (b'name="model"', b"gpt-image"),
        (b'name="tag[0]"', b"x"),
        (b'name="tag[1]"', b"y"),
        (b'name="stream"', b"true"),
    ]
    form = b"".join(
        b"--B\r\nContent-Disposition: form-data; " + name + b"\r\n\r\n" + data + b"\r\n"
        for name, data in fields
    )
    opening = opened("/v1/images/edits", content_type="multipart/form-data; boundary=B")
    record = recorded(
        stream(event("image_edit.completed")), request=form + b"--B--", opening=opening
    )
    mask = Media(bytes=1, digest=keyed_digest(DIGEST_KEY, b"\x00"), name="m.png")
    assert record.request.messages[0].parts == (
        picture(name="a.png"),
        Text(text="a café"),
        mask,
    )
    assert record.request.parameters == {"model": "gpt-image", "tag": ["x", "y"], "stream": "true"}
    assert record.exchange.requested_model == "gpt-image"
    assert record.exchange.flags == ()


def test_a_form_that_broke_off_is_flagged_and_read_as_far_as_it_goes() -> None:
    """The text before the break is kept; a body without any part is not read at all."""
    opening = opened("/v1/images/edits", content_type="multipart/form-data; boundary=B")
    form = b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na ca'
    record = recorded(b"{}", request=form, opening=opening, request_cut=True)
    assert record.request.messages[0].parts == (Text(text="a ca"),)
    assert "request_salvaged" in record.exchange.flags
    assert "request_unparsed" in recorded(b"{}", request=b"x", opening=opening).exchange.flags


def test_pictures_of_a_json_edit_are_media_or_references() -> None:
    """URLs of both kinds, bare base64 and ids of stored files are told apart."""
    images = [
        {"image_url": f"data:image/png;base64,{PICTURE_64}"},
        {"image_url": {"url": "https://x.example/a.png?sig=PLANTED"}},
        {"file_id": "file-1"},
        PICTURE_64,
        {"novel": 1},
    ]
    request = exchanged({"prompt": "p", "images": images, "mask": None}, {}).request
    assert request.messages[0].parts == (
        Text(text="p"),
        picture(),
        Media(url="https://x.example/a.png"),
        Media(bytes=len(PICTURE), digest=DIGEST),
        Extra(name="images", text='{"novel":1}'),
    )
    assert request.references == (Reference(kind="file", id="file-1"),)
    assert b"PLANTED" not in to_json(request)


def test_each_picture_is_an_output_with_the_prompt_it_was_made_from() -> None:
    """The rewritten prompt is text; a picture is a digest, or a URL without its query."""
    data = [
        {"b64_json": PICTURE_64, "revised_prompt": "a big cat"},
        {"url": "https://x.example/b.png?se=1&sig=PLANTED"},
    ]
    record = exchanged(
        {"prompt": "p"},
        {"created": 1, "data": data, "output_format": "jpeg", "size": "auto", "usage": USAGE},
    )
    first, second = record.response.outputs
    assert first.parts == (
        Text(text="a big cat"),
        picture("image/jpeg"),
        Extra(name="size", text='"auto"'),
    )
    assert (second.index, second.parts) == (1, (Media(url="https://x.example/b.png"),))
    assert (record.usage.input, record.usage.output, record.usage.total) == (50, 50, 100)
    assert record.usage.reported == USAGE
    assert record.exchange.ending is Ending.COMPLETE
    assert PICTURE_64.encode() not in to_json(record)


@pytest.mark.parametrize(
    ("kind", "mime"), [("svg", "image/svg+xml"), (None, "image"), ("x/y", "image"), (5, "image")]
)
def test_the_type_of_a_picture_is_the_format_the_answer_names(kind: Any, mime: str) -> None:
    """Older models name none."""
    assert parts({"data": [{"b64_json": PICTURE_64}], "output_format": kind})[0] == picture(mime)


def test_verdicts_stand_where_azure_puts_them() -> None:
    """Of the prompt beside each picture, of each picture under its own index."""
    safe = {"filtered": False, "severity": "safe"}
    data = [
        {"url": "https://x.example/a", "prompt_filter_results": {"jailbreak": {"detected": True}}},
        {"url": "https://x.example/b", "content_filter_results": {"violence": safe}},
    ]
    safety = exchanged({"prompt": "p"}, {"data": data}).safety
    assert [verdict.category for verdict in safety.prompt] == ["jailbreak"]
    assert [(of.index, of.verdicts[0].category) for of in safety.outputs] == [(1, "violence")]
    assert safety.signals == ("jailbreak.detected",)


@pytest.mark.parametrize(
    "error",
    [
        {"code": "contentFilter", "message": "m"},
        {"code": "content_policy_violation", "message": "m"},
        {"code": "moderation_blocked", "type": "image_generation_user_error", "message": "m"},
        {"code": "x", "inner_error": {"code": "ResponsibleAIPolicyViolation"}},
    ],
)
def test_a_blocked_prompt_is_filtered_whatever_it_is_called(error: dict[str, Any]) -> None:
    """Picture models have several names for it."""
    record = exchanged({"prompt": "p"}, {"error": error}, 400)
    assert (record.exchange.ending, record.exchange.ending_detail) == (
        Ending.FILTERED,
        "prompt_filtered",
    )


def test_the_verdicts_and_the_rewritten_prompt_of_a_blocked_call_are_kept() -> None:
    """They stand inside the error, under a name with an underscore."""
    results = {"sexual": {"filtered": True, "severity": "high"}}
    inner = {"code": "x", "content_filter_results": results, "revised_prompt": "a rewritten one"}
    error = {"code": "content_filter", "message": "m", "inner_error": inner}
    record = exchanged({"prompt": "p"}, {"error": error}, 400)
    assert record.safety.signals == ("sexual.filtered",)
    assert record.response.outputs[0].parts == (Text(text="a rewritten one"),)


def test_partial_pictures_stand_before_the_one_they_led_to() -> None:
    """Each is a digest under its number; the finished picture ends the stream."""
    record = streamed(partial(0), partial(1), event(usage=USAGE, quality="low"))
    assert record.response.outputs[0].parts == (
        picture(name="partial_0"),
        picture(name="partial_1"),
        picture(),
        Extra(name="data.size", text='"1024x1024"'),
        Extra(name="data.quality", text='"low"'),
    )
    assert (record.usage.input, record.usage.reported) == (50, USAGE)
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())
    assert PICTURE_64.encode() not in to_json(record)


def test_a_stream_that_stops_at_a_partial_picture_was_cut() -> None:
    """A preview is no answer; what was delivered of it is in the record all the same."""
    record = streamed(event(), partial(0))
    assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert [len(output.parts) for output in record.response.outputs] == [2, 1]
    gone = streamed(event(), transport=Ending.CLIENT_DISCONNECTED)
    assert gone.exchange.ending is Ending.COMPLETE
    gone = streamed(partial(0), transport=Ending.CLIENT_DISCONNECTED)
    assert gone.exchange.ending is Ending.CLIENT_DISCONNECTED


def test_the_usage_of_every_finished_picture_is_kept() -> None:
    """Counts are the last one's, since nobody says whether they add up; all were reported."""
    second = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    record = streamed(event(usage=USAGE), event(usage=second))
    assert (record.usage.total, record.usage.reported) == (3, [USAGE, second])


@pytest.mark.parametrize(
    "error", [{"type": "error", "error": {"code": "c"}}, {"error": {"code": "c"}}]
)
def test_an_error_in_the_stream_is_a_failure(error: dict[str, Any]) -> None:
    """The pictures before it are kept."""
    record = streamed(partial(0), error)
    assert (record.exchange.ending, record.exchange.ending_detail) == (
        Ending.FAILED,
        "error_event",
    )
    assert record.response.error is not None
    assert record.response.error.code == "c"
    assert record.response.outputs[0].parts == (picture(name="partial_0"),)


def test_events_of_no_known_type_and_no_json_are_kept() -> None:
    """They are gathered beside the pictures, and what is no object is flagged."""
    answer = b"data: no json\n\n" + stream({"type": "novel", "x": "y"}, event(), done=True)
    record = recorded(answer, request={"prompt": "p"}, opening=opened("/v1/images/generations"))
    kept = [part.name for part in record.response.outputs[0].parts if isinstance(part, Extra)]
    assert kept == ["data.size", "message.text", "event.novel"]
    assert "stream_malformed" in record.exchange.flags


def test_base64_that_cannot_be_decoded_is_flagged() -> None:
    """It is known by its characters, and never becomes text."""
    record = exchanged({"prompt": "p"}, {"data": [{"b64_json": "no base64!"}]})
    assert record.exchange.flags == ("media_undecodable",)


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.just(PICTURE_64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("data", "b64_json", "url", "type", "error", "usage", "output_format"),
                    *("images", "image", "prompt", "image_url", "file_id", "inner_error"),
                    *("prompt_filter_results", "content_filter_results", "partial_image_index"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


KINDS = ["image_edit.partial_image", "image_generation.completed", "error", 5]
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(KINDS),
        "data": st.lists(ODD, max_size=2) | ODD,
        **dict.fromkeys(("b64_json", "url", "usage", "error", "partial_image_index"), ODD),
    },
)


@settings(max_examples=150, deadline=None)
@given(documents=st.lists(BODIES | ODD, max_size=3), request=ODD)
def test_no_document_makes_a_reading_of_pictures_raise(documents: list[Any], request: Any) -> None:
    """Known names with values of any type are read into something that can be kept."""
    body = json.dumps(request).encode()
    records = [exchanged(body, document) for document in documents]
    records.append(streamed(*documents))
    for record in records:
        assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record
