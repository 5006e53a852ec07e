"""Recordings of what the workers execute: one reader of their samples, shared by all who ask at once.

While there is a recording, the server's thread prolongs the request and empties the workers' rings every POLL_SECONDS;
with the last recording it stops doing so, and the workers stop within LEASE_NS. Nothing runs before the first.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from hew.profiler.sources import Sample, Samples

DEFAULT_HZ: Final = 100
MAX_HZ: Final = 1000
GLANCE_HZ: Final = 250  # where running actors are, for the dump of all
GLANCE_SECONDS: Final = 0.1
MAX_ACTORS: Final = 1000  # whose last stack is kept
POLL_SECONDS: Final = 0.1
LEASE_NS: Final = (
    1_000_000_000  # a profiler that is held up for longer misses samples; workers go on for so long at most
)
NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a worker was, and for whom. The fields are those of a sample."""

    main: bool
    type: int | None
    handler: int | None
    pcs: tuple[int, ...]
    cut: bool
    looking: bool = False


@dataclass(slots=True)
class Weight:
    """Of all samples with one stack."""

    count: int = 0
    ns: int = 0


@dataclass(slots=True, eq=False)
class Recording:
    """Samples by stack, from the first to the last of them. Equal to none but itself: two may hold the same."""

    hz: int
    stacks: dict[Stack, Weight] = field(default_factory=dict)
    last: dict[int, Stack] = field(default_factory=dict)  # of each actor, by its number; the MAX_ACTORS seen first
    lost: int = 0

    @property
    def period_ns(self) -> int:
        """CPU time between two samples of a worker, as asked for."""
        return NS_PER_S // self.hz

    def add(self, sample: Sample) -> None:
        """One more."""
        stack = Stack(sample.pid == 0, sample.type, sample.handler, sample.pcs, sample.cut, sample.looking)
        weight = self.stacks.setdefault(stack, Weight())
        weight.count += sample.count
        weight.ns += sample.ns
        if sample.pid is not None and (sample.pid in self.last or len(self.last) < MAX_ACTORS):
            self.last[sample.pid] = stack


class Recorder:
    """The recordings under way. Of one thread, with an event loop."""

    def __init__(self, samples: Callable[[], Samples]) -> None:
        self._make = samples
        self._samples: Samples | None = None
        self._lost = 0  # of them, that the recordings know of
        self._recordings: list[Recording] = []
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def record(self, hz: int) -> Iterator[Recording]:
        """A recording that grows until the block is left. OSError where the program cannot be asked."""
        recording = Recording(hz)
        if self._samples is None:
            self._samples = self._make()
            self._lost = 0
        self._collect()  # what came before it is not for it
        self._recordings.append(recording)
        try:
            self._ask()
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._poll())
            yield recording
            self._collect()
        finally:
            self._recordings.remove(recording)
            if not self._recordings:
                self._rest()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            self._ask()
            self._collect()

    def _ask(self) -> None:
        if self._samples is not None:
            self._samples.request(min(each.period_ns for each in self._recordings), LEASE_NS)

    def _collect(self) -> None:
        if self._samples is None:
            return
        for sample in self._samples.take():
            for recording in self._recordings:
                recording.add(sample)
        lost = self._samples.lost
        for recording in self._recordings:
            recording.lost += lost - self._lost
        self._lost = lost

    def _rest(self) -> None:
        self._samples = None
        if self._task is not None:
            self._task.cancel()
            self._task = None
