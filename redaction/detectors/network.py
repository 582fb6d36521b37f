"""Network: IP and MAC addresses, told apart from versions, times and code."""

from __future__ import annotations

import ipaddress
import re

from redaction.detectors.recogniser import ShapeRecogniser, words

__all__ = ["IPV4", "IPV6", "MAC"]

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
# What stands before a version or a section: `v1.2.3.4`, `lib>=1.2.3.4`, `lib-1.2.3.4`, `§ 1.2.3.4`.
# Behind a hyphen only the end of a range of addresses is one.
_NO_VERSION = (
    r"(?<![\w.])(?<![=~^<>!]=)(?:(?<!\w-)|(?<=\.\d-)|(?<=\.\d\d-)|(?<=\.\d{3}-))"
    r"(?<!§ )(?<!§)"
)


def _says_where(value: str) -> bool:
    """Leave what names no host: loopback, unspecified, broadcast and netmasks.

    Nor does `119.0.0.0`, which is how browsers state their version (`Chrome/119.0.0.0`).
    """
    # Zeros may lead, which `ipaddress` does not take.
    address = ipaddress.IPv4Address(".".join(str(int(octet)) for octet in value.split(".")))
    nowhere = value.startswith("255.") or value.endswith(".0.0.0")
    return not (address.is_loopback or address.is_unspecified or nowhere)


def _is_ipv6(value: str) -> bool:
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return False
    # `abc::def` is also how several languages join names: three groups, one digit at least.
    groups = [group for group in value.split(":") if group]
    wide = len(groups) >= 3 or value.lower().startswith(("fe80:", "fd", "fc", "2"))
    return wide and any(c.isdigit() for c in value) and not address.is_loopback


IPV4 = ShapeRecogniser(
    name="ipv4",
    entity="IP_ADDRESS",
    # What comes first is the cheapest to miss, and most places of a text do.
    pattern=re.compile(rf"(?=\d{{1,3}}\.\d){_NO_VERSION}{_OCTET}(?:\.{_OCTET}){{3}}(?![\w]|\.\d)"),
    alone=0.85,
    telling=r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
    proof=_says_where,
    against=re.compile(
        r"(?<![^\W_])(?:versions?|ver|release|firmware|build|update|upgrade|section|chapter|clause|kapitel"
        r"|abschnitt|wersj\w+|versie|versione|versión|versão)[ :=]{1,3}v?\Z",
        re.IGNORECASE,
    ),
)

IPV6 = ShapeRecogniser(
    name="ipv6",
    entity="IP_ADDRESS",
    pattern=re.compile(
        r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)(?:[0-9A-Fa-f]{0,4}:){2,7}"
        rf"(?:{_OCTET}(?:\.{_OCTET}){{3}}|[0-9A-Fa-f]{{0,4}})(?![\w:])"
    ),
    alone=0.85,
    telling=r"[0-9A-Fa-f:]:[0-9A-Fa-f]{0,4}:",
    proof=_is_ipv6,
)

MAC = ShapeRecogniser(
    name="mac",
    entity="MAC_ADDRESS",
    pattern=re.compile(
        r"(?<![\w:-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
        r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![\w:-])"
    ),
    alone=0.85,
    telling=r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{2}\.[0-9A-Fa-f]{4}\.",
    proof=lambda value: len(set(value.lower()) - set(":-.")) > 1,
    context=words("mac", "ethernet", "wifi", "hardware address"),
)
