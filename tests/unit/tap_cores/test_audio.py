"""Sound: what was to be spoken and what was understood are text, the sound itself is a digest."""

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
from audit.record import AuditRecord, Message
from audit.value import to_json
from tap.dialects.keeping import Keeper
from tap.dialects.streamed_media import StreamedMedia
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded, stream

SPEECH = "/v1/audio/speech"
HEARD = "/v1/audio/transcriptions"
SOUND = b"\xff\xf3" + bytes(range(256)) * 3
SOUND_64 = base64.b64encode(SOUND).decode()
DIGEST = keyed_digest(DIGEST_KEY, SOUND)
ASKED = {"input": "Say it", "instructions": "softly", "model": "tts", "voice": "alloy"}
USAGE = {
    "type": "tokens",
    "input_tokens": 37,
    "input_token_details": {"audio_tokens": 30, "text_tokens": 7},
    "output_tokens": 12,
    "total_tokens": 49,
}


def spoken(
    answer: bytes, content_type: str | None = "audio/mpeg", status: int = 200, **capture: Any
) -> AuditRecord:
    """The record of a call for speech."""
    told = head(status, content_type)
    return recorded(answer, request=ASKED, opening=opened(SPEECH), answer_head=told, **capture)


def form(*fields: tuple[str, bytes]) -> bytes:
    """A form; the names are given as they stand in its heads."""
    parts = (
        f"--B\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode() + data + b"\r\n"
        for name, data in fields
    )
    return b"".join(parts) + b"--B--\r\n"


def heard(
    answer: bytes,
    content_type: str | None = "application/json",
    *fields: tuple[str, bytes],
    status: int = 200,
    **capture: Any,
) -> AuditRecord:
    """The record of a call for a transcript."""
    opening = opened(HEARD, content_type="multipart/form-data; boundary=B")
    request = form(('name="model"', b"whisper"), *fields)
    told = head(status, content_type)
    return recorded(answer, request=request, opening=opening, answer_head=told, **capture)


def written(body: Any) -> tuple[Part, ...]:
    """The parts of a transcript of JSON."""
    return heard(json.dumps(body).encode()).response.outputs[0].parts


def streamed(*events: object, done: bool = True, **capture: Any) -> AuditRecord:
    """The record of a streamed transcript, in the framing that such streams have."""
    answer = stream(*events, done=done).replace(b"\n", b"\r\n")
    return heard(answer, "text/event-stream", ('name="stream"', b"true"), **capture)


def delta(text: str, **more: Any) -> dict[str, Any]:
    """A piece of a transcript."""
    return {"type": "transcript.text.delta", "delta": text, **more}


def test_what_is_to_be_spoken_is_the_prompt_and_the_sound_a_digest() -> None:
    """Sound of any type is what this format answers with, and nothing is wrong with it."""
    record = spoken(SOUND)
    assert record.exchange.dialect is Dialect.OPENAI_AUDIO
    assert record.request.messages == (
        Message(role="user", parts=(Text(text="Say it"),)),
        Message(role="system", parts=(Text(text="softly"),)),
    )
    assert record.request.parameters == {"model": "tts", "voice": "alloy"}
    media = Media(mime="audio/mpeg", bytes=len(SOUND), digest=DIGEST)
    assert record.response.outputs[0].parts == (media,)
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())


@pytest.mark.parametrize("start", [b"{", b"[", b"{\x00", b"\xff{"])
def test_a_sound_may_begin_with_any_byte(start: bytes) -> None:
    """Raw samples can look like the beginning of JSON."""
    record = spoken(start + SOUND, "audio/pcm")
    assert [type(part) for part in record.response.outputs[0].parts] == [Media]
    assert record.exchange.flags == ()


def test_half_a_sound_is_known_to_be_half() -> None:
    """A client that left has heard what came, and its digest is of that."""
    left = spoken(SOUND, transport=Ending.CLIENT_DISCONNECTED)
    assert left.exchange.ending is Ending.CLIENT_DISCONNECTED
    assert left.exchange.flags == ("answer_incomplete",)
    assert isinstance(left.response.outputs[0].parts[0], Media)


