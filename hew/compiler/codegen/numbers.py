"""Methods of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.compiler import types as t
from hew.compiler.codegen.emitter import Value
from hew.compiler.codegen.operators import (
    OVERFLOW,
    divide,
    float_text,
    narrow_float,
    resize,
    widen_float,
    with_overflow,
)
from hew.compiler.types import FloatType, IntType

if TYPE_CHECKING:
    from hew.compiler import checked as c
    from hew.compiler.codegen.writer import Writer
    from hew.compiler.source import Span

_FLOAT_INTRINSICS: Final = {
    "abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "round": "round", "trunc": "trunc",
}  # fmt: skip
_LIBRARY: Final = {"ln": "log"}  # other names are those of C


def int_method(w: Writer, expr: c.BuiltinCall) -> Value:
    """`int.name`: all arguments are numbers."""
    args = [w.evaluate(arg) for arg in expr.args]
    kind = args[0].type
    assert isinstance(kind, IntType)
    name = expr.op.removeprefix("int.")
    left = args[0].ssa
    right = args[1].ssa if len(args) > 1 else ""
    match name:
        case "abs":
            return Value(_abs(w, kind, left, expr.span), kind)
        case "sign":
            return Value(_sign(w, kind, left), kind)
        case "pow":
            return Value(_pow(w, kind, left, right, expr.span), kind)
        case "min" | "max":
            return Value(_pick(w, name, kind, left, right), kind)
        case "clamp":
            return Value(_pick(w, "min", kind, _pick(w, "max", kind, left, right), args[2].ssa), kind)
        case "count_ones" | "leading_zeros" | "trailing_zeros":
            return Value(_count(w, name, kind, left), t.INT)
        case "rotate_left" | "rotate_right":
            return Value(_rotate(w, name, kind, left, right), kind)
        case "div_floor" | "mod_floor":
            return Value(_floor(w, name, kind, left, right, expr.span), kind)
        case "try_from":
            return _try_from(w, expr, args[0])
    if name.startswith("checked_"):
        return _checked(w, name.removeprefix("checked_"), expr, kind, left, right)
    return Value(_saturating(w, name.removeprefix("saturating_"), kind, left, right), kind)


def _intrinsic(w: Writer, name: str, kind: IntType, *args: str) -> str:
    """An intrinsic over operands of one integer type."""
    bits = f"i{kind.bits}"
    callee = w.module.intrinsic(f"llvm.{name}.{bits}", bits, ", ".join([bits] * len(args)))
    return w.let(f"call {bits} {callee}({', '.join(f'{bits} {arg}' for arg in args)})")


def _with_flag(w: Writer, name: str, kind: IntType, operand: str) -> str:
    """An intrinsic whose second operand says what is undefined: nothing is."""
    bits = f"i{kind.bits}"
    callee = w.module.intrinsic(f"llvm.{name}.{bits}", bits, f"{bits}, i1")
    return w.let(f"call {bits} {callee}({bits} {operand}, i1 false)")


def _abs(w: Writer, kind: IntType, operand: str, span: Span) -> str:
    if not kind.signed:
        return operand
    if w.module.checked:
        w.trap_unless(w.let(f"icmp ne i{kind.bits} {operand}, {kind.minimum}"), OVERFLOW, span)
    return _with_flag(w, "abs", kind, operand)


def _sign(w: Writer, kind: IntType, operand: str) -> str:
    bits = f"i{kind.bits}"
    positive = w.let(f"zext i1 {w.let(f'icmp ne {bits} {operand}, 0')} to {bits}")
    if not kind.signed:
        return positive
    below = w.let(f"ashr {bits} {operand}, {kind.bits - 1}")
    return w.let(f"or {bits} {positive}, {below}")


def _pick(w: Writer, name: str, kind: IntType, left: str, right: str) -> str:
    return _intrinsic(w, f"{'s' if kind.signed else 'u'}{name}", kind, left, right)


def _count(w: Writer, name: str, kind: IntType, operand: str) -> str:
    if name == "count_ones":
        count = _intrinsic(w, "ctpop", kind, operand)
    else:
        count = _with_flag(w, "ctlz" if name == "leading_zeros" else "cttz", kind, operand)
    return resize(w, count, IntType(kind.bits, signed=False), t.INT)


def _rotate(w: Writer, name: str, kind: IntType, operand: str, count: str) -> str:
    amount = resize(w, count, t.INT, kind)
    return _intrinsic(w, "fshl" if name == "rotate_left" else "fshr", kind, operand, operand, amount)


def _floor(w: Writer, name: str, kind: IntType, left: str, right: str, span: Span) -> str:
    """Toward minus infinity: one less than `/` when the signs differ and it does not come out even."""
    if name == "div_floor":
        quotient = divide(w, "/", kind, left, right, span)
    remainder = divide(w, "%", kind, left, right, span)
    if not kind.signed:
        return quotient if name == "div_floor" else remainder
    bits = f"i{kind.bits}"
    differ = w.let(f"icmp slt {bits} {w.let(f'xor {bits} {remainder}, {right}')}, 0")
    uneven = w.let(f"icmp ne {bits} {remainder}, 0")
    off = w.let(f"and i1 {differ}, {uneven}")
    if name == "div_floor":
        return w.let(f"sub {bits} {quotient}, {w.let(f'zext i1 {off} to {bits}')}")
    correction = w.let(f"select i1 {off}, {bits} {right}, {bits} 0")
    return w.let(f"add {bits} {remainder}, {correction}")


def _pow(w: Writer, kind: IntType, base: str, exponent: str, span: Span) -> str:
    """By squaring, in a function of its own."""
    w.trap_unless(w.let(f"icmp sge i64 {exponent}, 0"), "negative exponent", span)
    sign, bits = "s" if kind.signed else "u", kind.bits
    pair = f"{{ i{bits}, i1 }}"
    multiply = w.module.intrinsic(f"llvm.{sign}mul.with.overflow.i{bits}", pair, f"i{bits}, i{bits}")
    name = f"pow.{sign}{bits}"
    w.module.helper(name, _POWER.format(name=name, bits=bits, pair=pair, multiply=multiply))
    both = w.call(f"@{name}", pair, f"i{bits} {base}, i64 {exponent}", unwinds=False)
    result = w.let(f"extractvalue {pair} {both}, 0")
    if w.module.checked:
        overflow = w.let(f"extractvalue {pair} {both}, 1")
        w.trap_unless(w.let(f"xor i1 {overflow}, true"), OVERFLOW, span)
    return result


_POWER: Final = """define internal {pair} @{name}(i{bits} %base, i64 %exponent) nounwind uwtable {{
  br label %loop
loop:
  %left = phi i64 [ %exponent, %0 ], [ %half, %next ]
  %square = phi i{bits} [ %base, %0 ], [ %squared, %next ]
  %lost = phi i1 [ false, %0 ], [ %squared.lost, %next ]
  %result = phi i{bits} [ 1, %0 ], [ %result.next, %next ]
  %over = phi i1 [ false, %0 ], [ %over.next, %next ]
  %done = icmp eq i64 %left, 0
  br i1 %done, label %end, label %next
next:
  %bit = trunc i64 %left to i1
  %product = call {pair} {multiply}(i{bits} %result, i{bits} %square)
  %product.value = extractvalue {pair} %product, 0
  %product.over = extractvalue {pair} %product, 1
  %product.bad = or i1 %product.over, %lost
  %bad = and i1 %bit, %product.bad
  %over.next = or i1 %over, %bad
  %result.next = select i1 %bit, i{bits} %product.value, i{bits} %result
  %square.pair = call {pair} {multiply}(i{bits} %square, i{bits} %square)
  %squared = extractvalue {pair} %square.pair, 0
  %square.over = extractvalue {pair} %square.pair, 1
  %squared.lost = or i1 %lost, %square.over
  %half = lshr i64 %left, 1
  br label %loop
end:
  %first = insertvalue {pair} poison, i{bits} %result, 0
  %both = insertvalue {pair} %first, i1 %over, 1
  ret {pair} %both
}}"""


def _checked(w: Writer, name: str, expr: c.BuiltinCall, kind: IntType, left: str, right: str) -> Value:
    """An Option: None where the result does not fit, or the divisor is zero."""
    bits = f"i{kind.bits}"
    if name != "div":
        result, overflow = with_overflow(w, name, kind, left, right)
        return _option(w, expr, result, overflow)
    zero = w.let(f"icmp eq {bits} {right}, 0")
    if kind.signed:
        minus_one = w.let(f"icmp eq {bits} {right}, -1")
        minimum = w.let(f"icmp eq {bits} {left}, {kind.minimum}")
        bad = w.let(f"or i1 {zero}, {w.let(f'and i1 {minus_one}, {minimum}')}")
    else:
        bad = zero
    safe = w.let(f"select i1 {bad}, {bits} 1, {bits} {right}")
    return _option(w, expr, w.let(f"{'sdiv' if kind.signed else 'udiv'} {bits} {left}, {safe}"), bad)


def _option(w: Writer, expr: c.BuiltinCall, result: str, missing: str) -> Value:
    """Some(result), or None with a zeroed place."""
    register = w.register(expr.type)
    some = w.aggregate(expr.type, [(1, result)])
    none = w.aggregate(expr.type, [(0, "1")])
    return Value(w.let(f"select i1 {missing}, {register} {none}, {register} {some}"), expr.type)


def _saturating(w: Writer, name: str, kind: IntType, left: str, right: str) -> str:
    sign, bits = "s" if kind.signed else "u", f"i{kind.bits}"
    if name != "mul":
        return _intrinsic(w, f"{sign}{name}.sat", kind, left, right)
    result, overflow = with_overflow(w, "mul", kind, left, right)
    bound = "-1"  # all ones: the largest unsigned
    if kind.signed:
        signs = w.let(f"icmp slt {bits} {w.let(f'xor {bits} {left}, {right}')}, 0")
        bound = w.let(f"select i1 {signs}, {bits} {kind.minimum}, {bits} {kind.maximum}")
    return w.let(f"select i1 {overflow}, {bits} {bound}, {bits} {result}")


def _try_from(w: Writer, expr: c.BuiltinCall, value: Value) -> Value:
    """Some where the number is in the target's range."""
    target, source = expr.type_args[0], value.type
    assert isinstance(target, IntType)
    assert isinstance(source, IntType)
    result = resize(w, value.ssa, source, target)
    back = resize(w, result, target, source)
    changed = w.let(f"icmp ne i{source.bits} {back}, {value.ssa}")
    if source.signed != target.signed:
        # The bits survive, their meaning does not where the sign bit is set.
        if source.signed:
            sign = w.let(f"icmp slt i{source.bits} {value.ssa}, 0")
        else:
            sign = w.let(f"icmp slt i{target.bits} {result}, 0")
        changed = w.let(f"or i1 {changed}, {sign}")
    return _option(w, expr, result, changed)


