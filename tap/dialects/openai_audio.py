"""Speech and transcripts: a text becomes sound, or sound a text.

The law of this module: sound is never kept, only its type, size and keyed digest; every text is.
Sound and plain text are what these formats answer with, so neither is a fault here.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.flags import Flag
from audit.parts import Media, Part
from audit.record import Output
from audit.value import Json
from tap.dialects.answers import one_shot_reading
from tap.dialects.forms import read_upload
from tap.dialects.keeping import Keeper
from tap.dialects.opaque import media_type, read_plain
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.dialects.speech_fold import SpeechFold
from tap.dialects.transcripts import TranscriptFold, transcript_parts
from tap.sse import Event

__all__ = ["OpenAISpeech", "OpenAITranscripts", "SpeechStream", "TranscriptStream"]

_SPEECH_TEXTS = {"input": "user", "instructions": "system"}
_SPOKEN = frozenset(("file",))
_TRANSCRIPT_READ = frozenset(("text", "deltas", "segments", "words", "logprobs"))


class SpeechStream:
    """A `Fold` of spoken answers."""

    def __init__(self) -> None:
        self.fold = SpeechFold()

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.fold.feed(event)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been folded so far. No event names the format of the sound."""
        fold = self.fold
        sound = (fold.sound.media(keeper, "audio"),) if fold.sound else ()
        outputs = [Output(index=0, role="assistant", parts=sound)] if sound else []
        read = one_shot_reading(
            fold.final(), outputs, keeper, read=frozenset(), streamed=True, terminal=fold.ended
        )
        return fold.events.completed(read, keeper)


class TranscriptStream:
    """A `Fold` of transcripts."""

    def __init__(self) -> None:
        self.fold = TranscriptFold()

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.fold.feed(event)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been folded so far."""
        fold = self.fold
        read = _transcript(fold.final(), keeper, streamed=True, terminal=fold.ended)
        return fold.events.completed(read, keeper)


class OpenAISpeech:
    """Reads `openai.audio` where a text is to be spoken."""

    name = DialectName.OPENAI_AUDIO

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the text to be spoken, and how."""
        return read_upload(body, keeper, texts=_SPEECH_TEXTS, files=frozenset())

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read an answer of JSON, which is an error or a gateway's own."""
        return one_shot_reading(_object(value, keeper), [], keeper, read=frozenset())

    def plain(self, body: Body, keeper: Keeper) -> AnswerReading:
        """Read the sound; a text in its place is kept and flagged."""
        read = read_plain(body, 200, keeper)
        return _expecting(read, keeper, sound=True)

    def fold(self) -> SpeechStream:
        """Begin to read a stream."""
        return SpeechStream()


class OpenAITranscripts:
    """Reads `openai.audio` where sound is to be written down, or translated."""

    name = DialectName.OPENAI_AUDIO

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the sound's name, type and digest, and the text that is to guide."""
        return read_upload(body, keeper, texts={"prompt": "user"}, files=_SPOKEN)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a transcript of JSON, in any of its three shapes."""
        return _transcript(_object(value, keeper), keeper)

    def plain(self, body: Body, keeper: Keeper) -> AnswerReading:
        """Read a transcript that is a text or subtitles; sound or a page is flagged."""
        read = read_plain(body, 200, keeper)
        if media_type(body.content_type) == "text/html":
            keeper.flags.add(Flag.ANSWER_MALFORMED)
        return _expecting(read, keeper, sound=False)

    def fold(self) -> TranscriptStream:
        """Begin to read a stream."""
        return TranscriptStream()


def _object(value: Json, keeper: Keeper) -> dict[str, Json]:
    if isinstance(value, dict):
        return value
    keeper.flags.add(Flag.ANSWER_MALFORMED)
    return {"body": value}


def _transcript(
    final: dict[str, Json], keeper: Keeper, *, streamed: bool = False, terminal: bool = True
) -> AnswerReading:
    before = len(keeper.media)
    parts: list[Part] = transcript_parts(final, keeper)
    parts += keeper.media[before:]
    outputs = [Output(index=0, role="assistant", parts=tuple(parts))] if parts else []
    return one_shot_reading(
        final, outputs, keeper, read=_TRANSCRIPT_READ, streamed=streamed, terminal=terminal
    )


def _expecting(read: AnswerReading, keeper: Keeper, *, sound: bool) -> AnswerReading:
    """Flag an answer of the other kind; bytes that are sound are no broken text either."""
    parts = [part for output in read.response.outputs for part in output.parts]
    if any(isinstance(part, Media) is not sound for part in parts):
        keeper.flags.add(Flag.ANSWER_MALFORMED)
    if sound and parts and all(isinstance(part, Media) for part in parts):
        keeper.flags.discard(Flag.INVALID_UTF8)
    return replace(read, flags=frozenset(keeper.flags))