def test_a_page_in_place_of_sound_is_kept_and_flagged() -> None:
    """A gateway may answer with a page, and JSON that is no error stays readable."""
    page = spoken(b"<html>hi</html>", "text/html")
    assert page.response.outputs[0].parts == (Text(text="<html>hi</html>"),)
    assert page.exchange.flags == ("answer_malformed",)
    record = spoken(json.dumps({"audio": SOUND_64}).encode(), "application/json")
    kept, media = record.response.outputs[0].parts
    assert isinstance(kept, Extra)
    assert isinstance(media, Media)
    assert (kept.name, media.digest) == ("audio", DIGEST)


def test_errors_are_errors_in_either_form() -> None:
    """JSON or text, with the status of an error."""
    error = spoken(b'{"error":{"code":"c","message":"m"}}', "application/json", 400)
    assert error.exchange.ending is Ending.REJECTED
    assert error.response.error is not None
    assert error.response.error.code == "c"
    text = spoken(b"sad", "text/plain", 502)
    assert text.response.error is not None
    assert (text.response.error.message, text.response.outputs) == ("sad", ())


def test_streamed_speech_is_one_sound_whatever_pieces_it_came_in() -> None:
    """Each piece is base64 of its own; the digest is over all the bytes."""
    pieces = [SOUND[at : at + 100] for at in range(0, len(SOUND), 100)]
    events: list[dict[str, Any]] = [
        {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()}
        for piece in pieces
    ]
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 9}}
    asked = {**ASKED, "stream_format": "sse"}
    record = recorded(stream(*events, done, done=False), request=asked, opening=opened(SPEECH))
    media = Media(mime="audio", bytes=len(SOUND), digest=DIGEST)
    assert record.response.outputs[0].parts == (media,)
    assert (record.usage.input, record.usage.output, record.usage.total) == (3, 9, None)
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())
    cut = recorded(stream(*events, done=False), request=asked, opening=opened(SPEECH))
    assert cut.exchange.ending is Ending.UPSTREAM_DISCONNECTED


@pytest.mark.parametrize("step", [1, 3, 5, 7, 4000])
@pytest.mark.parametrize("text", [SOUND_64, SOUND_64.rstrip("="), SOUND_64.replace("A", "A\n")])
def test_base64_that_was_cut_anywhere_is_decoded(step: int, text: str) -> None:
    """One long text may be cut without regard to its groups of four, broken or unpadded."""
    sound = StreamedMedia()
    for at in range(0, len(text), step):
        sound.take(text[at : at + step])
    keeper = Keeper(lambda data: keyed_digest(DIGEST_KEY, data))
    assert sound.media(keeper, "audio").digest == DIGEST
    assert sound.media(keeper, "audio").bytes == len(SOUND)
    assert keeper.flags == set()


def test_pieces_that_are_no_base64_count_as_their_characters() -> None:
    """They are flagged; the pieces around them are read."""
    sound = StreamedMedia()
    assert not sound
    for piece in ("AAAA", "!!!!", "\ud83d", "AA=="):
        sound.take(piece)
    keeper = Keeper(lambda data: data.hex())
    assert sound
    assert sound.media(keeper, None).digest is not None
    assert {str(flag) for flag in keeper.flags} == {"media_undecodable"}


def test_an_upload_is_named_typed_and_digested() -> None:
    """The file is media, the guiding text a prompt, and every other field a parameter."""
    record = heard(
        b'{"text":"Hi"}',
        "application/json",
        ('name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg', SOUND),
        ('name="prompt"', b"names: Ann"),
        ('name="language"', b"en"),
        ('name="include[]"', b"logprobs"),
    )
    sound = Media(mime="audio/mpeg", bytes=len(SOUND), digest=DIGEST, name="a.mp3")
    assert record.request.messages == (
        Message(role="user", parts=(sound, Text(text="names: Ann"))),
    )
    assert record.request.parameters == {
        "model": "whisper",
        "language": "en",
        "include": "logprobs",
    }
    assert record.exchange.requested_model == "whisper"
    assert record.response.outputs[0].parts == (Text(text="Hi"),)
    assert record.exchange.flags == ()


