"""The port that key material comes through, and what can be said of keys without showing them.

The law of this module: each method gives what one kind of part may hold and nothing beyond, so
that a part which is given less still runs. Nothing here assumes files. What is given is read once,
when a process starts: a key that was changed since counts from its next start on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol, TypeVar

from audit.errors import KeyMissing
from audit.signing import Role
from storage.keys import (
    KeyKind,
    SigningKey,
    TapKeys,
    TrustedKey,
    WorkerKeys,
    fingerprint_id_of,
)

__all__ = ["KeyFact", "KeyProvider", "key_facts"]

T = TypeVar("T")

FINGERPRINT = "fingerprint"


class KeyProvider(Protocol):
    """Where keys come from.

    What is asked for and not there raises `KeyMissing`; what is there and is no key, or may be
    read or written by others, raises `SettingInvalid`. No message shows key material.
    """

    def tap(self) -> TapKeys:
        """What a tap seals and recognises with."""

    def worker(self) -> WorkerKeys:
        """What a worker opens with: every private key, old ones too."""

    def signing(self, role: Role) -> SigningKey:
        """The private key that a part of this role signs with."""

    def trusted(self) -> tuple[TrustedKey, ...]:
        """Whose signatures are believed; needs no secret, and is empty where nobody's are."""


@dataclass(frozen=True, slots=True)
class KeyFact:
    """What may be said of a key: what it is for, its id, and which halves of it are here.

    `current` is what is sealed for or signed with from the next start on; `private` says that
    the private half is here, `trusted` that its signatures are believed.
    """

    kind: str
    key_id: str
    current: bool = False
    private: bool = False
    trusted: bool = False


def key_facts(provider: KeyProvider) -> list[KeyFact]:
    """List the keys of a provider, whichever of them it holds; the current one of a kind first.

    Raises `SettingInvalid` for what is there and is no key.
    """
    facts = [*_seal_facts(provider)]
    for role in Role:
        facts += _signing_facts(provider, role)
    return facts


def _seal_facts(provider: KeyProvider) -> Iterator[KeyFact]:
    tap, worker = _held(provider.tap), _held(provider.worker)
    current = frozenset({tap.key_id}) if tap else frozenset()
    earlier = tap.earlier if tap else frozenset()
    private = worker.key_ids if worker else frozenset()
    for key_id in _in_order(current, private | earlier):
        yield KeyFact(KeyKind.SEAL, key_id, key_id in current, private=key_id in private)
    if either := tap or worker:
        name = fingerprint_id_of(either.fingerprint_key)
        yield KeyFact(FINGERPRINT, name, current=True, private=True)


def _signing_facts(provider: KeyProvider, role: Role) -> Iterator[KeyFact]:
    signing = _held(lambda: provider.signing(role))
    current = frozenset({signing.key_id}) if signing else frozenset()
    trusted = {key.key_id for key in provider.trusted() if key.role is role}
    for key_id in _in_order(current, trusted):
        mine = key_id in current
        yield KeyFact(KeyKind.of(role), key_id, mine, private=mine, trusted=key_id in trusted)


def _held(give: Callable[[], T]) -> T | None:
    try:
        return give()
    except KeyMissing:
        return None


def _in_order(current: AbstractSet[str], others: AbstractSet[str]) -> list[str]:
    return [*current, *sorted(others - current)]
