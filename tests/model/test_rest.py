"""An actor goes to rest while others send to it: nothing is left lying, and it never runs twice at once.

Mirrors: hew_mailbox_push (mailbox.h), publish (message.c), hew_sys_push and hew_sys_wake (ask.c), come_to_rest,
activation and run (worker.c).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.model.explorer import END, BrokenError, Process, State, explore

Table = dict[str, Callable[[State], str | None]]

IDLE: Final = -1  # of the head; else how many messages lie there: 0 is EMPTY
RUNNING: Final = 1  # of the state word; 0 is IDLE


def sender() -> Process:
    def push(s: State) -> str:
        woke = s["head"] == IDLE
        s["head"] = 1 if woke else s["head"] + 1
        return "counts" if woke else END

    def counts(s: State) -> str:
        s["spawned"] += 1
        return "enqueues"

    def enqueues(s: State) -> str:
        s["hints"] += 1
        return END

    return {"push": push, "counts": counts, "enqueues": enqueues}


def system_sender() -> Process:
    """A system message, or `close`: the flag, then a look at the state word."""

    def push(s: State) -> str:
        s["sys"] += 1
        return "looks"

    def looks(s: State) -> str:
        if s["state"] != RUNNING:
            s["hints"] += 1
        return END

    return {"push": push, "looks": looks}


def worker(me: int, *, order: tuple[str, ...] = ("store", "exchange", "look")) -> Process:
    """`order`: of the three steps to rest; leaving one out or turning two round must be found."""
    return activation(order[0]) | coming_to_rest(f"seen{me}", order)


def activation(rest: str) -> Table:
    def take_hint(s: State) -> str | None:
        if not s["hints"]:
            return None
        s["hints"] -= 1
        return "claim"

    def claim(s: State) -> str:
        if s["state"] == RUNNING:
            return "take_hint"  # a double
        s["state"] = RUNNING
        s["runners"] += 1
        return "double?"

    def double(s: State) -> str:
        return rest if s["head"] == IDLE and not s["sys"] else "drain"

    def drain(s: State) -> str:
        s["handled"] += s["sys"]
        s["sys"] = 0
        return "take"

    def take(s: State) -> str:
        if s["head"] <= 0:
            return rest
        s["handled"] += s["head"]
        s["head"] = 0
        return "take"

    return {"take_hint": take_hint, "claim": claim, "double?": double, "drain": drain, "take": take}


def coming_to_rest(seen: str, order: tuple[str, ...]) -> Table:
    after = dict(zip(order, (*order[1:], "decide"), strict=True))

    def store(s: State) -> str:
        s["state"] = 0
        s["runners"] -= 1
        return after["store"]

    def exchange(s: State) -> str:
        if s["head"] == 0:
            s["head"] = IDLE
            s["completed"] += 1
        s[seen] = s["head"]
        return after["exchange"]

    def look(s: State) -> str:
        s[seen] = 0 if s["sys"] or s[seen] != IDLE else IDLE
        return after["look"]

    def decide(s: State) -> str:
        if s[seen] == IDLE or s["state"] == RUNNING:  # at rest, or another has it
            return "take_hint"
        s["state"] = RUNNING
        s["runners"] += 1
        return "drain"

    return {"store": store, "exchange": exchange, "look": look, "decide": decide}


START: Final[State] = {
    "head": IDLE,
    "sys": 0,
    "state": 0,
    "hints": 0,
    "handled": 0,
    "runners": 0,
    "spawned": 0,
    "completed": 0,
    "seen0": 0,
    "seen1": 0,
}


def one_runner(s: State) -> bool:
    return s["runners"] <= 1 and s["runners"] == s["state"]


@pytest.mark.parametrize(("senders", "system_senders"), [(1, 1), (2, 0), (2, 1), (3, 0), (0, 2)])
def test_every_message_is_handled_by_one_runner_at_a_time(senders: int, system_senders: int) -> None:
    sent = senders + system_senders
    processes = [sender()] * senders + [system_sender()] * system_senders + [worker(0), worker(1)]
    explore(
        processes,
        START,
        always=one_runner,
        at_rest=lambda s: s["handled"] == sent and s["head"] == IDLE and s["spawned"] == s["completed"],
    )


@pytest.mark.parametrize(
    "order",
    [
        ("store", "exchange"),  # without the last look
        ("look", "store", "exchange"),  # without the fence: the look may come first
        ("exchange", "look", "store"),  # at rest to senders before it is to workers
    ],
)
def test_another_order_of_coming_to_rest_loses_messages(order: tuple[str, ...]) -> None:
    processes = [sender(), system_sender(), worker(0, order=order), worker(1, order=order)]
    with pytest.raises(BrokenError):
        explore(processes, START, always=one_runner, at_rest=lambda s: s["handled"] == 2 and s["head"] == IDLE)
