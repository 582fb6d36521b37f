"""`auditstream check` names each of these mistakes in one clear line, and nothing else as wrong.

Each test makes one mistake in a set-up that is in order otherwise, on files or on the emulators of
Azure's services, and reads what the command prints.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from importlib import resources
from pathlib import Path
from time import time
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from tests.emulators.service_bus import QueueRules, service_bus
from tests.emulators.service_bus.administration import Administration
from tests.harness.certificate import make_certificate
from tests.harness.engines import emulators
from tests.harness.tree import auditstream, clean_environment, free_port

WRONG_KEY = "bm90IHRoZSBrZXkgb2YgYW55Ym9keQ=="

# What is so of the emulator whatever one does: an account of its kind would have to be changed.
OF_THE_EMULATOR = {"store: account consistency"}


@dataclass
class Site:
    """A set-up that is in order: its data folder, and its settings as variables."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> Path:
        """The keys folder."""
        return self.data.with_name("data.keys")

    async def command(self, *words: str, **changes: str) -> tuple[int, str]:
        """Run a command with these settings changed; gives its exit code and what it printed."""
        given = clean_environment(**self.settings | changes)
        where = ("--data", str(self.data))
        run = await asyncio.to_thread(auditstream, *words, *where, env=given)
        assert "Traceback" not in run.stderr, run.stderr
        return run.returncode, run.stdout

    async def found(self, *words: str, **changes: str) -> list[dict[str, Any]]:
        """What `check --json` finds."""
        code, said = await self.command("check", "--json", *words, **changes)
        document = json.loads(said)
        assert code == (0 if document["well"] else 1)
        findings: list[dict[str, Any]] = document["findings"]
        assert all(each["advice"] for each in findings if each["standing"] == "fail")
        return findings

    async def flaw(self, *words: str, **changes: str) -> str:
        """The one line that names what is wrong, as a person reads it."""
        code, said = await self.command("check", *words, **changes)
        assert code == 1, said
        lines = [" ".join(line.split()) for line in said.splitlines()]
        wrong = [
            line.removeprefix("fail ")
            for line in lines
            if line.startswith("fail ") and not any(name in line for name in OF_THE_EMULATOR)
        ]
        assert len(wrong) == 1, said
        return wrong[0]


