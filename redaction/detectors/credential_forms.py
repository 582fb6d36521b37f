"""Credentials by form: keys that their issuers made recognisable.

One row per form, named after its issuer. A prefix is the issuer's own promise, so a match is
believed without context; placeholders such as `sk-xxxxxxxx` fail the proof.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from redaction.detectors.recogniser import ShapeRecogniser
from redaction.detectors.telling_names import looks_chosen, looks_drawn

__all__ = ["FORMS"]


def _drawn(value: str) -> bool:
    """Tell a drawn value from a placeholder: enough different characters."""
    return len(set(value)) >= 8


def _unlike_words(value: str) -> bool:
    """Tell a drawn value from names of CSS classes and packages: `sk-folding-cube-container`."""
    return _drawn(value) and looks_drawn(value)


def _form(
    name: str, entity: str, pattern: str, *hints: str, proof: Callable[[str], bool] = _drawn
) -> ShapeRecogniser:
    compiled = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])")
    return ShapeRecogniser(name, entity, compiled, 0.95, proof, hints=hints)


def _field(
    name: str, entity: str, pattern: str, *hints: str, proof: Callable[[str], bool] = bool
) -> ShapeRecogniser:
    """Make a row whose value is a named group inside a longer, telling text."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return ShapeRecogniser(name, entity, compiled, 0.95, proof, hints=hints)


def _encoded(value: str) -> bool:
    """Tell base 64 from a word: `Basic Authentication` is no credential."""
    return value.endswith("=") or looks_drawn(value)


def _credential(value: str) -> bool:
    """Tell a header's value from code that names the header."""
    return not any(c in "[(" for c in value) and (len(value) >= 16 or looks_chosen(value))


