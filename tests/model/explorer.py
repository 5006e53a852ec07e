"""All interleavings of a few small processes: each state is looked at, and from each the end must be within reach.

A process is a table of steps; a step does one atomic thing to the shared state and names the next step, END, or
None while it cannot go on. Several functions under one name are the choices it has. Memory is sequentially
consistent here: where the C code leaves a store and a load in doubt it has a fence, and a test that takes the fence
away puts the two into the other order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

END: Final = "end"
MOST_STATES: Final = 400_000

State = dict[str, int]
Step = Callable[[State], str | None]
Process = Mapping[str, Step | Sequence[Step]]
Packed = tuple[tuple[str, ...], tuple[int, ...]]


class BrokenError(AssertionError):
    """A state that must not be, and the steps that lead to it."""


@dataclass(frozen=True, slots=True)
class Found:
    states: int
    ends: int


def never_wrong(_: State) -> bool:
    return True


def explore(
    processes: Sequence[Process],
    start: State,
    *,
    always: Callable[[State], bool] = never_wrong,
    at_rest: Callable[[State], bool],
) -> Found:
    """Every process begins at the first step of its table.

    `always` holds in every state; `at_rest` in every state where no process can go on.
    """
    names = tuple(start)
    first: Packed = (tuple(next(iter(process)) for process in processes), tuple(start.values()))
    came_from: dict[Packed, tuple[Packed, str] | None] = {first: None}
    before: dict[Packed, list[Packed]] = {first: []}
    ends: list[Packed] = []
    todo = [first]
    while todo:
        packed = todo.pop()
        successors = list(_successors(processes, names, packed))
        if not successors:
            ends.append(packed)
            _require(at_rest(dict(zip(names, packed[1], strict=True))), "at rest", packed, names, came_from)
        for after, what in successors:
            before.setdefault(after, []).append(packed)
            if after not in came_from:
                came_from[after] = (packed, what)
                _require(always(dict(zip(names, after[1], strict=True))), "always", after, names, came_from)
                todo.append(after)
        assert len(came_from) <= MOST_STATES, "too many states: make the case smaller"
    _require_way_out(before, ends, came_from, names)
    return Found(len(came_from), len(ends))


def _successors(processes: Sequence[Process], names: tuple[str, ...], packed: Packed) -> list[tuple[Packed, str]]:
    places, values = packed
    found: list[tuple[Packed, str]] = []
    for i, place in enumerate(places):
        if place == END:
            continue
        step = processes[i][place]
        for choice in step if isinstance(step, Sequence) else (step,):
            state = dict(zip(names, values, strict=True))
            then = choice(state)
            if then is not None:
                after = ((*places[:i], then, *places[i + 1 :]), tuple(state.values()))
                found.append((after, f"{i}:{place}"))
    return found


def _require_way_out(
    before: Mapping[Packed, list[Packed]],
    ends: list[Packed],
    came_from: Mapping[Packed, tuple[Packed, str] | None],
    names: tuple[str, ...],
) -> None:
    can_end = set(ends)
    todo = list(ends)
    while todo:
        for earlier in before[todo.pop()]:
            if earlier not in can_end:
                can_end.add(earlier)
                todo.append(earlier)
    for packed in came_from:
        _require(packed in can_end, "a way to the end", packed, names, came_from)


def _require(
    holds: bool,
    law: str,
    packed: Packed,
    names: tuple[str, ...],
    came_from: Mapping[Packed, tuple[Packed, str] | None],
) -> None:
    if holds:
        return
    steps: list[str] = []
    at = came_from[packed]
    while at is not None:
        steps.append(at[1])
        at = came_from[at[0]]
    state = dict(zip(names, packed[1], strict=True))
    raise BrokenError(f"{law}: {state} at {packed[0]} after {' '.join(reversed(steps))}")
