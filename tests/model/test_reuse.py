"""A slot begins again while somebody still pushes to its last actor: that mail makes the new actor run once.

Mirrors: the end of hew_actor_begin (actor.c), hew_mailbox_push (mailbox.h), publish (message.c), run and has_mail
(worker.c).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.model.explorer import END, BrokenError, Process, State, explore

Table = dict[str, Callable[[State], str | None]]

DEAD: Final = -2  # of the head
IDLE: Final = -1
FREE: Final = 0  # of the state word
RESTING: Final = 1


def late_sender() -> Process:
    """It looked at the pid while that was still its receiver's."""

    def push(s: State) -> str:
        if s["head"] == DEAD:
            return END
        woke = s["head"] == IDLE
        s["head"] = 1
        return "enqueues" if woke else END

    def enqueues(s: State) -> str:
        s["hints"] += 1
        return END

    return {"push": push, "enqueues": enqueues}


def spawner() -> Process:
    def opens(s: State) -> str:
        s["head"] = IDLE
        return "free no more"

    def no_more(s: State) -> str:
        s["state"] = RESTING
        return END

    return {"open": opens, "free no more": no_more}


def worker(*, looks: bool = True) -> Process:
    """Takes entries of the queue. `looks`: at the mail of a FREE slot, before its entry is dropped."""

    def take_hint(s: State) -> str | None:
        if not s["hints"]:
            return None
        s["hints"] -= 1
        return "claim"

    def claim(s: State) -> str:
        if s["state"] == RESTING:
            return "run"
        return "look" if looks else "take_hint"

    def look(s: State) -> str:
        s["hints"] += s["head"] > IDLE
        return "take_hint"

    def run(s: State) -> str:
        s["head"] = IDLE  # nothing there: a double
        return "take_hint"

    return {"take_hint": take_hint, "claim": claim, "look": look, "run": run}


START: Final[State] = {"head": DEAD, "state": FREE, "hints": 0}


def nothing_lies_there(s: State) -> bool:
    return s["head"] == IDLE


def test_mail_that_comes_while_a_slot_begins_makes_its_actor_run() -> None:
    explore([late_sender(), late_sender(), spawner(), worker()], START, at_rest=nothing_lies_there)


def test_without_the_look_it_lies_there_for_ever() -> None:
    with pytest.raises(BrokenError, match="at rest"):
        explore([late_sender(), spawner(), worker(looks=False)], START, at_rest=nothing_lies_there)
