"""Every place of an exchange where a caller, a tool or a model can put personal data.

Each placement draws values of its own and one control word that is personal to nobody, so that
what is found again tells where it had been put, and that the search can find at all.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.harness.plants import Plant, a_marker, plants
from tests.harness.scripted_upstream import Answer, chunks_of, event

__all__ = ["CHAT", "JSON", "Placement", "chat", "placements", "streamed_pieces"]

CHAT = "/openai/deployments/d/chat/completions?api-version=2024-10-21"
JSON: Mapping[str, str] = {"Content-Type": "application/json", "api-key": "k" * 12}
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Placement:
    """One call with its scripted answer, and what was planted in which of its places.

    `kept` says that the record holds the place, so that its control word must be found;
    `in_sentences` that the values stand in sentences there, which must stay readable.
    """

    name: str
    planted: Sequence[Plant]
    marker: str
    body: bytes = b""
    path: str = CHAT
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    answer: Answer = field(default_factory=Answer)
    kept: bool = True
    in_sentences: bool = True

    @property
    def values(self) -> list[str]:
        """What must not be found."""
        return [plant.value for plant in self.planted]


def placements(rng: random.Random) -> list[Placement]:
    """Draw one of each."""
    return [make(rng) for make in (*_IN_REQUESTS, *_IN_ANSWERS, *_ELSEWHERE)]


def chat(*messages: object, **more: object) -> bytes:
    """Write a chat request."""
    return json.dumps({"messages": messages, **more}).encode()


def streamed_pieces(rng: random.Random, text: str, *, key: str = "content") -> list[bytes]:
    """Stream a text in deltas of a few characters, and the stream in pieces cut anywhere."""
    stream = b"".join(chunks_of({key: part}) for part in _cut(rng, text, 4))
    return [*_cut(rng, stream, 90), chunks_of({}, "stop") + DONE]


def _cut(rng: random.Random, whole: Any, most: int) -> Iterator[Any]:
    at = 0
    while at < len(whole):
        size = rng.randint(1, most)
        yield whole[at : at + size]
        at += size


def _said(planted: Sequence[Plant], marker: str) -> str:
    return ".\n".join([f"The word is {marker}", *(plant.said for plant in planted)]) + "."


def _place(name: str, write: Callable[[str], bytes]) -> Callable[[random.Random], Placement]:
    """A place in the request that takes any text."""

    def make(rng: random.Random) -> Placement:
        planted, marker = plants(rng), a_marker(rng)
        return Placement(name, planted, marker, write(_said(planted, marker)))

    return make


def _message(role: str, **more: object) -> Callable[[str], bytes]:
    return lambda text: chat({"role": role, "content": text, **more})


def _text_parts(text: str) -> bytes:
    parts = [{"type": "text", "text": line} for line in text.split("\n")]
    return chat({"role": "user", "content": parts})


def _call(arguments: str) -> dict[str, object]:
    function = {"name": "look_up", "arguments": arguments}
    return {"id": "call_1", "type": "function", "function": function}


def _arguments(text: str) -> bytes:
    arguments = json.dumps({"note": text, "lines": text.split("\n"), "n": 3})
    return chat({"role": "assistant", "content": None, "tool_calls": [_call(arguments)]})


def _nested_arguments(text: str) -> bytes:
    inner = json.dumps({"lines": text.split("\n")})
    return _arguments(json.dumps({"deep": [json.dumps({"deeper": inner})]}))


def _tool_result(text: str) -> bytes:
    content = json.dumps({"found": [{"remark": line} for line in text.split("\n")]})
    return chat({"role": "tool", "tool_call_id": "call_1", "content": content})


def _with(name: str) -> Callable[[str], bytes]:
    """A member of the request beside the messages."""
    return lambda text: chat({"role": "user", "content": "hello"}, **{name: text})


def _metadata(text: str) -> bytes:
    lines = {f"line{number}": line for number, line in enumerate(text.split("\n"))}
    return chat({"role": "user", "content": "hello"}, metadata=lines)


def _unknown(text: str) -> bytes:
    part = {"type": "hologram", "caption": text}
    return chat({"role": "user", "content": [part], "mood": text}, experimental={"deep": [text]})


def _escaped(text: str) -> bytes:
    escaped = "".join(f"\\u{ord(mark):04x}" for mark in text)
    return b'{"messages":[{"role":"user","content":"' + escaped.encode() + b'"}]}'


_IN_REQUESTS: tuple[Callable[[random.Random], Placement], ...] = (
    _place("system message", _message("system")),
    _place("user message", _message("user")),
    _place("assistant message", _message("assistant")),
    _place("tool message", _message("tool", tool_call_id="c")),
    _place("text parts", _text_parts),
    _place("tool-call arguments", _arguments),
    _place("JSON in JSON arguments", _nested_arguments),
    _place("tool result in JSON", _tool_result),
    _place("message of an unknown role", _message("wizard")),
    _place("metadata", _metadata),
    _place("an unknown member", _with("prompt_template")),
    _place("unknown parts", _unknown),
    _place("escaped characters", _escaped),
)


def _answered(
    name: str, answer: Callable[[random.Random, str], Answer], *, stream: bool = False
) -> Callable[[random.Random], Placement]:
    """A place in the answer."""

    def make(rng: random.Random) -> Placement:
        planted, marker = plants(rng), a_marker(rng)
        asked = chat({"role": "user", "content": "who is it?"}, stream=stream)
        told = answer(rng, _said(planted, marker))
        return Placement(name, planted, marker, asked, answer=told)

    return make


def _events(pieces: Sequence[bytes]) -> Answer:
    return Answer(pieces, kind="text/event-stream")


def _streamed(key: str) -> Callable[[random.Random, str], Answer]:
    return lambda rng, text: _events(streamed_pieces(rng, text, key=key))


def _streamed_arguments(rng: random.Random, text: str) -> Answer:
    start = {"index": 0, "id": "call_1", "function": {"name": "look_up", "arguments": ""}}
    pieces = [chunks_of({"tool_calls": [start]})]
    arguments = json.dumps({"note": text, "inner": json.dumps({"lines": text.split("\n")})})
    for part in _cut(rng, arguments, 5):
        call = {"index": 0, "function": {"arguments": part}}
        pieces.append(chunks_of({"tool_calls": [call]}))
    return _events([*_cut(rng, b"".join(pieces), 90), chunks_of({}, "tool_calls") + DONE])


def _whole(rng: random.Random, text: str) -> Answer:
    del rng
    message = {"role": "assistant", "content": text, "tool_calls": [_call(json.dumps([text]))]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return Answer([json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()])


def _error_body(rng: random.Random, text: str) -> Answer:
    del rng
    error = {"message": f"No such user: {text}", "type": "invalid", "param": text, "code": "x"}
    return Answer([json.dumps({"error": error}).encode()], status=400)


def _error_page(rng: random.Random, text: str) -> Answer:
    del rng
    page = f"<html><body><p>The request of {text} failed.</p></body></html>"
    return Answer([page.encode()], status=502, kind="text/html")


def _error_event(rng: random.Random, text: str) -> Answer:
    del rng
    error = event({"error": {"message": text, "type": "server_error"}})
    return _events([chunks_of({"content": "so "}), error])


def _half_an_event(rng: random.Random, text: str) -> Answer:
    del rng
    broken = b'data: {"choices": [{"delta": {"content": "' + text.encode() + b"\n\n"
    return _events([chunks_of({"content": text}), broken, b"data: " + text.encode()])


_IN_ANSWERS: tuple[Callable[[random.Random], Placement], ...] = (
    _answered("a streamed answer", _streamed("content"), stream=True),
    _answered("streamed reasoning", _streamed("reasoning_content"), stream=True),
    _answered("a streamed refusal", _streamed("refusal"), stream=True),
    _answered("streamed arguments", _streamed_arguments, stream=True),
    _answered("a whole answer", _whole),
    _answered("an error body", _error_body),
    _answered("an error page", _error_page),
    _answered("an error event", _error_event, stream=True),
    _answered("a malformed stream", _half_an_event, stream=True),
)


def _names(rng: random.Random) -> Placement:
    """As names: of a speaker, a tool, a function, a user, a model, and of members."""
    planted, marker = plants(rng), a_marker(rng)
    messages = [
        {"role": "user", "name": plant.value, "content": f"hello {marker}"} for plant in planted
    ]
    tools = [{"type": "function", "function": {"name": plant.said}} for plant in planted]
    members = {plant.said: {plant.said: 1} for plant in planted}
    body = chat(*messages, tools=tools, tool_choice=members, model=planted[0].value)
    return Placement("names", planted, marker, body, in_sentences=False)


def _user_field(rng: random.Random) -> Placement:
    planted, marker = plants(rng)[:1], a_marker(rng)
    value = planted[0].value
    hello = {"role": "user", "content": f"hello {marker}"}
    body = chat(hello, user=value, safety_identifier=value, metadata={"session_id": value})
    return Placement("user field", planted, marker, body, in_sentences=False)


def _in_path(rng: random.Random) -> Placement:
    """In a path whose parts are percent-encoded sentences."""
    planted, marker = plants(rng), a_marker(rng)
    parts = (quote(plant.said, safe="") for plant in planted)
    path = f"/v1/{marker}/" + "/".join(parts) + "/notes"
    return Placement("path", planted, marker, b"{}", path, in_sentences=False)


def _in_query(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    pairs = "&".join(f"q{n}={quote(plant.said)}" for n, plant in enumerate(planted))
    kept = f"api-version={quote(planted[0].value)}&model={quote(planted[1].value)}"
    path = f"/v1/{marker}?{pairs}&{kept}"
    return Placement("query", planted, marker, b"{}", path, in_sentences=False)


def _in_headers(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    headers = {f"X-Note-{number}": plant.said for number, plant in enumerate(planted)}
    headers |= {"api-key": planted[12].value, "Cookie": f"who={planted[0].value}"}
    headers |= {"Referer": f"https://a.example/{quote(planted[1].value)}", **headers}
    body = chat({"role": "user", "content": marker})
    headers["Content-Type"] = "application/json"
    return Placement("headers", planted, marker, body, headers=headers, in_sentences=False)


def _in_claims(rng: random.Random) -> Placement:
    """In a bearer token that is a JWT: the token, and what its claims say."""
    planted, marker = plants(rng), a_marker(rng)
    claims = dict(zip(("appid", "tid", "oid", "name"), (p.value for p in planted), strict=False))
    parts = ({"alg": "none"}, {**claims, "phone_number": planted[-1].value})
    head, body = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts)
    token = f"{head.decode()}.{body.decode()}.{a_marker(rng)}"
    said = chat({"role": "user", "content": marker})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    secret = Plant("whole token", token, "")
    return Placement(
        "claims", [*planted, secret], marker, said, headers=headers, in_sentences=False
    )


def _answer_headers(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    headers = {"x-request-id": planted[0].value, "x-ms-served-model": planted[1].value}
    headers |= {f"X-Note-{number}": plant.said for number, plant in enumerate(planted)}
    body = chat({"role": "user", "content": marker})
    answer = Answer(headers=headers)
    return Placement("answer's headers", planted, marker, body, answer=answer, in_sentences=False)


def _opaque(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    half = len(planted) // 2
    asked = json.dumps({"input": _said(planted[:half], marker).split("\n"), "user": "u"})
    answer = json.dumps({"data": [{"text": plant.said} for plant in planted[half:]]})
    path = "/openai/deployments/e/rerank?api-version=2024-10-21"
    told = Answer([answer.encode()])
    return Placement("opaque JSON", planted, marker, asked.encode(), path, answer=told)


def _form(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    fields = {"prompt": _said(planted, marker), "language": "en"}
    body = b"".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in fields.items()
    )
    headers = {**JSON, "Content-Type": "multipart/form-data; boundary=cut"}
    path = "/v1/audio/transcriptions"
    return Placement("form", planted, marker, body + b"--cut--\r\n", path, headers)


def _plain_text(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    headers = {**JSON, "Content-Type": "text/plain"}
    body = _said(planted, marker).encode()
    return Placement("plain text", planted, marker, body, "/v1/anything", headers)


def _not_json(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    body = b"not { json: " + _said(planted, marker).encode()
    return Placement("no JSON", planted, marker, body, kept=False, in_sentences=False)


def _cut_off(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    body = chat({"role": "user", "content": _said(planted, marker)})[:-5]
    return Placement("half a JSON", planted, marker, body, kept=False, in_sentences=False)


def _compressed(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    body = gzip.compress(chat({"role": "user", "content": _said(planted, marker)}))
    headers = {**JSON, "Content-Encoding": "gzip"}
    return Placement("gzip", planted, marker, body, headers=headers)


_ELSEWHERE: tuple[Callable[[random.Random], Placement], ...] = (
    _names,
    _user_field,
    _in_path,
    _in_query,
    _in_headers,
    _in_claims,
    _answer_headers,
    _opaque,
    _form,
    _plain_text,
    _not_json,
    _cut_off,
    _compressed,
)
