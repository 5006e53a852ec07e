"""Programs that are not there, for the page to look at: figures by the second, each with a known truth.

A scene's counters are functions of the time since its start, so five minutes of history can be made in an instant.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hew.actors import ActorQuery
from hew.steps import Steps
from tests.support.profiler_fakes import (
    FakeCodeView,
    FakeHandler,
    FakeMemory,
    FakePage,
    FakeProgram,
    FakeRow,
    FakeSums,
    FakeTotals,
    FakeType,
    fake_page,
)

WORKERS = 4
TYPES = ("Counter", "Router", "Cache<String>", "Session", "Zähler::内")
MB = 1 << 20


@dataclass
class Scene(FakeCodeView):
    """Counters, actors and program at the second that `clock` says."""

    totals_at: Callable[[float], FakeTotals]
    rows_at: Callable[[float], list[FakeRow]]
    clock: Callable[[], float]
    peak: int = 0
    program: FakeProgram = field(default_factory=lambda: FakeProgram("demo.hew", tuple(map(FakeType, TYPES))))

    def totals(self) -> FakeTotals:
        return self.totals_at(self.clock())

    def list_actors(self, query: ActorQuery) -> Steps[FakePage]:
        yield
        return fake_page(self.rows_at(self.clock()), query)

    def ended_by_type(self) -> Mapping[str, FakeSums]:
        return {}

    def handlers(self) -> Sequence[FakeHandler]:
        return ()

    def memory(self) -> FakeMemory:
        totals = self.totals()
        self.peak = max(self.peak, totals.bytes_allocated - totals.bytes_freed)
        return FakeMemory(self.peak, 1 << 30, 1 << 27)

    def workers(self) -> Sequence[object]:
        return tuple(object() for _ in range(WORKERS))

    def program_running(self) -> bool:
        return True


def wave(t: float, period: float) -> float:
    """0 to 1 and back."""
    return 0.5 - 0.5 * math.cos(t * math.tau / period)


def area(t: float, low: float, high: float, period: float) -> int:
    """The integral of a rate that swings between `low` and `high`."""
    return int((low + high) / 2 * t - (high - low) / 2 * period / math.tau * math.sin(t * math.tau / period))


def totals(
    t: float, *, rate: float, live: float, active: int, backlog: int = 0, steals: float = 40, actors: int = 40
) -> FakeTotals:
    """A program that passes about `rate` messages a second."""
    done = area(t, rate * 0.7, rate * 1.3, 47)
    allocated = int(done * 96 + live)
    return FakeTotals(
        tasks_spawned=done // 3 + 2,
        tasks_completed=done // 3,
        steals=int(steals * t),
        messages_sent=done + backlog,
        messages_received=done,
        messages_dropped=0,
        alloc_count=done + int(live / 128),
        dealloc_count=done,
        bytes_allocated=allocated,
        bytes_freed=allocated - int(live),
        actors_spawned=actors,
        actors_crashed=0,
        actors_ended=0,
        active_workers=active,
    )


def rows(t: float, count: int, *, busy: float, live: int = 4096, types: Sequence[str] = TYPES) -> list[FakeRow]:
    """`count` actors, the first the busiest."""
    made = []
    for i in range(1, count + 1):
        msgs = area(t, 0.4 * busy / i, 1.6 * busy / i, 30 + i % 17)
        state = "running" if i <= 2 else "runnable" if i % 9 == 0 else "blocked" if i % 13 == 0 else "idle"
        made.append(
            FakeRow(
                id=i,
                pid=i,
                state=state,
                msgs=msgs,
                time_ns=msgs * (700 + 90 * (i % 11)),
                mbox_depth=i % 4 if state != "idle" else 0,
                mbox_hwm=40 + i % 31,
                type=types[i % len(types)],
                worker=i % WORKERS,
                bytes_allocated=msgs * 96 + live,
                bytes_live=live // i + 128,
                blocked_ns=msgs * 50,
            )
        )
    return made


def healthy(clock: Callable[[], float]) -> Scene:
    """Works, settles, rests."""

    def at(t: float) -> FakeTotals:
        live = 12 * MB * (1 - math.exp(-t / 12)) + 400_000 * wave(t, 9)
        return totals(t, rate=42_000, live=live, active=int(3 * wave(t, 61) + 0.9 * wave(t, 7)))

    return Scene(at, lambda t: rows(t, 40, busy=9000, live=9 * MB, types=TYPES[:4]), clock)


def saturated(clock: Callable[[], float]) -> Scene:
    """Every worker busy all the time, and much stolen."""
    return Scene(
        lambda t: totals(t, rate=390_000, live=20 * MB, active=WORKERS, steals=5200, actors=64),
        lambda t: [hot(row) for row in rows(t, 64, busy=60_000)],
        clock,
    )


def hot(row: FakeRow) -> FakeRow:
    """One actor takes most of the time."""
    if row.id == 3:
        row.time_ns *= 400
        row.state = "running"
    return row


def leaking(clock: Callable[[], float]) -> Scene:
    """Bytes live only grow; one actor holds them."""

    def holds(t: float) -> list[FakeRow]:
        found = rows(t, 24, busy=3000)
        found[4].bytes_live = int(900_000 * t)
        found[4].bytes_allocated += int(900_000 * t)
        return found

    return Scene(lambda t: totals(t, rate=9000, live=6 * MB + 900_000 * t, active=1, actors=24), holds, clock)


def backpressured(clock: Callable[[], float]) -> Scene:
    """One mailbox fills: sent more than received."""

    def fills(t: float) -> list[FakeRow]:
        found = rows(t, 12, busy=5000)
        found[1].mbox_depth = found[1].mbox_hwm = int(1800 * t)
        found[7].state = "crashed"
        return found

    def at(t: float) -> FakeTotals:
        made = totals(t, rate=20_000, live=4 * MB + 1800 * 80 * t, active=2, backlog=int(1800 * t), actors=13)
        made.messages_dropped = int(35 * max(0.0, t - 200))
        made.actors_crashed = made.actors_ended = 1
        return made

    return Scene(at, fills, clock)


def still(clock: Callable[[], float]) -> Scene:
    """Nothing moves, so that page and API can be compared to the digit."""
    return Scene(
        lambda t: totals(100, rate=12_345, live=5 * MB + 1, active=3, actors=30),
        lambda t: rows(100, 30, busy=700),
        clock,
    )


def thousand(clock: Callable[[], float]) -> Scene:
    """1,000 actors, each at work."""
    return Scene(
        lambda t: totals(t, rate=42_000, live=12 * MB, active=2, actors=1000),
        lambda t: rows(t, 1000, busy=90_000),
        clock,
    )


def crowd(clock: Callable[[], float]) -> Scene:
    """More actors than the page fetches; the deepest mailbox is far from the top by messages."""

    def many(t: float) -> list[FakeRow]:
        found = rows(t, 3000, busy=90_000)
        found[2789].mbox_depth = 4242
        return found

    return Scene(lambda t: totals(t, rate=42_000, live=12 * MB, active=2, actors=3000), many, clock)


SCENES: Mapping[str, Callable[[Callable[[], float]], Scene]] = {
    each.__name__: each for each in (healthy, saturated, leaking, backpressured, still, thousand, crowd)
}
