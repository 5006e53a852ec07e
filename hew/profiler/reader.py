"""Shared memory -> models, never waiting for a worker.

Called by both threads of the profiler process and, for the files written at exit, by the supervisor. All views get
their figures here, so they agree, and every answer keeps the contract's invariants: nothing completed that was not
spawned, nothing received that was not sent, no counter that falls, a peak that is never below what lives.
The lock is between the profiler's own two threads and held for microseconds; no worker knows of it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, overload

from msgspec import UNSET

from hew.actors import ActorQuery, Order
from hew.profiler.histogram import Histogram
from hew.profiler.models import MAX_INTEGER, ActorRow, HandlerRow, Memory, Metrics, Times
from hew.profiler.sources import (
    Counters,
    HandlerFigures,
    Inspect,
    ProgramInfo,
    Samples,
    SourcePage,
    SourceRow,
    TimeFigures,
    Totals,
    TypeTotals,
    Whereabouts,
)
from hew.profiler.symbols import Symbolizer, symbolizer
from hew.steps import Steps, at_once

MAX_ROWS: Final = 100_000  # actors in one answer
NS_PER_S: Final = 1_000_000_000
PIECE: Final = 500  # rows made in one go: some milliseconds


class Rows(Sequence[ActorRow]):
    """Rows that are made when they are asked for: a list of many is sent as it is made, and never there as a whole."""

    def __init__(self, rows: Sequence[SourceRow], count: int) -> None:
        self._rows = rows
        self._count = min(count, len(rows))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> ActorRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[ActorRow]: ...
    def __getitem__(self, index: int | slice) -> ActorRow | list[ActorRow]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._count)
            return [_row(row) for row in self._rows[start:stop:step]]
        return _row(self._rows[range(self._count)[index]])

    def pieces(self) -> Iterator[list[ActorRow]]:
        """All, PIECE at a time."""
        for start in range(0, self._count, PIECE):
            yield self[start : start + PIECE]


@dataclass(frozen=True, slots=True)
class ActorRows:
    """Actors in the order asked for."""

    rows: Rows
    total: int  # before the cut
    truncated: bool  # cut by MAX_ROWS, not by the reader's own limit


@dataclass(frozen=True, slots=True)
class Sums:
    """Over actors of one type."""

    type: str
    count: int
    msgs: int
    bytes_allocated: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Handler:
    """The messages of one handler since the start."""

    type: str
    handler: str
    count: int
    work: Histogram
    mailbox: Histogram


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Actors and totals read together, in an order in which no total is less than what it sums.

    `live`: all live actors by type, those beyond the rows too.
    """

    actors: ActorRows
    live: list[Sums]
    ended: list[Sums]
    metrics: Metrics


