"""A process without an identity is told that it has none, and what to do, once."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError

from audit.errors import AuditStreamError, BlobsUnavailable
from cli.checks.refused import advice_for, refused
from storage.blobs.azure_errors import translated as blobs_translated
from storage.queue.service_bus_access import ServiceBusAccess, unavailable
from storage.records.cosmos_errors import translated as store_translated


def of_blobs(problem: ClientAuthenticationError) -> AuditStreamError:
    """What the blobs make of it."""
    with pytest.raises(BlobsUnavailable) as raised, blobs_translated("account"):
        raise problem
    return raised.value


def of_queue(problem: ClientAuthenticationError) -> AuditStreamError:
    """What the queue makes of it."""
    error = unavailable(problem, ServiceBusAccess("queue"))
    assert error is not None
    return error


def of_store(problem: ClientAuthenticationError) -> AuditStreamError:
    """What the store makes of it."""
    return store_translated(problem, "account", writing=False)


SERVICES = {"blobs": of_blobs, "queue": of_queue, "store": of_store}


@pytest.mark.parametrize("service", SERVICES)
def test_no_credential_is_not_called_a_refused_one(service: str) -> None:
    """Nothing was refused where nothing could be shown; the line says where one is looked for."""
    error = SERVICES[service](ClientAuthenticationError("planted"))
    line = refused(service, error)
    assert "cannot sign in as any identity" in line.found
    assert "refused" not in line.found
    assert line.advice.startswith("give it one that DefaultAzureCredential finds, or set ")
    assert "planted" not in f"{line.found}{line.advice}"
    assert advice_for(error) not in line.advice
