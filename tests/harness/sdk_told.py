"""What an SDK's objects say, and what a record says, in terms that both have in common.

The law: everything that was said is compared, in its order. What a record keeps beside that, as
extras, is left out, and so is an output that holds nothing else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.harness.sdk_hearing import Heard

__all__ = ["Digest", "Media", "Said", "Told", "error_words", "meant", "recorded", "tokens_of"]

Json = Any
Digest: TypeAlias = Callable[[bytes], str]
Said: TypeAlias = tuple[Json, ...]

# Of each kind of part, the fields that an SDK's object has too.
_FIELDS = {
    "text": ("text",),
    "reasoning": ("text",),
    "refusal": ("text",),
    "tool_call": ("id", "name", "arguments"),
    "tool_result": ("id", "text"),
    "citation": ("title", "url"),
    "media": ("bytes", "digest", "url"),
}


@dataclass(frozen=True)
class Told:
    """Outputs with their finish reasons; tokens in, out and in all; the id; the error's words."""

    outputs: list[tuple[str | None, list[Said]]]
    tokens: tuple[int | None, ...] = (None, None, None)
    id: str | None = None
    error: str | None = None


def recorded(record: Json) -> Told:
    """What a record says, given as the JSON it is."""
    outputs = [
        (
            output["finish_reason"],
            [_said(part) for part in output["parts"] if part["kind"] != "extra"],
        )
        for output in record["response"]["outputs"]
    ]
    return Told(
        outputs=[(finish, parts) for finish, parts in outputs if finish or parts],
        tokens=tuple(record["usage"][name] for name in ("input", "output", "total")),
        id=record["exchange"]["response_id"],
        error=(record["response"]["error"] or {}).get("message"),
    )


def _said(part: Json) -> Said:
    """A part as it is compared: JSON in it by what it means, since some SDKs give it parsed."""
    fields = (part[field] for field in _FIELDS[part["kind"]])
    if part["kind"] in ("tool_call", "tool_result"):
        *first, last = fields
        return (part["kind"], *first, meant(last))
    return (part["kind"], *fields)


def meant(text: str) -> str:
    """The one spelling of a JSON text; any other text as it is."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text


@dataclass(frozen=True)
class Media:
    """Makes of bytes what a record says of them."""

    digest: Digest

    def of(self, data: bytes) -> Said:
        """Bytes, as a part."""
        return ("media", len(data), self.digest(data), None)

    def of_base64(self, *texts: str | None) -> list[Said]:
        """A part for each text that there is."""
        return [self.of(base64.b64decode(text)) for text in texts if text]


def tokens_of(usage: Json) -> tuple[int | None, ...]:
    """Tokens in, out and in all, under either of the names that OpenAI gives them."""
    counts = usage or {}
    return tuple(
        next((counts[name] for name in names if counts.get(name) is not None), None)
        for names in (
            ("input_tokens", "prompt_tokens"),
            ("output_tokens", "completion_tokens"),
            ("total_tokens",),
        )
    )


def error_words(heard: Heard) -> str | None:
    """The message of the error that was raised."""
    if heard.error is None:
        return None
    body = heard.error[2]
    message: str = body.get("error", body)["message"]
    return message
