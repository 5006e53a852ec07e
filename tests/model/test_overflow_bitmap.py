"""The shared overflow: slots are set and taken at the same time, summaries are set and cleared, no slot is lost.

Mirrors: hew_runq_overflow, clear_summary, find_word and hew_runq_refill (runq.c). Words have 2 bits here instead of
64, and there are 3 levels of 4, 2 and 1 words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.model.explorer import END, BrokenError, Process, State, explore

LEVELS: Final = 3
WORDS: Final = (4, 2, 1)
BITS: Final = 2

Table = dict[str, Callable[[State], str | None]]


def word(level: int, index: int) -> str:
    return f"w{level}.{index}"


def setter(*slots: int) -> Process:
    """hew_runq_overflow for each: word, then its summaries upwards."""
    steps = [(slot, level) for slot in slots for level in range(LEVELS)]
    table: Table = {}
    for i, (slot, level) in enumerate(steps):
        bit = slot >> level

        def step(s: State, *, at: str = word(level, bit // BITS), mask: int = 1 << bit % BITS, i: int = i) -> str:
            s[at] |= mask
            return f"set{i + 1}" if i + 1 < len(steps) else END

        table[f"set{i}"] = step
    return table


def clearing(index: str, level: str, *, looks_again: bool) -> Table:
    """clear_summary, for a refiller with this index and level."""

    def clear(s: State) -> str:
        """s[level]: of the summary; s[index]: of the word below that was found empty."""
        if s[level] == LEVELS:
            return "any_left"
        s[word(s[level], s[index] // BITS)] &= ~(1 << s[index] % BITS)
        return "again" if looks_again else "go_up"

    def again(s: State) -> str:
        return "put_back" if s[word(s[level] - 1, s[index])] else "go_up"

    def put_back(s: State) -> str:
        s[word(s[level], s[index] // BITS)] |= 1 << s[index] % BITS
        s[level] += 1
        s[index] //= BITS
        return "put_back" if s[level] < LEVELS else "any_left"

    def go_up(s: State) -> str:
        s[index] //= BITS
        empty = not s[word(s[level], s[index])]
        s[level] += 1
        return "clear" if empty else "any_left"

    return {"clear": clear, "again": again, "put_back": put_back, "go_up": go_up}


def refiller(me: int, *, looks_again: bool = True, clears_stale: bool = True) -> Process:
    """hew_runq_refill until it says there is nothing; it goes round the words, from `start` of the state on."""
    index, level, first, from_above = f"index{me}", f"level{me}", f"start{me}", f"above{me}"

    def any_left(s: State) -> str:
        return find(s, s[first]) if s[word(LEVELS - 1, 0)] else END

    def find(s: State, at: int) -> str:
        s[first] = s[index] = at
        s[level], s[from_above] = 1 if at else LEVELS - 1, 0
        return "look"

    def look(s: State) -> str:
        if s[level] == LEVELS or s[index] // BITS >= WORDS[s[level]]:
            return find(s, 0) if s[first] else "any_left"
        bits = s[word(s[level], s[index] // BITS)] >> s[index] % BITS
        if bits:
            s[level] -= 1
            s[index] += (bits & -bits).bit_length() - 1
            s[from_above] = 1
            if not s[level]:
                return "take"
            s[index] *= BITS
            return "look"
        s[level] += 1
        s[index] //= BITS
        if s[from_above]:
            return "clear" if clears_stale else "any_left"
        s[index] += 1
        return "look"

    def take(s: State) -> str:
        at = word(0, s[index])
        s["taken"] |= s[at] << (s[index] * BITS)
        s[at] = 0
        s[level], s[first] = 1, s[index] + 1
        return "clear"

    return {"any_left": any_left, "look": look, "take": take} | clearing(index, level, looks_again=looks_again)


def start() -> State:
    """One begins with the first word, the other in the middle."""
    state: State = {word(level, i): 0 for level in range(LEVELS) for i in range(WORDS[level])}
    own = {"index": 0, "level": 0, "start": 0, "above": 0}
    return state | {"taken": 0} | {f"{name}{me}": value for me in (0, 1) for name, value in own.items()} | {"start1": 2}


def nothing_lost(*slots: int) -> Callable[[State], bool]:
    """Each slot was taken, or is set with all the summaries above it (Q4)."""

    def holds(s: State) -> bool:
        for slot in slots:
            ways = [s[word(level, (slot >> level) // BITS)] >> ((slot >> level) % BITS) & 1 for level in range(LEVELS)]
            if not (s["taken"] >> slot & 1 or all(ways)):
                return False
        return True

    return holds


@pytest.mark.parametrize("slots", [(0, 1), (0, 2), (0, 4), (1, 1)])
def test_slots_set_while_two_take_are_taken_or_within_reach(slots: tuple[int, int]) -> None:
    explore([setter(slots[0]), setter(slots[1]), refiller(0), refiller(1)], start(), at_rest=nothing_lost(*slots))


def test_without_the_second_look_a_slot_is_out_of_reach() -> None:
    broken = [setter(0), setter(1), refiller(0, looks_again=False), refiller(1, looks_again=False)]
    with pytest.raises(BrokenError, match="at rest"):
        explore(broken, start(), at_rest=nothing_lost(0, 1))


def test_a_summary_bit_set_for_nothing_that_nobody_clears_is_looked_at_for_ever() -> None:
    broken = [setter(0), setter(1), refiller(0, clears_stale=False), refiller(1, clears_stale=False)]
    with pytest.raises(BrokenError, match="a way to the end"):
        explore(broken, start(), at_rest=nothing_lost(0, 1))
