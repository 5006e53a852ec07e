"""The other expressions: names, fields, elements, records, lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.check.body import Named
from hew.compiler.check.control import ControlFlow
from hew.compiler.check.infer import resolve, shown
from hew.compiler.check.methods import METHOD_TABLES, receiver_kind
from hew.compiler.check.patterns import PRELUDE_VARIANTS
from hew.compiler.resolve import ActorInfo, Default, FunctionInfo, RecordInfo
from hew.compiler.source import Span
from hew.compiler.types import (
    ANY,
    ERROR,
    INT,
    ActorType,
    ErrorType,
    NeverType,
    RecordType,
    StringType,
    TupleType,
    Type,
    TypeVar,
    VecType,
    is_too_large,
)
from hew.compiler.words import did_you_mean, with_article


class Expressions(ControlFlow):
    """Mixin: dispatch over kinds of expressions, and those that are in no other part."""

    def expr(self, node: ast.Expr, want: Type | None = None) -> c.Expr:
        return _TABLE.get(type(node), Expressions._unexpected)(self, node, want)

    def _unexpected(self, node: ast.Expr, want: Type | None) -> c.Expr:
        return self.failed(node.span)

    # ---- names

    def name(self, node: ast.Name, want: Type | None) -> c.Expr:
        name = node.text
        found: Named | None = self.find(name)
        if found is None and self.actor is not None:
            if name in self.actor.fields:
                return self._own_field(name, node.span)
            if name in self.actor.helpers or name in self.actor.handlers:
                return self.later("function values", "L1", node.span)
        if found is None:
            found = self.item(name)
        if found is None:
            if name in PRELUDE_VARIANTS:
                return self._bare_variant(name, node, want)
            return self._unknown(name, node.span)
        return self._named(found, node)

    def _named(self, found: Named, node: ast.Name) -> c.Expr:
        if isinstance(found, c.Local):
            return self._local(found, node.span)
        if isinstance(found, Default):
            return self.default_value(found, node.span)
        if isinstance(found, FunctionInfo):
            found.used = True
            return self.later("function values", "L1", node.span) if not found.broken else self.failed(node.span)
        return self.failed(node.span)

    def _local(self, local: c.Local, span: Span) -> c.Expr:
        local.used = True
        if local in self.open:
            self.error(codes.E0305, span, secondary=[(local.span, "declared here")], name=local.name)
            self.open -= {local}
        return c.LocalRef(local.type, span, local)

    def _own_field(self, name: str, span: Span) -> c.Expr:
        assert self.actor is not None
        index = self.actor.fields[name]
        return c.FieldRef(self.actor.field_infos[index].type, span, index)

    def _bare_variant(self, name: str, node: ast.Name, want: Type | None) -> c.Expr:
        if name in ("Some", "Ok", "Err", "Crashed"):
            return self.later("function values", "L1", node.span)
        return self.variant(name, None, None, node.span, want)

    def _unknown(self, name: str, span: Span) -> c.Expr:
        from hew.compiler import builtins

        if (
            name in builtins.FUNCTIONS
            or name in builtins.PRINTS
            or name in builtins.FREE_METHODS
            or name in builtins.ASSERTS
        ):
            return self.later("function values", "L1", span)
        if name in builtins.LATER_FUNCTIONS:
            return self.later(f"uses of '{name}'", builtins.LATER_FUNCTIONS[name], span)
        for actor in self.declarations.actors:
            if name in actor.fields and self.actor is None:
                return self.error(
                    codes.E0110, span, label="a field of an actor", name=name, place=f"the actor {actor.node.name}"
                )
        return self.unknown_name(name, span)

    def this_value(self, node: ast.Expr, want: Type | None) -> c.Expr:
        return self.this(node)

    def self_type(self, node: ast.SelfType, want: Type | None) -> c.Expr:
        return self.error(codes.E0110, node.span, name="Self", place="an 'impl'")

    # ---- members and elements

    def field(self, node: ast.Field, want: Type | None) -> c.Expr:
        base = node.base
        if isinstance(base, ast.This | ast.SelfName) and self.actor is not None:
            if node.name.text in self.actor.fields:
                return self._own_field(node.name.text, node.span)
            return self._no_own_field(node.name)
        if isinstance(base, ast.Name) and self._is_type_name(base):
            return self._path_value(base, node.name, node.span, want)
        operand = self.expr(base)
        return self.member(operand, node.name, node.span)

    def _no_own_field(self, name: ast.Ident) -> c.Expr:
        assert self.actor is not None
        if name.text in self.actor.handlers or name.text in self.actor.helpers:
            return self.later("function values", "L1", name.span)
        fields = ", ".join(self.actor.fields)
        help = did_you_mean(name.text, self.actor.fields) or (f"its fields: {fields}" if fields else "")
        return self.error(codes.E0207, name.span, help=help, type=self.actor.node.name, name=name.text)

    def member(self, operand: c.Expr, name: ast.Ident, span: Span) -> c.Expr:
        """`operand.name`."""
        type_ = resolve(operand.type)
        if isinstance(type_, ErrorType):
            return self.failed(span)
        if isinstance(type_, NeverType):
            return operand
        if isinstance(type_, RecordType):
            index = type_.field_index(name.text)
            if index is None:
                return self.no_field(type_, name)
            return c.RecordField(type_.fields[index].type, span, operand, index)
        if isinstance(type_, ActorType):
            return self._foreign(self.declarations.actor_infos[type_], name)
        if isinstance(type_, TypeVar) and type_.kind == ANY:
            return self.error(codes.E0206, operand.span, what="this value")
        help = f"call it: {name.text}()" if self._is_method(type_, name.text) else ""
        return self.error(codes.E0207, name.span, help=help, type=shown(type_), name=name.text)

    def _is_method(self, type_: Type, name: str) -> bool:
        return name in METHOD_TABLES.get(receiver_kind(type_)[0], {})

    def _foreign(self, info: ActorInfo, name: ast.Ident) -> c.Expr:
        if name.text in info.fields or name.text in info.helpers:
            return self.error(codes.E0503, name.span, name=name.text, actor=info.node.name)
        if name.text in info.handlers:
            return self.error(
                codes.E0207, name.span, help=f"send it: .{name.text}(...)", type=info.node.name, name=name.text
            )
        return self.error(codes.E0207, name.span, help="", type=info.node.name, name=name.text)

    def tuple_index(self, node: ast.TupleIndex, want: Type | None) -> c.Expr:
        operand = self.expr(node.base)
        return self.tuple_item(operand, node)

    def tuple_item(self, operand: c.Expr, node: ast.TupleIndex) -> c.Expr:
        type_ = resolve(operand.type)
        if isinstance(type_, ErrorType | NeverType):
            return operand if isinstance(type_, NeverType) else self.failed(node.span)
        if isinstance(type_, TypeVar) and type_.kind == ANY:
            return self.error(codes.E0206, operand.span, what="this value")
        if not isinstance(type_, TupleType) or node.index >= len(type_.items):
            return self.error(codes.E0207, node.span, help="", type=shown(type_), name=str(node.index))
        return c.TupleField(type_.items[node.index], node.span, operand, node.index)

    def index(self, node: ast.Index, want: Type | None) -> c.Expr:
        base = self.expr(node.base)
        type_ = resolve(base.type)
        if isinstance(type_, ErrorType | NeverType):
            self._index_value(node.index)
            return base if isinstance(type_, NeverType) else self.failed(node.span)
        if isinstance(type_, TypeVar) and type_.kind == ANY:
            self._index_value(node.index)
            return self.error(codes.E0206, base.span, what="this value")
        if not isinstance(type_, VecType | StringType):
            self._index_value(node.index)
            return self.cannot(base.span, type_, "indexed")
        if isinstance(node.index, ast.Range):
            return self._slice(base, type_, node.index, node.span)
        item = type_.item if isinstance(type_, VecType) else INT
        return c.Index(item, node.span, base, self.check(node.index, INT))

    def _index_value(self, node: ast.Expr) -> None:
        if isinstance(node, ast.Range):
            for end in (node.start, node.end):
                if end is not None:
                    self.expr(end)
        else:
            self.expr(node)

    def _slice(self, base: c.Expr, type_: Type, node: ast.Range, span: Span) -> c.Expr:
        """`x[a..b]`, where an end that is left out is 0 or the length."""
        op = "vec" if isinstance(type_, VecType) else "string"
        args = (type_.item,) if isinstance(type_, VecType) else ()
        start = self.check(node.start, INT) if node.start is not None else c.IntLit(INT, span, 0)
        if node.end is not None:
            end = self.check(node.end, INT)
            if node.inclusive:
                one = c.IntLit(INT, node.span, 1)
                end = c.BuiltinCall(INT, node.span, "int.saturating_add", [end, one], (INT,))
            return c.BuiltinCall(type_, span, f"{op}.slice", [base, start, end], args)
        let, kept = self.temporary(base)
        length = c.BuiltinCall(INT, span, f"{op}.len", [c.LocalRef(type_, span, kept.local)], args)
        return self.after([let], c.BuiltinCall(type_, span, f"{op}.slice", [kept, start, length], args))

    # ---- building

    def tuple_literal(self, node: ast.TupleLit, want: Type | None) -> c.Expr:
        wanted = resolve(want) if want is not None else None
        hints: tuple[Type | None, ...] = (None,) * len(node.items)
        if isinstance(wanted, TupleType) and len(wanted.items) == len(node.items):
            hints = wanted.items
        if len(node.items) > 16 or len(node.items) < 2:
            self.error(codes.E0205, node.span, expected="2 to 16", found=len(node.items))
        items = [
            self.check(one, hint) if hint is not None else self.expr(one)
            for one, hint in zip(node.items, hints, strict=True)
        ]
        type_ = TupleType(tuple([self.value_type(one) for one in items]))
        if is_too_large(type_):
            self.declarations.too_large("this tuple", node.span)
            return self.failed(node.span)
        return c.TupleLit(type_, node.span, items)

    def list_literal(self, node: ast.ListLit, want: Type | None) -> c.Expr:
        wanted = resolve(want) if want is not None else None
        item: Type = wanted.item if isinstance(wanted, VecType) else self.fresh(node.span)
        items: list[c.Expr] = []
        if isinstance(wanted, VecType):
            items = [self.check(one, item) for one in node.items]
        else:
            checked = [self.expr(one, item if not isinstance(resolve(item), TypeVar) else None) for one in node.items]
            for one in checked:
                items.append(self.coerce(one, item))
        return c.VecLit(VecType(item), node.span, items)

    def repeat_literal(self, node: ast.RepeatLit, want: Type | None) -> c.Expr:
        wanted = resolve(want) if want is not None else None
        value = self.check(node.value, wanted.item) if isinstance(wanted, VecType) else self.expr(node.value)
        self.cloneable(value, value.span)
        count = self.check(node.count, INT)
        return c.VecRepeat(
            VecType(wanted.item if isinstance(wanted, VecType) else self.value_type(value)), node.span, value, count
        )

    def record_literal(self, node: ast.RecordLit, want: Type | None) -> c.Expr:
        type_ = self._record_type(node)
        if not isinstance(type_, RecordType):
            for one in node.fields:
                self.expr(one.value)
            return self.failed(node.span)
        info = self.declarations.record_infos[type_]
        values: list[c.Expr | None] = [None] * len(type_.fields)
        order: list[int] = []
        for one in node.fields:
            index = type_.field_index(one.name.text)
            if index is None:
                self.expr(one.value)
                self.no_field(type_, one.name)
                continue
            field = type_.fields[index]
            value = self.check(
                one.value, field.type, (field.span, f"'{field.name}' is {with_article(shown(field.type))}")
            )
            if values[index] is not None:
                self.error(
                    codes.E0208,
                    one.name.span,
                    message=f"the field '{field.name}' is given twice",
                    label="given again",
                    help="",
                )
                continue
            values[index] = value
            order.append(index)
        statements = self.keep_order(values, order)
        items = [self._record_value(info, index, value, node) for index, value in enumerate(values)]
        return self.after(statements, c.RecordLit(type_, node.span, items))

    def _record_type(self, node: ast.RecordLit) -> Type:
        name = node.type.path[-1].text
        if len(node.type.path) == 1 and name not in self.declarations.types and isinstance(self.item(name), ErrorType):
            return ERROR
        if isinstance(self.declarations.types.get(node.type.path[0].text), ErrorType):
            return ERROR
        type_ = self.declarations.type_of(node.type)
        if not isinstance(type_, RecordType | ErrorType):
            found = "an actor" if isinstance(type_, ActorType) else "a type"
            help = f"write spawn {name}(...)" if isinstance(type_, ActorType) else ""
            self.error(codes.E0108, node.type.span, help=help, name=name, found=found, expected="a record")
        return type_

    def _record_value(self, info: RecordInfo, index: int, value: c.Expr | None, node: ast.RecordLit) -> c.Expr:
        if value is not None:
            return value
        default = info.defaults[index]
        if default is not None:
            return self.coerce(self.default_value(default, node.span), default.type)
        field = info.type.fields[index]
        return self.error(
            codes.E0208,
            node.span,
            help="",
            type=info.type.name,
            name=field.name,
            secondary=[(field.span, "declared here")],
        )

    # ---- what comes later

    def duration(self, node: ast.Expr, want: Type | None) -> c.Expr:
        return self.later("durations", "L1", node.span)

    def bytes_literal(self, node: ast.Expr, want: Type | None) -> c.Expr:
        return self.later("byte strings", "L1", node.span)

    def map_literal(self, node: ast.Expr, want: Type | None) -> c.Expr:
        return self.later("maps", "L1", node.span)

    def lambda_(self, node: ast.Expr, want: Type | None) -> c.Expr:
        return self.later("closures", "L1", node.span)

    def range_value(self, node: ast.Range, want: Type | None) -> c.Expr:
        for end in (node.start, node.end):
            if end is not None:
                self.expr(end)
        return self.later("ranges as values", "L1", node.span)


_TABLE: dict[type, Callable[[Any, Any, Type | None], c.Expr]] = {
    ast.IntLit: Expressions.int_literal,
    ast.FloatLit: Expressions.float_literal,
    ast.CharLit: Expressions.char_literal,
    ast.StringLit: Expressions.string_literal,
    ast.BoolLit: Expressions.bool_literal,
    ast.UnitLit: Expressions.unit_literal,
    ast.FString: Expressions.f_string,
    ast.Unary: Expressions.unary,
    ast.Binary: Expressions.binary,
    ast.Cast: Expressions.cast,
    ast.Name: Expressions.name,
    ast.This: Expressions.this_value,
    ast.SelfName: Expressions.this_value,
    ast.SelfType: Expressions.self_type,
    ast.Path: Expressions.path,
    ast.Field: Expressions.field,
    ast.TupleIndex: Expressions.tuple_index,
    ast.Index: Expressions.index,
    ast.Call: Expressions.call,
    ast.MethodCall: Expressions.method_call,
    ast.Try: Expressions.try_expression,
    ast.Await: Expressions.await_,
    ast.Range: Expressions.range_value,
    ast.TupleLit: Expressions.tuple_literal,
    ast.ListLit: Expressions.list_literal,
    ast.RepeatLit: Expressions.repeat_literal,
    ast.RecordLit: Expressions.record_literal,
    ast.Spawn: Expressions.spawn,
    ast.Block: Expressions.block_expression,
    ast.If: Expressions.if_expression,
    ast.Match: Expressions.match_expression,
    ast.Loop: Expressions.loop,
    ast.While: Expressions.while_loop,
    ast.For: Expressions.for_loop,
    ast.DurationLit: Expressions.duration,
    ast.BytesLit: Expressions.bytes_literal,
    ast.BytesListLit: Expressions.bytes_literal,
    ast.MapLit: Expressions.map_literal,
    ast.Lambda: Expressions.lambda_,
}