# ---- floats


def float_method(w: Writer, expr: c.BuiltinCall) -> Value:
    """`float.name`; f32 goes through double where only the C library knows the function."""
    args = [w.evaluate(arg) for arg in expr.args]
    kind = args[0].type
    assert isinstance(kind, FloatType)
    name = expr.op.removeprefix("float.")
    register = w.register(kind)
    operands = [arg.ssa for arg in args]
    match name:
        case "is_nan":
            return Value(w.let(f"fcmp uno {register} {operands[0]}, {operands[0]}"), t.BOOL)
        case "is_finite":
            size = _float_intrinsic(w, "fabs", kind, operands[:1])
            return Value(w.let(f"fcmp olt {register} {size}, {float_text(float('inf'), 64)}"), t.BOOL)
        case "min" | "max":
            return Value(_float_intrinsic(w, f"{name}num", kind, operands), kind)
        case "clamp":
            low = _float_intrinsic(w, "maxnum", kind, operands[:2])
            return Value(_float_intrinsic(w, "minnum", kind, [low, operands[2]]), kind)
    if name in _FLOAT_INTRINSICS:
        return Value(_float_intrinsic(w, _FLOAT_INTRINSICS[name], kind, operands), kind)
    wide = ", ".join(f"double {widen_float(w, kind, operand)}" for operand in operands)
    if name == "pow":
        result = w.core("hew_f64_pow", wide)
    else:
        callee = w.module.math(_LIBRARY.get(name, name), len(operands))
        result = w.let(f"call double {callee}({wide})")
    return Value(narrow_float(w, kind, result), kind)


def _float_intrinsic(w: Writer, name: str, kind: FloatType, operands: list[str]) -> str:
    register = w.register(kind)
    callee = w.module.intrinsic(f"llvm.{name}.f{kind.bits}", register, ", ".join([register] * len(operands)))
    return w.let(f"call {register} {callee}({', '.join(f'{register} {one}' for one in operands)})")
