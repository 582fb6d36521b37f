"""Building a redactor from a policy: the one place that knows which detectors exist.

Presidio and its models are imported and loaded here and not before, so that a command that does
not redact does not pay for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit.errors import SettingInvalid
from redaction.cache import Remembering
from redaction.detector import Detector
from redaction.detectors.patterns import PatternDetector
from redaction.detectors.secrets import SecretDetector
from redaction.policy import Policy
from redaction.redactor import Redactor

__all__ = ["NO_NAME_MODEL", "build_detectors", "build_redactor"]

# Said on every record, and at start, when no model looks for names of people; with `.` and a
# language, when none reads it and a part is written in it.
NO_NAME_MODEL = "no_name_model"
# What the model that ships was trained to read.
_SHIPPED = frozenset({"en", "de", "fr", "es", "it", "pt", "nl", "pl"})
# Detectors that read names in more languages than there are codes for here.
_READ_ALL = frozenset({"azure_language"})


def build_redactor(
    policy: Policy,
    *,
    spacy_models: Mapping[str, str] | None = None,
    pseudonym_key: bytes,
    remembered: int = 4096,
    given: Sequence[Detector] = (),
) -> Redactor:
    """Build a redactor with the detectors the policy names; loads what they need (a second).

    `spacy_models` maps languages to spaCy packages or folders; those that are not installed are
    not used and never fetched. `remembered` is how many passages each detector remembers. `given`
    are detectors that are made elsewhere, because they ask a service.
    Raises `SettingInvalid` when the policy names a detector that does not exist.
    """
    detectors, read = build_detectors(policy, spacy_models or {}, given)
    remembering = [Remembering(detector, remembered) for detector in detectors]
    gaps = () if read else (NO_NAME_MODEL,)
    names_in = read if read and not _asks_for_all(policy) else None
    return Redactor(policy, remembering, pseudonym_key=pseudonym_key, gaps=gaps, names_in=names_in)


def _asks_for_all(policy: Policy) -> bool:
    """Whether some detector of the policy reads names in whatever language there is."""
    return bool(_READ_ALL.intersection((*policy.required, *policy.optional)))


def build_detectors(
    policy: Policy, models: Mapping[str, str], given: Sequence[Detector] = ()
) -> tuple[list[Detector], frozenset[str]]:
    """Build the detectors that the policy names, and tell in which languages names are found."""
    detectors: list[Detector] = []
    read: frozenset[str] = frozenset()
    ready = {detector.name: detector for detector in given}
    for name in (*policy.required, *policy.optional):
        if name == "presidio":
            detector, languages = _presidio(policy, models)
            read |= languages
        elif name == "names":
            detector, read = _names(), read | _SHIPPED
        else:
            detector = ready.get(name) or _own(name)
        detectors.append(detector)
    return detectors, read


def _own(name: str) -> Detector:
    if name == "patterns":
        return PatternDetector()
    if name == "secrets":
        return SecretDetector()
    raise SettingInvalid(f"there is no detector called {name!r}")


def _names() -> Detector:
    # Imported late: spaCy and the weights take a second and 40 MB.
    from redaction.detectors.names import NameDetector  # noqa: PLC0415 - see above

    return NameDetector()


def _presidio(policy: Policy, models: Mapping[str, str]) -> tuple[Detector, frozenset[str]]:
    # Imported late: it costs a second, which policies without Presidio need not pay.
    from redaction.detectors.presidio import PresidioDetector  # noqa: PLC0415 - see above

    detector = PresidioDetector(policy.languages, models, policy.leave_out)
    return detector, detector.reads_names_in
