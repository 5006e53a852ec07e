"""Calls: functions, builtin functions, constructors of Option, Result and Vec."""

from __future__ import annotations

from collections.abc import Sequence

from hew.compiler import ast, builtins, codes
from hew.compiler import checked as c
from hew.compiler.builtins import Signature
from hew.compiler.check.body import is_never
from hew.compiler.check.infer import resolve, settle, shown, unify
from hew.compiler.check.methods import Methods
from hew.compiler.check.patterns import PRELUDE_VARIANTS
from hew.compiler.resolve import AliasInfo, Default, FunctionInfo, Parameter, RecordInfo
from hew.compiler.source import Span
from hew.compiler.types import (
    NEVER,
    SIMPLE_TYPES,
    STRING,
    UNIT,
    ActorType,
    EnumType,
    ErrorType,
    FloatType,
    IntType,
    NeverType,
    RecordType,
    Type,
    TypeVar,
    VecType,
    option_of,
)
from hew.compiler.words import counted, did_you_mean, were_given, with_article


class Calls(Methods):
    """Mixin: everything with parentheses."""

    # ---- arguments

    def arguments(
        self, params: Sequence[Parameter], args: Sequence[ast.Arg], info: FunctionInfo, span: Span
    ) -> tuple[list[c.Stmt], list[c.Expr]] | None:
        """The arguments in order of the parameters, defaults filled in, with statements that keep the order of
        evaluation.
        """
        slots = self._slots(params, args, info, span)
        if slots is None:
            for arg in args:
                self.expr(arg.value)
            return None
        values: list[c.Expr | None] = [None] * len(params)
        order: list[int] = []
        for arg, slot in zip(args, slots, strict=True):
            param = params[slot]
            values[slot] = self.check(
                arg.value, param.type, (param.span, f"'{param.name}' is {with_article(shown(param.type))}")
            )
            order.append(slot)
        statements = self.keep_order(values, order)
        for index, param in enumerate(params):
            if values[index] is None:
                assert param.default is not None
                values[index] = self.default_value(param.default, span)
        return statements, [value for value in values if value is not None]

    def keep_order(self, values: list[c.Expr | None], order: list[int]) -> list[c.Stmt]:
        """Statements that evaluate values in the order written, when that is not the order of their places."""
        return self.keep(values, order) if order != sorted(order) else []

    def keep(self, values: list[c.Expr | None], order: list[int]) -> list[c.Stmt]:
        """Statements that evaluate values now, in this order; literals may wait."""
        statements: list[c.Stmt] = []
        for slot in order:
            value = values[slot]
            if value is not None and not isinstance(value, c.IntLit | c.FloatLit | c.BoolLit | c.StringLit | c.CharLit):
                let, values[slot] = self.temporary(value)
                statements.append(let)
        return statements

    def after(self, statements: list[c.Stmt], node: c.Expr) -> c.Expr:
        return c.Block(node.type, node.span, statements, node, node.span) if statements else node

    def _slots(
        self, params: Sequence[Parameter], args: Sequence[ast.Arg], info: FunctionInfo, span: Span
    ) -> list[int] | None:
        """The parameter that each argument is for; None after an error."""
        names = {param.name: index for index, param in enumerate(params)}
        slots: list[int] = []
        good = True
        for position, arg in enumerate(args):
            slot = position if arg.name is None else names.get(arg.name.text, -1)
            if arg.name is None and slot >= len(params):
                self._wrong_count(params, args, info, arg.value.span)
                return None
            if slot < 0:
                assert arg.name is not None
                help = did_you_mean(arg.name.text, names) or info.signature
                self.error(codes.E0211, arg.name.span, help=help, function=info.name, name=arg.name.text)
                good = False
            elif slot in slots:
                if arg.name is not None:
                    self.error(
                        codes.E0211,
                        arg.name.span,
                        message=f"the argument '{arg.name.text}' is given twice",
                        label="given again",
                        signature=info.signature,
                    )
                good = False  # without a name it stands behind a named one, which the parser has told
            slots.append(slot)
        missing = [one for index, one in enumerate(params) if index not in slots and one.default is None]
        if good and missing:
            self._wrong_count(params, args, info, span, missing[0])
            return None
        return slots if good else None

    def _wrong_count(
        self,
        params: Sequence[Parameter],
        args: Sequence[ast.Arg],
        info: FunctionInfo,
        span: Span,
        missing: Parameter | None = None,
    ) -> None:
        needed = sum(one.default is None for one in params)
        takes = (
            counted(len(params), "argument")
            if needed == len(params)
            else f"{needed} to {counted(len(params), 'argument')}"
        )
        label = f"argument '{missing.name}: {missing.type}' is missing" if missing is not None else None
        self.error(
            codes.E0210,
            span,
            label=label,
            name=info.name,
            expected=takes,
            found=were_given(len(args)),
            signature=info.signature,
            secondary=[(info.span, "defined here")],
        )

    def default_value(self, default: Default, span: Span) -> c.Expr:
        """What a default or constant stands for at a place: a copy of its literal, or a call of the function that
        computes it.
        """
        default.used = True
        value = self.later_work.finished_default(default)
        if default.function is not None:
            return c.Call(default.type, span, default.function, [])
        return copy_literal(value, span)

    # ---- calls by name

    def call(self, node: ast.Call, want: Type | None) -> c.Expr:
        callee = node.callee
        if isinstance(callee, ast.Name):
            return self._call_name(callee, node, want)
        if isinstance(callee, ast.Path):
            return self._call_path(callee, node, want)
        if isinstance(callee, ast.Unsupported | ast.Broken):
            return self._only_arguments(node)
        value = self.expr(callee)
        found = resolve(value.type)
        self._only_arguments(node)
        if isinstance(found, ErrorType):
            return self.failed(node.span)
        return self.cannot(callee.span, found, "called")

    def _only_arguments(self, node: ast.Call | ast.MethodCall | ast.Spawn) -> c.Expr:
        """Arguments of something that failed: only their own errors are told."""
        for arg in node.args:
            self.expr(arg.value)
        return self.failed(node.span)

    def _call_name(self, callee: ast.Name, node: ast.Call, want: Type | None) -> c.Expr:
        name = callee.text
        found = self.find(name)
        if found is None and self.actor is not None:
            member = self.actor.helpers.get(name) or self.actor.handlers.get(name)
            if member is not None:
                return self.call_function(member, node)
            if name in self.actor.fields:
                self._only_arguments(node)
                return self.cannot(callee.span, self.actor.field_infos[self.actor.fields[name]].type, "called")
        if found is None:
            found = self.item(name)
        if isinstance(found, FunctionInfo):
            if callee.type_args is not None and not found.broken:
                self.error(
                    codes.E0217,
                    callee.span,
                    name=f"'{name}'",
                    expected="no type arguments",
                    found=were_given(len(callee.type_args)),
                )
            return self.call_function(found, node)
        if isinstance(found, ErrorType):
            return self._only_arguments(node)
        if found is not None:
            value = self.expr(callee)
            self._only_arguments(node)
            return (
                self.cannot(callee.span, value.type, "called")
                if not isinstance(resolve(value.type), ErrorType)
                else value
            )
        if name in PRELUDE_VARIANTS:
            return self.variant(name, None, node.args, node.span, want)
        return self._call_builtin(name, callee, node)

    def call_function(self, info: FunctionInfo, node: ast.Call | ast.MethodCall) -> c.Expr:
        info.used = True
        if info.broken:
            return self._only_arguments(node)
        ordered = self.arguments(info.params, node.args, info, node.span)
        if self.constant:
            return self.error(codes.E0311, node.span, name=self.function_name, label="a call is not constant")
        if ordered is None:
            return c.UnitLit(info.result, node.span) if not info.infers_result else self.failed(node.span)
        statements, args = ordered
        function = self.later_work.function_node(info, node.span)
        kind = c.SelfCall if info.actor is not None else c.Call
        return self.after(statements, kind(function.result, node.span, function, args))

    def _call_builtin(self, name: str, callee: ast.Name, node: ast.Call) -> c.Expr:
        if self.constant and (name in builtins.FUNCTIONS or name in builtins.PRINTS or name in builtins.ASSERTS):
            self._only_arguments(node)
            return self.error(codes.E0311, node.span, name=self.function_name, label="a call is not constant")
        if name in builtins.PRINTS:
            return self._print(name, node)
        if name in builtins.ASSERTS:
            return self._assert(name, node)
        if name == "close":
            return self.close(node)
        if name in builtins.FUNCTIONS:
            return self._plain_builtin(name, builtins.FUNCTIONS[name], node)
        if name in builtins.FREE_METHODS and len(node.args) == builtins.FREE_METHODS[name]:
            return self._free_method(name, callee, node)
        if name in builtins.FREE_METHODS:
            self._only_arguments(node)
            takes = counted(builtins.FREE_METHODS[name], "argument")
            return self.error(
                codes.E0210, node.span, label="", name=name, expected=takes, found=were_given(len(node.args))
            )
        if name in builtins.LATER_FUNCTIONS:
            self._only_arguments(node)
            return self.later(f"calls of '{name}'", builtins.LATER_FUNCTIONS[name], callee.span)
        self._only_arguments(node)
        return self.unknown_name(name, callee.span)

    def unknown_name(self, name: str, span: Span) -> c.Expr:
        if self.declarations.incomplete:
            return self.failed(span)
        if name in self.declarations.types:
            entry = self.declarations.types[name]
            if isinstance(entry, ErrorType):
                return self.failed(span)
            found = (
                "a record"
                if isinstance(entry, RecordInfo)
                else "a type"
                if isinstance(entry, AliasInfo)
                else "an actor"
            )
            help = {"a record": f"write {name} {{ ... }}", "an actor": f"write spawn {name}(...)"}.get(found, "")
            return self.error(codes.E0108, span, help=help, name=name, found=found, expected="a value")
        if name in SIMPLE_TYPES or name in ("Vec", "Option", "Result", "Future"):
            return self.error(codes.E0108, span, name=name, found="a type", expected="a value")
        near = did_you_mean(name, self.known_names()) if not self.declarations.report.is_full else None
        return self.error(codes.E0101, span, help=near or "", name=name)

    def known_names(self) -> list[str]:
        names = [name for scope in self.scopes for name in scope]
        names += self.declarations.values
        if self.actor is not None:
            names += [*self.actor.fields, *self.actor.helpers, *self.actor.handlers]
        return [
            *names,
            *PRELUDE_VARIANTS,
            *builtins.FUNCTIONS,
            *builtins.PRINTS,
            *builtins.ASSERTS,
            *builtins.FREE_METHODS,
            "close",
        ]

    # ---- builtin functions

    def _given(self, name: str, node: ast.Call, least: int, most: int) -> bool:
        """Are there so many arguments, none named?"""
        for arg in node.args:
            if arg.name is not None:
                self.error(codes.E0211, arg.name.span, help="", function=name, name=arg.name.text)
                self._only_arguments(node)
                return False
        if least <= len(node.args) <= most:
            return True
        takes = (
            counted(most, "argument")
            if least == most
            else f"{least} or {counted(most, 'argument')}"
            if least + 1 == most
            else f"{least} to {most} arguments"
        )
        span = node.args[most].value.span if len(node.args) > most else node.span
        label = "unexpected argument" if len(node.args) > most else "an argument is missing"
        self.error(codes.E0210, span, label=label, help="", name=name, expected=takes, found=were_given(len(node.args)))
        self._only_arguments(node)
        return False

    def _print(self, name: str, node: ast.Call) -> c.Expr:
        if not self._given(name, node, 1 if name in ("print", "eprint") else 0, 1):
            return c.UnitLit(UNIT, node.span)
        args = [self.printable(self.expr(arg.value)) for arg in node.args]
        return c.BuiltinCall(UNIT, node.span, name, args)

    def _assert(self, name: str, node: ast.Call) -> c.Expr:
        two = name in ("assert_eq", "assert_ne")
        if not self._given(name, node, 2 if two else 1, 2):
            return c.UnitLit(UNIT, node.span)
        first = node.args[0].value
        if not two:
            args = [self.check(first, SIMPLE_TYPES["Bool"])]
            args += [self.check(arg.value, STRING) for arg in node.args[1:]]
        else:
            left = self.expr(first)
            right = self.expr(node.args[1].value, left.type if not is_never(left) else None)
            compared = self.operate("==", left, right, node.span, node.span)
            if isinstance(compared, c.Compare):
                left, right = compared.left, compared.right
            args = [self.printable(left), self.printable(right)]
        return c.Assert(UNIT, node.span, name, args, self.declarations.source.slice(first.span))

    def _plain_builtin(self, name: str, signature: Signature, node: ast.Call) -> c.Expr:
        """A builtin with an ordinary signature."""
        duration = name == "sleep" and len(node.args) == 1 and isinstance(node.args[0].value, ast.DurationLit)
        if duration:
            return self.later("durations", "L1", node.args[0].value.span)
        result = NEVER if name in builtins.NEVER_RETURN else signature.result
        if not self._given(name, node, len(signature.params), len(signature.params)):
            return c.UnitLit(UNIT, node.span)
        args = [self.check(arg.value, type_) for arg, (_, type_) in zip(node.args, signature.params, strict=True)]
        if name in builtins.NEVER_RETURN:
            self.open = frozenset()
        return c.BuiltinCall(result, node.span, signature.op, args)

    def _free_method(self, name: str, callee: ast.Name, node: ast.Call) -> c.Expr:
        receiver = self.expr(node.args[0].value)
        rest = node.args[1:]
        if name in ("min", "max") and isinstance(resolve(receiver.type), TypeVar):
            other = self.expr(rest[0].value)
            unify(receiver.type, other.type)
            return self.method(receiver, name, callee.span, (), node.span, [other])
        if name == "sqrt" and isinstance(resolve(receiver.type), TypeVar):
            unify(receiver.type, SIMPLE_TYPES["Float"])
        return self.method(receiver, name, callee.span, rest, node.span)

    # ---- variants

    def variant(
        self,
        name: str,
        enum_args: tuple[Type, ...] | None,
        args: Sequence[ast.Arg] | None,
        span: Span,
        want: Type | None,
    ) -> c.Expr:
        """`Some(e)`, `None`, `Ok(e)`; the wanted type may widen what is inside."""
        wanted = resolve(want) if want is not None else None
        enum = self._prelude_enum(name, span)
        if enum_args is not None and enum.args:
            enum = EnumType(enum.name, enum_args)
        elif isinstance(wanted, EnumType) and wanted.name == enum.name:
            enum = wanted
        index = enum.variant_index(name)
        assert index is not None
        payload = enum.variants[index].payload
        given = args or ()
        if len(given) != len(payload):
            takes = counted(len(payload), "argument") if payload else "no arguments"
            for arg in given:
                self.expr(arg.value)
            return self.error(
                codes.E0210, span, label="", help="", name=name, expected=takes, found=were_given(len(given))
            )
        for arg in given:
            if arg.name is not None:
                self.error(codes.E0211, arg.name.span, help="", function=name, name=arg.name.text)
        items = [self.check(arg.value, type_) for arg, type_ in zip(given, payload, strict=True)]
        return c.VariantLit(enum, span, index, items)

    # ---- paths: `Vec::new`, `Int::MAX`, `Option::None`, `i32::try_from`

    def path_type(self, base: ast.Expr) -> Type | None:
        """The type that stands before `::` (or `.`); None if it is no type (then nothing was reported)."""
        if not isinstance(base, ast.Name):
            return None
        name = base.text
        entry = self.declarations.types.get(name)
        if (
            entry is None
            and name not in SIMPLE_TYPES
            and name not in ("Vec", "Option", "Result", "HashMap", "HashSet", "Bytes", "Duration", "Rc")
        ):
            return None
        written = ast.NamedType(base.span, (ast.Ident(base.span, name),), base.type_args or ())
        return self.declarations.type_of(written, allow_unknown=True, bare=True)

    def path(self, node: ast.Path, want: Type | None) -> c.Expr:
        return self._path_value(node.base, node.name, node.span, want)

    def _path_value(self, base: ast.Expr, name: ast.Ident, span: Span, want: Type | None) -> c.Expr:
        type_ = self.path_type(base)
        if type_ is None:
            return self._unknown_base(base, span)
        if isinstance(type_, ErrorType):
            return self.failed(span)
        if isinstance(type_, IntType):
            value = builtins.int_constant(type_, name.text)
            if value is not None:
                return c.IntLit(type_, span, value)
        if isinstance(type_, FloatType):
            constant = builtins.float_constant(type_.bits, name.text)
            if constant is not None:
                return c.FloatLit(type_, span, constant)
        if isinstance(type_, EnumType) and type_.variant_index(name.text) is not None:
            return self.variant(name.text, type_.args, None, span, want)
        if self._has_function(type_, name.text):
            return self.later("function values", "L1", span)
        return self._no_member(type_, name)

    def _has_function(self, type_: Type, name: str) -> bool:
        return isinstance(type_, VecType) and name in builtins.VEC_FUNCTIONS

    def _unknown_base(self, base: ast.Expr, span: Span) -> c.Expr:
        if isinstance(base, ast.Path):
            return (
                self._unknown_base(base.base, span)
                if isinstance(base.base, ast.Path)
                else self.later("paths of modules", "L3", span)
            )
        if isinstance(base, ast.Name):
            if self.find(base.text) is not None or self.item(base.text) is not None:
                if isinstance(self.item(base.text), ErrorType):
                    return self.failed(span)
                return self.error(codes.E0108, base.span, name=base.text, found="a value", expected="a type")
            if self.declarations.incomplete:
                return self.failed(span)
            return self.error(codes.E0107, base.span, help=self.declarations.like_type(base.text) or "", name=base.text)
        self.expr(base)
        return self.failed(span)

    def _no_member(self, type_: Type, name: ast.Ident) -> c.Expr:
        kind = shown(type_)
        short = type_.name if isinstance(type_, EnumType) else "Vec" if isinstance(type_, VecType) else kind
        if isinstance(type_, RecordType) and self.declarations.has_impls:
            return self.failed(name.span)
        if (short, name.text) in (("Vec", "from"), ("String", "from_char"), ("String", "from_utf8")):
            return self.later(f"calls of '{short}::{name.text}'", "L1", name.span)
        known = [*builtins.VEC_FUNCTIONS] if isinstance(type_, VecType) else []
        if isinstance(type_, EnumType):
            known = [one.name for one in type_.variants]
        if isinstance(type_, IntType):
            known = ["MAX", "MIN", "try_from"]
        if isinstance(type_, FloatType):
            known = [*builtins.FLOAT_CONSTANTS]
        help = did_you_mean(name.text, known) or ""
        return self.error(
            codes.E0214, name.span, help=help, message=f"{short} has no member '{name.text}'", label="no such member"
        )

    def _call_path(self, callee: ast.Path, node: ast.Call, want: Type | None) -> c.Expr:
        return self.call_member(callee.base, callee.name, node, want)

    def call_member(
        self, base: ast.Expr, name: ast.Ident, node: ast.Call | ast.MethodCall, want: Type | None
    ) -> c.Expr:
        """`Vec::new()`, `i32::try_from(x)`, `Option::Some(x)`, also written with a point."""
        type_ = self.path_type(base)
        if type_ is None:
            failed = self._unknown_base(base, node.span)
            self._only_arguments(node)
            return failed
        if isinstance(type_, ErrorType):
            return self._only_arguments(node)
        if isinstance(type_, VecType) and name.text in builtins.VEC_FUNCTIONS:
            wanted = resolve(want) if want is not None else None
            if isinstance(wanted, VecType) and isinstance(resolve(type_.item), TypeVar):
                unify(type_, wanted)
            signature = builtins.VEC_FUNCTIONS[name.text]
            args = self.signature_arguments(signature, type_, (type_.item,), node.args, name, node.span)
            if args is None:
                return self.failed(node.span)
            if name.text == "filled":
                self.cloneable(args[1], args[1].span)
            return c.BuiltinCall(type_, node.span, signature.op, args, (type_.item,))
        if isinstance(type_, EnumType) and type_.variant_index(name.text) is not None:
            return self.variant(name.text, type_.args, node.args, node.span, want)
        if isinstance(type_, IntType) and name.text == "try_from":
            return self._try_from(type_, node)
        self._only_arguments(node)
        return self._no_member(type_, name)

    def _try_from(self, target: IntType, node: ast.Call | ast.MethodCall) -> c.Expr:
        if len(node.args) != 1:
            self._only_arguments(node)
            return self.error(
                codes.E0210,
                node.span,
                label="",
                help="",
                name="try_from",
                expected="1 argument",
                found=were_given(len(node.args)),
            )
        value = self.expr(node.args[0].value)
        source = settle(value.type)
        if isinstance(source, ErrorType | NeverType):
            return value
        if not isinstance(source, IntType):
            return self.error(
                codes.E0201,
                value.span,
                help="",
                label=f"this is {with_article(shown(source))}",
                expected="an integer",
                found=shown(source),
            )
        return c.BuiltinCall(option_of(target), node.span, builtins.TRY_FROM, [value], (target, source))

    # ---- methods

    def method_call(self, node: ast.MethodCall, want: Type | None) -> c.Expr:
        receiver = node.receiver
        if isinstance(receiver, ast.This | ast.SelfName):
            return self.call_on_this(node, want)
        if isinstance(receiver, ast.Name) and self._is_type_name(receiver):
            return self.call_member(receiver, node.name, node, want)
        if isinstance(receiver, ast.Path) and self.path_type(receiver.base) is None:
            return self.call_member(receiver, node.name, node, want)
        value = self.expr(receiver)
        type_ = resolve(value.type)
        if isinstance(type_, ErrorType | NeverType):
            for arg in node.args:
                self.expr(arg.value)
            return value if isinstance(type_, NeverType) else self.failed(node.span)
        if isinstance(type_, ActorType):
            return self.call_on_handle(value, type_, node, want)
        if node.type_args:
            self.error(
                codes.E0217,
                node.name.span,
                name=f"'{node.name.text}'",
                expected="no type arguments",
                found=were_given(len(node.type_args)),
            )
        return self.method(value, node.name.text, node.name.span, node.args, node.span)

    def _is_type_name(self, node: ast.Name) -> bool:
        name = node.text
        if (
            self.find(name) is not None
            or (self.actor is not None and name in self.actor.fields)
            or self.item(name) is not None
        ):
            return False
        return (
            name in self.declarations.types
            or name in SIMPLE_TYPES
            or name in ("Vec", "Option", "Result")
            or name in builtins.LATER_TYPES
        )

    # ---- provided by the mixin of actors

    def close(self, node: ast.Call) -> c.Expr:
        raise NotImplementedError

    def call_on_this(self, node: ast.MethodCall, want: Type | None) -> c.Expr:
        raise NotImplementedError

    def call_on_handle(self, target: c.Expr, type_: ActorType, node: ast.MethodCall, want: Type | None) -> c.Expr:
        raise NotImplementedError


def copy_literal(node: c.Expr, span: Span) -> c.Expr:
    """A folded value for another place. An Int adapts again as its literal would; what is inside a value is final, and
    shared with all other places."""
    match node:
        case c.IntLit():
            return c.IntLit(TypeVar(1, span, node.type), span, node.value)
        case c.FloatLit():
            return c.FloatLit(node.type, span, node.value)
        case c.BoolLit():
            return c.BoolLit(node.type, span, node.value)
        case c.CharLit():
            return c.CharLit(node.type, span, node.value)
        case c.StringLit():
            return c.StringLit(node.type, span, node.value)
        case c.TupleLit() | c.RecordLit() | c.VecLit():
            return type(node)(node.type, span, node.items)
        case c.VariantLit():
            return c.VariantLit(node.type, span, node.index, node.items)
        case _:
            return c.UnitLit(node.type, span)
