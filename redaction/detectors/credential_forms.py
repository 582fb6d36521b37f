"""Credentials by form: keys that their issuers made recognisable.

One row per form, named after its issuer. A prefix is the issuer's own promise, so a match is
believed without context; placeholders such as `sk-xxxxxxxx` fail the proof.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from redaction.detectors.drawn import looks_drawn
from redaction.detectors.recogniser import ShapeRecogniser, words

__all__ = ["FORMS"]

# A token of eight thousand characters is the longest that servers take in a header; a key in PEM
# has some thousands.
_REACH = 32_000
# What has a beginning and an end is followed however far that is.
_WHOLE_TEXT = 1 << 24
# How `{"` begins in base 64. The dots of such a token may be far from there.
_ENCODED_JSON = r"eyJ[A-Za-z0-9_\-]{10}"


def _drawn(value: str) -> bool:
    """Tell a drawn value from a placeholder: enough different characters."""
    return len(set(value)) >= 8


def _unlike_words(value: str) -> bool:
    """Tell a drawn value from names of CSS classes and packages: `sk-folding-cube-container`."""
    return _drawn(value) and looks_drawn(value)


def _cloud_secret(value: str) -> bool:
    """Tell forty drawn characters from a digest and from words in a path."""
    classes = (str.isupper, str.islower, str.isdigit)
    return all(any(map(each, value)) for each in classes) and len(set(value)) >= 20


def _form(
    name: str,
    entity: str,
    pattern: str,
    proof: Callable[[str], bool] = _drawn,
    telling: str | None = None,
) -> ShapeRecogniser:
    compiled = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])")
    return ShapeRecogniser(name, entity, compiled, 0.95, proof, reach=_REACH, telling=telling)


_PREFIXES = (
    r"gsk_|xai-|pplx-|r8_|nvapi-|tvly-|dop_v1_|doo_v1_|shpat_|shpss_|shpca_|sntrys_|sntryu_"
    r"|lin_api_|ntn_|secret_|figd_|PMAK-|glsa_|glc_|pscale_(?:tkn|pw)_|NRAK-|HRKU-|rubygems_"
    r"|dckr_pat_|sbp_|pul-|ATATT3|ATCTT3|AGE-SECRET-KEY-1|fo1_|cfut_|tskey-[a-z]{2,8}-|dp\.pt\."
    r"|dt0c01\.|eyJrIjoi|pat-[a-z]{2}\d-|PRIVATE-AAPI-|phc_|lsv2_[a-z]{2}_|hooks_|CFPAT-|napi_"
)

FORMS: tuple[ShapeRecogniser, ...] = (
    _form("openai", "API_KEY",
          r"sk-(?:(?:proj|svcacct|admin|ant-[a-z]{1,8}\d\d|or-v1|lf)-)?[A-Za-z0-9_\-]{16,}+",
          _unlike_words),
    _form("openai_session", "API_KEY", r"(?:sess|org)-[A-Za-z0-9]{24,60}", _unlike_words),
    _form("stripe", "API_KEY", r"(?:sk|rk|pk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{16,}+"),
    _form("aws_id", "API_KEY", r"(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}"),
    _form("google", "API_KEY", r"AIza[A-Za-z0-9_\-]{35}"),
    _form("google_oauth", "ACCESS_TOKEN", r"(?:ya29\.|GOCSPX-|1//0)[A-Za-z0-9_\-.]{20,}+"),
    _form("github", "ACCESS_TOKEN", r"(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{30,}+"),
    _form("gitlab", "ACCESS_TOKEN",
          r"(?:gl(?:pat|dt|rt|ptt|cbt|soat|agent|ft|imt)|GR1348941)-?[A-Za-z0-9_\-]{18,64}"),
    _form("slack", "ACCESS_TOKEN", r"(?:xox[abeoprs](?:\.xox[abp])?|xapp-\d)-[A-Za-z0-9\-]{10,}+"),
    _form("slack_hook", "SECRET",
          r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/]{20,120}"),
    _form("chat_hook", "SECRET",
          r"https://(?:discord(?:app)?\.com/api/webhooks/|[a-z0-9.\-]{1,60}\.webhook\.office\.com/)"
          r"[A-Za-z0-9_/@\-]{30,300}"),
    _form("discord", "ACCESS_TOKEN", r"[MNO][A-Za-z0-9]{23,27}\.[\w\-]{6}\.[\w\-]{27,40}",
          _unlike_words, r"[A-Za-z0-9]\.[\w\-]{6}\.[\w\-]"),
    _form("hugging_face", "ACCESS_TOKEN", r"(?:hf|api_org)_[A-Za-z0-9]{30,60}"),
    _form("npm", "ACCESS_TOKEN", r"npm_[A-Za-z0-9]{36}"),
    _form("pypi", "ACCESS_TOKEN", r"pypi-[A-Za-z0-9_\-]{50,}+"),
    _form("sendgrid", "API_KEY", r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{30,64}"),
    _form("mailgun", "API_KEY", r"key-[a-f0-9]{32}|[a-f0-9]{32}-us\d{1,2}"),
    _form("twilio", "API_KEY", r"(?:SK|AC)[a-f0-9]{32}"),
    _form("other_prefixes", "API_KEY", rf"(?:{_PREFIXES})[A-Za-z0-9_\-.]{{20,}}+", _unlike_words),
    _form("square", "ACCESS_TOKEN", r"(?:EAAA|EAACEdEose0cBA|sq0(?:atp|csp|idp)-)[\w\-]{22,200}",
          _unlike_words),
    _form("databricks", "ACCESS_TOKEN", r"dapi[a-f0-9]{32}(?:-\d)?"),
    _form("hashicorp", "ACCESS_TOKEN",
          r"hv[sbr]\.[A-Za-z0-9_\-]{24,}+|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{60,70}"),
    _form("telegram", "ACCESS_TOKEN", r"\d{8,10}:AA[A-Za-z0-9_\-]{33}"),
    _form("azure_client_secret", "SECRET", r"[A-Za-z0-9_~.\-]{3}\dQ~[A-Za-z0-9_~.\-]{31,34}"),
    # Keys that Azure has issued since 2024 say so at a fixed place.
    _form("azure_key", "API_KEY",
          r"[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{27}|[A-Za-z0-9+/]{76}(?:AzFu|AzSe|ACDb|APIM|\+ASt|\+ACR)"
          r"[A-Za-z0-9+/]{5,6}={0,2}"),
    ShapeRecogniser(
        "aws_secret", "SECRET",
        re.compile(r"(?<![A-Za-z0-9/+=_\-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_\-])"), 0.3,
        _cloud_secret, words("aws", "amazon", "s3", "iam", "secrets?", "secret access key"), 0.85,
    ),
    _form("jwt", "ACCESS_TOKEN",
          r"eyJ[A-Za-z0-9_\-]{10,4000}+\.eyJ[A-Za-z0-9_\-]{8,}+(?:\.[A-Za-z0-9_\-]*+)?",
          telling=_ENCODED_JSON),
    _form("jwe", "ACCESS_TOKEN", r"eyJ[A-Za-z0-9_\-]{10,4000}+(?:\.[A-Za-z0-9_\-]{0,20000}+){4}",
          telling=_ENCODED_JSON),
    ShapeRecogniser(
        "pem", "PRIVATE_KEY",
        re.compile(
            r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"
            r"(?:[^-]|-(?!----))*+(?:-----END (?P=kind)-----)?",
            re.IGNORECASE,
        ),
        0.95, reach=_WHOLE_TEXT,
    ),
    ShapeRecogniser(
        "putty", "PRIVATE_KEY",
        re.compile(r"PuTTY-User-Key-File-\d: [^\0]{0,8000}?Private-MAC: [0-9a-f]{20,80}"), 0.95,
        reach=_REACH, telling="PuTTY-User-Key-File-",
    ),
)  # fmt: skip
