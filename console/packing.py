"""An export as a ZIP that grows while it is read: nothing is kept whole, in memory or on disk."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

from audit.ids import timestamp
from console.exporting import Exporter, Shape, manifest
from console.principal import Visit
from console.room import ReadingRoom
from console.sink import Sink
from storage.access.port import Deed
from storage.records.query import describe, parse

__all__ = ["Told", "export"]


# How many records were looked at, and of how many; None where that would take long to know.
Told: TypeAlias = Callable[[int, int | None], None]


def _silent(done: int, of: int | None) -> None:
    del done, of


async def export(
    room: ReadingRoom, visit: Visit, text: str, shape: Shape, most: int, tell: Told = _silent
) -> AsyncIterator[bytes]:
    """Give the bytes of a ZIP with the records that a filter finds, newest first, and a manifest.

    At most `most` records; the manifest says when there were more. Its beginning and its end are
    put on record. `tell` hears how many records were looked at, and of how many, after each page.
    Raises `QueryInvalid` before the first byte.
    """
    now_ns = room.now_ns()
    query = parse(text, now_ns)
    asked = describe(query, show_text=False)
    sink, exporter = Sink(), Exporter(shape)
    await room.enter(visit, Deed.EXPORT, f"begun as {shape}: {asked}")
    size = await room.size(visit.principal, query, most)
    cursor: str | None = None
    # A ZIP's own times have no zone; what was when is in the manifest.
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(_member(shape.file), "w", force_zip64=True) as file:
            file.write(exporter.begin())
            while (left := most - exporter.exported - exporter.left_out) > 0:
                page = await room.page(visit.principal, query, cursor, left)
                file.write(exporter.write(page.documents))
                cursor = page.cursor
                tell(exporter.exported + exporter.left_out, size)
                yield sink.take()
                if cursor is None:
                    break
            file.write(exporter.end())
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
