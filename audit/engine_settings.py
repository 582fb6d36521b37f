"""The settings of the engines: where queue, blobs and records are kept, and who else is asked.

The defaults are files in the data folder and need nothing else. What is set here is of Azure's
services; secrets have no `repr` and are better left out: without them the process signs in as
the identity it runs under.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    model_validator,
)

__all__ = ["BlobSettings", "LanguageSettings", "QueueSettings", "Secret", "StoreSettings"]

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host name such as my-bus.servicebus.windows.net, no URL")
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise ValueError("must be a URL: https:// and the host of the service")
    return value.rstrip("/")


# A part gets its settings from its parent as JSON, through a pipe: there a secret is in the clear.
Secret = Annotated[
    SecretStr, PlainSerializer(lambda held: held.get_secret_value(), when_used="json")
]


class _Engine(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class QueueSettings(_Engine):
    """What lies between taps and workers."""

    engine: Literal["sqlite", "servicebus"] = Field(
        "sqlite", description="sqlite, a file in the data folder, or servicebus."
    )
    namespace: Annotated[str, AfterValidator(_host)] | None = Field(
        None,
        description=(
            "Host of the Service Bus namespace, my-bus.servicebus.windows.net; signs in as the"
            " identity of the process."
        ),
    )
    connection_string: Secret | None = Field(
        None, description="Connection string of the namespace, in place of `queue.namespace`."
    )
    name: str = Field(
        "auditstream",
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?$",
        description="Name of the Service Bus queue.",
    )
    timeout: float = Field(
        30.0, gt=0, le=600, description="Seconds that one operation on the queue may take."
    )

    @model_validator(mode="after")
    def _reachable(self) -> QueueSettings:
        if self.engine == "servicebus" and not (self.namespace or self.connection_string):
            raise ValueError("engine servicebus needs queue.namespace or queue.connection_string")
        return self


class BlobSettings(_Engine):
    """Where bodies lie that are too large for a message or a document."""

    engine: Literal["folder", "azure"] = Field(
        "folder", description="folder, in the data folder, or azure (Blob Storage)."
    )
    account: Annotated[str, AfterValidator(_url)] | None = Field(
        None,
        description=(
            "URL of the storage account, https://my-account.blob.core.windows.net; signs in as"
            " the identity of the process."
        ),
    )
    connection_string: Secret | None = Field(
        None, description="Connection string of the account, in place of `blobs.account`."
    )
    container: str = Field(
        "auditstream",
        pattern=r"^[a-z0-9](?:-?[a-z0-9]){2,62}$",
        description="Name of the blob container.",
    )
    timeout: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Seconds that a call to the blobs may take; a body has them for each 4 MiB.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> BlobSettings:
        if self.engine == "azure" and not (self.account or self.connection_string):
            raise ValueError("engine azure needs blobs.account or blobs.connection_string")
        return self


class StoreSettings(_Engine):
    """Where records, ledger and orders are kept."""

    engine: Literal["sqlite", "cosmos"] = Field(
        "sqlite", description="sqlite, a file in the data folder, or cosmos (Cosmos DB)."
    )
    endpoint: Annotated[str, AfterValidator(_url)] | None = Field(
        None, description="URL of the Cosmos DB account, https://my-account.documents.azure.com."
    )
    key: Secret | None = Field(
        None,
        description=(
            "Key of the Cosmos DB account; without it the process signs in as its identity."
        ),
    )
    database: str = Field(
        "auditstream", pattern=r"^[^/\\?#]{1,255}$", description="Name of the Cosmos DB database."
    )
    ca: Path | None = Field(
        None, description="File of CA certificates for the account's endpoint (an emulator's)."
    )
    full_text: bool = Field(
        False,
        description="Whether the account has full-text search; provision again when it changes.",
    )
    timeout: float = Field(
        30.0, gt=0, le=600, description="Seconds that one operation on the store may take."
    )

    @model_validator(mode="after")
    def _reachable(self) -> StoreSettings:
        if self.engine == "cosmos" and not self.endpoint:
            raise ValueError("engine cosmos needs store.endpoint")
        return self


class LanguageSettings(_Engine):
    """Azure AI Language, which is asked where the policy names the detector `azure_language`."""

    endpoint: Annotated[str, AfterValidator(_url)] | None = Field(
        None,
        description="URL of the Language resource, https://my-language.cognitiveservices.azure.com.",
    )
    key: Secret | None = Field(
        None,
        description="Key of the Language resource; without it a worker signs in as its identity.",
    )
    model_version: str = Field(
        "latest",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Version of the model that recognises personal data.",
    )
    timeout: float = Field(
        30.0, gt=0, le=120, description="Seconds that one request to the service may take."
    )
    max_concurrency: int = Field(
        4, ge=1, le=64, description="Requests to the service under way at once, for each worker."
    )
