"""Does a `match` cover every value, and can each arm be reached?

Before: the typed patterns of the arms, top to bottom.  After: a value that none covers, written as
a pattern (`Some((_, false))`), or nothing; and for one arm, whether it adds anything to those above.
The method is Maranget's: rows of patterns, split by the constructors of the first column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hew.compiler import checked as c
from hew.compiler.types import BoolType, EnumType, ErrorType, RecordType, TupleType, Type, UnitType

Row = tuple[c.Pattern, ...]
MAX_STEPS: Final = 100_000  # splits of one match; beyond it the match must end in `_`


class _TooMany(Exception):
    """The match is too large to analyse."""


class _Matrix:
    """One question about one match; counts its steps."""

    def __init__(self) -> None:
        self.steps = 0

    def uncovered(self, rows: list[Row], types: tuple[Type, ...]) -> list[str] | None:
        """A tuple of values of `types`, as text, that no row matches."""
        self._step()
        if not types:
            return None if rows else []
        first, rest = types[0], types[1:]
        whole = _constructors(first)
        seen = {key: None for row in rows for key in _heads(row[0])}
        if whole is None or any(key not in seen for key, _, _ in whole):
            missing = self.uncovered(_default_rows(rows), rest)
            if missing is None:
                # The default rows cover the rest, so whatever the first column is, it is covered.
                return None
            return [_missing_text(whole, seen), *missing]
        for key, text, payload in whole:
            missing = self.uncovered(_specialise(rows, key, len(payload)), (*payload, *rest))
            if missing is not None:
                inner, outer = missing[: len(payload)], missing[len(payload) :]
                return [_written(first, text, inner), *outer]
        return None

    def useful(self, rows: list[Row], row: Row, types: tuple[Type, ...]) -> bool:
        """Is there a value that `row` matches and no row of `rows` does?"""
        self._step()
        if not types:
            return not rows
        head = row[0]
        if isinstance(head, c.OrPattern):
            return any(self.useful(rows, (one, *row[1:]), types) for one in head.alternatives)
        if not isinstance(head, c.WildPattern | c.BindPattern):
            key = next(iter(_heads(head)))
            payload = _payload_types(types[0], key)
            special = _specialise([row], key, len(payload))[0]
            return self.useful(_specialise(rows, key, len(payload)), special, (*payload, *types[1:]))
        whole = _constructors(types[0])
        seen = {key for one in rows for key in _heads(one[0])}
        if whole is None or any(key not in seen for key, _, _ in whole):
            return self.useful(_default_rows(rows), row[1:], types[1:])
        return any(
            self.useful(
                _specialise(rows, key, len(payload)),
                (*(_wild(one, head) for one in payload), *row[1:]),
                (*payload, *types[1:]),
            )
            for key, _, payload in whole
        )

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise _TooMany


def uncovered_value(patterns: Sequence[c.Pattern], subject: Type) -> str | None:
    """A value that no pattern matches, or None."""
    if any(isinstance(pattern, c.WildPattern | c.BindPattern) for pattern in patterns):
        return None
    try:
        missing = _Matrix().uncovered([(pattern,) for pattern in patterns], (subject,))
    except (_TooMany, RecursionError):
        return "_"
    return missing[0] if missing is not None else None


def is_useful(above: Sequence[c.Pattern], pattern: c.Pattern, subject: Type) -> bool:
    """Does the pattern match anything that those above leave?"""
    if not above:
        return True
    try:
        return _Matrix().useful([(one,) for one in above], (pattern,), (subject,))
    except (_TooMany, RecursionError):
        return True


def _wild(type_: Type, near: c.Pattern) -> c.Pattern:
    return c.WildPattern(type_, near.span)


def _constructors(type_: Type) -> list[tuple[object, str, tuple[Type, ...]]] | None:
    """All constructors of a type: key, text, payload; None if there are too many to list."""
    match type_:
        case BoolType():
            return [(True, "true", ()), (False, "false", ())]
        case EnumType():
            return [(index, one.name, one.payload) for index, one in enumerate(type_.variants)]
        case TupleType(items):
            return [(0, "", items)]
        case RecordType():
            return [(0, type_.name, tuple(one.type for one in type_.fields))]
        case UnitType() | ErrorType():
            return [(0, "()", ())]
        case _:
            return None


def _payload_types(type_: Type, key: object) -> tuple[Type, ...]:
    for one, _, payload in _constructors(type_) or ():
        if one == key:
            return payload
    return ()


def _heads(pattern: c.Pattern) -> list[object]:
    """The constructors a pattern begins with; none for one that matches all."""
    match pattern:
        case c.OrPattern(alternatives=alternatives):
            return [key for one in alternatives for key in _heads(one)]
        case c.LiteralPattern(value=value):
            return [value]
        case c.VariantPattern(index=index):
            return [index]
        case c.TuplePattern() | c.RecordPattern():
            return [0]
        case _:
            return []


def _specialise(rows: list[Row], key: object, arity: int) -> list[Row]:
    """The rows that may match values of one constructor, with its payload in front."""
    found: list[Row] = []
    for row in rows:
        _specialise_row(row[0], row[1:], key, arity, found)
    return found


def _specialise_row(head: c.Pattern, rest: Row, key: object, arity: int, found: list[Row]) -> None:
    match head:
        case c.OrPattern(alternatives=alternatives):
            for one in alternatives:
                _specialise_row(one, rest, key, arity, found)
        case c.WildPattern() | c.BindPattern():
            found.append((*((c.WildPattern(head.type, head.span),) * arity), *rest))
        case c.VariantPattern(index=index, items=items):
            if index == key:
                found.append((*items, *rest))
        case c.TuplePattern(items=items) | c.RecordPattern(items=items):
            found.append((*items, *rest))
        case c.LiteralPattern(value=value):
            if value == key and isinstance(value, bool) == isinstance(key, bool):
                found.append(rest)
        case _:
            pass


def _default_rows(rows: list[Row]) -> list[Row]:
    """The rows whose first pattern matches anything, without it."""
    found: list[Row] = []
    for row in rows:
        if _matches_all(row[0]):
            found.append(row[1:])
    return found


def _matches_all(pattern: c.Pattern) -> bool:
    if isinstance(pattern, c.OrPattern):
        return any(map(_matches_all, pattern.alternatives))
    return isinstance(pattern, c.WildPattern | c.BindPattern)


def _missing_text(whole: list[tuple[object, str, tuple[Type, ...]]] | None, seen: dict[object, None]) -> str:
    """A constructor that is not among those seen, its payload left open."""
    if whole is None or not seen:
        return "_"
    for key, text, payload in whole:
        if key not in seen:
            return f"{text}({', '.join('_' for _ in payload)})" if payload else text
    return "_"


def _written(type_: Type, text: str, items: list[str]) -> str:
    if isinstance(type_, RecordType):
        inner = ", ".join(f"{one.name}: {item}" for one, item in zip(type_.fields, items, strict=True))
        return f"{text} {{ {inner} }}"
    if isinstance(type_, TupleType):
        return f"({', '.join(items)})"
    return f"{text}({', '.join(items)})" if items else text
