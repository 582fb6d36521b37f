"""The conversation page: everything the record holds, shown and never executed."""

from __future__ import annotations

import html
import re

import msgspec
import pytest

from audit.digest import record_digest
from audit.exchange import Identity, IdentitySource, Level
from audit.ledger import Amendment, LedgerState
from audit.parts import Citation, Extra, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from audit.record import (
    Finding,
    Integrity,
    Message,
    Output,
    OutputSafety,
    RedactedRecord,
    Redaction,
    Reference,
    Request,
    Response,
    ResponseError,
    Safety,
    Timing,
    Verdict,
)
from console.conversation import conversation
from console.difference import align
from console.evidence import Standing, checks, looked
from console.marks import Marks
from console.timing import WIDTH, timing_bar
from tests.contract.samples import a_record, an_entry, record_id
from tests.unit.console.kit import site

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}\x1b[31m\u202egnp.exe\x00"
HARMFUL = ("\x1b", "\u202e", "\x00")


def full(evil: str = "") -> RedactedRecord:
    """A record with every kind of part on both sides, each text beginning with `evil`."""
    parts: tuple[Part, ...] = (
        Text(text=f"{evil}said"),
        Reasoning(text=f"{evil}thought"),
        Refusal(text=f"{evil}refused"),
        ToolCall(id=f"{evil}c1", name=f"{evil}called", arguments=f'{{"a": "{evil}argument"}}'),
        ToolResult(id=f"{evil}c1", name=f"{evil}tool", text=f"{evil}result", is_error=True),
        Citation(title=f"{evil}cited", url=f"{evil}javascript:alert(1)", text=f"{evil}source"),
        Media(mime=f"{evil}image/png", bytes=1234, digest=f"{evil}dd", name=f"{evil}pic"),
        Extra(name=f"{evil}odd", text=f"{evil}rest"),
    )
    base = a_record(
        1, identity=Identity(user=f"{evil}u", session=f"{evil}s", source=IdentitySource.HEADER)
    )
    verdicts = (
        Verdict(category=f"{evil}hate", severity="high", filtered=True),
        Verdict(category="violence", severity="safe"),
    )
    made = msgspec.structs.replace(
        base,
        request=Request(
            messages=(
                Message(role=f"{evil}system", parts=(Text(text=f"{evil}rules"),)),
                Message(role="user", name=f"{evil}bob", parts=parts),
            ),
            parameters={f"{evil}stop": f"{evil}end", "n": 2},
            references=(Reference(kind=f"{evil}thread", id=f"{evil}t1"),),
        ),
        response=Response(
            outputs=(Output(index=0, role="assistant", parts=parts, finish_reason=f"{evil}stop"),),
            error=ResponseError(code=f"{evil}e1", message=f"{evil}wrong"),
        ),
        safety=Safety(
            prompt=verdicts,
            outputs=(OutputSafety(index=0, verdicts=verdicts),),
            signals=(f"{evil}jailbreak",),
        ),
        integrity=Integrity(),
    )
    return msgspec.structs.replace(made, integrity=Integrity(record_digest=record_digest(made)))


async def test_everything_the_record_says_stands_on_the_page() -> None:
    """Each text of each kind of part, names, parameters, verdicts, references and the error."""
    async with site([full()]) as here, here.visitor() as visitor:
        text = html.unescape((await visitor.get(f"/records/{record_id(1)}")).text)
    wanted = (
        *("said", "thought", "refused", "called", "argument", "tool", "result", "cited", "source"),
        *("image/png", "1,234", "pic", "odd", "rest", "rules", "bob", "end", "thread", "t1"),
        *("hate: filtered (high)", "violence: passed", "jailbreak", "e1", "wrong", "failed with"),
        *("from a header that the client chose", record_id(1), "Thinking", "Refusal"),
    )
    assert [word for word in wanted if word not in text] == []


@pytest.mark.parametrize(
    "path", ["/records/{}", "/records/{}/raw", "/", "/compare?pick={}&pick={}"]
)
async def test_what_a_stranger_wrote_is_shown_and_never_executed(path: str) -> None:
    """No tag, attribute or template of the record's is in the page, and no acting character."""
    async with site([full(EVIL)]) as here, here.visitor() as visitor:
        answer = await visitor.get(path.format(record_id(1), record_id(1)))
    assert answer.status == 200
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert "49" not in re.sub(r"[0-9a-f-]{20,}|\?v=[0-9a-f]+|drawn-\d+", "", answer.text)
    assert not any(character in answer.text for character in HARMFUL)
    assert 'href="javascript' not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


def test_a_token_is_marked_only_where_it_stands() -> None:
    """A finding that does not fit its text marks nothing; one that does carries its legend."""
    text = "to <PERSON_1> now"
    fits = Finding(
        path="/a", start=3, end=13, type="PERSON", detector="ner", score=0.8, token="<PERSON_1>"
    )
    other = msgspec.structs.replace(fits, start=4, end=14)
    (_, chip, _) = Marks([fits]).block(text, "/a")
    assert chip.text == "<PERSON_1>"
    assert chip.chip is not None
    assert chip.chip.legend == "PERSON, found by ner, score 0.80"
    assert all(piece.chip is None for piece in Marks([other]).block(text, "/a"))
    assert all(piece.chip is None for piece in Marks([fits]).block(text, "/b"))


def test_a_long_system_prompt_is_folded_and_whole() -> None:
    """The system prompt is folded; nothing of it is left out."""
    assert [turn.folded for turn in conversation(full()).turns] == [True, False]
    system = msgspec.structs.replace(
        full(), request=Request(messages=(Message(role="system", parts=(Text(text="x" * 9999),)),))
    )
    (turn,) = conversation(system).turns
    assert turn.folded
    assert turn.size == 9999


@pytest.mark.parametrize(
    ("ttft", "took", "wait"),
    [(300.0, 1200.0, 250), (None, 500.0, 1000), (0.0, 10.0, 6), (9.0, 3.0, 1000), (0.0, 0.0, 1000)],
)
def test_the_timing_bar_is_whole(ttft: float | None, took: float, wait: int) -> None:
    """Waiting and streaming make the whole bar; however little waiting there was, it is seen."""
    bar = timing_bar(Timing(received_at="", ttft_ms=ttft, duration_ms=took))
    assert bar is not None
    assert (bar.wait, bar.wait + bar.stream) == (wait, WIDTH)
    assert timing_bar(Timing(received_at="")) is None


def standings(record: RedactedRecord, document: bytes, entry: object) -> list[Standing]:
    """How the checks come out."""
    return [each.standing for each in checks(document, record, entry, None)]  # type: ignore[arg-type]


def test_an_altered_record_is_called_so() -> None:
    """A changed document agrees neither with its digest nor with the ledger."""
    record = a_record(1)
    document = msgspec.json.encode(record)
    entry = msgspec.structs.replace(an_entry(1), record_digest=record.integrity.record_digest)
    good, bad, unknown = Standing.GOOD, Standing.BAD, Standing.UNKNOWN
    assert standings(record, document, entry) == [good, good, unknown, unknown]
    changed = document.replace(b"please refund", b"please keep")
    assert standings(record, changed, entry)[:2] == [bad, bad]
    assert standings(record, document, None)[:2] == [good, unknown]
    for state in set(LedgerState) - {LedgerState.STORED}:
        assert standings(record, document, msgspec.structs.replace(entry, state=state))[1] is bad
    other = msgspec.structs.replace(entry, id=record_id(2))
    assert standings(record, document, other)[1] is bad


def test_an_amended_record_is_held_against_its_last_amendment() -> None:
    """A hold changes the digest lawfully: the one that it entered counts, not the first one."""
    record = a_record(1)
    document = msgspec.json.encode(record)
    digest = record.integrity.record_digest or ""
    amendment = Amendment(at="2026-11-20T10:00:00.000000Z", kind="hold", record_digest=digest)
    entry = msgspec.structs.replace(an_entry(1), record_digest="ab", amendments=(amendment,))
    assert standings(record, document, entry)[1] is Standing.GOOD
    forged = msgspec.structs.replace(amendment, record_digest="cd")
    other = msgspec.structs.replace(entry, record_digest=digest, amendments=(forged,))
    assert standings(record, document, other)[1] is Standing.BAD


def test_a_record_of_several_is_no_stranger_under_its_number() -> None:
    """Each record of a session belongs to the one entry; alone it can be held against none."""
    first = a_record(1)
    second = msgspec.structs.replace(first, id=f"{first.id}/2")
    entry = msgspec.structs.replace(an_entry(1), records=2)
    for record in (first, second):
        assert standings(record, msgspec.json.encode(record), entry)[1] is Standing.UNKNOWN
    third = msgspec.structs.replace(first, id=f"{first.id}/3")
    assert standings(third, msgspec.json.encode(third), entry)[1] is Standing.BAD


async def test_the_session_is_followed_and_stays_within_its_consumer() -> None:
    """Other exchanges of the session are listed; the same name elsewhere is another session."""
    who = Identity(session="s-1")
    records = [
        a_record(1, identity=who),
        a_record(2, identity=who, prompt="and then"),
        a_record(3, identity=who, consumer="other", prompt="foreign"),
    ]
    async with site(records) as here, here.visitor() as visitor:
        text = (await visitor.get(f"/records/{record_id(1)}")).text
    assert f'href="/compare?pick={record_id(1)}&amp;pick={record_id(2)}"' in text
    assert record_id(3) not in text


async def test_a_document_of_another_shape_is_shown_as_json() -> None:
    """What this version cannot read can still be looked at."""
    async with site() as here, here.visitor() as visitor:
        here.records.documents["odd"] = b'{"id": "odd", "schema": 9}'
        answer = await visitor.get("/records/odd")
    assert answer.status == 200
    assert "&#34;schema&#34;: 9" in answer.text


def test_the_difference_of_two_texts_is_in_their_words() -> None:
    """What both have stands unmarked on both sides; what one has is marked there."""
    one = conversation(a_record(1, prompt="please refund my order today"))
    other = conversation(a_record(2, prompt="please refund my ticket today"))
    asked, answered = align(one, other)
    assert asked.left is not None
    assert asked.right is not None
    assert [run.text for run in asked.left if run.apart] == ["order"]
    assert [run.text for run in asked.right if run.apart] == ["ticket"]
    assert "".join(run.text for run in asked.right) == "please refund my ticket today"
    assert answered.same


def test_a_turn_without_a_counterpart_stands_alone() -> None:
    """It is on one side only, wholly marked."""
    short, long = a_record(1), full()
    pairs = align(conversation(short), conversation(long))
    alone = [pair for pair in pairs if pair.left is None]
    assert alone
    assert all(run.apart for pair in alone for run in pair.right or ())


async def test_two_records_are_compared_in_their_facts() -> None:
    """Facts that differ stand beside each other; two ids are needed."""
    records = [a_record(1), a_record(2, consumer="other", total=99)]
    async with site(records) as here, here.visitor() as visitor:
        answer = await visitor.get(f"/compare?pick={record_id(1)}&pick={record_id(2)}")
        assert '<th scope="row">consumer</th>' in answer.text
        assert '<th scope="row">format</th>' not in answer.text
        for wrong in ("/compare", f"/compare?pick={record_id(1)}"):
            assert (await visitor.get(wrong)).status == 400


def test_the_level_of_a_record_is_said() -> None:
    """Redaction's policy and level stand among what is known of it."""
    made = msgspec.structs.replace(
        a_record(1), redaction=Redaction(level=Level.PSEUDONYMISED, policy="p")
    )
    assert "pseudonymised" in str([piece.text for _, run in looked(made) for piece in run])
