"""Workers go to sleep while others queue work: nobody sleeps beside work, and the verdict is never given too early.

Mirrors: hew_park, notify, hew_park_wake_one, hew_region_wake_all and hew_park_judge (park.c), hew_park_offer (park.h)
and the loop of worker.c. An item is work; a `fertile` one makes another when it is done. Who queues from outside
wakes all, after a fence; a worker that queues only offers, and goes on to look for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.model.explorer import END, BrokenError, Process, State, explore, never_wrong

WORKERS: Final = 2
PARKED: Final = 1  # low bits of a worker's word; above them the sequence
NOTIFIED: Final = 2
MASK: Final = 3

Table = dict[str, Callable[[State], str | None]]


def notify(i: int, name: str, following: str, *, kernel_first: bool = False) -> Table:
    """PARKED becomes NOTIFIED, then the kernel is told."""
    word, asleep = f"word{i}", f"asleep{i}"
    told, next_of_cas = (f"{name}_kernel", f"{name}_kernel") if not kernel_first else (name, following)

    def cas(s: State) -> str:
        if s[word] & MASK == PARKED:
            s[word] += NOTIFIED - PARKED
            return next_of_cas
        return following

    def kernel(s: State) -> str:
        s[asleep] = 0
        return f"{name}_cas" if kernel_first else following

    if kernel_first:
        return {name: kernel, f"{name}_cas": cas}
    return {name: cas, told: kernel}


def outsider(*, fertile: bool, kernel_first: bool = False) -> Process:
    def put(s: State) -> str:
        s["fertile" if fertile else "items"] += 1
        return "wake0"

    table: Table = {"put": put}
    for i in range(WORKERS):
        following = f"wake{i + 1}" if i + 1 < WORKERS else "settled"
        table |= notify(i, f"wake{i}", following, kernel_first=kernel_first)

    def settled(s: State) -> str:
        s["outside"] -= 1
        return END

    return table | {"settled": settled}


def worker(me: int, *, order: tuple[str, str] = ("park", "last_look"), looks_twice: bool = True) -> Process:
    """`order`: the word is PARKED before the last look. `looks_twice`: the judge reads the words a second time."""
    return working(me, order[0]) | parking(me, order) | judging(me, looks_twice=looks_twice) | sleeping(me)


def working(me: int, park: str) -> Table:
    others = [i for i in range(WORKERS) if i != me]

    def find(s: State) -> str:
        for kind in ("items", "fertile"):
            if s[kind]:
                s[kind] -= 1
                s[f"working{me}"] = 1
                return "work" if kind == "items" else "beget"
        return park

    def work(s: State) -> str:
        s[f"working{me}"] = 0
        s["done"] += 1
        return "find"

    def beget(s: State) -> str:
        s["items"] += 1
        return "offer"

    def offer(s: State) -> str:  # hew_park_anybody, and the exchange of the bit
        for i in others:
            if s[f"bit{i}"]:
                s[f"bit{i}"] = 0
                return f"wake{i}"
        return "work"

    table: Table = {"find": find, "work": work, "beget": beget, "offer": offer}
    for i in others:
        table |= notify(i, f"wake{i}", "work")
    return table


def parking(me: int, order: tuple[str, str]) -> Table:
    following = {order[0]: order[1], order[1]: "judge0"}

    def park(s: State) -> str:
        s[f"word{me}"] = (s[f"word{me}"] & ~MASK) + 4 + PARKED
        return "hint"

    def hint(s: State) -> str:
        s[f"bit{me}"] = 1
        return following["park"]

    def last_look(s: State) -> str:
        return "awake" if s["items"] or s["fertile"] else following["last_look"]

    return {"park": park, "hint": hint, "last_look": last_look}


def judging(me: int, *, looks_twice: bool) -> Table:
    before, after = f"before{me}", f"after{me}"
    table: Table = {}

    def queues(s: State) -> str:
        if s["items"] or s["fertile"] or s["outside"]:
            return "sleep"
        return "again0" if looks_twice else "verdict"

    def compare(s: State) -> str:
        return "verdict" if s[after] == s[before] else "sleep"

    def verdict(s: State) -> str:
        s["verdict"] = 1
        return "sleep"

    for name, sum_, last in (("judge", before, "queues"), ("again", after, "compare")):
        for i in range(WORKERS):
            following = f"{name}{i + 1}" if i + 1 < WORKERS else last

            def read(s: State, *, word: str = f"word{i}", sum_: str = sum_, following: str = following) -> str:
                s[sum_] += s[word]
                return following if s[word] & MASK == PARKED else "sleep"

            table[f"{name}{i}"] = read
    return table | {"queues": queues, "compare": compare, "verdict": verdict}


def sleeping(me: int) -> Table:
    word, asleep = f"word{me}", f"asleep{me}"

    def sleep(s: State) -> str:  # futex_wait: compares and sleeps, in the kernel one step
        s[f"before{me}"] = s[f"after{me}"] = 0  # forgotten: fewer states
        if s[word] & MASK == PARKED:
            s[asleep] = 1
        return "sleeping"

    def waits(s: State) -> str | None:
        return None if s[asleep] else "awake"

    def awake(s: State) -> str:
        s[f"bit{me}"] = 0
        return "reset"

    def reset(s: State) -> str:
        s[word] &= ~MASK
        return "find"

    return {"sleep": sleep, "sleeping": waits, "awake": awake, "reset": reset}


def start(outside: int) -> State:
    state: State = {"items": 0, "fertile": 0, "done": 0, "verdict": 0, "outside": outside}
    for i in range(WORKERS):
        state |= {f"{name}{i}": 0 for name in ("word", "asleep", "working", "bit", "before", "after")}
    return state


def verdict_is_true(s: State) -> bool:
    has_work = s["items"] or s["fertile"] or any(s[f"working{i}"] for i in range(WORKERS)) or s["outside"]
    return not (s["verdict"] and has_work)


@pytest.mark.parametrize("fertile", [(False,), (True,)])
def test_work_from_outside_is_done_and_no_verdict_comes_too_early(fertile: tuple[bool, ...]) -> None:
    processes = [worker(0), worker(1), *(outsider(fertile=kind) for kind in fertile)]
    done = len(fertile) + sum(fertile)
    explore(
        processes,
        start(len(fertile)),
        always=verdict_is_true,
        at_rest=lambda s: s["done"] == done and not s["items"],
    )


@pytest.mark.parametrize("first", [{}, {"items": 1}, {"items": 2}, {"fertile": 1}, {"items": 1, "fertile": 1}])
def test_when_all_work_is_done_the_verdict_is_given(first: State) -> None:
    work = first.get("items", 0) + 2 * first.get("fertile", 0)
    explore(
        [worker(0), worker(1)],
        start(0) | first,
        always=verdict_is_true,
        at_rest=lambda s: s["done"] == work and s["verdict"] == 1,
    )


def test_a_last_look_before_the_word_is_parked_sleeps_beside_work() -> None:
    order = ("last_look", "park")
    with pytest.raises(BrokenError, match="at rest"):
        explore(
            [worker(0, order=order), worker(1, order=order), outsider(fertile=False)],
            start(1),
            at_rest=lambda s: s["done"] == 1,
        )


def test_the_kernel_told_before_the_word_is_changed_loses_the_wake_up() -> None:
    with pytest.raises(BrokenError, match="at rest"):
        explore(
            [worker(0), worker(1), outsider(fertile=False, kernel_first=True)],
            start(1),
            at_rest=lambda s: s["done"] == 1,
        )


def test_words_read_but_once_give_the_verdict_beside_work() -> None:
    with pytest.raises(BrokenError, match="always"):
        explore(
            [worker(0, looks_twice=False), worker(1, looks_twice=False), outsider(fertile=True)],
            start(1),
            always=verdict_is_true,
            at_rest=never_wrong,
        )
