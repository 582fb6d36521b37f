"""A process that writes to its spool is killed at a random moment, several boots in a row."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from audit.signing import Role
from storage.envelope import OpenedRecord, open_envelope
from storage.key_folder import FolderKeys
from storage.key_making import make_keys
from storage.sealing import HpkeOpener, HpkeSealer
from storage.signing import Ed25519Signer, TrustedKeys
from storage.spool.port import Shipment
from storage.spool.start import open_spool

BOOTS = 4


def _run_and_kill(folder: Path, boot: str, keys: Path, lines: int) -> list[str]:
    """Let a child write until it has said so many lines, kill it, and give all it said."""
    sign = next(keys.glob("sign.tap.*.key")).name
    names = ("seal.pub", "fingerprint.key", sign)
    texts = [(keys / name).read_text().strip() for name in names]
    command = [sys.executable, "-m", "tests.contract.spool_child", str(folder), boot, *texts]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        said += child.stdout.readlines()
    return [line.strip() for line in said if line.endswith("\n")]


async def test_every_acknowledged_opening_survives_a_kill(tmp_path: Path) -> None:
    """What the children were told is in the spool is there after four kills, each once."""
    make_keys(tmp_path / "keys")
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    said: list[str] = []
    for boot in range(BOOTS):
        lines = moments.randint(1, 3000)
        said += _run_and_kill(tmp_path / "spool", f"{boot:012x}-0000", tmp_path / "keys", lines)
    keys = FolderKeys(tmp_path / "keys")
    acknowledged = {line[1:] for line in said if line.startswith("+")}
    sealer = HpkeSealer(keys.tap(), Ed25519Signer(keys.signing(Role.TAP)))
    spool = await open_spool(tmp_path / "spool", "tap", f"{BOOTS:012x}-0000", sealer)
    offered: list[Shipment] = []
    while batch := await spool.shipments(500, 0.0):
        offered += batch
        spool.shipped([each.id for each in batch])
    await spool.shut()
    assert len(offered) == len({each.id for each in offered}), f"seed {seed}"
    assert acknowledged <= {each.id for each in offered}, f"seed {seed}"
    assert spool.recovery.damaged == 0
    opener = HpkeOpener(keys.worker(), TrustedKeys(keys.trusted()))
    for each in random.Random(seed).sample(offered, min(len(offered), 200)):
        opened = open_envelope(each.envelope, opener)
        if isinstance(opened, OpenedRecord):
            assert opened.record_json == each.id.encode() * 30
        else:
            assert opened.opening.id == each.id
    again = await open_spool(tmp_path / "spool", "tap", f"{BOOTS + 1:012x}-0000", sealer)
    assert await again.shipments(10, 0.0) == [], f"seed {seed}: shipped ones came back"
    await again.shut()
