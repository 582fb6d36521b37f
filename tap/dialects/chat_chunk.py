"""The common chunk of a streamed chat completion, read in one step.

The law of this module: it changes nothing but the time it takes. Nearly every chunk carries a few
letters of one choice and repeats the rest; such a chunk is decoded straight into its fields. One
with anything beyond, or of any other shape, is not common, and is read field by field.
"""

from __future__ import annotations

import msgspec

__all__ = ["CommonChoice", "CommonChunk", "read_common"]


class CommonDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What is new: letters, or a role. Null stands for absence."""

    content: str | None = None
    role: str | None = None
    reasoning_content: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None

    def __repr__(self) -> str:
        return "<CommonDelta>"


class CommonChoice(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One choice. Verdicts stay raw: most chunks repeat those of the chunk before."""

    delta: CommonDelta
    index: int = 0
    finish_reason: str | None = None
    logprobs: None = None
    content_filter_results: msgspec.Raw = msgspec.Raw(b"")

    def __repr__(self) -> str:
        return "<CommonChoice>"


class CommonChunk(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One chunk; of what is repeated, the first that says something holds."""

    choices: list[CommonChoice]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    usage: None = None
    obfuscation: str | None = None

    def __repr__(self) -> str:
        return "<CommonChunk>"


# More than a common chunk has of them: what is nested deeper is left to the careful reader.
_MOST_BRACKETS = 32

_decode = msgspec.json.Decoder(CommonChunk).decode


def read_common(text: str) -> CommonChunk | None:
    """Read a chunk; None for one that is not common, JSON or not. Never raises."""
    if text.count("{") + text.count("[") > _MOST_BRACKETS:
        return None
    try:
        return _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
