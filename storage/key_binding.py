"""The tie between a data folder and the keys it is written with.

The law of this module: data is never written with keys that its earlier part does not belong to.
A data folder remembers the ids of the keys it was made with, of the fingerprint key a digest:
under another one, consumers and commitments would not be recognised. A rotated key is accepted
where the one before it is still known, and is then remembered too. No key is written down.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from audit.errors import KeyMissing, WrongKey
from audit.signing import Role
from audit.value import Value, from_json, prepare, to_json
from storage.key_files import held, write_new
from storage.key_folder import FINGERPRINT
from storage.key_making import has_any, make_keys
from storage.keys import KeyKind, TapKeys
from storage.sight import barred, is_there

__all__ = ["BINDING", "Signatory", "bind", "bound_signers", "prepare_keys"]

BINDING = "binding"


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signs from now on, by key id, and whose signatures of this role are believed."""

    role: Role
    key_id: str
    trusted: frozenset[str] = frozenset()


class _Binding(Value, frozen=True):
    """The keys a folder was made with; earlier versions left out all but `key_ids`."""

    key_ids: tuple[str, ...] = ()
    fingerprint_id: str | None = None
    tap_ids: tuple[str, ...] = ()
    worker_ids: tuple[str, ...] = ()

    def ids(self, kind: KeyKind) -> tuple[str, ...]:
        """The ids of a kind, the latest last."""
        return {
            KeyKind.SEAL: self.key_ids,
            KeyKind.SIGN_TAP: self.tap_ids,
            KeyKind.SIGN_WORKER: self.worker_ids,
        }[kind]


def prepare_keys(folder: Path, data: Path) -> None:
    """Make keys for a first start; never for a data folder that was made with others.

    Raises `KeyMissing` when `data` is bound and the keys folder lacks a key it was made with.
    """
    bound = _bound(data)
    for kind in KeyKind:
        if bound.ids(kind) and not has_any(folder, kind):
            raise _gone(data, folder, _WORDS[kind])
    if bound.key_ids and not is_there(folder / FINGERPRINT):
        raise _gone(data, folder, f"a fingerprint key ({FINGERPRINT})")
    make_keys(folder)


def bind(
    data: Path,
    keys: TapKeys,
    also: Collection[str] = (),
    signatories: Sequence[Signatory] = (),
) -> None:
    """Tie a data folder to the keys it is written with.

    The first call remembers them. Later ones accept the same fingerprint key, and the same
    sealing key or a new one where `also` (private keys that are held) or the earlier public keys
    include one it was made with; and so with who signs and whose signatures are believed. New
    ones are then remembered too. Raises `WrongKey` naming the folder, `SettingInvalid` when it
    cannot be written.
    """
    with held(data):
        bound = _bound(data)
        now = _Binding(
            key_ids=_joined(data, bound, KeyKind.SEAL, keys.key_id, {*keys.earlier, *also}),
            fingerprint_id=_same(data, bound, keys.fingerprint_id),
            tap_ids=_signing(data, bound, Role.TAP, signatories),
            worker_ids=_signing(data, bound, Role.WORKER, signatories),
        )
        if now != bound:
            write_new(data, BINDING, to_json(now).decode())


def bound_signers(data: Path) -> dict[Role, tuple[str, ...]]:
    """The ids of the keys that the folder's parts have signed with, by role; the latest last.

    Empty where that is not known. Raises `WrongKey` when the note of it is damaged.
    """
    bound = _bound(data)
    return {Role.TAP: bound.tap_ids, Role.WORKER: bound.worker_ids}


def _signing(
    data: Path, bound: _Binding, role: Role, signatories: Sequence[Signatory]
) -> tuple[str, ...]:
    ids = bound.ids(KeyKind.of(role))
    for each in signatories:
        if each.role is role:
            ids = _joined(data, bound, KeyKind.of(role), each.key_id, each.trusted)
    return ids


def _joined(
    data: Path, bound: _Binding, kind: KeyKind, key_id: str, known: Collection[str]
) -> tuple[str, ...]:
    ids = bound.ids(kind)
    if key_id in ids:
        return ids
    if ids and not set(known) & set(ids):
        raise _wrong(data, f"{_NAMES[kind]} {ids[-1]}", key_id)
    return (*ids, key_id)


def _same(data: Path, bound: _Binding, fingerprint_id: str) -> str:
    if bound.fingerprint_id not in {None, fingerprint_id}:
        raise _wrong(data, f"fingerprint key {bound.fingerprint_id}", fingerprint_id)
    return fingerprint_id


_NAMES = {
    KeyKind.SEAL: "key",
    KeyKind.SIGN_TAP: "tap's signing key",
    KeyKind.SIGN_WORKER: "worker's signing key",
}
_WORDS = {
    KeyKind.SEAL: "a key",
    KeyKind.SIGN_TAP: "a tap's signing key",
    KeyKind.SIGN_WORKER: "a worker's signing key",
}


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
    except PermissionError as error:
        raise barred(data / BINDING, error) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        bound = _Binding()
    if not bound.key_ids:
        raise WrongKey(f"the file {data / BINDING}, which names the key of this data, is damaged")
    return bound


prepare(_Binding)
