"""Redacting again: what was missed goes, what was taken out stays out, and a receipt says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.digest import record_digest
from audit.errors import RecordInvalid, TextTooLarge
from audit.exchange import Identity, Level
from audit.parts import Text
from audit.record import AuditRecord, RedactedRecord
from audit.value import Json, from_json, to_json
from redaction.again import reread, seen_by
from redaction.build import build_detectors, build_redactor
from redaction.finding import Passage, Span
from redaction.policy import Action, EntityRule, Policy
from redaction.policy_file import default_policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY, a_record

AT, ORDER = "2026-11-26T10:00:00.000000Z", "o-1"


def a_redactor(name: str, **deny: str) -> Redactor:
    """One that looks for patterns and for what it is told to deny."""
    denied = {value.replace("_", " "): kind for value, kind in deny.items()}
    policy = Policy(name=name, version="1", required=("patterns",), deny=denied)
    return build_redactor(policy, pseudonym_key=KEY)


OLD = a_redactor("old", Ada="PERSON")
NEW = a_redactor("new", Hana_Novakova="PERSON", Oak_Lane="ADDRESS", person="WORD")


def stored(record: AuditRecord) -> RedactedRecord:
    """The record as the old policy made it, read back from its JSON."""
    return from_json(to_json(asyncio.run(OLD.redact(record))), RedactedRecord)


def again(record: RedactedRecord, redactor: Redactor = NEW) -> RedactedRecord:
    """The record after another reading."""
    (made,) = asyncio.run(reread([record], redactor, at=AT, order=ORDER))
    return from_json(to_json(made.record), RedactedRecord)


def said(record: RedactedRecord) -> tuple[str, str]:
    """The prompt and the tool's arguments."""
    tree = json.loads(to_json(record))
    prompt = tree["request"]["messages"][0]["parts"][0]["text"]
    return prompt, tree["response"]["outputs"][0]["parts"][0]["arguments"]


def findings_fit(record: RedactedRecord) -> bool:
    """Whether each finding cuts out exactly its token."""
    tree: Json = json.loads(to_json(record))
    for each in record.redaction.findings:
        text = tree
        for step in each.path.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            text = text[int(name)] if isinstance(text, list) else text[name]
        if text[each.start : each.end] != each.token:
            return False
    return True


def test_what_was_missed_is_taken_out_and_what_was_taken_out_stays() -> None:
    """Old tokens keep their numbers, new values get numbers that nobody has, in all parts."""
    old = stored(
        a_record("Ada met Hana Novakova of Oak Lane; ada@x.org", '{"to": "HANA NOVAKOVA"}')
    )
    made = again(old)
    assert said(made) == (
        "<PERSON_1> met <PERSON_2> of <ADDRESS_1>; <EMAIL_ADDRESS_1>",
        '{"to": "<PERSON_2>"}',
    )
    assert made.redaction.counts == {"ADDRESS": 1, "EMAIL_ADDRESS": 1, "PERSON": 3}
    assert findings_fit(made)
    assert len(made.redaction.findings) == 5


def test_a_receipt_says_which_policy_saw_it_when_and_by_which_order() -> None:
    """And what it found; the policy that made the record stays named."""
    old = stored(a_record("Hana Novakova"))
    made = again(old)
    (receipt,) = made.redaction.receipts
    assert (receipt.policy, receipt.at, receipt.order) == (NEW.policy, AT, ORDER)
    assert receipt.found == {"PERSON": 1}
    assert made.redaction.policy == OLD.policy
    assert seen_by(made, NEW)
    assert not seen_by(made, OLD)
    assert not seen_by(old, NEW)
    assert len(again(made, OLD).redaction.receipts) == 2


def test_a_record_without_a_receipt_is_written_as_before() -> None:
    """No field is added to records that nobody has read again, so that their digests stay."""
    assert b"reviews" not in to_json(stored(a_record("Ada")))


def test_the_digest_is_the_records_own_and_the_commitment_stays() -> None:
    """Whoever signs it signs what it says now."""
    old = stored(a_record("Hana Novakova"))
    made = again(old)
    assert made.integrity.record_digest == record_digest(made) != old.integrity.record_digest
    assert made.integrity.commitment == old.integrity.commitment
    assert made.integrity.signature is None


def test_no_token_is_taken_for_a_value() -> None:
    """A policy that denies the word `person` leaves `<PERSON_1>` what it is."""
    assert said(again(stored(a_record("Ada is a person"))))[0] == "<PERSON_1> is a <WORD_1>"


def test_a_token_amid_what_was_missed_goes_with_it() -> None:
    """Nothing is counted or told of that no longer stands."""
    old = stored(a_record("at Oak Ada Lane now"))
    policy = Policy(
        name="wide", version="1", required=("patterns",), deny={"Oak \U000f0000 Lane": "ADDRESS"}
    )
    made = again(old, build_redactor(policy, pseudonym_key=KEY))
    assert said(made)[0] == "at <ADDRESS_1> now"
    assert made.redaction.counts == {"ADDRESS": 1}
    assert findings_fit(made)


