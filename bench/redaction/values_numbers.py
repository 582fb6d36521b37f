"""Numbers that identify: cards, accounts and national numbers, drawn with right check digits.

Written without a look at the detectors' own checks, so that both cannot share a mistake. Every
function takes the run's `random.Random` and gives the number as people write it.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

__all__ = ["NUMBERS", "digits"]

Draw = Callable[[random.Random], str]


def digits(rng: random.Random, count: int, first: str = string.digits) -> str:
    """Draw so many digits, the first from `first`."""
    return rng.choice(first) + "".join(rng.choices(string.digits, k=count - 1))


def _letters(rng: random.Random, count: int, among: str = string.ascii_uppercase) -> str:
    return "".join(rng.choices(among, k=count))


def _grouped(value: str, sizes: tuple[int, ...], sign: str) -> str:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(value[at : at + size])
        at += size
    return sign.join(piece for piece in pieces if piece)


def _weighed(number: str, weights: range | tuple[int, ...]) -> int:
    return sum(int(n) * w for n, w in zip(number, weights, strict=True))


def _luhn(body: str) -> str:
    total = sum(sum(divmod(2 * int(n), 10)) for n in body[::-2]) + sum(int(n) for n in body[-2::-2])
    return str(-total % 10)


_CARDS = (("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16),
          ("3528", 16), ("36", 14), ("6304", 16))  # fmt: skip


def card(rng: random.Random) -> str:
    """Draw a payment card of one of the networks, spaced, dashed or bare."""
    prefix, length = rng.choice(_CARDS)
    body = prefix + digits(rng, length - 1 - len(prefix))
    number = body + _luhn(body)
    sizes = {15: (4, 6, 5), 14: (4, 6, 4)}.get(length, (4, 4, 4, 4))
    return _grouped(number, sizes, rng.choice(["", " ", " ", "-"]))


# Country: the BBAN's structure, `n` a digit, `a` a capital, `c` either (IBAN registry).
_IBANS = {
    "DE": "n18", "GB": "a4n14", "FR": "n10c11n2", "ES": "n20", "IT": "a1n10c12", "PT": "n21",
    "NL": "a4n10", "PL": "n24", "AT": "n16", "CH": "n5c12", "BE": "n12", "IE": "a4n14",
    "SE": "n20", "NO": "n11", "DK": "n14", "FI": "n14", "CZ": "n20", "LU": "n3c13", "GR": "n7c16",
    "HU": "n24", "RO": "a4c16", "TR": "n6c16", "AE": "n19", "SA": "n2c18", "MT": "a4n5c18",
}  # fmt: skip


def iban(rng: random.Random, country: str = "") -> str:
    """Draw an account number of a country, printed in fours or bare."""
    country = country or rng.choice(sorted(_IBANS))
    bban, structure = "", _IBANS[country]
    for kind, count in _parts(structure):
        among = {"n": string.digits, "a": string.ascii_uppercase}.get(
            kind, string.digits + string.ascii_uppercase
        )
        bban += _letters(rng, count, among)
    number = "".join(str(int(c, 36)) for c in f"{bban}{country}00")
    whole = f"{country}{98 - int(number) % 97:02d}{bban}"
    return rng.choice([whole, " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))])


def _parts(structure: str) -> list[tuple[str, int]]:
    spaced = structure.replace("n", " n").replace("a", " a").replace("c", " c")
    return [(piece[0], int(piece[1:])) for piece in spaced.split()]


def ssn(rng: random.Random) -> str:
    """Draw a US social security number of a possible area, group and serial."""
    area = rng.choice([n for n in range(1, 900) if n != 666])
    parts = (f"{area:03d}", f"{rng.randint(1, 99):02d}", f"{rng.randint(1, 9999):04d}")
    return rng.choice(["-", "-", "-", " "]).join(parts)


def nino(rng: random.Random) -> str:
    """Draw a UK national insurance number."""
    while True:
        prefix = _letters(rng, 1, "ABCEGHJKLMNOPRSTWXYZ") + _letters(rng, 1, "ABCEGHJKLMNPRSTWXYZ")
        if prefix not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}:
            break
    number = prefix + digits(rng, 6) + rng.choice("ABCD")
    return rng.choice([number, _grouped(number, (2, 2, 2, 2, 1), " ")])


def nhs(rng: random.Random) -> str:
    """Draw an NHS number (modulus 11)."""
    while True:
        body = digits(rng, 9, "4679")
        check = 11 - _weighed(body, range(10, 1, -1)) % 11
        if check != 10:
            number = body + str(check % 11)
            return rng.choice([_grouped(number, (3, 3, 4), " "), number])


def steuer_id(rng: random.Random) -> str:
    """Draw a German tax id: one digit twice, one not at all, ISO 7064 MOD 11,10."""
    while True:
        body = rng.sample(string.digits, 9)
        body.insert(rng.randrange(10), rng.choice(body))
        if body[0] != "0":
            break
    product = 10
    for n in body:
        product = (((product + int(n)) % 10) or 10) * 2 % 11
    number = "".join(body) + str((11 - product) % 10)
    return rng.choice([number, _grouped(number, (2, 3, 3, 3), " ")])


def nir(rng: random.Random) -> str:
    """Draw a French social security number with its key."""
    place = rng.choice([f"{rng.randint(1, 95):02d}", "2A", "2B"])
    head = f"{rng.choice('12')}{rng.randint(0, 99):02d}{rng.randint(1, 12):02d}"
    body = f"{head}{place}{rng.randint(1, 989):03d}{rng.randint(1, 999):03d}"
    plain = int(body.replace("2A", "19").replace("2B", "18"))
    number = f"{body}{97 - plain % 97:02d}"
    return rng.choice([number, _grouped(number, (1, 2, 2, 2, 3, 3, 2), " ")])


def dni(rng: random.Random) -> str:
    """Draw a Spanish DNI."""
    number = rng.randint(1_000_000, 99_999_999)
    return f"{number:08d}{rng.choice(['', '', '-'])}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def nie(rng: random.Random) -> str:
    """Draw a Spanish foreigner's number."""
    letter, number = rng.randrange(3), rng.randint(0, 9_999_999)
    check = "TRWAGMYFPDXBNJZSQVHLCKE"[(letter * 10_000_000 + number) % 23]
    sign = rng.choice(["", "", "-"])
    return f"{'XYZ'[letter]}{sign}{number:07d}{sign}{check}"


