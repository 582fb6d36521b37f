"""Why somebody is not let in: a closed list of reasons, each with its sentence for people.

The law: a reason is all that is logged of a failed sign-in. What a provider or a browser sent
stands neither in a sentence nor in a log.
"""

from __future__ import annotations

from enum import StrEnum

from audit.errors import SignInRefused

__all__ = ["SENTENCES", "Refusal", "refused", "sentence"]


class Refusal(StrEnum):
    """The reasons, by the name that is logged."""

    UNREACHABLE = "provider_unreachable"
    STRANGE = "provider_invalid"
    DECLINED = "provider_declined"
    STATE = "state_unknown"
    CODE = "code_refused"
    MALFORMED = "token_malformed"
    ALGORITHM = "token_algorithm"
    KEY = "token_key_unknown"
    SIGNATURE = "token_signature"
    ISSUER = "token_issuer"
    AUDIENCE = "token_audience"
    NONCE = "token_nonce"
    TIME = "token_time"
    ROLE = "role_missing"
    SCOPE = "scope_missing"
    SIZE = "scope_too_large"


SENTENCES: dict[Refusal, str] = {
    Refusal.UNREACHABLE: "The sign-in service does not answer now. Try again in a moment.",
    Refusal.STRANGE: "The sign-in service describes itself in a way that cannot be used.",
    Refusal.DECLINED: "The sign-in service did not let you in, or you stopped there.",
    Refusal.STATE: (
        "This sign-in was not begun in this browser, was used before, or took longer than ten"
        " minutes."
    ),
    Refusal.CODE: "The sign-in service did not accept its own code from this service.",
    Refusal.MALFORMED: "The sign-in service sent a token that cannot be read.",
    Refusal.ALGORITHM: "The token is signed in a way that proves nothing here.",
    Refusal.KEY: "The token is signed with a key that the sign-in service does not name.",
    Refusal.SIGNATURE: "The token's signature is not that of the sign-in service.",
    Refusal.ISSUER: "The token was issued by another service.",
    Refusal.AUDIENCE: "The token was issued for another application.",
    Refusal.NONCE: "The token belongs to another sign-in.",
    Refusal.TIME: "The token's time is over, or has not come.",
    Refusal.ROLE: "You have no role in this reading room.",
    Refusal.SCOPE: "No consumer is assigned to you, so there is nothing you may read.",
    Refusal.SIZE: "More consumers are assigned to you, one by one, than a session can hold.",
}


def refused(reason: Refusal) -> SignInRefused:
    """Make the error for a reason, to be raised."""
    return SignInRefused(reason.value, sentence(reason))


def sentence(reason: Refusal) -> str:
    """Say it to whoever was refused."""
    return SENTENCES[reason]
