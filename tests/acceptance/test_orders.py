"""Orders that make no sense, and orders about checkpoints, as an operator types them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit.ids import ExchangeNumber
from cli.places import Places
from storage.queue.port import Message, MessageKind
from storage.queue.sqlite import SqliteQueue
from tests.harness.leftovers import installation, leave
from tests.harness.tree import auditstream

WHY = ("--why", "a letter of\nthe court")
WORD = "gone/000000000001-0000#0"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder in which a tap has left three exchanges."""
    data = installation(tmp_path / "data")
    asyncio.run(leave(data / "spool" / "gone", data, 3))
    assert auditstream("adopt", str(data), "--data", str(data)).returncode == 0
    return data


def refused(*words: str, data: Path) -> str:
    """Run a command that must be one line with exit code 2; gives the line."""
    done = auditstream(*words, "--data", str(data))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


def orders(data: Path) -> list[dict[str, object]]:
    """What stands in the order book."""
    with closing(sqlite3.connect(data / "records.sqlite")) as db:
        return [json.loads(row[0]) for row in db.execute("SELECT json FROM orders ORDER BY id")]


async def set_aside(data: Path, message: Message) -> None:
    """Have everything that waits, and this message, set aside."""
    queue = await SqliteQueue.open(Places(data).queue, lease=60.0)
    await queue.send([message])
    for delivery in await queue.receive(100, 0.0):
        await queue.dead_letter(delivery, "signature.invalid", "Nobody's.")
    await queue.close()


@pytest.mark.parametrize("verb", [("erase",), ("erase", "--dry-run"), ("hold", "add")])
def test_what_nobody_knows_is_one_line_and_no_order(data: Path, verb: tuple[str, ...]) -> None:
    """A misspelt consumer says what to look at, an unknown id where it was looked for."""
    line = refused(*verb, "--consumer", "unasigned", *WHY, data=data)
    assert "no consumer unasigned is known in settings, store or ledger; nothing was done" in line
    assert "spelling, --data and --config" in line
    line = refused(*verb, "--id", "nobody", *WHY, data=data)
    assert "no exchange nobody is known in store, ledger, queue or spool" in line
    assert orders(data) == []


def test_the_consumers_of_the_settings_are_known(data: Path) -> None:
    """Before they have sent anything: the one for unknown keys, and those that are named."""
    config = data.with_name("auditstream.toml")
    config.write_text("[consumers.billing]\nlevel = 'redacted'\n")
    for consumer in ("unassigned", "billing"):
        words = ("--consumer", consumer, "--data", str(data), "--config", str(config))
        done = auditstream("hold", "add", *words, *WHY)
        assert done.returncode == 0, done.stderr
    assert [each["consumer"] for each in orders(data)] == ["unassigned", "billing"]


def test_a_hold_on_a_consumer_is_named_to_who_discards(data: Path) -> None:
    """In one line, however many its reason has: its id, since when, why, and what to do."""
    number = ExchangeNumber("gone", "000000000001-0000", 0)
    asyncio.run(set_aside(data, Message(WORD, MessageKind.CHECKPOINT, number, b"{}")))
    listed = auditstream("dead-letters", "list", "--data", str(data), "--json")
    letters = [each["id"] for each in json.loads(listed.stdout) if each["kind"] != "checkpoint"]
    added = auditstream("hold", "add", "--consumer", "unassigned", *WHY, "--data", str(data))
    assert added.returncode == 0, added.stderr
    (hold,) = orders(data)
    line = refused("dead-letters", "discard", letters[0], WORD, *WHY, data=data)
    assert f"nobody has opened {letters[0]} yet" in line
    assert f"the hold {hold['id']} on the consumer unassigned, since {hold['at']}" in line
    assert "(a letter of the court)" in line
    assert "release the hold" in line
    assert orders(data) == [hold]

    done = auditstream("dead-letters", "discard", WORD, *WHY, "--data", str(data))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (_, order) = orders(data)
    assert done.stderr == f"auditstream: 1 checkpoint discarded by order {order['id']}\n"
    assert (order["kind"], order["ids"], order["why"]) == ("erase", [WORD], WHY[1])
    assert order["signature"]