_CF_ODD = dict(zip(
    string.digits + string.ascii_uppercase,
    (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6,
     8, 12, 14, 16, 10, 22, 25, 24, 23),
    strict=True,
))  # fmt: skip


def codice_fiscale(rng: random.Random) -> str:
    """Draw an Italian fiscal code."""
    name = _letters(rng, 6, "BCDFGLMNPRSTVZ")
    born = f"{rng.randint(30, 99)}{rng.choice('ABCDEHLMPRST')}{rng.randint(1, 28):02d}"
    body = f"{name}{born}{rng.choice('ABCDEFGHL')}{rng.randint(100, 999)}"
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in body[1::2])
    return body + chr(65 + (sum(_CF_ODD[c] for c in body[0::2]) + even) % 26)


def cpf(rng: random.Random) -> str:
    """Draw a Brazilian CPF."""
    number = digits(rng, 9)
    for start in (10, 11):
        number += str(_weighed(number, range(start, 1, -1)) * 10 % 11 % 10)
    return rng.choice([f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}", number])


def cnpj(rng: random.Random) -> str:
    """Draw a Brazilian CNPJ."""
    number = digits(rng, 8) + "0001"
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = _weighed(number, weights) % 11
        number += str(0 if rest < 2 else 11 - rest)
    return f"{number[:2]}.{number[2:5]}.{number[5:8]}/{number[8:12]}-{number[12:]}"


def nif_pt(rng: random.Random) -> str:
    """Draw a Portuguese tax number."""
    body = digits(rng, 8, "12356")
    check = 11 - _weighed(body, range(9, 1, -1)) % 11
    number = body + str(check if check < 10 else 0)
    return rng.choice([number, _grouped(number, (3, 3, 3), " ")])


def bsn(rng: random.Random) -> str:
    """Draw a Dutch citizen service number (eleven test)."""
    while True:
        body = digits(rng, 8, "123456789")
        check = _weighed(body, range(9, 1, -1)) % 11
        if check < 10:
            return rng.choice([body + str(check), _grouped(body + str(check), (4, 2, 3), ".")])


def pesel(rng: random.Random) -> str:
    """Draw a Polish PESEL."""
    year, month, day = rng.randint(1940, 2009), rng.randint(1, 12), rng.randint(1, 28)
    body = f"{year % 100:02d}{month + (20 if year > 1999 else 0):02d}{day:02d}{digits(rng, 4)}"
    return body + str(-_weighed(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def partita_iva(rng: random.Random) -> str:
    """Draw an Italian VAT number."""
    body = digits(rng, 10, "01")
    return body + _luhn(body)


def ahv(rng: random.Random) -> str:
    """Draw a Swiss social insurance number (EAN-13 check)."""
    body = "756" + digits(rng, 9)
    number = body + str(-_weighed(body, (1, 3) * 6) % 10)
    return f"{number[:3]}.{number[3:7]}.{number[7:11]}.{number[11:]}"


NUMBERS: dict[str, Draw] = {
    "card": card, "iban": iban, "ssn": ssn, "nino": nino, "nhs": nhs, "steuer_id": steuer_id,
    "nir": nir, "dni": dni, "nie": nie, "cf": codice_fiscale, "cpf": cpf, "cnpj": cnpj,
    "nif_pt": nif_pt, "bsn": bsn, "pesel": pesel, "piva": partita_iva, "ahv": ahv,
}  # fmt: skip
