r"""Escapes decoded, with a map back: for each decoded character, where it began.

Two readings. A JSON string literal is decoded exactly. Any other text that shows escapes (code,
a JSON document that was cut, a URL) is decoded loosely, because what hides behind `\u0040` or
`%40` or `&#64;` is still an e-mail address; the reading is for detectors only and never reaches a
record.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

__all__ = ["decoded_json", "loosely_decoded"]

_JSON_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)",
    re.DOTALL,
)
_LOOSE_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}"
    r'|x[0-7][0-9a-fA-F]|[nrt"\'/\\])'
    r"|%(?:25){0,2}[2-7][0-9a-fA-F]|%[cCdDeEfF][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){1,3}"
    r"|&#(?:[0-9]{2,7}|[xX][0-9a-fA-F]{2,6});|&(?:commat|period|amp|colon|lowbar|hyphen|plus);"
)
_ENTITIES = {"commat": "@", "period": ".", "amp": "&", "colon": ":", "lowbar": "_", "hyphen": "-",
             "plus": "+"}  # fmt: skip
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_UNPAIRED = re.compile("[\ud800-\udfff]")


def decoded_json(text: str, start: int, end: int) -> tuple[str, Sequence[int]]:
    """Decode the JSON string literal whose content is `text[start:end]`.

    The map has one entry more than the decoded text has characters. A lone surrogate, which no
    other program could read either, becomes U+FFFD.
    """
    return _decode(text, start, end, _JSON_ESCAPE)


def loosely_decoded(text: str) -> tuple[str, Sequence[int]]:
    """Decode what looks like an escape of JSON, of a programming language or of a URL."""
    return _decode(text, 0, len(text), _LOOSE_ESCAPE)


def _decode(text: str, start: int, end: int, escapes: re.Pattern[str]) -> tuple[str, Sequence[int]]:
    pieces: list[str] = []
    origin = array("L")
    done = start
    for escape in escapes.finditer(text, start, end):
        pieces.append(text[done : escape.start()])
        origin.extend(range(done, escape.start() + 1))
        pieces.append(_meaning(escape[0]))
        done = escape.end()
    pieces.append(text[done:end])
    decoded = _UNPAIRED.sub("\ufffd", "".join(pieces))
    if not origin:
        return decoded, range(start, end + 1)
    origin.extend(range(done, end + 1))
    return decoded, origin


def _meaning(escape: str) -> str:
    """Give the one character an escape stands for."""
    if escape[0] == "%":
        return _percent(escape)
    if escape[0] == "&":
        return _entity(escape[1:-1])
    letter = escape[1]
    if letter == "u":
        return _code_point(escape)
    if letter == "x":
        return chr(int(escape[-2:], 16))
    return _SIMPLE.get(letter, letter)


def _percent(escape: str) -> str:
    """Give what octets of a URL stand for, encoded up to three times; else U+FFFD."""
    if len(escape) > 3 and escape[3] == "%":
        octets = bytes.fromhex(escape.replace("%", ""))
        decoded = octets.decode("utf-8", "replace")
        return decoded if len(decoded) == 1 else "\ufffd"
    return chr(int(escape[-2:], 16))


def _entity(name: str) -> str:
    """Give what an entity of HTML stands for; one beyond Unicode becomes U+FFFD."""
    if name[0] != "#":
        return _ENTITIES[name]
    point = int(f"0{name[1:]}", 0) if name[1] in "xX" else int(name[1:])
    return chr(point) if point <= 0x10FFFF else "\ufffd"


def _code_point(escape: str) -> str:
    high = int(escape[2:6], 16)
    if len(escape) == 12:
        low = int(escape[8:12], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    return chr(high)
