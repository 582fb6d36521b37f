"""Credentials in the forms of their issuers, and passwords as people choose them."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

from bench.redaction.values_network import handle
from bench.redaction.values_numbers import digits

__all__ = ["CREDENTIALS", "password"]

Draw = Callable[[random.Random], str]
_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_URL64 = _ALNUM + "-_"


def _drawn(rng: random.Random, count: int, among: str = _ALNUM) -> str:
    return "".join(rng.choices(among, k=count))


def _form(prefix: str, count: int, among: str = _ALNUM, suffix: str = "") -> Draw:
    return lambda rng: prefix + _drawn(rng, count, among) + suffix


def _one_of(*drawers: Draw) -> Draw:
    return lambda rng: rng.choice(drawers)(rng)


_UPPER32 = string.ascii_uppercase + "234567"


def _base64(rng: random.Random, count: int) -> str:
    return base64.b64encode(rng.randbytes(count)).decode()


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(rng: random.Random) -> str:
    """Draw a signed web token."""
    head = {"alg": rng.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    claims = {"sub": handle(rng), "iat": rng.randint(1_600_000_000, 1_800_000_000)}
    pieces = [_url64(json.dumps(part).encode()) for part in (head, claims)]
    return ".".join([*pieces, _url64(rng.randbytes(rng.choice([32, 64])))])


def private_key(rng: random.Random) -> str:
    """Draw a PEM block of some lines."""
    kind = rng.choice(["RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED "])
    body = _base64(rng, rng.randint(120, 400))
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


_PASSWORD_WORDS = ("summer", "dragon", "monkey", "winter", "hockey", "orange", "sunset", "pepper",
                   "sonne", "soleil", "verano", "estate", "zima", "lente", "verao", "hase",
                   "kraków", "coffee", "ginger", "matrix", "falcon", "berlin",
                   "bonjour")  # fmt: skip


def password(rng: random.Random) -> str:
    """Draw a password as people choose them: a word made worse, or drawn characters."""
    word = rng.choice(_PASSWORD_WORDS)
    return rng.choice([
        f"{word.capitalize()}{rng.randint(10, 2030)}{rng.choice('!?#*$')}",
        f"{word}{rng.randint(1, 999)}",
        f"{word.capitalize()}_{rng.choice(_PASSWORD_WORDS)}{rng.randint(1, 99)}",
        word.replace("o", "0").replace("e", "3").replace("a", "@") + str(rng.randint(1, 99)),
        _drawn(rng, rng.randint(8, 16), _ALNUM + "!#$%*+?") + rng.choice("7Q!4"),
        f"{word}-{rng.choice(_PASSWORD_WORDS)}-{rng.randint(10, 99)}",
    ])  # fmt: skip


def _sas(rng: random.Random) -> str:
    return _base64(rng, 32).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


CREDENTIALS: dict[str, Draw] = {
    "aws_id": _one_of(_form("AKIA", 16, _UPPER32), _form("ASIA", 16, _UPPER32)),
    "aws_secret": _form("", 40, _ALNUM + "/+"),
    "azure_key": lambda rng: _base64(rng, 64),
    "azure_secret": lambda rng: f"{_drawn(rng, 3)}8Q~{_drawn(rng, 34, _ALNUM + '_.~-')}",
    "cognitive_key": _form("", 32, _HEX),
    "bus_key": lambda rng: _base64(rng, 32),
    "sas_sig": _sas,
    "google_key": _form("AIza", 35, _URL64),
    "google_oauth": _one_of(_form("ya29.a0", 60, _URL64), _form("GOCSPX-", 28, _URL64)),
    "github": _one_of(_form("ghp_", 36), _form("gho_", 36), _form("ghs_", 36),
                      lambda rng: f"github_pat_{_drawn(rng, 22)}_{_drawn(rng, 59)}"),
    "gitlab": _one_of(_form("glpat-", 20, _URL64), _form("gldt-", 20, _URL64)),
    "slack": _one_of(
        lambda rng: f"xoxb-{digits(rng, 12)}-{digits(rng, 13)}-{_drawn(rng, 24)}",
        lambda rng: f"xoxp-{digits(rng, 11)}-{digits(rng, 12)}-{_drawn(rng, 32, _HEX)}",
    ),
    "slack_hook": lambda rng: f"https://hooks.slack.com/services/T{_drawn(rng, 8, _UPPER32)}/"
                              f"B{_drawn(rng, 10, _UPPER32)}/{_drawn(rng, 24)}",
    "stripe": _one_of(_form("sk_live_", 24), _form("rk_live_", 24), _form("sk_test_", 24),
                      _form("whsec_", 32)),
    "openai": _one_of(_form("sk-proj-", 48), _form("sk-", 48), _form("sk-svcacct-", 60)),
    "anthropic": _one_of(_form("sk-ant-api03-", 93, _URL64, "AA"), _form("sk-ant-admin01-", 93,
                                                                         _URL64, "AA")),
    "npm": _form("npm_", 36),
    "pypi": _form("pypi-AgEIcHlwaS5vcmc", 140, _URL64),
    "hugging_face": _form("hf_", 34, string.ascii_letters),
    "sendgrid": lambda rng: f"SG.{_drawn(rng, 22, _URL64)}.{_drawn(rng, 43, _URL64)}",
    "twilio": _form("SK", 32, _HEX),
    "discord": lambda rng: f"M{_drawn(rng, 25)}.G{_drawn(rng, 5)}.{_drawn(rng, 38, _URL64)}",
    "digitalocean": _form("dop_v1_", 64, _HEX),
    "databricks": _form("dapi", 32, _HEX),
    "vault": _form("hvs.", 90, _URL64),
    "jwt": jwt,
    "private_key": private_key,
    "password": password,
    "url_password": lambda rng: _drawn(rng, rng.randint(8, 18), _ALNUM + "!_-"),
    "bearer": _one_of(_form("", 40), _form("", 64, _HEX), _form("", 43, _URL64)),
    "basic": lambda rng: base64.b64encode(f"{handle(rng)}:{password(rng)}".encode()).decode(),
    "secret_hex": _one_of(_form("", 32, _HEX), _form("", 64, _HEX), _form("", 40, _HEX)),
    "secret_mixed": _one_of(_form("", 20), _form("", 32), _form("", 43, _URL64)),
    "cookie": _one_of(_form("", 26), _form("s%3A", 32, _URL64)),
    "pin": lambda rng: f"{rng.randint(1000, 999999)}",
}  # fmt: skip
