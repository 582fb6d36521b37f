"""Prompts that are no conversation: a text, several texts, or the ids of tokens.

The law of this module: each prompt is a message of its own, because each has an answer of its
own. Token ids are a text that no detector can read, so of them a record holds number and keyed
digest, as of any media.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.flags import Flag
from audit.parts import Media, Part
from audit.record import Message, Reference, Request
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.dialects.reading import RequestReading
from tap.wire_json import as_dict, as_text, clean_text, dump

__all__ = ["TOKEN_IDS", "prompt_messages", "request_reading"]

TOKEN_IDS = "application/x.token-ids"  # noqa: S105  # tokens of a text, not of an authority

_SESSION_NAMES = ("session_id", "session", "conversation_id", "thread_id")


def prompt_messages(name: str, value: Json, keeper: Keeper) -> list[Message]:
    """One message of the role `user` for each prompt that stood under `name`."""
    if value is None:
        return []
    prompts = value if isinstance(value, list) and not _are_tokens(value) else [value]
    messages: list[Message] = []
    for prompt in prompts:
        before = len(keeper.media)
        parts = _prompt_parts(name, prompt, keeper)
        messages.append(Message(role="user", parts=(*parts, *keeper.media[before:])))
    return messages


def _are_tokens(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value)


def _prompt_parts(name: str, prompt: Json, keeper: Keeper) -> list[Part]:
    if isinstance(prompt, str):
        return keeper.text_parts(prompt)
    if _are_tokens(prompt):
        return [_tokens(prompt, keeper)]
    item = as_dict(prompt)
    if item.get("type") == "text" and isinstance(item.get("text"), str):
        return keeper.text_parts(item["text"])
    if item.get("type") == "image_url":
        holder = item.get("image_url")
        if url := as_text(holder) or as_text(as_dict(holder).get("url")):
            return [keeper.url_as_media(url)]
    keeper.flags.add(Flag.REQUEST_MALFORMED)
    return [keeper.as_extra(name, prompt)]


def _tokens(ids: list[int], keeper: Keeper) -> Media:
    return keeper.bytes_as_media(dump(ids).encode(), TOKEN_IDS, f"token_ids[{len(ids)}]")


def request_reading(
    body: dict[str, Json],
    messages: Iterable[Message],
    keeper: Keeper,
    *,
    prompts: frozenset[str],
    stream: bool,
    references: Iterable[Reference] = (),
) -> RequestReading:
    """The reading of a request: `messages`, and every field that is not one of `prompts`.

    Media that stood among the parameters are parts of a last message of the role `unknown`.
    """
    before = len(keeper.media)
    parameters = {name: value for name, value in body.items() if name not in prompts}
    kept = keeper.kept(parameters)
    lifted = keeper.media[before:]
    beside = (Message(role="unknown", parts=tuple(lifted)),) if lifted else ()
    metadata = as_dict(body.get("metadata"))
    sessions = (_clean(metadata.get(name)) for name in _SESSION_NAMES)
    return RequestReading(
        request=Request(
            messages=(*messages, *beside), parameters=kept, references=tuple(references)
        ),
        model=_clean(body.get("model")),
        user=_clean(body.get("user")) or _clean(body.get("safety_identifier")),
        session=next(filter(None, sessions), None),
        stream=stream,
        flags=frozenset(keeper.flags),
    )


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None
