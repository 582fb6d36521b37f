"""Replies in the words of the Azure OpenAI chat API, streamed and whole.

Bytes out, no socket, no clock: ids and times come in with the `Stamp`. The order of a stream is
the service's own: the verdict on the prompt with no choice, a role chunk for each choice, the
text token by token, the finish, the usage where it was asked for, `[DONE]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

import msgspec

from audit.value import Json
from cli.demo.chat import ChatRequest, Choice, Reply
from cli.demo.speech import tokens

__all__ = ["Beat", "Stamp", "beats", "completion"]

_SAFE: dict[str, Json] = {
    category: {"filtered": False, "severity": "safe"}
    for category in ("hate", "self_harm", "sexual", "violence")
}
_PROMPT_SAFE: dict[str, Json] = {**_SAFE, "jailbreak": {"filtered": False, "detected": False}}
_ANSWER_SAFE: dict[str, Json] = {
    **_SAFE,
    "protected_material_code": {"filtered": False, "detected": False},
    "protected_material_text": {"filtered": False, "detected": False},
}
_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an answer carries of the world: its id, its time (Unix seconds) and its model."""

    id: str
    created: int
    model: str
    fingerprint: str = "fp_demo00001"


@dataclass(frozen=True, slots=True)
class Beat:
    """One server-sent event, and the tokens that had to be made for it."""

    data: bytes = field(repr=False)
    tokens: int = 0


def completion(request: ChatRequest, reply: Reply, stamp: Stamp) -> tuple[bytes, int]:
    """Give the JSON body of an answer that is not streamed, and the tokens it took."""
    usage = _usage(request, reply)
    body = {
        **_envelope(stamp, "chat.completion"),
        "choices": [_whole_choice(index, choice) for index, choice in enumerate(reply.choices)],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _PROMPT_SAFE}],
        "usage": usage,
    }
    return msgspec.json.encode(body), usage["completion_tokens"]


def beats(request: ChatRequest, reply: Reply, stamp: Stamp) -> Iterator[Beat]:
    """Give the events of a streamed answer in order; a reply that hangs up just stops."""
    yield _event(
        {
            **_envelope(None, ""),
            "choices": [],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _PROMPT_SAFE}],
        }
    )
    yield from _spoken(reply, stamp)
    if reply.hangs_up:
        return
    if reply.error is not None:
        yield _event(reply.error)
        return
    for index, choice in enumerate(reply.choices):
        yield from _finish(index, choice, stamp)
    if request.include_usage:
        yield _event({**_chunk(stamp), "choices": [], "usage": _usage(request, reply)})
    yield Beat(_DONE)


def _spoken(reply: Reply, stamp: Stamp) -> Iterator[Beat]:
    for index in range(len(reply.choices)):
        role = {"role": "assistant", "content": "", "refusal": None}
        yield _event({**_chunk(stamp), "choices": [_delta(index, role, {})]})
    # The choices take turns, as parallel sampling delivers them.
    for turn in zip_longest(*(list(_deltas(choice)) for choice in reply.choices)):
        for index, delta in enumerate(turn):
            if delta is not None:
                verdict = {} if reply.choices[index].blocked_by else _ANSWER_SAFE
                chunk = {**_chunk(stamp), "choices": [_delta(index, delta, verdict)]}
                yield _event(chunk, tokens_made=1)


def _deltas(choice: Choice) -> Iterator[dict[str, Json]]:
    for piece in tokens(choice.reasoning):
        yield {"reasoning_content": piece}
    for piece in tokens(choice.text):
        yield {"content": piece}
    for piece in tokens(choice.refusal):
        yield {"refusal": piece}
    for index, tool in enumerate(choice.tools):
        call = {"id": tool.id, "type": "function", "index": index}
        yield {"tool_calls": [{**call, "function": {"name": tool.name, "arguments": ""}}]}
        for piece in tokens(tool.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _finish(index: int, choice: Choice, stamp: Stamp) -> Iterator[Beat]:
    if choice.blocked_by is None:
        yield _event({**_chunk(stamp), "choices": [_delta(index, {}, {}, choice.finish)]})
        return
    # The asynchronous filter speaks after the text, in chunks that have neither id nor delta.
    end = len(choice.text)
    offsets = {"check_offset": 0, "start_offset": 0, "end_offset": end}
    verdict = {
        "index": index,
        "finish_reason": choice.finish,
        "content_filter_results": _blocked(choice.blocked_by),
        "content_filter_offsets": offsets,
    }
    yield _event({**_envelope(None, ""), "choices": [verdict]})


def _delta(
    index: int, delta: dict[str, Json], verdict: dict[str, Json], finish: str | None = None
) -> dict[str, Json]:
    return {
        "content_filter_results": verdict,
        "delta": delta,
        "finish_reason": finish,
        "index": index,
        "logprobs": None,
    }


def _whole_choice(index: int, choice: Choice) -> dict[str, Json]:
    message: dict[str, Json] = {
        "role": "assistant",
        "content": choice.text or None,
        "refusal": choice.refusal or None,
    }
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tools:
        message["tool_calls"] = [
            {
                "id": tool.id,
                "type": "function",
                "function": {"name": tool.name, "arguments": tool.arguments},
            }
            for tool in choice.tools
        ]
    verdict = _blocked(choice.blocked_by) if choice.blocked_by else _ANSWER_SAFE
    return {
        "content_filter_results": verdict,
        "finish_reason": choice.finish,
        "index": index,
        "logprobs": None,
        "message": message,
    }


def _blocked(category: str) -> dict[str, Json]:
    return {**_SAFE, category: {"filtered": True, "detected": True}}


def _usage(request: ChatRequest, reply: Reply) -> dict[str, Json]:
    thought = sum(len(tokens(choice.reasoning)) for choice in reply.choices)
    made = sum(len(list(_deltas(choice))) for choice in reply.choices)
    asked = len(tokens(request.prompt_text())) + 4 * len(request.messages)
    return {
        "completion_tokens": made,
        "completion_tokens_details": {"audio_tokens": 0, "reasoning_tokens": thought},
        "prompt_tokens": asked,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
        "total_tokens": asked + made,
    }


def _chunk(stamp: Stamp) -> dict[str, Json]:
    return _envelope(stamp, "chat.completion.chunk")


def _envelope(stamp: Stamp | None, kind: str) -> dict[str, Json]:
    if stamp is None:
        return {"created": 0, "id": "", "model": "", "object": kind}
    return {
        "created": stamp.created,
        "id": stamp.id,
        "model": stamp.model,
        "object": kind,
        "system_fingerprint": stamp.fingerprint,
    }


def _event(body: dict[str, Json], tokens_made: int = 0) -> Beat:
    return Beat(b"data: " + msgspec.json.encode(body) + b"\n\n", tokens_made)
