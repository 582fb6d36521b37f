"""Pairs of about 2 KB, sealed as a tap seals them: what fills the queue before it is drained.

The law: what a worker gets here is what it gets in earnest. Each pair goes through the tap's own
reassembly, spool and seal. A system prompt comes back in every pair, as an application's does; all
else is new in each, so that what detectors remember helps as little as it does there. In one pair
of three a person left an address, a number or a key.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TypeAlias

from audit.exchange import AnswerHead, Identity, Level, Opening
from audit.ids import ExchangeNumber, boot_name, uuid7
from audit.signing import Role
from audit.value import to_json
from cli.demo.plant import Planter
from storage.key_provider import KeyProvider
from storage.queue.port import Message, MessageKind, Outbox
from storage.sealing import HpkeSealer
from storage.signing import Ed25519Signer
from storage.spool.port import Shipment
from storage.spool.start import open_spool
from tap.capture import Captured
from tap.reassembly import assemble

__all__ = ["Draw", "fill", "pair"]

# Draws the bodies of a request and its answer.
Draw: TypeAlias = Callable[[random.Random], tuple[bytes, bytes]]

_SYSTEM = (
    "You answer customers of a furniture shop. Be brief and kind, promise nothing that the terms"
    " of delivery do not promise, and hand over to a colleague where money is asked for."
)
_PROSE = (
    "the parcel order table chair arrived never because delivery refund week Tuesday please could"
    " you tell me where it is now and whether somebody will bring the missing screws before the"
    " weekend we waited all day nobody rang although that was agreed with your shop in March my"
    " neighbour took one box only its label says kitchen shelf not wardrobe so what shall we do"
)
_WORDS = _PROSE.split()
_BYTES = 2048
# The spool offers no more at once, and the queue commits them together.
_BATCH = 128


async def fill(
    outbox: Outbox, keys: KeyProvider, count: int, seed: int, draw: Draw | None = None
) -> None:
    """Put `count` pairs into a queue; those that `draw` draws, if it is given."""
    with tempfile.TemporaryDirectory(prefix="bench-drain-") as scratch:
        spool = Path(scratch) / "spool"
        async with aclosing(_shipments(spool, keys, count, seed, draw or pair)) as batches:
            async for batch in batches:
                await outbox.send(
                    [Message(s.id, MessageKind.RECORD, s.number, s.envelope) for s in batch]
                )


async def _shipments(
    folder: Path, keys: KeyProvider, count: int, seed: int, draw: Draw
) -> AsyncGenerator[Sequence[Shipment]]:
    now = time.time_ns()
    boot = boot_name(now // 10**6, os.urandom(2))
    sealer = HpkeSealer(keys.tap(), Ed25519Signer(keys.signing(Role.TAP)))
    spool = await open_spool(folder, "bench", boot, sealer)
    rng, left = random.Random(seed), count
    try:
        while left:
            for _ in range(min(left, _BATCH)):
                opening = _opening(spool.next_number())
                await spool.open(opening)
                spool.close(opening.id, _record(opening, draw(rng), keys.tap().fingerprint_key))
            await spool.synced()
            batch = await spool.shipments(_BATCH, 5.0)
            yield batch
            spool.shipped([each.id for each in batch])
            left -= len(batch)
    finally:
        await spool.shut()


def _record(opening: Opening, bodies: tuple[bytes, bytes], key: bytes) -> bytes:
    asked, answered = bodies
    now = time.time_ns()
    captured = Captured(
        request_body=asked,
        answer_head=AnswerHead(200, "application/json", None, now),
        answer_body=answered,
        ended_ns=now,
    )
    return to_json(assemble(opening, captured, digest_key=key, salt=os.urandom(16).hex()))


def pair(rng: random.Random) -> tuple[bytes, bytes]:
    """Draw the bodies of a request and its answer, 2 KB of JSON together."""
    mail = _prose(rng, 800)
    if rng.random() < 1 / 3:
        mail += " " + _personal(rng)
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": mail}]
    asked = json.dumps({"model": "gpt-4o", "temperature": 0.2, "messages": messages}).encode()
    said = {"role": "assistant", "content": ""}
    answer = {
        "id": f"chatcmpl-{rng.getrandbits(96):024x}",
        "object": "chat.completion",
        "created": 1_795_170_000,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 220, "completion_tokens": 110, "total_tokens": 330},
    }
    said["content"] = _prose(rng, _BYTES - len(asked) - len(json.dumps(answer)))
    return asked, json.dumps(answer).encode()


def _prose(rng: random.Random, size: int) -> str:
    words = [rng.choice(_WORDS) for _ in range(size // 4)]
    # A few words that no other text has keep it from being remembered in part.
    words[:: len(words) // 8] = [f"{rng.getrandbits(20):x}" for _ in words[:: len(words) // 8]]
    return " ".join(words)[:size]


def _personal(rng: random.Random) -> str:
    plant = Planter(rng)
    return rng.choice(
        (
            lambda: f"Write to {plant.email()}.",
            lambda: f"My number is {plant.us_phone()}.",
            lambda: f"It was paid with card {plant.card()}.",
            lambda: f"Use the key {plant.api_key()} as always.",
        )
    )()


def _opening(number: ExchangeNumber) -> Opening:
    now = time.time_ns()
    return Opening(
        id=uuid7(now // 10**6, os.urandom(10)),
        number=number,
        received_at_ns=now,
        consumer="bench",
        day=time.strftime("%Y-%m-%d", time.gmtime(now / 1e9)),
        level=Level.REDACTED,
        method="POST",
        target_path="/v1/chat/completions",
        query={},
        content_type="application/json",
        content_encoding=None,
        identity=Identity(key_fingerprint="0" * 32),
    )
