"""The flat profile: time by actor in the manner of gprof, then the mailboxes. Text for a terminal.

Only integers are rounded, once, half away from zero, so a figure never depends on how a sum was made.
"""

from collections.abc import Iterator
from typing import Final

from hew.profiler.models import ActorRow
from hew.profiler.reader import Snapshot, Sums

NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
SIZES: Final = (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024))  # by 1024

HEAD: Final = (
    "     % cumulative      self              self    total",
    "  time   time(ms)  time(ms)    calls  us/call  us/call  name",
)


def render(snapshot: Snapshot, *, types: bool = False) -> Iterator[str]:
    """The text, piece by piece, of actors sorted by time; with `types` the actor's type stands behind its name."""
    actors, metrics = snapshot.actors, snapshot.metrics
    total_ns = sum(each.time_ns for each in (*snapshot.live, *snapshot.ended))
    head = [
        "Flat profile:",
        f"Total processing time: {tenths(total_ns, NS_PER_MS)} ms across {actors.total} actor(s)",
        f"Memory: {size(metrics.bytes_live)} live ({size(metrics.peak_bytes_live)} peak), "
        f"{metrics.alloc_count} allocations",
        "",
        *HEAD,
    ]
    yield _lines(head)
    table = _Table(total_ns)
    shown_ns = shown_msgs = 0
    for rows in actors.rows.pieces():
        shown_ns += sum(row.time_ns for row in rows)
        shown_msgs += sum(row.msgs for row in rows)
        yield _lines([table.row(row.time_ns, row.msgs, _name(row, types)) for row in rows])
    if more := actors.total - len(actors.rows):
        time_ns, msgs = sum(each.time_ns for each in snapshot.live), sum(each.msgs for each in snapshot.live)
        yield _lines([table.row(time_ns - shown_ns, msgs - shown_msgs, f"[more] ({more} actors)")])
    yield _lines([*_ended_row(table, snapshot.ended), "", "Mailbox summary:", _mailbox("Actor", "Depth", "HWM")])
    for rows in actors.rows.pieces():
        yield _lines([_mailbox(f"#{row.id}", row.mbox_depth, row.mbox_hwm) for row in rows])


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _name(row: ActorRow, types: bool) -> str:
    return f"Actor#{row.id} (pid={row.pid}, state={row.state})" + (f" {row.type}" if types else "")


class _Table:
    """Rows with a running sum."""

    def __init__(self, total_ns: int) -> None:
        self._total_ns = total_ns
        self._so_far_ns = 0

    def row(self, time_ns: int, calls: int, name: str) -> str:
        self._so_far_ns += time_ns
        each = tenths(time_ns, NS_PER_US * calls)
        return (
            f"{tenths(100 * time_ns, self._total_ns):>6} {tenths(self._so_far_ns, NS_PER_MS):>10} "
            f"{tenths(time_ns, NS_PER_MS):>9} {calls:>8d} {each:>8} {each:>8}  {name}"
        )


def _ended_row(table: _Table, ended: list[Sums]) -> list[str]:
    count = sum(each.count for each in ended)
    if count == 0:
        return []
    time_ns, calls = sum(each.time_ns for each in ended), sum(each.msgs for each in ended)
    return [table.row(time_ns, calls, f"[ended] ({count} actors)")]


def _mailbox(actor: str, depth: object, hwm: object) -> str:
    return f"{actor:<8} {depth:>6} {hwm:>6}"


def tenths(numerator: int, denominator: int) -> str:
    """numerator / denominator with one decimal, rounded half away from zero; 0.0 where there is nothing to divide by.

    Both are >= 0: tenths(25, 100) is "0.3".
    """
    if denominator == 0:
        return "0.0"
    rounded = (20 * numerator + denominator) // (2 * denominator)
    return f"{rounded // 10}.{rounded % 10}"


def size(count: int) -> str:
    """512 B, 1.5 KB, 184.4 KB, 2.0 MB ..."""
    for unit, scale in SIZES:
        if count >= scale:
            return f"{tenths(count, scale)} {unit}"
    return f"{count} B"
