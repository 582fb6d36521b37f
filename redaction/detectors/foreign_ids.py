"""National numbers of more countries, one row each; most count only where a word names them.

Those whose form alone is rare enough count alone, when their check holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from redaction.detectors.checksums import luhn, mod11_weighted, same_digit
from redaction.detectors.prefilter import SEVEN_DIGITS
from redaction.detectors.recogniser import ShapeRecogniser, digits_of, words

__all__ = ["FOREIGN_IDS"]

_UNPROVEN = 0.2


def _row(
    name: str, entity: str, pattern: str, context: re.Pattern[str], *,
    alone: float = _UNPROVEN, proof: Callable[[str], bool] = bool,
    telling: str = "",
) -> ShapeRecogniser:  # fmt: skip
    compiled = re.compile(rf"(?<![\w.\-])(?:{pattern})(?![\w])(?!-\d|\.\d)", re.IGNORECASE)
    return ShapeRecogniser(
        name,
        entity,
        compiled,
        alone,
        proof,
        context,
        0.95,
        telling=telling or (SEVEN_DIGITS if alone >= 0.5 else None),
        reach=48,
    )


def _is_cnpj(value: str) -> bool:
    digits = digits_of(value)
    first = mod11_weighted(digits[:12], (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))
    second = mod11_weighted(digits[:13], (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))
    checks = "".join(str(0 if rest < 2 else 11 - rest) for rest in (first, second))
    return not same_digit(digits) and digits[12:] == checks


def _is_luhn(value: str) -> bool:
    digits = digits_of(value)
    return not same_digit(digits) and luhn(digits)


def _is_hetu(value: str) -> bool:
    """Finland: the remainder by 31 picks the last character."""
    digits = digits_of(value[:6] + value[7:10])
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == value[-1].upper()


def _is_tckn(value: str) -> bool:
    """Türkiye: two check digits over the odd and even places."""
    n = [int(c) for c in digits_of(value)]
    tenth = (7 * sum(n[0:9:2]) - sum(n[1:8:2])) % 10
    return n[0] != 0 and n[9] == tenth and n[10] == sum(n[:10]) % 10


def _is_cnp(value: str) -> bool:
    """Romania: weighted sum modulo 11."""
    rest = mod11_weighted(value[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9))
    return int(value[12]) == (1 if rest == 10 else rest)


def _is_rut(value: str) -> bool:
    """Chile: modulus 11, `K` for ten."""
    plain = "".join(c for c in value.upper() if c.isalnum())
    total = sum(int(c) * (2 + i % 6) for i, c in enumerate(reversed(plain[:-1])))
    return "0123456789K"[-total % 11] == plain[-1]


def _is_nric(value: str) -> bool:
    """Singapore: weighted sum, the series decides the letters."""
    total = sum(int(c) * w for c, w in zip(value[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    series = value[0].upper()
    total += {"T": 4, "G": 4, "M": 3}.get(series, 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "KLJNPQRTUWX"}.get(
        series, "XWUTRQPNMLK"
    )
    return letters[total % 11] == value[-1].upper() if series != "M" else True


_VAT = words(
    "p ?iva", "p\\.? ?iva", "partita iva", "vat", "vat no", "vat number", "vat id",
    "ust ?id(?:nr)?",
    "umsatzsteuer(?:-?id)?", "tva", "n° tva", "btw", "btw nummer", "(?-i:CIF)", "nipc", "regon",
    "siren", "siret", "(?-i:NIP)", "iva",
)  # fmt: skip

FOREIGN_IDS: tuple[ShapeRecogniser, ...] = (
    _row("br_cnpj", "BR_CNPJ", r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d", words("cnpj"), alone=0.9,
         proof=_is_cnpj),
    _row("it_vat", "IT_VAT_CODE", r"(?:IT ?)?\d{11}", _VAT, proof=_is_luhn),
    _row("eu_vat", "VAT_ID",
         r"(?:ATU|DE|FR[0-9A-Z]{2}|ES[A-Z0-9]|PT|PL|BE[01]|DK|LU|SE|FI|IE|GB|CZ|HU"
         r"|RO) ?\d{7,12}[A-Z]?"
         r"|NL ?\d{9}B\d\d|[A-HJ-NP-SUVW]\d{7}[0-9A-J]|\d{3}-\d{3}-\d\d-\d\d|\d{10}"
         r"|\d{3} \d{3} \d{3}(?: \d{5})?",
         _VAT),
    _row("de_pension", "DE_PENSION_ID", r"\d\d ?(?:[0-3]\d[01]\d\d\d) ?[A-Z] ?\d{3}",
         words("rv-?n(?:umme)?r", "rentenversicherungs?\\w*", "sozialversicherungs?\\w*",
               "sv-?nummer", "rvnr", "svnr",
               "versicherungsnummer")),
    _row("de_tax_number", "DE_TAX_NUMBER", r"\d{2,3}/\d{3}/\d{4,5}|\d{10,13}",
         words("steuernummer", "steuer-?nr", "st-?nr")),
    _row("at_svnr", "AT_SVNR", r"\d{4} ?[0-3]\d[01]\d\d\d",
         words("sozialversicherungs?\\w*", "svnr", "sv-?nummer", "versicherungsnummer")),
    _row("fr_tax", "FR_TAX_ID", r"[0-3]\d ?\d\d ?\d{3} ?\d{3} ?\d{3}",
         words("(?:numéro|identifiant) fiscal", "spi", "numéro d'impôt", "référence fiscale")),
    _row("uk_utr", "UK_UTR", r"\d{5} ?\d{5}", words("utr", "unique taxpayer reference",
                                                    "tax reference")),
    _row("us_ein", "US_EIN", r"\d\d-\d{7}", words("(?-i:EIN)", "employer identification", "tax id",
                                                  "fein")),
    _row("us_itin", "US_ITIN", r"9\d\d[- ]?[5-9]\d[- ]?\d{4}", words("itin", "taxpayer", "tax id")),
    _row("us_npi", "MEDICAL_LICENSE", r"[12]\d{9}", words("npi", "provider identifier")),
    _row("us_medicare", "US_MBI", r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]"
         r"[AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d\d", words("medicare", "mbi"), alone=0.6,
         telling=r"[1-9][A-Za-z][A-Za-z0-9][0-9]-?[A-Za-z]"),
    _row("ie_pps", "IE_PPS", r"\d{7}[A-W][ABWTXZ]?", words("(?-i:PPS)", "ppsn", "pps number")),
    _row("fi_hetu", "FI_HETU", r"[0-3]\d[01]\d\d\d[-+ABCDEFYXWVU]\d{3}[0-9A-Y]",
         words("hetu", "henkilötunnus"), alone=0.8, proof=_is_hetu),
    _row("dk_cpr", "DK_CPR", r"[0-3]\d[01]\d\d\d[- ]?\d{4}", words("cpr", "cpr-?(?:nr|nummer)")),
    _row("no_fnr", "NO_FNR", r"[0-7]\d[01]\d\d\d ?\d{5}", words("fødselsnummer", "fnr",
                                                                "personnummer")),
    _row("ro_cnp", "RO_CNP", r"[1-9]\d\d(?:0[1-9]|1[0-2])[0-3]\d{7}", words("cnp"), alone=0.5,
         proof=_is_cnp),
    _row("cz_rc", "CZ_RC", r"\d\d[0-8]\d[0-3]\d/\d{3,4}", words("rodné číslo", "rč", "rodne cislo"),
         alone=0.5),
    _row("gr_amka", "GR_AMKA", r"[0-3]\d[01]\d{3}\d{5}", words("amka", "αμκα", "afm", "αφμ")),
    _row("hu_taj", "HU_TAJ", r"\d{3} ?\d{3} ?\d{3}", words("taj", "taj szám", "adóazonosító")),
    _row("tr_tckn", "TR_TCKN", r"[1-9]\d{10}", words("tckn", "tc kimlik", "kimlik no",
                                                     "t\\.?c\\.? no"),
         proof=_is_tckn),
    _row("mx_curp", "MX_CURP", r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", words("curp"),
         telling=r"[A-Za-z]{4}[0-9]{6}",
         alone=0.9),
    _row("mx_rfc", "MX_RFC", r"[A-ZÑ&]{3,4}\d{6}[A-Z0-9]{3}", words("(?-i:RFC)"),
         telling=r"[A-Za-zÑñ&]{3}[0-9]{6}"),
    _row("cl_rut", "CL_RUT", r"\d{1,2}\.\d{3}\.\d{3}-[0-9K]", words("rut", "(?-i:RUN)"), alone=0.8,
         proof=_is_rut),
    _row("ar_cuit", "AR_CUIT", r"(?:20|23|24|27|30|33)-\d{8}-\d", words("cuit", "cuil"), alone=0.6),
    _row("latin_dni", "NATIONAL_ID", r"\d{1,2}\.\d{3}\.\d{3}(?:-[\dX])?|\d{7,10}",
         words("(?-i:DNI|CC|RG)", "cédula", "cedula", "identidad")),
    _row("sg_nric", "SG_NRIC", r"[STFGM]\d{7}[A-Z]", words("nric", "(?-i:FIN)"), alone=0.6,
         proof=_is_nric),
    _row("in_pan", "IN_PAN", r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", words("(?-i:PAN)", "pan card"),
         alone=0.5, telling=r"[A-Za-z]{5}[0-9]{4}"),
    _row("kr_rrn", "KR_RRN", r"\d\d[01]\d[0-3]\d-[1-8]\d{6}", words("rrn",
                                                                    "\uc8fc\ubbfc\ub4f1\ub85d\ubc88\ud638"),
         alone=0.7),



    _row("za_id", "ZA_ID", r"\d\d[01]\d[0-3]\d{5}[01]8\d", words("sa id", "id number", "id no"),
         proof=_is_luhn),
    _row("au_tfn", "AU_TFN", r"\d{3} ?\d{3} ?\d{2,3}", words("tfn", "tax file")),
    _row("au_medicare", "AU_MEDICARE", r"[2-6]\d{3} ?\d{5} ?\d(?:[ /-]?\d)?", words("medicare")),
)  # fmt: skip
