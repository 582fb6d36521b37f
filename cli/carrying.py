"""The carrying of deliveries put together: from keys, a store and a redactor to a carrier.

The law: whoever carries opens with the worker's keys, signs with the worker's key, and believes
whom the keys folder believes; the keys are looked up again where one is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from audit.ledger import Checkpoint
from audit.settings import Settings
from audit.sheaf import Sheaf
from audit.signing import Role, Trust, checkpoint_statement
from cli.engines import Store
from cli.places import keys_of, signer_of, worker_keys_of
from storage.envelope import OpenedRecord, OpenedRemnant, open_envelope
from storage.key_provider import KeyProvider
from storage.key_renewal import RenewedOpener, RenewedTrust
from storage.keys import WorkerKeys
from storage.queue.bodies import Bodies
from storage.records.signed_ledger import SigningLedger, signed_record
from tap.remnant import record_of_remnant
from workers.carrier import Carrier
from workers.custody import Custody
from workers.ports import OpensEnvelope, Reassembles, Redacts

__all__ = ["Carrying", "carrying_of"]


@dataclass(frozen=True, slots=True)
class Carrying:
    """A carrier, and with it what else of a worker acts on the store."""

    carrier: Carrier
    custody: Custody
    trust: Trust


def carrying_of(
    settings: Settings, store: Store, redactor: Redacts, bodies: Bodies | None = None
) -> Carrying:
    """Put a carrier together. Raises `KeyMissing`, `SettingInvalid`."""
    keys = worker_keys_of(settings)
    signer = signer_of(settings, Role.WORKER)
    trust = RenewedTrust(keys_of(settings).trusted)
    custody = Custody(
        orders=store.orders,
        keeper=store.keeper,
        signer=signer,
        trust=trust,
        session_key=keys.fingerprint_key,
        now_ns=time.time_ns,
    )
    carrier = Carrier(
        open_envelope=_opens(keys_of(settings), trust),
        reassemble=_reassembles(keys),
        redactor=redactor,
        records=store.records,
        ledger=SigningLedger(store.ledger, signer),
        custody=custody,
        now_ns=time.time_ns,
        sign_record=partial(signed_record, signer=signer),
        vouched=_vouches(trust),
        bodies=bodies,
    )
    return Carrying(carrier, custody, trust)


def _opens(keys: KeyProvider, trust: Trust) -> OpensEnvelope:
    opener = RenewedOpener(keys.worker, trust)

    def opened(body: bytes) -> OpenedRecord | OpenedRemnant:
        return open_envelope(body, opener)

    return opened


def _vouches(trust: Trust) -> Callable[[Checkpoint], bool]:
    def vouched(checkpoint: Checkpoint) -> bool:
        statement = checkpoint_statement(checkpoint)
        return trust.bears_out(Role.TAP, statement, checkpoint.signature)

    return vouched


def _reassembles(keys: WorkerKeys) -> Reassembles:
    def reassembled(remnant: OpenedRemnant) -> Sheaf:
        return record_of_remnant(
            remnant.opening,
            remnant.pieces,
            missing=remnant.missing,
            digest_key=keys.fingerprint_key,
            salt=os.urandom(16).hex(),
        )

    return reassembled
