"""Signing in with an account: who is let in as what, and what each misbehaviour comes to."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from console.oidc.pending import PENDING_SECONDS
from console.oidc.provider import KEPT_SECONDS, RETRY_SECONDS
from tests.contract.samples import record_id
from tests.emulators.oidc import CLIENT, Fault
from tests.emulators.oidc.signing import key_number
from tests.unit.console.accounts import House, house
from tests.unit.console.kit import TOKEN, Answer, Visitor

ADA = {"preferred_username": "ada@example.org", "sub": "subject-ada"}
READER = {**ADA, "roles": ["Log.Reader"]}
ADMIN = {**ADA, "roles": ["Log.Admin"]}

REASONS = {
    Fault.ISSUER: "token_issuer",
    Fault.AUDIENCE: "token_audience",
    Fault.OTHER_PARTY: "token_audience",
    Fault.NONCE: "token_nonce",
    Fault.NO_NONCE: "token_malformed",
    Fault.EXPIRED: "token_time",
    Fault.FUTURE: "token_time",
    Fault.FOR_EVER: "token_malformed",
    Fault.TIME_AS_TEXT: "token_malformed",
    Fault.NONE: "token_algorithm",
    Fault.NONE_SPELT: "token_algorithm",
    Fault.HMAC: "token_algorithm",
    Fault.KID: "token_key_unknown",
    Fault.FOREIGN: "token_signature",
    Fault.CUT: "token_signature",
    Fault.CRITICAL: "token_malformed",
    Fault.NO_SUBJECT: "token_malformed",
    Fault.GARBAGE: "token_malformed",
    Fault.NO_TOKEN: "token_malformed",
    Fault.CODE: "code_refused",
    Fault.BROKEN: "provider_unreachable",
    Fault.HUGE: "provider_invalid",
    Fault.REDIRECT: "code_refused",
}


async def is_out(there: House, browser: Visitor) -> bool:
    """Whether a browser is sent to the entrance."""
    return (await browser.get(f"/records/{record_id(1)}")).path.startswith("/enter")


def refusal(answer: Answer) -> str:
    """The reason that a page of refusal names."""
    found = re.search(r"code <code>([a-z_]+)</code>", answer.text)
    assert found, answer.text
    assert 'role="alert"' in answer.text
    return found[1]


async def test_a_reader_comes_in_by_name_and_reads_what_is_theirs() -> None:
    """The record of their consumer opens, and the log knows them by name and subject."""
    async with house(**READER) as there, there.browser() as browser:
        answer = await there.sign_in(browser)
        assert (answer.status, answer.path) == (200, "/")
        assert (await browser.get(f"/records/{record_id(1)}")).status == 200
        assert (await browser.get("/access-log")).status == 403
        looks = await there.site.looks()
    assert [look.deed.value for look in looks][:2] == ["enter", "search"]
    assert {(look.who, look.via) for look in looks} == {
        ("ada@example.org [subject-ada]", "account")
    }


@pytest.mark.parametrize("fault", list(Fault))
async def test_no_misbehaviour_of_a_provider_lets_anybody_in(fault: Fault) -> None:
    """Each is a page that says what is wrong, and a log line without a word of the token."""
    async with house(**ADMIN) as there, there.browser() as browser:
        there.provider.fault = fault
        answer = await there.sign_in(browser)
        reason = refusal(answer)
        assert reason == REASONS[fault]
        assert answer.status == (503 if reason.startswith("provider_") else 403)
        assert there.log.lines == [f"console.sign_in_refused {{'reason': '{reason}'}}"]
        assert await is_out(there, browser)
        for token in there.provider.tokens:
            assert token not in answer.text
        assert "ada" not in answer.text
        assert await there.site.looks() == []
        # The same browser comes in once its provider is well.
        there.provider.fault = None
        assert (await there.sign_in(browser)).path == "/"


async def test_a_return_is_taken_once() -> None:
    """The address of a return that let somebody in is refused when it comes again."""
    async with house(**READER) as there, there.browser() as browser:
        async with browser.client.get("/sign-in", allow_redirects=False) as begun:
            at_provider = begun.headers["Location"]
        async with browser.client.get(at_provider, allow_redirects=False) as sent_back:
            back = sent_back.headers["Location"]
        path = urlsplit(back)._replace(scheme="", netloc="").geturl()
        held = {each.key: each.value for each in browser.client.cookie_jar}
        async with there.browser() as thief:
            # Whoever only knows the address can neither come in by it nor use it up.
            assert refusal(await thief.get(path)) == "state_unknown"
            assert (await browser.get(path)).path == "/"
            thief.client.cookie_jar.update_cookies(held)
            assert refusal(await thief.get(path)) == "state_unknown"
            assert there.provider.asked.count("token") == 1


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "state_unknown"),
        ("code=x&state=never-given", "state_unknown"),
        ("error=access_denied&state={state}", "provider_declined"),
        ("state={state}", "provider_declined"),
        ("code=forged&state={state}", "code_refused"),
        ("code=x&state={state}&iss=https%3A%2F%2Fother.example", "token_issuer"),
    ],
)
async def test_a_forged_return_is_refused(query: str, reason: str) -> None:
    """Without the state of this browser, without a code, with a code that is nobody's."""
    async with house(**READER) as there, there.browser() as browser:
        async with browser.client.get("/sign-in", allow_redirects=False) as begun:
            (state,) = parse_qs(urlsplit(begun.headers["Location"]).query)["state"]
        answer = await browser.get(f"/sign-in/back?{query.format(state=state)}")
        assert refusal(answer) == reason
        assert await is_out(there, browser)


