"""Events of realtime sessions, as the vendor documents them, with words of our own."""

from __future__ import annotations

from typing import Any

__all__ = [
    "USAGE",
    "Event",
    "Json",
    "added",
    "answer",
    "begun",
    "create",
    "delta",
    "done",
    "spoken",
    "user",
]

Json = Any
Event = dict[str, Json]

USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 15, "audio_tokens": 5, "cached_tokens": 4},
    "output_token_details": {"text_tokens": 3, "audio_tokens": 7},
}


def user(text: str, **more: Json) -> Event:
    """A user's item."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content, **more}


def create(item: Event) -> Event:
    """The client adds an item."""
    return {"type": "conversation.item.create", "event_id": "c", "item": item}


def added(item: Event, name: str, how: str = "added") -> Event:
    """The server tells of an item."""
    told = {**item, "id": name, "object": "realtime.item", "status": "completed"}
    return {"type": f"conversation.item.{how}", "event_id": "e", "item": told}


def spoken(name: str) -> Event:
    """The server tells of an item that was spoken."""
    content = [{"type": "input_audio", "transcript": None}]
    return added({"type": "message", "role": "user", "content": content}, name)


def begun(name: str) -> Event:
    """A response begins."""
    return {"type": "response.created", "response": {"id": name, "status": "in_progress"}}


def done(name: str, *output: Event, status: str = "completed", **more: Json) -> Event:
    """A response ends."""
    response = {"id": name, "object": "realtime.response", "status": status, "output": [*output]}
    return {"type": "response.done", "response": {**response, **more}}


def delta(kind: str, text: str, *, of: str = "r1", item: int = 0) -> Event:
    """A piece of what a response says."""
    place = {"item_id": f"{of}-{item}", "output_index": item, "content_index": 0}
    return {"type": f"response.{kind}.delta", "response_id": of, **place, "delta": text}


def answer(text: str, name: str = "a1", kind: str = "output_text") -> Event:
    """An assistant's item."""
    field = "transcript" if kind.endswith("audio") else "text"
    content = [{"type": kind, field: text}]
    return {"id": name, "type": "message", "role": "assistant", "content": content}
