"""Folding: the value of a constant expression, as literals.

Before: a checked expression without locals.  After: `IntLit`, `StringLit`, `TupleLit` of literals, ...
Wraps nothing: what overflows, divides by zero or shifts too far is E0310.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

from hew.compiler import checked as c
from hew.compiler.literals import BetweenSingles
from hew.compiler.source import Span
from hew.compiler.types import (
    BOOL,
    STRING,
    BoolType,
    CharType,
    FloatType,
    IntType,
    Type,
)

Literal = c.IntLit | c.FloatLit | c.BoolLit | c.CharLit | c.StringLit
MAX_TEXT: Final = 65_536  # characters that '+' may join: each of a row of constants could double the one before
MAX_ITEMS: Final = 65_536  # literals that a tuple, record or Vec may hold in all


class NotConstant(Exception):
    """The expression is none that is computed at compile time; `what` tells of an arithmetic error."""

    def __init__(self, span: Span, what: str | None = None) -> None:
        super().__init__(what)
        self.span = span
        self.what = what


def fold(node: c.Expr) -> c.Expr:
    """The value of the expression; NotConstant when it has none."""
    chain: list[c.Binary | c.Compare | c.Logical] = []
    while isinstance(node, c.Binary | c.Compare | c.Logical):
        chain.append(node)
        node = node.left
    value = _fold_one(node)
    for one in reversed(chain):
        value = _fold_two(one, value)
    return value


def _fold_one(node: c.Expr) -> c.Expr:  # noqa: C901 - a match over kinds
    match node:
        case c.IntLit() | c.FloatLit() | c.BoolLit() | c.CharLit() | c.StringLit() | c.UnitLit():
            return node
        case c.TupleLit() | c.RecordLit() | c.VecLit():
            return type(node)(node.type, node.span, _items(node.span, [fold(one) for one in node.items]))
        case c.VariantLit():
            return c.VariantLit(node.type, node.span, node.index, _items(node.span, [fold(one) for one in node.items]))
        case c.Unary():
            return _unary(node, fold(node.operand))
        case c.Cast():
            return _cast(node, fold(node.operand))
        case c.Concat():
            texts = [one.value for one in map(fold, node.items) if isinstance(one, c.StringLit)]
            if sum(map(len, texts)) > MAX_TEXT:
                raise NotConstant(node.span, f"is too large: it joins more than {MAX_TEXT} characters")
            return c.StringLit(STRING, node.span, "".join(texts))
        case c.RecordField() | c.TupleField():
            whole = fold(node.operand)
            if isinstance(whole, c.RecordLit | c.TupleLit):
                return whole.items[node.index]
        case c.If():
            test = fold(node.condition)
            if isinstance(test, c.BoolLit) and node.otherwise is not None:
                return fold(node.then if test.value else node.otherwise)
        case c.Block(statements=[], result=result) if result is not None:
            return fold(result)
        case c.VecRepeat():
            item, count = fold(node.item), fold(node.count)
            if isinstance(count, c.IntLit):
                return c.VecLit(node.type, node.span, _items(node.span, [item], max(count.value, 0)))
        case _:
            pass
    raise NotConstant(node.span)


def _items(span: Span, items: list[c.Expr], times: int = 1) -> list[c.Expr]:
    """The items, as often as said; NotConstant when they hold too many literals."""
    if _literals(items) * times > MAX_ITEMS:
        raise NotConstant(span, f"is too large: it holds more than {MAX_ITEMS} values")
    return items * times


def _literals(items: Sequence[c.Expr]) -> int:
    """How many literals are in folded values; an empty Vec counts as one."""
    found = 0
    for one in items:
        inner = one.items if isinstance(one, c.TupleLit | c.RecordLit | c.VecLit | c.VariantLit) else ()
        found += _literals(inner) or 1
    return found


def _unary(node: c.Unary, operand: c.Expr) -> c.Expr:
    match node.op, operand:
        case "!", c.BoolLit(value=value):
            return c.BoolLit(BOOL, node.span, not value)
        case "-", c.IntLit(value=value):
            return _int(node.type, -value, node.span)
        case "~", c.IntLit(value=value):
            return c.IntLit(node.type, node.span, wrap(node.type, ~value))
        case "-", c.FloatLit(value=number):
            return c.FloatLit(node.type, node.span, -number)
        case _:
            raise NotConstant(node.span)


def _fold_two(node: c.Binary | c.Compare | c.Logical, left: c.Expr) -> c.Expr:
    if isinstance(node, c.Logical) and isinstance(left, c.BoolLit):
        if left.value == (node.op == "||"):
            return c.BoolLit(BOOL, node.span, left.value)
        return fold(node.right)
    right = fold(node.right)
    if isinstance(node, c.Compare):
        if isinstance(left, c.IntLit | c.FloatLit | c.BoolLit | c.CharLit | c.StringLit) and isinstance(
            right, type(left)
        ):
            return c.BoolLit(BOOL, node.span, _compare(node.op, left, right))
        raise NotConstant(node.span)
    if isinstance(node, c.Binary) and isinstance(left, c.IntLit) and isinstance(right, c.IntLit):
        return _integers(node, left.value, right.value)
    if isinstance(left, c.FloatLit) and isinstance(right, c.FloatLit):
        return c.FloatLit(node.type, node.span, rounded(node.type, _floats(node.op, left.value, right.value)))
    raise NotConstant(node.span)


def _compare(op: str, left: Literal, right: Literal) -> bool:
    a, b = left.value, right.value
    if isinstance(a, str) and isinstance(b, str):
        a, b = a.encode(), b.encode()  # type: ignore[assignment]
    match op:
        case "==":
            return a == b
        case "!=":
            return a != b
        case "<":
            return a < b  # type: ignore[operator]
        case "<=":
            return a <= b  # type: ignore[operator]
        case ">":
            return a > b  # type: ignore[operator]
        case _:
            return a >= b  # type: ignore[operator]


def _integers(node: c.Binary, a: int, b: int) -> c.Expr:  # noqa: C901 - a match over operators
    assert isinstance(node.type, IntType)
    type_, span = node.type, node.span
    match node.op:
        case "+":
            return _int(type_, a + b, span)
        case "-":
            return _int(type_, a - b, span)
        case "*":
            return _int(type_, a * b, span)
        case "/" | "%" if b == 0:
            raise NotConstant(span, "divides by zero")
        case "/":
            return _int(type_, abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1), span)
        case "%":
            return _int(type_, abs(a) % abs(b) * (-1 if a < 0 else 1), span)
        case "<<" | ">>" if not 0 <= b < type_.bits:
            raise NotConstant(span, "shifts too far")
        case "<<":
            return c.IntLit(type_, span, wrap(type_, a << b))
        case ">>":
            return c.IntLit(type_, span, a >> b)
        case "+%":
            return c.IntLit(type_, span, wrap(type_, a + b))
        case "-%":
            return c.IntLit(type_, span, wrap(type_, a - b))
        case "*%":
            return c.IntLit(type_, span, wrap(type_, a * b))
        case "&":
            return c.IntLit(type_, span, a & b)
        case "|":
            return c.IntLit(type_, span, a | b)
        case _:
            return c.IntLit(type_, span, a ^ b)


def _floats(op: str, a: float, b: float) -> float:
    try:
        match op:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a / b if b != 0 else _by_zero(a, b)
            case _:
                return math.fmod(a, b)
    except (OverflowError, ValueError):
        return math.nan


def _by_zero(a: float, b: float) -> float:
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _int(type_: Type, value: int, span: Span) -> c.Expr:
    if not isinstance(type_, IntType) or not type_.holds(value):
        raise NotConstant(span, f"overflows: {value} does not fit {type_}")
    return c.IntLit(type_, span, value)


def wrap(type_: Type, value: int) -> int:
    """Two's complement."""
    assert isinstance(type_, IntType)
    value &= (1 << type_.bits) - 1
    return value - (1 << type_.bits) if type_.signed and value >> (type_.bits - 1) else value


