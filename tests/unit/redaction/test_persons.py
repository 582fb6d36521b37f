"""One person, one token: across case, parts, order and endings, through a whole exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.exchange import Level
from audit.parts import Text
from audit.record import Message, Request
from audit.value import to_json
from redaction.build import build_redactor
from redaction.finding import Span
from redaction.persons import Parts, Persons
from redaction.policy import Policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY, a_record, redact, text_of

HANA = "Hana Novakova"


def a_redactor(*names: str) -> Redactor:
    """One that knows these people, by their whole names."""
    deny = dict.fromkeys(names, "PERSON")
    policy = Policy(name="people", version="1", required=("patterns",), deny=deny)
    return build_redactor(policy, pseudonym_key=KEY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hana Novakova rang. Hana is late.", "<PERSON_1> rang. <PERSON_1> is late."),
        ("Hana is late. Hana Novakova rang.", "<PERSON_1> is late. <PERSON_1> rang."),
        ("Hana Novakova, Ms Novakova", "<PERSON_1>, Ms <PERSON_1>"),
        ("hana novakova or HANA NOVAKOVA", "<PERSON_1> or <PERSON_1>"),
        ("Hana Novakova's mail, Novakova's desk", "<PERSON_1>'s mail, <PERSON_1>'s desk"),
        ("Hana Novakova. Dla Hany Novakovej", "<PERSON_1>. Dla <PERSON_1>"),
        ("Hana Novakova; hana_id = 7; Hanau", "<PERSON_1>; hana_id = 7; Hanau"),
        ("Hana Novakova and Hana Kral: Hana?", "<PERSON_1> and <PERSON_2>: <PERSON_3>?"),
    ],
)
def test_a_person_has_one_token(text: str, expected: str) -> None:
    """However named; a name that two people share stands for itself."""
    assert text_of(redact(a_record(text), a_redactor(HANA, "Hana Kral"))) == expected


def test_a_name_is_looked_for_in_all_parts_of_an_exchange() -> None:
    """In the system prompt, earlier turns, tool arguments and JSON in them."""
    record = a_record("Who is Hana?", '{"note": "{\\"to\\": \\"Novakova\\"}"}')
    system = Message(role="system", parts=(Text(text="You serve Ms Novakova."),))
    later = Message(role="user", parts=(Text(text="I am Hana Novakova"),))
    messages = (system, *record.request.messages, later)
    made = redact(
        type(record)(
            **{
                name: getattr(record, name)
                for name in record.__struct_fields__
                if name != "request"
            },
            request=Request(messages=messages),
        ),
        a_redactor(HANA),
    )
    text = to_json(made).decode()
    assert "Hana" not in text
    assert "Novakova" not in text
    assert {each.token for each in made.redaction.findings} == {"<PERSON_1>"}


@pytest.mark.parametrize(
    "text", ["We will see in may", "The april rain", "Grant access, will you?"]
)
def test_a_name_that_is_a_word_takes_no_word_out(text: str) -> None:
    """`Will May` and `April Grant` are people; will, may and april are not."""
    made = text_of(
        redact(
            a_record(f"{text}. Will May. April Grantham."), a_redactor("Will May", "April Grantham")
        )
    )
    assert made == f"{text}. <PERSON_1>. <PERSON_2>."


def test_a_pseudonym_is_the_whole_names() -> None:
    """So that a part of a name in one exchange has the pseudonym that the name has in another."""
    redactor = a_redactor(HANA)
    one = asyncio.run(redactor.redact(a_record("Hana Novakova, Hana", level=Level.PSEUDONYMISED)))
    other = asyncio.run(
        redactor.redact(a_record("NOVAKOVA and Hana Novakova", level=Level.PSEUDONYMISED))
    )
    tokens = {each.token for made in (one, other) for each in made.redaction.findings}
    assert len(tokens) == 1


NAMES = st.sampled_from(
    [
        "Hana Novakova",
        "Novakova, Hana",
        "H. Novakova",
        "Ms Novakova",
        "Hana",
        "Jan Kral",
        "J. Kral",
        "Kral",
        "Hana Kral",
        "HANA",
        "hana novakova",
    ]
)


@given(st.lists(NAMES, max_size=8))
def test_who_somebody_is_does_not_depend_on_the_order(names: Sequence[str]) -> None:
    """And asking by the answer gives the answer."""
    one, other = Persons(names), Persons(reversed(names))
    for name in names:
        assert sorted(one.known_as(name).split()) == sorted(other.known_as(name).split())
        assert one.known_as(one.known_as(name)) == one.known_as(name)


@given(
    st.lists(
        NAMES.flatmap(lambda name: st.sampled_from(name.split())).flatmap(
            lambda word: st.sampled_from([word, f"{word[:-1]}y", f"{word}s", f"{word}owi"])
        ),
        max_size=3,
    ),
    st.lists(NAMES, max_size=4),
)
def test_no_part_is_passed_over_at_a_glance(said: Sequence[str], names: Sequence[str]) -> None:
    """A text whose words are not looked up holds no part, whole or declined."""
    parts = Parts()
    for name in names:
        parts.add(name, Span(0, len(name), "PERSON", 0.9, "names"))
    text = " ".join(said)
    assert parts._may_stand_in(text) or not list(parts._words(text))


@given(st.text(alphabet="Hana Novk'ś_@1.,", max_size=60), st.lists(NAMES, max_size=4))
def test_parts_are_words_of_the_text(text: str, names: Sequence[str]) -> None:
    """Whatever the text: spans lie in it, in order, apart, and begin with a letter."""
    parts = Parts()
    for name in names:
        parts.add(name, Span(0, len(name), "PERSON", 0.9, "names"))
    end = 0
    for span in parts.find(text):
        assert end <= span.start < span.end <= len(text)
        assert text[span.start].isalpha()
        end = span.end