def test_voices_of_known_speakers_are_media_too() -> None:
    """They are sent as fields of the form that hold data URLs."""
    voice = f"data:audio/wav;base64,{SOUND_64}".encode()
    record = heard(b"{}", "application/json", ('name="known_speaker_references[]"', voice))
    assert SOUND_64.encode() not in to_json(record)
    assert record.request.messages[0].parts == (
        Media(mime="audio/wav", bytes=len(SOUND), digest=DIGEST),
    )


def test_an_upload_in_json_is_read_like_a_form() -> None:
    """Some gateways take the file as base64, or by its URL."""
    body = {"file": SOUND_64, "prompt": 5, "model": "m", "stream": True}
    record = recorded(b"{}", request=body, opening=opened(HEARD), answer_head=head(200, None))
    sound = Media(bytes=len(SOUND), digest=DIGEST)
    assert record.request.messages == (Message(role="user", parts=(sound,)),)
    assert record.exchange.flags == ("request_malformed", "stream_answered_plain")
    assert record.request.parameters["prompt"] == 5


@pytest.mark.parametrize(
    "text",
    [
        "Hello there.\n",
        "1\n00:00:00,000 --> 00:00:02,000\nHello\n",
        "WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n",
        "[Music] Hello",
        "{laughs} Hello",
        "[Music]\n[Applause]\n",
    ],
)
@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", None])
def test_transcripts_of_bare_text_and_subtitles_are_text(
    text: str, content_type: str | None
) -> None:
    """They are answers of this format, though they may begin like JSON."""
    record = heard(text.encode(), content_type)
    assert record.response.outputs[0].parts == (Text(text=text),)
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())


def test_other_answers_than_transcripts_are_flagged() -> None:
    """A page, sound, or JSON that is none: all are kept as far as they can be read."""
    assert heard(b"<html>x</html>", "text/html").exchange.flags == ("answer_malformed",)
    assert heard(SOUND, "audio/mpeg").exchange.flags == ("answer_malformed",)
    assert heard(b"{nonsense", "application/json").exchange.flags == ("answer_unparsed",)
    assert heard(b"[]").exchange.flags == ("answer_malformed",)


def test_usage_by_tokens_is_counted_and_usage_by_time_is_kept() -> None:
    """Seconds are no tokens."""
    usage = heard(json.dumps({"text": "x", "usage": USAGE}).encode()).usage
    assert (usage.input, usage.output, usage.total, usage.audio_in) == (37, 12, 49, 30)
    timed = {"type": "duration", "seconds": 3.5}
    usage = heard(json.dumps({"text": "x", "usage": timed}).encode()).usage
    assert (usage.input, usage.total, usage.source, usage.reported) == (
        None,
        None,
        "reported",
        timed,
    )


def test_a_verbose_transcript_keeps_its_times_and_leaves_out_its_pieces() -> None:
    """Words and token ids would repeat the text in pieces that no detector can read."""
    segment = {"id": 0, "start": 0.0, "end": 1.5, "text": "PLANTED", "tokens": [1], "seek": 0}
    body = {
        "text": "Hello",
        "language": "english",
        "duration": 1.5,
        "segments": [segment],
        "words": [{"word": "PLANTED", "start": 0.0, "end": 1.0}],
        "logprobs": [{"token": "PLANTED"}],
    }
    record = heard(json.dumps(body).encode())
    assert record.response.outputs[0].parts == (
        Text(text="Hello"),
        Extra(name="segments", text='[{"id":0,"start":0.0,"end":1.5}]'),
        Extra(name="words", text='{"count":1}'),
        Extra(name="language", text='"english"'),
        Extra(name="duration", text="1.5"),
    )
    assert record.exchange.flags == ("logprobs_omitted",)
    assert b"PLANTED" not in to_json(record)


def test_who_said_what_is_kept_in_turns() -> None:
    """What one speaker said without a break stands together, so that a detector can read it."""
    said = [("A", "my mail is jo"), ("A", "hn@example.com"), ("B", " thanks"), ("A", " bye")]
    segments = [
        {"id": f"s{at}", "speaker": who, "start": at, "end": at + 1, "text": text}
        for at, (who, text) in enumerate(said)
    ]
    parts = written({"text": "all of it", "segments": segments})
    assert parts[0] == Text(text="all of it")
    assert isinstance(parts[1], Extra)
    assert json.loads(parts[1].text) == [
        {"speaker": "A", "start": 0, "end": 2, "text": "my mail is john@example.com"},
        {"speaker": "B", "start": 2, "end": 3, "text": " thanks"},
        {"speaker": "A", "start": 3, "end": 4, "text": " bye"},
    ]


