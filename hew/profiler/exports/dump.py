"""Every actor as text, in the manner of Go's goroutine dump: state, what it waits for and since when, where it is.

The lines of one that is suspended come from its saved stack; those of one that runs from the last sample of its worker,
else its handler's declaration stands for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from hew.profiler.cpu import Stack
from hew.profiler.exports.cpu import MAIN, places
from hew.profiler.sources import ProgramInfo, SourceRow, Whereabouts
from hew.profiler.symbols import Frame, Symbolizer

WAITS: Final = {
    "reply": "waits for a reply of {about}",
    "end": "waits for the end of {about}",
    "place": "waits for a place in the mailbox of {about}",
    "time": "sleeps, {left} left",
    "turn": "preempted, waits for its turn",
}
UNITS: Final = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"))

EACH: Final = 100  # actors in a piece of the text: some milliseconds


def render(
    actors: Sequence[SourceRow],
    total: int,
    where: Callable[[SourceRow], Whereabouts | None],
    program: ProgramInfo,
    symbolizer: Symbolizer,
    running: Mapping[int, Stack],
    *,
    more: str = "; ?limit= shows more",
) -> Iterator[str]:
    """The text, piece by piece. `running`: stacks of samples by the actor's number. `more`: where there is more."""
    shown = len(actors)
    yield f"{total} actors\n" if total == shown else f"{shown} of {total} actors{more}\n"
    for start in range(0, shown, EACH):
        rows = actors[start : start + EACH]
        yield "".join(f"\n{_actor(row, where(row), program, symbolizer, running)}\n" for row in rows)


def _actor(
    row: SourceRow,
    where: Whereabouts | None,
    program: ProgramInfo,
    symbolizer: Symbolizer,
    running: Mapping[int, Stack],
) -> str:
    name = MAIN if row.pid == 0 else f"{row.type}#{row.pid}"
    lines = [f"actor {row.id} [{_state(row, where)}]: {name}, {row.msgs} messages, {row.mbox_depth} waiting"]
    frames: list[Frame] = []
    if where is not None and where.pcs:
        frames = _frames(Stack(row.pid == 0, None, None, where.pcs, False), symbolizer, suspended=True)
    elif row.state == "running" and row.pid in running:
        frames = _frames(running[row.pid], symbolizer, suspended=False)
    if not frames and where is not None:
        frames = _declared(row, where, program)
    for frame in frames:
        lines.append(frame.function)
        if frame.file:
            lines.append(f"\t{frame.file}:{frame.line}")
    return "\n".join(lines)


def _state(row: SourceRow, where: Whereabouts | None) -> str:
    if where is None:
        return row.state
    parts = [row.state]
    if where.wait in WAITS:
        parts.append(WAITS[where.wait].format(about=where.about, left=_time(where.sleep_ns)))
    if where.since_ns and row.state in ("blocked", "runnable", "running", "stopping"):
        parts.append(_time(where.since_ns))
    return ", ".join(parts)


def _time(ns: int) -> str:
    for scale, unit in UNITS:
        if ns >= scale:
            return f"{ns / scale:.1f} {unit}"
    return f"{ns} ns"


def _frames(stack: Stack, symbolizer: Symbolizer, *, suspended: bool) -> list[Frame]:
    """Innermost first; of a stack without the program's own code, none."""
    found = [place for place in places(stack, symbolizer, suspended=suspended) if place.address]
    if not any(symbolizer.is_hew(place.address) for place in found):
        return []
    return [frame for place in found for frame in place.frames]


def _declared(row: SourceRow, where: Whereabouts, program: ProgramInfo) -> list[Frame]:
    declared = next((each for each in program.actor_types if each.name == row.type), None)
    if declared is None or where.handler is None or where.handler >= len(declared.handlers):
        return []
    handler = declared.handlers[where.handler]
    return [Frame(f"{declared.name}.{handler.name}", declared.file, handler.line)]
