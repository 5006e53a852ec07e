"""The last five minutes: a ring of 300 one-second snapshots.

One writer (the sampler), any number of readers (the server's thread). Nobody waits for anybody.
"""

from typing import Final

from hew.profiler.models import HistoryEntry

CAPACITY: Final = 300  # entries, one per second


class History:
    """Snapshots, oldest first."""

    def __init__(self) -> None:
        self._entries: tuple[HistoryEntry, ...] = ()

    def append(self, entry: HistoryEntry) -> None:
        """Keep `entry`, unless its second is there already; the oldest beyond 300 goes."""
        if self._entries and entry.t <= self._entries[-1].t:
            return
        # A new tuple is published whole: no lock, no torn read.
        self._entries = (*self._entries, entry)[-CAPACITY:]

    def since(self, t: int) -> list[HistoryEntry]:
        """Entries later than `t`, in whole seconds of the profiler's clock."""
        return [entry for entry in self._entries if entry.t > t]
