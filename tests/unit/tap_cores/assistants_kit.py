"""Events and records of threads and runs, as their tests put them together."""

from __future__ import annotations

import json
from typing import Any

from audit.parts import Extra, Part
from audit.record import AuditRecord, Output
from tests.unit.tap_cores.kit import head, opened, recorded

__all__ = [
    "DONE",
    "MESSAGE",
    "RUN",
    "RUNS",
    "STEP",
    "THREAD",
    "asked",
    "event",
    "message",
    "message_delta",
    "plain",
    "run",
    "said",
    "step_delta",
    "streamed",
    "text",
]

Json = Any

THREAD = "/openai/threads/thread_1"
RUNS = f"{THREAD}/runs"
RUN = {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "assistant_id": "asst_1"}
MESSAGE = {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": []}
STEP = {"id": "step_1", "object": "thread.run.step", "type": "tool_calls"}


def asked(request: dict[str, Json], path: str = RUNS) -> AuditRecord:
    """The record of an exchange that asked this."""
    return recorded(request=request, opening=opened(path))


def event(kind: str, value: Json) -> str:
    """One event: its type stands in its name only."""
    return f"event: {kind}\ndata: {json.dumps(value)}\n\n"


DONE = "event: done\ndata: [DONE]\n\n"


def run(state: str, **fields: Json) -> str:
    """A snapshot of the run."""
    return event(f"thread.run.{state}", {**RUN, "status": state, **fields})


def message(state: str, *content: Json, **fields: Json) -> str:
    """A snapshot of the message."""
    snapshot = {**MESSAGE, "status": state, "content": list(content), **fields}
    return event(f"thread.message.{state}", snapshot)


def message_delta(*content: Json, message_id: str = "msg_1") -> str:
    """What is new of a message."""
    delta = {"id": message_id, "object": "thread.message.delta", "delta": {"content": content}}
    return event("thread.message.delta", delta)


def step_delta(*calls: Json) -> str:
    """What is new of a step's calls."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    delta = {"id": "step_1", "delta": {"step_details": details}}
    return event("thread.run.step.delta", delta)


def text(value: str, index: int = 0) -> dict[str, Json]:
    """A piece of a message's text."""
    return {"index": index, "type": "text", "text": {"value": value}}


def streamed(*events: str, **capture: Any) -> AuditRecord:
    """The record of a streamed run."""
    request = {"assistant_id": "asst_1", "stream": True}
    body = "".join(events).encode()
    return recorded(body, request=request, opening=opened(RUNS), **capture)


def plain(answer: Json, path: str = RUNS, status: int = 200, **capture: Any) -> AuditRecord:
    """The record of a plain answer."""
    answered = head(status, "application/json")
    body = json.dumps(answer).encode()
    return recorded(body, request={}, answer_head=answered, opening=opened(path), **capture)


def said(output: Output) -> list[Part]:
    """An output's parts without the object it was."""
    objects = ("thread.message", "thread.run", "thread.run.step")
    return [part for part in output.parts if not (isinstance(part, Extra) and part.name in objects)]
