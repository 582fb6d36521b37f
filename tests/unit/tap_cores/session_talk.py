"""Turns of a session over WebSocket, as the client and the server tell them."""

from __future__ import annotations

from typing import Any

from audit.exchange import Ending
from audit.record import AuditRecord
from tap.capture import Captured
from tap.reassembly import assemble
from tests.unit.tap_cores.kit import DIGEST_KEY, SALT, opened
from tests.unit.tap_cores.session_kit import REALTIME, switched

__all__ = ["Event", "begins", "ends", "put_together", "says", "talk"]


Json = Any

Event = dict[str, Json]


def says(text: str, name: str | None = None) -> Event:
    """The user's turn, as the client or, with a name, as the server tells it."""
    item: Event = {"type": "message", "role": "user", "content": [{"type": "input_text"}]}
    item["content"][0]["text"] = text
    if name is None:
        return {"type": "conversation.item.create", "item": item}
    return {"type": "conversation.item.added", "item": {**item, "id": name}}


def begins(name: str) -> Event:
    """A response begins."""
    return {"type": "response.created", "response": {"id": name, "status": "in_progress"}}


def ends(name: str, text: str, status: str = "completed", **more: Json) -> Event:
    """A response ends."""
    content = [{"type": "output_text", "text": text}]
    item = {"id": f"of {name}", "type": "message", "role": "assistant", "content": content}
    usage = {"total_tokens": 3, "input_tokens": 2, "output_tokens": 1}
    response = {"id": name, "status": status, "output": [item], "usage": usage, **more}
    return {"type": "response.done", "response": response}


def talk(rounds: int, text: str = "q") -> tuple[list[Event], list[Event]]:
    """So many turns and their answers, from both sides."""
    client: list[Event] = []
    server: list[Event] = []
    for n in range(rounds):
        client += [says(f"{text}{n}"), {"type": "response.create"}]
        server += [says(f"{text}{n}", f"u{n}"), begins(f"r{n}"), ends(f"r{n}", f"a{n}")]
    return client, server


def put_together(client: bytes, server: bytes, **capture: Json) -> tuple[AuditRecord, ...]:
    """What the bytes of both sides make, broken off where they end."""
    values = {"transport": Ending.TUNNELLED, "answer_whole": False, **capture}
    captured = Captured(request_body=client, answer_head=switched(), answer_body=server, **values)
    opening = opened(REALTIME, method="GET", content_type=None, upgrade="websocket")
    return assemble(opening, captured, digest_key=DIGEST_KEY, salt=SALT)
