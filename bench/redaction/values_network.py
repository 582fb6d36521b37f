"""Addresses of people and machines: e-mail, plain and obfuscated, users, IP, MAC."""

from __future__ import annotations

import ipaddress
import random

__all__ = ["email", "email_obfuscated", "handle", "ipv4", "ipv6", "mac"]

_WORDS = (
    "river",
    "maple",
    "north",
    "quartz",
    "ember",
    "harbor",
    "willow",
    "falcon",
    "lumen",
    "cedar",
    "atlas",
    "violet",
    "saffron",
    "granit",
    "brise",
    "solana",
    "wald",
    "kamien",
)
_NAMES = (
    "anna",
    "joao",
    "piotr",
    "sofie",
    "luca",
    "marta",
    "henk",
    "claire",
    "jose",
    "uwe",
    "agnes",
    "tomasz",
    "ines",
    "paul",
    "giulia",
    "bram",
    "nuno",
    "elena",
    "karl",
    "zofia",
)
_LASTS = (
    "berg",
    "nowak",
    "rossi",
    "silva",
    "dubois",
    "jansen",
    "garcia",
    "weber",
    "moreau",
    "lewis",
    "kowal",
    "conti",
    "pinto",
    "visser",
    "ruiz",
    "krause",
    "hughes",
    "leroy",
)
_ENDS = (
    "com",
    "org",
    "net",
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "nl",
    "pl",
    "co.uk",
    "com.br",
    "io",
    "eu",
    "example",
)


def handle(rng: random.Random) -> str:
    """Draw a user name as systems give them."""
    first, last = rng.choice(_NAMES), rng.choice(_LASTS)
    return rng.choice(
        [f"{first[0]}{last}", f"{first}.{last}", f"{first}{rng.randint(1, 99)}", f"{first}_{last}",
         f"{last}{first[0]}{rng.randint(1, 9)}"]
    )  # fmt: skip


def _host(rng: random.Random) -> str:
    host = f"{rng.choice(_WORDS)}{rng.choice(['', '-', ''])}{rng.choice(_WORDS)}"
    return f"{rng.choice(['', '', 'mail.'])}{host}.{rng.choice(_ENDS)}"


def email(rng: random.Random) -> str:
    """Draw an address, sometimes tagged, sometimes in capitals."""
    tag = rng.choice(["", "", "", f"+{rng.choice(_WORDS)}"])
    address = f"{handle(rng)}{tag}@{_host(rng)}"
    return address.title() if rng.random() < 0.05 else address


_OBFUSCATIONS = (
    (" [at] ", " [dot] "), ("[at]", "[dot]"), (" (at) ", " (dot) "), ("(at)", "."), (" at ",
                                                                                     " dot "),
    (" AT ", " DOT "), ("{at}", "{dot}"), (" @ ", " . "), ("_at_", "_dot_"), (" [at] ", "."),
)  # fmt: skip
_LOCAL_OBFUSCATIONS = {
    "de": ((" (at) ", " (punkt) "), (" ät ", " punkt ")),
    "fr": ((" [arobase] ", " [point] "), (" arobase ", " point ")),
    "es": ((" (arroba) ", " (punto) "), (" arroba ", " punto ")),
    "it": ((" (chiocciola) ", " (punto) "), (" chiocciola ", " punto ")),
    "pt": ((" (arroba) ", " (ponto) "), (" arroba ", " ponto ")),
    "nl": ((" (apenstaartje) ", " (punt) "), (" apenstaartje ", " punt ")),
    "pl": ((" (małpa) ", " (kropka) "), (" małpa ", " kropka ")),
}


def email_obfuscated(rng: random.Random, language: str) -> str:
    """Draw an address written so that no program finds it."""
    at, dot = rng.choice(_OBFUSCATIONS + _LOCAL_OBFUSCATIONS.get(language, ()))
    local = rng.choice([f"{rng.choice(_NAMES)}.{rng.choice(_LASTS)}", rng.choice(_NAMES)])
    host = (
        f"{rng.choice(_WORDS)}{rng.choice(_WORDS)}.{rng.choice(['com', 'org', 'net', 'de', 'eu'])}"
    )
    return f"{local.replace('.', dot if dot.strip() != '.' else '.')}{at}{host.replace('.', dot)}"


def ipv4(rng: random.Random) -> str:
    """Draw an address of a host, public or private."""
    while True:
        address = ipaddress.IPv4Address(rng.getrandbits(32))
        if (address.is_global or address.is_private) and not _names_no_host(address):
            return str(address)


def _names_no_host(address: ipaddress.IPv4Address) -> bool:
    special = address.is_loopback or address.is_multicast or address.is_reserved
    return special or address.packed[0] == 0 or address.packed[3] == 0


def ipv6(rng: random.Random) -> str:
    """Draw an address of a host, long, compressed or link-local."""
    tail = rng.getrandbits(64)
    head = rng.choice([0x2001 << 48 | rng.getrandbits(48), 0x2A02 << 48 | 0x8108 << 32,
                       0xFE80 << 48, 0xFD00 << 48 | rng.getrandbits(40)])  # fmt: skip
    address = ipaddress.IPv6Address(head << 64 | tail)
    return rng.choice([str(address), str(address), address.exploded])


def mac(rng: random.Random) -> str:
    """Draw a hardware address with colons, dashes or dots."""
    pairs = [f"{rng.randrange(256):02x}" for _ in range(6)]
    plain = "".join(pairs)
    dotted = f"{plain[:4]}.{plain[4:8]}.{plain[8:]}"
    form = rng.choice([":".join(pairs), ":".join(pairs), "-".join(pairs), dotted])
    return form if rng.random() < 0.5 else form.upper()
