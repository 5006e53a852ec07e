"""Words for messages: the nearest known name, the article before a type."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name within edit distance 2 that is closest, if any; a short name must be closer to be like another."""
    limit = min(2, len(name) // 2)
    best: str | None = None
    best_distance = limit + 1
    for one in known:
        if one != name and abs(len(one) - len(name)) < best_distance:
            distance = _distance(name, one, best_distance)
            if distance < best_distance or (distance == best_distance and best is not None and one < best):
                best, best_distance = one, distance
    return best


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    best = nearest(name, known) if len(name) <= 64 else None
    return f"did you mean '{best}'?" if best is not None else None


def _distance(a: str, b: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap of neighbours) from a to b; anything above `limit` counts as limit + 1."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def with_article(type_name: str) -> str:
    """`a String`, `an Int`, `a u8`; the unit and tuples have none."""
    if type_name.startswith("("):
        return type_name
    vowel = type_name[0] in "AEIOaeio" or type_name == "f32"
    return f"{'an' if vowel else 'a'} {type_name}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def were_given(number: int) -> str:
    """The start of `... were given`, as the templates of the codes want it."""
    return f"{number} was" if number == 1 else f"{number} were"
