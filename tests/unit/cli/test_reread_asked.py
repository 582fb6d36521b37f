"""What a re-redaction is refused for, before what redacts is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.errors import AuditStreamError, OrderInvalid, QueryInvalid, SettingInvalid
from audit.settings import Settings
from cli.reread_asked import asked

POLICY = Path("redaction/policies/default.toml")
GIVEN: dict[str, Any] = {"where": "", "policy": POLICY, "why": "because", "dry_run": False}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"why": " "}, OrderInvalid),
        ({"why": None}, OrderInvalid),
        ({"where": "nofield:x"}, QueryInvalid),
        ({"policy": Path("nosuch.toml")}, SettingInvalid),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, wrong: dict[str, Any], error: type[AuditStreamError]
) -> None:
    """A missing reason, a misspelt filter, a policy that is not there; and a folder of nothing."""
    settings = Settings(data=tmp_path)
    with pytest.raises(error):
        asked(settings, **(GIVEN | wrong))
    with pytest.raises(SettingInvalid, match="there is nothing in"):
        asked(settings, **GIVEN)
    (tmp_path / "spool").mkdir()
    told = asked(settings, **(GIVEN | {"why": None, "dry_run": True}))
    assert told.settings.redaction.policy == POLICY


def test_nothing_that_redacts_is_imported_to_be_refused() -> None:
    """Presidio and spaCy take seconds, which nobody waits who has misspelt a file."""
    probe = (
        "import sys\n"
        "from cli.keeping import reredact\n"
        "try:\n"
        "    reredact(['--policy', 'nosuch.toml', '--why', 'x'], standalone_mode=False)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, 'spacy' in sys.modules)\n"
    )
    run = [sys.executable, "-c", probe]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "SettingInvalid False"
