"""What the document tells a person to look for, as four rules: backpressure, hot actor, leak, saturation.

A rule is an object: given what was observed and a set of limits it names what is wrong now, in a sentence and with the
figures it judged by. It knows nothing of time passing: `watch.py` asks it once a second, first by its strict limits,
which open a finding, then by its loose ones, which keep it open, so that a finding never flaps.

The limits are chosen so that a healthy program is never accused: bursts, a full but short queue, a cache that fills, a
busy minute on some of the workers are none of them a finding.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Generic, Protocol, TypeVar

from hew.profiler.exports.flat import size, tenths
from hew.profiler.models import MAX_INTEGER, ActorRow, HistoryEntry
from hew.profiler.reader import NS_PER_S

LimitsT = TypeVar("LimitsT")


@dataclass(frozen=True, slots=True)
class Second:
    """One entry of the history; `active`: how many workers were found active at it and since the one before."""

    entry: HistoryEntry
    active: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Some of the live actors at one instant, by id: those that a question to the core gave."""

    at_ns: int  # on the profiler's clock
    rows: Mapping[int, ActorRow]


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a rule may judge by, each oldest first."""

    workers: int
    seconds: Sequence[Second]  # up to five minutes
    looks: Sequence[Look]  # the last ones at the deepest mailboxes and the running actors
    holders: Sequence[Look]  # the last ones at the actors that hold most memory

    @property
    def t(self) -> int:
        """The second it is, on the profiler's clock."""
        return self.seconds[-1].entry.t


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that is wrong now. `actor`: whom to look at, if anybody stands out."""

    actor: int | None
    sentence: str
    evidence: dict[str, int | str]
    since_secs: int  # how long it has been so, at least
    whole: bool = False  # of the program as a whole, so one finding at most, whoever stands out

    @property
    def subject(self) -> int | None:
        """What tells findings of one rule apart: the actor; None for the whole program."""
        return None if self.whole else self.actor


class Rule(Protocol):
    """Named as in the API."""

    @property
    def name(self) -> str: ...

    def opens(self, observed: Observed) -> list[Hit]:
        """By the strict limits."""
        ...

    def keeps(self, observed: Observed) -> list[Hit]:
        """By the loose ones: what stays open if it is open already."""
        ...


@dataclass(frozen=True, slots=True)
class _TwoLimits(Generic[LimitsT]):
    """A rule that is one test by two sets of limits."""

    name: str
    strict: LimitsT
    loose: LimitsT

    def opens(self, observed: Observed) -> list[Hit]:
        return list(self._hits(observed, self.strict))

    def keeps(self, observed: Observed) -> list[Hit]:
        return list(self._hits(observed, self.loose))

    def _hits(self, observed: Observed, limits: LimitsT) -> Iterator[Hit]:
        raise NotImplementedError


# ---------------------------------------------------------------- backpressure


@dataclass(frozen=True, slots=True)
class BackpressureLimits:
    """`deep` messages are a long queue at any speed; `queued` are one if the last of them waits `wait_ns`."""

    window_secs: int
    deep: int
    queued: int
    wait_ns: int
    arriving_percent: int  # of what is worked off: a queue that only drains is the end of a burst


@dataclass(frozen=True, slots=True)
class Backpressure(_TwoLimits[BackpressureLimits]):
    """An actor's mailbox is deep at every look of the window, and as much arrives as is worked off, or more."""

    def _hits(self, observed: Observed, limits: BackpressureLimits) -> Iterator[Hit]:
        window = recent(observed.looks, limits.window_secs)
        if not window:
            return
        for actor in window[-1].rows:
            rows = [look.rows[actor] for look in window if actor in look.rows]
            if len(rows) == len(window) and (hit := _backlog(rows, window, limits)):
                yield hit


