"""Checksums: proofs that a number is an identifier and not just a number.

Each function takes the value without its punctuation and answers whether it holds. None raises
for any string.
"""

from __future__ import annotations

__all__ = [
    "iso7064_mod11_10",
    "luhn",
    "mod11_weighted",
    "mod97",
    "same_digit",
    "verhoeff",
]

_VERHOEFF_TURN = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B, the check digit last."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def mod97(value: str) -> bool:
    """ISO/IEC 7064 MOD 97-10, letters counting 10 to 35: the value leaves the remainder 1."""
    return int("".join(str(int(c, 36)) for c in value)) % 97 == 1


def iso7064_mod11_10(digits: str) -> bool:
    """ISO/IEC 7064 MOD 11,10, the check digit last."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def mod11_weighted(digits: str, weights: tuple[int, ...]) -> int:
    """Give the weighted sum of the digits modulo 11."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11


def same_digit(digits: str) -> bool:
    """Tell a filler (`0000 0000`) from a number."""
    return len(set(digits)) <= 1


def verhoeff(digits: str) -> bool:
    """Verhoeff's check over the dihedral group of order 10, the check digit last."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _dihedral(check, int(_VERHOEFF_TURN[place % 8][int(digit)]))
    return check == 0


def _dihedral(a: int, b: int) -> int:
    """Multiply in D5: rotations are 0 to 4, reflections 5 to 9."""
    turned = (a + b) % 5 if a < 5 else (a - b) % 5
    return turned + (5 if (a < 5) != (b < 5) else 0)
