"""Literals, reading of locals and fields, building of values, and calls of the program's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen import text
from hew.compiler.codegen.emitter import FIELD, FREE, HEAP, LOCAL, NOMERGE, OWNED, SELF, Slot, Value, result_register
from hew.compiler.codegen.layout import payload_index
from hew.compiler.codegen.module import ELEMENT, HEADER, VALID_VEC
from hew.compiler.codegen.module import FIELD as FIELD_MEMORY
from hew.compiler.codegen.operators import float_text, int_text

if TYPE_CHECKING:
    from hew.compiler.codegen.writer import Writer
    from hew.compiler.source import Span
    from hew.compiler.types import Type

LENGTH: Final = 8  # offsets in hew_vec and hew_string
CAPACITY: Final = 16
DATA: Final = 24


# ---- literals


def int_literal(_w: Writer, expr: c.IntLit, _own: bool) -> Value:
    assert isinstance(expr.type, t.IntType)
    return Value(int_text(expr.value, expr.type.bits), expr.type)


def float_literal(_w: Writer, expr: c.FloatLit, _own: bool) -> Value:
    assert isinstance(expr.type, t.FloatType)
    return Value(float_text(expr.value, expr.type.bits), expr.type)


def bool_literal(_w: Writer, expr: c.BoolLit, _own: bool) -> Value:
    return Value("true" if expr.value else "false", expr.type)


def char_literal(_w: Writer, expr: c.CharLit, _own: bool) -> Value:
    return Value(str(expr.value), expr.type)


def string_literal(w: Writer, expr: c.StringLit, _own: bool) -> Value:
    return Value(w.module.string(expr.value), expr.type)


def unit_literal(_w: Writer, _expr: c.UnitLit, _own: bool) -> Value:
    return unit()


def unit() -> Value:
    return Value("0", t.UNIT)


# ---- reading


def local(w: Writer, expr: c.LocalRef, own: bool) -> Value:
    place = w.locals[expr.local]
    type_ = expr.local.type
    managed = w.layouts.managed(type_)
    if isinstance(place, Value):
        return Value(place.ssa, type_, LOCAL if managed else FREE)
    ssa = w.load(type_, place.name, VALID_VEC if isinstance(type_, t.VecType) else "")
    if own and managed and expr.last_use:
        w.clear(place)
        return Value(ssa, type_, OWNED)
    return Value(ssa, type_, LOCAL if managed else FREE)


def field_address(w: Writer, index: int) -> str:
    """Where a field of the running actor lies."""
    assert w.fields is not None
    return w.let(w.fields.address("%fields", index))


def actor_field(w: Writer, expr: c.FieldRef, _own: bool) -> Value:
    kind = FIELD_MEMORY + VALID_VEC if isinstance(expr.type, t.VecType) else FIELD_MEMORY
    ssa = w.load(expr.type, field_address(w, expr.index), kind)
    return Value(ssa, expr.type, FIELD if w.layouts.managed(expr.type) else FREE)


def this(w: Writer, expr: c.ThisRef, _own: bool) -> Value:
    return Value(w.core("hew_this", SELF), expr.type)


def member(w: Writer, expr: c.RecordField | c.TupleField, _own: bool) -> Value:
    """A part of a record or tuple; of a temporary one, the rest is dropped."""
    whole = w.evaluate(expr.operand)
    part = Value(w.member(whole.type, whole.ssa, expr.index), expr.type)
    if not w.layouts.managed(whole.type):
        return part
    if w.layouts.managed(expr.type):
        part.holder = whole.holder
    if whole.holder == OWNED:
        w.retain_ssa(part.type, part.ssa)
        w.discard(whole)
    return part


def index(w: Writer, expr: c.Index, _own: bool) -> Value:
    base, at = w.operands([expr.base, expr.index])
    if isinstance(base.type, t.StringType):
        result = Value(byte_at(w, base.ssa, at.ssa, expr.span), expr.type)
    else:
        address = element_address(w, base, at.ssa, expr.span)
        managed = w.layouts.managed(expr.type)
        kind = ELEMENT + VALID_VEC if isinstance(expr.type, t.VecType) else ELEMENT
        result = Value(w.load(expr.type, address, kind), expr.type, HEAP if managed else FREE)
        if base.holder == OWNED:
            w.make_owned(result)
    w.discard(base)
    return result


def header_word(w: Writer, block: str, offset: int) -> str:
    """A 64-bit word of a Vec's header."""
    address = w.let(f"getelementptr inbounds i8, ptr {block}, i64 {offset}")
    return w.let(f"load i64, ptr {address}{HEADER}")


