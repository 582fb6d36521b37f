"""What a boot says of the boots before it.

The law of this module: an earlier boot's note is brought up to exactly what its frames show, and
a boot that died before its last word gets one, drawn up once and repeated unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from audit.ids import timestamp
from audit.ledger import Checkpoint
from storage.spool.account import Unrecorded
from storage.spool.folder import FolderFacts
from storage.spool.notes import BootNote
from storage.spool.numbers import UNOPENED, Chain, RangeSet
from storage.spool.survey import BootFacts, Survey

__all__ = ["finish", "speak_for"]

# No boot comes this far without a note: a frame that claims it is made up, and must not keep a
# start busy for years.
_MOST_NUMBERS = 10_000_000


def finish(note: BootNote, facts: FolderFacts) -> BootNote:
    """Bring an earlier boot's note up to what its frames say."""
    survey = facts.survey
    seen = survey.boots.get(note.boot) or BootFacts(note.boot)
    opened = max(note.opened, seen.opened, seen.shipped.highest)
    chain = Chain(note.chained, note.chain, note.ahead)
    told = opened - note.chained <= _MOST_NUMBERS
    unopened = RangeSet((first, last) for first, last, _ in note.unrecorded)
    for seq in range(note.chained + 1, opened + 1) if told else ():
        chain.settle(seq, UNOPENED if seq in unopened else _settled_id(survey, seen, seq))
    numbers = facts.numbers
    reserved = numbers.reserved if numbers and numbers.boot == note.boot else note.reserved
    return msgspec.structs.replace(
        note,
        opened=opened,
        reserved=reserved,
        chained=chain.opened,
        chain=chain.head,
        chain_known=told and note.chain_known and note.boot not in survey.nameless,
        ahead={},
        checkpoints=max(note.checkpoints, seen.checkpoint.index + 1 if seen.checkpoint else 0),
        unrecorded=_join((*note.unrecorded, *_told(seen)), seen.unrecorded),
    )


def _settled_id(survey: Survey, seen: BootFacts, seq: int) -> str:
    if seq in seen.unrecorded:
        return UNOPENED
    sighting = survey.exchanges.get((seen.boot, seq))
    return sighting.id if sighting else seen.settled.get(seq, UNOPENED)


def _told(seen: BootFacts) -> tuple[tuple[int, int, str], ...]:
    return seen.checkpoint.unrecorded if seen.checkpoint else ()


def _join(
    noted: Iterable[tuple[int, int, str]], seen: dict[int, str]
) -> tuple[tuple[int, int, str], ...]:
    account = Unrecorded(noted)
    for seq, reason in seen.items():
        account.add(seq, seq, reason)
    return account.ranges


def speak_for(note: BootNote, facts: FolderFacts, tap: str, now_ns: int) -> BootNote:
    """Draw up the last word on a boot that did not speak its own.

    The checkpoint before it is repeated too, and so is a last word of its own: the boot may have
    died before that was sent, and a hole in their indexes would look like a removal. A boot of
    whose checkpoints one cannot be read is not spoken for: it may have left under the same index.
    """
    seen = facts.survey.boots.get(note.boot)
    spoken = seen.checkpoint if seen else None
    if spoken and spoken.final and spoken.opened == note.opened:
        return msgspec.structs.replace(note, last_words=(spoken,))
    if not note.chain_known or (seen and seen.unheard):
        return note
    before = next((each for each in facts.notes if each.boot == note.predecessor), None)
    word = Checkpoint(
        tap=tap,
        boot=note.boot,
        index=note.checkpoints,
        opened=note.opened,
        chain=note.chain,
        at=timestamp(now_ns),
        predecessor=note.predecessor,
        predecessor_opened=before.opened if before else None,
        predecessor_chain=before.chain if before and before.chain_known else None,
        unrecorded=note.unrecorded,
        final=True,
    )
    words = (spoken, word) if spoken else (word,)
    return msgspec.structs.replace(note, last_words=words, checkpoints=word.index + 1)
