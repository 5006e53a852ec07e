"""Statements: `let`, assignment to places, `return`, `break`, `continue` (sections 4 and 7 of the language)."""

from __future__ import annotations

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.check.body import DISCARD, is_never
from hew.compiler.check.expressions import Expressions
from hew.compiler.check.infer import resolve, settle, shown, unify
from hew.compiler.check.operators import INTEGER_ONLY, SHIFTS
from hew.compiler.resolve import Default, FunctionInfo
from hew.compiler.source import Span
from hew.compiler.types import (
    ANY,
    ERROR,
    INT,
    NEVER,
    STRING,
    UNIT,
    ActorType,
    ErrorType,
    NeverType,
    RecordType,
    StringType,
    TupleType,
    Type,
    TypeVar,
    UnitType,
    VecType,
)
from hew.compiler.words import did_you_mean, with_article


class Statements(Expressions):
    """Mixin: statements."""

    def statement(self, node: ast.Stmt, into: list[c.Stmt]) -> None:
        match node:
            case ast.ExprStmt():
                value = self.drop_reply(self.expr(node.expr, DISCARD))
                self.refuse_unused_result(value)
                into.append(c.ExprStmt(node.span, value))
            case ast.Let():
                self._let(node, into)
            case ast.Assign():
                self._assign(node, into)
            case ast.Return():
                into.append(c.ExprStmt(node.span, self._return(node)))
            case ast.Break():
                self._break(node, into)
            case ast.Continue():
                self._continue(node, into)
            case ast.ItemStmt():
                pass  # declared at the start of the block
            case _:
                self.failed(node.span)

    # ---- let

    def _let(self, node: ast.Let, into: list[c.Stmt]) -> None:
        written = self.declarations.type_of(node.type, allow_unknown=True) if node.type is not None else None
        if node.value is None:
            self._let_without_value(node, written, into)
            return
        why = (
            (node.type.span, f"{self._called(node.pattern)} is {with_article(shown(written))}")
            if node.type is not None and written is not None
            else None
        )
        value = self.check(node.value, written, why) if written is not None else self.expr(node.value)
        if isinstance(node.pattern, ast.WildcardPattern):
            into.append(c.ExprStmt(node.span, self.drop_reply(value)))
            return
        if written is None and isinstance(node.value, ast.Name):
            settle(value.type)  # only a bare literal stays open
        type_ = written if written is not None else self.value_type(value)
        if isinstance(resolve(value.type), ErrorType) and written is None:
            type_ = ERROR
        if isinstance(node.pattern, ast.NamePattern):
            local = self.declare(node.pattern.name, type_, node.pattern.span, mutable=node.mutable)
            into.append(c.Let(node.span, local, value))
            return
        pattern = self.irrefutable(node.pattern, type_, mutable=node.mutable)
        into.append(c.LetPattern(node.span, pattern, value))

    def _called(self, pattern: ast.Pattern) -> str:
        return f"'{pattern.name}'" if isinstance(pattern, ast.NamePattern) else "this"

    def _let_without_value(self, node: ast.Let, written: Type | None, into: list[c.Stmt]) -> None:
        if not isinstance(node.pattern, ast.NamePattern):
            self.error(
                codes.E0305, node.span, message="a pattern needs a value to take apart", label="no value", help=""
            )
            self.pattern(node.pattern, ERROR)
            return
        name = node.pattern.name
        if written is None:
            word = "var" if node.mutable else "let"
            self.error(codes.E0206, node.pattern.span, help=f"write it: {word} {name}: Type;", what=f"'{name}'")
            written = ERROR
        local = self.declare(name, written, node.pattern.span, mutable=node.mutable)
        self.open |= {local}
        self.open_depth[local] = len(self.loops)
        into.append(c.Let(node.span, local, None))

    # ---- assignment

    def _assign(self, node: ast.Assign, into: list[c.Stmt]) -> None:
        target = node.target
        if isinstance(target, ast.Name) and target.text == "_":
            into.append(c.ExprStmt(node.span, self.drop_reply(self.expr(node.value))))
            return
        place = self.place(target, whole=node.op == "=")
        if place is None:
            self.expr(node.value)
            return
        if node.op == "=":
            why = self._place_why(place)
            value = self.check(node.value, place.type, why)
            if isinstance(place, c.LocalPlace):
                self._now_assigned(place.local, node.span)
            into.append(c.Assign(node.span, place, value))
        else:
            self._compound(node, place, into)

    def _place_why(self, place: c.Place) -> tuple[Span, str] | None:
        if isinstance(place, c.LocalPlace):
            return place.local.span, f"'{place.local.name}' is {with_article(shown(place.type))}"
        if isinstance(place, c.ActorFieldPlace) and self.actor is not None:
            field = self.actor.field_infos[place.index]
            return field.span, f"'{field.name}' is {with_article(shown(place.type))}"
        return None

    def _now_assigned(self, local: c.Local, span: Span) -> None:
        """A `let` without value takes one value; a `var` any number."""
        if not local.mutable:
            again = local not in self.open or len(self.loops) > self.open_depth.get(local, 0)
            if local in self.open_depth and again:
                self._refuse(local, span)
        local.assigned = local.assigned or local not in self.open
        self.open -= {local}

    def _compound(self, node: ast.Assign, place: c.Place, into: list[c.Stmt]) -> None:
        op = node.op[:-1]
        type_ = settle(place.type) if op in SHIFTS or op in INTEGER_ONLY else resolve(place.type)
        if isinstance(type_, ErrorType):
            self.expr(node.value)
            return
        if isinstance(place, c.LocalPlace):
            place.local.assigned = True
        if isinstance(type_, StringType) and op == "+":
            value = self.check(node.value, STRING, self._place_why(place))
            into.append(c.CompoundAssign(node.span, place, "+", value))
            return
        if isinstance(type_, TypeVar) and type_.kind == ANY:
            value = self.expr(node.value)
            if not unify(type_, value.type):
                self.mismatch(value.span, type_, value.type)
            type_ = resolve(type_)
            if isinstance(type_, TypeVar) and type_.kind == ANY:
                self.error(codes.E0206, node.target.span, what="this place")
                return
        else:
            value = self.expr(node.value, type_ if op not in SHIFTS else None)
        fits = self._as_integer(type_) if op in INTEGER_ONLY or op in SHIFTS else self._as_number(type_)
        if not fits:
            if not isinstance(resolve(value.type), ErrorType):
                names = shown(type_) if shown(type_) == shown(value.type) else f"{shown(type_)} and {shown(value.type)}"
                self.error(codes.E0215, node.span, operator=node.op, types=names)
            return
        if op in SHIFTS:
            count = resolve(value.type)
            if isinstance(count, TypeVar):
                unify(count, INT)
            if not self._as_integer(value.type) and not isinstance(resolve(value.type), ErrorType | NeverType):
                self.error(codes.E0215, node.span, operator=node.op, types=f"{shown(type_)} and {shown(value.type)}")
                return
        else:
            value = self.coerce(value, type_, self._place_why(place))
        into.append(c.CompoundAssign(node.span, place, op, value))

    # ---- places

    def place(self, node: ast.Expr, *, whole: bool) -> c.Place | None:
        """What an assignment changes; None after an error."""
        match node:
            case ast.Name():
                return self._named_place(node, whole=whole)
            case ast.Field():
                return self._field_place(node)
            case ast.TupleIndex():
                base = self._inner_place(node.base)
                if base is None:
                    return None
                read = self.tuple_item(c.UnitLit(base.type, node.base.span), node)
                return c.MemberPlace(read.type, node.span, base, node.index) if isinstance(read, c.TupleField) else None
            case ast.Index():
                return self._element_place(node)
            case ast.Unsupported() | ast.Broken():
                self.failed(node.span)
            case _:
                self.expr(node)
                self.error(codes.E0303, node.span)
        return None

    def _named_place(self, node: ast.Name, *, whole: bool) -> c.Place | None:
        name = node.text
        found = self.find(name)
        if found is None and self.actor is not None and name in self.actor.fields:
            index = self.actor.fields[name]
            return c.ActorFieldPlace(self.actor.field_infos[index].type, node.span, index)
        if found is None:
            found = self.item(name)
        if isinstance(found, c.Local):
            return self._local_place(found, node.span, whole=whole)
        if isinstance(found, Default):
            found.used = True
            self.error(
                codes.E0301, node.span, secondary=[(found.span, "defined here")], help="", name=name, kind="constant"
            )
        elif isinstance(found, FunctionInfo):
            self.error(codes.E0303, node.span, label="a function")
        elif isinstance(found, ErrorType):
            self.failed(node.span)
        else:
            for actor in self.declarations.actors:
                if self.actor is None and name in actor.fields:
                    self.error(
                        codes.E0110,
                        node.span,
                        label="a field of an actor",
                        name=name,
                        place=f"the actor {actor.node.name}",
                    )
                    return None
            names = [one for scope in self.scopes for one in scope] + (
                [*self.actor.fields] if self.actor is not None else []
            )
            if self.declarations.incomplete:
                self.failed(node.span)
            else:
                self.error(codes.E0101, node.span, help=did_you_mean(name, names) or "", name=name)
        return None

    def _local_place(self, local: c.Local, span: Span, *, whole: bool) -> c.Place | None:
        if not whole and local in self.open:
            self._local(local, span)
        if not local.mutable and whole and local in self.open_depth:
            return c.LocalPlace(local.type, span, local)
        if not local.mutable:
            self._refuse(local, span)
            return None
        return c.LocalPlace(local.type, span, local)

    def _refuse(self, local: c.Local, span: Span) -> None:
        if local.is_parameter:
            kind, help = "parameter", f"declare it with 'var {local.name}'"
        elif local in self.loop_variables:
            kind, help = "loop variable", ""
        else:
            kind, help = "'let'", f"declare it with 'var {local.name}'"
        place = [(local.span, "defined here")]
        self.error(codes.E0301, span, secondary=place, help=help, name=local.name, kind=kind)

    def _inner_place(self, node: ast.Expr) -> c.Place | None:
        """The place that holds a record or tuple of which a part is assigned; its root must be a `var`."""
        match node:
            case ast.Name():
                found = self.find(node.text)
                if isinstance(found, c.Local):
                    self._local(found, node.span)
                    if not found.mutable and not isinstance(resolve(found.type), RecordType | TupleType):
                        return c.LocalPlace(found.type, node.span, found)
                    if not found.mutable:
                        kind = (
                            "parameter"
                            if found.is_parameter
                            else "loop variable"
                            if found in self.loop_variables
                            else "'let'"
                        )
                        help = f"declare it with 'var {found.name}'" if kind != "loop variable" else ""
                        self.error(
                            codes.E0302,
                            node.span,
                            secondary=[(found.span, "defined here")],
                            help=help,
                            name=found.name,
                            kind=kind,
                        )
                        return None
                    found.assigned = True
                    return c.LocalPlace(found.type, node.span, found)
                return self._named_place(node, whole=False)
            case ast.Field() | ast.TupleIndex() | ast.Index():
                return self.place(node, whole=False)
            case ast.This() | ast.SelfName():
                self.this(node)
                return None
            case _:
                value = self.expr(node)
                if isinstance(resolve(value.type), ActorType):
                    return c.Place(value.type, node.span)
                if not isinstance(resolve(value.type), ErrorType):
                    self.error(codes.E0303, node.span, label="a value that nothing holds")
                return None

    def _field_place(self, node: ast.Field) -> c.Place | None:
        if isinstance(node.base, ast.This | ast.SelfName) and self.actor is not None:
            name = node.name.text
            if name in self.actor.fields:
                index = self.actor.fields[name]
                return c.ActorFieldPlace(self.actor.field_infos[index].type, node.span, index)
            self._no_own_field(node.name)
            return None
        base = self._inner_place(node.base)
        if base is None:
            return None
        read = self.member(c.UnitLit(base.type, node.base.span), node.name, node.span)
        return c.MemberPlace(read.type, node.span, base, read.index) if isinstance(read, c.RecordField) else None

    def _element_place(self, node: ast.Index) -> c.Place | None:
        base = self.expr(node.base)
        type_ = resolve(base.type)
        if isinstance(node.index, ast.Range):
            self._index_value(node.index)
            self.error(codes.E0303, node.span, label="a slice is a copy")
            return None
        if not isinstance(type_, VecType):
            self._index_value(node.index)
            if isinstance(type_, StringType):
                self.error(codes.E0303, node.span, label="a String never changes")
            elif isinstance(type_, TypeVar) and type_.kind == ANY:
                self.error(codes.E0206, base.span, what="this value")
            elif not isinstance(type_, ErrorType | NeverType):
                self.cannot(base.span, type_, "indexed")
            return None
        return c.ElementPlace(type_.item, node.span, base, self.check(node.index, INT))

    # ---- leaving

    def _return(self, node: ast.Return) -> c.Expr:
        result = resolve(self.result)
        value: c.Expr | None = None
        if node.value is None:
            if not isinstance(result, ErrorType) and not unify(result, UNIT):
                text = shown(result)
                self.error(
                    codes.E0309,
                    node.span,
                    message=f"'{self.function_name}' must return {with_article(text)}",
                    label="no value",
                )
        elif isinstance(result, UnitType):
            value = self.expr(node.value)
            if not is_never(value) and not unify(value.type, UNIT):
                text = shown(value.type)
                self.error(
                    codes.E0309,
                    value.span,
                    message=f"'{self.function_name}' gives no value, but {with_article(text)} is returned",
                    help=f"write '-> {text}' after its parameters",
                )
        else:
            value = self.check(node.value, result, self.result_why)
        self.open = frozenset()
        return c.Return(NEVER, node.span, value)

    def _loop_to_leave(self, word: str, label: ast.Ident | None, span: Span) -> bool:
        if label is not None:
            self.later("labels", "L1", label.span)
            return False
        if not self.loops:
            self.error(codes.E0109, span, message=f"'{word}' stands outside a loop", label="no loop around this")
            return False
        return True

    def _break(self, node: ast.Break, into: list[c.Stmt]) -> None:
        if not self._loop_to_leave("break", node.label, node.span):
            if node.value is not None:
                self.expr(node.value)
            return
        state = self.loops[-1]
        value: c.Expr | None = None
        if node.value is not None and state.keyword != "loop":
            value = self.expr(node.value)
            self.error(codes.E0308, node.value.span, keyword=state.keyword)
        elif node.value is not None and state.want is DISCARD:
            into.append(c.ExprStmt(node.span, self.drop_reply(self.expr(node.value, DISCARD))))
        elif node.value is not None:
            value = self.check(node.value, state.want) if state.want is not None else self.expr(node.value)
        made = c.Break(NEVER, node.span, state.node, value)
        state.breaks.append(made)
        state.open |= self.open
        self.open = frozenset()
        into.append(c.ExprStmt(node.span, made))

    def _continue(self, node: ast.Continue, into: list[c.Stmt]) -> None:
        if self._loop_to_leave("continue", node.label, node.span):
            self.open = frozenset()
            into.append(c.ExprStmt(node.span, c.Continue(NEVER, node.span, self.loops[-1].node)))
