"""The policy that ships without its model of names, for trees whose texts are made-up words.

What a model makes of words that nobody writes is no question of theirs; how it reads people's own
texts is asked in `tests/quality`, and whole trees run with it in the tests of the demo.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from tests.unit.docs.source import ROOT

__all__ = ["without_names"]


@functools.cache
def without_names() -> dict[str, str]:
    """The setting that names the policy, which is written to a file until this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="auditstream-policy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shipped = (ROOT / "redaction" / "policies" / "default.toml").read_text("utf-8")
    policy = folder / "policy.toml"
    policy.write_text(shipped.replace(', "names"]', "]"), "utf-8")
    assert policy.read_text("utf-8") != shipped
    return {"AUDITSTREAM_REDACTION__POLICY": str(policy)}
