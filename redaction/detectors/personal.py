"""What a JSON key or a column's name announces: names, addresses, births, documents, users.

The key is believed for the value it stands at, when the value has the shape of such a thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.detectors.dates_of_birth import ANY_DATE
from redaction.detectors.recogniser import spaced, words
from redaction.finding import Passage, Span

__all__ = ["KeyRecogniser"]

_NAME = words(
    "first name", "last name", "imie", "nom", "prenom", "apellido ?[12]?", "vor und nachname",
    "cognome e nome", "nome completo", "full name", "given name", "family name", "middle name",
    "surname",
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
_BIRTH = words(
    "dob",
    "birth ?date",
    "birth day",
    "date of birth",
    "birthday",
    "geburtsdatum",
    "born",
    "birth",
    "geburtstag",
    "date de naissance",
    "naissance",
    "fecha de nacimiento",
    "fecha nac(?:imiento)?",
    "nacimiento",
    "data di nascita",
    "nascita",
    "data de nascimento",
    "data nasc(?:imento)?",
    "nascimento",
    "geboortedatum",
    "data urodzenia",
    "urodzenia",
    "ddn",
)
_AGE = words("age", "alter", "âge", "edad", "età", "idade", "leeftijd", "wiek")
_USER = words(
    "user ?name", "login(?: ?name| ?id)?", "user ?id", "screen name", "account name", "handle",
    "nickname",
    "benutzername", "benutzer", "identifiant", "nom d utilisateur", "usuario", "utente",
    "nome utente",
    "utilizador", "usuário", "gebruikersnaam", "gebruiker", "nazwa użytkownika", "użytkownik",
    "sam ?account ?name",
)  # fmt: skip
_DOCUMENT = words("passport", "passport number", "passport no", "reisepass", "license number",
                  "licence number", "driver license", "drivers license", "national id",
                  "id number", "identity number", "passeport", "pasaporte", "passaporto",
                  "passaporte",
                  "paspoort", "paszport", "führerschein", "ausweisnummer", "personalausweis",
                  "permis de conduire", "patente", "rijbewijs", "prawo jazdy", "id card",
                  "tax id", "tax number", "tin", "vat id")  # fmt: skip
_NAME_LIKE = re.compile(r"[^\W\d_][^\d\n@/<>{}\[\]=_]{1,60}")
_ADDRESS_LIKE = re.compile(r"(?=[^\n]*\d)(?=[^\n]*[^\W\d_])(?!https?:)[^\n@<>{}\[\]=]{5,120}")
_DOCUMENT_LIKE = re.compile(r"(?=[^\n]*\d{4})[A-Za-z0-9 \-/]{5,20}")
_AGE_LIKE = re.compile(r"[1-9]\d?|1[01]\d")
_USER_LIKE = re.compile(r"(?=[^\s]*[A-Za-z])[\w.\-+@\\]{3,64}")
# What a schema or a form says in the place of a value.
_NO_VALUE = frozenset({
    "string", "str", "text", "none", "null", "true", "false", "unknown", "required", "optional",
    "example", "object", "number", "integer", "any", "name", "first", "last", "n/a",
})  # fmt: skip
_BY_KEY = (
    (_NAME, _NAME_LIKE, "PERSON", 0.8),
    (_BIRTH, ANY_DATE, "DATE_OF_BIRTH", 0.9),
    (_ADDRESS, _ADDRESS_LIKE, "ADDRESS", 0.75),
    (_DOCUMENT, _DOCUMENT_LIKE, "ID_DOCUMENT", 0.7),
    (_AGE, _AGE_LIKE, "AGE", 0.6),
    (_USER, _USER_LIKE, "USERNAME", 0.6),
)


class KeyRecogniser:
    """Values that their JSON key announces: `"last_name": "…"`, `"dob": "…"`."""

    needs = None
    reach = 0

    def listens(self, key: str) -> bool:
        """Hear what people's data are called."""
        return any(announced.search(spaced(key)) for announced, *_ in _BY_KEY)

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:  # noqa: ARG002 - a value is taken whole or not at all
        """Give the whole value where key and value agree."""
        if start or passage.key is None or not 1 <= len(passage.text) <= 160:
            return
        key = spaced(passage.key)
        value = passage.text.strip()
        if value.casefold() in _NO_VALUE:
            return
        for announced, shape, entity, score in _BY_KEY:
            if announced.search(key) and shape.fullmatch(value):
                yield Span(0, len(passage.text), entity, score, "key")
