"""Exchanges to redact, and values to plant in them: drawn anew in every run."""

from __future__ import annotations

import asyncio
import functools
import random
import string
from collections.abc import Callable

from audit.exchange import Dialect, Identity, Level
from audit.parts import Text, ToolCall
from audit.record import (
    AuditRecord,
    ExchangeFacts,
    Integrity,
    Message,
    Output,
    RedactedRecord,
    Request,
    Response,
    TapRef,
    Timing,
)
from audit.value import Json
from redaction.build import build_redactor
from redaction.policy_file import default_policy
from redaction.redactor import Redactor

__all__ = ["KEY", "PLANTS", "a_record", "redact", "redact_text", "redactor", "text_of"]

KEY = bytes(range(32))


def a_record(
    text: str = "",
    arguments: str = "",
    *,
    parameters: dict[str, Json] | None = None,
    identity: Identity | None = None,
    level: Level = Level.REDACTED,
) -> AuditRecord:
    """Make a chat exchange with one prompt, one tool call and what else is given."""
    return AuditRecord(
        id="0199a5b2-1c3d-7e4f-8a9b-0c1d2e3f4a5b",
        consumer="demo",
        day="2026-03-01",
        level=level,
        tap=TapRef(name="tap-1", boot="0199a5b21c3d-beef", seq=7),
        exchange=ExchangeFacts(
            dialect=Dialect.OPENAI_CHAT,
            operation="chat.completions",
            method="POST",
            path="/openai/deployments/gpt-4o/chat/completions",
            api_version="2024-10-21",
            response_id="chatcmpl-9xT4kQ2mB7vN1cR8sL5pW3yZ6aE0",
            reported_model="gpt-4o-2024-08-06",
            system_fingerprint="fp_a1b2c3d4e5",
        ),
        timing=Timing(received_at="2026-03-01T10:00:00.000000Z"),
        identity=identity or Identity(),
        request=Request(
            messages=(Message(role="user", parts=(Text(text=text),)),),
            parameters=parameters or {},
            prompt_digest="9f" * 32,
        ),
        response=Response(
            outputs=(
                Output(
                    index=0,
                    role="assistant",
                    parts=(ToolCall(id="call_Zk3vR8q1", name="look_up", arguments=arguments),),
                ),
            )
        ),
        integrity=Integrity(salt="00ff", commitment="ab" * 32),
    )


@functools.cache
def redactor() -> Redactor:
    """Give the redactor of the default policy, built once."""
    return build_redactor(default_policy(), pseudonym_key=KEY)


def redact(record: AuditRecord, by: Redactor | None = None) -> RedactedRecord:
    """Redact from a test that is not a coroutine."""
    return asyncio.run((by or redactor()).redact(record))


def redact_text(text: str) -> str:
    """Give what becomes of a prompt."""
    return text_of(redact(a_record(text)))


def text_of(record: RedactedRecord) -> str:
    """Give the prompt of `a_record` as it was stored."""
    part = record.request.messages[0].parts[0]
    assert isinstance(part, Text)
    return part.text


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


def _drawn(
    rng: random.Random, count: int, alphabet: str = string.ascii_letters + string.digits
) -> str:
    # A digit and both cases are in every key of this length that an issuer draws.
    return "".join(rng.choice(alphabet) for _ in range(count - 3)) + "a7Q"


def _mail(rng: random.Random) -> str:
    name = "".join(rng.choice(string.ascii_lowercase) for _ in range(8))
    return f"{name}.{_digits(rng, 3)}@{name[::-1]}.example"


def _luhn_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 if place % 2 else 2)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def _card(rng: random.Random) -> str:
    digits = rng.choice(["4", "51", "55"]) + _digits(rng, 14)
    digits = digits[:15] + _luhn_digit(digits[:15])
    sign = rng.choice(["", " ", "-"])
    return sign.join(digits[i : i + 4] for i in range(0, 16, 4))


def _iban(rng: random.Random) -> str:
    account = _digits(rng, 18)
    check = 98 - int(account + "131400") % 97
    plain = f"DE{check:02d}{account}"
    if rng.random() < 0.5:
        return plain
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))


def _ssn(rng: random.Random) -> str:
    return f"{rng.randint(100, 599)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def _ipv4(rng: random.Random) -> str:
    return ".".join(str(rng.randint(11, 223)) for _ in range(4)).replace("127.", "126.")


def _ipv6(rng: random.Random) -> str:
    return "2001:db8:" + ":".join(f"{rng.randint(0x1000, 0xFFFF):x}" for _ in range(6))


def _phone(rng: random.Random) -> str:
    area, exchange, line = rng.randint(201, 989), rng.randint(200, 999), _digits(rng, 4)
    return rng.choice(
        [
            f"+1{area}{exchange}{line}",
            f"+1 {area} {exchange} {line}",
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"+44 7700 9{_digits(rng, 5)}",
            f"+49 151 {_digits(rng, 8)}",
        ]
    )


# What is planted: a name, and a function that draws one.
PLANTS: dict[str, Callable[[random.Random], str]] = {
    "mail": _mail,
    "phone": _phone,
    "card": _card,
    "iban": _iban,
    "ssn": _ssn,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "openai": lambda rng: "sk-proj-" + _drawn(rng, 48),
    "aws": lambda rng: "AKIA" + _drawn(rng, 19, string.ascii_uppercase + string.digits)[:16],
    "github": lambda rng: "ghp_" + _drawn(rng, 36),
    "bearer": lambda rng: "Bearer " + _drawn(rng, 40),
}
