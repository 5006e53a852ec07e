"""Patterns: tests that lead to the next arm, and the names a pattern binds. `match` and `let` with patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen.control import Outcome, close_scope, declare
from hew.compiler.codegen.emitter import Value
from hew.compiler.codegen.layout import payload_index
from hew.compiler.codegen.operators import compare_values, float_text, int_text

if TYPE_CHECKING:
    from hew.compiler.codegen.writer import Writer

    Names = dict[c.Local, str]


def match(w: Writer, expr: c.Match, _own: bool) -> Value:
    """Arms in order. A temporary subject is dropped once an arm has taken its names from it."""
    moved = isinstance(expr.subject, c.LocalRef)
    subject = w.evaluate(expr.subject, own=moved)
    if any(arm.guard is not None for arm in expr.arms):
        w.make_owned(subject)
    w.hold(subject)
    outcome = Outcome(w, expr.type)
    for arm in expr.arms:
        fail = w.new_label("next")
        names: Names = {}
        test(w, arm.pattern, subject.ssa, fail, names)
        w.scopes.append([])
        for local, ssa in names.items():
            bind(w, local, ssa)
        if arm.guard is not None:
            _guard(w, arm.guard, fail)
        if subject.slot is not None:
            w.drop_slot(subject.slot)
        value = w.evaluate(arm.body, own=True)
        outcome.prepare(value)
        close_scope(w)
        outcome.add(value)
        w.label(fail)
    w.end("unreachable")
    if subject.slot is not None:
        w.release(subject.slot)
    return outcome.result()


def _guard(w: Writer, guard: c.Expr, fail: str) -> None:
    """Where it is false, the names are given back and the next arm is tried."""
    passed, failed = w.new_label(), w.new_label()
    w.branch_if(w.evaluate(guard).ssa, passed, failed)
    w.label(failed)
    for slot in reversed(w.scopes[-1]):
        w.drop_slot(slot)
    w.branch(fail)
    w.label(passed)


def let_pattern(w: Writer, statement: c.LetPattern) -> None:
    """Names join the enclosing block."""
    value = w.evaluate(statement.value)
    names: Names = {}
    fail = w.new_label("never")
    test(w, statement.pattern, value.ssa, fail, names)
    for local, ssa in names.items():
        bind(w, local, ssa)
    w.discard(value)
    ok = w.new_label()
    w.branch(ok)
    w.label(fail)
    w.end("unreachable")
    w.label(ok)


def bind(w: Writer, local: c.Local, ssa: str) -> None:
    """A local with its own copy of a value that somebody else holds."""
    w.retain_ssa(local.type, ssa)
    declare(w, local, ssa)


def test(w: Writer, pattern: c.Pattern, ssa: str, fail: str, names: Names) -> None:
    """Branch to `fail` where the value does not match; what the names are goes to `names`."""
    match pattern:
        case c.WildPattern():
            return
        case c.BindPattern(local=local):
            names[local] = ssa
        case c.LiteralPattern():
            _demand(w, _equals(w, pattern, ssa), fail)
        case c.TuplePattern(items=items) | c.RecordPattern(items=items):
            for index, item in enumerate(items):
                _part(w, pattern, index, item, ssa, fail, names)
        case c.VariantPattern(type=t.EnumType() as enum, index=number, items=items):
            if len(enum.variants) > 1:
                tag = w.member(enum, ssa, 0)
                _demand(w, w.let(f"icmp eq i8 {tag}, {number}"), fail)
            first = payload_index(enum, number)
            for index, item in enumerate(items, first):
                _part(w, pattern, index, item, ssa, fail, names)
        case c.OrPattern():
            _alternatives(w, pattern, ssa, fail, names)
        case _:
            raise AssertionError(pattern)


def _part(w: Writer, whole: c.Pattern, index: int, item: c.Pattern, ssa: str, fail: str, names: Names) -> None:
    if not isinstance(item, c.WildPattern):
        test(w, item, w.member(whole.type, ssa, index), fail, names)


def _demand(w: Writer, condition: str, fail: str) -> None:
    ok = w.new_label()
    w.branch_if(condition, ok, fail)
    w.label(ok)


def _equals(w: Writer, pattern: c.LiteralPattern, ssa: str) -> str:
    value = pattern.value
    match pattern.type:
        case t.IntType(bits=bits):
            text = int_text(int(value), bits)
        case t.FloatType(bits=bits):
            text = float_text(float(value), bits)
        case t.CharType():
            text = str(ord(value) if isinstance(value, str) else value)
        case t.BoolType():
            text = "true" if value else "false"
        case _:
            text = w.module.string(str(value))
    return compare_values(w, "==", Value(ssa, pattern.type), Value(text, pattern.type))


def _alternatives(w: Writer, pattern: c.OrPattern, ssa: str, fail: str, names: Names) -> None:
    """The names of each alternative meet in a place on the stack."""
    done = w.new_label()
    places: dict[c.Local, str] = {}
    for alternative in pattern.alternatives:
        other = w.new_label()
        inner: Names = {}
        test(w, alternative, ssa, other, inner)
        for local, found in inner.items():
            if local not in places:
                places[local] = w.alloca(w.layouts.of(local.type).memory)
            w.store(local.type, found, places[local])
        w.branch(done)
        w.label(other)
    w.branch(fail)
    w.label(done)
    for local, place in places.items():
        names[local] = w.load(local.type, place)
