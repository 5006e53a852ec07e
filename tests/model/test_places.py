"""A bounded mailbox: never more in it than its bound, and no sender waits for a place that is there.

Mirrors: has_room, reserve, hew_place_try, hew_place_wait, hew_place_asked, let_go and hew_place_grant (overflow.c),
commit_bounded (message.c), hew_mailbox_take and dispatch. Each sender is on a worker of its own, and so is the
receiver. That system messages and mail wake the receiver is test_rest's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.model.explorer import END, BrokenError, Process, State, explore

Table = dict[str, Callable[[State], str | None]]

HEAD_FIRST: Final = ("head", "left")


def room(me: int, workers: int, bound: int, yes: str, no: str, reads: tuple[str, str]) -> Table:
    """reserve: store, then read all reservations, the head, what was taken; too many: give it up."""
    table: Table = {}
    count = f"count{me}"
    order = [*(f"reserved{i}" for i in range(workers)), *reads]

    def store(s: State) -> str:
        s[f"reserved{me}"], s[count] = 1, 0
        return "read0"

    table["reserve"] = store
    for i, name in enumerate(order):

        def read(s: State, *, name: str = name, i: int = i) -> str:
            s[count] += s[name]
            return f"read{i + 1}" if i + 1 < len(order) else "decide"

        table[f"read{i}"] = read

    def decide(s: State) -> str:
        fits, s[count] = s[count] <= bound, 0
        return yes if fits else "give_up"

    def give_up(s: State) -> str:
        s[f"reserved{me}"] = 0
        return no

    return table | {"decide": decide, "give_up": give_up}


def sender(me: int, workers: int, bound: int, *, reads: tuple[str, str] = HEAD_FIRST, nudges: bool = True) -> Process:
    def others_wait(s: State) -> str:
        return "ask" if s["n_waiters"] else "reserve"

    def push(s: State) -> str:
        s["head"] += 1
        return "done"

    def done(s: State) -> str:
        s[f"reserved{me}"] = 0
        return "looks" if nudges else END

    def looks(s: State) -> str:
        return "nudge" if s["n_waiters"] else END

    def nudge(s: State) -> str:
        s["nudges"] += 1
        return END

    def ask(s: State) -> str:  # PLACE, with the message
        s["asked"] += 1
        return END  # it goes on when its message is in: the receiver's to do

    return (
        {"others_wait": others_wait}
        | room(me, workers, bound, "push", "ask", reads)
        | {"push": push, "done": done, "looks": looks, "nudge": nudge, "ask": ask}
    )


def receiver(me: int, workers: int, bound: int, *, reads: tuple[str, str] = HEAD_FIRST) -> Process:
    return (
        asked(f"back{me}")
        | granting(me, f"back{me}")
        | room(me, workers, bound, "let_go", "stop", reads)
        | taking(f"back{me}")
    )


def asked(back: str) -> Table:
    """System messages come first. `back`: whence hew_place_grant was called, 0: from here, 1: after a dispatch."""

    def sys(s: State) -> str | None:
        s[back] = 0
        if s["asked"]:
            s["asked"] -= 1
            s["waiters"] += 1
            return "count_it"
        if s["nudges"]:
            s["nudges"] -= 1
            return "grant"
        return "take_left" if s["head"] else None

    def count_it(s: State) -> str:
        s["n_waiters"] += 1
        return "grant"

    return {"sys": sys, "count_it": count_it}


def granting(me: int, back: str) -> Table:
    def stop(s: State) -> str:
        return "next" if s[back] else "sys"

    def grant(s: State) -> str:
        return "reserve" if s["waiters"] else stop(s)

    def let_go(s: State) -> str:
        s["head"] += 1
        return "unlink"

    def unlink(s: State) -> str:
        s["waiters"] -= 1
        s["n_waiters"] -= 1
        return "free_place"

    def free_place(s: State) -> str:
        s[f"reserved{me}"] = 0
        return "grant"

    return {"grant": grant, "stop": stop, "let_go": let_go, "unlink": unlink, "free_place": free_place}


def taking(back: str) -> Table:
    def take_left(s: State) -> str:
        s["left"] = s["seen"] = s["head"]
        return "take_head"

    def take_head(s: State) -> str:
        if s["head"] != s["seen"]:
            return "take_left"
        s["head"] = 0
        s["is_taken"] = 1
        return "next"

    def following(s: State) -> str:
        if not s["left"]:
            s["is_taken"] = 0
            return "sys"
        s["left"] -= 1
        s["handled"] += 1
        return "granted?"

    def granted(s: State) -> str:
        s[back] = 1
        return "grant" if s["n_waiters"] else "next"

    return {"take_left": take_left, "take_head": take_head, "next": following, "granted?": granted}


def start(workers: int) -> State:
    state: State = dict.fromkeys(
        ("head", "left", "asked", "nudges", "waiters", "n_waiters", "handled", "seen", "is_taken"), 0
    )
    for i in range(workers):
        state |= {f"reserved{i}": 0, f"count{i}": 0}
    return state | {f"back{workers - 1}": 0}


def fits(bound: int) -> Callable[[State], bool]:
    """Before the exchange of a take `left` says again what the head holds."""
    return lambda s: s["head"] + (s["left"] if s["is_taken"] else 0) <= bound


def all_in(sent: int) -> Callable[[State], bool]:
    return lambda s: s["handled"] == sent and not s["waiters"] and not s["n_waiters"]


@pytest.mark.parametrize(("senders", "bound"), [(1, 1), (2, 1), (2, 2)])
def test_never_more_than_the_bound_and_nobody_waits_for_ever(senders: int, bound: int) -> None:
    workers = senders + 1
    processes = [*(sender(i, workers, bound) for i in range(senders)), receiver(senders, workers, bound)]
    explore(processes, start(workers), always=fits(bound), at_rest=all_in(senders))


def test_a_place_given_up_without_a_look_at_who_waits_is_nobodys() -> None:
    """One has pushed, and still counts as about to, when another is refused and the receiver finds no room."""
    processes = [sender(0, 3, 1, nudges=False), sender(1, 3, 1, nudges=False), receiver(2, 3, 1)]
    with pytest.raises(BrokenError, match="at rest"):
        explore(processes, start(3), always=fits(1), at_rest=all_in(2))


def test_what_was_taken_read_before_the_head_lets_too_many_in() -> None:
    reads = ("left", "head")
    processes = [*(sender(i, 4, 1, reads=reads) for i in range(3)), receiver(3, 4, 1, reads=reads)]
    with pytest.raises(BrokenError, match="always"):
        explore(processes, start(4), always=fits(1), at_rest=all_in(3))
