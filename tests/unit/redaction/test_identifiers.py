"""Identifiers: what names machines and models is not taken for people, nor for what they said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from audit.record import AuditRecord, RedactedRecord, Response, ResponseError
from redaction.finding import Passage, Span
from redaction.paths import path_views
from redaction.policy import Policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY, a_record, redact, text_of

# What the model that ships took for people, places or organisations when it was asked.
NAMES = ["gpt-4o-mini", "gpt-4o-prod", "claude-sonnet-4-5", "codestral", "sora", "nova-pro",
         "Llama-3.3-70B-Instruct", "prod-chat", "summarizer-prod", "demo-filter-prompt",
         "demo-refuses-prompt", "demo-fails-late"]  # fmt: skip


class NameModel:
    """Takes for people what it is told, wherever it is asked."""

    name, version = "names", "1"

    def __init__(self, *people: str, kind: str = "PERSON") -> None:
        self.people, self.kind = people, kind
        self.read: list[str] = []

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Find the first place of each in every passage that is not an identifier."""
        return [[] if each.coded else list(self._spans(each.text)) for each in passages]

    def _spans(self, text: str) -> Sequence[Span]:
        self.read.append(text)
        starts = ((text.find(each), each) for each in self.people)
        return [Span(at, at + len(each), self.kind, 1.0, "m") for at, each in starts if at >= 0]


def asked(deployment: str, text: str = "hello", **facts: str) -> AuditRecord:
    """Make a call of a deployment."""
    record = a_record(text)
    path = f"/openai/deployments/{deployment}/chat/completions"
    exchange = msgspec.structs.replace(
        record.exchange, **{"path": path, "deployment": deployment, **facts}
    )
    return msgspec.structs.replace(record, exchange=exchange)


async def by(model: NameModel, record: AuditRecord, **policy: dict[str, str]) -> RedactedRecord:
    """Redact with a detector of names and a policy that says what is given."""
    told = msgspec.convert({"name": "p", "version": "1", "required": ["names"], **policy}, Policy)
    return await Redactor(told, [model], pseudonym_key=KEY).redact(record)


def test_deployments_models_and_ids_are_read_as_they_stand() -> None:
    """The model that ships is not asked about them, so one can group and search by them."""
    for name in NAMES:
        facts = dict.fromkeys(("requested_model", "reported_model", "served_model"), name)
        record = asked(name, **facts, response_id="chatcmpl-Victoria", system_fingerprint="fp_Anna")
        asks = msgspec.structs.replace(record.request, parameters={"model": name})
        record = msgspec.structs.replace(record, request=asks)
        made = redact(record)
        assert (made.exchange, made.request.parameters) == (record.exchange, {"model": name})


def test_an_error_keeps_its_codes_and_its_prose_is_read() -> None:
    """`due to the prompt` stays, whatever the deployment is called; the message is text."""
    error = ResponseError(
        code="content_filter",
        type="Jordan",
        param="prompt",
        message="filtered due to the prompt triggering; modify your prompt, Hana Novakova",
    )
    record = msgspec.structs.replace(asked("demo-filter-prompt"), response=Response(error=error))
    made = redact(record).response.error
    assert made is not None
    assert (made.code, made.type, made.param) == (error.code, error.type, error.param)
    assert made.message == "filtered due to the prompt triggering; modify your prompt, <PERSON_1>"


async def test_names_are_sought_in_what_else_a_path_says() -> None:
    """Only fixed words and what stands behind a collection are known; the rest is asked about."""
    model = NameModel("Maria", "gpt-4o-mini")
    record = asked("gpt-4o-mini", path="/Maria/openai/deployments/gpt-4o-mini/v1/chat/x")
    made = await by(model, record)
    assert made.exchange.path == "/<PERSON_1>/openai/deployments/gpt-4o-mini/v1/chat/x"
    assert {"/Maria", "/x"} <= set(model.read)


def test_a_path_falls_into_passages_without_a_gap() -> None:
    """Together they are the path, whatever strokes it has."""
    for path in ("/", "", "//a//models/Nova%20X:generateContent//", "x", "/v1beta/Eva/Ann/chat/"):
        made = list(path_views(path))
        places = [place for view in made for place in (view.origin[0], view.origin[-1])]
        assert places[1:-1:2] == places[2::2]
        assert not path or (places[0], places[-1]) == (0, len(path))
    (first, model, last) = path_views("/a/models/Nova%20X:generateContent/Eva")
    assert (first.text, first.coded, last.text, last.coded) == ("/a", False, "/Eva", False)
    assert (model.text, model.coded) == ("/models/Nova X:generateContent", True)


async def test_a_word_that_was_said_is_not_taken_out_of_an_identifier() -> None:
    """Whoever speaks of Claude leaves `claude-sonnet-4-5` what it is; names of several words go."""
    model = NameModel("Claude", "Hana Novakova")
    record = asked("claude-sonnet-4-5", "Claude, meet Hana Novakova", requested_model="Claude")
    record = msgspec.structs.replace(
        record,
        exchange=msgspec.structs.replace(record.exchange, reported_model="hana novakova"),
    )
    made = await by(model, record)
    assert text_of(made) == "<PERSON_2>, meet <PERSON_1>"
    assert (made.exchange.deployment, made.exchange.path) == (
        record.exchange.deployment,
        record.exchange.path,
    )
    assert made.exchange.requested_model == "Claude"
    assert made.exchange.reported_model == "<PERSON_1>"


@pytest.mark.parametrize(("kind", "said"), [("PHONE", "0160 1234"), ("PASSWORD", "<PASSWORD_1>")])
async def test_what_was_found_in_an_identifier_stays_there_unless_it_is_a_credential(
    kind: str, said: str
) -> None:
    """A pattern that fits a deployment takes nothing out of what was said."""

    class Pattern(NameModel):
        async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
            return [list(self._spans(each.text)) if each.coded else [] for each in passages]

    record = msgspec.structs.replace(asked("0160 1234"), request=a_record("my 0160 1234").request)
    made = await by(Pattern("0160 1234", kind=kind), record)
    assert made.exchange.deployment == f"<{kind}_1>"
    assert text_of(made) == f"my {said}"


async def test_what_the_policy_names_is_taken_out_of_identifiers() -> None:
    """A value that is denied, and a field that is named, whatever they hold."""
    record = asked("nightingale-prod", "the sora-9 deployment", requested_model="sora-9")
    made = await by(
        NameModel(),
        record,
        deny={"nightingale": "CODENAME"},
        fields={"exchange.requested_model": "MODEL"},
    )
    assert made.exchange.deployment == "<CODENAME_1>-prod"
    assert "<CODENAME_1>" in made.exchange.path
    assert (made.exchange.requested_model, text_of(made)) == (
        "<MODEL_1>",
        "the <MODEL_1> deployment",
    )


def test_patterns_and_credentials_are_found_in_identifiers() -> None:
    """A client can put anything there."""
    key = "sk-proj-7hG2kLm9QwErTy8UiOp5AsDf"
    made = redact(asked("ada@lovelace.example", requested_model=key))
    assert made.exchange.deployment == "<EMAIL_ADDRESS_1>"
    assert made.exchange.path == "/openai/deployments/<EMAIL_ADDRESS_1>/chat/completions"
    assert made.exchange.requested_model == "<API_KEY_1>"
