"""`auditstream check` and `provision` on Azure's services: each mistake is one clear line.

As in `test_check`, each test makes one mistake in a set-up that is in order otherwise, here on the
emulators.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.emulators.service_bus import QueueRules, service_bus
from tests.emulators.service_bus.administration import Administration
from tests.harness.certificate import make_certificate
from tests.harness.checking import OF_THE_EMULATOR, Site, addresses, gateway
from tests.harness.engines import emulators
from tests.harness.tree import free_port

WRONG_KEY = "bm90IHRoZSBrZXkgb2YgYW55Ym9keQ=="


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
    assert "the credential was refused; see blobs.account and blobs.connection_string" in line
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
