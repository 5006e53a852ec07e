"""Operations of the runtime that are no methods of numbers or collections, and the table of them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen import collections, numbers, text
from hew.compiler.codegen.emitter import OWNED, SELF, Value
from hew.compiler.codegen.expressions import unit
from hew.compiler.codegen.operators import compare_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from hew.compiler.codegen.writer import Writer

    Operation = Callable[[Writer, c.BuiltinCall], Value]

_NS_PER: Final = {"sleep_ms": 1_000_000, "sleep": 1_000_000_000}
_LONGEST: Final = (1 << 63) - 1  # nanoseconds


def builtin(w: Writer, expr: c.BuiltinCall, _own: bool) -> Value:
    operation = _OPERATIONS.get(expr.op)
    if operation is not None:
        return operation(w, expr)
    family = expr.op.split(".", 1)[0]
    return _FAMILIES[family](w, expr)


def _panic(w: Writer, expr: c.BuiltinCall) -> Value:
    message = expr.args[0]
    if isinstance(message, c.StringLit) and "\0" not in message.value:
        w.trap(message.value, expr.span)
    else:
        text_ = w.owned(message)
        w.never_returns("hew_trap_string", f"{SELF}, ptr {text_}, {w.location(expr.span)}")
    return Value("poison", t.NEVER)


def _todo(w: Writer, expr: c.BuiltinCall) -> Value:
    w.trap("not implemented yet" if expr.op == "todo" else "unreachable code was reached", expr.span)
    return Value("poison", t.NEVER)


def _exit(w: Writer, expr: c.BuiltinCall) -> Value:
    w.never_returns("hew_exit", f"{SELF}, i64 {w.evaluate(expr.args[0]).ssa}")
    return Value("poison", t.NEVER)


def _sleep(w: Writer, expr: c.BuiltinCall) -> Value:
    """Longer than 292 years is 292 years."""
    factor = _NS_PER[expr.op]
    amount = w.evaluate(expr.args[0]).ssa
    smin = w.module.intrinsic("llvm.smin.i64", "i64", "i64, i64")
    smax = w.module.intrinsic("llvm.smax.i64", "i64", "i64, i64")
    some = w.let(f"call i64 {smax}(i64 {amount}, i64 0)")
    some = w.let(f"call i64 {smin}(i64 {some}, i64 {_LONGEST // factor})")
    w.core("hew_sleep_ns", f"{SELF}, i64 {w.let(f'mul i64 {some}, {factor}')}, {w.location(expr.span)}")
    return unit()


def _args(w: Writer, expr: c.BuiltinCall) -> Value:
    return Value(w.core("hew_args", f"{SELF}, {w.descriptor(t.STRING)}"), expr.type, OWNED)


def _env(w: Writer, expr: c.BuiltinCall) -> Value:
    (name,) = w.operands(expr.args)
    out = w.alloca(w.layouts.of(expr.type).memory)
    w.core("hew_env", f"{SELF}, ptr {name.ssa}, ptr {out}")
    w.discard(name)
    return Value(w.load(expr.type, out), expr.type, OWNED)


def _cooperate(w: Writer, _expr: c.BuiltinCall) -> Value:
    w.core("hew_safepoint", SELF)
    return unit()


def _clone(w: Writer, expr: c.BuiltinCall) -> Value:
    (value,) = w.operands(expr.args)
    if not w.layouts.managed(value.type):
        return value
    out = w.alloca(w.layouts.of(value.type).memory)
    w.core("hew_clone", f"{SELF}, {w.descriptor(value.type)}, ptr {out}, ptr {w.spill(value.type, value.ssa)}")
    w.discard(value)
    return Value(w.load(value.type, out), value.type, OWNED)


def _handle(w: Writer, expr: c.BuiltinCall) -> Value:
    handle = w.evaluate(expr.args[0]).ssa
    match expr.op:
        case "handle.id":
            return Value(w.let(f"lshr i64 {handle}, 24"), t.INT)
        case "handle.is_alive":
            return Value(w.core("hew_is_alive", f"{SELF}, i64 {handle}"), t.BOOL)
        case _:
            return Value(w.core("hew_mailbox_len", f"{SELF}, i64 {handle}"), t.INT)


def assertion(w: Writer, expr: c.Assert, _own: bool) -> Value:
    if expr.kind == "debug_assert" and not w.module.checked:
        return unit()
    if expr.kind in ("assert_eq", "assert_ne"):
        return _assert_equal(w, expr)
    values = w.operands(expr.args)
    good, bad = w.new_label(), w.new_label("trap")
    w.branch_if(values[0].ssa, good, bad, likely=True)
    w.label(bad)
    if len(values) == 1:
        w.trap(f"assertion failed: {expr.text}", expr.span)
    else:
        w.core("hew_text_begin", SELF)
        start = "assertion failed: "
        w.core("hew_text_bytes", f"{SELF}, ptr {w.module.c_string(start)}, i64 {len(start)}")
        text.write_value(w, values[1])
        message = w.core("hew_text_string", SELF)
        w.never_returns("hew_trap_string", f"{SELF}, ptr {message}, {w.location(expr.span)}")
    w.label(good)
    for value in values[1:]:
        w.discard(value)
    return unit()


def _assert_equal(w: Writer, expr: c.Assert) -> Value:
    left, right = w.operands(expr.args[:2])
    good, bad = w.new_label(), w.new_label("trap")
    condition = compare_values(w, "==" if expr.kind == "assert_eq" else "!=", left, right)
    w.branch_if(condition, good, bad, likely=True)
    w.label(bad)
    places = f"ptr {w.spill(left.type, left.ssa)}, ptr {w.spill(right.type, right.ssa)}"
    head = f"{SELF}, ptr {w.module.c_string(expr.kind)}, {w.descriptor(left.type)}"
    w.never_returns("hew_trap_values", f"{head}, {places}, {w.location(expr.span)}")
    w.label(good)
    w.discard(right)
    w.discard(left)
    return unit()


_OPERATIONS: Final[dict[str, Operation]] = {
    "print": text.prints,
    "println": text.prints,
    "eprint": text.prints,
    "eprintln": text.prints,
    "to_string": text.to_string,
    "string.len": text.is_length,
    "string.is_empty": text.is_length,
    "string.slice": text.string_slice,
    "string.contains": text.find,
    "string.find": text.find,
    "string.split": text.pointers,
    "string.trim": text.pointers,
    "string.parse_int": text.parse_int,
    "vec.join": text.pointers,
    "vec.new": collections.new,
    "vec.with_capacity": collections.new,
    "vec.filled": collections.filled,
    "vec.push": collections.push,
    "vec.pop": collections.pop,
    "vec.len": collections.length,
    "vec.is_empty": collections.length,
    "vec.clear": collections.clear,
    "vec.slice": collections.vec_slice,
    "vec.sum": collections.total,
    "vec.contains": collections.contains,
    "option.is_some": collections.has_value,
    "option.is_none": collections.has_value,
    "option.unwrap": collections.unwrap,
    "option.expect": collections.unwrap,
    "option.unwrap_or": collections.unwrap_or,
    "result.is_ok": collections.has_value,
    "result.is_err": collections.has_value,
    "result.unwrap": collections.unwrap,
    "result.expect": collections.unwrap,
    "result.unwrap_or": collections.unwrap_or,
    "clone": _clone,
    "panic": _panic,
    "todo": _todo,
    "unreachable": _todo,
    "exit": _exit,
    "sleep_ms": _sleep,
    "sleep": _sleep,
    "args": _args,
    "env": _env,
    "cooperate": _cooperate,
}

_FAMILIES: Final[dict[str, Operation]] = {
    "int": numbers.int_method,
    "float": numbers.float_method,
    "handle": _handle,
}
