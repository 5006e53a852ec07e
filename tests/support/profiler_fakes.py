"""A program that is not there: counters and actors with figures known in advance."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hew.actors import ActorQuery
from hew.steps import Steps

ENDED_STATES: Final = frozenset({"crashed", "stopped"})


@dataclass
class FakeTotals:
    tasks_spawned: int = 1500
    tasks_completed: int = 1498
    steals: int = 23
    messages_sent: int = 5000
    messages_received: int = 4998
    messages_dropped: int = 7
    alloc_count: int = 12_345
    dealloc_count: int = 12_000
    bytes_allocated: int = 1_000_000
    bytes_freed: int = 951_424
    parks: int = 3
    actors_spawned: int = 5
    actors_crashed: int = 1
    actors_ended: int = 2
    worker_restarts: int = 0
    active_workers: int = 3


@dataclass
class FakeCounters:
    current: FakeTotals = field(default_factory=FakeTotals)

    def totals(self) -> FakeTotals:
        return self.current


class MovingCounters:
    """Grows with the time, so that the history has something to show."""

    def totals(self) -> FakeTotals:
        ticks = time.monotonic_ns() // 1000
        return FakeTotals(tasks_spawned=ticks, tasks_completed=ticks, messages_sent=ticks, messages_received=ticks)


@dataclass
class FakeRow:
    id: int
    pid: int
    state: str = "idle"
    msgs: int = 0
    time_ns: int = 0
    mbox_depth: int = 0
    mbox_hwm: int = 0
    type: str = "Counter"
    worker: int = 0
    bytes_allocated: int = 0
    bytes_live: int = 0
    blocked_ns: int = 0
    slot: int = 0


@dataclass(frozen=True)
class FakeSample:
    pid: int | None = 1
    type: int | None = 0
    handler: int | None = 0
    count: int = 1
    ns: int = 10_000_000
    pcs: tuple[int, ...] = (0x10_0010, 0x10_0021)
    cut: bool = False
    looking: bool = False


class FakeSamples:
    """While a request holds, one sample of `FakeSample` per period of time."""

    def __init__(self) -> None:
        self.lost = 0
        self._period_ns = self._until = self._taken_until = 0

    def request(self, period_ns: int, lease_ns: int) -> None:
        now = time.monotonic_ns()
        if now > self._until:
            self._taken_until = now
        self._period_ns, self._until = period_ns, now + lease_ns

    def take(self) -> Iterator[FakeSample]:
        end = min(self._until, time.monotonic_ns())
        while self._period_ns and self._taken_until + self._period_ns <= end:
            self._taken_until += self._period_ns
            yield FakeSample(ns=self._period_ns)


@dataclass(frozen=True)
class FakeWhere:
    handler: int | None = 0
    wait: str = ""
    since_ns: int = 0
    sleep_ns: int = 0
    about: str | None = None
    pcs: tuple[int, ...] = ()


@dataclass(frozen=True)
class FakeCode:
    base: int = 0x10_0000
    size: int = 0x1000


@dataclass(frozen=True)
class FakeLine:
    function: str
    file: str
    line: int


class FakeLines:
    """Of FakeCode: `helper` is inlined into `Counter.tick` below 0x20, `Counter.tick` goes on to 0x40, then nothing."""

    def lookup(self, offset: int) -> list[FakeLine]:
        tick = FakeLine("Counter.tick", "demo.hew", 5)
        if offset < 0x20:
            return [FakeLine("helper", "demo.hew", 1), FakeLine("Counter.tick", "demo.hew", 4)]
        return [tick] if offset < 0x40 else []


@dataclass(frozen=True)
class FakeSymbol:
    name: str
    offset: int
    size: int


@dataclass
class FakeSums:
    count: int
    msgs: int
    bytes: int
    time_ns: int


@dataclass
class FakePage:
    rows: Sequence[FakeRow]
    total: int
    truncated: bool = False
    live: Mapping[str, FakeSums] = field(default_factory=dict)


@dataclass
class FakeTimes:
    total_ns: int = 0
    max_ns: int = 0
    buckets: Sequence[int] = (0,) * 64


@dataclass
class FakeHandler:
    type: str
    handler: str
    count: int = 0
    work: FakeTimes = field(default_factory=FakeTimes)
    mailbox: FakeTimes = field(default_factory=FakeTimes)


def fake_times(at: Mapping[int, int]) -> FakeTimes:
    """So many messages that each took 1.5 * 2^i ns, by i."""
    ns = {index: 3 * 2**index // 2 for index in at}
    buckets = tuple(at.get(index, 0) for index in range(64))
    return FakeTimes(sum(ns[index] * count for index, count in at.items()), max(ns.values(), default=0), buckets)


@dataclass
class FakeMemory:
    peak_bytes_live: int = 65_536
    heap_limit: int = 1 << 30
    heap_committed: int = 1 << 20


class FakeCodeView:
    """Every actor is at the declaration of its first handler."""

    process: int = os.getpid()

    def samples(self) -> FakeSamples:
        return FakeSamples()

    def code(self) -> FakeCode:
        return FakeCode()

    def where(self, slot: int, pid: int) -> FakeWhere | None:
        return FakeWhere()


def fake_page(rows: Sequence[FakeRow], query: ActorQuery) -> FakePage:
    """Sorted and filtered as the core does."""
    found = [row for row in rows if query.type_name in (None, row.type) and query.state in (None, row.state)]
    found = [row for row in found if query.include_ended or row.state not in ENDED_STATES]
    sign = -1 if query.descending else 1
    found.sort(key=lambda row: (sign * int(getattr(row, query.sort)), row.id))
    live = [row for row in found if row.state not in ENDED_STATES and row.id]
    shown = found[: query.limit]
    return FakePage(shown, len(found), len(found) > len(shown), _sums(live))


@dataclass
class FakeInspect(FakeCodeView):
    """Actors that a test names."""

    rows: list[FakeRow] = field(default_factory=list)
    ended: dict[str, FakeSums] = field(default_factory=dict)
    figures: FakeMemory = field(default_factory=FakeMemory)
    running: bool = True
    handler_rows: list[FakeHandler] = field(default_factory=list)
    main: FakeRow = field(default_factory=lambda: FakeRow(0, 0, type="main", state="blocked"))

    def list_actors(self, query: ActorQuery) -> Steps[FakePage]:
        yield
        rows = self.rows + ([self.main] if query.include_main else [])
        return fake_page(rows, query)

    def ended_by_type(self) -> Mapping[str, FakeSums]:
        return self.ended

    def handlers(self) -> Sequence[FakeHandler]:
        return self.handler_rows

    def memory(self) -> FakeMemory:
        return self.figures

    def workers(self) -> Sequence[object]:
        return (object(), object(), object(), object())

    def program_running(self) -> bool:
        return self.running


def _sums(rows: Sequence[FakeRow]) -> dict[str, FakeSums]:
    sums: dict[str, FakeSums] = {}
    for row in rows:
        of = sums.setdefault(row.type, FakeSums(0, 0, 0, 0))
        of.count += 1
        of.msgs += row.msgs
        of.bytes += row.bytes_allocated
        of.time_ns += row.time_ns
    return sums


@dataclass(frozen=True)
class FakeDeclaration:
    name: str
    line: int


@dataclass(frozen=True)
class FakeType:
    name: str
    file: str = "demo.hew"
    line: int = 1
    handlers: Sequence[FakeDeclaration] = (FakeDeclaration("tick", 4), FakeDeclaration("total", 6))


@dataclass(frozen=True)
class FakeProgram:
    name: str = "demo.hew"
    actor_types: Sequence[FakeType] = (FakeType("Counter", line=3), FakeType("Box<Int>", line=9))
    symbols: Sequence[FakeSymbol] = (FakeSymbol("glue", 0x80, 0x10),)

    def line_table(self) -> FakeLines:
        return FakeLines()


def document_actors() -> list[FakeRow]:
    """Those of the document's flat profile."""
    return [
        FakeRow(1, 1, msgs=2000, time_ns=2_000_000, mbox_hwm=150, bytes_allocated=600, bytes_live=100),
        FakeRow(2, 2, msgs=800, time_ns=800_000, mbox_hwm=80, bytes_allocated=300, bytes_live=300),
        FakeRow(3, 3, msgs=200, time_ns=400_000, mbox_hwm=20, bytes_allocated=100, bytes_live=200),
    ]


