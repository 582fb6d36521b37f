"""Fields: what of a record is walked, and what is not and why."""

from __future__ import annotations

import msgspec

from audit.exchange import Identity
from audit.parts import (
    Citation,
    Extra,
    Media,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from audit.record import (
    Message,
    OutputSafety,
    Reference,
    Request,
    Response,
    ResponseError,
    Safety,
    Tool,
    Usage,
    Verdict,
)
from audit.value import Value
from redaction.fields import CODED, EXEMPT, Kind, leaves, pointer, put_back
from tests.unit.redaction.exchanges import a_record

EXEMPTIONS = {
    "AuditRecord": {"id", "consumer", "day"},
    "TapRef": {"name", "boot"},
    "ExchangeFacts": {"operation", "ending_detail", "flags"},
    "Timing": {"received_at", "first_byte_at", "last_byte_at"},
    "Identity": {"key_fingerprint", "trace_id"},
    "Request": {"prompt_digest"},
    "Tool": {"digest"},
    "Media": {"digest"},
    "Usage": {"source"},
    "Integrity": {"salt", "commitment", "record_digest", "signature"},
    "Retention": {"expires_at"},
}
VOCABULARIES = {
    "ExchangeFacts": {
        *("method", "api_version", "deployment", "requested_model", "reported_model"),
        *("served_model", "system_fingerprint", "response_id", "previous_response_id"),
    },
    "Identity": {"app_id", "tenant_id", "upstream_request_id"},
    "Message": {"role"},
    "Output": {"role", "finish_reason"},
    "ResponseError": {"code", "type", "param"},
    "ToolCall": {"id"},
    "ToolResult": {"id"},
    "Media": {"mime"},
    "Safety": {"signals"},
    "Verdict": {"category", "severity"},
    "Reference": {"kind", "id"},
}


class _Later(Value, frozen=True):
    """A part of the schema that does not exist yet."""

    remark: str
    counted: int
    tags: tuple[str, ...]
    anything: msgspec.Raw | None = None


def test_only_these_fields_are_exempt() -> None:
    """Each is made, or given its form, by the audit itself; a new one has to be added here too."""
    assert {kind.__name__: set(names) for kind, names in EXEMPT.items()} == EXEMPTIONS
    for kind, names in EXEMPT.items():
        assert names <= {spec.name for spec in msgspec.structs.fields(kind)}


def test_only_these_fields_hold_identifiers_and_words_of_a_vocabulary() -> None:
    """Names are not sought there, so no prose may be among them; a new one is added here too."""
    assert {kind.__name__: set(names) for kind, names in CODED.items()} == VOCABULARIES
    for kind, names in CODED.items():
        assert names <= {spec.name for spec in msgspec.structs.fields(kind)}
    verdict = Verdict(category="jailbreak", severity="high", detail="a list of Ada's")
    walked = leaves(Safety(prompt=(verdict,), signals=("jailbreak.detected",)))
    assert [(leaf.text, leaf.coded) for leaf in walked] == [
        ("jailbreak", True),
        ("high", True),
        ("a list of Ada's", False),
        ("jailbreak.detected", True),
    ]


def test_a_field_of_a_later_schema_is_walked() -> None:
    """Nobody has to remember to add it."""
    later = _Later(remark="r", counted=3, tags=("a", "b"))
    assert [leaf.text for leaf in leaves(later)] == ["r", "a", "b"]


def test_every_text_of_a_full_record_is_walked() -> None:
    """Marked in every field that a client or an upstream fills, every mark is met."""
    marks = iter(range(1, 1000))

    def mark() -> str:
        return f"mark{next(marks)}"

    parts = (
        Text(text=mark()),
        Reasoning(text=mark()),
        Refusal(text=mark()),
        ToolCall(id=mark(), name=mark(), arguments=mark()),
        ToolResult(id=mark(), name=mark(), text=mark()),
        Citation(title=mark(), url=mark(), text=mark()),
        Media(mime=mark(), name=mark(), url=mark()),
        Extra(name=mark(), text=mark()),
    )
    record = msgspec.structs.replace(
        a_record(),
        identity=Identity(app_id=mark(), tenant_id=mark(), user=mark(), session=mark()),
        request=Request(
            messages=(Message(role=mark(), name=mark(), parts=parts),),
            tools=(Tool(name=mark(), digest="d"),),
            parameters={mark(): [mark(), {mark(): mark()}]},
            references=(Reference(kind=mark(), id=mark()),),
        ),
        response=Response(
            error=ResponseError(code=mark(), type=mark(), message=mark(), param=mark())
        ),
        safety=Safety(
            prompt=(Verdict(category=mark(), severity=mark(), detail=mark()),),
            outputs=(OutputSafety(index=0, verdicts=(Verdict(category=mark()),)),),
            signals=(mark(),),
        ),
        usage=Usage(reported={mark(): mark()}),
    )
    met = {leaf.text for leaf in leaves(record)}
    assert {f"mark{i}" for i in range(1, next(marks))} <= met


def test_numbers_are_walked_in_free_json_only() -> None:
    """A typed number is a count; a number a client sent may be anything."""
    record = msgspec.structs.replace(
        a_record(parameters={"ssn": 219099999, "t": 0.5, "on": True}),
        usage=Usage(input=5, reported=7),
    )
    numbers = [(leaf.key, leaf.text) for leaf in leaves(record) if leaf.kind is Kind.NUMBER]
    assert numbers == [("ssn", "219099999"), (None, "7")]


def test_names_that_become_one_are_numbered() -> None:
    """No member is lost when two names are masked alike, and places follow the new names."""
    tree = {"p": {"ada": {"x": "1"}, "bob": {"x": "2"}, "c": 3}}
    names: dict[tuple[str | int, ...], str] = {("p", "ada"): "***", ("p", "bob"): "***"}
    given = put_back(tree, {("p", "ada", "x"): "one"}, names)
    assert tree == {"p": {"***": {"x": "one"}, "***#2": {"x": "2"}, "c": 3}}
    assert list(tree["p"]) == ["***", "***#2", "c"]
    assert pointer(("p", "bob", "x"), given) == "/p/***#2/x"


def test_a_name_that_is_given_is_not_taken_from_another() -> None:
    """A member that keeps its name keeps it, and one may take a name that has become free."""
    tree = {"a": 1, "b": 2, "*": 3, "*#2": 4}
    names: dict[tuple[str | int, ...], str] = {("a",): "*", ("b",): "a", ("*#2",): "*"}
    assert put_back(tree, {}, names) == {("a",): "*#2", ("b",): "a", ("*#2",): "*#3"}
    assert tree == {"*#2": 1, "a": 2, "*": 3, "*#3": 4}


def test_many_names_are_put_back_in_one_go() -> None:
    """An object of a hundred thousand addresses is renamed member by member, not over and over."""
    tree: dict[str, int] = {f"n{i}": i for i in range(100_000)}
    names: dict[tuple[str | int, ...], str] = {(name,): "***" for name in tree}
    given = put_back(tree, {}, names)
    assert list(tree.values()) == list(range(100_000))
    assert list(given.values()) == list(tree)


def test_a_pointer_is_escaped() -> None:
    """RFC 6901: `~` and `/` in names."""
    assert pointer(("a/b", "c~d", 0), {}) == "/a~1b/c~0d/0"