FORMS: tuple[ShapeRecogniser, ...] = (
    _form("openai", "API_KEY", r"sk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_\-]{16,}+", "sk-",
          proof=_unlike_words),
    _form("openai_session", "API_KEY", r"(?:sess|org)-[A-Za-z0-9]{24,60}", "sess-", "org-",
          proof=_unlike_words),
    _form("stripe", "API_KEY", r"(?:sk|rk|pk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{16,}+",
          "sk_", "rk_", "pk_", "whsec_"),
    _form("aws_id", "API_KEY", r"(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}",
          "AKIA", "ASIA", "AROA", "AIDA", "AGPA", "ANPA", "ANVA", "ABIA", "ACCA"),
    _form("google", "API_KEY", r"AIza[A-Za-z0-9_\-]{35}", "AIza"),
    _form("google_oauth", "ACCESS_TOKEN", r"(?:ya29\.|GOCSPX-|1//0)[A-Za-z0-9_\-.]{20,}+",
          "ya29.", "GOCSPX-", "1//0"),
    _form("github", "ACCESS_TOKEN", r"(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{30,}+",
          "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    _form("gitlab", "ACCESS_TOKEN", r"gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_\-]{18,64}", "gl"),
    _form("slack", "ACCESS_TOKEN",
          r"(?:xox[abeoprs](?:\.xox[abp])?|xapp-\d)-[A-Za-z0-9\-]{10,}+",
          "xox", "xapp-"),
    _form("slack_hook", "SECRET",
          r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/]{20,120}",
          "hooks.slack.com"),
    _form("hugging_face", "ACCESS_TOKEN", r"hf_[A-Za-z0-9]{30,60}", "hf_"),
    _form("npm", "ACCESS_TOKEN", r"npm_[A-Za-z0-9]{36}", "npm_"),
    _form("pypi", "ACCESS_TOKEN", r"pypi-[A-Za-z0-9_\-]{50,}+", "pypi-"),
    _form("sendgrid", "API_KEY", r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{30,64}", "SG."),
    _form("mailgun", "API_KEY", r"key-[a-f0-9]{32}", "key-"),
    _form("twilio", "API_KEY", r"SK[a-f0-9]{32}", "SK"),
    _form("other_prefixes", "API_KEY",
          r"(?:gsk_|xai-|pplx-|r8_|nvapi-|tvly-|dop_v1_|shpat_|shpss_|sntrys_|lin_api_|ntn_)"
          r"[A-Za-z0-9_\-]{24,}+",
          "gsk_", "xai-", "pplx-", "r8_", "nvapi-", "tvly-", "dop_v1_", "shpat_", "shpss_",
          "sntrys_", "lin_api_", "ntn_"),
    _form("square", "ACCESS_TOKEN", r"(?:EAAA|sq0(?:atp|csp|idp)-)[A-Za-z0-9_\-]{22,80}",
          "EAAA", "sq0"),
    _form("databricks", "ACCESS_TOKEN", r"dapi[a-f0-9]{32}(?:-\d)?", "dapi"),
    _form("hashicorp", "ACCESS_TOKEN", r"hv[sbr]\.[A-Za-z0-9_\-]{24,}+", "hvs.", "hvb.", "hvr."),
    _form("telegram", "ACCESS_TOKEN", r"\d{8,10}:AA[A-Za-z0-9_\-]{33}", ":AA"),
    _form("azure_client_secret", "SECRET", r"[A-Za-z0-9_~.\-]{3}\dQ~[A-Za-z0-9_~.\-]{31,34}", "Q~"),
    _form("jwt", "ACCESS_TOKEN",
          r"eyJ[A-Za-z0-9_\-]{10,4000}+\.eyJ[A-Za-z0-9_\-]{8,}+(?:\.[A-Za-z0-9_\-]*+)?",
          "eyJ"),
    _form("jwe", "ACCESS_TOKEN",
          r"eyJ[A-Za-z0-9_\-]{10,4000}+(?:\.[A-Za-z0-9_\-]{0,20000}+){4}", "eyJ"),
    _field("pem", "PRIVATE_KEY",
           r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"
           r"(?:[^-]|-(?!----)){0,20000}+(?:-----END (?P=kind)-----)?",
           "PRIVATE KEY"),
    _field("connection_key", "CONNECTION_STRING",
           r"(?:AccountKey|SharedAccessKey|SharedSecret|SharedAccessSignature)\s?=\s?"
           r"(?P<value>[^\s;\"'<>,]{8,600})",
           "AccountKey", "accountkey", "SharedAccess", "sharedaccess", "SharedSecret"),
    _field("connection_password", "PASSWORD",
           r"(?:;|\b)(?:pwd|password)\s?=\s?(?P<value>[^\s;\"'<>&,){}]{4,200})\s?(?:;|$)", "="),
    _field("sas", "SECRET", r"[?&;](?:sig|signature|x-amz-signature|x-goog-signature)="
           r"(?P<value>[A-Za-z0-9%+/=_\-]{16,600})", "sig", "Sig"),
    _field("basic_auth_url", "PASSWORD",
           r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\"'<>]{0,100}+:(?P<value>[^\s/@\"'<>]{1,200}+)@",
           "://"),
    _field("bearer", "ACCESS_TOKEN",
           r"\bbearer[ :]{1,3}[\"']?"
           r"(?P<value>(?=[A-Za-z]{0,8000}[0-9._~+/=\-])[A-Za-z0-9._~+/=\-]{12,8000}"
           r"|(?-i:(?=[A-Z]*[a-z])(?=[a-z]*[A-Z])(?![A-Z]?[a-z]+\b)[A-Za-z]{16,8000}))",
           "earer", "EARER"),
    _field("authorization", "ACCESS_TOKEN",
           r"\bauthorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?:(?:basic|bearer|token|apikey|digest"
           r"|negotiate|sharedkey|sharedaccesssignature|aws4-hmac-sha256)\s{1,3})?"
           r"(?P<value>[^\s\"'<>{}$]{8,8000})",
           "uthorization", "UTHORIZATION", proof=_credential),
    _field("basic", "PASSWORD", r"\bbasic (?P<value>[A-Za-z0-9+/]{12,600}={0,2})(?![\w])(?=[^ ]|$)",
           "asic ", "ASIC ", proof=_encoded),
)  # fmt: skip
