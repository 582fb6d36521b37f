"""What `auditstream reredact` is asked for, understood before anything is loaded.

The law: whoever has misspelt a file or forgotten the reason hears of it at once. What redacts takes
seconds to import and more to load, so nothing here imports it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from audit.errors import OrderInvalid
from audit.settings import Settings
from cli.office import begun
from cli.policies import check_models, policy_in
from storage.records.query import Query, parse

__all__ = ["Asked", "asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records, under which settings with their policy, why, and whether only to look."""

    settings: Settings
    query: Query
    why: str
    dry_run: bool


def asked(settings: Settings, *, where: str, policy: Path, why: str | None, dry_run: bool) -> Asked:
    """Understand the options.

    Raises `OrderInvalid`, `QueryInvalid`, and `SettingInvalid` for a policy or a data folder that
    cannot be used.
    """
    reason = (why or "").strip()
    if not dry_run and not reason:
        raise OrderInvalid("--why is missing: the reason is what an auditor will read")
    query = parse(where, time.time_ns())
    policy_in(policy)
    begun(settings)
    redaction = settings.redaction.model_copy(update={"policy": policy})
    under = settings.model_copy(update={"redaction": redaction})
    check_models(under)
    return Asked(under, query, reason, dry_run)
