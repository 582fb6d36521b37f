"""Who is to blame when the queue refuses a batch: one of its exchanges, or the queue.

The law: nobody is blamed for an outage. Suspect is who was refused by itself, and a suspect is
blamed only when another is taken after it. Once a batch is in question, each of it is sent by
itself, oldest first, whatever became of those before it: one that is taken clears only itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from storage.spool.port import Shipment

__all__ = ["Suspicion"]


class Suspicion:
    """What the refusals of shipments say. It knows of no checkpoints: they are none of these."""

    def __init__(self) -> None:
        self._refusals = 0
        self._suspects: list[str] = []
        self._alone: deque[Shipment] = deque()

    @property
    def calm(self) -> bool:
        """Whether the last shipment was taken."""
        return not self._refusals

    @property
    def searching(self) -> bool:
        """Whether a batch is in question."""
        return bool(self._alone)

    @property
    def suspects(self) -> Sequence[str]:
        """The ids of those that were refused by themselves since one was taken last."""
        return self._suspects

    def alone(self) -> Sequence[Shipment]:
        """The one that is to be sent by itself now; none while no batch is in question."""
        return [self._alone[0]] if self._alone else []

    def refused(self, shipments: Sequence[Shipment], patience: int) -> None:
        """Note a refusal; after `patience` of them in a row the batch is in question."""
        self._refusals += 1
        if self._alone:
            self._suspects.append(self._alone.popleft().id)
        elif self._refusals >= patience:
            self._alone.extend(shipments)

    def taken(self, ids: Collection[str]) -> Sequence[str]:
        """Note that these were taken; gives the ids of the suspects, who are to blame."""
        if self._alone and self._alone[0].id in ids:
            self._alone.popleft()
        blamed, self._suspects = self._suspects, []
        self._refusals = 0
        return blamed

    def begin_anew(self) -> None:
        """Suspect nobody: there is nobody left who could be taken, or an outage was to blame."""
        self._suspects = []
        self._alone.clear()
