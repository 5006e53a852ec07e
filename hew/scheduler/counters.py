"""The workers' counters: one shared `multiprocessing` array of unsigned 64-bit numbers.

Worker i writes only its own slice, on cache lines of its own, with plain stores; readers (the
profiler process, the exports) add the slices up in an order that keeps every invariant true:
what comes later in an event's life is read first.

The array's file is mapped a second time at one of MAPPED_AT, and that is the address the core works with: a process
that attaches to the running program (attach.py) has this place free, and so the pointers in the region are right there.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hew.scheduler import mapping

CACHE_LINE_WORDS: Final = 8
SHARED_MEMORY: Final = "/dev/shm"
FILE_NAME: Final = "hew-counters"  # of the memfd that stands in
MAPPED_AT: Final = (0x8_0000_0000, 0x9_0000_0000)  # clear of the region, the run stacks and what the kernel chooses
READ_FIRST: Final = ("tasks_completed", "messages_received", "bytes_freed", "dealloc_count")

NAMES: Final = (
    "tasks_spawned",
    "tasks_completed",
    "steals",
    "messages_sent",
    "messages_received",
    "messages_dropped",
    "alloc_count",
    "dealloc_count",
    "bytes_allocated",
    "bytes_freed",
    "parks",
    "actors_spawned",
    "actors_crashed",
    "actors_ended",
)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all workers since the start of the program. Bytes are bytes, all else are events."""

    tasks_spawned: int
    tasks_completed: int
    steals: int
    messages_sent: int
    messages_received: int
    messages_dropped: int
    alloc_count: int
    dealloc_count: int
    bytes_allocated: int
    bytes_freed: int
    parks: int
    actors_spawned: int
    actors_crashed: int
    actors_ended: int
    worker_restarts: int
    active_workers: int


@dataclass(frozen=True, slots=True)
class SharedWords:
    """Zeroed shared memory, and the file that it is in."""

    words: ctypes.Array[ctypes.c_uint64]
    owner: object = field(repr=False)  # keeps the mapping alive
    fd: int
    size: int  # bytes of the file
    start: int  # bytes before the first word


@dataclass(frozen=True, slots=True)
class Counters:
    """A slice per worker of one array; `names` gives the order within a slice."""

    words: ctypes.Array[ctypes.c_uint64]  # the shared array
    offset: int  # words before the first slice: slices begin on a cache line
    stride: int  # words from one slice to the next
    workers: int
    positions: dict[str, int]  # name -> index in a slice
    active_workers: Callable[[], int]
    file: SharedWords = field(repr=False)
    base: int  # where the file is mapped for the core

    @property
    def address(self) -> int:
        """Address of the first slice, equal in every process forked later and in every process that attaches."""
        return self.base + self.file.start + 8 * self.offset

    def total(self, name: str) -> int:
        """Sum of one counter over the workers."""
        first = self.offset + self.positions[name]
        return sum(int(self.words[first + worker * self.stride]) for worker in range(self.workers))

    def add_restart(self) -> None:
        """One more worker was replaced. Called by the supervisor, the only writer of this word."""
        index = self.offset + self.workers * self.stride
        self.words[index] += 1

    def totals(self) -> Totals:
        """All sums, read in the order that keeps completed <= spawned, received <= sent, freed <= allocated."""
        sums = {name: self.total(name) for name in READ_FIRST}
        sums |= {name: self.total(name) for name in NAMES if name not in sums}
        restarts = int(self.words[self.offset + self.workers * self.stride])
        return Totals(**sums, worker_restarts=restarts, active_workers=self.active_workers())


def create(workers: int, names: Sequence[str], active_workers: Callable[[], int]) -> Counters:
    """The array, mapped before any fork so that every process has it at one address.

    Its file lives under /dev/shm and has no name from the start. Where that cannot be written (some
    containers) a memfd stands in.
    """
    stride = -(-len(names) // CACHE_LINE_WORDS) * CACHE_LINE_WORDS
    size = (workers + 1) * stride + CACHE_LINE_WORDS  # the last slice is the supervisor's own
    file = _shared_words(size)
    misaligned = file.start // 8 % CACHE_LINE_WORDS
    return Counters(
        words=file.words,
        offset=-misaligned % CACHE_LINE_WORDS,
        stride=stride,
        workers=workers,
        positions={name: index for index, name in enumerate(names)},
        active_workers=active_workers,
        file=file,
        base=_map_again(file),
    )


def _map_again(file: SharedWords) -> int:
    for address in MAPPED_AT:
        try:
            mapping.map_at(address, file.fd, file.size, writable=True)
        except OSError:
            continue
        return address
    # Somebody has both places: our own mapping does, though a process that attaches may not have that one free.
    return ctypes.addressof(file.words) - file.start


def _shared_words(size: int) -> SharedWords:
    if os.access(SHARED_MEMORY, os.W_OK):  # elsewhere multiprocessing would leave a directory behind after a kill
        from multiprocessing.sharedctypes import RawArray

        try:
            words = RawArray(ctypes.c_uint64, size)
        except OSError:
            return _memfd_words(size)  # full
        return _with_its_file(words)
    return _memfd_words(size)


def _with_its_file(words: ctypes.Array[ctypes.c_uint64]) -> SharedWords:
    """The file behind a RawArray: multiprocessing keeps it open (heap.Arena), but has no name for asking."""
    wrapper: Any = words.__dict__["_wrapper"]
    (arena, start, _stop), _size = wrapper._state  # noqa: SLF001 - the only way to it
    return SharedWords(words=words, owner=wrapper, fd=arena.fd, size=arena.size, start=start)


def _memfd_words(size: int) -> SharedWords:
    import mmap

    length = -(-8 * size // mmap.PAGESIZE) * mmap.PAGESIZE
    fd = os.memfd_create(FILE_NAME)
    os.ftruncate(fd, length)
    mapped = mmap.mmap(fd, length)
    words = (ctypes.c_uint64 * size).from_buffer(mapped)
    return SharedWords(words=words, owner=mapped, fd=fd, size=length, start=0)