async def test_a_sign_in_that_takes_too_long_is_begun_anew() -> None:
    """After ten minutes its return is refused, and nothing of it is kept."""
    async with house(**READER) as there, there.browser() as browser:
        async with browser.client.get("/sign-in", allow_redirects=False) as begun:
            at_provider = begun.headers["Location"]
        there.clock.seconds += PENDING_SECONDS + 1
        async with browser.client.get(at_provider) as answer:
            assert "state_unknown" in await answer.text()


async def test_what_is_sent_to_the_provider_tells_it_nothing_of_the_log() -> None:
    """A challenge and no verifier, an id and no secret, and a random state and nonce each time."""
    seen: list[dict[str, list[str]]] = []
    async with house(**READER) as there, there.browser() as browser:
        for _ in range(2):
            async with browser.client.get("/sign-in", allow_redirects=False) as begun:
                assert begun.headers["Referrer-Policy"] == "no-referrer"
                seen.append(parse_qs(urlsplit(begun.headers["Location"]).query))
    assert set(seen[0]) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
    }
    assert seen[0]["client_id"] == [CLIENT]
    for name in ("state", "nonce", "code_challenge"):
        assert seen[0][name] != seen[1][name]
        assert len(seen[0][name][0]) >= 43


async def test_a_new_key_is_believed_at_once_and_a_withdrawn_one_no_more() -> None:
    """An unknown key's id makes the keys be fetched again; after an hour they are in any case."""
    async with house(**READER) as there, there.browser() as browser:
        assert (await there.sign_in(browser)).path == "/"
        there.provider.rotate(2)
        there.clock.seconds += RETRY_SECONDS + 1
        assert (await there.sign_in(browser)).path == "/"
        there.provider.rotate(1)
        there.clock.seconds += 1
        # So soon after the last time nobody is asked again, however often one tries.
        before = there.provider.asked.count("keys")
        for _ in range(3):
            assert refusal(await there.sign_in(browser)) == "token_key_unknown"
        assert there.provider.asked.count("keys") == before
        there.clock.seconds += RETRY_SECONDS
        assert (await there.sign_in(browser)).path == "/"
        there.provider.withdrawn = True
        there.clock.seconds += KEPT_SECONDS + 1
        assert refusal(await there.sign_in(browser)) == "token_key_unknown"


async def test_keys_that_sign_nothing_are_passed_over() -> None:
    """Shared secrets, keys for encryption and broken ones in a key set are as good as absent."""
    async with house(**READER) as there, there.browser() as browser:
        there.provider.more_keys = [
            {"kty": "oct", "kid": "s", "k": "c2VjcmV0"},
            key_number(3).jwk(use="enc", kid="e"),
            {"kty": "RSA", "kid": "b", "n": "!", "e": "AQAB"},
            {"kty": ["RSA"]},
            {},
        ]
        assert (await there.sign_in(browser)).path == "/"
        there.provider.keys, there.provider.withdrawn = [key_number(3)], True
        for listed in ({"use": "enc"}, {"alg": "ES256"}, {"kty": "oct", "k": "c2VjcmV0"}):
            there.provider.more_keys = [key_number(3).jwk(**listed)]
            there.clock.seconds += RETRY_SECONDS + 1
            assert refusal(await there.sign_in(browser)) == "token_key_unknown"
        there.provider.more_keys = [key_number(3).jwk(alg="RS512")]
        there.clock.seconds += RETRY_SECONDS + 1
        assert refusal(await there.sign_in(browser)) == "token_algorithm"


