"""A record as a conversation: whole, in words, harmless."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.exchange import PRECEDENCE, Ending, IdentitySource
from audit.flags import FLAGS, Flag
from audit.parts import (
    Citation,
    Extra,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from audit.reading.words import SOURCES, flag
from audit.record import (
    Message,
    Output,
    OutputSafety,
    RedactedRecord,
    Reference,
    Request,
    Response,
    ResponseError,
    Retention,
    Safety,
    Tool,
    Usage,
    Verdict,
)
from cli.render.conversation import ConversationView
from tests.unit.cli.records import (
    HOSTILE,
    ID,
    SHOWN,
    a_document,
    a_record,
    found,
    printed,
    table,
    view,
    with_answer,
    with_facts,
)


def test_a_record_without_words_has_a_row() -> None:
    """A level that keeps nothing, and an exchange without an answer, still show."""
    bare = a_record(
        request=Request(),
        response=Response(),
        usage=Usage(),
        exchange=msgspec.structs.replace(a_record().exchange, status=None, deployment=None),
    )
    assert ID in table(bare)
    assert "no prompt is in this record" in view(bare)
    assert "no answer is in this record" in view(bare)


def test_hostile_text_is_harmless_in_a_conversation() -> None:
    """Every string of a record is replaced by hostile text; none of it acts."""
    out = printed(ConversationView(_poisoned(a_record())), 200)
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert SHOWN in out


def test_hostile_text_brings_no_colour_of_its_own() -> None:
    """On a colour terminal every escape that is sent is one of ours: a colour, nothing else."""
    out = printed(ConversationView(_poisoned(a_record())), 200, colour=True)
    assert "\x1b[" in out
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", out)


def _poisoned(record: RedactedRecord) -> RedactedRecord:
    """Replace every free string of a record, and add every kind of part."""
    parts: tuple[Part, ...] = (
        Text(text=HOSTILE),
        Reasoning(text=HOSTILE),
        Refusal(text=HOSTILE),
        ToolCall(id=HOSTILE, name=HOSTILE, arguments=HOSTILE),
        ToolCall(name="f", arguments='{"a": "' + HOSTILE + '"'),
        ToolResult(id=HOSTILE, name=HOSTILE, text=HOSTILE, is_error=True),
        Citation(title=HOSTILE, url=HOSTILE, text=HOSTILE),
        Media(mime=HOSTILE, bytes=7, digest=HOSTILE, name=HOSTILE, url=HOSTILE),
        Extra(name=HOSTILE, text=HOSTILE),
    )
    verdicts = (Verdict(category=HOSTILE, filtered=True, severity=HOSTILE, detail=HOSTILE),)
    poisoned = msgspec.structs.replace(
        record,
        request=Request(
            messages=(Message(role=HOSTILE, name=HOSTILE, parts=parts),),
            tools=(Tool(name=HOSTILE, digest=HOSTILE),),
            parameters={HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE]}},
            references=(Reference(kind=HOSTILE, id=HOSTILE),),
            prompt_digest=HOSTILE,
        ),
        response=Response(
            outputs=(Output(index=0, role=HOSTILE, parts=parts, finish_reason=HOSTILE),),
            error=ResponseError(code=HOSTILE, type=HOSTILE, message=HOSTILE, param=HOSTILE),
        ),
        safety=Safety(
            prompt=verdicts, outputs=(OutputSafety(index=0, verdicts=verdicts),), signals=(HOSTILE,)
        ),
    )
    document = msgspec.to_builtins(poisoned)
    for group in ("tap", "exchange", "timing", "identity", "integrity", "retention"):
        for name, value in document[group].items():
            document[group][name] = _poisoned_value(name, value)
    document["usage"]["source"] = HOSTILE
    document.update({"id": HOSTILE, "consumer": HOSTILE, "day": HOSTILE})
    return msgspec.convert(document, RedactedRecord)


def _poisoned_value(name: str, value: object) -> object:
    if name in {"dialect", "ending", "source"} or name.endswith("_ms"):
        return value
    if name == "flags":
        return [HOSTILE]
    return HOSTILE if value is None or isinstance(value, str) else value


def test_a_conversation_shows_everything_it_holds() -> None:
    """Head, turns, answer, verdicts, what was taken out and by whom, and the seals."""
    out = " ".join(view(a_record()).split())
    for word in (
        f"record {ID}",
        "complete: the answer came to its own end",
        "from the fingerprint of the key that was used",
        "trace " + "a" * 32,
        "key fingerprint " + "f" * 32,
        "tap-1/0199a3b21111-abcd/7",
        "142 in, 87 out, 229 in all (reported)",
        "1 system",
        "You answer mails.",
        "2 user",
        "I have noted that.",
        "nothing found: hate",
        "standard-1, level redacted",
        "pattern.email_address",
        "turn 2",
        "people's names were not looked for",
        "agrees with its digest",
        "kept until 2026-04-01T00:00:00.000000Z",
    ):
        assert word in out


@pytest.mark.parametrize("ending", Ending)
def test_each_ending_is_said_in_words(ending: Ending) -> None:
    """The sentence of the precedence table stands at the head."""
    assert PRECEDENCE[ending] in view(with_facts(ending=ending))


@pytest.mark.parametrize("code", Flag)
def test_each_flag_is_said_in_words(code: Flag) -> None:
    """A reader need not know the codes."""
    assert flag(code) == FLAGS[code]
    assert FLAGS[code] in view(with_facts(flags=(code,)), 200)


@pytest.mark.parametrize("source", IdentitySource)
def test_an_identity_comes_with_what_it_rests_on(source: IdentitySource) -> None:
    """An unverified identity cannot be taken for a verified one."""
    identity = msgspec.structs.replace(a_record().identity, source=source)
    assert SOURCES[source] in view(a_record(identity=identity))


def test_tool_calls_are_laid_out_and_marked() -> None:
    """Arguments stand one member to a line, with their tokens in colour."""
    arguments = '{"email":"<EMAIL_ADDRESS_1>","urgent":true}'
    path = "/response/outputs/0/parts/0/arguments"
    finding = found(path, arguments, "<EMAIL_ADDRESS_1>", "EMAIL_ADDRESS")
    record = with_answer(ToolCall(id="call_1", name="find_customer", arguments=arguments))
    redaction = msgspec.structs.replace(record.redaction, findings=(finding,))
    record = msgspec.structs.replace(record, redaction=redaction)
    assert '      "email": "<EMAIL_ADDRESS_1>",\n      "urgent": true\n' in view(record)
    coloured = printed(ConversationView(record), colour=True)
    assert '"\x1b[1;36m<EMAIL_ADDRESS_1>\x1b[0m"' in coloured


def test_every_kind_of_part_is_shown() -> None:
    """Thinking, refusal, result, citation, media and the unknown each say what they are."""
    out = view(
        with_answer(
            Reasoning(text="step by step"),
            Refusal(text="I will not"),
            ToolResult(id="call_1", name="find", text='{"a":1}', is_error=True),
            ToolResult(text="[INST] plain words"),
            Citation(title="Title", url="https://example.org", text="quoted"),
            Media(mime="image/png", bytes=12345, digest="d" * 64, name="a.png"),
            Extra(name="delta.later", text='{"b":2}'),
        )
    )
    for words in (
        "thinking:\n    step by step",
        "refuses:\n    I will not",
        'find failed with  call_1\n    {\n      "a": 1\n    }',
        "returned\n    [INST] plain words",
        "cites:\n    Title\n    https://example.org\n    quoted",
        "image/png, 12,345 bytes, a.png\n  digest " + "d" * 64,
        'delta.later:\n    {"b":2}',
    ):
        assert words in out


def test_tools_parameters_references_and_errors_are_shown() -> None:
    """What was offered, how it was asked, what it refers to, and what went wrong."""
    request = Request(
        tools=(Tool(name="find_customer", digest="e" * 64),),
        parameters={"temperature": 0.2, "stop": ["END"], "user": "someone"},
        references=(Reference(kind="previous_response", id="resp_1"),),
    )
    error = ResponseError(code="429", message="Too many requests", type="rate_limit")
    out = view(a_record(request=request, response=Response(error=error)), 120)
    for words in (
        "find_customer",
        "temperature  0.2",
        '["END"]',
        "previous_response resp_1",
        "error code 429, type rate_limit",
        "Too many requests",
    ):
        assert words in out


def test_a_verdict_that_struck_stands_out() -> None:
    """What was filtered or detected is named first, the rest as passed."""
    verdicts = (
        Verdict(category="hate", severity="safe"),
        Verdict(category="violence", severity="low"),
        Verdict(category="jailbreak", filtered=True, detected=True),
    )
    out = view(a_record(safety=Safety(prompt=verdicts, signals=("jailbreak.detected",))), 120)
    assert "jailbreak filtered; nothing found: hate, violence (low)" in out
    assert "signal" in out


def test_degraded_detectors_and_holds_are_said() -> None:
    """What did not answer, and what forbids removal, cannot be overlooked."""
    redaction = msgspec.structs.replace(a_record().redaction, degraded=("language",))
    out = view(a_record(redaction=redaction, retention=Retention(hold=True)))
    assert "language did not answer" in out
    assert "a hold forbids its removal" in out


def test_an_altered_record_is_called_altered() -> None:
    """One changed letter, and one added field, each break the seal; untouched it holds."""
    stored = a_document(a_record())
    assert ConversationView.of(stored).intact is True
    assert ConversationView.of(stored.replace(b"noted", b"voted")).intact is False
    added = {**json.loads(stored), "later": 1}
    assert ConversationView.of(json.dumps(added).encode()).intact is False
    assert "ALTERED" in printed(ConversationView.of(stored.replace(b"noted", b"voted")))


def test_a_record_without_a_digest_is_not_called_intact() -> None:
    """Nothing to compare with is said as such."""
    out = printed(ConversationView.of(msgspec.json.encode(a_record())))
    assert "carries no digest" in out


def test_a_store_s_own_fields_do_not_break_the_seal() -> None:
    """Fields with a leading underscore belong to the store."""
    stored = {**json.loads(a_document(a_record())), "_etag": "x"}
    assert ConversationView.of(json.dumps(stored).encode()).intact is True


def test_a_file_gets_no_colour() -> None:
    """Without a terminal not one escape is written."""
    assert "\x1b" not in view(a_record())
    assert "\x1b[" in printed(ConversationView(a_record()), colour=True)


@given(st.text(max_size=300), st.integers(min_value=40, max_value=130))
def test_any_text_at_any_width_can_be_shown(text: str, width: int) -> None:
    """Rendering never raises, whatever was said and however narrow the window."""
    record = with_answer(
        Text(text=text), ToolCall(arguments="{" + text), Extra(name="e", text=text)
    )
    record = msgspec.structs.replace(
        record, request=Request(messages=(Message(role="user", parts=(Text(text=text),)),))
    )
    assert "\x1b" not in printed(ConversationView(record), width)
    assert ID in table(record, width)


@pytest.mark.parametrize(
    ("nth", "way"), [(1, f"next: auditstream show {ID}/2"), (3, f"first: auditstream show {ID}")]
)
def test_a_record_of_a_session_tells_which_it_is_and_the_way_on(nth: int, way: str) -> None:
    """Whoever found one finds the others; a single record says nothing of the kind."""
    single = a_record()
    tap = msgspec.structs.replace(single.tap, record=nth, records=3)
    name = ID if nth == 1 else f"{ID}/{nth}"
    lines = view(msgspec.structs.replace(single, id=name, tap=tap)).splitlines()
    assert f"{nth} of 3 records of one session" in lines
    assert way in lines
    assert f"all: auditstream query 'id:{ID}*'" in lines
    assert "records of one session" not in view(single)