def data_of(w: Writer, vec: str) -> str:
    """Where the elements begin."""
    address = w.let(f"getelementptr inbounds i8, ptr {vec}, i64 {DATA}")
    return w.let(f"load ptr, ptr {address}{HEADER}")


def element_address(w: Writer, vec: Value, at: str, span: Span) -> str:
    """Traps where the index is out of range."""
    assert isinstance(vec.type, t.VecType)
    length = header_word(w, vec.ssa, LENGTH)
    data = data_of(w, vec.ssa)  # before the check: what is read on every way can leave a loop
    check_index(w, at, length, span)
    return w.let(f"getelementptr inbounds {w.layouts.of(vec.type.item).memory}, ptr {data}, i64 {at}")


def check_index(w: Writer, at: str, length: str, span: Span) -> None:
    inside, outside = w.new_label(), w.new_label("trap")
    w.branch_if(w.let(f"icmp ult i64 {at}, {length}"), inside, outside, likely=True)
    w.label(outside)
    w.never_returns("hew_trap_index", f"{SELF}, i64 {at}, i64 {length}, {w.location(span)}")
    w.label(inside)


def byte_at(w: Writer, string: str, at: str, span: Span) -> str:
    check_index(w, at, text.length(w, string), span)
    start = w.let(f"getelementptr inbounds i8, ptr {string}, i64 {DATA}")
    address = w.let(f"getelementptr inbounds i8, ptr {start}, i64 {at}")
    byte = w.let(f"load i8, ptr {address}{ELEMENT}")
    return w.let(f"zext i8 {byte} to i64")


# ---- building


def aggregate(w: Writer, expr: c.TupleLit | c.RecordLit, _own: bool) -> Value:
    values = w.operands(expr.items, own_from=0, hold=False)
    parts = [(place, w.take(value)) for place, value in enumerate(values)]
    return w.managed_value(w.aggregate(expr.type, parts), expr.type)


def variant(w: Writer, expr: c.VariantLit, _own: bool) -> Value:
    assert isinstance(expr.type, t.EnumType)
    first = payload_index(expr.type, expr.index)
    places = w.layouts.of(expr.type).parts[first : first + len(expr.items)]
    boxed = any(isinstance(place, t.BoxType) for place in places)
    values = w.operands(expr.items, own_from=0, hold=boxed)
    if boxed:
        values = [
            _box(w, value, expr.span) if isinstance(place, t.BoxType) else value
            for place, value in zip(places, values, strict=True)
        ]
    parts = [(0, str(expr.index)), *((first + place, w.take(value)) for place, value in enumerate(values))]
    return w.managed_value(w.aggregate(expr.type, parts), expr.type)


def _box(w: Writer, value: Value, span: Span) -> Value:
    """Takes the value; held, since the next box may find no memory."""
    type_ = value.type
    args = f"{SELF}, {w.descriptor(type_)}, ptr {w.spill(type_, w.take(value))}, {w.location(span)}"
    box = Value(w.core("hew_box_new", args), t.BoxType(type_), OWNED)
    w.hold(box)
    return box


