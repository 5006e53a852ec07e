"""View of actors and memory: all that the profiler may touch besides the counters.

The core's readers take no lock and write nothing, but for the request of samples (samples.py); they work from any
process that has the mapping, whatever the workers do (running, stopped or dead).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, overload

from hew.actors import ActorQuery
from hew.program import Program
from hew.scheduler import corelib
from hew.scheduler.samples import Samples
from hew.steps import Steps

STATES: Final = ("idle", "runnable", "running", "blocked", "stopping", "crashed", "stopped")
WAITS: Final = ("", "reply", "end", "time", "place", "turn")  # by hew_wait: what an actor waits for
SORTS: Final = ("msgs", "time_ns", "mbox_depth", "mbox_hwm", "bytes_live", "id", "bytes_allocated")
MAIN_TYPE: Final = "main"
WORK: Final = 8192  # actors read or sorted in one step: some milliseconds at most


class ActorInfo(NamedTuple):
    """One actor at one instant. Times are nanoseconds, sizes bytes, depths messages."""

    id: int
    pid: int
    state: str
    msgs: int
    time_ns: int
    mbox_depth: int
    mbox_hwm: int
    type: str
    worker: int
    bytes_allocated: int
    bytes_live: int
    blocked_ns: int
    slot: int  # in the table of actors, for `Inspect.where`


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What an actor is at. Addresses are where its calls return to, innermost first; none unless it is suspended."""

    handler: int | None  # index of the message in work in its type's handlers
    wait: str  # one of WAITS
    since_ns: int  # waits, or runs, for so long
    sleep_ns: int  # that it will sleep on
    about: str | None  # `Type#pid` of whom it waits for
    pcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TypeTotals:
    """Sums over actors of one type; `bytes` is what they ever allocated."""

    count: int
    msgs: int
    time_ns: int
    bytes: int


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """Bytes: the highest bytes_live so far, the limit of the region, what is committed of it."""

    peak_bytes_live: int
    heap_limit: int
    heap_committed: int


@dataclass(frozen=True, slots=True)
class Times:
    """What the messages of a handler took. `buckets[i]` counts 2^i to 2^(i+1) ns, the first from 0."""

    total_ns: int
    max_ns: int
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HandlerInfo:
    """The messages of one handler since the start: how many, their work, their time in the mailbox."""

    type: str
    handler: str
    count: int
    work: Times
    mailbox: Times


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """Where the program's text is, in each of its processes; in bytes. `Program.line_table` knows what is where."""

    base: int
    size: int


class ActorRows(Sequence[ActorInfo]):
    """Rows as the core wrote them, some 100 bytes each; one becomes an object when it is asked for."""

    def __init__(self, rows: ctypes.Array[corelib.ActorRow], count: int, types: tuple[str, ...]) -> None:
        self._rows = rows
        self._count = count
        self._types = types

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> ActorInfo: ...
    @overload
    def __getitem__(self, index: slice) -> list[ActorInfo]: ...
    def __getitem__(self, index: int | slice) -> ActorInfo | list[ActorInfo]:
        if isinstance(index, slice):
            return [self._info(self._rows[each]) for each in range(*index.indices(self._count))]
        return self._info(self._rows[range(self._count)[index]])

    def _info(self, row: corelib.ActorRow) -> ActorInfo:
        return ActorInfo(
            id=row.id,
            pid=row.pid,
            state=STATES[row.state],
            msgs=row.msgs,
            time_ns=row.time_ns,
            mbox_depth=row.mbox_depth,
            mbox_hwm=row.mbox_hwm,
            type=MAIN_TYPE if row.type == corelib.ALL else self._types[row.type],
            worker=row.worker,
            bytes_allocated=row.bytes_allocated,
            bytes_live=row.bytes_live,
            blocked_ns=row.blocked_ns,
            slot=row.slot,
        )


@dataclass(frozen=True, slots=True)
class ActorPage:
    """The first rows of a sorted, filtered list, and how long the whole list is.

    `live`: sums over all live actors of the list, without main, those that were cut too; only types that have any.
    """

    rows: Sequence[ActorInfo]
    total: int
    truncated: bool
    live: Mapping[str, TypeTotals] = field(default_factory=dict)


