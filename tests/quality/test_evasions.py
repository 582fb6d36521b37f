"""Each way to hide a value is seen through, and by the layer that is there for it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator

import msgspec
import pytest

from redaction.build import build_detectors
from redaction.detector import Detector
from redaction.detectors.mail_obfuscated import ObfuscatedMailRecogniser
from redaction.detectors.recogniser import ShapeRecogniser
from redaction.policy_file import default_policy
from redaction.texts import covered
from tests.quality.evasions import EVASIONS, Evasion

# Names around a disguised value would be found too: here it is about the value.
POLICY = msgspec.structs.replace(
    default_policy(), required=tuple(each for each in default_policy().required if each != "names")
)


@functools.cache
def _detectors() -> list[Detector]:
    return build_detectors(POLICY, {})[0]


def _covers(text: str) -> list[tuple[int, int]]:
    (spans,) = asyncio.run(covered([text], POLICY, _detectors()))
    return [(span.start, span.end) for span in spans]


def _nothing(*_: object) -> Iterator[object]:
    return iter(())


def _as_it_is(text: str, *bounds: int) -> tuple[str, range]:
    start, end = bounds or (0, len(text))
    return text[start:end], range(start, end + 1)


def _deaf(kind: type, name: str | None = None) -> Callable[[pytest.MonkeyPatch], None]:
    """Make recognisers of a kind find nothing: all, or the one of that name."""

    def remove(patch: pytest.MonkeyPatch) -> None:
        find = kind.find  # type: ignore[attr-defined] # every recogniser has it

        def silent(self: object, *given: object) -> Iterator[object]:
            silenced = name is None or getattr(self, "name", None) == name
            return _nothing() if silenced else find(self, *given)

        patch.setattr(kind, "find", silent)

    return remove


# What takes each layer away.
WITHOUT: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "normalise": lambda patch: patch.setattr("redaction.structure.normalised", _as_it_is),
    "obfuscated": _deaf(ObfuscatedMailRecogniser),
    "spelt out": _deaf(ShapeRecogniser, "spelt_out"),
    "encoded": lambda patch: patch.setattr("redaction.detectors.table_detector.runs", _nothing),
    "tables": lambda patch: patch.setattr("redaction.detectors.table_detector.cells", _nothing),
    "escapes": lambda patch: (
        patch.setattr("redaction.structure.loosely_decoded", _as_it_is),
        patch.setattr("redaction.structure.decoded_json", _as_it_is),
    )[0],
}


@pytest.mark.parametrize("row", EVASIONS, ids=lambda row: row.name)
def test_a_disguised_value_is_cut_out_exactly(row: Evasion) -> None:
    """It is found, and the finding leads back to just the characters that were written."""
    assert _covers(row.text) == [row.span]


@pytest.mark.parametrize("row", EVASIONS, ids=lambda row: row.name)
def test_without_its_layer_it_would_be_missed(
    row: Evasion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row proves the layer: something of the value stays when the layer is gone."""
    WITHOUT[row.layer](monkeypatch)
    start, end = row.span
    hidden = {place for first, last in _covers(row.text) for place in range(first, last)}
    assert not set(range(start, end)) <= hidden
