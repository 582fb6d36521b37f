"""What a queue is told to be: the properties that Service Bus gives one, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LARGE", "PREMIUM", "STANDARD", "QueueRules"]

# Of a message in the Standard tier, of a batch in the Premium tier, and of a message in it.
STANDARD, PREMIUM, LARGE = 256 * 1024, 1024 * 1024, 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class QueueRules:
    """Durations are seconds, sizes bytes.

    `duplicate_window` 0 keeps no history; `max_batch_size` None means the smaller of 1 MiB and
    `max_message_size`, as Premium caps its batches. `time_to_live` None means for ever, and caps
    what a message asks for.
    """

    max_message_size: int = STANDARD
    max_batch_size: int | None = None
    lock_duration: float = 60.0
    max_delivery_count: int = 10
    duplicate_window: float = 600.0
    time_to_live: float | None = None
    dead_letter_on_expiry: bool = True

    @property
    def batch_limit(self) -> int:
        """Bytes that one transfer of a batch may have."""
        return self.max_batch_size or min(self.max_message_size, PREMIUM)
