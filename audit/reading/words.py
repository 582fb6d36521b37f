"""Values in words: how a record's numbers and codes are said to people.

Pure functions; what they give is safe to print. A code that is not known here is said as it
stands, so that a record of a later version can still be read.
"""

from __future__ import annotations

from audit.exchange import IdentitySource
from audit.flags import ENDING_DETAILS, FLAGS
from audit.reading.neutral import neutral_line
from audit.record import Review, Usage

__all__ = [
    "GAPS",
    "SOURCES",
    "UNKNOWN",
    "counted",
    "duration",
    "ending_detail",
    "flag",
    "gap",
    "place",
    "review",
    "tokens_used",
]

UNKNOWN = "-"
_TIMES = "\N{MULTIPLICATION SIGN}"

SOURCES: dict[IdentitySource, str] = {
    IdentitySource.VALIDATED_JWT: "from a token whose signature was checked",
    IdentitySource.UNVERIFIED_JWT: "from a token whose signature was not checked",
    IdentitySource.KEY_FINGERPRINT: "from the fingerprint of the key that was used",
    IdentitySource.HEADER: "from a header that the client chose",
    IdentitySource.NONE: "nothing in the request says who called",
}

GAPS: dict[str, str] = {
    "no_name_model": "people's names were not looked for: no detector of the policy reads them",
    "no_name_model.<language>": "the same, for parts in a language that no detector's model reads",
}
_UNREAD = "no_name_model."

_FLAGS: dict[str, str] = {str(code): text for code, text in FLAGS.items()}
_DETAILS: dict[str, str] = {str(code): text for code, text in ENDING_DETAILS.items()}


def flag(code: str) -> str:
    """Say a flag in a sentence."""
    return _FLAGS.get(code) or neutral_line(code)


def ending_detail(code: str) -> str:
    """Say an ending's detail in a sentence."""
    return _DETAILS.get(code) or neutral_line(code)


def gap(code: str) -> str:
    """Say in a sentence what the configuration could not see."""
    if code.startswith(_UNREAD):
        language = neutral_line(code.removeprefix(_UNREAD))
        return f"people's names were not looked for in a part whose language is `{language}`"
    return GAPS.get(code) or neutral_line(code)


def review(receipt: Review) -> str:
    """Say which policy read a record again, when, and what it found."""
    found = ", ".join(f"{count} {kind}" for kind, count in receipt.found.items())
    return neutral_line(f"{receipt.at[:19]}Z under {receipt.policy}: {found or 'nothing missed'}")


def duration(milliseconds: float | None) -> str:
    """Say a duration with the unit that fits: `85 ms`, `4.1 s`, `2 min 5 s`."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds} s"


def tokens_used(usage: Usage) -> str:
    """Say tokens in and out as `142→87`; `~` marks an estimate."""
    if usage.input is None and usage.output is None:
        return UNKNOWN
    about = "~" if usage.source == "estimated" else ""
    given = UNKNOWN if usage.input is None else usage.input
    made = UNKNOWN if usage.output is None else usage.output
    return f"{about}{given}→{made}"


def counted(counts: dict[str, int]) -> str:
    """Say how often each type was taken out, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return " ".join(f"{count}{_TIMES}{neutral_line(kind)}" for kind, count in ranked)


def place(path: str) -> str:
    """Say where a JSON Pointer leads: `turn 2`, `answer 1`, else its own steps."""
    match path.split("/")[1:]:
        case ["request", "messages", number, *_] if number.isdecimal():
            return f"turn {int(number) + 1}"
        case ["response", "outputs", number, *_] if number.isdecimal():
            return f"answer {int(number) + 1}"
        case steps:
            return neutral_line(".".join(steps))
