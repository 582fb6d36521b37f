"""Names glued to identifiers: whatever is written without a space, redaction comes to an end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from redaction.finding import Passage, Span
from redaction.policy import Policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY

NAMES = ("Okonkwo", "Lindqvist", "Anna Smith-Jones")
# A name behind a title, a number of eight digits anywhere, an address of mail.
FOUND = {
    "PERSON": re.compile(rf"(?<=Mr )(?:{'|'.join(NAMES)})"),
    "NUMBER": re.compile(r"[0-9]{8}"),
    "MAIL": re.compile(r"[a-z]+@x\.org"),
}


class _Finder:
    """Finds what `FOUND` says."""

    name, version = "finder", "1"

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Find each in each passage."""
        return [
            [
                Span(*match.span(), kind, 1.0, self.name)
                for kind, form in FOUND.items()
                for match in form.finditer(passage.text)
            ]
            for passage in passages
        ]


REDACTOR = Redactor(
    Policy(name="glued", version="1", required=("finder",)), [_Finder()], pseudonym_key=KEY
)


def redacted(text: str) -> str:
    """What becomes of a text."""
    (made,) = asyncio.run(REDACTOR.redact_texts([text]))
    return made.text


@pytest.mark.parametrize(
    ("glued", "left"),
    [
        ("Okonkwo88412345.zip", "<PERSON_1><NUMBER_1>.zip"),
        ("see 88412345okonkwo!", "see <NUMBER_1><PERSON_1>!"),
        ("88412345Okonkwo77412345", "<NUMBER_1><PERSON_1><NUMBER_2>"),
        ("OkonkwoOkonkwo88412345", "OkonkwoOkonkwo<NUMBER_1>"),
        ('{"file": "Okonkwo88412345"}', '{"file": "<PERSON_1><NUMBER_1>"}'),
        ("Okonkwos 88412345", "<PERSON_1> <NUMBER_1>"),
        ("Okonkwonia 88412345", "Okonkwonia <NUMBER_1>"),
    ],
)
def test_a_name_beside_what_was_taken_out_goes_too(glued: str, left: str) -> None:
    """Part of a longer word before, it stands alone then; what is a longer word still, stays."""
    assert redacted(f"{glued} Mr Okonkwo") == f"{left} Mr <PERSON_1>"


def test_a_part_of_a_name_beside_what_was_taken_out_goes_too() -> None:
    """A name is more than one word, and each of them gives somebody away."""
    text = "Smith-Jones88412345, 88412345Anna; Mr Anna Smith-Jones"
    assert redacted(text) == "<PERSON_1><NUMBER_1>, <NUMBER_1><PERSON_1>; Mr <PERSON_1>"


PIECES = st.sampled_from(
    [*NAMES, "Okonkwo", "okonkwo", "Anna", "88412345", "77412345", "a@x.org", "x", "_", ".", "-"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(PIECES, st.sampled_from(["", "", "", " "])), max_size=14))
@example([("Okonkwo", ""), ("88412345", "")])
def test_no_text_is_refused_however_its_values_are_glued(pieces: Sequence[tuple[str, str]]) -> None:
    """Whatever is found once is gone wherever it stands alone, or the check would have raised."""
    text = "".join(piece + sign for piece, sign in pieces)
    assert redacted(f"Mr Okonkwo, Mr Lindqvist, Mr Anna Smith-Jones: {text}")
