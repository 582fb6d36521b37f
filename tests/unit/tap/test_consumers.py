"""Who calls: consumers from credentials, identities that say what they rest on."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from audit.exchange import IdentitySource, Level
from audit.ids import timestamp
from audit.settings import ConsumerSettings
from audit.value import Json, to_json
from tap.consumers import Caller, ConsumerPolicy, Consumers, fingerprint
from tap.heads import Header, firsts

KEY = b"k" * 32
NONE = ConsumerPolicy(level=Level.NONE)


def consumers(**policies: ConsumerPolicy) -> Consumers:
    """The consumer `claims` has the key `right-key`."""
    mark = fingerprint(KEY, b"right-key")
    return Consumers(KEY, {mark: "claims"}, policies, default="nobody", session_header="X-Session")


def jwt(claims: Json) -> bytes:
    """A token as Entra ID makes them, with a signature that nobody checks."""
    parts = [to_json({"alg": "RS256"}), to_json(claims), b"signature"]
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)


def resolve(*headers: Header, query: bytes = b"", **policies: ConsumerPolicy) -> Caller:
    """Resolve one request."""
    return consumers(**policies).resolve(firsts(headers), query)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([(b"api-key", b"right-key")], b""),
        ([(b"Ocp-Apim-Subscription-Key", b" right-key ")], b""),
        ([(b"X-API-KEY", b"right-key")], b""),
        ([(b"authorization", b"Bearer right-key")], b""),
        ([(b"x-goog-api-key", b"right-key")], b""),
        ([(b"Sec-WebSocket-Protocol", b"realtime, openai-insecure-api-key.right-key")], b""),
        ([], b"api-version=1&subscription-key=right%2Dkey"),
    ],
)
def test_a_consumer_is_known_by_its_key_wherever_gateways_take_it(
    headers: list[Header], query: bytes
) -> None:
    """The places of Azure OpenAI, APIM, OpenAI, Anthropic and Google name the same consumer."""
    caller = consumers().resolve(firsts(headers), query)
    assert (caller.consumer, caller.identity.source) == ("claims", IdentitySource.KEY_FINGERPRINT)


def test_an_unknown_key_is_nobodys_and_leaves_only_its_fingerprint() -> None:
    """The key itself is in no field."""
    caller = resolve((b"api-key", b"planted-secret-key"))
    assert caller.consumer == "nobody"
    assert caller.identity.key_fingerprint == fingerprint(KEY, b"planted-secret-key")
    assert b"planted" not in to_json(caller.identity)


def test_a_token_names_an_application_but_is_marked_unverified() -> None:
    """Claims are read, not believed: the source says so."""
    app = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    token = jwt({"appid": app, "tid": "tenant-1", "oid": "user-1", "aud": ["a", "b"]})
    caller = resolve((b"Authorization", b"Bearer " + token))
    assert caller.consumer == f"app:{app}"
    identity = caller.identity
    assert (identity.app_id, identity.tenant_id, identity.user) == (app, "tenant-1", "user-1")
    assert identity.source is IdentitySource.UNVERIFIED_JWT


def test_a_consumer_is_not_named_by_free_text_in_a_claim() -> None:
    """The name is kept where nothing redacts it: what is no GUID stands there as a fingerprint."""
    claim = "ada.lovelace@example.com"
    caller = resolve((b"Authorization", b"Bearer " + jwt({"azp": claim})))
    assert caller.consumer == f"app:{fingerprint(KEY, claim.encode())[:16]}"
    assert caller.identity.app_id == claim


def test_a_key_names_the_consumer_and_a_token_beside_it_the_caller() -> None:
    """Behind APIM calls carry both: the key is charged, the token's claims are noted."""
    token = jwt({"appid": "00000000-0000-0000-0000-000000000001", "tid": "t", "oid": "user-1"})
    caller = resolve(
        (b"Authorization", b"Bearer " + token), (b"Ocp-Apim-Subscription-Key", b"right-key")
    )
    assert caller.consumer == "claims"
    assert (caller.identity.user, caller.identity.tenant_id) == ("user-1", "t")
    assert caller.identity.key_fingerprint == fingerprint(KEY, b"right-key")


def test_an_unverified_identity_selects_no_policy() -> None:
    """A forged token that names a consumer with a laxer level gets the default one."""
    token = jwt({"appid": "lax"})
    lax = {"app:lax": ConsumerPolicy(level=Level.FULL), "nobody": NONE}
    caller = consumers(**lax).resolve({b"authorization": b"Bearer " + token}, b"")
    assert caller.level is Level.NONE


def test_asking_for_less_is_granted_only_where_the_policy_permits_it() -> None:
    """The header never loosens, tightens only with permission, and the asking is kept."""
    asking = (b"X-AuditStream-Level", b"none")
    key = (b"api-key", b"right-key")
    plain = resolve(key, asking, claims=ConsumerPolicy())
    assert (plain.level, plain.level_asked) == (Level.REDACTED, Level.NONE)
    allowed = resolve(key, asking, claims=ConsumerPolicy(may_ask_less=True))
    assert (allowed.level, allowed.level_asked) == (Level.NONE, Level.NONE)
    more = (b"X-AuditStream-Level", b"full")
    assert resolve(key, more, claims=ConsumerPolicy(may_ask_less=True)).level is Level.REDACTED
    # Pseudonyms can be linked across exchanges: they are more than numbered tokens.
    linked = (b"X-AuditStream-Level", b"pseudonymised")
    assert resolve(key, linked, claims=ConsumerPolicy(may_ask_less=True)).level is Level.REDACTED


def test_a_retention_that_no_date_can_hold_is_refused_as_a_setting() -> None:
    """It would otherwise fail each call of its consumer when the opening is drawn up."""
    longest = ConsumerSettings(retention_days=36_500).retention_days
    assert longest is not None
    assert timestamp(time.time_ns() + longest * 86_400 * 10**9)
    with pytest.raises(ValidationError):
        ConsumerSettings(retention_days=36_501)


def test_trace_and_session_come_from_their_headers() -> None:
    """`traceparent` gives the trace id in lower case; the session header is a setting."""
    trace = b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"
    identity = resolve((b"traceparent", trace), (b"x-session", b"s-1")).identity
    assert identity.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (identity.session, identity.source) == ("s-1", IdentitySource.HEADER)


@pytest.mark.parametrize(
    "value", [b"", b"00-zz-1-01", b"00-" + b"0" * 32 + b"-1-01", b"00-" + b"_" * 32 + b"-1-01"]
)
def test_a_malformed_trace_id_is_none(value: bytes) -> None:
    """Only 32 hex digits that are not all zero are a trace id (W3C Trace Context §3.2.2.3)."""
    assert resolve((b"traceparent", value)).identity.trace_id is None


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"api-key", b"authorization", b"traceparent", b"x-session"]),
            st.binary(max_size=60)
            | st.binary(max_size=40).map(lambda b: b"Bearer eyJ." + b + b"."),
        ),
        max_size=6,
    ),
    query=st.binary(max_size=40),
)
def test_resolving_never_raises(headers: list[Header], query: bytes) -> None:
    """Whatever a caller sends, it is resolved to someone."""
    assert consumers().resolve(firsts(headers), query).consumer
