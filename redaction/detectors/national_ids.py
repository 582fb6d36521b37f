"""National identity and tax numbers: one row each, with its proof.

Numbers whose check leaves many innocent ones standing (a tenth, an eleventh) count only where a
word near by or the JSON key names them; the strong ones count alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from redaction.detectors.checksums import (
    iso7064_mod11_10,
    luhn,
    mod11_weighted,
    same_digit,
    verhoeff,
)
from redaction.detectors.prefilter import SEVEN_DIGITS
from redaction.detectors.recogniser import ShapeRecogniser, digits_of, words

__all__ = ["NATIONAL_IDS"]

_ALONE = r"(?<![\w.\-])(?:{})(?![\w])(?!-\d|\.\d)"
_UNPROVEN = 0.2
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CF_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
    2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
), strict=True))  # fmt: skip


def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(_ALONE.format(pattern), re.IGNORECASE)


def _is_ssn(value: str) -> bool:
    """SSA: no group is all zeros, the area is not 666."""
    digits = digits_of(value)
    return digits[:3] not in {"000", "666"} and digits[3:5] != "00" and digits[5:] != "0000"


def _is_nhs(value: str) -> bool:
    digits = digits_of(value)
    check = (11 - mod11_weighted(digits[:9], tuple(range(10, 1, -1)))) % 11
    return not same_digit(digits) and check == int(digits[9])


def _is_german_tax_id(value: str) -> bool:
    digits = digits_of(value)
    repeated = max(digits[:10].count(digit) for digit in digits[:10])
    return digits[0] != "0" and repeated in {2, 3} and iso7064_mod11_10(digits)


def _is_dni(value: str) -> bool:
    plain = "".join(c for c in value.upper() if c.isalnum())
    number = plain[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return _DNI_LETTERS[int(number) % 23] == plain[-1]


def _is_insee(value: str) -> bool:
    """INSEE: 97 minus the number modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    plain = "".join(c for c in value.upper() if c.isalnum())
    number = plain[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(number) % 97 == int(plain[13:])


def _is_codice_fiscale(value: str) -> bool:
    plain = value.upper()
    total = sum(
        _CF_ODD[c] if place % 2 == 0 else int(c, 36) - (10 if c.isalpha() else 0)
        for place, c in enumerate(plain[:15])
    )
    return chr(ord("A") + total % 26) == plain[15]


def _is_bsn(value: str) -> bool:
    digits = digits_of(value)
    return not same_digit(digits) and mod11_weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) == 0


def _is_pesel(value: str) -> bool:
    digits = digits_of(value)
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return total % 10 == 0 and 1 <= int(digits[2:4]) % 20 <= 12 and 1 <= int(digits[4:6]) <= 31


def _is_nif_pt(value: str) -> bool:
    digits = digits_of(value)
    check = 11 - mod11_weighted(digits[:8], (9, 8, 7, 6, 5, 4, 3, 2))
    return not same_digit(digits) and (check if check < 10 else 0) == int(digits[8])


def _is_cpf(value: str) -> bool:
    digits = digits_of(value)
    first = mod11_weighted(digits[:9], tuple(range(10, 1, -1))) * 10 % 11 % 10
    # The remainder of ten times a sum is ten times its remainder, modulo 11.
    second = mod11_weighted(digits[:10], tuple(range(11, 1, -1))) * 10 % 11 % 10
    return not same_digit(digits) and digits[9:] == f"{first}{second}"


def _is_ahv(value: str) -> bool:
    digits = digits_of(value)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return total % 10 == 0


def _is_belgian(value: str) -> bool:
    digits = digits_of(value)
    number, check = digits[:9], int(digits[9:])
    return check in {97 - int(number) % 97, 97 - int("2" + number) % 97}


def _luhn_proof(value: str) -> bool:
    digits = digits_of(value)
    return not same_digit(digits) and luhn(digits)


def _verhoeff_proof(value: str) -> bool:
    return verhoeff(digits_of(value))


