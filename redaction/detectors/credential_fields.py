"""Credentials by their place: in connection strings, headers, URLs and command lines.

The value itself has no form; what stands around it has, and only the value is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from redaction.detectors.drawn import looks_chosen, looks_drawn
from redaction.detectors.placeholders import is_placeholder
from redaction.detectors.prefilter import loosened
from redaction.detectors.recogniser import ShapeRecogniser

__all__ = ["FIELDS"]

_REACH = 16_000


def _given(value: str) -> bool:
    """Tell a value from a reference to one: `$PASSWORD`, `<password>`, `%s`."""
    return len(value) >= 3 and not is_placeholder(value)


def _encoded(value: str) -> bool:
    """Tell base 64 from a word: `Basic Authentication` is no credential."""
    return value.endswith("=") or looks_drawn(value)


def _credential(value: str) -> bool:
    """Tell a header's value from code that names the header."""
    return not any(c in "[(" for c in value) and (len(value) >= 16 or looks_chosen(value))


def _chosen(value: str) -> bool:
    return _given(value) and (looks_chosen(value) or len(value) >= 16)


# The alphabet of a value whose pattern ends with it, or with what closes it or its bound.
_BOUNDED = re.compile(
    r"(?P<letter>\[(?:[^\]\\]|\\.)+\])\{\d+,\d+\}\+?(?:=\{0,2\})?\)+(?:\(\?:.\|\(\?<=.*)?\Z"
)


def _field(
    name: str,
    entity: str,
    pattern: str,
    proof: Callable[[str], bool] = bool,
    telling: str | None = None,
    more: str | None = None,
) -> ShapeRecogniser:
    compiled = re.compile(pattern, re.IGNORECASE)
    bounded = _BOUNDED.search(pattern)
    letter = more or (bounded["letter"] if bounded else None)
    return ShapeRecogniser(
        name, entity, compiled, 0.95, proof, reach=_REACH, telling=telling,
        more=re.compile(letter, re.IGNORECASE) if letter else None,
    )  # fmt: skip


def _argument(name: str, before: str) -> tuple[ShapeRecogniser, ...]:
    """Give one row for each way of quoting what stands behind `before`."""
    ways = (r"'(?P<value>[^'\n]{3,8000}+)(?:'|(?<=[^'\n]{8000}))",
            r'"(?P<value>[^"\n]{3,8000}+)(?:"|(?<=[^"\n]{8000}))',
            r"(?P<value>[^\s'\";|&<>()]{3,200})")  # fmt: skip
    return tuple(_field(name, "PASSWORD", before + way, _given) for way in ways)


