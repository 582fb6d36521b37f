"""What `check` finds of the provider of accounts: in order, silent, or another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from audit.preflight import Finding, Standing
from audit.settings import ConsoleSettings, Settings
from cli.accounts import seal_of, sign_in_of, token_of
from cli.checks.provider import accounts
from console.oidc.refusal import SENTENCES, Refusal
from console.principal import MAY, Role
from console.sealed import Kind
from storage.access.port import Deed
from tests.emulators.oidc import CLIENT, oidc_server
from tests.unit.docs.source import ROOT

SHOP = {"reader": ["shop"]}


def given(issuer: str, *, keys: Sequence[str] = (), **more: object) -> Settings:
    """Settings with a provider, and keys of sessions."""
    oidc = {"issuer": issuer, "client_id": CLIENT, "consumers": SHOP, **more}
    own = {"url": "https://audit.example.org", "session_keys": list(keys)}
    console = ConsoleSettings.model_validate({**own, "oidc": oidc})
    return Settings(console=console)


async def found(settings: Settings) -> dict[str, Finding]:
    """The findings by name."""
    return {each.name: each async for each in accounts(settings)}


async def test_a_provider_in_order_passes_and_tells_the_way_back() -> None:
    """Every finding passes, and what to register is said."""
    async with oidc_server() as provider:
        said = await found(given(provider.issuer))
    assert {each.standing for each in said.values()} == {Standing.PASSED}
    assert "https://audit.example.org/sign-in/back" in said["accounts: way back"].found


@pytest.mark.parametrize(
    ("described", "told"),
    [
        ({"issuer": "https://login.example.org"}, "under another name"),
        ({"token_endpoint": "http://login.example.org/token"}, "cannot be used"),
    ],
)
async def test_another_provider_fails(described: dict[str, str], told: str) -> None:
    """One that says that it is another, or leads where nobody should go."""
    async with oidc_server() as provider:
        provider.described = described
        said = await found(given(provider.issuer))
    assert said["accounts"].standing is Standing.FAILED
    assert told in said["accounts"].found


async def test_a_provider_that_is_not_there_or_has_no_keys_fails() -> None:
    """Each is a line of its own."""
    async with oidc_server() as provider:
        provider.withdrawn = True
        said = await found(given(provider.issuer))
        assert said["accounts: keys"].standing is Standing.FAILED
        gone = await found(given(f"{provider.issuer}/nobody"))
    assert "no answer" in gone["accounts"].found


async def test_a_reader_without_any_consumer_is_foreseen() -> None:
    """Where no consumer is assigned to anybody, only administrators could come in."""
    async with oidc_server() as provider:
        said = await found(given(provider.issuer, consumers={}))
        assert said["accounts: consumers"].standing is Standing.FAILED
        said = await found(given(provider.issuer, consumers={}, roles={"boss": "admin"}))
        assert "accounts: consumers" not in said


async def test_without_an_issuer_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    """The look is skipped, nobody signs in, and the token is the file's."""
    plain = Settings(data=tmp_path / "data")
    assert [each.standing async for each in accounts(plain)] == [Standing.SKIPPED]
    assert sign_in_of(plain, seal_of(plain)) is None
    assert token_of(plain)
    assert token_of(given("https://login.example.org")) is None


def test_a_seal_is_of_the_keys_the_address_the_provider_and_what_its_claims_grant() -> None:
    """The same settings open what they sealed; without a key, no other process does."""
    key = "ab" * 32
    shared = given("https://login.example.org", keys=[key])
    sealed = seal_of(shared).seal(Kind.SESSION, "", b"x")
    assert seal_of(shared).open(Kind.SESSION, "", sealed) == b"x"
    rotated = given("https://login.example.org", keys=["cd" * 32, key])
    assert seal_of(rotated).open(Kind.SESSION, "", sealed) == b"x"
    alone = Settings(console=ConsoleSettings.model_validate({"session_keys": [key]}))
    more = given("https://login.example.org", keys=[key], consumers={"reader": ["shop", "desk"]})
    assert seal_of(more).open(Kind.SESSION, "", sealed) is None
    for other in (
        given("https://login.example.com", keys=[key]),
        given("https://login.example.org"),
        alone,
    ):
        assert seal_of(other).open(Kind.SESSION, "", sealed) is None
    drawn = seal_of(Settings()).seal(Kind.SESSION, "", b"x")
    assert seal_of(Settings()).open(Kind.SESSION, "", drawn) is None


@pytest.mark.parametrize("wrong", ["", "a password that is long", "AB" * 32, "ab" * 31, "ab" * 33])
def test_what_is_no_key_of_sessions_is_refused_and_not_repeated(wrong: str) -> None:
    """A password could be tried out by whoever has a cookie."""
    with pytest.raises(ValidationError) as refused:
        ConsoleSettings.model_validate({"session_keys": ["ab" * 32, wrong]})
    assert "must be 64 lower-case hex digits" in str(refused.value)
    assert not wrong or wrong not in str(refused.value)


def test_what_each_role_may_do_is_what_the_page_says() -> None:
    """The table of docs/reading-room.md names no more and no less than the code's."""
    reading = frozenset(Deed) - {Deed.READ_LOG}
    assert {Role.READER: reading, Role.REVIEWER: reading, Role.ADMIN: frozenset(Deed)} == MAY
    page = (ROOT / "docs" / "reading-room.md").read_text()
    assert "| read the access log | no | no | yes |" in page
    for refusal in Refusal:
        assert f"`{refusal}`" in page
        assert SENTENCES[refusal].endswith(".")
