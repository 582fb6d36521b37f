"""What became of a text that a policy was tried on, as one line of JSON.

The law: pure ASCII, so that whatever cuts lines cuts them where they end; a text may hold other
characters that some programs take for a line's end.
"""

from __future__ import annotations

import json

from audit.value import Json
from redaction.policy import Action
from redaction.trial import Place, RedactedText

__all__ = ["trial_json"]


def trial_json(made: RedactedText, *, everything: bool) -> bytes:
    """Give the line. With `everything` it lists also what was found and left standing."""
    shown = [each for each in made.places if everything or each.action is not Action.KEEP]
    findings = [_finding(each, everything) for each in shown]
    return json.dumps({"text": made.text, "findings": findings}).encode() + b"\n"


def _finding(place: Place, everything: bool) -> Json:
    told: Json = {
        "start": place.start,
        "end": place.end,
        "type": place.type,
        "score": place.score,
        "detector": place.detector,
    }
    if everything:
        told["action"] = place.action.value
    return told