def many_actors(count: int) -> list[FakeRow]:
    types = ("Counter", "Box<Int>", "Zähler::内")
    return [
        FakeRow(i, i, type=types[i % 3], msgs=i * 7 % 1000, time_ns=i * 13, bytes_allocated=i, bytes_live=i // 2)
        for i in range(1, count + 1)
    ]


def document_handlers() -> list[FakeHandler]:
    """3,000 ticks of 1.5 to 3 µs, a few of which waited for long; one look."""
    return [
        FakeHandler("Box<Int>", "look", 1, fake_times({8: 1}), fake_times({6: 1})),
        FakeHandler("Counter", "tick", 3000, fake_times({10: 2000, 11: 1000}), fake_times({9: 2940, 20: 60})),
        FakeHandler("Counter", "report"),
    ]


def scenario(options: Mapping[str, Any]) -> tuple[Any, FakeInspect, FakeProgram]:
    """Counters, actors and program as the test's options say."""
    count = options.get("actors")
    rows = document_actors() if count is None else many_actors(int(count))
    ended = {"Counter": FakeSums(2, 10, 50, 100)} if options.get("ended") else {}
    counters = MovingCounters() if options.get("moving") else FakeCounters()
    received = sum(row.msgs for row in rows) + sum(each.msgs for each in ended.values())
    if isinstance(counters, FakeCounters):
        size = max(1_000_000, 10 * sum(row.bytes_allocated for row in rows))
        counters.current = FakeTotals(
            messages_received=received, messages_sent=received + 2, bytes_allocated=size, bytes_freed=size - 48_576
        )
    return (
        counters,
        FakeInspect(rows, ended, running=not options.get("over"), handler_rows=document_handlers()),
        FakeProgram(),
    )
