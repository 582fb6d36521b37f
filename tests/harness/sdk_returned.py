"""What an SDK's caller was told, in any dialect: one table of who reads it.

The law: each reader knows the SDK's objects and nothing of the tap's code.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.harness.sdk_hearing import Heard
from tests.harness.sdk_one_shot import audio, completions, embeddings, images
from tests.harness.sdk_told import Digest, Media, Told
from tests.harness.sdk_turns import assistants, messages, responses

__all__ = ["returned"]

_READERS: dict[str, Callable[[Heard, Media], Told]] = {
    "openai.responses": responses,
    "openai.completions": completions,
    "openai.embeddings": embeddings,
    "openai.images": images,
    "openai.audio": audio,
    "openai.assistants": assistants,
    "anthropic.messages": messages,
}


def returned(dialect: str, heard: Heard, digest: Digest) -> Told:
    """What a caller was told. `digest` is how the record digests what it does not keep."""
    return _READERS[dialect](heard, Media(digest))
