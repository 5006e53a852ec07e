"""GET /metrics: the counters for Prometheus, as its text format or, by Accept, as OpenMetrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hew.profiler.histogram import Histogram
from hew.profiler.models import Metrics
from hew.profiler.reader import NS_PER_S, Handler
from hew.profiler.routes.common import Source, sends, text_response

router = APIRouter()

PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Family:
    """`name` without _total, which counters get on their samples."""

    name: str
    kind: Literal["counter", "gauge"]
    field: str
    help: str


FAMILIES: Final = (
    _Family("hew_tasks_spawned", "counter", "tasks_spawned", "Activations of actors put on a run queue."),
    _Family("hew_tasks_completed", "counter", "tasks_completed", "Activations of actors run to their end."),
    _Family("hew_steals", "counter", "steals", "Activations taken from the queue of another worker."),
    _Family("hew_messages_sent", "counter", "messages_sent", "Messages put into a mailbox."),
    _Family("hew_messages_received", "counter", "messages_received", "Messages taken out of a mailbox."),
    _Family("hew_messages_dropped", "counter", "messages_dropped", "Messages to dead actors or full mailboxes."),
    _Family("hew_allocations", "counter", "alloc_count", "Blocks allocated."),
    _Family("hew_deallocations", "counter", "dealloc_count", "Blocks freed."),
    _Family("hew_allocated_bytes", "counter", "bytes_allocated", "Bytes allocated."),
    _Family("hew_freed_bytes", "counter", "bytes_freed", "Bytes freed."),
    _Family("hew_actors_spawned", "counter", "actors_spawned", "Actors spawned or restarted."),
    _Family("hew_actors_crashed", "counter", "actors_crashed", "Actors that ended by an error."),
    _Family("hew_worker_restarts", "counter", "worker_restarts", "Worker processes that were replaced."),
    _Family("hew_live_bytes", "gauge", "bytes_live", "Bytes allocated and not freed."),
    _Family("hew_peak_live_bytes", "gauge", "peak_bytes_live", "The most bytes that were ever live."),
    _Family("hew_active_workers", "gauge", "active_workers", "Workers that run a handler."),
    _Family("hew_workers", "gauge", "workers", "Worker processes."),
    _Family("hew_actors_live", "gauge", "actors_live", "Live actors."),
    _Family("hew_uptime_seconds", "gauge", "uptime_secs", "Seconds since the program started."),
)


EXPONENTS: Final = (10, 13, 16, 18, 20, 22, 24, 26, 28, 30, 33)  # of 2, ns: 1 µs to 8.6 s; with +Inf 12 buckets
MAX_HANDLERS: Final = 1000  # the rest are summed under OTHER
OTHER: Final = "other"
ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class _HandlerFamily:
    """A histogram with the labels type and handler."""

    name: str
    help: str
    of: Callable[[Handler], Histogram]


HANDLER_FAMILIES: Final = (
    _HandlerFamily("hew_handler_seconds", "Time that the work on a message takes.", lambda each: each.work),
    _HandlerFamily("hew_mailbox_seconds", "Time from sending a message to the work on it.", lambda each: each.mailbox),
)


@router.get("/metrics", openapi_extra=sends(PLAIN, OPEN_METRICS))
async def prometheus(request: Request, source: Source) -> Response:
    """Prometheus text, or OpenMetrics where the scraper asks for it."""
    metrics, handlers = source.reader.metrics(), source.reader.handlers()
    if "application/openmetrics-text" in request.headers.get("accept", ""):
        text = exposition(metrics, handlers, suffix_in_type=False)
        return text_response(f"{text}# EOF\n", media_type=OPEN_METRICS)
    return text_response(exposition(metrics, handlers, suffix_in_type=True), media_type=PLAIN)


def exposition(metrics: Metrics, handlers: Sequence[Handler], *, suffix_in_type: bool) -> str:
    """HELP, TYPE and samples of each family; OpenMetrics names a counter's family without `_total`."""
    lines = []
    for family in FAMILIES:
        sample = family.name + ("_total" if family.kind == "counter" else "")
        named = sample if suffix_in_type else family.name
        lines.append(f"# HELP {named} {family.help}")
        lines.append(f"# TYPE {named} {family.kind}")
        lines.append(f"{sample} {getattr(metrics, family.field)}")
    for each in HANDLER_FAMILIES:
        lines += _histograms(each, handlers)
    return "\n".join(lines) + "\n"


def _histograms(family: _HandlerFamily, handlers: Sequence[Handler]) -> list[str]:
    if not handlers:
        return []
    shown = [(each.type, each.handler, family.of(each)) for each in handlers[:MAX_HANDLERS]]
    if rest := handlers[MAX_HANDLERS:]:
        shown.append((OTHER, OTHER, reduce(Histogram.plus, map(family.of, rest))))
    lines = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} histogram"]
    for type_name, handler, histogram in shown:
        labels = f'type="{type_name.translate(ESCAPED)}",handler="{handler.translate(ESCAPED)}"'
        total = histogram.count
        bounds = [f"{2**exponent / NS_PER_S:.10g}" for exponent in EXPONENTS]
        for bound, count in zip([*bounds, "+Inf"], [*histogram.cumulative(EXPONENTS), total], strict=True):
            lines.append(f'{family.name}_bucket{{{labels},le="{bound}"}} {count}')
        lines.append(f"{family.name}_sum{{{labels}}} {histogram.total_ns / NS_PER_S:.9f}")
        lines.append(f"{family.name}_count{{{labels}}} {total}")
    return lines
