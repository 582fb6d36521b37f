"""Queues as the management API writes them: Atom entries around a `QueueDescription`.

Names and namespaces are those that the SDK's models look for
(`management/_generated/models/_models.py`).
"""

from __future__ import annotations

import datetime as dt
import re
from xml.etree import ElementTree as ET

from tests.emulators.service_bus.control import census
from tests.emulators.service_bus.queue import Queue
from tests.emulators.service_bus.rules import QueueRules

__all__ = ["FEED", "entry", "rules"]

_ATOM = "http://www.w3.org/2005/Atom"
_BUS = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
_COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"

_FOR_EVER = "P10675199DT2H48M5.4775807S"

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?"
)

_TIMES = {
    "LockDuration": "lock_duration",
    "DefaultMessageTimeToLive": "time_to_live",
    "DuplicateDetectionHistoryTimeWindow": "duplicate_window",
}

# What the service answers when it is asked for an entity that is not there.
FEED = ET.tostring(ET.Element(f"{{{_ATOM}}}feed"))


def entry(queue: Queue) -> bytes:
    """The queue with its properties and counts."""
    entry = ET.Element(f"{{{_ATOM}}}entry")
    ET.SubElement(entry, f"{{{_ATOM}}}title", {"type": "text"}).text = queue.name
    content = ET.SubElement(entry, f"{{{_ATOM}}}content", {"type": "application/xml"})
    description = ET.SubElement(content, f"{{{_BUS}}}QueueDescription")
    for name, text in _described(queue).items():
        ET.SubElement(description, f"{{{_BUS}}}{name}").text = text
    details = ET.SubElement(description, f"{{{_BUS}}}CountDetails")
    for name, number in _counts(queue).items():
        ET.SubElement(details, f"{{{_COUNTS}}}{name}").text = str(number)
    return ET.tostring(entry)


def _described(queue: Queue) -> dict[str, str]:
    told, counts = queue.rules, census(queue)
    return {
        "LockDuration": _duration(told.lock_duration),
        "MaxSizeInMegabytes": "1024",
        "RequiresDuplicateDetection": str(told.duplicate_window > 0).lower(),
        "RequiresSession": "false",
        "DefaultMessageTimeToLive": _duration(told.time_to_live),
        "DeadLetteringOnMessageExpiration": str(told.dead_letter_on_expiry).lower(),
        "DuplicateDetectionHistoryTimeWindow": _duration(told.duplicate_window),
        "MaxDeliveryCount": str(told.max_delivery_count),
        "EnableBatchedOperations": "true",
        "SizeInBytes": str(counts["bytes"]),
        "MessageCount": str(counts["active"] + counts["scheduled"] + counts["dead"]),
        "Status": "Active",
        "MaxMessageSizeInKilobytes": str(told.max_message_size // 1024),
    }


def _counts(queue: Queue) -> dict[str, int]:
    counts = census(queue)
    return {
        "ActiveMessageCount": counts["active"],
        "DeadLetterMessageCount": counts["dead"],
        "ScheduledMessageCount": counts["scheduled"],
        "TransferMessageCount": 0,
        "TransferDeadLetterMessageCount": 0,
    }


def rules(body: bytes) -> QueueRules:
    """What a client asks of a queue; what it does not name is as the service has it by default."""
    given = {
        element.tag.rpartition("}")[2]: element.text or ""
        for element in ET.fromstring(body).iter()  # noqa: S314 - the test's own client wrote it
    }
    kept = {key: _seconds(given[name]) for name, key in _TIMES.items() if name in given}
    if given.get("RequiresDuplicateDetection") != "true":
        kept["duplicate_window"] = 0.0
    if "MaxDeliveryCount" in given:
        kept["max_delivery_count"] = int(given["MaxDeliveryCount"])
    if "MaxMessageSizeInKilobytes" in given:
        kept["max_message_size"] = int(given["MaxMessageSizeInKilobytes"]) * 1024
    buried = given.get("DeadLetteringOnMessageExpiration") == "true"
    return QueueRules(**kept, dead_letter_on_expiry=buried)  # type: ignore[arg-type] # by name


def _duration(seconds: float | None) -> str:
    return _FOR_EVER if seconds is None else f"PT{seconds:f}S".replace(".000000", "")


def _seconds(text: str) -> float | None:
    if text == _FOR_EVER:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"no duration: {text}")
    parts = {name: float(number) for name, number in found.groupdict(default="0").items()}
    return dt.timedelta(**parts).total_seconds()
