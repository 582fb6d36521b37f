"""Records that nobody made: as many as one likes, the same for the same seed, uneven as real ones.

The law: a record depends on the seed and its number alone, so that any part of a million can be
made again. Names follow a power law, as traffic does: a few consumers make most calls, a few
words most of the text, and there are values that a handful of records have, and one that only
old records have (`model:retired-model`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import msgspec

from audit.digest import record_digest
from audit.exchange import Dialect, Ending, Identity, IdentitySource, Level
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from audit.parts import Text, ToolCall
from audit.record import (
    ExchangeFacts,
    Integrity,
    Message,
    Output,
    RedactedRecord,
    Redaction,
    Request,
    Response,
    Retention,
    Safety,
    TapRef,
    Timing,
    Tool,
    Usage,
)

__all__ = ["BOOT", "CONSUMERS", "DAYS", "START", "WORDS", "Maker", "entry_of"]

START = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = 30
BOOT = "0199f3c0a1b2-0001"
CONSUMERS = tuple(f"team-{name}" for name in "abcdefghijkl")
_SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su", "ta", "ve", "ki", "zo")
# Word 0 is said most, word 19,999 least; some are English, so that a filter reads as one.
WORDS = (
    *("the", "order", "please", "account", "number", "service", "refund", "invoice", "contract"),
    *("".join(_SYLLABLES[n // 14**place % 14] for place in range(4)) for n in range(20_000)),
)
_MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4", "o3-mini", "text-embedding-3", "gpt-4.1")
_TOOLS = ("get_weather", "search_orders", "send_mail", "refund_order", "open_ticket")
_ENTITIES = ("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "IBAN_CODE", "SECRET", "US_SSN")
_SIGNALS = ("jailbreak.detected", "hate.filtered", "violence.filtered", "self_harm.detected")
_FLAGS = ("recovered", "request_unparsed", "stream_malformed")
_ENDINGS = (
    (Ending.COMPLETE, 200, 9_300),
    (Ending.CLIENT_DISCONNECTED, 200, 250),
    (Ending.FILTERED, 400, 180),
    (Ending.REJECTED, 429, 150),
    (Ending.REJECTED, 401, 60),
    (Ending.FAILED, 200, 30),
    (Ending.UPSTREAM_TIMEOUT, None, 20),
    (Ending.UPSTREAM_DISCONNECTED, 200, 8),
    (Ending.TAP_CRASHED, None, 1),
    (Ending.REFUSED, 418, 1),
)


def _falling(count: int, power: float = 1.0) -> list[float]:
    """Cumulated weights of a power law."""
    return list(accumulate(1 / (place + 1) ** power for place in range(count)))


class Maker:
    """Makes the records of one seed; `total` of them lie evenly in thirty days."""

    def __init__(self, total: int, seed: int = 1) -> None:
        self.total = total
        self._seed = seed
        rng = random.Random(seed)
        weights = _falling(len(WORDS))
        self._sentences = [
            " ".join(rng.choices(WORDS, cum_weights=weights, k=rng.randint(6, 18)))
            for _ in range(min(40_000, 100 + total))
        ]
        self._of_consumers = _falling(len(CONSUMERS), 1.4)
        self._of_models = _falling(len(_MODELS), 1.2)
        self._of_endings = list(accumulate(weight for *_, weight in _ENDINGS))
        self._users = max(10, total // 50)

    def records(self, first: int, last: int) -> Iterator[RedactedRecord]:
        """Records `first` up to, and without, `last`; numbers count from 1."""
        return (self.record(number) for number in range(first, last))

    def record(self, number: int) -> RedactedRecord:
        """The record of a number, with its digest; nobody has signed it."""
        rng = random.Random(f"{self._seed}/{number}")
        bare = self._bare(rng, number, self._opened(rng, number))
        return msgspec.structs.replace(bare, integrity=Integrity(record_digest=record_digest(bare)))

    def _opened(self, rng: random.Random, number: int) -> datetime:
        # A record arrives when its exchange has ended, up to a minute later: not quite in order.
        at = START + timedelta(days=DAYS) * ((number - 1) / self.total)
        return at + timedelta(milliseconds=rng.randrange(60_000))

    def _bare(self, rng: random.Random, number: int, at: datetime) -> RedactedRecord:
        consumer = rng.choices(CONSUMERS, cum_weights=self._of_consumers)[0]
        ending, status, _ = rng.choices(_ENDINGS, cum_weights=self._of_endings)[0]
        model = rng.choices(_MODELS, cum_weights=self._of_models)[0]
        if number * 20 < self.total and number % 4 == 0:
            model = "retired-model"
        counts = {each: rng.randint(1, 4) for each in _ENTITIES if rng.random() < 0.15}
        waited, took = rng.lognormvariate(6, 0.7), rng.lognormvariate(7.5, 0.9)
        asked, answered = rng.randint(20, 3_000), rng.randint(1, 1_500)
        when = at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        return RedactedRecord(
            id=_id(at, number),
            consumer=consumer,
            day=when[:10],
            tap=TapRef(name="tap-1" if number % 3 else "tap-2", boot=BOOT, seq=number),
            exchange=_facts(rng, model, ending, status),
            timing=Timing(
                received_at=when,
                ttft_ms=round(waited, 3) if status else None,
                duration_ms=round(waited + took, 3),
                chunks=rng.randint(1, 200),
            ),
            identity=self._identity(rng, number, consumer),
            request=Request(
                messages=(
                    Message(role="system", parts=(Text(text=self._said(rng, 2)),)),
                    Message(role="user", parts=(Text(text=self._asked(rng, number)),)),
                ),
                tools=tuple(Tool(name=each, digest="00") for each in _some(rng, _TOOLS, 0.2)),
            ),
            response=self._response(rng, ending),
            safety=Safety(signals=_some(rng, _SIGNALS, 0.004)),
            usage=Usage(input=asked, output=answered, total=asked + answered, source="reported"),
            redaction=Redaction(
                level=Level.NONE if rng.random() < 0.03 else Level.REDACTED,
                policy="default-2" if number * 3 > self.total else "default-1",
                counts=counts,
                degraded=_some(rng, ("azure_language",), 0.01),
            ),
            integrity=Integrity(),
            retention=Retention(),
        )

    def _identity(self, rng: random.Random, number: int, consumer: str) -> Identity:
        user = min(int(rng.paretovariate(0.6)), self._users)
        known = rng.random()
        return Identity(
            app_id=f"app-{consumer[-1]}-{rng.randint(1, 4)}",
            tenant_id="contoso" if known < 0.9 else None,
            user=f"user-{user}" if known < 0.8 else None,
            session=f"s-{number // 40}-{consumer[-1]}" if known < 0.6 else None,
            trace_id=f"{rng.getrandbits(128):032x}" if known < 0.5 else None,
            source=IdentitySource.UNVERIFIED_JWT,
        )

    def _response(self, rng: random.Random, ending: Ending) -> Response:
        if ending in (Ending.REJECTED, Ending.UPSTREAM_TIMEOUT, Ending.REFUSED):
            return Response()
        parts: list[Text | ToolCall] = [Text(text=self._said(rng, rng.randint(1, 10)))]
        parts += [ToolCall(id="c", name=each, arguments="{}") for each in _some(rng, _TOOLS, 0.03)]
        return Response(outputs=(Output(index=0, parts=tuple(parts), finish_reason="stop"),))

    def _asked(self, rng: random.Random, number: int) -> str:
        return f"{self._said(rng, rng.randint(1, 8))} ticket T{number:07d} of <PERSON_1>"

    def _said(self, rng: random.Random, sentences: int) -> str:
        return ". ".join(rng.choices(self._sentences, k=sentences))


def entry_of(record: RedactedRecord) -> LedgerEntry:
    """What the ledger says of a stored record."""
    tap = record.tap
    return LedgerEntry(
        number=ExchangeNumber(tap=tap.name, boot=tap.boot, seq=tap.seq),
        id=record.id,
        state=LedgerState.STORED,
        consumer=record.consumer,
        day=record.day,
        record_digest=record.integrity.record_digest,
        at=record.timing.received_at,
    )


def _facts(rng: random.Random, model: str, ending: Ending, status: int | None) -> ExchangeFacts:
    anthropic = model.startswith("claude")
    return ExchangeFacts(
        dialect=Dialect.ANTHROPIC_MESSAGES if anthropic else Dialect.OPENAI_CHAT,
        operation="messages" if anthropic else "chat.completions",
        method="POST",
        path="/v1/messages" if anthropic else "/v1/chat/completions",
        deployment=None if anthropic else f"{model}-eu",
        requested_model=model,
        reported_model=f"{model}-2026" if rng.random() < 0.5 else None,
        status=status,
        streamed=rng.random() < 0.6,
        ending=ending,
        truncated=rng.random() < 0.002,
        flags=_some(rng, _FLAGS, 0.002),
    )


def _id(at: datetime, number: int) -> str:
    """A UUIDv7 of that time."""
    digits = f"{int(at.timestamp() * 1000):012x}7{number % 4096:03x}8{number:015x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _some(rng: random.Random, names: Sequence[str], chance: float) -> tuple[str, ...]:
    return tuple(each for each in names if rng.random() < chance)