def _is_dea(value: str) -> bool:
    """DEA: the sum of the odd digits and twice that of the even ones ends in the seventh."""
    digits = [int(digit) for digit in value[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


_SSN_WORDS = words("ssn", "ssns", "social security", "social security number", "social sec", "itin")
_NHS_WORDS = words("nhs", "nhs number", "nhs no", "health service")
_SIN_WORDS = words("(?-i:SIN|NAS)", "social insurance", "assurance sociale")
_AADHAAR_WORDS = words("aadhaar", "aadhar", "uidai")
_TAX_WORDS = words(
    "tax id", "steuer id", "steuerid", "idnr", "identifikationsnummer", "steuernummer",
    "steueridentifikationsnummer", "tin",
)  # fmt: skip


def _row(
    name: str, entity: str, pattern: re.Pattern[str], alone: float, proof: Callable[[str], bool],
    context: re.Pattern[str] | None = None, believed: float = 0.95, *, telling: str = "",
) -> ShapeRecogniser:  # fmt: skip
    # Numbers that count alone are looked for by their digits, the others by their context.
    sought = telling or (SEVEN_DIGITS if alone >= 0.5 else None)
    return ShapeRecogniser(
        name, entity, pattern, alone, proof, context, believed, reach=48, telling=sought
    )


NATIONAL_IDS: tuple[ShapeRecogniser, ...] = (
    _row("us_ssn", "US_SSN", _shape(r"\d{3}([ \-])\d\d\1\d{4}"), 0.85, _is_ssn,
                    _SSN_WORDS, 1.0),
    _row("us_ssn_bare", "US_SSN", _shape(r"\d{9}|\d{3}\.\d\d\.\d{4}"), _UNPROVEN,
                    _is_ssn, _SSN_WORDS),
    _row("us_dea", "MEDICAL_LICENSE",
                    _shape(r"[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}"), 0.4, _is_dea,
                    words("dea", "dea number", "medical license", "medical licence", "prescriber"),
                    1.0),
    _row("uk_nhs", "UK_NHS", _shape(r"\d{3} \d{3} \d{4}"), 0.6, _is_nhs,
                    _NHS_WORDS, 1.0),
    _row("uk_nhs_bare", "UK_NHS", _shape(r"\d{10}|\d{3}-\d{3}-\d{4}"), _UNPROVEN,
                    _is_nhs, _NHS_WORDS, 1.0),
    _row("uk_nino", "UK_NINO",
                    # Words of two letters are in every line: the digit is looked for first.
                    _shape(r"(?=[A-Z]{2} ?\d)(?!BG|GB|KN|NK|NT|TN|ZZ)"
                           r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
                           r"(?:(?: \d\d){3} [A-D]|\d{6} ?[A-D])"),
                    0.6, bool, words("national insurance", "nino", "ni number"),
         telling=r"[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2}"),
    _row("uk_licence", "DRIVER_LICENSE",
                    _shape(r"[A-Z9]{5}\d[0156]\d[0-3]\d{2}[A-Z9]{2}[A-Z0-9][A-Z]{2}"), 0.7,
                    lambda value: value.isupper(), telling=r"[A-Za-z9]{4}[0-9]{6}"),
    _row("de_tax_id", "DE_TAX_ID", _shape(r"\d\d ?\d{3} ?\d{3} ?\d{3}"), 0.5,
                    _is_german_tax_id, _TAX_WORDS, 1.0),
    _row("es_nif", "ES_NIF", _shape(r"\d{8}-?[A-HJ-NP-TV-Z]"), 0.75, _is_dni,
                    words("dni", "nif", "documento"), 1.0),
    _row("es_nie", "ES_NIE", _shape(r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]"), 0.8, _is_dni,
                    words("(?-i:NIE)", "n\\.?i\\.?e\\.?"), 1.0),
    _row("fr_insee", "FR_INSEE",
                    _shape(r"[1-478] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3}"
                           r" ?\d{3} ?\d\d"),
                    0.85, _is_insee, words("insee", "nir", "sécurité sociale", "secu"), 1.0),
    _row("it_fiscal_code", "IT_FISCAL_CODE",
                    _shape(r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z]"
                           r"[0-9LMNP-V]{3}[A-Z]"),
                    0.95, _is_codice_fiscale, telling=r"[A-Za-z]{6}[0-9LMNP-Vlmnp-v]{2}[A-Za-z]"),
    _row("nl_bsn", "NL_BSN", _shape(r"\d{9}|\d{4}[. ]\d\d[. ]\d{3}"), _UNPROVEN, _is_bsn,
                    words("bsn", "burgerservicenummer", "sofinummer"), 1.0),
    _row("pl_pesel", "PL_PESEL", _shape(r"\d{11}"), 0.5, _is_pesel,
                    words("pesel"), 1.0),
    _row("pt_nif", "PT_NIF", _shape(r"\d{3} ?\d{3} ?\d{3}"), _UNPROVEN, _is_nif_pt,
                    words("nif", "contribuinte", "número fiscal"), 1.0),
    _row("br_cpf", "BR_CPF", _shape(r"\d{3}\.\d{3}\.\d{3}-\d\d"), 0.95, _is_cpf,
                    words("cpf"), 1.0),
    _row("br_cpf_bare", "BR_CPF", _shape(r"\d{11}"), _UNPROVEN, _is_cpf,
                    words("cpf"), 1.0),
    _row("ch_ahv", "CH_AHV", _shape(r"756\.\d{4}\.\d{4}\.\d\d|756\d{10}"), 0.8, _is_ahv,
                    words("ahv", "avs", "navs"), 1.0),
    _row("be_nrn", "BE_NRN", _shape(r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d"), 0.9, _is_belgian),
    _row("se_pnr", "SE_PERSONNUMMER",
                    _shape(r"\d\d(?:0[1-9]|1[0-2])(?:[0-3]\d|[6-9]\d)[\-+]\d{4}"), 0.6, _luhn_proof,
                    words("personnummer", "samordningsnummer"), 1.0),
    _row("ca_sin", "CA_SIN", _shape(r"\d{3}([ \-])\d{3}\1\d{3}"), 0.5, _luhn_proof,
                    _SIN_WORDS, 1.0),
    _row("ca_sin_bare", "CA_SIN", _shape(r"\d{9}"), _UNPROVEN, _luhn_proof,
                    _SIN_WORDS, 1.0),
    _row("in_aadhaar", "IN_AADHAAR", _shape(r"[2-9]\d{3}([ \-])\d{4}\1\d{4}"), 0.6,
                    _verhoeff_proof, _AADHAAR_WORDS, 1.0),
    _row("in_aadhaar_bare", "IN_AADHAAR", _shape(r"[2-9]\d{11}"), _UNPROVEN,
                    _verhoeff_proof, _AADHAAR_WORDS, 1.0),
)  # fmt: skip
