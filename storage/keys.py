"""Key material: made on the first start, read by those it is for, and bound to its data.

A keys folder (mode 0700) holds small files (mode 0600), each one line of base64:

    seal.pub            the workers' public key; all that a tap needs to seal
    seal.<key id>.key   a private key; old ones stay readable after a rotation
    fingerprint.key     32 bytes: HMAC key of consumers' fingerprints and keyed digests

The law of this module: a key is never replaced and never guessed. A folder is either complete or
made complete, by one process at a time; `seal.pub` comes last, so that a start that was cut short
begins again from what is there. A data folder remembers the keys it was made with, of the
fingerprint key a digest: under another one, consumers and commitments would not be recognised.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from audit.errors import KeyMissing, SettingInvalid, WrongKey
from audit.value import Value, from_json, prepare, to_json
from storage.key_files import held, write_new

__all__ = [
    "TapKeys",
    "WorkerKeys",
    "bind",
    "key_id_of",
    "load_tap_keys",
    "load_worker_keys",
    "make_keys",
    "prepare_keys",
    "tap_keys",
    "worker_keys",
]

KEY_BYTES = 32
PUBLIC = "seal.pub"
FINGERPRINT = "fingerprint.key"
BINDING = "binding"


@dataclass(frozen=True, slots=True)
class TapKeys:
    """What a tap may hold: it can seal and recognise, and cannot open."""

    key_id: str
    public_key: bytes = field(repr=False)
    fingerprint_key: bytes = field(repr=False)

    @property
    def fingerprint_id(self) -> str:
        """Name the fingerprint key: 16 hex digits of SHA-256 over `fingerprint` and the key."""
        return hashlib.sha256(b"fingerprint" + self.fingerprint_key).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class WorkerKeys:
    """What a worker holds: private keys by key id, raw 32 bytes each."""

    private_keys: Mapping[str, bytes] = field(repr=False)
    fingerprint_key: bytes = field(repr=False)

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of the keys whose data can be opened."""
        return frozenset(self.private_keys)


class _Binding(Value, frozen=True):
    """The keys a folder was made with; an earlier version left out `fingerprint_id`."""

    key_ids: tuple[str, ...] = ()
    fingerprint_id: str | None = None


def key_id_of(public_key: bytes) -> str:
    """Name a key: the first 16 hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def tap_keys(public_key: str, fingerprint_key: str) -> TapKeys:
    """Take a tap's keys as base64 text, as the environment gives them.

    Raises `SettingInvalid` naming which one is no key; the text itself is never shown.
    """
    public = _decoded(public_key, "the public key")
    return TapKeys(key_id_of(public), public, _decoded(fingerprint_key, "the fingerprint key"))


def worker_keys(private_keys: Sequence[str], fingerprint_key: str) -> WorkerKeys:
    """Take a worker's keys as base64 text. Raises `SettingInvalid` as `tap_keys` does."""
    raws = [_decoded(each, "a private key") for each in private_keys]
    return WorkerKeys(
        {key_id_of(_public_of(raw)): raw for raw in raws},
        _decoded(fingerprint_key, "the fingerprint key"),
    )


def load_tap_keys(folder: Path) -> TapKeys:
    """Read what a tap needs. Raises `KeyMissing`, `SettingInvalid`."""
    return tap_keys(_read(folder / PUBLIC), _read(folder / FINGERPRINT))


def load_worker_keys(folder: Path) -> WorkerKeys:
    """Read every private key of the folder. Raises `KeyMissing` when there is none."""
    files = _private_files(folder)
    if not files:
        raise KeyMissing(f"no private key (seal.*.key) is in the keys folder {folder}")
    return worker_keys([_read(file) for file in files], _read(folder / FINGERPRINT))


