"""Sessions in their cookies: how long they last, what is bound to them, and how large they are."""

from __future__ import annotations

import itertools
import random
import string
from dataclasses import replace

import pytest

from audit.errors import QueryInvalid, SignInRefused
from console.principal import Principal, Role
from console.sealed import Kind
from console.sessions import (
    IDLE_SECONDS,
    LEEWAY,
    LONGEST_SECONDS,
    RENEWED_AFTER,
    Session,
    Sessions,
)
from tests.unit.console.kit import ADMIN, a_seal

READER = Principal("rob", "account", Role.READER, frozenset({"shop", "desk"}), "subject-rob")
# As a browser keeps it: name and value together.
MOST_KEPT = 4_096
NAME = len("__Host-auditstream_session")


class House:
    """Query sides that share a key, under one clock."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self._drawn = itertools.count()

    def process(self, **limits: float) -> Sessions:
        """One of them."""
        return Sessions(
            a_seal(), lambda: f"a-secret-of-its-own-{next(self._drawn)}", lambda: self.now, **limits
        )


def found(sessions: Sessions, cookie: str) -> Session:
    """The session of a cookie that must be good."""
    session = sessions.find(cookie)
    assert session is not None
    return session


def test_a_session_is_taken_up_by_another_process_as_it_was() -> None:
    """The same person with the same scope, and the same token for its forms."""
    house = House()
    cookie = house.process().open(READER)
    here, there = (found(house.process(), cookie) for _ in range(2))
    assert here.principal == there.principal == READER
    assert here.csrf == there.csrf
    assert found(house.process(), house.process().open(READER)).csrf != here.csrf


def test_a_session_ends_by_idleness_and_by_age() -> None:
    """One that is used lives on, but for a day at most."""
    house = House()
    sessions = house.process()
    idle = sessions.open(ADMIN)
    house.now += IDLE_SECONDS + 1
    assert sessions.find(idle) is None
    used, began = sessions.open(ADMIN), house.now
    while house.now - began < LONGEST_SECONDS:
        used = house.process().renewed(found(house.process(), used)) or used
        house.now += IDLE_SECONDS - 1
    assert sessions.find(used) is None


def test_a_session_is_renewed_by_use_and_not_at_every_use() -> None:
    """After a minute, with nothing changed but when it was used."""
    house = House()
    sessions = house.process()
    cookie = sessions.open(ADMIN)
    house.now += RENEWED_AFTER - 1
    assert sessions.renewed(found(sessions, cookie)) is None
    house.now += 1
    renewed = sessions.renewed(found(sessions, cookie))
    assert renewed is not None
    before, after = found(sessions, cookie), found(sessions, renewed)
    assert (after.began, after.csrf, after.id) == (before.began, before.csrf, before.id)
    assert after.used == before.used + RENEWED_AFTER


def test_a_session_that_is_short_is_renewed_in_time() -> None:
    """Where the time without use is less than a minute, using it keeps it all the same."""
    house = House()
    sessions = house.process(idle=10.0)
    cookie = sessions.open(ADMIN)
    for _ in range(20):
        house.now += 2.0
        cookie = sessions.renewed(found(sessions, cookie)) or cookie


def test_a_session_of_the_future_is_none() -> None:
    """A clock that was set back lets nobody stay longer than they may."""
    house = House()
    cookie = house.process().open(ADMIN)
    house.now -= LEEWAY
    assert house.process().find(cookie) is not None
    house.now -= 1
    assert house.process().find(cookie) is None


def test_leaving_ends_every_copy_where_one_leaves_and_time_ends_it_elsewhere() -> None:
    """Also one that was renewed before; another process does not hear of it, and says so."""
    house = House()
    here, there = house.process(), house.process()
    cookie = here.open(ADMIN)
    house.now += RENEWED_AFTER
    renewed = here.renewed(found(here, cookie))
    assert renewed is not None
    here.close(cookie)
    assert here.find(cookie) is here.find(renewed) is None
    assert there.find(renewed) is not None
    house.now += IDLE_SECONDS + 1
    assert there.find(renewed) is None
    # What has ended by itself is not remembered for ever.
    house.now += LONGEST_SECONDS
    here.close(here.open(ADMIN))
    assert len(here._ended) == 1


def test_a_cookie_that_is_no_session_closes_nothing() -> None:
    """Whatever is posted to leave."""
    house = House()
    sessions = house.process()
    cookie = sessions.open(ADMIN)
    for other in ("", "x", cookie[:-1], a_seal().seal(Kind.PURPOSE, "", b"{}")):
        sessions.close(other)
        assert sessions.find(other) is None
    assert sessions.find(cookie) is not None


def test_a_purpose_belongs_to_its_session() -> None:
    """It is known to every process, as one line, and to no other session."""
    house = House()
    cookie, other = (house.process().open(ADMIN) for _ in range(2))
    kept = found(house.process(), cookie).state_purpose(" case\n4711 ")
    mine = house.process().find(cookie, kept)
    assert mine is not None
    assert (mine.purpose, mine.visit.purpose) == ("case 4711", "case 4711")
    theirs = house.process().find(other, kept)
    assert theirs is not None
    assert theirs.purpose == ""


def test_a_search_is_known_by_a_name_that_tells_nothing() -> None:
    """To every process that has the session, by its own cookie under its own name."""
    house = House()
    cookie, other = (house.process().open(ADMIN) for _ in range(2))
    session = found(house.process(), cookie)
    name, kept = session.named('"secret ü"'), session.kept('"secret ü"')
    again = found(house.process(), cookie)
    assert again.named('"secret ü"') == name
    assert again.recall(name, kept) == '"secret ü"'
    assert "secret" not in name
    assert again.recall(session.named("another"), kept) is None
    assert again.recall(name, "") is None
    stranger = found(house.process(), other)
    assert stranger.named('"secret ü"') != name
    assert stranger.recall(name, kept) is None
    assert again.recall(again.named(""), "") == ""


def words(count: int) -> str:
    """Made-up words, which are hard to pack."""
    drawn = random.Random(3)
    return " ".join("".join(drawn.choices(string.ascii_lowercase, k=7)) for _ in range(count))


def test_what_no_cookie_can_hold_is_refused() -> None:
    """A filter of some two thousand random characters, and a scope of some hundred names."""
    sessions = House().process()
    session = found(sessions, sessions.open(ADMIN))
    assert session.kept(words(250))
    with pytest.raises(QueryInvalid, match="shorten it"):
        session.kept(words(1_000))
    few, many = (replace(READER, consumers=frozenset(words(n).split())) for n in (300, 1_000))
    assert found(sessions, sessions.open(few)).principal == few
    with pytest.raises(SignInRefused) as refused:
        sessions.open(many)
    assert refused.value.reason == "scope_too_large"


def test_the_largest_cookies_together_are_taken_by_a_browser_and_by_a_server() -> None:
    """Each within what a browser keeps, all within one field of a request."""
    sessions = House().process()
    largest = {"session": "", "search": ""}
    for count in range(200, 500):
        scope = replace(READER, consumers=frozenset(words(count).split()))
        try:
            largest["session"] = sessions.open(scope)
        except SignInRefused:
            break
    session = found(sessions, largest["session"])
    for count in range(200, 500):
        try:
            largest["search"] = session.kept(words(count))
        except QueryInvalid:
            break
    signs = [chr(sign) for sign in range(0x20000, 0x20000 + 40_000, 97)]
    largest["purpose"] = session.state_purpose("".join(signs))
    sizes = [NAME + len(cookie) for cookie in largest.values()]
    assert max(sizes) <= MOST_KEPT
    assert sum(sizes) + len("=; ") * 4 + 400 <= 8_190
    assert min(len(largest["session"]), len(largest["search"])) > 2_500
