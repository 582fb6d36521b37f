"""Telephones: numbers that a person could dial, proven by the numbering plans.

Only windows that look like a dialled number are handed to `phonenumbers`. A number with its
country code needs no more; a national one must be valid in one of the regions, and where its
shape is common (a bare row of digits, groups without a leading zero) words near by must say
that it is a telephone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import phonenumbers

from redaction.detectors.recogniser import digits_of, near, spaced, words
from redaction.finding import Passage, Span

__all__ = ["REGIONS", "PhoneRecogniser"]

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "PT", "NL", "PL", "CH", "AT", "BE", "IN", "BR", "AU")

# Stems, since verbs are inflected; a word of each language for the thing, the line and the calling.
_CONTEXT = words(
    r"tel", r"(?:tele|télé|telé)(?:ph?on|fo[on])\w*", r"mobile?s?", "phones?", "phoned",
    r"cell(?:phone|ular\w*)?",
    "call", "calls", "called", "calling", "callback", "ring", "rang", "dial", "dialled", "texts?",
    "texted",
    "sms", "whatsapp", "viber", "fax", "hotline", "landline", "voicemail", "extension",
    "contact number", "reach", "reached", "helpline", "switchboard", "msisdn", "ph",
    r"handy\w*", r"mobil\w*", r"ruf\w*", r"anruf\w*", "anzurufen", r"rückruf\w*", "zurückrufen",
    "durchwahl",
    "festnetz", r"erreich\w*", "fon", "telefonisch",
    r"(?:r)?appel\w*", "portable", "joindre", r"joignable\w*", "contacter", "fixe",
    r"ll[aá]m\w+", "móvil", r"celular\w*", "fijo", "localizable", "contactar",
    r"(?:ri)?chiam\w+", r"cellular\w*", r"recapit\w+", "fisso", r"contatt\w+", r"raggiung\w+",
    "mi trovi",
    r"telem[oó]ve\w+", r"lig(?:ar|uem?|a|uei|ou|ue-\w+)", "contac?t[oa]s?", "zap", "fixo", "ramal",
    r"(?:terug|op)?ge?bel(?:d|t|len)?", r"terugbellen", r"mobiel\w*", "gsm", "app me",
    "bereikbaar", "06 nummer",
    r"kom[oó]r\w+", r"(?:za|od)?dzwo[nń]\w*", r"dodzwon\w+", r"kontakt\w*", "puhelin", "mobilnr",
    "tlf",
    r"τηλ\w*", r"тел\w*",
)  # fmt: skip
# Words for any number: believed of what is long, or grouped as numbers are dialled.
_ANY_NUMBER = words(
    "numbers?",
    "num",
    "nummer",
    "numéro",
    "número",
    "numero",
    "numeru?",
    "contacts?",
    "details",
)
# Words that announce as many orders and invoices as telephones: only the number's shape decides.
_ORDERS = words(
    "order", "orders", "invoice", "bestellung", "bestellnummer", "rechnung", "commande", "facture",
    "pedido", "factura", "fatura", "ordine", "fattura", "zamówieni\\w+", "faktur\\w+", "bestelling",
    "factuur", "ticket", "case", "sku", "isbn", "ean", "article", "artikel", "serial", "tracking",
    "version", "build", "port", "pid", "row", "rows", "line", "ref", "reference", "iban", "card",
    "bytes", "euros?", "eur", "usd", "account", "konto", "bsn", "nif", "ssn", "pesel", "dni", "id",
)  # fmt: skip
_GAP = r"(?:[ \u00a0\u2011.\-/]| / | - )"
_INTERNATIONAL = re.compile(
    rf"(?<![\w+])(?:\+|00(?=[1-9])|\(\+)\(?\d(?:(?:{_GAP}|[()]){{0,3}}\d){{5,24}}(?!(?!x\d)\w)"
)
_NORTH_AMERICAN = re.compile(
    rf"(?<![\w+.\-])(?:1{_GAP})?(?:\([2-9]\d\d\) ?|[2-9]\d\d{_GAP})[2-9]\d\d{_GAP}\d{{4}}(?![\w])"
    r"(?!-\d|\.\d)(?:(?: ?x| ext\.?) ?\d{1,6})?"
)
_TRUNK_ZERO = re.compile(
    rf"(?<![\w+.\-:/])\(?0[1-9]\d{{0,4}}\)?(?:(?:{_GAP}"
    rf"|[()]){{1,2}}\d{{2,8}}){{1,5}}(?![\w:])(?!-\d)"
)
# Grouped, or begun, as nothing but telephones are; whether they are must still be proven.
_UNMISTAKABLE = re.compile(
    r"(?<![\w+.\-:/])(?:0[1-9]\d{8,9}|[2-9]\d \d{3} \d\d \d\d|3\d\d[ ./\-]\d{6,7}"
    r"|[679]\d\d[.\-]\d{3}[.\-]\d{3})"
    r"(?![\w])(?!-\d|\.\d)"
)
_IN_CONTEXT = re.compile(rf"(?<![\w+.\-])\(?\d(?:(?:{_GAP}|[()]){{0,2}}\d){{6,14}}(?![\w])")
# What a postal code is called; eight digits of one are dialled in no country that writes it so.
_POSTAL = re.compile(
    r"(?<![^\W_])(?:cep|zip(?: ?code)?|plz|postleitzahl|post ?code|postal ?code|code postal"
    r"|c[óo]digo postal|kod pocztowy)[ :#.=\"']{1,4}\Z",
    re.IGNORECASE,
)
_COUNTING = "01234567890123456789"
# Another telephone in the same breath.
_BESIDE = re.compile(r"\+\d{2}")
_GROUP = re.compile(r"\d+\)?")
_DATE_LIKE = re.compile(r"(?:19|20)\d\d[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)\d\d\b")
_WINDOW = re.compile(r"[0-9](?:[^0-9]{0,3}+[0-9]){5,}+")
_NEEDS = r"[0-9](?:[^0-9]{0,3}[0-9]){5}"


class PhoneRecogniser:
    """Telephone numbers of the configured regions, and of any region with a country code."""

    needs = _NEEDS
    reach = 96

    def __init__(self, regions: Sequence[str] = REGIONS) -> None:
        self._regions = tuple(regions)

    def listens(self, key: str) -> bool:
        """Hear words for telephones."""
        return _CONTEXT.search(spaced(key)) is not None

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give every number; a number in several shapes may be given more than once."""
        windows = list(self._windows(passage.text, start, end))
        for match in _in(_INTERNATIONAL, passage, windows):
            yield from self._international(match)
        for match in _in(_NORTH_AMERICAN, passage, windows):
            yield self._span(match.start(), match.end(), 0.75)
        announced: set[int] = set()
        for match in _in(_IN_CONTEXT, passage, windows):
            if self._is_announced(passage, match) and self._dialled(match[0]):
                announced.update(match.span())
                yield self._span(match.start(), match.end(), 0.8)
        for shape, proves, score in (
            (_TRUNK_ZERO, self._is_national, 0.7),
            (_UNMISTAKABLE, self._is_mobile, 0.6),
        ):
            for match in _in(shape, passage, windows):
                # Proving costs most, and what was announced needs no proof.
                if not announced.issuperset(match.span()) and proves(match[0]):
                    yield self._span(match.start(), match.end(), score)

    def _windows(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give where digits stand close enough; a sign or two may precede the first."""
        for window in _WINDOW.finditer(text, start, end + self.reach):
            if window.start() >= end:
                return
            yield max(start - 4, window.start() - 4, 0), window.end()

    def _is_announced(self, passage: Passage, match: re.Match[str]) -> bool:
        """Tell by the words near by; those of an order are nearer than those of a telephone."""
        begin, end = match.span()
        if not near(passage, begin, end, _CONTEXT) and not self._is_likely(passage, match):
            return False
        close = passage.text[max(0, begin - 24) : begin]
        return not _ORDERS.search(close) or bool(_CONTEXT.search(close))

    def _is_likely(self, passage: Passage, match: re.Match[str]) -> bool:
        """Without a word for telephones: beside another one, or called a number and dialled so."""
        text, (begin, end) = passage.text, match.span()
        if _BESIDE.search(text, max(0, begin - 40), begin) or _BESIDE.search(text, end, end + 40):
            return self._is_national(match[0])
        if len(digits_of(match[0])) < 9 or not near(passage, begin, end, _ANY_NUMBER):
            return False
        return not match[0].isdigit() or match[0][0] == "0" or self._is_national(match[0])

    def _span(self, start: int, end: int, score: float) -> Span:
        return Span(start, end, "PHONE_NUMBER", score, "phone")

    def _international(self, match: re.Match[str]) -> Iterator[Span]:
        """Take the longest beginning that a plan allows: what follows may be another number."""
        window = match[0]
        for end in sorted((m.end() for m in _GROUP.finditer(window)), reverse=True):
            if _possible("+" + digits_of(window[:end]).removeprefix("00")):
                yield self._span(match.start(), match.start() + end, 0.9)
                return

    def _is_national(self, window: str) -> bool:
        if _DATE_LIKE.search(window) or not 8 <= len(digits_of(window)) <= 13:
            return False
        return any(_valid(window, region) for region in self._regions)

    def _is_mobile(self, window: str) -> bool:
        """Tell a mobile number, or one whose groups are those of a telephone."""
        if not window.isdigit():
            return not _DATE_LIKE.search(window) and self._is_national(window)
        return any(_valid(window, region, mobile=True) for region in self._regions)

    def _dialled(self, window: str) -> bool:
        """In context, any plausible length will do: plans differ and people mistype."""
        if digits_of(window) in _COUNTING:
            return False
        return not _DATE_LIKE.search(window) and 7 <= len(digits_of(window)) <= 15


def _in(
    shape: re.Pattern[str], passage: Passage, windows: Sequence[tuple[int, int]]
) -> Iterator[re.Match[str]]:
    """Give the matches of a shape in the windows; an extension may stand behind the last digit."""
    for first, last in windows:
        for match in shape.finditer(passage.text, first, last + 16):
            if match.start() < last and not _is_postal(passage, match.start()):
                yield match


def _is_postal(passage: Passage, start: int) -> bool:
    return _POSTAL.search(passage.text, max(0, start - 24), start) is not None


def _possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def _valid(window: str, region: str, *, mobile: bool = False) -> bool:
    try:
        number = phonenumbers.parse(window, region)
    except phonenumbers.NumberParseException:
        return False
    if mobile:
        return phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    return phonenumbers.is_valid_number(number)