def make_keys(folder: Path) -> None:
    """Make what is not there yet, durably; safe when several processes start at once.

    Raises `SettingInvalid` when the folder cannot be written, or holds several private keys and
    nothing says which is current.
    """
    with held(folder):
        if not (folder / FINGERPRINT).exists():
            write_new(folder, FINGERPRINT, _encoded(os.urandom(KEY_BYTES)))
        if not (folder / PUBLIC).exists():
            write_new(folder, PUBLIC, _encoded(_private_key_of(folder)))


def prepare_keys(folder: Path, data: Path) -> None:
    """Make keys for a first start; never for a data folder that was made with others.

    Raises `KeyMissing` when `data` is bound and the keys folder lacks a key it was made with.
    """
    if (data / BINDING).exists():
        if not (folder / PUBLIC).exists() and not _private_files(folder):
            raise _gone(data, folder, "a key")
        if not (folder / FINGERPRINT).exists():
            raise _gone(data, folder, f"a fingerprint key ({FINGERPRINT})")
    make_keys(folder)


def bind(data: Path, keys: TapKeys, also: Collection[str] = ()) -> None:
    """Tie a data folder to the keys it is written with.

    The first call remembers them; later ones accept the same fingerprint key, and the same
    sealing key or a new one where `also` (private keys that are held) includes one it was made
    with, and then remember the new one too. Raises `WrongKey` naming the folder,
    `SettingInvalid` when it cannot be written.
    """
    with held(data):
        bound = _bound(data)
        _check(data, bound, keys, also)
        new = () if keys.key_id in bound.key_ids else (keys.key_id,)
        now = _Binding(key_ids=(*bound.key_ids, *new), fingerprint_id=keys.fingerprint_id)
        if now != bound:
            write_new(data, BINDING, to_json(now).decode())


def _check(data: Path, bound: _Binding, keys: TapKeys, also: Collection[str]) -> None:
    if bound.key_ids and not {keys.key_id, *also} & set(bound.key_ids):
        raise _wrong(data, f"key {bound.key_ids[-1]}", keys.key_id)
    if bound.fingerprint_id not in {None, keys.fingerprint_id}:
        raise _wrong(data, f"fingerprint key {bound.fingerprint_id}", keys.fingerprint_id)


def _wrong(data: Path, bound: str, given: str) -> WrongKey:
    return WrongKey(
        f"the data folder {data} was made with the {bound}, not with {given};"
        " use the keys it was made with, or another data folder"
    )


def _gone(data: Path, folder: Path, what: str) -> KeyMissing:
    return KeyMissing(
        f"the data folder {data} was made with {what} that is not in the keys folder {folder};"
        " put the keys back there, or give their folder with the setting `keys`"
    )


def _bound(data: Path) -> _Binding:
    try:
        bound = from_json((data / BINDING).read_bytes(), _Binding)
    except FileNotFoundError:
        return _Binding()
    except (msgspec.DecodeError, UnicodeDecodeError):
        bound = _Binding()
    if not bound.key_ids:
        raise WrongKey(f"the file {data / BINDING}, which names the key of this data, is damaged")
    return bound


def _private_key_of(folder: Path) -> bytes:
    """The public half of the folder's one private key, which is made where there is none."""
    files = _private_files(folder)
    if len(files) > 1:
        raise SettingInvalid(f"keys: {folder} holds several private keys and no {PUBLIC}")
    if files:
        return _public_of(_decoded(_read(files[0]), "a private key"))
    raw = X25519PrivateKey.generate().private_bytes_raw()
    public = _public_of(raw)
    write_new(folder, f"seal.{key_id_of(public)}.key", _encoded(raw))
    return public


def _private_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("seal.*.key"))


def _public_of(raw: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


def _read(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        text = file.read_text("ascii")
    except FileNotFoundError:
        raise KeyMissing(f"the key file {file} is not there") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise SettingInvalid(f"keys: {file} cannot be read ({why})") from None
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise SettingInvalid(
            f"keys: {file} is open to others (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {file}"
        )
    return text


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise SettingInvalid(f"keys: {what} is not {KEY_BYTES} bytes of base64")
    return raw


prepare(_Binding)
