"""`auditstream worker`: a worker put together and run in a process of its own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial

import uvloop

from audit.errors import TransientError
from audit.ledger import Checkpoint
from audit.settings import Settings
from audit.sheaf import Sheaf
from audit.signing import Role, Trust, checkpoint_statement
from audit.telemetry import Log
from audit.value import Json
from cli.child import Orders, announce, from_parent, from_settings, stop_signal
from cli.control import ControlPort, Health
from cli.logs import configure_for
from cli.metrics import Metrics
from cli.places import Places, keys_of, prepare, signer_of, worker_keys_of
from cli.policies import check_models, policy_of
from redaction.build import build_redactor
from redaction.redactor import Redactor
from storage.envelope import OpenedRecord, OpenedRemnant, open_envelope
from storage.key_provider import KeyProvider
from storage.key_renewal import RenewedOpener, RenewedTrust
from storage.keys import WorkerKeys
from storage.queue.sqlite import SqliteQueue, SqliteQueueReader
from storage.records.keeper_sqlite import SqliteFinder, SqliteKeeper
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.orders_sqlite import SqliteOrderBook
from storage.records.signed_ledger import SigningLedger, signed_record
from storage.records.sqlite import SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tap.remnant import record_of_remnant
from workers.apart import Apart
from workers.carrier import Carrier
from workers.custody import Custody
from workers.ports import OpensEnvelope, Reassembles
from workers.settlement import Patience
from workers.sweeper import Sweeper
from workers.worker import Worker, WorkerLimits

__all__ = ["redactor_of", "run"]


def run(settings: Settings | None) -> None:
    """Carry deliveries until told to stop; `settings` is None for a part with a parent."""
    if settings is None:
        orders = from_parent()
    else:
        prepare(settings, may_open=True, signs=[Role.WORKER])
        control = settings.worker.control
        wanted = {"control": (control, "worker.control")} if control is not None else {}
        orders = from_settings(settings, **wanted)
    log = configure_for("worker", orders.settings)
    uvloop.run(_serve(orders, log))


def redactor_of(settings: Settings, pseudonym_key: bytes) -> Redactor:
    """Build the redactor that the settings describe. Raises `SettingInvalid`."""
    check_models(settings)
    models = settings.redaction.models
    return build_redactor(policy_of(settings), spacy_models=models, pseudonym_key=pseudonym_key)


async def _serve(orders: Orders, log: Log) -> None:
    stop = stop_signal(has_parent=orders.has_parent)
    settings = orders.settings
    places = Places(settings.data)
    keys = worker_keys_of(settings)
    signer = signer_of(settings, Role.WORKER)
    trust = RenewedTrust(keys_of(settings).trusted)
    redactor = redactor_of(settings, keys.fingerprint_key)
    await redactor.prepare()
    log.info("redaction.ready", policy=redactor.policy, gaps=",".join(redactor.gaps))
    queue = await SqliteQueue.open(places.queue, lease=settings.worker.lease)
    queue_state = await SqliteQueueReader.open(places.queue)
    store = await open_store(places.store)
    apart = Apart(redactor)
    keeper = SqliteKeeper(store)
    custody = Custody(
        orders=SqliteOrderBook(store),
        keeper=keeper,
        signer=signer,
        trust=trust,
        session_key=keys.fingerprint_key,
        now_ns=time.time_ns,
    )
    carrier = Carrier(
        open_envelope=_opens(keys_of(settings), trust),
        reassemble=_reassembles(keys),
        redactor=apart,
        records=SqliteRecordWriter(store),
        ledger=SigningLedger(SqliteLedger(store), signer),
        custody=custody,
        now_ns=time.time_ns,
        sign_record=partial(signed_record, signer=signer),
        vouched=_vouches(trust),
    )
    limits = WorkerLimits(
        concurrency=settings.worker.concurrency,
        drain=settings.worker.drain,
        patience=Patience(max_attempts=settings.worker.max_attempts),
    )
    metrics = Metrics()
    sweeper = Sweeper(
        finder=SqliteFinder(store),
        keeper=keeper,
        custody=custody,
        trust=trust,
        interval=settings.worker.sweep_interval,
        log=log,
        count=metrics,
    )
    control = ControlPort(_health(queue_state, metrics), metrics)
    if "control" in orders.sockets:
        await control.start(orders.sockets["control"])
    announce()
    with apart:
        worker = Worker(queue, carrier, limits, log=log, count=metrics)
        await asyncio.gather(worker.run(stop), sweeper.run(stop))
    await control.stop()
    await queue_state.close()
    await queue.close()
    await store.close()


def _health(queue: SqliteQueueReader, metrics: Metrics) -> Health:
    async def health() -> tuple[bool, dict[str, Json]]:
        try:
            census = await queue.census()
        except TransientError as error:
            return False, {"code": error.code}
        metrics.state("auditstream_queue_waiting", census.waiting)
        metrics.state("auditstream_queue_leased", census.leased)
        metrics.state("auditstream_queue_dead", census.dead)
        metrics.state("auditstream_queue_oldest_seconds", census.oldest_age or 0.0)
        state = {"waiting": census.waiting, "leased": census.leased, "dead": census.dead}
        return True, {"queue": state}

    return health


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
