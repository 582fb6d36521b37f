"""`auditstream erase`: an order, carried out, and the certificate of it.

The law: standard output is the certificate and nothing else; what people should know besides
goes to standard error. The certificate's file is made before anything is erased, because an
erasure that cannot be shown has to be done again.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from audit.errors import OrderInvalid
from audit.orders import Order, OrderKind
from audit.settings import Settings
from audit.value import to_json
from cli.office import Office, new_order, office_of
from cli.render.erasure import erasure_lines, left_lines, plan_document, plan_lines
from workers.erasure import Erasure

__all__ = ["erase_and_certify", "run_erase"]


def run_erase(
    settings: Settings,
    *,
    ids: Sequence[str],
    consumer: str | None,
    session: str | None,
    before: str | None,
    why: str,
    out: Path | None,
    as_json: bool,
    dry_run: bool,
    lost_text: bool,
) -> int:
    """Erase, or say what would be. Gives 1 when bytes may be left, else 0.

    Raises `OrderInvalid` for an id and a consumer together: whoever means "this one of that
    consumer" must not erase the consumer.
    """
    if ids and consumer is not None:
        raise OrderInvalid("give --id or --consumer, not both; an id needs no consumer")
    order = new_order(
        settings,
        OrderKind.ERASE,
        ids=ids,
        consumer=consumer,
        session=session,
        before=before,
        why=why,
    )
    if dry_run:
        return asyncio.run(_look(settings, order, lost=lost_text, as_json=as_json))
    return erase_and_certify(settings, order, out=out, quiet=as_json, lost=lost_text)


def erase_and_certify(
    settings: Settings,
    order: Order,
    *,
    out: Path | None,
    quiet: bool,
    letters: bool = False,
    lost: bool = False,
) -> int:
    """Carry the order out, over dead letters only if so, and hand its certificate over.

    Records that have lost their text go only if `lost`.
    """
    with _target(out) as target:
        erasure, waiting = asyncio.run(_erase(settings, order, letters=letters, lost=lost))
        target.write(to_json(erasure.certificate) + b"\n")
    if not quiet:
        _say(erasure_lines(erasure, order, waiting=waiting, out=out))
    return 0 if erasure.clean and not erasure.left else 1


async def _look(settings: Settings, order: Order, *, lost: bool, as_json: bool) -> int:
    async with office_of(settings) as office:
        left: list[str] = []
        found = await office.eraser.look(order, left.append, lost=lost)
    _say(left_lines(left))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(plan_document(found)) + b"\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in plan_lines(found, order))
    return 0


async def _erase(
    settings: Settings, order: Order, *, letters: bool, lost: bool
) -> tuple[Erasure, int]:
    async with office_of(settings) as office:
        eraser = office.eraser
        done = eraser.discard(order) if letters else eraser.erase(order, lost=lost)
        return await done, await _sealed(office)


async def _sealed(office: Office) -> int:
    """How many messages nobody has opened, or could open, yet."""
    census = await office.queue_state.census()
    return census.waiting + census.leased + census.dead


@contextmanager
def _target(out: Path | None) -> Iterator[BinaryIO]:
    """Where the certificate goes; a new file that nothing was written to is taken away again."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise OrderInvalid(f"--out: {out} cannot be made ({error.strerror})") from None
    with os.fdopen(descriptor, "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            out.unlink(missing_ok=True)
            raise


def _say(lines: Sequence[str]) -> None:
    sys.stderr.writelines(f"auditstream: {line}\n" for line in lines)
