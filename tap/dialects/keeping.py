"""What of a body may be kept, and in which form: media as digests, credentials not at all.

The law of this module: base64 never becomes text of a record, because no detector can see into
it; it becomes its type, its size and a keyed digest. The same goes for long runs of numbers.
Credentials that stand in bodies are replaced before anything else sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TypeAlias, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit, urlunsplit

from audit.digest import KeyedDigest
from audit.flags import Flag
from audit.parts import Extra, Media, Part, Text
from audit.value import Json
from tap.dialects.base64_text import DATA_URL, DECODERS, decode_base64, is_base64
from tap.dialects.stand_ins import LONG_RUN, StandIns, shortened
from tap.held import PIECE, Held
from tap.wire_json import clean_text, dump

__all__ = [
    "SECRET",
    "Digest",
    "Keeper",
    "bare_url",
    "decode_base64",
    "leads_to_secret",
    "leads_to_server",
    "masked",
]

Digest: TypeAlias = Callable[[bytes], str]
ReadT = TypeVar("ReadT")

SECRET = "[secret]"  # noqa: S105  # the mark that stands in a credential's place, not one

# Names that hold a credential wherever they stand: without the marks between their words, which
# one API writes as `api_key` and another as `apiKey`.
_SECRET_NAMES = frozenset(
    (
        *("accesstoken", "accountkey", "apikey", "authorization", "authorizationtoken"),
        *("clientsecret", "connectionstring", "embeddingkey", "encodedapikey"),
        *("fallbackcredittoken", "password", "refreshtoken", "sastoken"),
        *("secretaccesskey", "subscriptionkey"),
    )
)
# Names that hold one inside an object that is about authentication.
_GUARDED_NAMES = frozenset(("key", "token", "value", "secret"))
_GUARDS = frozenset(
    (
        *("authentication", "clientsecret", "datasources", "embeddingdependency"),
        "fallbackcredittoken",
    )
)

# The URL of a remote tool server: what follows the path can be a key.
_SERVER = "serverurl"

_STEPS = re.compile(r"[.\[\]]+")
# In queries: signatures, and the keys that gateways, functions and Google's services take there.
_SIGNATURE = re.compile(
    r"([?&](?:sig=|(?:code|key|api-?key|subscription-key|token)=(?=[^&\s\"'<>]{16})))[^&\s\"'<>]+",
    re.IGNORECASE,
)
_BASE64_MARK = ";base64,"
_NUMBERS = frozenset((bool, int, float))
# An embedding has 256 numbers or more, and token ids can spell out a text no detector reads.
_MANY_NUMBERS = 128


def bare_url(url: str) -> str:
    """The URL without query, fragment and user information; what cannot be split is dropped."""
    try:
        split = urlsplit(url)
        host = split.netloc.rpartition("@")[2]
        return clean_text(urlunsplit((split.scheme, host, split.path, "", "")))
    except ValueError:
        return ""


def leads_to_secret(path: str) -> bool:
    """Whether a path of names, apart by dots and brackets, leads to a credential."""
    *above, last = _names(path) or [""]
    guarded = any(name in _GUARDS or name in _SECRET_NAMES for name in above)
    # Beside what else the headers stood a path does not tell.
    return last in _SECRET_NAMES or (guarded and last in _GUARDED_NAMES) or "headers" in above


def leads_to_server(path: str) -> bool:
    """Whether a path leads to the URL of a tool server, whose query can be a key."""
    return _names(path)[-1:] == [_SERVER]


def _names(path: str) -> list[str]:
    """The names on a path; the numbers are places of lists."""
    return [_plain(name) for name in _STEPS.split(path) if name and not name.isdecimal()]


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


class Keeper:
    """Turns wire values into what a record may hold, and remembers what it had to leave out.

    `digest` is a keyed digest; `KeyedDigest` also digests what is never whole. `media` collects
    what was lifted out of JSON and of text; `flags` what went wrong.
    """

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self._stand_ins: StandIns | None = None
        self.media: list[Media] = []
        self.flags: set[Flag] = set()

    def shortened(self, content: bytes | Held) -> bytes:
        """Give a body without its long runs of base64; what stands in for them is known here."""
        if len(content) < LONG_RUN or not isinstance(self._digest, KeyedDigest):
            return bytes(content)
        data, self._stand_ins = shortened(Held.of(content), self._digest)
        return data

    def settled(self, value: Json) -> Json:
        """Give what was read of a shortened body, its long runs left out of nothing but media."""
        return value if self._stand_ins is None else self._stand_ins.settled(value)

    def whole(self, text: str) -> str:
        """Give a text of a shortened body as it was."""
        return text if self._stand_ins is None else self._stand_ins.whole(text)

    def restored(self, value: ReadT) -> ReadT:
        """Give what was made of a shortened body as the whole one would have made it."""
        return value if self._stand_ins is None else self._stand_ins.restored(value)

    def digest(self, data: bytes) -> str:
        """Digest raw bytes, as they were before their body was shortened."""
        return self._digest(self._whole_bytes(data))

    def _whole_bytes(self, data: bytes) -> bytes:
        return data if self._stand_ins is None else self._stand_ins.whole_bytes(data)

    def bytes_as_media(self, data: bytes, mime: str | None, name: str | None = None) -> Media:
        """Describe raw bytes."""
        data = self._whole_bytes(data)
        return _media(len(data), self._digest(data), mime, name)

    def held_as_media(self, held: Held, mime: str | None, name: str | None = None) -> Media:
        """Describe raw bytes that are held in pieces."""
        return _media(*self._digest_of(held.windows()), mime, name)

    def base64_as_media(self, text: str, mime: str | None, name: str | None = None) -> Media:
        """Describe base64 by the bytes it stands for; undecodable, by its own characters."""
        if self._stand_ins is not None and self._stand_ins.within(text):
            return self._large_as_media(partial(self._stand_ins.pieces, text), mime, name)
        if len(text) >= LONG_RUN and text.isascii():
            return self._large_as_media(partial(_pieces, text), mime, name)
        data = decode_base64(text)
        if data is None:
            self.flags.add(Flag.MEDIA_UNDECODABLE)
            data = clean_text(text).encode()
        return self.bytes_as_media(data, mime, name)

    def _large_as_media(
        self, pieces: Callable[[], Iterable[bytes]], mime: str | None, name: str | None
    ) -> Media:
        """The same in pieces, so that it is never copied, for as many readings as it takes."""
        for decoded in DECODERS:
            with suppress(ValueError):
                return _media(*self._digest_of(decoded(pieces())), mime, name)
        self.flags.add(Flag.MEDIA_UNDECODABLE)
        return _media(*self._digest_of(pieces()), mime, name)

    def _digest_of(self, pieces: Iterable[bytes]) -> tuple[int, str]:
        if isinstance(self._digest, KeyedDigest):
            return self._digest.of(pieces)
        joined = b"".join(pieces)
        return len(joined), self._digest(joined)

    def url_as_media(self, url: str, name: str | None = None) -> Media:
        """Describe what a URL points to, or what a `data:` URL holds."""
        url = url.strip()
        if url[:5].lower() != "data:" and is_base64(url):
            # Some clients leave the `data:` out.
            return self.base64_as_media(url, None, name)
        if url[:5].lower() != "data:":
            return Media(url=bare_url(url), name=clean_text(name) if name else None)
        head, _, rest = url.partition(",")
        head = head[5:]
        mime = head.partition(";")[0].strip().lower() or "text/plain"
        if head.lower().endswith(";base64"):
            return self.base64_as_media(rest, mime, name)
        return self.bytes_as_media(unquote_to_bytes(clean_text(rest)), mime, name)

    def text_parts(self, text: str) -> list[Part]:
        """A text, with the `data:` URLs inside it lifted out where they stood."""
        if _BASE64_MARK not in text:
            return [Text(text=clean_text(text))]
        parts: list[Part] = []
        at = 0
        for found in DATA_URL.finditer(text):
            parts.append(Text(text=clean_text(text[at : found.start()])))
            parts.append(self._held(found))
            at = found.end()
        parts.append(Text(text=clean_text(text[at:])))
        return [part for part in parts if part != Text(text="")] if at else parts

    def inline(self, text: str) -> str:
        """A text whose `data:` URLs are replaced by marks; the media go to `media`."""
        if _BASE64_MARK not in text:
            return clean_text(text)
        return clean_text(DATA_URL.sub(lambda found: self._mark(self._held(found)), text))

    def _held(self, found: re.Match[str]) -> Media:
        """What a `data:` URL inside a text holds."""
        mime = found[1].replace("\\", "") if found[1] else None
        return self.base64_as_media(found[2].replace("\\", ""), mime)

    def as_extra(self, name: str, value: Json, *, guarded: bool = False) -> Extra:
        """Keep an unknown value as the JSON text of `kept`; what its name tells counts too."""
        names = _names(name)
        if leads_to_secret(name):
            value = masked(value)
        elif isinstance(value, str) and names[-1:] == [_SERVER]:
            value = bare_url(value)
        guarded = guarded or any(each in _GUARDS or each in _SECRET_NAMES for each in names)
        return Extra(name=clean_text(name), text=dump(self.kept(value, guarded=guarded)))

    def kept(self, value: Json, *, guarded: bool = False) -> Json:
        """A JSON value without credentials, base64 and long runs of numbers.

        `guarded` says that it stands inside an object that is about authentication.
        """
        if isinstance(value, str):
            return self._kept_text(value)
        if isinstance(value, dict):
            return self._kept_object(value, guarded=guarded)
        if isinstance(value, list):
            if len(value) >= _MANY_NUMBERS and all(type(item) in (int, float) for item in value):
                return f"[numbers:{len(value)}:{self.digest(dump(value).encode())[:16]}]"
            return [self.kept(item, guarded=guarded) for item in value]
        return value

    def _kept_object(self, value: dict[str, Json], *, guarded: bool) -> dict[str, Json]:
        kept: dict[str, Json] = {}
        for name, inner in value.items():
            if inner is None or type(inner) in _NUMBERS:
                kept[clean_text(name)] = inner
                continue
            # A fold joins the names of what it found inside one another by dots.
            *above, plain = (_names(name) if "." in name else [_plain(name)]) or [""]
            within = guarded or any(each in _GUARDS for each in above)
            is_secret = plain in _SECRET_NAMES or (within and plain in _GUARDED_NAMES)
            if is_secret and isinstance(inner, str | list):
                kept[clean_text(name)] = self.kept(masked(inner), guarded=True)
            elif plain == _SERVER and isinstance(inner, str):
                kept[clean_text(name)] = bare_url(inner)
            elif plain == "headers" and isinstance(inner, dict) and _is_connection(value):
                kept[clean_text(name)] = {clean_text(header): SECRET for header in inner}
            else:
                about = within or is_secret or plain in _GUARDS
                kept[clean_text(name)] = self.kept(inner, guarded=about)
        return kept

    def _kept_text(self, text: str) -> str:
        if is_base64(text):
            return self._mark(self.base64_as_media(text, None))
        kept = self.inline(text)
        return _SIGNATURE.sub(rf"\1{SECRET}", kept) if "=" in kept else kept

    def _mark(self, media: Media) -> str:
        self.media.append(media)
        return f"[media:{(media.digest or '')[:16]}]"


def _pieces(text: str) -> Iterable[bytes]:
    return (text[at : at + PIECE].encode() for at in range(0, len(text), PIECE))


def _media(size: int, digest: str, mime: str | None, name: str | None = None) -> Media:
    named = clean_text(name) if name else None
    return Media(mime=mime, bytes=size, digest=digest, name=named)


def masked(value: Json) -> Json:
    """What stands under the name of a credential, without it: a string, or each of a list."""
    if isinstance(value, list):
        return [masked(each) for each in value]
    return SECRET if isinstance(value, str) and value else value


def _is_connection(value: dict[str, Json]) -> bool:
    """Whether an object describes a remote tool server, whose headers are credentials."""
    return value.get("type") == "mcp" or "server_url" in value or "server_label" in value