class Inspect:
    """Readers over one region. Safe from any thread; nobody waits for anybody."""

    def __init__(
        self,
        region: int,
        program: Program,
        workers: int,
        *,
        process: int,
        allow: Callable[[int, int], None] | None = None,
    ) -> None:
        """`process`: the supervisor's id. `allow`: see Samples; None where the region may be written to."""
        self.process = process
        self._core = corelib.load()
        self._allow = allow
        self._region = region
        self._types = tuple(actor.name for actor in program.actor_types)
        self._handlers = tuple(
            (index, actor.name, position, handler.name)
            for index, actor in enumerate(program.actor_types)
            for position, handler in enumerate(actor.handlers)
            if not handler.is_init
        )
        self._workers = workers

    def list_actors(self, query: ActorQuery) -> Steps[ActorPage]:
        """The rows wanted, in steps of some milliseconds."""
        if query.include_main and query.type_name == MAIN_TYPE:
            first = yield from self.list_actors(replace(query, sort="id", descending=False, limit=1, type_name=None))
            found_main = [row for row in first.rows if row.pid == 0]
            return ActorPage(rows=found_main[: query.limit], total=len(found_main), truncated=False)
        types = self._type_index(query.type_name)
        if types is None:
            return ActorPage(rows=[], total=0, truncated=False)
        most = self.actors_live() + 2048
        rows = (corelib.ActorRow * (most if query.limit is None else min(query.limit, most)))()
        wanted = corelib.ActorQuery(
            sort=SORTS.index(query.sort),
            descending=int(query.descending),
            type=types,
            state=corelib.ALL if query.state is None else STATES.index(query.state),
            include_main=int(query.include_main),
            include_ended=int(query.include_ended),
            limit=len(rows),
        )
        live = (corelib.TypeTotals * len(self._types))()
        scan = corelib.ActorScan(query=wanted, rows=rows, live=live, n_types=len(live))
        while not self._core.hew_inspect_actors(self._region, scan, WORK):
            yield
        found = ActorRows(rows, scan.n, self._types)
        return ActorPage(found, scan.total, scan.total > scan.n, dict(self._totals(live)))

    def where(self, slot: int, pid: int) -> Whereabouts | None:
        """Of an actor in a list made just now; None when it has ended or gone on meanwhile."""
        found = corelib.Where()
        if not self._core.hew_inspect_where(self._region, slot, pid, found):
            return None
        kind = WAITS[found.wait] if found.wait < len(WAITS) else ""
        return Whereabouts(
            handler=None if found.handler == corelib.ALL else found.handler,
            wait=kind,
            since_ns=found.since_ns,
            sleep_ns=found.sleep_ns,
            about=self._name(found.about_type, found.about_pid) if kind in ("reply", "end", "place") else None,
            pcs=tuple(found.pcs[: found.depth]),
        )

    def memory(self) -> MemoryInfo:
        """What the allocator's shared words say."""
        memory = corelib.Memory()
        self._core.hew_inspect_memory(self._region, memory)
        return MemoryInfo(memory.peak_bytes_live, memory.heap_limit, memory.heap_committed)

    def code(self) -> CodeInfo:
        """The loaded text: an address in it, less `base`, is an offset for `LineTable.lookup`."""
        code = corelib.Code()
        self._core.hew_inspect_code(self._region, code)
        return CodeInfo(code.base, code.size)

    def samples(self) -> Samples:
        """A reader of samples of what the workers execute, beginning now."""
        return Samples(self._region, self._workers, self._allow)

    def ended_by_type(self) -> dict[str, TypeTotals]:
        """Sums over ended actors, for each type that has any."""
        ended = (corelib.TypeTotals * len(self._types))()
        for index, totals in enumerate(ended):
            self._core.hew_inspect_ended(self._region, index, totals)
        return dict(self._totals(ended))

    def _totals(self, sums: ctypes.Array[corelib.TypeTotals]) -> Iterator[tuple[str, TypeTotals]]:
        for name, each in zip(self._types, sums, strict=True):
            if each.count:
                yield name, TypeTotals(each.count, each.msgs, each.time_ns, each.bytes_allocated)

    def handlers(self) -> list[HandlerInfo]:
        """Every handler of the program, in its order, those without a message too; `init` is none."""
        totals = corelib.HandlerTotals()
        found = []
        for type_index, type_name, index, name in self._handlers:
            self._core.hew_inspect_handler(self._region, type_index, index, totals)
            found.append(HandlerInfo(type_name, name, totals.count, _times(totals.work), _times(totals.mailbox)))
        return found

    def actors_live(self) -> int:
        """Actors that are neither ended nor main."""
        return int(self._core.hew_inspect_actors_live(self._region))

    def active_workers(self) -> int:
        """Workers running a handler at this instant."""
        return int(self._core.hew_inspect_active_workers(self._region))

    def workers(self) -> range:
        """The numbers of the workers."""
        return range(self._workers)

    def program_running(self) -> bool:
        """Has no verdict been given yet?"""
        code = ctypes.c_int64()
        return int(self._core.hew_region_verdict(self._region, ctypes.byref(code))) == 0

    def _type_index(self, name: str | None) -> int | None:
        if name is None:
            return corelib.ALL
        return self._types.index(name) if name in self._types else None

    def _name(self, type_index: int, pid: int) -> str:
        if pid == 0:
            return MAIN_TYPE
        return f"{self._types[type_index] if type_index < len(self._types) else 'Actor'}#{pid}"


def _times(times: corelib.Times) -> Times:
    return Times(times.total_ns, times.max_ns, tuple(times.buckets))
