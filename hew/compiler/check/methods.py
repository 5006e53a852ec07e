"""Methods of built-in types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hew.compiler import ast, builtins, codes
from hew.compiler import checked as c
from hew.compiler.builtins import Signature, substitute
from hew.compiler.check.infer import resolve, settle, shown, unify
from hew.compiler.check.operators import Operators
from hew.compiler.check.patterns import Patterns
from hew.compiler.source import Span
from hew.compiler.types import (
    ANY,
    CHAR,
    FLOAT,
    SIMPLE_TYPES,
    STRING,
    UNIT,
    ActorType,
    CharType,
    EnumType,
    ErrorType,
    FloatType,
    FutureType,
    IntType,
    NeverType,
    RecordType,
    StringType,
    Type,
    TypeVar,
    VecType,
    has_equality,
    is_number,
    walk,
)
from hew.compiler.words import counted, did_you_mean, were_given, with_article

METHOD_TABLES: Final = {
    "String": builtins.STRING_METHODS, "Vec": builtins.VEC_METHODS, "Option": builtins.OPTION_METHODS,
    "Result": builtins.RESULT_METHODS, "handle": builtins.HANDLE_METHODS, "integer": builtins.INT_METHODS,
    "float": builtins.FLOAT_METHODS,
}  # fmt: skip
ELSEWHERE: Final = {  # methods as other languages name them
    "length": "len", "lenght": "len", "size": "len", "count": "len", "append": "push", "add": "push",
    "push_back": "push", "remove": "pop", "isEmpty": "is_empty", "empty": "is_empty", "substring": "slice",
    "substr": "slice", "index_of": "find", "indexOf": "find", "strip": "trim", "parse": "parse_int",
    "toString": "to_string", "to_str": "to_string", "str": "to_string", "includes": "contains", "has": "contains",
    "copy": "clone", "get_or": "unwrap_or",
}  # fmt: skip
COMMON_METHODS: Final = ("clone", "to_string")  # of every type, without arguments


class Methods(Operators, Patterns):
    """Mixin: a method on a value that has been checked."""

    def method_on(self, receiver: c.Expr, name: ast.Ident, args: Sequence[ast.Arg], span: Span) -> c.Expr:
        return self.method(receiver, name.text, name.span, args, span)

    def method(
        self,
        receiver: c.Expr,
        name: str,
        name_span: Span,
        args: Sequence[ast.Arg],
        span: Span,
        ready: list[c.Expr] | None = None,
    ) -> c.Expr:
        """A method of a built-in type. `ready`: arguments already checked."""
        type_ = resolve(receiver.type)
        if isinstance(type_, TypeVar) and type_.kind != ANY and name in COMMON_METHODS:
            pass  # a literal's type may still be decided by a later use
        else:
            type_ = self._settle_for(receiver, name)
        if isinstance(type_, ErrorType | NeverType):
            for arg in args:
                self.expr(arg.value)
            return receiver if isinstance(type_, NeverType) else self.failed(span)
        if isinstance(type_, TypeVar) and type_.kind == ANY:
            for arg in args:
                self.expr(arg.value)
            return self.error(codes.E0206, receiver.span, what="this value")
        if name in COMMON_METHODS:
            return self._common(receiver, name, name_span, args, span)
        if name in builtins.CONVERSIONS and isinstance(type_, IntType | FloatType | CharType):
            if isinstance(type_, CharType) and name != "to_int":
                return self._no_method(type_, name, name_span, args)
            if args:
                self.only_count(name, 0, args, span)
            return self.convert(receiver, SIMPLE_TYPES[builtins.CONVERSIONS[name]], span)
        kind, type_args = receiver_kind(type_)
        signature = METHOD_TABLES.get(kind, {}).get(name)
        if signature is None:
            return self._no_method(type_, name, name_span, args)
        return self._call_signature(signature, receiver, type_, type_args, args, name, name_span, span, ready)

    def _settle_for(self, receiver: c.Expr, name: str) -> Type:
        type_ = resolve(receiver.type)
        whole = isinstance(type_, TypeVar) and type_.kind not in (ANY, FLOAT, CHAR)
        if whole and name in builtins.FLOAT_METHODS and name not in builtins.INT_METHODS:
            unify(type_, SIMPLE_TYPES["Float"])
        return settle(type_)

    def only_count(self, name: str, wanted: int, args: Sequence[ast.Arg], span: Span) -> None:
        label = "unexpected argument" if len(args) > wanted else "an argument is missing"
        where = args[wanted].value.span if len(args) > wanted else span
        takes = counted(wanted, "argument") if wanted else "no arguments"
        self.error(codes.E0210, where, label=label, help="", name=name, expected=takes, found=were_given(len(args)))
        for arg in args:
            self.expr(arg.value)

    def _common(self, receiver: c.Expr, name: str, name_span: Span, args: Sequence[ast.Arg], span: Span) -> c.Expr:
        if args:
            self.only_count(name, 0, args, span)
            return self.failed(span)
        if name == "to_string":
            return c.Format(STRING, span, [self.printable(receiver)])

        self.cloneable(receiver, name_span)
        return c.BuiltinCall(receiver.type, span, "clone", [receiver], (receiver.type,))

    def cloneable(self, node: c.Expr, span: Span) -> c.Expr:
        """A value that will be cloned; futures cannot be."""

        def later() -> None:
            if any(isinstance(one, FutureType) for one in walk(node.type)):
                message = f"{with_article(str(node.type))} cannot be cloned"
                self.error(codes.E0214, span, message=message[0].upper() + message[1:], label="holds a Future")

        self.defer(later)
        return node

    def signature_arguments(
        self,
        signature: Signature,
        receiver: Type,
        type_args: tuple[Type, ...],
        args: Sequence[ast.Arg],
        name: ast.Ident,
        span: Span,
    ) -> list[c.Expr] | None:
        if len(args) != len(signature.params):
            self.only_count(name.text, len(signature.params), args, span)
            return None
        for arg in args:
            if arg.name is not None:
                self.error(codes.E0211, arg.name.span, help="", function=name.text, name=arg.name.text)
        return [
            self.check(arg.value, substitute(type_, receiver, type_args))
            for arg, (_, type_) in zip(args, signature.params, strict=True)
        ]

    def _call_signature(
        self, signature: Signature, receiver: c.Expr, type_: Type, type_args: tuple[Type, ...], args: Sequence[ast.Arg],
        name: str, name_span: Span, span: Span, ready: list[c.Expr] | None,
    ) -> c.Expr:  # fmt: skip
        if ready is not None:
            given: list[c.Expr] | None = [self.coerce(one, type_) for one in ready]
        else:
            given = self.signature_arguments(signature, type_, type_args, args, ast.Ident(name_span, name), span)
        result = substitute(signature.result, type_, type_args)
        if given is None:
            return c.UnitLit(result, span)
        self._needs(signature, type_args, receiver.span, name)
        if self.constant:
            return self.error(codes.E0311, span, name=self.function_name, label="a call is not constant")
        match signature.op:
            case "vec.get" | "string.char_at":
                return c.Index(result, span, receiver, given[0])
            case "vec.set":
                place = c.ElementPlace(type_args[0], span, receiver, given[0])
                return c.Block(UNIT, span, [c.Assign(span, place, given[1])], None, span)
            case "+%" | "-%" | "*%":
                return c.Binary(type_, span, signature.op, receiver, given[0])
            case _:
                return c.BuiltinCall(result, span, signature.op, [receiver, *given], type_args)

    def _needs(self, signature: Signature, type_args: tuple[Type, ...], span: Span, name: str) -> None:
        """What a method asks of the items of its Vec."""
        if not signature.needs:
            return
        if signature.needs == "string":
            if not unify(type_args[0], STRING):
                self.error(
                    codes.E0214,
                    span,
                    message=f"Vec<{shown(type_args[0])}> has no method '{name}'",
                    label="its items are no Strings",
                )
            return
        held = c.WildPattern(type_args[0], span)
        self.patterns_to_finish.append(held)

        def later() -> None:
            good = has_equality(held.type) if signature.needs == "eq" else is_number(held.type)
            if not good and not isinstance(held.type, ErrorType):
                label = "its items have no '=='" if signature.needs == "eq" else "its items are no numbers"
                self.error(codes.E0214, span, message=f"Vec<{held.type}> has no method '{name}'", label=label)

        self.defer(later)

    def _no_method(self, type_: Type, name: str, name_span: Span, args: Sequence[ast.Arg]) -> c.Expr:
        for arg in args:
            self.expr(arg.value)
        kind, _ = receiver_kind(type_)
        if name in builtins.LATER_METHODS.get(kind, ()):
            return self.later(f"calls of '{kind}.{name}'", "L1", name_span)
        if isinstance(type_, RecordType) and (self.declarations.has_impls or self.declarations.incomplete):
            return self.failed(name_span)
        if isinstance(type_, RecordType) and type_.field_index(name) is not None:
            field = type_.fields[type_.field_index(name) or 0]
            return self.cannot(name_span, field.type, "called", help=f"'{name}' is a field: write it without '()'")
        known = [*METHOD_TABLES.get(kind, {}), *COMMON_METHODS]
        if isinstance(type_, IntType | FloatType):
            known += builtins.CONVERSIONS
        meant = ELSEWHERE.get(name)
        help = f"did you mean '{meant}'?" if meant in known else did_you_mean(name, known)
        return self.error(codes.E0214, name_span, help=help or "", type=shown(type_), name=name)

    def cannot(self, span: Span, found: Type, done: str, help: str = "") -> c.Expr:
        text = shown(found)
        return self.error(codes.E0216, span, label=f"this is {with_article(text)}", help=help, found=text, done=done)


def receiver_kind(type_: Type) -> tuple[str, tuple[Type, ...]]:
    """The method table of a type and its type arguments."""
    match type_:
        case StringType():
            return "String", ()
        case VecType(item=item):
            return "Vec", (item,)
        case EnumType(name=name, args=args):
            return name, args
        case ActorType():
            return "handle", ()
        case IntType():
            return "integer", (type_,)
        case FloatType():
            return "float", (type_,)
        case CharType():
            return "Char", ()
        case _:
            return "", ()