class Reader:
    """The one place where figures come from."""

    def __init__(
        self,
        counters: Counters,
        inspect: Inspect,
        program: ProgramInfo,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        program_started_ns: int | None = None,
    ) -> None:
        self.program = program
        self._counters = counters
        self._inspect = inspect
        self._clock_ns = clock_ns
        self._started_ns = clock_ns()
        self._program_started_ns = self._started_ns if program_started_ns is None else program_started_ns
        self._published: dict[str, int] = {}
        self._lock = threading.Lock()

    def metrics(self) -> Metrics:
        """All counters, read now."""
        with self._lock:
            return self._metrics()

    def elapsed_ns(self) -> int:
        """Since this reader was made: the clock of timestamp_secs."""
        return self._clock_ns() - self._started_ns

    def memory(self) -> Memory:
        """The allocator's figures, read now."""
        metrics = self.metrics()
        figures = self._inspect.memory()
        return Memory(
            alloc_count=metrics.alloc_count,
            dealloc_count=metrics.dealloc_count,
            bytes_allocated=metrics.bytes_allocated,
            bytes_freed=metrics.bytes_freed,
            bytes_live=metrics.bytes_live,
            peak_bytes_live=metrics.peak_bytes_live,
            heap_limit=_bounded(figures.heap_limit),
            heap_committed=_bounded(figures.heap_committed),
        )

    def actors(self, query: ActorQuery) -> ActorRows:
        """Live actors and those that ended a moment ago, sorted and filtered before they are cut."""
        return at_once(self.list_actors(query))

    def list_actors(self, query: ActorQuery) -> Steps[ActorRows]:
        """The same, in steps."""
        return (yield from self._list(query))[0]

    def _list(self, query: ActorQuery) -> Steps[tuple[ActorRows, SourcePage]]:
        page = yield from self._page(query)
        rows = Rows(page.rows, _most(query))
        cut = len(rows) < page.total and (query.limit is None or query.limit > MAX_ROWS)
        return ActorRows(rows, max(page.total, len(rows)), cut), page

    def _page(self, query: ActorQuery) -> Steps[SourcePage]:
        return self._inspect.list_actors(replace(query, limit=_most(query)))

    def ended(self) -> list[Sums]:
        """What has ended, by type, in the order of the types' names."""
        return _sums(self._inspect.ended_by_type())

    def handlers(self) -> list[Handler]:
        """Every handler of the program, in its order."""
        return [_handler(each) for each in self._inspect.handlers()]

    def handler_rows(self, limit: int, *, buckets: bool = False) -> tuple[list[HandlerRow], int]:
        """The handlers with the most messages as the API shows them, and how many there are before the cut."""
        found = sorted(self.handlers(), key=lambda each: -each.count)
        return [_handler_row(each, buckets) for each in found[:limit]], len(found)

    def snapshot(self, *, sort: Order, limit: int | None = None) -> Steps[Snapshot]:
        """Ended before live before totals: an actor that ends meanwhile is missed, never counted twice.

        `limit`: of actors one by one.
        """
        ended = self.ended()
        found, page = yield from self._list(ActorQuery(sort=sort, limit=limit, include_ended=False))
        return Snapshot(found, _sums(page.live), ended, self.metrics())

    def whereabouts(self, query: ActorQuery) -> Steps[tuple[Sequence[SourceRow], int]]:
        """Actors for `where`, and how many there are before the cut."""
        page = yield from self._page(query)
        return page.rows, page.total

    def where(self, row: SourceRow) -> Whereabouts | None:
        """What an actor of a list made just now is at; None when it has ended or gone on."""
        return self._inspect.where(row.slot, row.pid)

    def samples(self) -> Samples:
        """A reader of samples of what the workers execute, beginning now."""
        return self._inspect.samples()

    def symbolizer(self) -> Symbolizer:
        """What names the addresses in them."""
        return symbolizer(self.program, self._inspect)

    def program_running(self) -> bool:
        """Whether the program has not ended."""
        return self._inspect.program_running()

    def _metrics(self) -> Metrics:
        now = self._clock_ns()
        totals = self._counters.totals()
        figures = self._clamped(totals)
        workers = len(self._inspect.workers())
        return Metrics(
            timestamp_secs=(now - self._started_ns) // NS_PER_S,
            uptime_secs=(now - self._program_started_ns) // NS_PER_S,
            workers=workers,
            active_workers=max(0, min(totals.active_workers, workers)),
            **figures,
        )

    def _clamped(self, totals: Totals) -> dict[str, int]:
        """Monotonic and consistent, whatever instant each worker's counter was read at."""
        rise = self._rise
        completed = rise("tasks_completed", totals.tasks_completed)
        received = rise("messages_received", totals.messages_received)
        freed = rise("bytes_freed", totals.bytes_freed)
        dealloc = rise("dealloc_count", totals.dealloc_count)
        ended = rise("actors_ended", totals.actors_ended)
        crashed = rise("actors_crashed", totals.actors_crashed)
        allocated = rise("bytes_allocated", max(totals.bytes_allocated, freed))
        spawned = rise("actors_spawned", max(totals.actors_spawned, ended, crashed))
        live = allocated - freed
        return {
            "tasks_completed": completed,
            "tasks_spawned": rise("tasks_spawned", max(totals.tasks_spawned, completed)),
            "steals": rise("steals", totals.steals),
            "messages_received": received,
            "messages_sent": rise("messages_sent", max(totals.messages_sent, received)),
            "messages_dropped": rise("messages_dropped", totals.messages_dropped),
            "dealloc_count": dealloc,
            "alloc_count": rise("alloc_count", max(totals.alloc_count, dealloc)),
            "bytes_freed": freed,
            "bytes_allocated": allocated,
            "bytes_live": live,
            "peak_bytes_live": rise("peak_bytes_live", max(self._inspect.memory().peak_bytes_live, live)),
            "actors_spawned": spawned,
            "actors_crashed": crashed,
            "actors_live": spawned - ended,
            "worker_restarts": rise("worker_restarts", totals.worker_restarts),
        }

    def _rise(self, name: str, value: int) -> int:
        """`value`, but never below what was said before."""
        risen = max(_bounded(value), self._published.get(name, 0))
        self._published[name] = risen
        return risen


def _bounded(value: int) -> int:
    return max(0, min(value, MAX_INTEGER))


def _row(row: SourceRow) -> ActorRow:
    return ActorRow(
        id=row.id,
        pid=row.pid,
        state=row.state,
        msgs=_bounded(row.msgs),
        time_ns=_bounded(row.time_ns),
        mbox_depth=_bounded(row.mbox_depth),
        mbox_hwm=_bounded(max(row.mbox_hwm, row.mbox_depth)),
        type=row.type,
        worker=row.worker,
        bytes_allocated=_bounded(row.bytes_allocated),
        bytes_live=_bounded(row.bytes_live),
        blocked_ns=_bounded(row.blocked_ns),
    )


def _most(query: ActorQuery) -> int:
    return MAX_ROWS if query.limit is None else min(query.limit, MAX_ROWS)


def _sums(by_type: Mapping[str, TypeTotals]) -> list[Sums]:
    return [
        Sums(name, _bounded(each.count), _bounded(each.msgs), _bounded(each.bytes), _bounded(each.time_ns))
        for name, each in sorted(by_type.items())
        if each.count
    ]


def _handler(figures: HandlerFigures) -> Handler:
    return Handler(
        figures.type, figures.handler, _bounded(figures.count), _histogram(figures.work), _histogram(figures.mailbox)
    )


def _handler_row(found: Handler, buckets: bool) -> HandlerRow:
    work, mailbox = _times(found.work, buckets), _times(found.mailbox, buckets)
    return HandlerRow(found.type, found.handler, found.count, work=work, mailbox=mailbox)


def _times(histogram: Histogram, buckets: bool) -> Times:
    return Times(
        histogram.total_ns,
        histogram.percentile(50),
        histogram.percentile(99),
        histogram.max_ns,
        list(histogram.buckets) if buckets else UNSET,
    )


def _histogram(times: TimeFigures) -> Histogram:
    """The maximum is no less than what the last bucket in use says: the two were not read at one instant."""
    buckets = tuple(map(_bounded, times.buckets))
    least = max((2**index for index, count in enumerate(buckets) if count and index), default=0)
    return Histogram(_bounded(times.total_ns), _bounded(max(times.max_ns, least)), buckets)
