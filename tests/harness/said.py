"""What was said, in terms that an SDK's objects and a stored record have in common.

Ids of tool calls are left out: nobody reads them, and a detector may see a licence in their digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Said", "recorded", "returned"]

Json = Any


@dataclass
class Said:
    """One choice: its texts by kind, its tool calls' names and arguments, why it finished."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    finish: str | None = None

    def add(self, message: dict[str, Json]) -> None:
        """Add a message, or a delta of one."""
        self.text += message.get("content") or ""
        self.reasoning += message.get("reasoning_content") or ""
        self.refusal += message.get("refusal") or ""
        for position, call in enumerate(message.get("tool_calls") or ()):
            told = self.calls.setdefault(call.get("index", position), ["", ""])
            function = call["function"]
            pieces = (function.get("name"), function.get("arguments"))
            told[:] = [known + (more or "") for known, more in zip(told, pieces, strict=True)]


def returned(objects: Iterable[dict[str, Json]]) -> tuple[dict[int, Said], int | None]:
    """What a completion or its chunks say, by choice, and the total of tokens."""
    said: dict[int, Said] = {}
    total = None
    for each in objects:
        total = (each.get("usage") or {}).get("total_tokens", total)
        for choice in each["choices"]:
            one = said.setdefault(choice["index"], Said())
            one.add(choice.get("message") or choice.get("delta") or {})
            one.finish = choice.get("finish_reason") or one.finish
    return said, total


def recorded(record: dict[str, Json]) -> tuple[dict[int, Said], int | None]:
    """What a record says of the same."""
    said: dict[int, Said] = {}
    for output in record["response"]["outputs"]:
        one = said[output["index"]] = Said(finish=output["finish_reason"])
        for part in output["parts"]:
            if part["kind"] == "tool_call":
                one.calls[len(one.calls)] = [part["name"], part["arguments"]]
            elif part["kind"] in {"text", "reasoning", "refusal"}:
                setattr(one, part["kind"], getattr(one, part["kind"]) + part["text"])
    return said, record["usage"]["total"]
