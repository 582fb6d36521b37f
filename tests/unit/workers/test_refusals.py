"""Orders that are refused say what stands in their way, and discarded checkpoints leave one."""

from __future__ import annotations

import msgspec
import pytest

from audit.errors import ConsumerUnknown, ExchangeUnknown, RecordHeld
from audit.orders import Order, OrderKind, order_statement
from audit.signing import Role
from audit.value import to_json
from storage.queue.port import Message, MessageKind
from tests.contract.samples import BOOT, a_checkpoint, number, record_id
from tests.unit.workers.house import NOW, House, an_order, sealed
from tests.unit.workers.parts import TRUST
from workers.carrier import Carried

ERASE, HOLD = OrderKind.ERASE, OrderKind.HOLD
WORD = f"tap/{BOOT}#0"


def a_word(index: int = 0) -> Message:
    """A tap's checkpoint on its way."""
    body = to_json(a_checkpoint(index))
    return Message(f"tap/{BOOT}#{index}", MessageKind.CHECKPOINT, number(0), body)


def an_order_of(*ids: str) -> Order:
    """An erasure of messages by their ids, as discarding gives it."""
    return msgspec.structs.replace(an_order(ERASE, name="o-1"), ids=ids)


async def set_aside(house: House, message: Message) -> None:
    """Send it, and have it set aside as nobody's."""
    await house.queue.send([message])
    (delivery,) = await house.queue.receive(1, 0)
    await house.queue.dead_letter(delivery, "signature.invalid", "Nobody's.")


async def orders(house: House) -> list[str]:
    """The ids of what stands in the book."""
    return [each.id for each in await house.book.orders()]


@pytest.mark.parametrize("by_id", [True, False])
async def test_a_refusal_names_the_hold_that_keeps_a_record(house: House, by_id: bool) -> None:
    """Its id, since when it stands and why: what it takes to find it, or to release it."""
    await house.carry(sealed(1))
    hold = an_order(HOLD, 1, name="h-1") if by_id else an_order(HOLD, consumer="demo", name="h-1")
    await house.holder().add(hold)
    with pytest.raises(RecordHeld) as refused:
        await house.eraser().erase(an_order(ERASE, 1))
    on = "" if by_id else " on the consumer demo"
    named = f"the hold h-1{on}, since {NOW} (a person asked for it): it keeps {record_id(1)}; "
    assert str(refused.value) == f"{named}nothing was done"


async def test_a_dead_letter_that_nobody_opened_is_kept_by_a_hold_with_a_name(house: House) -> None:
    """Discarding is refused with each hold on a consumer that might keep it, and no other."""
    await house.queue.send([sealed(1), sealed(2)])
    await house.set_aside_next()
    await house.holder().add(an_order(HOLD, consumer="demo", name="h-1"))
    await house.holder().add(an_order(HOLD, consumer="other", name="h-2"))
    await house.holder().add(an_order(HOLD, 2, name="h-3"))
    await house.holder().add(an_order(HOLD, consumer="left", name="h-4"))
    await house.holder().release("h-4", "over")
    with pytest.raises(RecordHeld) as refused:
        await house.eraser().discard(an_order(ERASE, 1))
    said = str(refused.value)
    assert f"nobody has opened {record_id(1)} yet" in said
    for named in ("h-1 on the consumer demo", "h-2 on the consumer other"):
        assert f"the hold {named}, since {NOW} (a person asked for it)" in said
    assert "h-3" not in said
    assert "h-4" not in said
    assert await house.admin.dead_letter_of(record_id(1)) is not None


async def test_a_hold_by_id_on_what_nobody_opened_is_named(house: House) -> None:
    """Each hold once, with the exchanges that they keep and without those that they do not."""
    await house.queue.send([sealed(1), sealed(2)])
    await house.holder().add(an_order(HOLD, 1, name="h-1"))
    with pytest.raises(RecordHeld) as refused:
        await house.eraser().erase(an_order(ERASE, 1, 2))
    assert str(refused.value).startswith("the hold h-1, since ")
    assert f"it keeps {record_id(1)}; nothing was done" in str(refused.value)


@pytest.mark.parametrize("kind", OrderKind)
async def test_a_consumer_that_nobody_knows_gets_no_order(house: House, kind: OrderKind) -> None:
    """A misspelt name is told with what to look at; no order of it stands, not even as a plan."""
    order = an_order(kind, consumer="dmeo")
    with pytest.raises(ConsumerUnknown, match="no consumer dmeo is known"):
        await (house.eraser().erase(order) if kind is ERASE else house.holder().add(order))
    with pytest.raises(ConsumerUnknown):
        await house.eraser().look(order)
    assert await orders(house) == []


async def test_a_consumer_is_known_by_settings_record_or_ledger(house: House) -> None:
    """Who has neither records nor entries yet is held; whose records are gone is still known."""
    await house.carry(sealed(1, consumer="past"))
    house.consumers = ("demo",)
    await house.holder().add(an_order(HOLD, consumer="demo", name="o-1"))
    await house.eraser().erase(an_order(ERASE, consumer="past", before="2999", name="o-2"))
    assert await house.stored(1) is None
    await house.holder().add(an_order(HOLD, consumer="past", name="o-3"))
    assert await orders(house) == ["o-1", "o-2", "o-3"]


async def test_a_damaged_message_that_names_no_exchange_is_discarded_by_an_order(
    house: House,
) -> None:
    """There is nothing that a ledger's entry or a certificate could say of it."""
    await set_aside(house, Message("?1", MessageKind.DAMAGED, number(0), b"sealed"))
    assert await house.eraser().discard_checkpoints(an_order_of("?1")) == 1
    assert await house.admin.dead_letter_of("?1") is None
    assert await orders(house) == ["o-1"]


async def test_a_discarded_checkpoint_leaves_a_signed_order(house: House) -> None:
    """Who looks into the book later sees that it went, when and why."""
    await set_aside(house, a_word())
    order = an_order_of(WORD)
    assert await house.eraser().discard_checkpoints(order) == 1
    assert await house.admin.find(WORD) is None
    (stands,) = await house.book.orders()
    assert (stands.id, stands.ids, stands.why) == ("o-1", (WORD,), order.why)
    assert TRUST.bears_out(Role.WORKER, order_statement(stands), stands.signature)


async def test_a_discarded_checkpoint_bars_no_true_one(house: House) -> None:
    """What a trusted tap says later under the same name is evidence, and is entered."""
    await set_aside(house, a_word())
    await house.eraser().discard_checkpoints(an_order_of(WORD))
    assert await house.carry(a_word()) == [Carried.CHECKPOINT]
    assert [each async for each in house.ledger.checkpoints()] == [a_checkpoint(0)]


async def test_only_a_dead_checkpoint_is_discarded_as_one(house: House) -> None:
    """Neither an exchange, nor one that waits, nor an unknown one: all or nothing is done."""
    await set_aside(house, a_word())
    await set_aside(house, sealed(1))
    await house.queue.send([a_word(1)])
    for other in (record_id(1), f"tap/{BOOT}#1", "nobody"):
        with pytest.raises(ExchangeUnknown, match=f"no dead checkpoint {other}; nothing was done"):
            await house.eraser().discard_checkpoints(an_order_of(WORD, other))
    assert await house.admin.dead_letter_of(WORD) is not None
    assert await orders(house) == []