def _backlog(rows: list[ActorRow], window: Sequence[Look], limits: BackpressureLimits) -> Hit | None:
    first, last, percent = rows[0], rows[-1], limits.arriving_percent
    span_ns = window[-1].at_ns - window[0].at_ns
    lowest = min(row.mbox_depth for row in rows)
    worked, arrived = _traffic(first, last)
    worked_lately, arrived_lately = _traffic(rows[len(rows) // 2], last)  # a burst may lie in the first half
    wait_ns = min(lowest * span_ns // max(worked, 1), MAX_INTEGER)
    long = lowest >= limits.deep or (lowest >= limits.queued and wait_ns >= limits.wait_ns)
    arriving = min(100 * arrived - percent * worked, 100 * arrived_lately - percent * worked_lately) >= 0
    if not (long and arriving):
        return None
    seconds = _rounded(span_ns)
    falls = 10 * arrived < 9 * worked
    does = "is still working off a long queue" if falls else "receives messages faster than it works them off"
    waits = f"a new one waits {_duration(wait_ns)}" if worked else "none has been worked off"
    return Hit(
        last.id,
        f"{_name(last)} {does}: for {seconds} s never fewer than {lowest:,} were in its mailbox; {waits}.",
        {
            "mbox_depth": last.mbox_depth,
            "mbox_depth_lowest": lowest,
            "mbox_hwm": last.mbox_hwm,
            "arrived_per_sec": arrived * NS_PER_S // span_ns,
            "worked_off_per_sec": worked * NS_PER_S // span_ns,
            "wait_ns": wait_ns,
            "window_secs": seconds,
        },
        seconds,
    )


def _traffic(before: ActorRow, after: ActorRow) -> tuple[int, int]:
    """Messages worked off in between, and messages that arrived."""
    worked = after.msgs - before.msgs
    return worked, max(worked + after.mbox_depth - before.mbox_depth, 0)


# ---------------------------------------------------------------- hot actor


@dataclass(frozen=True, slots=True)
class HotLimits:
    """`busy_percent` of the window on a worker; that is `share_percent` of all work or `times_next` the next's."""

    window_secs: int
    busy_percent: int
    seen_percent: int  # of the looks; one odd figure is no finding
    share_percent: int
    times_next: int


@dataclass(frozen=True, slots=True)
class HotActor(_TwoLimits[HotLimits]):
    """One actor is always running while the others are not: it is what the program waits for.

    An actor runs on one worker at a time, so more workers do not help. Several equally busy actors are no finding of
    this rule: when they fill all workers it is saturation, else it is a program at work.
    """

    def _hits(self, observed: Observed, limits: HotLimits) -> Iterator[Hit]:
        window = recent(observed.looks, limits.window_secs)
        if not window:
            return
        busy = sorted(_all_busy(window), key=lambda each: -each.percent)
        if not busy or busy[0].percent < limits.busy_percent or busy[0].seen_percent < limits.seen_percent:
            return
        hottest, following = busy[0], busy[1].percent if len(busy) > 1 else 0
        samples = [active for each in _span(observed.seconds, limits.window_secs) for active in each.active]
        whole = max(100 * sum(samples) // max(len(samples), 1), sum(each.percent for each in busy), 1)
        share = min(100 * hottest.percent // whole, 100)
        if share >= limits.share_percent or hottest.percent >= limits.times_next * following:
            yield hottest.hit(share)


@dataclass(frozen=True, slots=True)
class _Busy:
    """What an actor did between two looks."""

    row: ActorRow
    span_ns: int
    work_ns: int
    msgs: int
    seen_percent: int  # of the looks

    @property
    def percent(self) -> int:
        """Of the time between the looks that it was on a worker."""
        return min(100 * self.work_ns // self.span_ns, 100)

    def hit(self, share: int) -> Hit:
        per_message_ns = self.work_ns // max(self.msgs, 1)
        seconds, rate = _rounded(self.span_ns), self.msgs * NS_PER_S // self.span_ns
        if self.msgs == 0:
            why = "all of it in one message that has not ended"
        elif per_message_ns >= EXPENSIVE_NS:
            why = f"its messages are expensive: {_duration(per_message_ns)} each"
        else:
            why = f"it is heavily trafficked: {rate:,} messages a second"
        return Hit(
            self.row.id,
            f"{_name(self.row)} was running {self.percent} % of the last {seconds} s, "
            f"{share} % of all work; {why}. More workers do not help it.",
            {
                "busy_percent": self.percent,
                "share_percent": share,
                "msgs_per_sec": rate,
                "time_per_msg_ns": per_message_ns,
                "msgs": self.row.msgs,
                "time_ns": self.row.time_ns,
                "window_secs": seconds,
            },
            seconds,
        )


EXPENSIVE_NS: Final = 20_000  # for one message; a cheap one takes well below a microsecond


def _all_busy(window: Sequence[Look]) -> Iterator[_Busy]:
    """Actors that were found running in at least two looks, over the time between those.

    Only the running ones are asked for, which finds a hot actor however little it had done before. Whoever is seen
    in less than half the looks is busy for less than half the time and judged by that.
    """
    for actor in {actor for look in window for actor in look.rows}:
        seen = [look for look in window if actor in look.rows]
        first, last = seen[0], seen[-1]
        if last.at_ns > first.at_ns:
            row, before = last.rows[actor], first.rows[actor]
            span_ns = max(last.at_ns - first.at_ns, (window[-1].at_ns - window[0].at_ns) * 2 // 3)
            often = 100 * len(seen) // len(window)
            yield _Busy(row, span_ns, row.time_ns - before.time_ns, row.msgs - before.msgs, often)


# ---------------------------------------------------------------- leak


@dataclass(frozen=True, slots=True)
class LeakLimits:
    """How steady, and how much."""

    windows: tuple[tuple[int, int], ...]  # buckets and the seconds of each
    bytes: int  # growth over the window
    step_percent: int  # of the middle step from floor to floor: what the smallest must be
    lasting_percent: int  # of the growth in the first half: what the second half must be
    swing_percent: int  # of the swing around the trend: what the growth must be
    new_peak: bool  # must the floor have risen above all that was before the window?


@dataclass(frozen=True, slots=True)
class Leak(_TwoLimits[LeakLimits]):
    """The floor of bytes_live rises in steps of one size, to heights not seen before, with no sign of levelling off.

    The window is cut into buckets and the lowest figure of each is taken, which is deaf to garbage that comes and
    goes. A start-up ramp is told by its end: a cache that fills grows ever more slowly. The start itself is left out.
    """

    def _hits(self, observed: Observed, limits: LeakLimits) -> Iterator[Hit]:
        for count, width in limits.windows:
            buckets = _buckets(observed, count, width)
            if buckets and (hit := _growth(buckets, observed, limits, width)):
                yield hit
                return


STARTUP_SECS: Final = 8  # of the profiler's clock, never part of a window


def _growth(buckets: list[list[int]], observed: Observed, limits: LeakLimits, width: int) -> Hit | None:
    floors = [min(bucket) for bucket in buckets]
    steps = [later - earlier for earlier, later in pairwise(floors)]
    growth, half = sum(steps), len(steps) // 2
    swing = _median([max(bucket) - min(bucket) for bucket in buckets]) - growth // len(steps)
    begin = observed.t - width * len(buckets)
    earlier = [each.entry.bl for each in observed.seconds if each.entry.t <= begin]
    steady = min(steps) * 100 >= limits.step_percent * _median(steps) and min(steps) > 0
    lasting = 100 * sum(steps[-half:]) >= limits.lasting_percent * sum(steps[:half])
    outgrows = 100 * growth >= limits.swing_percent * swing
    new = not limits.new_peak or floors[-1] > max(earlier, default=0)
    if not (steady and lasting and outgrows and new and growth >= limits.bytes):
        return None
    return _leak_hit(growth // (width * len(steps)), width * len(buckets), observed)


def _buckets(observed: Observed, count: int, width: int) -> list[list[int]]:
    """bytes_live by bucket of that many seconds, oldest first; none while the window is not full or has holes."""
    buckets: list[list[int]] = [[] for _ in range(count)]
    if observed.t - count * width < STARTUP_SECS:
        return []
    for each in _span(observed.seconds, count * width):
        buckets[count - 1 - (observed.t - each.entry.t) // width].append(each.entry.bl)
    return buckets if all(2 * len(bucket) > width for bucket in buckets) else []


def _leak_hit(per_sec: int, seconds: int, observed: Observed) -> Hit:
    newest, growth = observed.seconds[-1].entry, per_sec * seconds
    evidence: dict[str, int | str] = {
        "bytes_live": newest.bl,
        "bytes_grown": growth,
        "bytes_per_sec": per_sec,
        "actors_live": newest.al,
        "window_secs": seconds,
    }
    sentence = f"Memory grows steadily, by {size(per_sec)} a second for {seconds} s, with no sign of levelling off."
    holder = _holder(observed.holders, seconds)
    if holder is None or holder[1] < growth // 2:
        return Hit(None, sentence, evidence, seconds, whole=True)
    row, grown = holder
    evidence["bytes_grown_in_actor"] = grown
    return Hit(row.id, f"{sentence} {_name(row)} holds most of it.", evidence, seconds, whole=True)


def _holder(holders: Sequence[Look], seconds: int) -> tuple[ActorRow, int] | None:
    """The actor that grew most over these seconds, and by how much."""
    if len(holders) < 2:
        return None
    newest = holders[-1]
    oldest = next(look for look in holders if newest.at_ns - look.at_ns <= seconds * NS_PER_S)
    before = oldest.rows
    grown = [(row, row.bytes_live - before[row.id].bytes_live) for row in newest.rows.values() if row.id in before]
    return max(grown, key=lambda each: each[1], default=None)


# ---------------------------------------------------------------- saturation


@dataclass(frozen=True, slots=True)
class SaturationLimits:
    """`full_percent` of the samples of the window found every worker active."""

    window_secs: int
    full_percent: int


@dataclass(frozen=True, slots=True)
class Saturation(_TwoLimits[SaturationLimits]):
    """Every worker is running a handler whenever one looks."""

    def _hits(self, observed: Observed, limits: SaturationLimits) -> Iterator[Hit]:
        window = _span(observed.seconds, limits.window_secs)
        seconds = observed.t - window[0].entry.t if window else 0
        if observed.workers == 0 or 10 * len(window) < 8 * limits.window_secs or seconds < limits.window_secs - 1:
            return
        samples = [active for each in window for active in each.active]
        full = sum(active >= observed.workers for active in samples)
        if 100 * full >= limits.full_percent * len(samples):
            yield _saturated(window, 100 * full // len(samples), observed.workers)


IMBALANCE_PERCENT: Final = 10  # of the activations were stolen


def _saturated(window: Sequence[Second], full_percent: int, workers: int) -> Hit:
    first, last = window[0].entry, window[-1].entry
    seconds = last.t - first.t + 1  # the samples of the first reach back to the second before it
    stolen = 100 * (last.st - first.st) // max(last.tc - first.tc, 1)
    imbalance = (
        f" {stolen} % of the activations were stolen: the load is uneven." if stolen >= IMBALANCE_PERCENT else ""
    )
    all_workers = "the only worker has" if workers == 1 else f"all {workers} workers have"
    return Hit(
        None,
        f"The scheduler is saturated: {all_workers} been running handlers for {seconds} s without a pause.{imbalance}",
        {
            "active_workers": window[-1].active[-1],
            "workers": workers,
            "all_active_percent": full_percent,
            "tasks_waiting": max(last.ts - last.tc - workers, 0),
            "steals_per_sec": (last.st - first.st) // seconds,
            "stolen_percent": min(stolen, 100),
            "imbalance": "high" if imbalance else "low",
            "window_secs": seconds,
        },
        seconds,
        whole=True,
    )


# ---------------------------------------------------------------- what they share

MIN_LOOKS: Final = 6  # where a look costs much they are rare, and a window reaches back further


def recent(looks: Sequence[Look], seconds: int) -> Sequence[Look]:
    """The last looks that span that long and are enough; none while there are not that many."""
    wanted_ns = seconds * NS_PER_S - NS_PER_S // 2  # half a second for a late look
    for start in range(len(looks) - MIN_LOOKS, -1, -1):
        if looks[-1].at_ns - looks[start].at_ns >= wanted_ns:
            return looks[start:]
    return ()


def _span(seconds: Sequence[Second], count: int) -> Sequence[Second]:
    """Those of the last `count` seconds."""
    after = seconds[-1].entry.t - count
    return [each for each in seconds[-count:] if each.entry.t > after]


def _rounded(span_ns: int) -> int:
    return (span_ns + NS_PER_S // 2) // NS_PER_S


def _median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]


def _name(row: ActorRow) -> str:
    """As the program prints it."""
    return f"{row.type}#{row.pid}"


def _duration(ns: int) -> str:
    for unit, scale in (("s", NS_PER_S), ("ms", 1_000_000), ("µs", 1_000)):
        if ns >= scale:
            return f"{tenths(ns, scale)} {unit}"
    return f"{ns} ns"


RULES: Final[tuple[Rule, ...]] = (
    Backpressure(
        "backpressure",
        BackpressureLimits(window_secs=10, deep=1_000, queued=100, wait_ns=NS_PER_S, arriving_percent=90),
        BackpressureLimits(window_secs=5, deep=250, queued=50, wait_ns=NS_PER_S // 4, arriving_percent=0),
    ),
    HotActor(
        "hot_actor",
        HotLimits(window_secs=10, busy_percent=90, seen_percent=70, share_percent=60, times_next=3),
        HotLimits(window_secs=5, busy_percent=70, seen_percent=50, share_percent=50, times_next=2),
    ),
    Leak(
        "leak",
        LeakLimits(
            windows=((6, 10), (7, 40)),
            bytes=1 << 20,
            step_percent=50,
            lasting_percent=75,
            swing_percent=100,
            new_peak=True,
        ),
        LeakLimits(
            windows=((3, 10),), bytes=1 << 16, step_percent=10, lasting_percent=30, swing_percent=25, new_peak=False
        ),
    ),
    Saturation(
        "saturation",
        SaturationLimits(window_secs=15, full_percent=100),
        SaturationLimits(window_secs=10, full_percent=80),
    ),
)
