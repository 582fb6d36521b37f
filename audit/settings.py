"""The settings: one typed object, read once when a command starts.

Each field is a setting: name, default, one sentence. This module declares them and reads
nothing; `cli.config` reads environment and file. A setting `tap.name` is `name` in the table
`[tap]` of the TOML file and `AUDITSTREAM_TAP__NAME` in the environment.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from audit.engine_settings import (
    BlobSettings,
    LanguageSettings,
    QueueSettings,
    Secret,
    StoreSettings,
)
from audit.exchange import Level, OnAuditFailure
from audit.oidc_settings import OidcSettings, Origin, is_private

__all__ = [
    "Address",
    "ConsoleSettings",
    "ConsumerSettings",
    "RedactionSettings",
    "Settings",
    "SpoolSettings",
    "TapSettings",
    "WorkerSettings",
]


_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
# 32 bytes drawn at random, and no password: whoever has a cookie can try keys as fast as they like.
_SESSION_KEY = re.compile(r"[0-9a-f]{64}")
# The embedded queue takes no message of more than 10**9 bytes, and an exchange has two bodies.
# What it refuses would be sent again for ever.
_MOST_CAPTURED = 256 * 1024 * 1024


def _upstream(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as https://my-apim.azure-api.net")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must be a scheme, host and port only: paths pass through as they come")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials: those of the caller pass through")
    if parts.port is not None and not 0 < parts.port < 65_536:
        raise ValueError("has a port out of range")
    return value.rstrip("/")


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return value


def _capturable(value: int) -> int:
    if value > _MOST_CAPTURED:
        raise ValueError(
            f"must be {_MOST_CAPTURED} (256 MiB) at most: an exchange must fit into one message"
            " of the queue"
        )
    return value


def _available(level: Level) -> Level:
    if level is Level.FULL:
        raise ValueError("must be none, redacted or pseudonymised: full is not available yet")
    return level


def _fingerprint(value: str) -> str:
    if not _FINGERPRINT.fullmatch(value):
        raise ValueError("must be 32 lower-case hex digits, as `auditstream fingerprint` prints")
    return value


def _session_key(value: SecretStr) -> SecretStr:
    if not _SESSION_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("must be 64 lower-case hex digits, as `openssl rand -hex 32` prints")
    return value


Address = Annotated[str, AfterValidator(_address)]
SessionKey = Annotated[Secret, AfterValidator(_session_key)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TapSettings(_Group):
    """How the tap listens and forwards."""

    name: str = Field(
        "tap",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of this tap, part of every exchange's number: unique among all taps of a"
        " queue, and the same after a restart on the same spool folder.",
    )
    control: Address = Field(
        "127.0.0.1:8081", description="Where health and metrics listen, apart from traffic."
    )
    connect_timeout: float = Field(
        10.0, gt=0, description="Seconds to wait for a connection to the upstream."
    )
    upstream_idle_timeout: float = Field(
        600.0,
        gt=0,
        description="Seconds of silence from the upstream after which an exchange is ended.",
    )
    pool_idle: float = Field(
        15.0, ge=0, description="Seconds for which an unused upstream connection is kept."
    )
    pool_size: int = Field(256, ge=0, description="How many unused upstream connections are kept.")
    keep_host: bool = Field(
        False, description="Forward the caller's Host instead of the upstream's own."
    )
    via: bool = Field(
        False,
        description=(
            "Add a Via field to requests. RFC 9110 §7.6.3 asks a proxy to send one; it is off "
            "so that the upstream does not notice the tap."
        ),
    )
    upstream_ca: Path | None = Field(
        None, description="File of CA certificates that the upstream's certificate must chain to."
    )
    tls_certificate: Path | None = Field(
        None,
        description="File of the certificate chain (PEM) to listen with in TLS; plain if not set.",
    )
    tls_key: Path | None = Field(
        None,
        description="File of that certificate's key (PEM, no passphrase), if not in the same file.",
    )
    forwarded: Literal["off", "x-forwarded-for", "forwarded"] = Field(
        "off",
        description=(
            "Tell the upstream the caller's address: x-forwarded-for (with X-Forwarded-Proto) or "
            "forwarded (RFC 7239), added to what the request says already."
        ),
    )
    max_connections: int = Field(
        20_000, ge=1, description="Most open client connections; one more is answered 503."
    )
    max_head: int = Field(
        65_536,
        ge=8_190,
        description="Largest request line or header field, in bytes; a head may have 16 times it.",
    )
    head_timeout: float = Field(
        60.0, gt=0, description="Seconds that a request's head may take from its first byte on."
    )
    keepalive: float = Field(
        75.0, gt=0, description="Seconds for which an idle client connection is kept."
    )
    capture_limit: Annotated[int, AfterValidator(_capturable)] = Field(
        64 * 1024 * 1024,
        ge=1024,
        description=(
            "Most bytes recorded of one body, up to 256 MiB; what is forwarded has no limit."
        ),
    )
    flush_interval: float = Field(
        0.02,
        gt=0,
        le=5,
        description=(
            "Seconds between writes of what passed to the spool: what a crash may lose. "
            "With many exchanges open it grows, to a quarter of a second at most."
        ),
    )
    drain: float = Field(
        30.0, ge=0, description="Seconds that open exchanges get to end when the tap stops."
    )
    session_header: str | None = Field(
        None, description="Request header that names a session, if the callers send one."
    )
    default_consumer: str = Field(
        "unassigned", description="Consumer of callers that no credential assigns."
    )


class SpoolSettings(_Group):
    """How the spool keeps what passed."""

    max_bytes: int = Field(
        4 * 1024**3, ge=1024**2, description="Size at which the spool takes no more openings."
    )
    max_exchanges: int = Field(
        500_000,
        ge=1000,
        description="Exchanges at which the spool takes no more openings: memory knows each.",
    )
    segment_bytes: int = Field(
        16 * 1024**2, ge=64 * 1024, description="Size at which a new segment file is begun."
    )
    sync_interval: float = Field(
        0.005, gt=0, le=10, description="Seconds after which what was written is synced at last."
    )
    open_timeout: float = Field(
        1.0, gt=0, description="Seconds an opening may wait for the disk before the policy acts."
    )
    checkpoint_interval: float = Field(
        1.0, gt=0, description="Seconds between the tap's checkpoints, when there is news."
    )


class WorkerSettings(_Group):
    """How deliveries are carried to the store."""

    control: Address | None = Field(
        None, description="Where a worker's health and metrics listen; nowhere when not set."
    )
    concurrency: int = Field(4, ge=1, le=256, description="Deliveries handled at once.")
    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes of a worker that redact: one for each core that it may use.",
    )
    lease: float = Field(60.0, gt=1, description="Seconds for which a delivery is lent.")
    max_attempts: int = Field(
        10,
        ge=1,
        description="Deliveries of one message before it is dead-lettered. Those that an outage"
        " or a stop of the worker ended do not count.",
    )
    drain: float = Field(30.0, ge=0, description="Seconds to finish what is held when stopping.")
    sweep_interval: float = Field(
        60.0,
        ge=0.1,
        le=86_400,
        description="Seconds between two removals of the records whose time is over.",
    )


class RedactionSettings(_Group):
    """What takes the personal data out."""

    policy: Path | None = Field(
        None, description="Policy file (TOML); the one that ships is used when there is none."
    )
    models: dict[str, str] = Field(
        default_factory=dict,
        description="spaCy pipelines to find names with, by language: {en = 'en_core_web_lg'}.",
    )
    timeout: float = Field(
        300.0,
        gt=0,
        description="Seconds without an answer after which a process that redacts is ended.",
    )


class ConsoleSettings(_Group):
    """How stored records are read."""

    listen: Address = Field("127.0.0.1:8082", description="Where the query side listens.")
    token: Secret | None = Field(
        None,
        min_length=16,
        description="Token that callers show; made in the keys folder when it is not set.",
    )
    max_rows: int = Field(1000, ge=1, le=100_000, description="Most records a query returns.")
    max_seconds: float = Field(10.0, gt=0, description="Longest a query may run.")
    max_request_units: float = Field(
        5_000.0,
        gt=0,
        description=(
            "Most request units that a query, or counting what it finds, takes on Cosmos DB; it"
            " ends with the answer that reaches them."
        ),
    )
    max_export: int = Field(
        100_000, ge=1, le=10_000_000, description="Most records that an export holds."
    )
    access_log: Path | None = Field(
        None,
        description=(
            "File of the access log and of saved searches, where records are in a file;"
            " `access.sqlite` in the data folder when not set."
        ),
    )
    url: Origin | None = Field(
        None,
        description=(
            "Address at which browsers find the reading room, https://audit.example.com; with"
            " https, its cookies are for TLS only."
        ),
    )
    session_idle: float = Field(
        8 * 3600.0, gt=0, description="Seconds without use after which a session ends."
    )
    session_longest: float = Field(
        24 * 3600.0, gt=0, description="Seconds after which a session ends in any case."
    )
    session_keys: list[SessionKey] = Field(
        default_factory=list,
        max_length=4,
        description=(
            "Keys of sessions, 64 hex digits each and the same for all query sides behind one"
            " address: the first seals, all open; one is drawn at the start when none is set."
        ),
    )
    oidc: OidcSettings = Field(OidcSettings(), description="Sign-in with accounts.")

    @model_validator(mode="after")
    def _known_to_provider(self) -> ConsoleSettings:
        if self.oidc.issuer is not None and not (self.oidc.client_id and self.url):
            raise ValueError("oidc.issuer needs oidc.client_id, and url for the way back")
        if self.oidc.issuer is not None and self.url is not None and not is_private(self.url):
            raise ValueError("url must begin with https:// where people sign in with accounts")
        return self


class ConsumerSettings(_Group):
    """One consumer: its credentials' fingerprints and how its exchanges are kept."""

    fingerprints: list[Fingerprint] = Field(
        default_factory=list,
        description="Fingerprints of its keys, as `auditstream fingerprint` prints them.",
    )
    level: Annotated[Level, AfterValidator(_available)] = Field(
        Level.REDACTED, description="How much is kept: none, redacted or pseudonymised."
    )
    on_audit_failure: OnAuditFailure = Field(
        OnAuditFailure.OPEN,
        description="When the audit cannot record: open forwards, closed answers 503.",
    )
    strict: bool = Field(False, description="Sync the opening to disk before forwarding.")
    retention_days: int | None = Field(
        None, ge=1, le=36_500, description="Days after which a record expires; none means never."
    )
    may_ask_less: bool = Field(
        False, description="Whether its callers may ask for less by X-AuditStream-Level."
    )


