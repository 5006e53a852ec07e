"""Methods of Vec, Option and Result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.compiler import types as t
from hew.compiler.codegen.control import Outcome
from hew.compiler.codegen.emitter import HEAP, OWNED, SELF, Value
from hew.compiler.codegen.expressions import (
    CAPACITY,
    LENGTH,
    data_of,
    filled_vec,
    header_word,
    new_vec,
    unit,
)
from hew.compiler.codegen.module import ELEMENT, HEADER
from hew.compiler.codegen.operators import OVERFLOW

if TYPE_CHECKING:
    from hew.compiler import checked as c
    from hew.compiler.codegen.writer import Writer
    from hew.compiler.types import Type


def new(w: Writer, expr: c.BuiltinCall) -> Value:
    """vec.new and vec.with_capacity."""
    assert isinstance(expr.type, t.VecType)
    capacity = w.evaluate(expr.args[0]).ssa if expr.args else "0"
    return new_vec(w, expr.type.item, capacity, expr.span)


def filled(w: Writer, expr: c.BuiltinCall) -> Value:
    count, item = w.operands(expr.args)
    vec = filled_vec(w, item, count.ssa, expr.span)
    w.discard(item)
    return vec


def _item(vec: Value) -> Type:
    assert isinstance(vec.type, t.VecType)
    return vec.type.item


def _set_length(w: Writer, vec: Value, length: str) -> None:
    address = w.let(f"getelementptr inbounds i8, ptr {vec.ssa}, i64 {LENGTH}")
    w.emit(f"store i64 {length}, ptr {address}{HEADER}")


def push(w: Writer, expr: c.BuiltinCall) -> Value:
    """Room for one more is the usual case; the core makes it otherwise."""
    vec, value = w.operands(expr.args, own_from=1)
    item = _item(vec)
    length = header_word(w, vec.ssa, LENGTH)
    grow, room = w.new_label("grow"), w.new_label("room")
    full = w.let(f"icmp eq i64 {length}, {header_word(w, vec.ssa, CAPACITY)}")
    w.branch_if(full, grow, room, likely=False)
    w.label(grow)
    w.core("hew_vec_grow", f"{SELF}, {w.descriptor(item)}, ptr {vec.ssa}")
    w.branch(room)
    w.label(room)
    memory = w.layouts.of(item).memory
    address = w.let(f"getelementptr inbounds {memory}, ptr {data_of(w, vec.ssa)}, i64 {length}")
    w.store(item, w.take(value), address, ELEMENT)
    _set_length(w, vec, w.let(f"add i64 {length}, 1"))
    w.discard(vec)
    return unit()


def pop(w: Writer, expr: c.BuiltinCall) -> Value:
    """The element moves out."""
    (vec,) = w.operands(expr.args)
    item = _item(vec)
    length = header_word(w, vec.ssa, LENGTH)
    w.trap_unless(w.let(f"icmp ne i64 {length}, 0"), "pop from an empty Vec", expr.span)
    less = w.let(f"sub i64 {length}, 1")
    _set_length(w, vec, less)
    memory = w.layouts.of(item).memory
    address = w.let(f"getelementptr inbounds {memory}, ptr {data_of(w, vec.ssa)}, i64 {less}")
    result = w.managed_value(w.load(item, address, ELEMENT), item)
    w.discard(vec)
    return result


def length(w: Writer, expr: c.BuiltinCall) -> Value:
    """vec.len and vec.is_empty."""
    (vec,) = w.operands(expr.args, hold=False)
    size = header_word(w, vec.ssa, LENGTH)
    w.discard(vec)
    if expr.op == "vec.len":
        return Value(size, t.INT)
    return Value(w.let(f"icmp eq i64 {size}, 0"), t.BOOL)


def clear(w: Writer, expr: c.BuiltinCall) -> Value:
    (vec,) = w.operands(expr.args)
    w.core("hew_vec_clear", f"{SELF}, {w.descriptor(_item(vec))}, ptr {vec.ssa}")
    w.discard(vec)
    return unit()


def vec_slice(w: Writer, expr: c.BuiltinCall) -> Value:
    vec, start, end = w.operands(expr.args)
    bounds = f"i64 {start.ssa}, i64 {end.ssa}, {w.location(expr.span)}"
    result = w.core("hew_vec_slice", f"{SELF}, {w.descriptor(_item(vec))}, ptr {vec.ssa}, {bounds}")
    w.discard(vec)
    return Value(result, expr.type, OWNED)


def contains(w: Writer, expr: c.BuiltinCall) -> Value:
    vec, value = w.operands(expr.args, hold=False)
    place = w.spill(value.type, value.ssa)
    found = w.core("hew_vec_contains", f"{w.descriptor(_item(vec))}, ptr {vec.ssa}, ptr {place}")
    w.discard(value)
    w.discard(vec)
    return Value(found, t.BOOL)


def total(w: Writer, expr: c.BuiltinCall) -> Value:
    """vec.sum: a loop in a function of its own; floats are added in order."""
    (vec,) = w.operands(expr.args)
    item = _item(vec)
    register = w.register(item)
    pair = f"{{ {register}, i1 }}"
    if isinstance(item, t.IntType):
        sign, zero = ("s" if item.signed else "u"), "0"
        adder = w.module.intrinsic(f"llvm.{sign}add.with.overflow.i{item.bits}", pair, f"{register}, {register}")
        add = f"call {pair} {adder}({register} %sum, {register} %one)"
        step = f"%both = {add}\n  %more = extractvalue {pair} %both, 0\n  %lost = extractvalue {pair} %both, 1"
    else:
        # Begins at -0, the neutral number of addition; an empty Vec gives 0.
        sign, zero = "f", "-0.0"
        step = f"%more = fadd {register} %sum, %one\n  %lost = icmp eq i1 true, false"
    name = f"sum.{sign}{w.layouts.of(item).size * 8}"
    w.module.helper(name, _SUM.format(name=name, register=register, pair=pair, zero=zero, step=step, header=HEADER,
                                      element=ELEMENT, empty="0" if sign != "f" else "0.0"))  # fmt: skip
    both = w.call(f"@{name}", pair, f"ptr {vec.ssa}", unwinds=False)
    result = w.let(f"extractvalue {pair} {both}, 0")
    if w.module.checked and sign != "f":
        overflow = w.let(f"extractvalue {pair} {both}, 1")
        w.trap_unless(w.let(f"xor i1 {overflow}, true"), OVERFLOW, expr.span)
    w.discard(vec)
    return Value(result, item)


_SUM: Final = """define internal {pair} @{name}(ptr %vec) nounwind uwtable {{
  %len.at = getelementptr inbounds i8, ptr %vec, i64 8
  %len = load i64, ptr %len.at{header}
  %data.at = getelementptr inbounds i8, ptr %vec, i64 24
  %data = load ptr, ptr %data.at{header}
  %empty = icmp eq i64 %len, 0
  br i1 %empty, label %none, label %loop
none:
  ret {pair} {{ {register} {empty}, i1 false }}
loop:
  %at = phi i64 [ 0, %0 ], [ %next, %loop ]
  %sum = phi {register} [ {zero}, %0 ], [ %more, %loop ]
  %over = phi i1 [ false, %0 ], [ %over.next, %loop ]
  %place = getelementptr inbounds {register}, ptr %data, i64 %at
  %one = load {register}, ptr %place{element}
  {step}
  %over.next = or i1 %over, %lost
  %next = add i64 %at, 1
  %end = icmp eq i64 %next, %len
  br i1 %end, label %done, label %loop
done:
  %first = insertvalue {pair} poison, {register} %more, 0
  %both.end = insertvalue {pair} %first, i1 %over.next, 1
  ret {pair} %both.end
}}"""


# ---- Option and Result: variant 0 has the value


def has_value(w: Writer, expr: c.BuiltinCall) -> Value:
    """option.is_some, option.is_none, result.is_ok, result.is_err."""
    (value,) = w.operands(expr.args, hold=False)
    name = "eq" if expr.op in ("option.is_some", "result.is_ok") else "ne"
    result = w.let(f"icmp {name} i8 {w.member(value.type, value.ssa, 0)}, 0")
    w.discard(value)
    return Value(result, t.BOOL)


def unwrap(w: Writer, expr: c.BuiltinCall) -> Value:
    """`unwrap` and `expect` of Option and Result."""
    values = w.operands(expr.args)
    value = values[0]
    assert isinstance(value.type, t.EnumType)
    good, bad = w.new_label(), w.new_label("trap")
    tag = w.member(value.type, value.ssa, 0)
    w.branch_if(w.let(f"icmp eq i8 {tag}, 0"), good, bad, likely=True)
    w.label(bad)
    _fail(w, expr, values)
    w.label(good)
    for extra in values[1:]:
        w.discard(extra)
    return _payload(w, value)


def _fail(w: Writer, expr: c.BuiltinCall, values: list[Value]) -> None:
    """The trap, with the message or the error that is there."""
    value, location = values[0], w.location(expr.span)
    assert isinstance(value.type, t.EnumType)
    match expr.op:
        case "option.unwrap":
            w.trap("unwrap of None", expr.span)
        case "option.expect":
            w.retain_ssa(t.STRING, values[1].ssa)
            w.never_returns("hew_trap_string", f"{SELF}, ptr {values[1].ssa}, {location}")
        case _:
            error = value.type.args[1]
            kind = expr.op.replace("result.", "") + "_err"
            shown = w.spill(error, w.member(value.type, value.ssa, 2))
            places = f"ptr {shown}, ptr null"
            if kind == "expect_err":
                places = f"ptr {w.spill(t.STRING, values[1].ssa)}, ptr {shown}"
            head = f"{SELF}, ptr {w.module.c_string(kind)}, {w.descriptor(error)}"
            w.never_returns("hew_trap_values", f"{head}, {places}, {location}")


def _payload(w: Writer, value: Value) -> Value:
    """The value of a Some or Ok, held as the whole was: the other variants hold nothing."""
    assert isinstance(value.type, t.EnumType)
    part = Value(w.member(value.type, value.ssa, 1), value.type.args[0])
    managed = w.layouts.managed(part.type)
    if isinstance(w.layouts.of(value.type).parts[1], t.BoxType) and value.holder == OWNED:
        w.retain_ssa(part.type, part.ssa)  # others may have the box too
        w.discard(value)
        part.holder = OWNED
    elif value.holder == OWNED:
        w.take(value)
        part.holder = OWNED if managed else part.holder
    elif managed:
        part.holder = value.holder
    return part


def unwrap_or(w: Writer, expr: c.BuiltinCall) -> Value:
    value, default = w.operands(expr.args, own_from=1)
    good, bad = w.new_label(), w.new_label()
    tag = w.member(value.type, value.ssa, 0)
    slot, default_slot = value.slot, default.slot
    outcome = Outcome(w, expr.type)
    w.branch_if(w.let(f"icmp eq i8 {tag}, 0"), good, bad)
    w.label(good)
    part = Value(w.member(value.type, value.ssa, 1), expr.type)
    managed = w.layouts.managed(part.type)
    if managed:
        part.holder = value.holder if value.holder != OWNED else HEAP
        w.make_owned(part)
    if default.holder == OWNED:
        _drop_here(w, default)
    if value.holder == OWNED:
        _drop_here(w, value)
    outcome.add(part)
    w.label(bad)
    chosen = Value(default.ssa, expr.type, default.holder if managed else part.holder)
    if default_slot is not None:
        w.clear(default_slot)
    if value.holder == OWNED:
        _drop_here(w, value)
    outcome.add(chosen)
    result = outcome.result()
    for one in (slot, default_slot):
        if one is not None:
            w.release(one)
    return result


def _drop_here(w: Writer, value: Value) -> None:
    """Drop an owned value on one of several paths: its slot is released where they meet."""
    if value.slot is not None:
        w.clear(value.slot)
    w.drop_ssa(value.type, value.ssa)