FIELDS: tuple[ShapeRecogniser, ...] = (
    _field("connection_key", "CONNECTION_STRING",
           r"(?:AccountKey|SharedAccessKey|SharedSecret|SharedAccessSignature"
           r"|InstrumentationKey)\s?=\s?"
           r"(?P<value>[^\s;\"'<>,]{8,600})"),
    _field("connection_password", "PASSWORD",
           r"(?:;|\b)(?:pwd|password)\s?=\s?(?P<value>[^\s;\"'<>&,){}]{4,200})\s?(?:;|$)", _given),
    # How mail providers print the password of an application.
    _field("app_password", "PASSWORD",
           r"pass(?:word|wort)?[\"']?\s{0,2}(?:[:=]|is|ist)\s{0,2}[\"']?"
           r"(?P<value>[a-z]{4}(?: [a-z]{4}){3})(?![a-z])"),
    _field("sas", "SECRET",
           r"[?&;](?:sig|signature|x-amz-signature|x-goog-signature|x-amz-security-token)="
           r"(?P<value>[A-Za-z0-9%+/=_\-]{16,1600})"),
    _field("query_key", "SECRET",
           r"[?&;](?:[\w\-]{0,20}(?:api[_-]?key|token|secret|passw(?:or)?d|pwd|auth|code|key))="
           r"(?P<value>[A-Za-z0-9%+/=_.~\-]{6,1600})", looks_drawn),
    _field("auth_pair", "PASSWORD",
           r"\bauth\s?=\s?\(\s?[\"'][^\"'\n]{1,60}[\"'],\s?[\"']"
           r"(?P<value>[^\"'\n]{4,200})[\"']", _given),
    _field("query_password", "PASSWORD",
           r"[?&](?:password|passwd|pwd|passphrase)=(?P<value>[^\s&\"'<>#]{4,200})", _given),
    _field("redis_auth", "PASSWORD", r"(?-i:\bAUTH) (?P<value>[^\s\"']{8,200})", looks_drawn),
    _field("basic_auth_url", "PASSWORD",
           r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\"'<>]{0,100}+:(?P<value>[^\s/@\"'<>;]{1,12000}+)"
           r"(?:@|(?<=[^\s/@\"'<>;]{12000}))",
           lambda value: not is_placeholder(value), "://"),
    _field("bearer", "ACCESS_TOKEN",
           r"\bbearer[ :]{1,3}[\"']?"
           r"(?P<value>(?=[A-Za-z]{0,8000}[0-9._~+/=\-])[A-Za-z0-9._~+/=\-]{12,8000}"
           r"|(?-i:(?=[A-Z]*[a-z])(?=[a-z]*[A-Z])(?![A-Z]?[a-z]+\b)[A-Za-z]{16,8000}))",
           more=r"[A-Za-z0-9._~+/=\-]"),
    _field("authorization", "ACCESS_TOKEN",
           r"\bauthorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?:(?:basic|bearer|token|apikey|digest"
           r"|negotiate|sharedkey|sharedaccesssignature|aws4-hmac-sha256|ssws|apikey|key"
           r"|zoho-oauthtoken|oauth"
           r"|genie-?key|splunk|pve-?api-?token=?|sso-key|hmac(?:-sha(?:1|256|512))?)\s{1,3})?"
           r"(?P<value>[^\s\"'<>{}$]{8,8000})", _credential),
    _field("basic", "PASSWORD", r"\bbasic (?P<value>[A-Za-z0-9+/]{12,600}={0,2})(?![\w])(?=[^ ]|$)",
           _encoded),
    _field("cookie", "SECRET",
           r"\b(?:[\w\-]{0,20}(?:sess(?:ion)?(?:[_-]?id)?|sid|auth|token|jwt"
           r"|connect\.sid)[\w\-]{0,12})="
           r"(?P<value>[A-Za-z0-9%._~+/\-]{16,4000}={0,2})", looks_drawn,
           loosened(r"(?:sess|sid|auth|token|jwt)[^=\s]*=", re.IGNORECASE)),
    _field("pair_at_host", "PASSWORD",
           r"(?<![\w/:.])[a-z_][\w.\-]{1,30}:(?P<value>[^\s:@/'\"()]{4,80})@(?=tcp\(|unix\("
           r"|[\w.\-]{1,60}:\d{2,5}\b)",
           _given, "@(?:tcp|unix)[(]|@[^\\s:]*:[0-9]"),
    _field("user_option", "PASSWORD",
           r"(?<![\w-])-u ['\"]?[\w.\-]{2,40}:(?P<value>[^\s'\"]{4,100})", _chosen),
    _field("set_password", "PASSWORD",
           r"\bset\s{1,3}password\b[^\n=]{0,80}=\s{0,2}(?:password\()?['\"]"
           r"(?P<value>[^'\"\n]{3,100})['\"]", _given),
    _field("constructor", "PASSWORD",
           r"\b(?:new\s{1,3}(?:PDO|mysqli)|mysqli?_connect|createConnection"
           r"|getConnection)\s?\([^)\n]{1,200},"
           r"\s{0,3}['\"][^'\"\n]{1,60}['\"],\s{0,3}['\"](?P<value>[^'\"\n]{4,100})['\"]", _chosen),
    _field("seed_phrase", "SECRET",
           r"\b(?:seed|recovery|mnemonic|backup|secret)[ -](?:phrase"
           r"|words)\b[^\n:=]{0,24}?(?:[:=]|\bis|\bare)\s{0,2}[\"']?"
           r"(?P<value>(?:[a-z]{3,8}[ ,\n]{1,2}){11,23}[a-z]{3,8})"),
    _field("npm_auth", "SECRET", r":_(?:authToken|password"
                                 r"|auth)\s?=\s?[\"']?(?P<value>[^\s\"'$]{8,400})"),
    _field("userinfo", "PASSWORD",
           r"\bcurl\b[^\n]{0,300}?\s(?:-u"
           r"|--user)[ =]['\"]?[^\s:'\"]{1,64}:(?P<value>[^\s'\"]{3,100})",
           _given),
    *_argument("ssh_password", r"\bsshpass\s{1,3}-p\s{0,2}"),
    *_argument("sql_password",
               r"\b(?:mysql|mariadb)[a-z]{0,8}\b[^\n|;]{0,200}?\s(?:-p|--password=)"),
    *_argument("cache_password", r"\bredis-cli\b[^\n|;]{0,200}?\s(?:-a|--pass)[ =]"),
    *_argument("login_password",
               r"\b(?:docker|podman|az|oc|cf|helm registry|skopeo|buildah|gh auth|twine|vault) "
               r"(?:login|upload)\b[^\n|;]{0,200}?\s(?:-p|--password|--passwd)[ =]"),
    *_argument("secure_string", r"ConvertTo-SecureString\s{1,3}(?:-String\s{1,3})?"),
    *_argument("identified_by", r"\bIDENTIFIED\s{1,3}(?:WITH\s{1,3}\S{1,40}\s{1,3})?BY\s{1,3}"
                                r"(?=['\"])"),
    *_argument("net_user", r"\bnet\s{1,3}use?r?\s{1,3}[\w.\-]{2,40}\s{1,3}(?=\S{1,40}\s{1,3}/add)"),
    _field("option", "PASSWORD",
           r"(?<![\w-])--?[a-z\-]{0,20}(?:password|passwd|passphrase|pass|pwd|secret|token"
           r"|key|connection-string)"
           r"[ =]['\"]?(?P<value>[^\s'\"]{4,400})", _chosen),
)  # fmt: skip