def test_of_what_is_said_twice_one_may_go_and_the_other_stay() -> None:
    """Each place of a token is counted and told of for itself."""
    old = stored(a_record("Ada at Oak Ada Lane, says Ada"))
    policy = Policy(
        name="wide", version="1", required=("patterns",), deny={"Oak \U000f0000 Lane": "ADDRESS"}
    )
    made = again(old, build_redactor(policy, pseudonym_key=KEY))
    assert said(made)[0] == "<PERSON_1> at <ADDRESS_1>, says <PERSON_1>"
    assert made.redaction.counts == {"ADDRESS": 1, "PERSON": 2}
    assert findings_fit(made)
    assert len(made.redaction.findings) == 3


def test_who_has_more_tokens_than_can_be_put_aside_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error that the run can name and pass over; how often each stands does not matter."""
    monkeypatch.setattr("redaction.again._NOBODYS", range(0xF0000, 0xF0002))
    often = stored(a_record("Ada, Ada, Ada: a@x.org, a@x.org and Oak Lane"))
    assert said(again(often))[0].endswith("<EMAIL_ADDRESS_1> and <ADDRESS_1>")
    with pytest.raises(TextTooLarge):
        again(stored(a_record("Ada: a@x.org, b@x.org")))


def test_the_records_of_a_session_are_read_as_one() -> None:
    """What is found in one goes from all, under one token."""
    first, second = (stored(a_record(text)) for text in ("Oak Lane", "near oak lane"))
    made = asyncio.run(reread([first, second], NEW, at=AT, order=ORDER))
    assert [said(each.record)[0] for each in made] == ["<ADDRESS_1>", "near <ADDRESS_1>"]


def test_a_record_whose_findings_lie_is_refused() -> None:
    """Where a finding does not lead to its token, nobody knows what is a token."""
    old = stored(a_record("Ada"))
    wrong = [msgspec.structs.replace(each, start=1, end=2) for each in old.redaction.findings]
    redaction = msgspec.structs.replace(old.redaction, findings=tuple(wrong))
    with pytest.raises(RecordInvalid):
        again(msgspec.structs.replace(old, redaction=redaction))


def test_masks_pseudonyms_and_dropped_values_stay() -> None:
    """Whatever a policy put in a value's place is left as it is."""
    policy = Policy(
        name="marks",
        version="1",
        required=("patterns",),
        deny={"Ada": "PERSON"},
        entities={
            "PERSON": EntityRule(action=Action.DROP),
            "EMAIL_ADDRESS": EntityRule(action=Action.MASK, mask_keeps=3),
        },
    )
    made = asyncio.run(
        build_redactor(policy, pseudonym_key=KEY).redact(a_record("Ada: a.b@x.org, Oak Lane"))
    )
    read = again(made)
    assert said(read)[0].endswith("org, <ADDRESS_1>")
    assert said(read)[0].startswith(said(made)[0].removesuffix("Oak Lane"))
    assert findings_fit(read)


WORDS = st.sampled_from(
    [
        "Ada",
        "Hana Novakova",
        "Oak Lane",
        "person",
        "b@x.org",
        "{",
        '"',
        "\\",
        "ü",
        "<PERSON_1>",
        ", ",
    ]
)


@settings(max_examples=40)
@given(
    st.lists(WORDS, max_size=12),
    st.lists(WORDS, max_size=6),
    st.sampled_from([Level.REDACTED, Level.PSEUDONYMISED]),
)
def test_reading_again_only_takes_out(
    words: Sequence[str], arguments: Sequence[str], level: Level
) -> None:
    """Whatever a record says: findings fit, no value is left, a second time changes nothing."""
    text = json.dumps({"q": " ".join(arguments), "b@x.org": 1})
    old = stored(
        a_record(" ".join(words), text, parameters={"metadata": {"c@x.org": "Ada"}}, level=level)
    )
    made = again(old)
    assert findings_fit(made)
    whole = to_json(msgspec.structs.replace(made, redaction=old.redaction)).decode().lower()
    assert "novakova" not in whole
    assert "oak lane" not in whole
    later = again(made)
    assert said(later) == said(made)
    assert later.redaction.findings == made.redaction.findings
    assert later.redaction.counts == made.redaction.counts


# As the default policy has it, without what takes seconds to load.
FIELDS = msgspec.structs.replace(default_policy(), required=("patterns", "secrets"))
DETECTORS, _ = build_detectors(FIELDS, {})
DEFAULT, RENAMED, BARE = (
    Redactor(policy, DETECTORS, pseudonym_key=KEY)
    for policy in (
        FIELDS,
        msgspec.structs.replace(FIELDS, name="copy"),
        msgspec.structs.replace(FIELDS, fields={}, deny={"Ada": "PERSON", "t-1": "TENANT"}),
    )
)
USERS = st.sampled_from(
    [
        "u-4711",
        "henrietta.blackwood@example.org",
        "<USER_ID_gwkwdddkdspohefl>",
        "<PERSON_1>",
        "corp/<PERSON_1>",
        "\U000f0000",
    ]
)


