"""An export as a ZIP that grows while it is read: nothing is kept whole, in memory or on disk."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator
from io import RawIOBase
from typing import Any

from audit.ids import timestamp
from console.exporting import Exporter, Shape, manifest
from console.principal import Visit
from console.room import ReadingRoom
from storage.access.port import Deed
from storage.records.query import describe, parse

__all__ = ["export"]


class _Sink(RawIOBase):
    """Takes what the archive writes until someone takes it on."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


async def export(
    room: ReadingRoom, visit: Visit, text: str, shape: Shape, most: int
) -> AsyncIterator[bytes]:
    """Give the bytes of a ZIP with the records that a filter finds, newest first, and a manifest.

    At most `most` records; the manifest says when there were more. Its beginning and its end are
    put on record. Raises `QueryInvalid` before the first byte.
    """
    now_ns = room.now_ns()
    query = parse(text, now_ns)
    asked = describe(query, show_text=False)
    await room.enter(visit, Deed.EXPORT, f"begun as {shape}: {asked}")
    sink, exporter = _Sink(), Exporter(shape)
    cursor: str | None = None
    # A ZIP's own times have no zone; what was when is in the manifest.
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(_member(shape.file), "w", force_zip64=True) as file:
            file.write(exporter.begin())
            while (left := most - exporter.exported - exporter.left_out) > 0:
                page = await room.page(visit.principal, query, cursor, left)
                file.write(exporter.write(page.documents))
                cursor = page.cursor
                yield sink.take()
                if cursor is None:
                    break
        said = manifest(
            exporter,
            filter_text=text,
            asked=describe(query),
            who=visit.principal.who,
            purpose=visit.purpose,
            at=timestamp(now_ns),
            more=cursor is not None,
        )
        archive.writestr(_member("manifest.json"), said)
    await room.enter(visit, Deed.EXPORT, f"finished as {shape}: {asked}", exporter.exported)
    yield sink.take()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    return member
