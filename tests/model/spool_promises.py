"""The spool's model: the exchanges that there were, and what was promised for each.

It is a dictionary and some sets. It knows of no disk, no thread and no order of steps: it is told
what was said to the spool and what the spool answered, and holds what is offered against that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from audit.digest import CHAIN_START, chain
from audit.errors import EnvelopeDamaged
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint
from storage.envelope import OpenedRecord, open_envelope
from storage.spool.port import Shipment, ShipmentKind
from tests.unit.storage.kit import OPENER

__all__ = ["Promised", "Promises"]


@dataclass
class Promised:
    """What the model knows of one exchange.

    `durable` says that not even a power cut may take it; `forgotten` that its shipped mark, or
    the note that its opening was refused, is durable, so that it may never come back. `spoilt`
    says that a segment with frames of it was altered, `recovered` that a start found it.
    """

    number: ExchangeNumber
    strict: bool
    acked: bool = False
    refused: bool = False
    durable: bool = False
    pieces: list[bytes] = field(default_factory=list)
    record: bytes | None = None
    ended: bool = False
    whole: bool = False
    told: bool = False
    forgotten: bool = False
    spoilt: bool = False
    recovered: bool = False


@dataclass
class Promises:
    """All exchanges by id.

    `unopened` are the numbers without an opening; `claimed` those of which a checkpoint said so.
    `sent` are the checkpoints that the ledger has, by boot and index.
    """

    exchanges: dict[str, Promised] = field(default_factory=dict)
    unopened: set[ExchangeNumber] = field(default_factory=set)
    claimed: set[ExchangeNumber] = field(default_factory=set)
    sent: dict[tuple[str, int], Checkpoint] = field(default_factory=dict)

    def hear(self, words: Sequence[Checkpoint]) -> None:
        """A start says these of earlier boots, and the ledger gets them: none may contradict."""
        for word in words:
            told = self.sent.setdefault((word.boot, word.index), word)
            assert told == word, "another checkpoint of this index is in the ledger"
        for last in words:
            if last.final:
                told_of = [each for each in self.sent.values() if each.boot == last.boot]
                assert last == max(told_of, key=lambda each: (each.index, each.opened))
                assert last.opened == max(each.opened for each in told_of), "it had said more"

    def found_again(self, promised: Promised) -> None:
        """Recovery found it and made it durable: from here on it may not be lost."""
        promised.acked = promised.durable = True
        promised.told = promised.refused = False
        self.unopened.discard(promised.number)

    def survivors(self, *, power: bool) -> set[str]:
        """The exchanges that a crash may not take."""
        return {
            record_id
            for record_id, each in self.exchanges.items()
            if (each.durable if power else each.acked) and not each.told and not each.spoilt
        }

    def fold(self, boot: str, opened: int) -> str:
        """The chain as the model knows it."""
        ids = {
            each.number.seq: record_id
            for record_id, each in self.exchanges.items()
            if each.number.boot == boot and each.number not in self.unopened
        }
        head = CHAIN_START
        for seq in range(1, opened + 1):
            head = chain(head, seq, ids.get(seq, "-"))
        return head

    def check(self, shipment: Shipment, *, recovered: bool = False) -> None:
        """What is offered was promised, and its envelope holds what passed."""
        assert shipment.id in self.exchanges, "an exchange that nobody opened"
        promised = self.exchanges[shipment.id]
        promised.recovered |= recovered
        assert promised.spoilt or shipment.number == promised.number
        assert not promised.forgotten, "an exchange that was shipped came back"
        try:
            opened = open_envelope(shipment.envelope, OPENER)
        except EnvelopeDamaged:
            # A cut that leaves less than eight zeros at a frame's end looks like damage.
            assert promised.spoilt or not promised.durable, "an envelope was damaged without cause"
            promised.spoilt = True
            return
        if isinstance(opened, OpenedRecord):
            assert shipment.kind is ShipmentKind.RECORD
            assert opened.record_json == promised.record
        else:
            assert opened.opening.id == shipment.id
            rest = iter(promised.pieces)
            assert all(each.opened() in rest for each in opened.pieces)
            if promised.ended and not (promised.recovered or promised.spoilt):
                # Whatever found no room before it: the last piece says how it ended.
                assert opened.pieces[-1].opened() == promised.pieces[-1], "no word of its end"
