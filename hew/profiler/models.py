"""The JSON shapes of the API (msgspec), field by field as in the contract. Read by routes, exports and tests."""

import msgspec

MAX_INTEGER = 2**53 - 1  # the largest that every JSON reader keeps exact


class Metrics(msgspec.Struct, frozen=True):
    """All scheduler and memory counters at one instant."""

    timestamp_secs: int
    tasks_spawned: int
    tasks_completed: int
    steals: int
    messages_sent: int
    messages_received: int
    active_workers: int
    alloc_count: int
    bytes_live: int
    peak_bytes_live: int
    dealloc_count: int
    bytes_allocated: int
    bytes_freed: int
    messages_dropped: int
    workers: int
    actors_live: int
    actors_spawned: int
    actors_crashed: int
    worker_restarts: int
    uptime_secs: int


class Memory(msgspec.Struct, frozen=True):
    """The allocator's figures."""

    alloc_count: int
    dealloc_count: int
    bytes_allocated: int
    bytes_freed: int
    bytes_live: int
    peak_bytes_live: int
    heap_limit: int
    heap_committed: int


class ActorRow(msgspec.Struct, frozen=True):
    """One live actor, or one that ended a moment ago."""

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


class Times(msgspec.Struct, frozen=True):
    """What the messages of a handler took, nanoseconds; `buckets`, of 64, only when asked for."""

    total_ns: int
    p50_ns: int
    p99_ns: int
    max_ns: int
    buckets: list[int] | msgspec.UnsetType = msgspec.UNSET  # the i-th counts 2^i to 2^(i+1) ns


class HandlerRow(msgspec.Struct, frozen=True):
    """The messages of one handler."""

    type: str
    handler: str
    count: int
    work: Times  # in the handler, on a worker
    mailbox: Times  # from sending to the beginning of the work


class HistoryEntry(msgspec.Struct, frozen=True):
    """One second, in short keys."""

    t: int  # timestamp_secs
    ts: int  # tasks_spawned
    tc: int  # tasks_completed
    st: int  # steals
    ms: int  # messages_sent
    mr: int  # messages_received
    md: int  # messages_dropped
    aw: int  # active_workers
    ac: int  # alloc_count
    dc: int  # dealloc_count
    ba: int  # bytes_allocated
    bf: int  # bytes_freed
    bl: int  # bytes_live
    pb: int  # peak_bytes_live
    al: int  # actors_live


class Finding(msgspec.Struct, frozen=True):
    """Something that looks wrong, and what shows it."""

    rule: str  # backpressure, hot_actor, leak or saturation
    sentence: str
    evidence: dict[str, int | str]  # figures by name, units in the name; window_secs is how far back they reach
    actor: int | None  # its id; None: the program as a whole
    first_seen: int  # seconds, as timestamp_secs
    last_seen: int


class Health(msgspec.Struct, frozen=True):
    """Whether the program runs."""

    status: str  # "running" or "ended"


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every answer of 400 and above."""

    error: str
    parameter: str | None = None
    value: str | None = None
    allowed: str | list[str] | None = None


def history_entry(metrics: Metrics) -> HistoryEntry:
    """The metrics of one second as they are kept and sent."""
    return HistoryEntry(
        t=metrics.timestamp_secs,
        ts=metrics.tasks_spawned,
        tc=metrics.tasks_completed,
        st=metrics.steals,
        ms=metrics.messages_sent,
        mr=metrics.messages_received,
        md=metrics.messages_dropped,
        aw=metrics.active_workers,
        ac=metrics.alloc_count,
        dc=metrics.dealloc_count,
        ba=metrics.bytes_allocated,
        bf=metrics.bytes_freed,
        bl=metrics.bytes_live,
        pb=metrics.peak_bytes_live,
        al=metrics.actors_live,
    )
