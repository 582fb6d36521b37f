"""What the official SDKs are asked for in the tests of the dialects: one table of calls.

The law: a call is here for a way in which an SDK makes or reads something by itself. What it is
answered with is an example of the dialect.
"""

from __future__ import annotations

from tests.harness.sdk_calls_turns import assistants, messages, responses
from tests.harness.sdk_hearing import Call, Way

__all__ = ["CALLS", "UPLOAD"]

UPLOAD = bytes(range(64)) * 4

_DRAWN = "A lighthouse in the fog"
_FILE = ("a.wav", UPLOAD, "audio/wav")
_PICTURE = ("a.png", UPLOAD, "image/png")


def _completions() -> dict[str, Call]:
    asked = {"model": "gpt-test", "prompt": ["Once upon", "A second prompt"]}
    streamed = {**asked, "stream": True, "stream_options": {"include_usage": True}}
    said, folder = ("Once upon", "A second prompt"), "openai_completions"
    create = "completions.create"
    return {
        "a completion": Call(create, f"{folder}/plain.answer.json", asked, prompts=said),
        "a streamed completion": Call(
            create, f"{folder}/choices.sse", streamed, Way.EVENTS, (), said
        ),
        "a completion that fails": Call(
            create, f"{folder}/error.sse", streamed, Way.EVENTS, (), said, "failed"
        ),
    }


def _embeddings() -> dict[str, Call]:
    asked = {"model": "embed-test", "input": ["first text", "second text"]}
    said, folder = ("first text", "second text"), "openai_embeddings"
    create = "embeddings.create"
    return {
        # The SDK asks for base64 by itself, and makes numbers of it.
        "embeddings": Call(create, f"{folder}/base64.answer.json", asked, prompts=said),
        "embeddings as numbers": Call(
            create,
            f"{folder}/numbers.answer.json",
            {**asked, "encoding_format": "float"},
            prompts=said,
        ),
        "embeddings as base64": Call(
            create,
            f"{folder}/base64.answer.json",
            {**asked, "encoding_format": "base64"},
            prompts=said,
        ),
    }


def _images() -> dict[str, Call]:
    asked = {"model": "image-test", "prompt": _DRAWN}
    streamed = {**asked, "stream": True, "partial_images": 2}
    edited = {**asked, "image": [_PICTURE, _PICTURE]}
    said, folder = (_DRAWN,), "openai_images"
    return {
        "pictures": Call("images.generate", f"{folder}/pictures.answer.json", asked, prompts=said),
        "streamed pictures": Call(
            "images.generate", f"{folder}/partials.sse", streamed, Way.EVENTS, (), said
        ),
        "an edited picture": Call(
            "images.edit", f"{folder}/pictures.answer.json", edited, prompts=said
        ),
        "a streamed edit": Call(
            "images.edit", f"{folder}/edit.sse", {**edited, "stream": True}, Way.EVENTS, (), said
        ),
        "a picture that is refused": Call(
            "images.generate",
            f"{folder}/blocked.answer.json",
            asked,
            prompts=said,
            ending="filtered",
        ),
    }


def _audio() -> dict[str, Call]:
    spoken = {"model": "tts-test", "voice": "alloy", "input": "Good morning"}
    heard = {"model": "whisper-test", "file": _FILE, "prompt": "Names: Ann, Bob"}
    said, guided, folder = ("Good morning",), ("Names: Ann, Bob",), "openai_audio"
    write, flowing = "audio.transcriptions.create", "audio.speech.with_streaming_response.create"
    streamed = {**heard, "stream": True}
    return {
        "speech": Call("audio.speech.create", "sound", spoken, Way.SOUND, prompts=said),
        "speech that flows": Call(flowing, "sound", spoken, Way.FLOWING, prompts=said),
        "speech as events": Call(
            flowing,
            f"{folder}/speech.sse",
            {**spoken, "stream_format": "sse"},
            Way.FLOWING,
            (),
            said,
        ),
        "a transcript": Call(write, f"{folder}/plain.answer.json", heard, prompts=guided),
        "a transcript with its segments": Call(
            write,
            f"{folder}/verbose.answer.json",
            {**heard, "response_format": "verbose_json"},
            prompts=guided,
        ),
        "subtitles": Call(write, "subtitles", {**heard, "response_format": "srt"}, prompts=guided),
        "a streamed transcript": Call(
            write, f"{folder}/transcript.sse", streamed, Way.EVENTS, (), guided
        ),
        "speakers": Call(write, f"{folder}/speakers.sse", streamed, Way.EVENTS, (), guided),
        "a translation": Call(
            "audio.translations.create", f"{folder}/plain.answer.json", heard, prompts=guided
        ),
    }


# By dialect, and in it by name.
CALLS: dict[str, dict[str, Call]] = {
    "openai.responses": responses(),
    "openai.completions": _completions(),
    "openai.embeddings": _embeddings(),
    "openai.images": _images(),
    "openai.audio": _audio(),
    "openai.assistants": assistants(),
    "anthropic.messages": messages(),
}
