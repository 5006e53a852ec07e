"""Statements, and the places that are assigned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen.control import declare
from hew.compiler.codegen.emitter import SELF, Slot, Value
from hew.compiler.codegen.expressions import element_address, field_address
from hew.compiler.codegen.module import ELEMENT, FIELD
from hew.compiler.codegen.operators import arithmetic
from hew.compiler.codegen.patterns import let_pattern

if TYPE_CHECKING:
    from hew.compiler.codegen.writer import Writer


def statement(w: Writer, node: c.Stmt) -> None:
    match node:
        case c.ExprStmt(expr=expr):
            w.discard(w.evaluate(expr))
        case c.Let(local=local, value=value):
            declare(w, local, None if value is None else w.owned(value))
        case c.LetPattern():
            let_pattern(w, node)
        case c.Assign():
            _assign(w, node)
        case c.CompoundAssign():
            _compound(w, node)
        case _:
            raise AssertionError(node)


def _assign(w: Writer, node: c.Assign) -> None:
    """The old value is dropped when the new one is in place."""
    inside = _operands_of(node.place)
    values = w.operands([*inside, node.value], own_from=len(inside), hold=bool(inside))
    address, kind = _address(w, node.place, values)
    new = w.take(values[-1])
    managed = w.layouts.managed(node.place.type)
    old = w.load(node.place.type, address, kind) if managed else ""
    w.store(node.place.type, new, address, kind)
    w.drop_ssa(node.place.type, old)
    _discard(w, values[:-1])


def _compound(w: Writer, node: c.CompoundAssign) -> None:
    inside = _operands_of(node.place)
    values = w.operands([*inside, node.value])
    value = values[-1]
    if isinstance(node.place.type, t.StringType):
        w.make_owned(value)  # it may be the string that grows
        w.hold(value)
        address, kind = _address(w, node.place, values)
        _append(w, address, kind, value)
    else:
        address, kind = _address(w, node.place, values)
        old = w.load(node.place.type, address, kind)
        new = arithmetic(w, node.op, node.place.type, old, value, node.span)
        w.store(node.place.type, new, address, kind)
    _discard(w, values)


def _append(w: Writer, address: str, kind: str, tail: Value) -> None:
    """On a copy of the reference, so that no address of a local leaves the function."""
    if kind:
        w.core("hew_string_append", f"{SELF}, ptr {address}, ptr {tail.ssa}")
        return
    place = w.alloca("ptr")
    w.emit(f"store ptr {w.let(f'load ptr, ptr {address}')}, ptr {place}")
    w.core("hew_string_append", f"{SELF}, ptr {place}, ptr {tail.ssa}")
    w.emit(f"store ptr {w.let(f'load ptr, ptr {place}')}, ptr {address}")


def _discard(w: Writer, values: list[Value]) -> None:
    for value in reversed(values):
        w.discard(value)


def _operands_of(place: c.Place) -> list[c.Expr]:
    """The expressions inside a place, which are evaluated first."""
    while isinstance(place, c.MemberPlace):
        place = place.base
    return [place.vec, place.index] if isinstance(place, c.ElementPlace) else []


def _address(w: Writer, place: c.Place, values: list[Value]) -> tuple[str, str]:
    """Where the place lies, and the kind of that memory; bounds are checked now."""
    match place:
        case c.LocalPlace(local=local):
            slot = w.locals[local]
            assert isinstance(slot, Slot), local.name
            return slot.name, ""
        case c.ActorFieldPlace(index=index):
            return field_address(w, index), FIELD
        case c.MemberPlace(base=base, index=index):
            address, kind = _address(w, base, values)
            return w.let(w.layouts.of(base.type).address(address, index)), kind
        case c.ElementPlace(span=span):
            return element_address(w, values[0], values[1].ssa, span), ELEMENT
    raise AssertionError(place)
