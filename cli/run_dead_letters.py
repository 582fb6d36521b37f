"""`auditstream dead-letters`: see, replay and discard what could not be carried.

The law: what is sealed stays sealed. Nothing here opens a body; a replay moves it back as it is,
and a discard removes it unread.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from audit.errors import ExchangeUnknown, OrderInvalid
from audit.orders import Order, OrderKind
from audit.settings import Settings
from cli.engines import queue_office_of, queue_view_of
from cli.office import begun, new_order, office_of
from cli.render.letters import known_codes, letter_document, letter_lines, list_lines
from cli.run_erase import erase_and_certify
from storage.queue.port import DeadLetter, MessageKind

__all__ = ["run_discard", "run_list", "run_replay", "run_show"]

# More than anyone leaves lying; a list holds no bodies.
_MOST = 1_000_000


def run_list(settings: Settings, *, as_json: bool) -> None:
    """Print all of them."""
    letters = asyncio.run(_letters(settings))
    if as_json:
        _print_json([letter_document(each) for each in letters])
    elif letters:
        sys.stdout.writelines(f"{line}\n" for line in list_lines(letters))
    else:
        sys.stdout.write("there are no dead letters\n")


def run_show(settings: Settings, message_id: str, *, as_json: bool) -> None:
    """Print what is known of one. Raises `ExchangeUnknown`."""
    (letter,) = _named(asyncio.run(_letters(settings)), [message_id])
    if as_json:
        _print_json(letter_document(letter))
    else:
        sys.stdout.writelines(f"{line}\n" for line in letter_lines(letter))


def run_replay(
    settings: Settings, *, ids: Sequence[str], everything: bool, code: str | None
) -> None:
    """Bring back those that are named; one that is back already is left as it is."""
    if bool(ids) is everything or (code is not None and not everything):
        raise OrderInvalid("say which: ID..., or --all, or --all --code CODE")
    replayed, others = asyncio.run(_replay(settings, ids, code))
    sys.stdout.write(f"{replayed} replayed\n")
    for each in others:
        sys.stderr.write(f"auditstream: {each} is in the queue already\n")


def run_discard(
    settings: Settings, *, ids: Sequence[str], why: str, out: Path | None, as_json: bool
) -> int:
    """Discard what is named, all or nothing; gives the exit code.

    A checkpoint is no exchange, and no more is what is too damaged to name one: it is removed by
    an order of its own, and no certificate speaks of it.
    """
    letters = _named(asyncio.run(_letters(settings)), ids)
    exchanges = [each.id for each in letters if each.is_exchange]
    others = [each for each in letters if not each.is_exchange]
    code = 0
    if exchanges:
        order = new_order(settings, OrderKind.ERASE, ids=exchanges, why=why)
        code = erase_and_certify(settings, order, out=out, quiet=as_json, letters=True)
    if others:
        order = new_order(settings, OrderKind.ERASE, ids=[each.id for each in others], why=why)
        removed = asyncio.run(_remove_checkpoints(settings, order))
        damaged = any(each.kind is MessageKind.DAMAGED for each in others)
        noun = "damaged message" if damaged else "checkpoint"
        told = f"{removed} {noun}{'' if removed == 1 else 's'} discarded"
        sys.stderr.write(f"auditstream: {told} by order {order.id}\n")
    return code


async def _letters(settings: Settings) -> Sequence[DeadLetter]:
    begun(settings)
    async with queue_view_of(settings) as queue:
        return await queue.dead_letters(_MOST)


async def _replay(
    settings: Settings, ids: Sequence[str], code: str | None
) -> tuple[int, list[str]]:
    """Give how many were replayed, and which of those named were no dead letters any more."""
    letters = {each.id: each for each in await _letters(settings)}
    _check_code(code, list(letters.values()))
    wanted = ids or [each.id for each in letters.values() if code in {None, each.code}]
    async with queue_office_of(settings) as queue:
        for each in wanted:
            if await queue.admin.find(each) is None:
                raise _unknown(each)
        done = [each for each in wanted if await queue.admin.replay(each)]
    return len(done), [each for each in wanted if each not in done]


async def _remove_checkpoints(settings: Settings, order: Order) -> int:
    async with office_of(settings) as office:
        return await office.eraser.discard_checkpoints(order)


def _check_code(code: str | None, letters: Sequence[DeadLetter]) -> None:
    """Refuse a misspelt one: that nothing has it would look like nothing left to do."""
    known = known_codes(letters)
    if code is not None and code not in known:
        raise OrderInvalid(f"there is no reason code {code!r}; there are: {', '.join(known)}")


def _named(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    by_id = {each.id: each for each in letters}
    for each in ids:
        if each not in by_id:
            raise _unknown(each)
    return [by_id[each] for each in ids]


def _unknown(message_id: str) -> ExchangeUnknown:
    return ExchangeUnknown(f"there is no dead letter {message_id}; nothing was done")


def _print_json(document: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
