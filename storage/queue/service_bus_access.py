"""How Service Bus is reached, and what its refusals mean.

The law: each call to the SDK has an end. `asked` gives it the seconds of `ServiceBusAccess` and
turns whatever the SDK raises into `QueueUnavailable` by the table `REASONS`; its message names the
setting to look at and repeats nothing that the service or the SDK said. What is in no table is a
defect of ours and passes as it is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.servicebus import exceptions as sdk
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from audit.errors import QueueUnavailable, SettingInvalid
from storage.queue.service_bus_sockets import closing_sockets

__all__ = ["REASONS", "ServiceBusAccess", "administration_of", "asked", "client_of", "unavailable"]

_RIGHTS = (
    "its identity needs the role Azure Service Bus Data Sender to send or Data Receiver to receive,"
    " or queue.connection_string a policy with these rights"
)

REASONS: dict[type[Exception], str] = {
    sdk.ServiceBusAuthenticationError: f"did not accept this process; {_RIGHTS}",
    sdk.ServiceBusAuthorizationError: f"does not permit this; {_RIGHTS}",
    sdk.MessagingEntityNotFoundError: (
        "does not exist; look at queue.name and queue.namespace, or run `auditstream provision`"
    ),
    sdk.MessagingEntityDisabledError: "is disabled; enable it in the portal",
    sdk.ServiceBusServerBusyError: "is busy and asks to come later",
    sdk.ServiceBusQuotaExceededError: "is full, or has too many connections",
    sdk.MessageSizeExceededError: "does not take a message of this size; large bodies need blobs",
    sdk.OperationTimeoutError: "did not answer in time",
    sdk.ServiceBusCommunicationError: "cannot be reached; look at queue.namespace and the network",
    sdk.ServiceBusConnectionError: "cannot be reached; look at queue.namespace and the network",
    # The SDK's own word for everything else, such as a settlement during an outage, where it
    # stumbles over a handler that is gone.
    sdk.ServiceBusError: "failed to do this",
    ClientAuthenticationError: (
        "gets no token from this process, which cannot sign in as any identity; give it one that"
        " DefaultAzureCredential finds, or set queue.connection_string"
    ),
    ResourceNotFoundError: "does not exist; look at queue.name, or run `auditstream provision`",
    # Only the management side answers by HTTP.
    HttpResponseError: (
        "refuses its management side to this process; that takes the role Azure Service Bus Data"
        " Owner, or a policy with Manage"
    ),
    ServiceRequestError: "cannot be reached; look at queue.namespace and the network",
    ServiceResponseError: "cannot be reached; look at queue.namespace and the network",
    AzureError: "failed to do this",
    OSError: "cannot be reached; look at queue.namespace and the network",
    # When its connection breaks under a call, the SDK works on with the handler that it has just
    # set to None, or finds itself shut down.
    AttributeError: "broke off",
    ValueError: "broke off",
}

# What the service asks for when it throttles.
# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling
_BUSY_SECONDS = 10.0

# How often the SDK tries by itself, and how long between: it hides a connection that was cut, as
# the service does with idle ones. An outage is ours to tell, soon.
_RETRIES, _BACKOFF, _LONGEST_BACKOFF = 2, 0.05, 1.0

# Of the time for one call, what the SDK may use up for one of its tries.
_TRY_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class ServiceBusAccess:
    """Where the queue is and who asks: a connection string, or a namespace and a credential.

    `timeout` bounds each call, opening and signing in included; `lease` is how long a lock is
    taken to last where the broker does not say. Both are seconds.
    """

    queue: str
    connection_string: str | None = field(default=None, repr=False)
    namespace: str | None = None
    credential: AsyncTokenCredential | None = field(default=None, repr=False)
    timeout: float = 30.0
    lease: float = 60.0


def client_of(access: ServiceBusAccess, trust: ssl.SSLContext) -> ServiceBusClient:
    """A client, which connects to nothing yet. Raises `SettingInvalid`.

    `trust` is made once: the SDK would read the certificates for each connection, and hold up the
    loop for it.
    """
    options: dict[str, Any] = {
        "ssl_context": trust,
        "retry_total": _RETRIES,
        "retry_backoff_factor": _BACKOFF,
        "retry_backoff_max": _LONGEST_BACKOFF,
        "try_timeout": access.timeout * _TRY_SHARE,
    }
    if access.connection_string is not None:
        try:
            client = ServiceBusClient.from_connection_string(access.connection_string, **options)
        except ValueError:
            raise SettingInvalid(
                "queue.connection_string is no connection string of a Service Bus namespace"
            ) from None
        return closing_sockets(client)
    namespace, credential = _identity(access)
    return closing_sockets(ServiceBusClient(namespace, credential, **options))


def administration_of(access: ServiceBusAccess) -> ServiceBusAdministrationClient:
    """A client for the queue's properties and counts. Raises `SettingInvalid`."""
    if access.connection_string is not None:
        return ServiceBusAdministrationClient.from_connection_string(
            access.connection_string, retry_total=1
        )
    namespace, credential = _identity(access)
    return ServiceBusAdministrationClient(namespace, credential, retry_total=1)


@asynccontextmanager
async def asked(
    access: ServiceBusAccess,
    seconds: float | None = None,
    *,
    passing: tuple[type[Exception], ...] = (),
) -> AsyncIterator[None]:
    """Let a call to the SDK take `seconds`, or the access's own, and translate what it raises.

    What is named in `passing` is an answer and no failure: it passes as it is.
    """
    try:
        async with asyncio.timeout(access.timeout if seconds is None else seconds):
            yield
    except TimeoutError:
        raise QueueUnavailable(_sentence(access, "did not answer in time")) from None
    except passing:
        raise
    except Exception as error:
        if (translated := unavailable(error, access)) is None:
            raise
        raise translated from None


def unavailable(error: Exception, access: ServiceBusAccess) -> QueueUnavailable | None:
    """Read the table; None for what it does not have.

    The SDK's word for everything else is read by what it wraps, such as a sign-in that failed.
    """
    inner = getattr(error, "inner_exception", None)
    if type(error) is sdk.ServiceBusError and isinstance(inner, Exception):
        return unavailable(inner, access) or QueueUnavailable(
            _sentence(access, REASONS[sdk.ServiceBusError])
        )
    for kind in type(error).__mro__:
        if (reason := REASONS.get(kind)) is not None:
            after = _BUSY_SECONDS if kind is sdk.ServiceBusServerBusyError else None
            return QueueUnavailable(_sentence(access, reason), retry_after=after)
    return None


def _sentence(access: ServiceBusAccess, reason: str) -> str:
    where = "" if access.namespace is None else f" in {access.namespace}"
    return f"the Service Bus queue {access.queue}{where} {reason}"


def _identity(access: ServiceBusAccess) -> tuple[str, AsyncTokenCredential]:
    if access.namespace is None or access.credential is None:
        raise SettingInvalid("Service Bus needs queue.namespace or queue.connection_string")
    return access.namespace, access.credential
