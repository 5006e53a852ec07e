"""Actors seen from bodies: spawn, sends and asks, await, close, `this` (10.1 to 10.6 of the language)."""

from __future__ import annotations

from collections.abc import Sequence

from hew.compiler import ast, builtins, codes
from hew.compiler import checked as c
from hew.compiler.check.body import DISCARD, is_never
from hew.compiler.check.calls import Calls
from hew.compiler.check.infer import resolve, shown
from hew.compiler.resolve import GENERIC_TYPES, ActorInfo, FieldInfo, FunctionInfo, Parameter
from hew.compiler.source import Span
from hew.compiler.types import (
    EXIT_REASON,
    SIMPLE_TYPES,
    UNIT,
    ActorType,
    BoolType,
    CharType,
    EnumType,
    ErrorType,
    FloatType,
    FutureType,
    IntType,
    NeverType,
    RecordType,
    StringType,
    TupleType,
    Type,
    VecType,
    has_zero,
    is_sendable,
    option_of,
)
from hew.compiler.words import counted, did_you_mean, were_given, with_article


class Actors(Calls):
    """Mixin: everything that crosses from one actor to another."""

    # ---- spawn

    def spawn(self, node: ast.Spawn, want: Type | None) -> c.Expr:
        name = node.actor.path[-1].text
        entry = self.declarations.types.get(name) if len(node.actor.path) == 1 else None
        if isinstance(entry, ErrorType) or (entry is None and self.declarations.incomplete):
            return self._only_arguments(node)
        if not isinstance(entry, ActorInfo):
            self._only_arguments(node)
            return self._no_actor(node, name)
        if node.actor.args:
            self.error(
                codes.E0217,
                node.actor.span,
                name=f"'{name}'",
                expected="no type arguments",
                found=were_given(len(node.actor.args)),
            )
        entry.used = True
        if self.constant:
            return self.error(codes.E0311, node.span, name=self.function_name, label="spawn is not constant")
        return self._spawn_actor(entry, node)

    def _no_actor(self, node: ast.Spawn, name: str) -> c.Expr:
        actors = [one.node.name for one in self.declarations.actors]
        if (
            name in self.declarations.types
            or name in SIMPLE_TYPES
            or name in GENERIC_TYPES
            or self.item(name) is not None
            or self.find(name) is not None
        ):
            return self.error(codes.E0501, node.actor.span, help=did_you_mean(name, actors) or "", name=name)
        if len(node.actor.path) > 1:
            return self.later("modules", "L3", node.actor.span)
        return self.error(codes.E0107, node.actor.span, help=did_you_mean(name, actors) or "", name=name)

    def _spawn_actor(self, info: ActorInfo, node: ast.Spawn) -> c.Expr:
        """Arguments fill the parameters of `init`, or the fields when it has none."""
        init_params = info.init.params if info.init is not None else []
        slots = self._spawn_slots(info, init_params, node)
        if slots is None:
            self._only_arguments(node)
            return c.UnitLit(info.type, node.span)
        fields, count = info.field_infos, len(init_params)
        values: list[c.Expr | None] = [None] * (count + len(fields))
        order: list[int] = []
        for arg, slot in zip(node.args, slots, strict=True):
            if slot is None:
                self.expr(arg.value)
                continue
            target: Parameter | FieldInfo = init_params[slot] if slot < count else fields[slot - count]
            why = (target.span, f"'{target.name}' is {with_article(shown(target.type))}")
            value = self.sendable(self.check(arg.value, target.type, why))
            if values[slot] is None:
                order.append(slot)
            values[slot] = value
        statements = self._keep_spawn_order(values, order, count)
        if None in slots:
            return c.UnitLit(info.type, node.span)
        init_args = [self._init_argument(info, index, values[index], node) for index in range(count)]
        field_values = [self._field_value(info, one, values[count + index], node) for index, one in enumerate(fields)]
        return self.after(statements, c.Spawn(info.type, node.span, info.node, field_values, init_args))

    def _keep_spawn_order(self, values: list[c.Expr | None], order: list[int], count: int) -> list[c.Stmt]:
        """A Spawn evaluates its fields first; keep what is written in another order."""
        places = [slot - count if slot >= count else slot + len(values) for slot in order]
        return self.keep(values, order) if places != sorted(places) else []

    def _spawn_slots(
        self, info: ActorInfo, init_params: Sequence[Parameter], node: ast.Spawn
    ) -> list[int | None] | None:
        """For each argument the parameter of init, or the field after those, that it is for; None for one that is
        for nothing, or for all when their number is wrong."""
        count = len(init_params)
        positional = list(range(count)) if count else list(range(len(info.field_infos)))
        by_name = {param.name: index for index, param in enumerate(init_params)}
        slots: list[int | None] = []
        for position, arg in enumerate(node.args):
            slot: int | None
            if arg.name is None:
                if position >= len(positional):
                    self._wrong_spawn_count(info, positional, node, arg.value.span)
                    return None
                slot = positional[position]
            else:
                name = arg.name.text
                slot = by_name.get(name)
                if slot is None and name in info.fields:
                    slot = count + info.fields[name]
                if slot is None:
                    self._unknown_in_spawn(info, by_name, arg.name)
            if slot is not None and slot in slots and arg.name is not None:
                self.error(
                    codes.E0211,
                    arg.name.span,
                    message=f"the argument '{arg.name.text}' is given twice",
                    label="given again",
                    help="",
                )
                slot = None
            slots.append(slot)
        missing = [one for index, one in enumerate(init_params) if index not in slots and one.default is None]
        if missing and None not in slots:
            self._wrong_spawn_count(info, positional, node, node.span, missing[0])
            return None
        return slots

    def _unknown_in_spawn(self, info: ActorInfo, by_name: dict[str, int], name: ast.Ident) -> None:
        if info.decl.incomplete:
            self.failed(name.span)
            return
        known = [*by_name, *info.fields]
        fields = f"its fields: {', '.join(info.fields)}" if info.fields else "it has no fields"
        near = did_you_mean(name.text, known)
        help = f"{near} {fields}" if near is not None else fields
        self.error(codes.E0504, name.span, help=help, actor=info.node.name, name=name.text)

    def _wrong_spawn_count(
        self, info: ActorInfo, positional: list[int], node: ast.Spawn, span: Span, missing: Parameter | None = None
    ) -> None:
        label = (
            f"argument '{missing.name}: {missing.type}' is missing" if missing is not None else "unexpected argument"
        )
        signature = (
            info.init.signature
            if info.init is not None and info.init.params
            else f"its fields: {', '.join(info.fields)}"
        )
        self.error(
            codes.E0506,
            span,
            label=label,
            help=signature if positional or info.fields else "",
            actor=info.node.name,
            expected=counted(len(positional), "argument") if positional else "no arguments",
            found=were_given(len(node.args)),
        )

    def _init_argument(self, info: ActorInfo, index: int, value: c.Expr | None, node: ast.Spawn) -> c.Expr:
        if value is not None:
            return value
        assert info.init is not None
        default = info.init.params[index].default
        return self.default_value(default, node.span) if default is not None else self.failed(node.span)

    def _field_value(self, info: ActorInfo, one: FieldInfo, value: c.Expr | None, node: ast.Spawn) -> c.Expr:
        if value is not None:
            return value
        if one.default is not None:
            return self.sendable(self.coerce(self.default_value(one.default, node.span), one.type))
        if has_zero(one.type):
            return zero_value(one.type, node.span)
        if isinstance(one.type, ErrorType):
            return self.failed(node.span)
        return self.error(
            codes.E0505,
            node.span,
            secondary=[(one.span, "no default here")],
            actor=info.node.name,
            name=one.name,
            type=str(one.type),
        )

    def sendable(self, node: c.Expr) -> c.Expr:
        """A value that goes to another actor."""

        def later() -> None:
            if not is_sendable(node.type):
                self.error(codes.E0507, node.span, type=str(node.type), article=with_article(str(node.type)).split()[0])

        self.defer(later)
        return node

    # ---- sends and asks

    def call_on_handle(self, target: c.Expr, type_: ActorType, node: ast.MethodCall, want: Type | None) -> c.Expr:
        info = self.declarations.actor_infos[type_]
        name = node.name.text
        handler = info.handlers.get(name)
        if handler is not None:
            return self._message(target, info, handler, node, want)
        if name in builtins.HANDLE_METHODS or name in ("clone", "to_string"):
            return self.method_on(target, node.name, node.args, node.span)
        self._only_arguments(node)
        if name in ("send", "ask"):
            return self._no_handler(info, node.name)
        if name in info.helpers or name in info.fields:
            return self.error(codes.E0503, node.name.span, name=name, actor=info.node.name)
        return self._no_handler(info, node.name)

    def _no_handler(self, info: ActorInfo, name: ast.Ident) -> c.Expr:
        if info.decl.incomplete:
            return self.failed(name.span)
        near = did_you_mean(name.text, info.handlers)
        known = f"its handlers: {', '.join(info.handlers)}" if info.handlers else "it has no handlers"
        help = f"{near} {known}" if near is not None else known
        return self.error(codes.E0502, name.span, help=help, actor=info.node.name, name=name.text)

    def _message(
        self, target: c.Expr, info: ActorInfo, handler: FunctionInfo, node: ast.MethodCall, want: Type | None
    ) -> c.Expr:
        """`h.f(args)`: a Send when the handler has no result or nobody wants it, else an Ask."""
        handler.used = True
        ordered = self.arguments(handler.params, node.args, handler, node.span)
        wants_reply = handler.result != UNIT and want is not DISCARD
        result = FutureType(handler.result) if wants_reply else UNIT
        if ordered is None:
            return c.UnitLit(result, node.span)
        statements, args = ordered
        if statements:
            let, target = self.temporary(target)
            statements.insert(0, let)
        args = [self.sendable(arg) for arg in args]
        kind = c.Ask if wants_reply else c.Send
        return self.after(statements, kind(result, node.span, target, info.handler_nodes[handler.name], args))

    def call_on_this(self, node: ast.MethodCall, want: Type | None) -> c.Expr:
        """`this.f()` and `self.f()`: a message to oneself, or a call of a helper."""
        if self.actor is None:
            self._only_arguments(node)
            return self._outside(node.receiver)
        name = node.name.text
        helper = self.actor.helpers.get(name)
        if helper is not None:
            return self.call_function(helper, node)
        if name in self.actor.fields and name not in self.actor.handlers:
            self._only_arguments(node)
            return self.cannot(node.name.span, self.actor.field_infos[self.actor.fields[name]].type, "called")
        return self.call_on_handle(self.this(node.receiver), self.actor.type, node, want)

    def this(self, node: ast.Expr) -> c.Expr:
        if self.actor is None:
            return self._outside(node)
        return c.ThisRef(self.actor.type, node.span)

    def _outside(self, node: ast.Expr) -> c.Expr:
        name = "this" if isinstance(node, ast.This) else "self"
        return self.error(
            codes.E0110, node.span, name=name, place="an actor" if name == "this" else "an actor or method"
        )

    # ---- waiting

    def await_(self, node: ast.Await, want: Type | None) -> c.Expr:
        operand = node.operand
        value = self.expr(operand)
        if isinstance(value, c.Close):
            return c.AwaitClose(EXIT_REASON, node.span, value.target)
        type_ = resolve(value.type)
        if isinstance(type_, ErrorType | NeverType):
            return value
        inner = value.result if isinstance(value, c.Block) and value.result is not None else value
        if isinstance(inner, c.Ask | c.Send) and isinstance(operand, ast.MethodCall):
            asked = c.AwaitAsk(inner.handler.result, node.span, inner.target, inner.handler, inner.args)
            if isinstance(value, c.Block):
                value.result, value.type = asked, asked.type
                return value
            return asked
        if isinstance(type_, FutureType):
            return c.AwaitFuture(type_.value, node.span, value)
        if isinstance(type_, ActorType):
            return c.AwaitExit(EXIT_REASON, node.span, value)
        text = shown(type_)
        return self.error(codes.E0508, value.span, label=f"this is {with_article(text)}", found=text)

    def close(self, node: ast.Call) -> c.Expr:
        if not self._given("close", node, 1, 1):
            return self.failed(node.span)
        target = self.expr(node.args[0].value)
        type_ = resolve(target.type)
        if isinstance(type_, ErrorType) or is_never(target):
            return target
        if not isinstance(type_, ActorType):
            return self.error(
                codes.E0201,
                target.span,
                label=f"this is {with_article(shown(type_))}",
                help="",
                expected="an actor",
                found=shown(type_),
            )
        return c.Close(FutureType(EXIT_REASON), node.span, target)

    def drop_reply(self, node: c.Expr) -> c.Expr:
        """A statement's value is dropped: a message that nobody waits for, a close without its future."""
        if isinstance(node, c.Ask):
            return c.Send(UNIT, node.span, node.target, node.handler, node.args)
        if isinstance(node, c.Close):
            return c.Close(UNIT, node.span, node.target)
        if isinstance(node, c.Block) and isinstance(node.result, c.Ask):
            node.result = self.drop_reply(node.result)
            node.type = UNIT
        return node


def zero_value(type_: Type, span: Span) -> c.Expr:
    """What a field without argument and default starts with."""
    match type_:
        case IntType():
            return c.IntLit(type_, span, 0)
        case FloatType():
            return c.FloatLit(type_, span, 0.0)
        case BoolType():
            return c.BoolLit(type_, span, False)
        case CharType():
            return c.CharLit(type_, span, 0)
        case StringType():
            return c.StringLit(type_, span, "")
        case VecType():
            return c.VecLit(type_, span, [])
        case EnumType():
            return c.VariantLit(option_of(type_.args[0]), span, 1, [])
        case TupleType(items=items):
            return c.TupleLit(type_, span, [zero_value(one, span) for one in items])
        case RecordType():
            return c.RecordLit(type_, span, [zero_value(one.type, span) for one in type_.fields])
        case _:
            return c.UnitLit(type_, span)