def test_a_streamed_transcript_is_its_final_text() -> None:
    """The pieces are said once, where the text they add up to came; usage is the last event's."""
    end = {"type": "transcript.text.done", "text": "Hello", "usage": USAGE}
    record = streamed(delta("Hel", logprobs=[{"token": "PLANTED"}]), delta("lo"), end)
    assert record.response.outputs[0].parts == (Text(text="Hello"),)
    assert record.usage.total == 49
    assert record.exchange.flags == ("logprobs_omitted",)
    assert b"PLANTED" not in to_json(record)
    early = streamed(delta("Hello"), end, done=False, transport=Ending.CLIENT_DISCONNECTED)
    assert early.exchange.ending is Ending.COMPLETE


def test_a_transcript_that_was_cut_is_what_was_delivered() -> None:
    """The pieces alone give the text; where the final text differs, both are kept."""
    cut = streamed(delta("Hel"), delta("lo"), done=False)
    assert cut.response.outputs[0].parts == (Text(text="Hello"),)
    assert cut.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    end = {"type": "transcript.text.done", "text": "Hallo"}
    assert streamed(delta("Hello"), end).response.outputs[0].parts == (
        Text(text="Hallo"),
        Extra(name="transcript.text.delta", text='"Hello"'),
    )


def test_streamed_segments_are_a_transcript_even_without_its_end() -> None:
    """Speakers are told by segments, which may be all that came."""
    segment = {"type": "transcript.text.segment", "speaker": "A", "text": "Hi", "start": 0}
    record = streamed({**segment, "end": 1}, {**segment, "text": " you", "end": 2}, done=False)
    text, turns = record.response.outputs[0].parts
    assert text == Text(text="Hi you")
    assert isinstance(turns, Extra)
    assert json.loads(turns.text) == [{"speaker": "A", "start": 0, "end": 2, "text": "Hi you"}]


def test_halves_of_a_character_in_two_pieces_are_joined() -> None:
    """A surrogate pair that was split between two events is one character of the record."""
    halves = rb'data: {"type":"transcript.text.delta","delta":"\ud83d"}' + b"\n\n"
    halves += rb'data: {"type":"transcript.text.delta","delta":"\ude80"}' + b"\n\n"
    record = heard(halves, "text/event-stream", ('name="stream"', b"true"))
    assert record.response.outputs[0].parts == (Text(text="🚀"),)


def test_an_error_in_a_stream_of_sound_is_a_failure() -> None:
    """Named by the event or by its type."""
    for error in (b'event: error\ndata: {"code":"c"}\n\n', stream({"error": {"code": "c"}})):
        record = heard(stream(delta("x"), done=False) + error, "text/event-stream")
        assert record.exchange.ending is Ending.FAILED
        assert record.response.error is not None
        assert record.response.error.code == "c"


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.just(SOUND_64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("text", "segments", "speaker", "words", "logprobs", "usage", "tokens"),
                    *("audio", "delta", "start", "error", "file", "input", "stream_format"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
KINDS = ["transcript.text.delta", "transcript.text.segment", "transcript.text.done"]
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from([*KINDS, "speech.audio.delta", "speech.audio.done", "error", 5]),
        "segments": st.lists(ODD, max_size=2) | ODD,
        **dict.fromkeys(("text", "delta", "audio", "words", "logprobs", "usage", "error"), ODD),
    },
)
EVENTS = BODIES | ODD


@settings(max_examples=150, deadline=None)
@given(events=st.lists(EVENTS, max_size=4), request=ODD, path=st.sampled_from([SPEECH, HEARD]))
def test_no_document_makes_a_reading_of_sound_raise(
    events: list[Any], request: Any, path: str
) -> None:
    """Known names with values of any type are read into something that can be kept."""
    body = json.dumps(request).encode()
    plain = [(json.dumps(event).encode(), head(200, "application/json")) for event in events]
    for answer, told in [(stream(*events), head()), *plain]:
        record = recorded(answer, request=body, opening=opened(path), answer_head=told)
        assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record
