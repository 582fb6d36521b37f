"""Places on a map: coordinates precise enough to find a house, three decimals or seconds."""

from __future__ import annotations

import re

from redaction.detectors.recogniser import ShapeRecogniser, words

__all__ = ["PLACES"]

_CONTEXT = words(
    "lat", "latitude", "lon", "lng", "long", "longitude", "coordinates?", "coords?", "gps",
    "location",
    "position", "geo", "koordinaten", "standort", "breitengrad", "längengrad", "coordonnées",
    "coordenadas", "ubicación", "coordinate", "posizione", "coördinaten", "locatie", "współrzędne",
    "map", "maps", "near", "at", "from", "to", "ll", "q",
)  # fmt: skip
_DEGREES = r"[-+]?(?:[1-8]?\d|90)\.\d{3,8}"
_WIDE = r"[-+]?(?:1[0-7]\d|\d?\d|180)\.\d{3,8}"


def _on_earth(value: str) -> bool:
    """Tell a place from two small numbers of a vector."""
    north, east = (float(number) for number in re.findall(r"[-+]?\d+\.\d+", value)[:2])
    return abs(north) >= 1 and max(abs(north), abs(east)) >= 4


PLACES = (
    ShapeRecogniser(
        "coordinates", "COORDINATES",
        # Two numbers, and not two of many.
        re.compile(rf"(?<![\w.])(?<!\d[,;] )(?<!\d[,;])(?P<value>{_DEGREES} ?[,;/] ?{_WIDE})"
                   rf"(?!\w|\.\d|[,;] ?[-+]?\d)"),
        0.45, _on_earth, _CONTEXT, 0.75, telling=r"[0-9]\.[0-9]{3}",
    ),
    ShapeRecogniser(
        "degrees", "COORDINATES",
        re.compile(
            r"(?<![\w.])\d{1,3}\s?°\s?\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:\.\d{1,4})?\s?(?:[\"″”]"
            r"|'')\s?)?[NSns]"
            r"[,; ]{0,2}\s?\d{1,3}\s?°\s?\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:\.\d{1,4})?\s?(?:[\"″”]"
            r"|'')\s?)?[EWOewo]"
        ),
        0.85,
    ),
    ShapeRecogniser(
        "signed_degrees", "COORDINATES",
        re.compile(rf"(?<![\w.]){_DEGREES}\s?°?\s?[NSns]"
                   rf"[,; ]{{1,3}}{_WIDE}\s?°?\s?[EWOewo](?!\w)"), 0.85,
        telling=r"[0-9]\.[0-9]{3}",
    ),
    ShapeRecogniser(
        "named_degrees", "COORDINATES",
        re.compile(
            rf"\b(?:lat(?:itude)?|lon(?:gitude)?|lng)[\"']?\s?[:=]\s?[\"']?(?P<value>{_WIDE})(?!\d)",
            re.IGNORECASE,
        ),
        0.75,
    ),
)  # fmt: skip
