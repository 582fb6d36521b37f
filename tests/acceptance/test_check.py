"""`auditstream check` names each of these mistakes in one clear line, and nothing else as wrong.

Each test makes one mistake in a set-up on files that is in order otherwise, and reads what the
command prints.
"""

from __future__ import annotations

import re
import shutil
import ssl
from collections.abc import AsyncIterator
from email.utils import formatdate
from importlib import resources
from pathlib import Path
from time import time

import pytest
import pytest_asyncio

from tests.harness.certificate import make_certificate
from tests.harness.checking import Site, addresses, gateway
from tests.harness.tree import auditstream, free_port


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the keys of a set-up were made, once for all tests."""
    folder = tmp_path_factory.mktemp("made")
    run = auditstream("keys", "new", "--data", str(folder / "data"))
    assert run.returncode == 0, run.stdout
    return folder


@pytest_asyncio.fixture
async def files(made: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """A set-up on files, with its keys, before its first start."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    async with gateway() as url:
        yield Site(tmp_path / "data", {"AUDITSTREAM_UPSTREAM": url, **addresses()})


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


async def test_on_files_there_is_nothing_to_provision(files: Site) -> None:
    """It says so and succeeds."""
    code, said = await files.command("provision")
    assert code == 0
    assert said.startswith("skipped engines  nothing of Azure's is configured")