def vec_literal(w: Writer, expr: c.VecLit, _own: bool) -> Value:
    """The Vec is made first and filled as the items are evaluated: nobody else sees it before the end."""
    assert isinstance(expr.type, t.VecType)
    item, count = expr.type.item, len(expr.items)
    layout = w.layouts.of(item)
    vec = new_vec(w, item, str(count), expr.span)
    if not count:
        return vec
    constants = [constant_item(w, one) for one in expr.items]
    data = data_of(w, vec.ssa)
    length = w.let(f"getelementptr inbounds i8, ptr {vec.ssa}, i64 {LENGTH}")
    if None not in constants:
        name = w.module.fresh("v")
        rows = ", ".join(f"{layout.memory} {one}" for one in constants)
        w.module.globals.append(f"{name} = private constant [{count} x {layout.memory}] [{rows}]")
        copy = w.module.intrinsic("llvm.memcpy.p0.p0.i64", "void", "ptr, ptr, i64, i1")
        w.emit(f"call void {copy}(ptr {data}, ptr {name}, i64 {count * layout.size}, i1 false)")
        w.emit(f"store i64 {count}, ptr {length}{HEADER}")
        return vec
    w.hold(vec)
    for place, one in enumerate(expr.items):
        value = w.owned(one)
        address = w.let(f"getelementptr inbounds {layout.memory}, ptr {data}, i64 {place}")
        w.store(item, value, address, ELEMENT)
        w.emit(f"store i64 {place + 1}, ptr {length}{HEADER}")
    return vec


def constant_item(w: Writer, expr: c.Expr) -> str | None:
    """The item as a constant in memory, if it is one."""
    match expr:
        case c.BoolLit(value=value):
            return "1" if value else "0"
        case c.IntLit() | c.FloatLit() | c.CharLit() | c.StringLit():
            return w.evaluate(expr).ssa
        case _:
            return None


def new_vec(w: Writer, item: Type, capacity: str, span: Span) -> Value:
    args = f"{SELF}, {w.descriptor(item)}, i64 {capacity}, {w.location(span)}"
    return Value(w.core("hew_vec_new", args), t.VecType(item), OWNED)


def filled_vec(w: Writer, item: Value, count: str, span: Span) -> Value:
    """`item` is cloned; the caller still has it."""
    place = w.spill(item.type, item.ssa)
    args = f"{SELF}, {w.descriptor(item.type)}, i64 {count}, ptr {place}, {w.location(span)}"
    return Value(w.core("hew_vec_filled", args), t.VecType(item.type), OWNED)


def vec_repeat(w: Writer, expr: c.VecRepeat, _own: bool) -> Value:
    item, count = w.operands([expr.item, expr.count])
    smax = w.module.intrinsic("llvm.smax.i64", "i64", "i64, i64")
    at_least = w.let(f"call i64 {smax}(i64 {count.ssa}, i64 0)")
    vec = filled_vec(w, item, at_least, expr.span)
    w.discard(item)
    return vec


# ---- calls


def call(w: Writer, expr: c.Call | c.SelfCall, _own: bool) -> Value:
    inside = isinstance(expr, c.SelfCall)
    if expr.tail and expr.function is w.function:
        if w.tail_calls:
            return _jump(w, expr)
        w.wants_tail_calls = True
    values = w.operands(expr.args)
    for value in values:
        if value.holder == HEAP or (inside and value.holder == FIELD):
            w.make_owned(value)  # the callee may change what it was borrowed from
            w.hold(value)
    args = [w.typed(value) for value in values]
    if expr.function.actor is not None:
        args.insert(0, "ptr %fields")
    w.callees.add(expr.function)
    name = w.program.request(expr.function)
    register = result_register(w.layouts, expr.function.result)
    w.mark_call(expr.function)
    kind = "call" if expr.function is w.function else "notail call"  # not made a jump: a trap tells who called
    result = w.call(name, register, ", ".join(args), kind=kind, attributes=NOMERGE)
    for value in reversed(values):
        w.discard(value)
    if register == "void":
        return unit()
    return w.managed_value(result, expr.function.result)


def _jump(w: Writer, expr: c.Call | c.SelfCall) -> Value:
    """A call of itself as the last act: new values for the parameters, and back to the start."""
    values = w.operands(expr.args, own_from=0)
    taken = [w.take(value) for value in values]
    slots: list[Slot] = w.parameters
    for slot in reversed(w.live):
        w.drop_slot(slot)
    for slot, ssa in zip(slots, taken, strict=True):
        w.store(slot.type, ssa, slot.name)
    w.branch("tail")
    return Value("poison", t.NEVER)
