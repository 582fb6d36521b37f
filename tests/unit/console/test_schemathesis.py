"""Schemathesis against the served description: no defect, and no answer that is not described.

What is left out, and why:

- `positive_data_acceptance`: a filter is a language, and a cursor is one that a search has given; a
  schema cannot say either, so most texts are refused although they fit it.
- 413 counts as a refusal of what does not fit the schema: a long filter is refused for its length
  before it is read.
- `GET /openapi.json`, which Schemathesis has read by then, and the pages, which are no API; other
  tests ask these for every address (`test_hostile_requests.py`, `test_two_worlds.py`).

The same requests are made each time: the seed and their number are fixed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiohttp.test_utils import TestServer

from console.app import Console, build_app
from console.sessions import Sessions
from storage.access.memory import MemorySavedSearches
from tests.unit.console.kit import ADMIN, TOKEN, a_seal
from tests.unit.console.two_worlds import OURS, THEIRS, sqlite_world

COMMAND = Path(sys.executable).with_name("schemathesis")
CONFIG = """
seed = 9
[generation]
max-examples = 25
[checks.positive_data_acceptance]
enabled = false
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 413]
[cache]
enabled = false
"""


async def test_no_request_is_answered_with_a_defect_or_otherwise_than_described(
    tmp_path: Path,
) -> None:
    """Hundreds of requests that fit the description, and that do not, over a store in files."""
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    async with sqlite_world(tmp_path / "store.db", *OURS, *THEIRS) as room:
        console = Console(
            room=room,
            sessions=Sessions(a_seal(), lambda: "drawn", lambda: 0.0),
            saved=MemorySavedSearches(),
            owner=ADMIN,
            token=TOKEN,
            max_export=10,
        )
        async with TestServer(build_app(console)) as server:
            run = await asyncio.create_subprocess_exec(
                *(COMMAND, "--no-color", "--config-file", tmp_path / "schemathesis.toml"),
                *("run", str(server.make_url("/openapi.json"))),
                *("-H", f"Authorization: Bearer {TOKEN}", "--output-truncate", "true"),
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said = (await run.communicate())[0].decode()
    assert run.returncode == 0, "\n".join(line[:300] for line in said.splitlines())
    assert "7 selected / 7 total" in said
    # Records are found by following a search to them, not only by ids that nobody gave.
    assert "Stateful (not applicable)" not in said
