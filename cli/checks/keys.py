"""The keys: whether each part has those that it needs, and nobody else may read them."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from audit.errors import PermanentError
from audit.preflight import Finding, Standing, failed, passed, skipped
from audit.settings import Settings
from audit.signing import Role
from cli.checks.refused import refused
from cli.config import key_values
from cli.engines import on_this_machine
from cli.places import Places, keys_of, signer_of, tap_keys_of, trust_of, worker_keys_of
from storage.sight import is_there, listed

__all__ = ["console_token", "tap_keys", "worker_keys"]

_MAKE = "`auditstream keys new` makes what is missing; on another machine, copy them from there"


async def tap_keys(settings: Settings) -> AsyncIterator[Finding]:
    """What the tap seals, recognises and signs with."""
    yield (kept := _kept(settings))
    if kept.standing is not Standing.PASSED:
        return
    yield _had("keys: sealing", lambda: f"for {tap_keys_of(settings).key_id}")
    yield _had("keys: tap's signature", lambda: f"with {signer_of(settings, Role.TAP).key_id}")


async def worker_keys(settings: Settings) -> AsyncIterator[Finding]:
    """What a worker opens and signs with, and whose signatures it believes."""
    yield (kept := _kept(settings))
    if kept.standing is not Standing.PASSED:
        return
    yield _opening(settings)
    yield _had(
        "keys: worker's signature", lambda: f"with {signer_of(settings, Role.WORKER).key_id}"
    )
    yield _had("keys: trusted", lambda: _trusted(settings))


async def console_token(settings: Settings) -> AsyncIterator[Finding]:
    """What callers of the query side show."""
    if settings.console.token is not None:
        yield passed("console.token", "is set")
    elif settings.console.oidc.issuer is not None:
        yield skipped("console.token", "is not set: programs cannot come in, people have accounts")
    elif is_there(settings.key_folder / "console.token"):
        yield passed("console.token", f"is in {settings.key_folder}")
    else:
        yield passed("console.token", f"will be made in {settings.key_folder} at the first start")


def _opening(settings: Settings) -> Finding:
    try:
        current, held = tap_keys_of(settings).key_id, worker_keys_of(settings).key_ids
    except (PermanentError, OSError) as error:
        return refused("keys: opening", error, _why(error))
    if current in held:
        return passed("keys: opening", f"{len(held)} private, {current} among them")
    told = f"the private key {current} is not here: what taps seal now could not be opened"
    return failed("keys: opening", told, f"put seal.{current}.key back where the worker's keys are")


def _trusted(settings: Settings) -> str:
    trust_of(settings, *Role)
    counts = [sum(each.role is role for each in keys_of(settings).trusted()) for role in Role]
    told = [f"{count} of a {role}" for count, role in zip(counts, Role, strict=True)]
    return f"{', '.join(told)}"


def _had(name: str, look: Callable[[], str]) -> Finding:
    try:
        return passed(name, look())
    except (PermanentError, OSError) as error:
        return refused(name, error, _why(error))


def _kept(settings: Settings) -> Finding:
    """Where they are. The folder and every private half: mode 0750 and 0640, or less."""
    if given := key_values():
        return passed("keys", f"in the environment ({len(given)} variables)")
    folder = settings.key_folder
    if not is_there(folder):
        if on_this_machine(settings) and not Places(settings.data).begun:
            return skipped("keys", f"there are none in {folder} yet: the first start makes them")
        return failed("keys", f"there is no folder {folder}", f"set keys, or: {_MAKE}")
    for path, most in [(folder, stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP), *_secrets(folder)]:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & ~most:
            mend = "chmod 700" if path is folder else "chmod 600"
            return failed("keys", f"{path} is open to others (mode {mode:04o})", f"{mend} {path}")
    return passed("keys", f"in {folder}, for their owner alone")


def _secrets(folder: Path) -> list[tuple[Path, int]]:
    most = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP
    return [(each, most) for each in listed(folder, "*.key")]


def _why(error: PermanentError | OSError) -> str:
    return str(error.strerror if isinstance(error, OSError) else error)