def a_users_call(user: str, text: str = "hello", level: Level = Level.REDACTED) -> AuditRecord:
    """Make a call that names its user in each place that there is for it."""
    parameters: dict[str, Json] = {"user": user, "metadata": {"user_id": user, "by": user}}
    return a_record(
        text, parameters=parameters, identity=Identity(user=user, tenant_id="t-1"), level=level
    )


def once(record: AuditRecord, redactor: Redactor = DEFAULT) -> RedactedRecord:
    """The record as the default policy made it."""
    return asyncio.run(redactor.redact(record))


def whole(record: RedactedRecord) -> bytes:
    """All that a record says, without the receipts and what is made of them."""
    redaction = msgspec.structs.replace(record.redaction, reviews=msgspec.UNSET)
    bare = msgspec.structs.replace(record.integrity, record_digest=None, signature=None)
    return to_json(msgspec.structs.replace(record, redaction=redaction, integrity=bare))


@pytest.mark.parametrize("level", [Level.REDACTED, Level.PSEUDONYMISED])
def test_two_users_stay_two_and_one_stays_one(level: Level) -> None:
    """A user's pseudonym is the same before and after, in each field, under whichever policy."""
    calls = ["u-4711", "u-4711", "henrietta.blackwood@example.org"]
    before = [once(a_users_call(user, level=level)) for user in calls]
    for redactor in (DEFAULT, RENAMED):
        after = [again(each, redactor) for each in before]
        assert [each.identity.user for each in after] == [each.identity.user for each in before]
        assert [each.redaction.receipts[-1].found for each in after] == [{}, {}, {}]
        assert [each.request.parameters["user"] for each in after] == [
            each.identity.user for each in before
        ]
    assert len({each.identity.user for each in before}) == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(WORDS, USERS), max_size=8),
    USERS,
    st.sampled_from([Level.REDACTED, Level.PSEUDONYMISED]),
    st.sampled_from([DEFAULT, RENAMED]),
)
def test_twice_is_once(words: Sequence[str], user: str, level: Level, second: Redactor) -> None:
    """The policy that made a record, or one that has another name only, finds nothing in it."""
    made = once(a_users_call(user, " ".join(words), level))
    read = again(made, second)
    assert read.redaction.receipts[-1].found == {}
    assert whole(read) == whole(made)


def test_what_stands_around_a_token_takes_a_number_and_no_pseudonym() -> None:
    """Numbers begin anew in each exchange: two people's `corp/<PERSON_1>` are not one person."""
    made = once(a_users_call("corp/Ada"), BARE)
    assert made.identity.user == "corp/<PERSON_1>"
    read = again(made, DEFAULT)
    assert read.identity.user == "<USER_ID_1>"
    assert read.request.parameters["user"] == "<USER_ID_1>"
    assert findings_fit(read)


def test_a_tenant_that_was_taken_out_is_not_taken_for_another() -> None:
    """Where nobody knows any more whose the exchange is, its new pseudonyms are its own."""
    calls = [msgspec.structs.replace(a_users_call("u-1"), id=f"r-{n}") for n in (1, 2)]
    users = [again(once(each, BARE), DEFAULT).identity.user for each in calls]
    assert len({*users, None}) == 3


class Guesser:
    """Takes for a person whatever stands around the full stop."""

    def __init__(self, version: str) -> None:
        self.name, self.version = "names", version

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Find two characters before it, and the word behind it."""
        places = [(each.text.find(". Vive"), each.text) for each in passages]
        return [
            [Span(at - 1, at + 6, "PERSON", 1.0, "names")] if at > 0 else [] for at, _ in places
        ]


def test_a_detector_that_has_read_a_record_finds_nothing_around_a_token() -> None:
    """What it sees there is the gap; one of another version may see more."""
    policy = Policy(name="guess", version="1", required=("names",), deny={"Ada": "PERSON"})
    first, newer = (
        Redactor(policy, [Guesser(version)], pseudonym_key=KEY) for version in ("1", "2")
    )
    old = once(a_record("Ada and Ada Vive"), first)
    text = Text(text="<PERSON_1> and <PERSON_1>. Vive")
    message = msgspec.structs.replace(old.request.messages[0], parts=(text,))
    request = msgspec.structs.replace(old.request, messages=(message,))
    old = msgspec.structs.replace(old, request=request)
    assert said(again(old, first))[0] == "<PERSON_1> and <PERSON_1>. Vive"
    assert said(again(old, newer))[0] == "<PERSON_1> and <PERSON_2>"
