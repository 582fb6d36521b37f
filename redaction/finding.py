"""What detectors read and what they say: passages in, spans out.

A passage is text as a person would read it: escapes decoded, one JSON string or one prose text
at a time. A span says where in that passage something stands, in Unicode code points; it never
holds the text itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["BY_POLICY", "Passage", "Span"]

# Who found what the policy itself names: a whole field, or a value that always goes.
BY_POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Passage:
    """One stretch of clear text to look at.

    `key` is the JSON member or parameter the text is the value of, which often says what it is
    (`"ssn"`, `"password"`). `language` is an ISO 639-1 code, or None where it is not known; a
    detector then looks in every language it was configured for. `coded` says that the text is an
    identifier or a word of a vocabulary (`gpt-4o-mini`, `jailbreak.detected`): models of names are
    not asked about it, since they judge words by the sentence around them, and it has none.
    """

    text: str = field(repr=False)
    key: str | None = field(default=None, repr=False)
    language: str | None = None
    coded: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One detected stretch `[start, end)` of a passage, in code points.

    `score` is the detector's confidence from 0 to 1; whether it suffices is the policy's
    decision.
    """

    start: int
    end: int
    type: str
    score: float
    detector: str
