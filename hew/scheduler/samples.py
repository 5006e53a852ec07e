"""Samples of what the workers execute: asks for them, and reads them out of the region (scheduler/core/sample.h).

Nobody waits: a request is a word in shared memory that the workers find by themselves, and it holds for a lease only,
so who stops asking, or dies, ends it. A reader has its own place in the workers' rings; readers do not disturb each
other, and what was overwritten before one came is counted as lost to it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from ctypes import c_uint32, c_uint64
from dataclasses import dataclass
from typing import Final

from hew.scheduler import corelib
from hew.scheduler.corelib import FRAMES

AT_ONCE: Final = 64  # records copied in one call
NO_ACTOR: Final = (1 << 40) - 1  # HEW_PID_NONE
PAGE: Final = 4096  # HEW_PAGE


class Record(ctypes.Structure):
    """hew_sample."""

    _fields_ = (
        ("sequence", c_uint64),
        ("ticks", c_uint64),
        ("periods", c_uint64),
        ("weight_ns", c_uint64),
        ("pid", c_uint64),
        ("type", c_uint32),
        ("handler", c_uint32),
        ("depth", c_uint32),
        ("looking", c_uint32),
        ("pcs", c_uint64 * FRAMES),
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a worker."""

    worker: int
    count: int  # ticks of its timer that it stands for
    ns: int  # CPU time that it stands for
    pid: int | None  # of the actor that ran; 0: main; None: none
    type: int | None  # index of its type; None: main, or none ran
    handler: int | None  # index of the message in work in its type's handlers
    pcs: tuple[int, ...]  # addresses, innermost first; all but the first are where a call returns to
    cut: bool  # the stack was deeper than FRAMES
    looking: bool  # no actor ran: the worker looked for work, before it would sleep


class Samples:
    """A reader's place in the workers' rings, from the moment it is made."""

    def __init__(self, region: int, workers: int, allow: Callable[[int, int], None] | None = None) -> None:
        """`allow` makes an address and so many bytes writable, where this process may only read the region."""
        self._core = corelib.load()
        self._region = region
        self._allow = allow
        self._buffer = (Record * AT_ONCE)()
        self._next = [c_uint64(self._core.hew_sample_written(region, worker)) for worker in range(workers)]
        self._lost = c_uint64()

    @property
    def lost(self) -> int:
        """Samples that were overwritten before they were read."""
        return self._lost.value

    def request(self, period_ns: int, lease_ns: int) -> None:
        """Workers take a sample per `period_ns` of CPU time, for at least `lease_ns` from now.

        OSError where another program's memory cannot be written to.
        """
        if self._allow is not None:
            self._allow(self._core.hew_sample_page(self._region), PAGE)
            self._allow = None
        self._core.hew_sample_request(self._region, period_ns, lease_ns)

    def take(self) -> Iterator[Sample]:
        """What has come since the last time."""
        for worker, place in enumerate(self._next):
            while count := self._read(worker, place):
                yield from (_sample(worker, self._buffer[index]) for index in range(count))

    def _read(self, worker: int, place: c_uint64) -> int:
        lost = ctypes.byref(self._lost)
        return int(self._core.hew_sample_read(self._region, worker, ctypes.byref(place), self._buffer, AT_ONCE, lost))


def _sample(worker: int, record: Record) -> Sample:
    depth = record.depth
    return Sample(
        worker=worker,
        count=record.periods,
        ns=record.weight_ns,
        pid=None if record.pid == NO_ACTOR else record.pid,
        type=None if record.type == corelib.ALL else record.type,
        handler=None if record.handler == corelib.ALL else record.handler,
        pcs=tuple(record.pcs[:depth]),
        cut=depth == FRAMES,
        looking=record.looking != 0,
    )