def rounded(type_: Type, value: float) -> float:
    """The value as its type holds it; an integer or a literal is rounded once, not by way of a double."""
    if isinstance(type_, FloatType) and type_.bits == 32:
        if isinstance(value, BetweenSingles):
            return value.single
        try:
            found: float = struct.unpack("<f", struct.pack("<f", _to_24_bits(value)))[0]
        except OverflowError:
            return math.copysign(math.inf, value)
        return found
    return float(value)


def _to_24_bits(value: float) -> float:
    """What an f32 holds of an integer: its first 24 bits, to nearest, ties to even."""
    excess = value.bit_length() - 24 if isinstance(value, int) else 0
    if excess <= 0 or not isinstance(value, int):
        return value
    whole, rest = divmod(value, 1 << excess)
    half = 1 << (excess - 1)
    return (whole + (rest > half or (rest == half and whole % 2 == 1))) << excess


def _cast(node: c.Cast, operand: c.Expr) -> c.Expr:
    """The table of 3.2."""
    target, span = node.type, node.span
    if not isinstance(operand, c.IntLit | c.FloatLit | c.BoolLit | c.CharLit):
        raise NotConstant(span)
    value = operand.value
    match target:
        case IntType() if isinstance(operand, c.FloatLit):
            return c.IntLit(target, span, _saturated(target, operand.value))
        case IntType():
            return c.IntLit(target, span, wrap(target, int(value)))
        case FloatType():
            return c.FloatLit(target, span, rounded(target, value))
        case BoolType():
            return c.BoolLit(target, span, value != 0)
        case CharType() if isinstance(value, int) and 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000:
            return c.CharLit(target, span, value)
        case _:
            raise NotConstant(span)


def _saturated(target: IntType, value: float) -> int:
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return target.maximum if value > 0 else target.minimum
    return max(target.minimum, min(target.maximum, int(value)))
