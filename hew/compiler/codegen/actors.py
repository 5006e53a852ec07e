"""Actors: spawn, send, ask, await, and the handlers that the core calls.

Between `hew_*_begin` and its commit there are plain stores only; what is stored changes hands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen.emitter import OWNED, SELF, Value, is_unit
from hew.compiler.codegen.expressions import unit
from hew.compiler.codegen.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hew.compiler.codegen.writer import Writer
    from hew.compiler.source import Span
    from hew.compiler.types import Type


def spawn(w: Writer, expr: c.Spawn, _own: bool) -> Value:
    """All values first, then the actor, then `init` as its first message."""
    values = w.operands([*expr.fields, *expr.init_args], own_from=0)
    count = len(expr.fields)
    kind = w.program.actor(expr.actor)
    at = w.core("hew_spawn_begin", f"{SELF}, ptr {kind.name}, {w.location(expr.span)}")
    _fill(w, at, kind.fields, values[:count])
    handle = w.core("hew_spawn_commit", SELF)
    if expr.actor.init is not None:
        _send(w, handle, expr.actor.init, values[count:], expr.span)
    return Value(handle, expr.type)


def _fill(w: Writer, base: str, layout: Layout, values: Sequence[Value]) -> None:
    """Store the values, which change hands."""
    for value, offset in zip(values, layout.offsets, strict=True):
        address = base
        if offset:
            address = w.let(f"getelementptr inbounds i8, ptr {base}, i64 {offset}")
        w.store(value.type, w.take(value), address)


def _payload(w: Writer, handler: c.Handler) -> Layout:
    return w.layouts.of(t.TupleType(tuple(param.type for param in handler.params)))


def _target(w: Writer, expr: c.Send | c.Ask | c.AwaitAsk) -> list[Value]:
    return w.operands([expr.target, *expr.args], own_from=1)


def send(w: Writer, expr: c.Send, _own: bool) -> Value:
    target, *values = _target(w, expr)
    _send(w, target.ssa, expr.handler, values, expr.span)
    return unit()


def _send(w: Writer, target: str, handler: c.Handler, values: Sequence[Value], span: Span) -> None:
    """Small flat payloads travel as one word."""
    head = f"{SELF}, i64 {target}, ptr {w.program.handler(handler)}"
    layout = _payload(w, handler)
    if not values:
        w.core("hew_send0", f"{head}, {w.location(span)}")
    elif not layout.managed and layout.size <= 8:
        w.core("hew_send1", f"{head}, i64 {_word(w, layout, values)}, {w.location(span)}")
    else:
        at = w.core("hew_send_begin", f"{head}, {w.location(span)}")
        _fill(w, at, layout, values)
        w.core("hew_send_commit", SELF)


def _word(w: Writer, layout: Layout, values: Sequence[Value]) -> str:
    """The bytes of a payload of at most eight."""
    if len(values) == 1 and values[0].type in (t.INT, t.U64):
        return values[0].ssa
    place = w.alloca("i64")
    w.emit(f"store i64 0, ptr {place}")
    _fill(w, place, layout, values)
    return w.let(f"load i64, ptr {place}")


def _ask(w: Writer, expr: c.Ask | c.AwaitAsk) -> str:
    """The ticket of the reply."""
    target, *values = _target(w, expr)
    head = f"{SELF}, i64 {target.ssa}, ptr {w.program.handler(expr.handler)}, {w.location(expr.span)}"
    at = w.core("hew_ask_begin", head)
    _fill(w, at, _payload(w, expr.handler), values)
    return w.core("hew_ask_commit", SELF)


def ask(w: Writer, expr: c.Ask, _own: bool) -> Value:
    ticket = _ask(w, expr)
    return Value(w.core("hew_future_of_ask", f"{SELF}, i64 {ticket}"), expr.type, OWNED)


def await_ask(w: Writer, expr: c.AwaitAsk, _own: bool) -> Value:
    ticket = _ask(w, expr)
    return _receive(w, expr.handler.result, "hew_await_reply", f"i64 {ticket}", expr.span)


def await_future(w: Writer, expr: c.AwaitFuture, _own: bool) -> Value:
    future = w.owned(expr.future)
    return _receive(w, expr.type, "hew_await_future", f"ptr {future}", expr.span)


def await_exit(w: Writer, expr: c.AwaitExit, _own: bool) -> Value:
    target = w.evaluate(expr.target).ssa
    return _receive(w, expr.type, "hew_await_exit", f"i64 {target}", expr.span)


def await_close(w: Writer, expr: c.AwaitClose, _own: bool) -> Value:
    target = w.evaluate(expr.target).ssa
    w.core("hew_close", f"{SELF}, i64 {target}")
    return _receive(w, expr.type, "hew_await_exit", f"i64 {target}", expr.span)


def close(w: Writer, expr: c.Close, _own: bool) -> Value:
    target = w.evaluate(expr.target).ssa
    w.core("hew_close", f"{SELF}, i64 {target}")
    if is_unit(expr.type):
        return unit()
    return Value(w.core("hew_exit_future", f"{SELF}, i64 {target}"), expr.type, OWNED)


def _receive(w: Writer, type_: Type, function: str, what: str, span: Span) -> Value:
    """Wait; the value is written to a place on the stack."""
    out = w.alloca(w.layouts.of(type_).memory)
    w.core(function, f"{SELF}, {what}, ptr {out}, {w.location(span)}")
    if is_unit(type_):
        return unit()
    return w.managed_value(w.load(type_, out), type_)