def _told_apart(consumers: dict[str, ConsumerSettings]) -> dict[str, ConsumerSettings]:
    """Refuse a key that would belong to two consumers: which one would be chance."""
    owners: dict[str, str] = {}
    for name, consumer in consumers.items():
        for mark in consumer.fingerprints:
            if (owner := owners.setdefault(mark, name)) != name:
                raise ValueError(f"{owner} and {name} have a fingerprint in common")
    return consumers


class Settings(_Group):
    """Everything that can be set."""

    upstream: Annotated[str, AfterValidator(_upstream)] | None = Field(
        None, description="The gateway behind the tap, as https://host[:port]."
    )
    listen: Address = Field("127.0.0.1:8080", description="Where the tap listens for traffic.")
    data: Path = Field(
        Path("auditstream-data"), description="Folder of spool, queue, store and ledger."
    )
    keys: Path | None = Field(
        None, description="Folder of the keys; `<data>.keys`, beside the data, when not set."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least grave events that are logged."
    )
    log_json: bool = Field(False, description="Log as JSON lines instead of for people.")
    tap: TapSettings = Field(TapSettings(), description="The tap.")
    spool: SpoolSettings = Field(SpoolSettings(), description="The spool.")
    queue: QueueSettings = Field(QueueSettings(), description="The queue.")
    blobs: BlobSettings = Field(BlobSettings(), description="Large bodies.")
    store: StoreSettings = Field(StoreSettings(), description="Records, ledger and orders.")
    worker: WorkerSettings = Field(WorkerSettings(), description="The workers.")
    redaction: RedactionSettings = Field(RedactionSettings(), description="Redaction.")
    language: LanguageSettings = Field(LanguageSettings(), description="Azure AI Language.")
    console: ConsoleSettings = Field(ConsoleSettings(), description="The query side.")
    consumers: Annotated[dict[str, ConsumerSettings], AfterValidator(_told_apart)] = Field(
        default_factory=dict, description="The consumers, by name."
    )

    @property
    def key_folder(self) -> Path:
        """Where the keys are: never inside the data folder."""
        return self.keys or self.data.with_name(self.data.name + ".keys")
