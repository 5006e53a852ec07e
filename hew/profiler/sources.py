"""What the profiler reads: the shapes that the scheduler's counters and its view of the actors must have.

Nothing here is implemented; `hew.scheduler.counters` and `hew.scheduler.inspect` fit, and so do the tests' fakes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from hew.actors import ActorQuery
from hew.steps import Steps


class Totals(Protocol):
    """Sums over the workers, read completed before spawned, received before sent, freed before allocated."""

    @property
    def tasks_spawned(self) -> int: ...
    @property
    def tasks_completed(self) -> int: ...
    @property
    def steals(self) -> int: ...
    @property
    def messages_sent(self) -> int: ...
    @property
    def messages_received(self) -> int: ...
    @property
    def messages_dropped(self) -> int: ...
    @property
    def alloc_count(self) -> int: ...
    @property
    def dealloc_count(self) -> int: ...
    @property
    def bytes_allocated(self) -> int: ...
    @property
    def bytes_freed(self) -> int: ...
    @property
    def parks(self) -> int: ...
    @property
    def actors_spawned(self) -> int: ...
    @property
    def actors_crashed(self) -> int: ...
    @property
    def actors_ended(self) -> int: ...  # in whatever way, crashed ones too
    @property
    def worker_restarts(self) -> int: ...
    @property
    def active_workers(self) -> int: ...


class Counters(Protocol):
    def totals(self) -> Totals: ...


class SourceRow(Protocol):
    """One actor. `type` is the name of its type; `main` has id 0 and type `main`; `worker`: it last ran on."""

    @property
    def id(self) -> int: ...
    @property
    def pid(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def msgs(self) -> int: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def mbox_depth(self) -> int: ...
    @property
    def mbox_hwm(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def worker(self) -> int: ...
    @property
    def bytes_allocated(self) -> int: ...
    @property
    def bytes_live(self) -> int: ...
    @property
    def blocked_ns(self) -> int: ...
    @property
    def slot(self) -> int: ...  # for `Inspect.where`


class Whereabouts(Protocol):
    """What an actor is at. `pcs`: where its calls return to, innermost first; none unless it is suspended."""

    @property
    def handler(self) -> int | None: ...  # index in the type's handlers
    @property
    def wait(self) -> str: ...  # for what: reply, end, time, place, turn; empty: for nothing
    @property
    def since_ns(self) -> int: ...  # it waits, or runs, for so long
    @property
    def sleep_ns(self) -> int: ...  # that it will sleep on
    @property
    def about(self) -> str | None: ...  # `Type#pid` of whom it waits for
    @property
    def pcs(self) -> tuple[int, ...]: ...


class TypeTotals(Protocol):
    """Sums over actors of one type; `bytes` are those that they allocated."""

    @property
    def count(self) -> int: ...
    @property
    def msgs(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def time_ns(self) -> int: ...


class SourcePage(Protocol):
    """Of a list, the first rows. `live`: sums over all its live actors without main, the cut ones too, by type."""

    @property
    def rows(self) -> Sequence[SourceRow]: ...
    @property
    def total(self) -> int: ...
    @property
    def truncated(self) -> bool: ...
    @property
    def live(self) -> Mapping[str, TypeTotals]: ...


class TimeFigures(Protocol):
    """`buckets[i]` counts 2^i to 2^(i+1) ns, of 64; they never fall, nor does `total_ns`."""

    @property
    def total_ns(self) -> int: ...
    @property
    def max_ns(self) -> int: ...
    @property
    def buckets(self) -> Sequence[int]: ...


class HandlerFigures(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def handler(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def work(self) -> TimeFigures: ...
    @property
    def mailbox(self) -> TimeFigures: ...


class MemoryFigures(Protocol):
    @property
    def peak_bytes_live(self) -> int: ...
    @property
    def heap_limit(self) -> int: ...
    @property
    def heap_committed(self) -> int: ...


class Sample(Protocol):
    """One look at a worker: for `count` ticks of its timer, `ns` of CPU time, it was at `pcs`, innermost first."""

    @property
    def pid(self) -> int | None: ...  # of the actor; 0: main; None: no actor ran
    @property
    def type(self) -> int | None: ...  # index in actor_types
    @property
    def handler(self) -> int | None: ...  # index in the type's handlers
    @property
    def count(self) -> int: ...
    @property
    def ns(self) -> int: ...
    @property
    def pcs(self) -> tuple[int, ...]: ...  # all but the first are where a call returns to
    @property
    def cut(self) -> bool: ...  # there were more
    @property
    def looking(self) -> bool: ...  # no actor ran, the worker looked for work


class Samples(Protocol):
    """A reader's own place among the samples. Workers take them for as long as the last request holds."""

    @property
    def lost(self) -> int: ...
    def request(self, period_ns: int, lease_ns: int) -> None: ...
    def take(self) -> Iterable[Sample]: ...


class CodeFigures(Protocol):
    """Address and bytes of the program's loaded text."""

    @property
    def base(self) -> int: ...
    @property
    def size(self) -> int: ...


class Inspect(Protocol):
    """Read-only view of the region. Takes no lock and waits for nobody."""

    def list_actors(self, query: ActorQuery) -> Steps[SourcePage]: ...
    def where(self, slot: int, pid: int) -> Whereabouts | None: ...
    def ended_by_type(self) -> Mapping[str, TypeTotals]: ...
    def handlers(self) -> Sequence[HandlerFigures]: ...
    def memory(self) -> MemoryFigures: ...
    def workers(self) -> Sequence[object]: ...
    def program_running(self) -> bool: ...
    def samples(self) -> Samples: ...
    def code(self) -> CodeFigures: ...
    @property
    def process(self) -> int: ...  # one that has the program's code at the same addresses as the workers


class Handler(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def line(self) -> int: ...


class ActorType(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def handlers(self) -> Sequence[Handler]: ...


class LineFrame(Protocol):
    """A function and the line in it; of inlined calls, the one whose code it is stands behind the others."""

    @property
    def function(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...


class Lines(Protocol):
    """Offsets in the program's loaded text -> frames, innermost first."""

    def lookup(self, offset: int) -> Sequence[LineFrame]: ...


class Symbol(Protocol):
    """A function of the machine code: its place in the text, in bytes."""

    @property
    def name(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def size(self) -> int: ...


class ProgramInfo(Protocol):
    """What of a compiled program appears in profiles."""

    @property
    def name(self) -> str: ...  # base name
    @property
    def actor_types(self) -> Sequence[ActorType]: ...
    @property
    def symbols(self) -> Sequence[Symbol]: ...
    def line_table(self) -> Lines | None: ...
