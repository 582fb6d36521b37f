"""The gateway behind the tap.

What the tap passes on it passes on with the caller's credential, which nobody has here: so it is
seen that the gateway answers, and not that it answers a chat.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from audit.errors import SettingInvalid
from audit.preflight import Finding, failed, passed, skipped
from audit.settings import Settings
from cli.checks.clock import clock
from cli.checks.refused import refused
from cli.checks.wire import Unanswered, ask

__all__ = ["upstream"]


async def upstream(settings: Settings) -> AsyncIterator[Finding]:
    """Connect, and read the head of an answer."""
    from cli.gateway import endpoint_of  # noqa: PLC0415 - only the tap's image has what it needs

    try:
        endpoint = endpoint_of(settings)
    except SettingInvalid as error:
        yield refused("upstream", error)
        return
    url = settings.upstream or ""
    try:
        answer = await ask(url, endpoint.tls)
    except Unanswered as why:
        advice = "see upstream, the network, and tap.upstream_ca for a certificate of your own"
        yield failed("upstream", f"{url}: {why}", advice)
        return
    yield passed("upstream", f"{url} answered {answer.status} in {answer.seconds * 1000:.0f} ms")
    told = "not tried: a call takes a caller's credential, and is charged"
    yield skipped("upstream: streaming", told)
    yield clock("upstream", answer)
