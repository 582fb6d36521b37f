"""Why something is not as it should be: each reason of `verify`, with its sentence.

The law of this module: a reason is a stable code that scripts may rely on, and its sentence says
what was found, never what it may mean.
"""

from __future__ import annotations

__all__ = ["REASONS"]

_NUMBERS: dict[str, str] = {
    "no_trace": "the number was given out and no source knows it",
    "boot_missing": "the tap's next boot names this one, and no source has anything of it",
    "record_removed": "the ledger says stored, and the record is not there",
    "dead_letter_removed": "the ledger says it was set aside, and the queue does not hold it",
    "digest_differs": "the record's content is not what its digest or the ledger says",
    "signature_differs": "no trusted worker has signed this record as it stands",
    "entry_forged": "no trusted worker has signed the ledger's entry of this number",
    "state_contradicts": "the ledger says it was set aside, the record is there, and nothing waits",
    "row_damaged": "this row of the ledger, or of its checkpoints, can no longer be read",
    "removed_yet_there": "the ledger says erased or expired, and the record is there",
    "rolled_back": "an earlier report tells of a later state than the one that is there now",
    "entry_on_its_way": "the record is stored; its ledger entry comes with a delivery that waits",
    "no_ledger_entry": "a record is there that neither ledger nor queue knows",
    "other_id": "the number belongs to another record",
    "beyond_sheaf": "the exchange has fewer records than this one's id says",
    "doubled": "this record, or this number's ledger entry, is there more than once",
    "beyond_head": "the number is none that the tap gave out",
    "source_unread": "a source that might hold it could not be read",
}

_BOOTS: dict[str, str] = {
    "chain_differs": "the ids of these numbers are not those the tap chained",
    "chain_unchecked": "the tap says of too many numbers that they have no opening to check it",
    "checkpoint_missing": "a checkpoint between two others is not there",
    "checkpoint_forged": "no trusted tap has signed this checkpoint",
    "checkpoints_disagree": "a checkpoint contradicts another one of its boot",
    "head_rolled_back": "an earlier report tells of a checkpoint that is not there now",
    "boot_unknown": "the tap's own history does not know this boot",
    "head_unknown": "nothing says how many numbers this boot gave out",
    "boots_unlinked": "this boot names no predecessor, though the tap had run before",
}

_CERTIFICATES: dict[str, str] = {
    "certificate_forged": "no trusted worker has signed this certificate",
    "not_entered": "the ledger has no believed entry of what the certificate says was erased",
    "not_erased": "the ledger does not say erased or expired",
    "entry_differs": "the ledger's entry is another one than the certificate speaks of",
    "record_there": "the record is still in the store",
}

REASONS: dict[str, str] = _NUMBERS | _BOOTS | _CERTIFICATES
