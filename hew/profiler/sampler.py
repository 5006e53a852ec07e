"""Fills the history on an absolute schedule: tick k is due k seconds after the start, however long a tick took.

Runs on the main thread of the profiler process, named hew-pprof-sampler. A second that was missed stays absent.
"""

import os
import select
from typing import Final

from hew.profiler.history import History
from hew.profiler.models import history_entry
from hew.profiler.reader import NS_PER_S, Reader
from hew.profiler.watch import Watch

GOLDEN: Final = 62  # hundredths; multiples of the golden section never fall into step with anything
MARGIN_MS: Final = 1  # poll counts in milliseconds: wake just after the second, never just before


class Sampler:
    """One snapshot a second until told to end, or until the supervisor is gone."""

    def __init__(
        self,
        reader: Reader,
        history: History,
        *,
        supervisor: int | None,
        ends: tuple[int, ...],
        watch: Watch | None = None,
    ) -> None:
        """`ends`: descriptors that mean the end when they can be read or are hung up. `watch`: looks for findings.

        `supervisor`: the parent, whose end is ours too; None where the parent has nothing to do with the program.
        """
        self._reader = reader
        self._history = history
        self._watch = watch
        self._supervisor = supervisor
        self._poll = select.poll()
        for descriptor in ends:
            self._poll.register(descriptor, select.POLLIN)

    def run(self) -> None:
        """Until one of the descriptors can be read or the parent has changed."""
        self.take()
        while not (self._glanced_to_the_end() or self._poll.poll(self._until_next_ms())):
            if self._supervisor is not None and os.getppid() != self._supervisor:
                return
            self.take()

    def take(self) -> None:
        """One entry of the history, and what the rules say to it."""
        metrics = self._reader.metrics()
        entry = history_entry(metrics)
        self._history.append(entry)
        if self._watch is not None:
            self._watch.look(entry, metrics.workers)

    def _glanced_to_the_end(self) -> bool:
        """Look once in between, each second at another instant; True if the end came before that."""
        if self._watch is None:
            return False
        second = self._reader.elapsed_ns() // NS_PER_S
        if self._poll.poll(self._until_next_ms() * (second * GOLDEN % 100) // 100):
            return True
        self._watch.glance()
        return False

    def _until_next_ms(self) -> int:
        remaining_ns = NS_PER_S - self._reader.elapsed_ns() % NS_PER_S
        return remaining_ns // 1_000_000 + MARGIN_MS