@pytest.mark.parametrize(
    "methods", [["client_secret_post"], ["private_key_jwt", "client_secret_post"]]
)
async def test_the_secret_is_shown_in_the_way_that_the_provider_takes(methods: list[str]) -> None:
    """In the form where it says so; else as the specification's default has it."""
    async with house(**READER) as there, there.browser() as browser:
        there.provider.described = {"token_endpoint_auth_methods_supported": methods}
        assert (await there.sign_in(browser)).path == "/"


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://login.example.org/other"},
        {"issuer": "{issuer}/"},
        {"token_endpoint": "http://login.example.org/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"end_session_endpoint": "//elsewhere"},
        {"token_endpoint": None},
    ],
)
async def test_a_description_of_another_or_without_tls_is_not_followed(
    described: dict[str, str | None],
) -> None:
    """The issuer must be the one that was set, letter for letter, and every address over TLS."""
    async with house(**READER) as there, there.browser() as browser:
        issuer = there.provider.issuer
        there.provider.described = {
            name: value and value.format(issuer=issuer) for name, value in described.items()
        }
        answer = await there.sign_in(browser)
        assert (answer.status, refusal(answer)) == (503, "provider_invalid")
        assert there.provider.asked == ["description"]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, "role_missing"),
        ({"roles": ["admin", "Reader"]}, "role_missing"),
        ({"roles": "Log"}, "role_missing"),
        ({"roles": {"Log.Admin": True}}, "role_missing"),
        ({"groups": ["Log.Admin"]}, "role_missing"),
        ({"roles": ["Log.Reviewer"]}, "scope_missing"),
        ({"roles": ["Log.Reviewer"], "groups": ["group-8"]}, "scope_missing"),
        ({"roles": ["Log.Reviewer"], "_claim_names": {"groups": "src1"}}, "scope_missing"),
    ],
)
async def test_an_account_without_a_role_or_scope_stays_out_and_on_record(
    claims: dict[str, object], reason: str
) -> None:
    """Who is proven to be somebody and may read nothing is told so, and entered by name."""
    async with house(**ADA, **claims) as there, there.browser() as browser:
        assert refusal(await there.sign_in(browser)) == reason
        assert await is_out(there, browser)
        looks = await there.site.looks()
    assert [(look.who, look.outcome) for look in looks] == [
        ("ada@example.org [subject-ada]", reason)
    ]


async def test_leaving_ends_the_session_and_offers_to_leave_the_provider_too() -> None:
    """The link leads to the provider's own end, and from there back to the entrance."""
    async with house(**READER) as there, there.browser() as browser:
        await there.sign_in(browser)
        left = await browser.post("/leave")
        assert 'href="/sign-out"' in left.text
        assert await is_out(there, browser)
        assert (await browser.get("/sign-out")).text.endswith("/enter")


async def test_with_accounts_neither_link_nor_token_lets_a_browser_in() -> None:
    """Whoever reads is known by name; programs keep the token that was set for them."""
    async with house(**READER) as there, there.browser() as browser:
        code = there.site.console.sessions.link(there.site.console.owner)
        assert (await browser.get(f"/enter/{code}")).status == 403
        assert 'name="token"' not in (await browser.get("/enter")).text
        assert (await browser.post("/enter", token=TOKEN)).status == 403
        assert await is_out(there, browser)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with browser.client.get("/api/v1/fields", headers=headers) as answer:
            assert answer.status == 200


async def test_two_people_of_one_name_keep_their_searches_apart() -> None:
    """What is kept belongs to the subject: a name can pass from one to another."""
    async with house(**READER) as there:
        async with there.browser() as browser:
            await there.sign_in(browser)
            await browser.post("/saved", name="mine", filter="ending:filtered")
            assert "mine" in (await browser.get("/")).text
        there.provider.person = {**READER, "sub": "another"}
        async with there.browser() as browser:
            assert ">mine<" not in (await there.sign_in(browser)).text


async def test_a_new_sign_in_ends_the_browsers_session_before_it() -> None:
    """The cookie that was held opens nothing any more."""
    async with house(**READER) as there, there.browser() as browser, there.browser() as thief:
        await there.sign_in(browser)
        held = {each.key: each.value for each in browser.client.cookie_jar}
        await there.sign_in(browser)
        thief.client.cookie_jar.update_cookies(held)
        assert await is_out(there, thief)
