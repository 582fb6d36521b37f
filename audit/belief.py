"""Whose word is believed: signatures held against the keys that the verifier trusts.

The law of this module: a statement is believed for what a key of the right role has signed, and
for nothing else; where it stands, and what else agrees with it, is no argument. Without any
trusted keys every statement is taken as it comes, and whoever gathers the evidence says so by
naming `keys` among what could not be read.
"""

from __future__ import annotations

from audit.completeness import StoredMark
from audit.ledger import Checkpoint, LedgerEntry
from audit.signing import Role, Trust, checkpoint_statement, entry_statement, record_statement

__all__ = ["Belief"]


class Belief:
    """Asks a `Trust` about checkpoints, entries and records; one question costs some 100 µs."""

    def __init__(self, trust: Trust | None) -> None:
        self._trust = trust

    def checkpoint(self, checkpoint: Checkpoint) -> bool:
        """Whether a trusted tap has signed the checkpoint."""
        if self._trust is None:
            return True
        statement = checkpoint_statement(checkpoint)
        return self._trust.bears_out(Role.TAP, statement, checkpoint.signature)

    def entry(self, entry: LedgerEntry) -> bool:
        """Whether a trusted worker has signed the entry, its number and its state included."""
        if self._trust is None:
            return True
        return self._trust.bears_out(Role.WORKER, entry_statement(entry), entry.signature)

    def record(self, mark: StoredMark) -> bool:
        """Whether a trusted worker has signed a record of this id that states this digest.

        Whether its content gives that digest is another question.
        """
        if self._trust is None:
            return True
        statement = record_statement(mark.id, mark.integrity)
        return self._trust.bears_out(Role.WORKER, statement, mark.integrity.signature)

    def whole(self, mark: StoredMark) -> bool:
        """Whether a record is, word for word, one that a trusted worker has signed."""
        return mark.stated_digest == mark.actual_digest and self.record(mark)
