"""Operators on numbers, by language.md 3.2 to 3.4. Nothing here is undefined in LLVM's sense, whatever the operands."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen.emitter import Value
from hew.compiler.types import IntType

if TYPE_CHECKING:
    from hew.compiler.codegen.writer import Writer
    from hew.compiler.source import Span
    from hew.compiler.types import FloatType, Type

OVERFLOW: Final = "integer overflow"
DIVISION: Final = "division by zero"
_WRAPPING: Final = {"+": "add", "-": "sub", "*": "mul", "+%": "add", "-%": "sub", "*%": "mul"}
_BITS: Final = {"&": "and", "|": "or", "^": "xor"}
_FLOATS: Final = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
_INT_ORDER: Final = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_FLOAT_ORDER: Final = {"==": "oeq", "!=": "une", "<": "olt", "<=": "ole", ">": "ogt", ">=": "oge"}


def int_text(value: int, bits: int) -> str:
    """An integer constant as LLVM reads it, whatever its sign."""
    value &= (1 << bits) - 1
    return str(value - (1 << bits) if value >> (bits - 1) else value)


def float_text(value: float, bits: int) -> str:
    """Exact: the bits of the double; a float is a double that fits it."""
    if bits == 32 and value == value and abs(value) != float("inf"):
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def constant(ssa: str) -> int | None:
    """The value of an operand that is an integer constant."""
    return int(ssa) if ssa.lstrip("-").isdigit() else None


# ---- nodes


def binary(w: Writer, expr: c.Binary, _own: bool) -> Value:
    chain = [expr]
    while isinstance(chain[-1].left, c.Binary):
        chain.append(chain[-1].left)
    left = w.evaluate(chain[-1].left)
    for node in reversed(chain):
        right = w.evaluate(node.right)
        left = Value(arithmetic(w, node.op, node.type, left.ssa, right, node.span), node.type)
    return left


def unary(w: Writer, expr: c.Unary, _own: bool) -> Value:
    operand = w.evaluate(expr.operand).ssa
    match expr.op, expr.type:
        case "!", _:
            ssa = w.let(f"xor i1 {operand}, true")
        case "~", IntType(bits=bits):
            ssa = w.let(f"xor i{bits} {operand}, -1")
        case _, t.FloatType():
            ssa = w.let(f"fneg {w.register(expr.type)} {operand}")
        case _, IntType() as kind:
            ssa = overflowing(w, "-", kind, "0", operand, expr.span)
        case _:
            raise AssertionError(expr.op)
    return Value(ssa, expr.type)


def arithmetic(w: Writer, op: str, type_: Type, left: str, right: Value, span: Span) -> str:
    """`left op right`; the count of a shift has its own type."""
    match type_:
        case t.FloatType():
            return _float(w, op, type_, left, right.ssa)
        case IntType(bits=bits):
            if op in ("+", "-", "*"):
                return overflowing(w, op, type_, left, right.ssa, span)
            if op in _WRAPPING:
                return w.let(f"{_WRAPPING[op]} i{bits} {left}, {right.ssa}")
            if op in _BITS:
                return w.let(f"{_BITS[op]} i{bits} {left}, {right.ssa}")
            if op in ("/", "%"):
                return divide(w, op, type_, left, right.ssa, span)
            return _shift(w, op, type_, left, right, span)
        case t.BoolType():
            return w.let(f"{_BITS[op]} i1 {left}, {right.ssa}")
    raise AssertionError(f"{op} on {type_}")


def overflowing(w: Writer, op: str, kind: IntType, left: str, right: str, span: Span) -> str:
    """`+ - *`: wraps around, or traps in a checked program."""
    name, bits = _WRAPPING[op], kind.bits
    if not w.module.checked:
        return w.let(f"{name} i{bits} {left}, {right}")
    result, overflow = with_overflow(w, name, kind, left, right)
    w.trap_unless(w.let(f"xor i1 {overflow}, true"), OVERFLOW, span)
    return result


def with_overflow(w: Writer, name: str, kind: IntType, left: str, right: str) -> tuple[str, str]:
    """The wrapped result, and whether it did not fit. `name`: add, sub or mul."""
    bits = kind.bits
    pair = f"{{ i{bits}, i1 }}"
    intrinsic = f"llvm.{'s' if kind.signed else 'u'}{name}.with.overflow.i{bits}"
    both = w.let(
        f"call {pair} {w.module.intrinsic(intrinsic, pair, f'i{bits}, i{bits}')}(i{bits} {left}, i{bits} {right})"
    )
    return w.let(f"extractvalue {pair} {both}, 0"), w.let(f"extractvalue {pair} {both}, 1")


def divide(w: Writer, op: str, kind: IntType, left: str, right: str, span: Span) -> str:
    """Toward zero; the remainder has the sign of `left`. `MIN / -1` is `MIN`, or a trap in a checked program."""
    bits = kind.bits
    known = constant(right)
    if known is None or known == 0:
        w.trap_unless(w.let(f"icmp ne i{bits} {right}, 0"), DIVISION, span)
    if not kind.signed:
        return w.let(f"{'udiv' if op == '/' else 'urem'} i{bits} {left}, {right}")
    if known is not None and known != -1:
        return w.let(f"{'sdiv' if op == '/' else 'srem'} i{bits} {left}, {right if known else '1'}")
    minus_one = w.let(f"icmp eq i{bits} {right}, -1")
    safe = w.let(f"select i1 {minus_one}, i{bits} 1, i{bits} {right}")
    if op == "%":
        return w.let(f"srem i{bits} {left}, {safe}")
    if w.module.checked:
        minimum = w.let(f"icmp eq i{bits} {left}, {kind.minimum}")
        overflow = w.let(f"and i1 {minus_one}, {minimum}")
        w.trap_unless(w.let(f"xor i1 {overflow}, true"), OVERFLOW, span)
    quotient = w.let(f"sdiv i{bits} {left}, {safe}")
    negated = w.let(f"sub i{bits} 0, {left}")
    return w.let(f"select i1 {minus_one}, i{bits} {negated}, i{bits} {quotient}")


def _shift(w: Writer, op: str, kind: IntType, left: str, count: Value, span: Span) -> str:
    """A count below 0 is a huge one when read as unsigned."""
    assert isinstance(count.type, IntType)
    known = constant(count.ssa)
    if known is None or not 0 <= known < kind.bits:
        fits = w.let(f"icmp ult i{count.type.bits} {count.ssa}, {kind.bits}")
        w.trap_unless(fits, "shift count out of range", span)
    amount = resize(w, count.ssa, count.type, IntType(kind.bits, signed=False))
    name = "shl" if op == "<<" else "ashr" if kind.signed else "lshr"
    return w.let(f"{name} i{kind.bits} {left}, {amount}")


def _float(w: Writer, op: str, kind: FloatType, left: str, right: str) -> str:
    name = w.register(kind)
    if op != "%":
        return w.let(f"{_FLOATS[op]} {name} {left}, {right}")
    wide = [widen_float(w, kind, operand) for operand in (left, right)]
    return narrow_float(w, kind, w.core("hew_f64_mod", f"double {wide[0]}, double {wide[1]}"))


def widen_float(w: Writer, kind: FloatType, ssa: str) -> str:
    return ssa if kind.bits == 64 else w.let(f"fpext float {ssa} to double")


def narrow_float(w: Writer, kind: FloatType, ssa: str) -> str:
    return ssa if kind.bits == 64 else w.let(f"fptrunc double {ssa} to float")


# ---- comparisons


def compare(w: Writer, expr: c.Compare, _own: bool) -> Value:
    left, right = w.operands([expr.left, expr.right], hold=False)
    result = compare_values(w, expr.op, left, right)
    w.discard(right)
    w.discard(left)
    return Value(result, t.BOOL)


def compare_values(w: Writer, op: str, left: Value, right: Value) -> str:
    """An i1. Both values stay as they are."""
    match left.type:
        case t.FloatType():
            return w.let(f"fcmp {_FLOAT_ORDER[op]} {w.register(left.type)} {left.ssa}, {right.ssa}")
        case IntType() | t.BoolType() | t.CharType() | t.ActorType():
            signed = isinstance(left.type, IntType) and left.type.signed
            name = {"==": "eq", "!=": "ne"}.get(op) or ("s" if signed else "u") + _INT_ORDER[op]
            return w.let(f"icmp {name} {w.register(left.type)} {left.ssa}, {right.ssa}")
        case t.UnitType() | t.NeverType():
            return "true" if op in ("==", "<=", ">=") else "false"
        case t.StringType():
            if op in ("==", "!="):
                equal = w.core("hew_string_eq", f"ptr {left.ssa}, ptr {right.ssa}")
                return equal if op == "==" else w.let(f"xor i1 {equal}, true")
            order = w.core("hew_string_compare", f"ptr {left.ssa}, ptr {right.ssa}")
            return _by_order(w, op, order)
    places = f"ptr {w.spill(left.type, left.ssa)}, ptr {w.spill(right.type, right.ssa)}"
    if op in ("==", "!="):
        equal = w.core("hew_eq", f"{w.descriptor(left.type)}, {places}")
        return equal if op == "==" else w.let(f"xor i1 {equal}, true")
    return _by_order(w, op, w.core("hew_compare", f"{w.descriptor(left.type)}, {places}"))


def _by_order(w: Writer, op: str, order: str) -> str:
    """`order` is <0, 0 or >0, and 2 when there is none."""
    result = w.let(f"icmp s{_INT_ORDER[op]} i32 {order}, 0")
    if op in (">", ">="):
        ordered = w.let(f"icmp ne i32 {order}, 2")
        return w.let(f"and i1 {result}, {ordered}")
    return result


def logical(w: Writer, expr: c.Logical, _own: bool) -> Value:
    """Short-circuit; a long chain leans left."""
    chain = [expr]
    while isinstance(chain[-1].left, c.Logical):
        chain.append(chain[-1].left)
    left = w.evaluate(chain[-1].left).ssa
    for node in reversed(chain):
        more, done = w.new_label(), w.new_label()
        before = w.block
        reached = w.alive
        if node.op == "&&":
            w.branch_if(left, more, done)
        else:
            w.branch_if(left, done, more)
        w.label(more)
        right = w.evaluate(node.right).ssa
        incoming = [(("false" if node.op == "&&" else "true"), before)] if reached else []
        if w.alive:
            incoming.append((right, w.block))
        w.branch(done)
        w.label(done)
        left = phi(w, "i1", incoming)
    return Value(left, t.BOOL)


def phi(w: Writer, register: str, incoming: list[tuple[str, str]]) -> str:
    if not incoming:
        return "poison"
    return w.let(f"phi {register} {', '.join(f'[ {ssa}, %{block} ]' for ssa, block in incoming)}")


# ---- conversions


def cast(w: Writer, expr: c.Cast, own: bool) -> Value:
    value = w.evaluate(expr.operand, own)
    if value.type == expr.type or isinstance(value.type, t.NeverType):
        return value
    return Value(convert(w, value.ssa, value.type, expr.type, expr.span), expr.type)


def convert(w: Writer, ssa: str, source: Type, target: Type, span: Span) -> str:
    """The table of language.md 3.2."""
    match source, target:
        case IntType(), IntType():
            return resize(w, ssa, source, target)
        case IntType(bits=bits, signed=signed), t.FloatType():
            return w.let(f"{'sitofp' if signed else 'uitofp'} i{bits} {ssa} to {w.register(target)}")
        case t.FloatType(), IntType():
            return _saturate(w, ssa, source, target)
        case t.FloatType(bits=64), t.FloatType(bits=32):
            return w.let(f"fptrunc double {ssa} to float")
        case t.FloatType(), t.FloatType():
            return w.let(f"fpext float {ssa} to double")
        case t.BoolType(), IntType(bits=bits):
            return w.let(f"zext i1 {ssa} to i{bits}")
        case t.CharType(), IntType():
            return resize(w, ssa, t.U32, target)
        case IntType(bits=bits), t.BoolType():
            return w.let(f"icmp ne i{bits} {ssa}, 0")
        case IntType(), t.CharType():
            return _to_char(w, ssa, source, span)
    raise AssertionError(f"{source} as {target}")


def resize(w: Writer, ssa: str, source: IntType, target: IntType) -> str:
    """Truncate or extend."""
    known = constant(ssa)
    if known is not None:
        value = known if source.signed else known & source.maximum
        return int_text(value, target.bits)
    if source.bits == target.bits:
        return ssa
    name = "trunc" if target.bits < source.bits else "sext" if source.signed else "zext"
    return w.let(f"{name} i{source.bits} {ssa} to i{target.bits}")


def _saturate(w: Writer, ssa: str, source: FloatType, target: IntType) -> str:
    """Toward zero, at most to the bounds; NaN gives 0."""
    register = w.register(source)
    name = f"llvm.fpto{'s' if target.signed else 'u'}i.sat.i{target.bits}.f{source.bits}"
    return w.let(f"call i{target.bits} {w.module.intrinsic(name, f'i{target.bits}', register)}({register} {ssa})")


def _to_char(w: Writer, ssa: str, source: IntType, span: Span) -> str:
    """Scalars are 0..D7FF and E000..10FFFF."""
    wide = resize(w, ssa, source, t.INT)
    low = w.let(f"icmp ult i64 {wide}, {0xD800}")
    shifted = w.let(f"sub i64 {wide}, {0xE000}")
    high = w.let(f"icmp ult i64 {shifted}, {0x110000 - 0xE000}")
    w.trap_unless(w.let(f"or i1 {low}, {high}"), "not a character", span)
    return w.let(f"trunc i64 {wide} to i32")
