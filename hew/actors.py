"""Which actors are wanted: what the profiler asks, and scheduler.inspect answers."""

from dataclasses import dataclass
from typing import Literal

SortKey = Literal["msgs", "time_ns", "mbox_depth", "mbox_hwm", "bytes_live", "id"]
Order = SortKey | Literal["bytes_allocated"]
State = Literal["idle", "runnable", "running", "blocked", "stopping", "crashed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorQuery:
    """Which actors, in which order, at most how many (None: all); ties by id, ended ones are those of the last 10 s."""

    sort: Order = "msgs"
    descending: bool = True
    limit: int | None = None
    type_name: str | None = None
    state: State | None = None
    include_main: bool = False
    include_ended: bool = True
