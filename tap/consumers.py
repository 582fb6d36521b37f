"""Who is calling: consumers from credentials, identities from what the request carries.

The law: a consumer is resolved from a credential, never from a header that the caller chooses
freely; and what was not verified says so. Credentials leave this module only as fingerprints
(HMAC under the tap's own key), never as themselves. Nothing here does I/O.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import msgspec

from audit.digest import keyed_digest
from audit.exchange import Identity, IdentitySource, Level, OnAuditFailure

__all__ = ["Caller", "ConsumerPolicy", "Consumers", "fingerprint"]

Fields = Mapping[bytes, bytes]

# Where gateways look for keys: Azure OpenAI, APIM, Anthropic, Google.
_KEY_HEADERS = (b"api-key", b"ocp-apim-subscription-key", b"x-api-key", b"x-goog-api-key")
# Browsers cannot set headers of a WebSocket: OpenAI takes the key as a subprotocol.
_KEY_SUBPROTOCOL = b"openai-insecure-api-key."
_KEY_PARAMETERS = (b"subscription-key", b"api-key", b"key")
_ASK_HEADER = b"x-auditstream-level"

# The form of an application's id in Entra ID. Anything else in the claim is free text.
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# From most kept to least: a caller may only ask to move to the right. Pseudonyms can be linked
# across exchanges, so they keep more than numbered tokens do.
_LESS = (Level.FULL, Level.PSEUDONYMISED, Level.REDACTED, Level.NONE)


@dataclass(frozen=True, slots=True)
class ConsumerPolicy:
    """How one consumer's exchanges are kept."""

    level: Level = Level.REDACTED
    on_audit_failure: OnAuditFailure = OnAuditFailure.OPEN
    strict: bool = False
    retention_days: int | None = None
    may_ask_less: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """The consumer and the identity of one request, and the policy that follows."""

    consumer: str
    identity: Identity = field(repr=False)
    policy: ConsumerPolicy = ConsumerPolicy()
    level: Level = Level.REDACTED
    level_asked: Level | None = None


class _Claims(msgspec.Struct, frozen=True):
    """The claims of an access token that name a caller (Entra ID: appid in v1, azp in v2)."""

    appid: str | None = None
    azp: str | None = None
    client_id: str | None = None
    tid: str | None = None
    oid: str | None = None
    sub: str | None = None


def fingerprint(key: bytes, credential: bytes) -> str:
    """Fingerprint a credential: HMAC-SHA-256 under the tap's key, first 32 hex digits."""
    return keyed_digest(key, credential)[:32]


class Consumers:
    """Resolves requests to consumers by a map from key fingerprint to name."""

    def __init__(
        self,
        fingerprint_key: bytes,
        by_fingerprint: Mapping[str, str],
        policies: Mapping[str, ConsumerPolicy],
        *,
        default: str,
        session_header: str | None = None,
    ) -> None:
        self._key = fingerprint_key
        self._by_fingerprint = dict(by_fingerprint)
        self._policies = dict(policies)
        self._default = default
        self._session_header = session_header.lower().encode() if session_header else None

    def resolve(self, fields: Fields, query: bytes) -> Caller:
        """Name the caller. Never raises, whatever the request carries.

        `fields` holds the first value of each header field by its name in lower case.
        """
        credentials = _credentials(fields, query)
        marks = [fingerprint(self._key, each) for each in credentials]
        named = next((self._by_fingerprint[m] for m in marks if m in self._by_fingerprint), None)
        mark = next((m for m in marks if m in self._by_fingerprint), marks[0] if marks else None)
        # Behind APIM a call often carries both: a key that charges, and a token that names.
        claims = next((found for each in credentials if (found := _claims(each))), None)
        app = (claims.appid or claims.azp or claims.client_id) if claims is not None else None
        # An app id read from a token that nobody verified may name the consumer, so that
        # charges can be told apart, but it selects no policy other than the default one.
        consumer = named or (self._of_app(app) if app else self._default)
        policy = self._policies.get(named or self._default, ConsumerPolicy())
        asked = _asked(fields)
        return Caller(
            consumer=consumer,
            identity=self._identity(fields, claims, mark, app),
            policy=policy,
            level=_granted(policy, asked),
            level_asked=asked,
        )

    def _of_app(self, app: str) -> str:
        """Name a consumer after an unverified app id; what is no GUID only by its fingerprint.

        A consumer's name is kept in the clear, in the ledger even after an erasure, and no
        redaction reads it: so it must not carry what a caller wrote at will.
        """
        known = app.lower() if _GUID.fullmatch(app) else fingerprint(self._key, app.encode())[:16]
        return f"app:{known}"

    def _identity(
        self, fields: Fields, claims: _Claims | None, mark: str | None, app: str | None
    ) -> Identity:
        session = fields.get(self._session_header) if self._session_header else None
        source = IdentitySource.NONE
        if claims is not None:
            source = IdentitySource.UNVERIFIED_JWT
        elif mark is not None:
            source = IdentitySource.KEY_FINGERPRINT
        elif session is not None:
            source = IdentitySource.HEADER
        return Identity(
            app_id=app,
            tenant_id=claims.tid if claims is not None else None,
            user=(claims.oid or claims.sub) if claims is not None else None,
            session=session.decode("utf-8", "replace") if session is not None else None,
            trace_id=_trace_id(fields),
            key_fingerprint=mark,
            source=source,
        )


def _credentials(fields: Fields, query: bytes) -> list[bytes]:
    """Give every credential that the request carries, keys before tokens."""
    found = [fields.get(name) for name in _KEY_HEADERS]
    authorization = fields.get(b"authorization")
    if authorization:
        found.append(authorization.strip().split(b" ", 1)[-1])
    protocols = [each.strip() for each in fields.get(b"sec-websocket-protocol", b"").split(b",")]
    keys = [each for each in protocols if each.startswith(_KEY_SUBPROTOCOL)]
    found += [each.removeprefix(_KEY_SUBPROTOCOL) for each in keys]
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name.lower() in _KEY_PARAMETERS:
            found.append(unquote_to_bytes(value))
    return [value.strip() for value in found if value and value.strip()]


def _claims(token: bytes) -> _Claims | None:
    """Read a JWT's claims without verifying anything; None for what is no JWT (RFC 7519 §3)."""
    parts = token.split(b".")
    if len(parts) != 3 or not token.startswith(b"eyJ"):
        return None
    try:
        body = base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(body, type=_Claims)
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        return None


def _trace_id(fields: Fields) -> str | None:
    """Take the trace id out of `traceparent` (W3C Trace Context §3.2): 32 hex digits."""
    value = fields.get(b"traceparent")
    parts = value.strip().split(b"-") if value is not None else []
    if len(parts) < 4 or len(parts[1]) != 32:
        return None
    try:
        number = int(parts[1], 16)
    except ValueError:
        return None
    return f"{number:032x}" if number else None


def _asked(fields: Fields) -> Level | None:
    value = fields.get(_ASK_HEADER)
    if value is None:
        return None
    try:
        return Level(value.strip().decode("ascii", "replace").lower())
    except ValueError:
        return None


def _granted(policy: ConsumerPolicy, asked: Level | None) -> Level:
    if asked is None or not policy.may_ask_less:
        return policy.level
    return max(policy.level, asked, key=_LESS.index)