@asynccontextmanager
async def gateway(date: str | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A gateway that answers as one does to somebody without a credential."""

    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(status=401, headers={} if date is None else {"Date": date})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    scheme = "http" if tls is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def managed_queue(rules: QueueRules, folder: Path) -> AsyncIterator[dict[str, str]]:
    """A broker whose management side is behind the same port, as the service's is."""
    async with service_bus({"auditstream": rules}) as bus:
        administration = Administration(bus, folder)
        await administration.start()
        front = await asyncio.start_server(_Front(bus.port, administration.port).serve, "127.0.0.1")
        port = front.sockets[0].getsockname()[1]
        try:
            yield {
                "AUDITSTREAM_QUEUE__CONNECTION_STRING": bus.connection_string.replace(
                    f":{bus.port};", f":{port};"
                ),
                "SSL_CERT_FILE": str(administration.certificate),
            }
        finally:
            front.close()
            await administration.stop()


@dataclass(frozen=True)
class _Front:
    """Passes a connection on: to the management side where it begins with TLS, else to AMQP."""

    amqp: int
    management: int

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until either side has no more."""
        first = await reader.read(1)
        port = self.management if first == _TLS_HANDSHAKE else self.amqp
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", port)
        inner.write(first)
        await asyncio.gather(_carry(reader, inner), _carry(inner_reader, writer))


_TLS_HANDSHAKE = b"\x16"


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


def addresses() -> dict[str, str]:
    """Addresses that are free, whatever else runs here."""
    names = ("LISTEN", "TAP__CONTROL", "CONSOLE__LISTEN", "WORKER__CONTROL")
    return {f"AUDITSTREAM_{name}": f"127.0.0.1:{free_port()}" for name in names}


@pytest_asyncio.fixture
async def files(tmp_path: Path) -> AsyncIterator[Site]:
    """A set-up on files, with its keys, before its first start."""
    async with gateway() as url:
        site = Site(tmp_path / "data", {"AUDITSTREAM_UPSTREAM": url, **addresses()})
        code, said = await site.command("keys", "new")
        assert code == 0, said
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def azure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A set-up on the emulators, with its keys and all that `provision` makes."""
    folder = tmp_path_factory.mktemp("check")
    async with emulators(folder) as (settings, _), gateway() as url:
        given = {"AUDITSTREAM_UPSTREAM": url, **addresses(), **settings}
        site = Site(folder / "data", given)
        for words in (["keys", "new"], ["provision"]):
            code, said = await site.command(*words)
            assert code == 0, said
        yield site


on_azure = pytest.mark.asyncio(loop_scope="module")


async def test_a_set_up_on_files_that_is_in_order_passes(files: Site) -> None:
    """Every line is pass or skipped, and what was not tried says why."""
    found = await files.found()
    assert {each["standing"] for each in found} == {"pass", "skipped"}
    names = {each["name"] for each in found}
    assert {"upstream", "spool: sync", "keys: opening", "redaction", "listen"} <= names
    untried = {each["name"]: each["found"] for each in found if each["standing"] == "skipped"}
    assert "credential" in untried["upstream: streaming"]
    assert all(untried.values())


async def test_it_looks_only_at_what_a_part_needs(files: Site) -> None:
    """A tap's look asks for no private key that opens, a console's for none at all."""
    for file in files.keys.glob("seal.*.key"):
        file.unlink()
    assert "fail" not in {each["standing"] for each in await files.found("--for", "tap")}
    names = {each["name"] for each in await files.found("--for", "console")}
    assert names >= {"console.token", "access log", "store", "blobs", "console.listen"}
    assert not names & {"keys", "keys: opening", "spool", "queue"}


async def test_an_access_log_that_cannot_be_written(files: Site, tmp_path: Path) -> None:
    """The query side shows nothing that it could not enter there: the line names the file."""
    place = tmp_path / "a file"
    place.write_text("where a folder should be")
    log = str(place / "access.sqlite")
    line = await files.flaw("--for", "console", AUDITSTREAM_CONSOLE__ACCESS_LOG=log)
    assert line.startswith(f"access log {log} cannot be written (not a directory); set ")


async def test_a_keys_folder_that_cannot_take_the_token(files: Site, tmp_path: Path) -> None:
    """Where no token is set the query side makes one, and would not start without."""
    place = tmp_path / "a file"
    place.write_text("where a folder should be")
    line = await files.flaw("--for", "console", AUDITSTREAM_KEYS=str(place))
    assert line.startswith(f"console.token: place {place}/console.token cannot be written")


async def test_an_upstream_where_nobody_listens(files: Site) -> None:
    """The line names address and cause."""
    url = f"http://127.0.0.1:{free_port()}"
    line = await files.flaw(AUDITSTREAM_UPSTREAM=url)
    assert line.startswith(f"upstream {url}: no connection (connection refused)")


async def test_an_upstream_whose_name_nobody_knows(files: Site) -> None:
    """The line says that it is the name."""
    line = await files.flaw(AUDITSTREAM_UPSTREAM="https://apim.invalid")
    assert line.startswith("upstream https://apim.invalid: its name is not known")


async def test_an_upstream_whose_certificate_is_not_trusted(files: Site, tmp_path: Path) -> None:
    """The line names the setting with which a company trusts its own certificates."""
    pem = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    async with gateway(tls=context) as url:
        line = await files.flaw(AUDITSTREAM_UPSTREAM=url)
        assert line.startswith(f"upstream {url}: its certificate is not trusted")
        assert "tap.upstream_ca" in line
        trusted = {"AUDITSTREAM_UPSTREAM": url, "AUDITSTREAM_TAP__UPSTREAM_CA": str(pem)}
        assert "fail" not in {each["standing"] for each in await files.found(**trusted)}


async def test_a_clock_that_is_off(files: Site) -> None:
    """The line says by how much and in which direction."""
    async with gateway(date=formatdate(time() + 600, usegmt=True)) as url:
        line = await files.flaw(AUDITSTREAM_UPSTREAM=url)
    told = r"upstream: clock this machine's clock is (59\d|60\d) s behind it; synchronise .*NTP.*"
    assert re.fullmatch(told, line)


async def test_a_spool_that_cannot_be_written(files: Site) -> None:
    """The line names the folder and whose it must be."""
    files.data.write_text("a file where a folder should be")
    line = await files.flaw("--for", "tap")
    assert line.startswith(f"spool {files.data} cannot be written (not a directory)")


async def test_a_spool_that_may_take_more_than_there_is(files: Site) -> None:
    """The line names the setting."""
    line = await files.flaw(AUDITSTREAM_SPOOL__MAX_BYTES=str(2**60))
    assert line.startswith("spool: room ")
    assert line.endswith("free some, or lower spool.max_bytes")


async def test_an_address_that_is_not_this_machines(files: Site) -> None:
    """The line names the setting and the ways to set it."""
    line = await files.flaw(AUDITSTREAM_LISTEN="192.0.2.1:8080")
    assert line.startswith("listen 192.0.2.1:8080: cannot assign requested address")
    assert "AUDITSTREAM_LISTEN" in line


async def test_a_private_key_that_is_not_there(files: Site) -> None:
    """The line names the file that would open what is sealed now."""
    (key,) = files.keys.glob("seal.*.key")
    key.unlink()
    line = await files.flaw()
    assert line.startswith("keys: opening no private key (seal.*.key)")


async def test_a_key_that_others_may_read(files: Site) -> None:
    """The line names file, mode and the command that mends it."""
    (key,) = files.keys.glob("seal.*.key")
    key.chmod(0o644)
    line = await files.flaw("--for", "worker")
    assert line == f"keys {key} is open to others (mode 0644); chmod 600 {key}"


async def test_a_name_model_that_is_not_installed(files: Site) -> None:
    """The line names the model and how to install it."""
    line = await files.flaw(AUDITSTREAM_REDACTION__MODELS='{"en": "en_core_web_none"}')
    assert line.startswith("redaction setting redaction.models: en_core_web_none is not installed")


async def test_a_policy_that_cannot_be_read(files: Site, tmp_path: Path) -> None:
    """The line names the file."""
    line = await files.flaw(AUDITSTREAM_REDACTION__POLICY=str(tmp_path / "none.toml"))
    assert line.startswith(f"redaction setting redaction.policy: {tmp_path}/none.toml: No such")


async def test_a_policy_that_asks_a_service_nobody_named(files: Site, tmp_path: Path) -> None:
    """The line names the setting; with one that answers, and one that does not, it says so."""
    text = resources.files("redaction.policies").joinpath("default.toml").read_text("utf-8")
    policy = tmp_path / "policy.toml"
    policy.write_text(re.sub(r"(?m)^optional = .*$", 'optional = ["azure_language"]', text))
    given = {"AUDITSTREAM_REDACTION__POLICY": str(policy)}
    line = await files.flaw("--for", "worker", **given)
    assert line.startswith("redaction setting language.endpoint: is not set, but policy default")
    nobody = f"http://127.0.0.1:{free_port()}"
    line = await files.flaw("--for", "worker", **given, AUDITSTREAM_LANGUAGE__ENDPOINT=nobody)
    assert line.startswith(f"language {nobody}: no connection")
    answers = {"AUDITSTREAM_LANGUAGE__ENDPOINT": files.settings["AUDITSTREAM_UPSTREAM"]}
    found = await files.found("--for", "worker", **given, **answers)
    assert {"language", "language: clock"} <= {
        each["name"] for each in found if each["standing"] == "pass"
    }


@on_azure
async def test_a_set_up_on_azures_services_that_is_in_order_passes(azure: Site) -> None:
    """Rights, limits, containers and clocks are looked at; only what the emulator is differs."""
    found = await azure.found()
    wrong = {each["name"] for each in found if each["standing"] == "fail"}
    assert wrong == OF_THE_EMULATOR
    passed = {each["name"] for each in found if each["standing"] == "pass"}
    assert {"queue: sending", "queue: receiving", "blobs", "store"} <= passed


@on_azure
async def test_a_second_provision_changes_nothing(azure: Site) -> None:
    """It makes nothing anew, and says what differs that it cannot change."""
    code, said = await azure.command("provision")
    assert code == 0
    assert " made" not in said
    assert "differs store: account consistency" in " ".join(said.split())


@on_azure
async def test_provision_waits_for_a_service_and_then_names_it(azure: Site) -> None:
    """What does not answer is one line and an exit code, after as long as it was told to wait."""
    url = f"http://127.0.0.1:{free_port()}/devstoreaccount1"
    nobody = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint={url};"
    changes = {"AUDITSTREAM_BLOBS__CONNECTION_STRING": nobody}
    code, said = await azure.command("provision", "--wait", "1", **changes)
    assert code == 1
    told, *others, counted = (" ".join(line.split()) for line in said.splitlines())
    assert told.startswith("fail blobs ")
    assert "container auditstream: the service could not be reached" in told
    assert {line.split()[1].rstrip(":") for line in others} == {"store", "queue"}
    assert ", 1 failed" in counted


async def test_on_files_there_is_nothing_to_provision(files: Site) -> None:
    """It says so and succeeds."""
    code, said = await files.command("provision")
    assert code == 0
    assert said.startswith("skipped engines  nothing of Azure's is configured")


@on_azure
async def test_a_queue_that_is_not_there(azure: Site) -> None:
    """The line names the queue and the settings to look at, once for the tap."""
    line = await azure.flaw("--for", "tap", AUDITSTREAM_QUEUE__NAME="somewhere-else")
    assert line.startswith("queue: sending the Service Bus queue somewhere-else does not exist")
    assert "queue.name" in line


@on_azure
async def test_a_broker_that_cannot_be_reached(azure: Site) -> None:
    """The line says so within the time that an operation may take."""
    elsewhere = (
        f"Endpoint=sb://127.0.0.1:{free_port()};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )
    changes = {"QUEUE__CONNECTION_STRING": elsewhere, "QUEUE__TIMEOUT": "5"}
    given = {f"AUDITSTREAM_{name}": value for name, value in changes.items()}
    line = await azure.flaw("--for", "tap", **given)
    assert line.startswith("queue: sending the Service Bus queue auditstream ")


@pytest.mark.parametrize(
    ("rules", "name", "told"),
    [
        (
            QueueRules(lock_duration=30.0, max_delivery_count=20),
            "lock duration",
            "30 s; it must be at least worker.lease, 60 s",
        ),
        (
            QueueRules(max_delivery_count=10),
            "max delivery count",
            "10; it must be at least 12, two more than worker.max_attempts",
        ),
        (
            QueueRules(max_delivery_count=20, time_to_live=3600.0),
            "time to live",
            "3600 s; it must be at least 1209600 s",
        ),
        (
            QueueRules(max_delivery_count=20, dead_letter_on_expiry=False),
            "dead-lettering on expiration",
            "off; it must be on",
        ),
    ],
)
@on_azure
async def test_a_queue_that_is_not_what_it_must_be(
    azure: Site, tmp_path: Path, rules: QueueRules, name: str, told: str
) -> None:
    """The line names the property, what it is and must be, and the command that mends it."""
    async with managed_queue(rules, tmp_path) as settings:
        line = await azure.flaw("--for", "worker", **settings)
    assert line == f"queue: auditstream: {name} {told}; run auditstream provision"


@on_azure
async def test_what_provision_can_mend_is_mended(azure: Site, tmp_path: Path) -> None:
    """What was not as it must be passes afterwards, and is said to have been changed."""
    rules = QueueRules(lock_duration=30.0, max_delivery_count=5)
    async with managed_queue(rules, tmp_path) as settings:
        code, said = await azure.command("provision", **settings)
        assert code == 0
        for name in ("lock duration", "max delivery count"):
            assert f"queue auditstream: {name} changed" in said
        found = await azure.found("--for", "worker", **settings)
    assert {each["name"] for each in found if each["standing"] == "fail"} == OF_THE_EMULATOR


@on_azure
async def test_a_blob_container_that_is_not_there(azure: Site) -> None:
    """The line names the container and the command that makes it."""
    line = await azure.flaw("--for", "tap", AUDITSTREAM_BLOBS__CONTAINER="somewhere-else")
    assert "container somewhere-else: the container is not there" in line
    assert "`auditstream provision`" in line


@on_azure
async def test_a_key_that_the_blobs_do_not_take(azure: Site) -> None:
    """The line says that it is the credential, and does not repeat it."""
    name = "AUDITSTREAM_BLOBS__CONNECTION_STRING"
    before, _, rest = azure.settings[name].partition("AccountKey=")
    changed = f"{before}AccountKey={WRONG_KEY};{rest.partition(';')[2]}"
    line = await azure.flaw("--for", "tap", **{name: changed})
    assert "the credential was refused: see blobs.account and blobs.connection_string" in line
    assert WRONG_KEY not in line


@on_azure
async def test_a_database_that_is_not_there(azure: Site) -> None:
    """The line names account, database and the command that makes it."""
    line = await azure.flaw("--for", "console", AUDITSTREAM_STORE__DATABASE="somewhere-else")
    assert line.startswith("store https://127.0.0.1:")
    assert "/somewhere-else/records has no such database or container" in line
    assert "auditstream provision" in line


@on_azure
async def test_an_account_whose_certificate_is_not_trusted(azure: Site, tmp_path: Path) -> None:
    """The line names the account; a file of certificates that is none names the setting."""
    other = make_certificate(tmp_path)
    line = await azure.flaw("--for", "console", AUDITSTREAM_STORE__CA=str(other))
    assert line.startswith("store https://127.0.0.1:")
    (tmp_path / "none.pem").write_text("no certificate")
    line = await azure.flaw("--for", "console", AUDITSTREAM_STORE__CA=str(tmp_path / "none.pem"))
    assert line.startswith(f"store store.ca: {tmp_path}/none.pem holds no certificates")
