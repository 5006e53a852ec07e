"""Readings as text: the words, units and columns that `--once` prints and the screen shows."""

from typing import Final, NamedTuple

from hew.profiler.models import ActorRow, HandlerRow
from hew.top.source import Reading

KIB: Final = 1024
UNITS: Final = ("KB", "MB", "GB", "TB")
COLUMNS: Final = ("id", "type", "state", "msgs", "time", "mbox", "hwm", "live", "worker")
HANDLER_COLUMNS: Final = (
    "type",
    "handler",
    "messages",
    "wait p50",
    "wait p99",
    "wait max",
    "work p50",
    "work p99",
    "work max",
)
LEFT: Final = ("type", "state", "handler")  # all else is numbers
SHORT: Final = ((10**9, "s"), (10**6, "ms"), (10**3, "us"))


class Rates(NamedTuple):
    """Events per second between two readings."""

    messages: float
    activations: float
    allocations: float
    allocated: float  # bytes


def rates(before: Reading, after: Reading, seconds: float) -> Rates:
    """What happened between them. A program that began anew in between has no rates."""

    def per_second(earlier: int, later: int) -> float:
        return max(0, later - earlier) / seconds if seconds > 0 else 0.0

    first, last = before.metrics, after.metrics
    return Rates(
        per_second(first.messages_received, last.messages_received),
        per_second(first.tasks_completed, last.tasks_completed),
        per_second(first.alloc_count, last.alloc_count),
        per_second(first.bytes_allocated, last.bytes_allocated),
    )


def since_start(reading: Reading) -> Rates:
    """On average over the program's life."""
    metrics, seconds = reading.metrics, max(reading.metrics.uptime_secs, 1)
    return Rates(
        metrics.messages_received / seconds,
        metrics.tasks_completed / seconds,
        metrics.alloc_count / seconds,
        metrics.bytes_allocated / seconds,
    )


def size(count: float) -> str:
    """Bytes by 1024: 512 B, 1.5 KB."""
    if count < KIB:
        return f"{int(count)} B"
    power = min((int(count).bit_length() - 1) // 10, len(UNITS))
    return f"{count / KIB**power:.1f} {UNITS[power - 1]}"


def duration(seconds: int) -> str:
    """59 s, 3:07 min, 2:03:07 h."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"


def time_spent(ns: int) -> str:
    """Milliseconds below a minute, else as a duration."""
    return f"{ns / 1e6:,.1f} ms" if ns < 60 * 10**9 else duration(ns // 10**9)


def short_time(ns: int) -> str:
    """With one decimal: 642 ns, 3.2 us, 1.9 ms, 2.6 s."""
    for scale, unit in SHORT:
        if ns >= scale:
            return f"{ns / scale:,.1f} {unit}"
    return f"{ns} ns"


def heading(reading: Reading, name: str) -> str:
    """Which program, for how long, how busy."""
    metrics = reading.metrics
    return f"{name}, up {duration(metrics.uptime_secs)}, {metrics.active_workers} of {metrics.workers} workers busy"


def figures(reading: Reading, speed: Rates) -> list[str]:
    """Four lines: activations, messages, memory, actors."""
    metrics, memory = reading.metrics, reading.memory
    queued = max(0, metrics.messages_sent - metrics.messages_received)
    restarts = f", {metrics.worker_restarts:,} workers replaced" if metrics.worker_restarts else ""
    return [
        f"tasks     {speed.activations:,.0f}/s, {metrics.tasks_spawned:,} spawned, {metrics.tasks_completed:,} "
        f"completed, {metrics.steals:,} steals",
        f"messages  {speed.messages:,.0f}/s, {metrics.messages_sent:,} sent, {metrics.messages_received:,} received, "
        f"{queued:,} waiting, {metrics.messages_dropped:,} dropped",
        f"memory    {size(memory.bytes_live)} live, {size(memory.peak_bytes_live)} at most, "
        f"{size(memory.heap_committed)} of {size(memory.heap_limit)} committed, {size(speed.allocated)}/s in "
        f"{speed.allocations:,.0f} allocations/s",
        f"actors    {metrics.actors_live:,} live, {metrics.actors_spawned:,} spawned, {metrics.actors_crashed:,} "
        f"crashed{restarts}",
    ]


def findings(reading: Reading) -> list[str]:
    """What looks wrong, a line each."""
    return [f"{each.rule}: {each.sentence}" for each in reading.findings]


def cells(row: ActorRow) -> tuple[str, ...]:
    """One actor, in the order of COLUMNS."""
    return (
        str(row.id),
        row.type,
        row.state,
        f"{row.msgs:,}",
        time_spent(row.time_ns),
        f"{row.mbox_depth:,}",
        f"{row.mbox_hwm:,}",
        size(row.bytes_live),
        str(row.worker),
    )


def handler_cells(row: HandlerRow) -> tuple[str, ...]:
    """One handler, in the order of HANDLER_COLUMNS."""
    wait, work = row.mailbox, row.work
    times = (wait.p50_ns, wait.p99_ns, wait.max_ns, work.p50_ns, work.p99_ns, work.max_ns)
    return (row.type, row.handler, f"{row.count:,}", *map(short_time, times))


def snapshot(reading: Reading, name: str) -> str:
    """All of a reading, for `--once`. Rates are averages since the start."""
    lines = [heading(reading, name), *figures(reading, since_start(reading)), *findings(reading)]
    lines += _table(COLUMNS, list(map(cells, reading.actors)), reading.actors_total)
    lines += _table(HANDLER_COLUMNS, list(map(handler_cells, reading.handlers)), reading.handlers_total)
    return "\n".join(lines)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]], total: int) -> list[str]:
    """Its lines, with one before and, where it is cut, one behind it; none when it is empty."""
    shown = [columns, *rows]
    widths = [max(len(row[column]) for row in shown) for column in range(len(columns))]
    lines = ["", *("  ".join(map(_aligned, row, columns, widths)).rstrip() for row in shown)] if rows else []
    left = total - len(rows)
    return [*lines, f"... and {left:,} more"] if left else lines


def _aligned(cell: str, column: str, width: int) -> str:
    return cell.ljust(width) if column in LEFT else cell.rjust(width)
