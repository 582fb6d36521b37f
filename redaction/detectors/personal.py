"""Personal facts in context: dates of birth, ages, document numbers, and what a key announces.

A date or a number says nothing about a person by itself; the words before it do. A JSON key that
announces a person's name, address or document is believed for the value it stands at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.detectors.recogniser import ShapeRecogniser, digits_of, words
from redaction.finding import Passage, Span

__all__ = ["FACTS", "KeyRecogniser"]

_MONTH = (
    r"(?:jan|feb|fév|mar|mär|abr|apr|avr|may|mai|maj|jun|jui|jul|aug|aoû|ago|sep|set|okt|oct|out"
    r"|nov|dec|dez|déc|dic|gen|gru|lut|kwi|cze|lip|sie|wrz|paź|lis|sty)[^\W\d_]{0,8}\.?"
)
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th|\.|º)?(?: of| de)? {_MONTH},?(?: de)? \d{{4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    r"|(?:19|20)\d\d[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.](?:19|20)?\d\d)"
)
_BORN = (
    r"(?:born(?: on)?|birth ?da(?:te|y)(?: is| was)?|date of birth|d\.?o\.?b\.?|geboren(?: am)?"
    r"|geburtsdatum|geburtstag|née? le|date de naissance|nacid[oa] el|fecha de nacimiento"
    r"|nat[oa] il|data di nascita|nascid[oa] em|data de nascimento|geboortedatum|geboren op"
    r"|urodzon[ya]|data urodzenia)"
)
_PERSON_NOUN = r"(?:man|woman|male|female|boy|girl|patient|child|person|lady|gentleman|employee)"
_DIGITS = tuple("0123456789")


def _is_age(value: str) -> bool:
    return 0 < int(digits_of(value)) < 120


FACTS: tuple[ShapeRecogniser, ...] = (
    ShapeRecogniser(
        "birth", "DATE_OF_BIRTH",
        re.compile(
            rf"\b{_BORN}[\"']?[ :=,\-|]{{1,4}}[\"']?(?:is )?(?P<value>{_DATE})(?!\d)", re.IGNORECASE
        ),
        0.9, hints=_DIGITS, shortest=8,
    ),
    ShapeRecogniser(
        "age", "AGE",
        re.compile(
            r"\b(?:(?:i am|i'm|he is|she is|he's|she's|turned) (?P<value>\d{1,3})"
            r"(?= ?years? old| ?yo\b|[.,;!?\n)]|$| and\b))",
            re.IGNORECASE,
        ),
        0.6, _is_age, hints=_DIGITS, shortest=6,
    ),
    ShapeRecogniser(
        "aged", "AGE",
        re.compile(
            r"(?<![\w-])(?:aged|age)[\"']?(?: is)? ?[:=]? ?[\"']?(?P<value>\d{1,3})(?![\w.%])"
            r"(?! ?(?:%|days|hours))",
            re.IGNORECASE,
        ),
        0.6, _is_age, hints=_DIGITS, shortest=5,
    ),
    ShapeRecogniser(
        "age_of", "AGE",
        re.compile(
            r"(?<![\w.])(?P<value>\d{1,3}[ \-](?:years?|yrs?|yo|y/o)(?:[ \-]old)?)"
            rf"(?= {_PERSON_NOUN}\b)",
            re.IGNORECASE,
        ),
        0.6, _is_age, hints=_DIGITS, shortest=8,
    ),
    ShapeRecogniser(
        "age_own", "AGE",
        re.compile(
            r"\b(?:ich bin|er ist|sie ist|j'ai|tengo|tiene|ho|tenho|ik ben|mam) (?P<value>\d{1,3})"
            r"(?= (?:jahre alt|ans|años|anni|anos|jaar|lat)\b)",
            re.IGNORECASE,
        ),
        0.6, _is_age, hints=_DIGITS, shortest=8,
    ),
    ShapeRecogniser(
        "licence", "DRIVER_LICENSE",
        re.compile(
            r"\b(?:(?:driver'?s?|driving) licen[cs]e|führerschein|permis de conduire"
            r"|patente di guida|permiso de conducir|carta de condução|rijbewijs|prawo jazdy)"
            r"(?:[ -]?(?:number|no|num|nr|nummer|numéro|número|numero))?\.?[\"']?(?: is)?"
            r"[ :=#]{1,3}[\"']?(?P<value>(?=[A-Z]{0,5}\d)[A-Z0-9\-]{6,18})(?![\w])",
            re.IGNORECASE,
        ),
        0.8, lambda value: len(digits_of(value)) >= 4, hints=_DIGITS, shortest=12,
    ),
    ShapeRecogniser(
        "passport", "PASSPORT",
        re.compile(
            r"\b(?:passport|reisepass|passeport|pasaporte|passaporto|paspoort|paszport)"
            r"(?:[ -]?(?:number|no|num|nr|nummer|numéro|número|numero))?\.?[\"']?(?: is)?"
            r"[ :=#]{1,3}[\"']?(?P<value>(?=[A-Z]{0,3}\d)[A-Z0-9]{6,10})\b",
            re.IGNORECASE,
        ),
        0.8, lambda value: len(digits_of(value)) >= 4, hints=_DIGITS, shortest=12,
    ),
)  # fmt: skip

_NAME = words(
    "first name", "last name", "full name", "given name", "family name", "middle name", "surname",
    "maiden name", "customer name", "client name", "patient name", "contact name", "holder",
    "card holder", "cardholder name", "account holder", "recipient name", "employee name",
    "guest name", "passenger name", "vorname", "nachname", "nombre completo", "apellido",
    "apellidos", "prénom", "nom de famille", "cognome", "sobrenome", "achternaam", "voornaam",
    "nazwisko", "imię",
)  # fmt: skip
_ADDRESS = words(
    "street", "street address", "address line ?[123]?", "home address", "postal address",
    "billing address", "shipping address", "mailing address", "address", "strasse", "straße",
    "anschrift", "dirección", "adresse postale", "indirizzo", "endereço",
)  # fmt: skip
_BIRTH = words("dob", "birth ?date", "date of birth", "birthday", "geburtsdatum", "born")
_DOCUMENT = words("passport", "passport number", "passport no", "reisepass", "license number",
                  "licence number", "driver license", "drivers license", "national id",
                  "id number", "identity number")  # fmt: skip
_ANY_DATE = re.compile(rf"{_DATE}(?:T[\d:.Z+\-]+)?|\d{{8}}", re.IGNORECASE)
_NAME_LIKE = re.compile(r"[^\W\d_][^\d\n@/<>{}\[\]=_]{1,60}")
_ADDRESS_LIKE = re.compile(r"(?=[^\n]*\d)(?=[^\n]*[^\W\d_])(?!https?:)[^\n@<>{}\[\]=]{5,120}")
_DOCUMENT_LIKE = re.compile(r"(?=[^\n]*\d{4})[A-Za-z0-9 \-]{5,20}")
# What a schema or a form says in the place of a value.
_NO_VALUE = frozenset({
    "string", "str", "text", "none", "null", "true", "false", "unknown", "required", "optional",
    "example", "object", "number", "integer", "any", "name", "first", "last", "n/a",
})  # fmt: skip
_BY_KEY = (
    (_NAME, _NAME_LIKE, "PERSON", 0.8),
    (_BIRTH, _ANY_DATE, "DATE_OF_BIRTH", 0.9),
    (_ADDRESS, _ADDRESS_LIKE, "ADDRESS", 0.75),
    (_DOCUMENT, _DOCUMENT_LIKE, "ID_DOCUMENT", 0.7),
)


class KeyRecogniser:
    """Values that their JSON key announces: `"last_name": "…"`, `"dob": "…"`."""

    def find(self, passage: Passage) -> Iterator[Span]:
        """Give the whole value where key and value agree."""
        if passage.key is None or not 2 <= len(passage.text) <= 160:
            return
        key = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", passage.key)
        value = passage.text.strip()
        if value.casefold() in _NO_VALUE:
            return
        for announced, shape, entity, score in _BY_KEY:
            if announced.search(key) and shape.fullmatch(value):
                yield Span(0, len(passage.text), entity, score, "key")
