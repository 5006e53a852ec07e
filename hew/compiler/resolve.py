"""Names -> declarations: what a file declares, and the types its declarations are written with.

Before: the items of a module.
After: `Declarations`: each record, actor, function and constant by its name, with resolved types of
fields, parameters and results. Bodies are not looked at; `check` does that.
Reports: two items of one name, unknown types, records that contain themselves, what comes later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.builtins import LATER_TYPES
from hew.compiler.types import (
    ANY,
    ERROR,
    MAX_PARTS,
    SIMPLE_TYPES,
    UNIT,
    ActorType,
    EnumType,
    ErrorType,
    FutureType,
    Mutable,
    RecordFieldType,
    RecordType,
    TupleType,
    Type,
    TypeVar,
    VecType,
    contains_itself,
    is_too_large,
)
from hew.compiler.words import counted, did_you_mean, were_given

if TYPE_CHECKING:
    from hew.compiler.codes import Code
    from hew.compiler.diagnostics import Report
    from hew.compiler.source import Source, Span

GENERIC_TYPES = {"Vec": 1, "Option": 1, "Result": 2, "Future": 1, "ActorRef": 1}


class Default(Mutable):
    """A value given in advance: a constant, or the default of a field or parameter. Checked when first needed."""

    name: str
    type: Type
    written: ast.Expr
    must_fold: bool  # constants and defaults of parameters
    span: Span
    state: str = "new"  # new, busy, done
    value: c.Expr | None = None  # a literal, when it folds
    function: c.Function | None = None  # computes it, when it does not
    used: bool = False


class Parameter(Mutable):
    name: str
    type: Type
    span: Span
    mutable: bool
    default: Default | None


class FunctionInfo(Mutable):
    """A function, handler, helper or init as declared."""

    name: str
    symbol: str
    kind: str
    span: Span
    params: list[Parameter]
    result: Type
    body: ast.Block
    result_span: Span | None = None
    infers_result: bool = False
    broken: bool = False  # of a form that comes later: calls of it are not checked
    actor: ActorInfo | None = None
    state: str = "new"  # new, busy, done
    checked: c.Function | None = None
    used: bool = False
    pure: bool = False

    @property
    def signature(self) -> str:
        params = ", ".join(f"{one.name}: {one.type}" for one in self.params)
        result = "" if self.result == UNIT else f" -> {'_' if self.infers_result else self.result}"
        return f"{self.name}({params}){result}" if self.kind == "init" else f"fn {self.name}({params}){result}"


class FieldInfo(Mutable):
    name: str
    type: Type
    span: Span
    default: Default | None


class ActorInfo:
    """An actor as declared; `node` is what becomes of it. Here as elsewhere what is `pub` counts as used."""

    def __init__(self, decl: ast.ActorDecl, node: c.Actor) -> None:
        self.decl = decl
        self.node = node
        self.fields: dict[str, int] = {}
        self.field_infos: list[FieldInfo] = []
        self.handlers: dict[str, FunctionInfo] = {}
        self.handler_nodes: dict[str, c.Handler] = {}
        self.helpers: dict[str, FunctionInfo] = {}
        self.init: FunctionInfo | None = None
        self.used = decl.public

    @property
    def type(self) -> ActorType:
        return self.node.type


class RecordInfo:
    def __init__(self, decl: ast.RecordDecl, type_: RecordType) -> None:
        self.decl = decl
        self.type = type_
        self.defaults: list[Default | None] = []
        self.used = decl.public


class AliasInfo(Mutable):
    decl: ast.AliasDecl
    state: str = "new"
    type: Type = ERROR
    used: bool = False


TypeEntry = RecordInfo | ActorInfo | AliasInfo | ErrorType
ValueEntry = FunctionInfo | Default | ErrorType


class Declarations:
    """All that a file declares. Names map to `ERROR` where the declaration is of a kind that comes later."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        self.types: dict[str, TypeEntry] = {}
        self.values: dict[str, ValueEntry] = {}
        self.records: list[RecordInfo] = []
        self.actors: list[ActorInfo] = []
        self.functions: list[FunctionInfo] = []
        self.constants: list[Default] = []
        self.record_infos: dict[RecordType, RecordInfo] = {}
        self.actor_infos: dict[ActorType, ActorInfo] = {}
        # Something was skipped, so that a name that is not found may be declared there: say nothing of it.
        self.incomplete = False
        self.has_impls = False
        self.failed = False
        self._symbols: set[str] = set()

    # ---- reporting

    def error(
        self,
        code: Code,
        span: Span,
        *,
        message: str | None = None,
        label: str | None = None,
        help: str | None = None,
        notes: Iterable[str] = (),
        secondary: Iterable[tuple[Span, str]] = (),
        **args: Any,
    ) -> None:
        self.failed = True
        self.report.error(
            code, span, message=message, label=label, help=help, notes=list(notes), secondary=list(secondary), **args
        )

    def warn(
        self,
        code: Code,
        span: Span,
        *,
        message: str | None = None,
        label: str | None = None,
        help: str | None = None,
        secondary: Iterable[tuple[Span, str]] = (),
        **args: Any,
    ) -> None:
        self.report.warning(code, span, message=message, label=label, help=help, secondary=list(secondary), **args)

    def later(self, what: str, level: str, span: Span) -> None:
        self.error(codes.E0901, span, what=what, level=level)

    def symbol(self, wanted: str) -> str:
        """A name for code that no other function has."""
        name, number = wanted, 2
        while name in self._symbols:
            name, number = f"{wanted}.{number}", number + 1
        self._symbols.add(name)
        return name

    # ---- collecting

    def collect(self, module: ast.Module) -> None:
        spans: dict[tuple[str, str], Span] = {}
        for item in module.items:
            self._item(item, spans)
        for alias in [one for one in self.types.values() if isinstance(one, AliasInfo)]:
            self._alias(alias, alias.decl.name.span)
        for record in self.records:
            self._record_fields(record)
        for record in self.records:
            self._refuse_infinite(record)
        for actor in self.actors:
            self._actor_members(actor)
        for item in module.items:
            if isinstance(item, ast.FnDecl):
                self._complete_function(item)
            elif isinstance(item, ast.ConstDecl):
                self._complete_constant(item)

    def _declare(self, space: str, name: ast.Ident, spans: dict[tuple[str, str], Span]) -> bool:
        first = spans.setdefault((space, name.text), name.span)
        if first is name.span:
            return True
        self.error(
            codes.E0102, name.span, label="defined again", secondary=[(first, "first defined here")], name=name.text
        )
        return False

    def _item(self, item: ast.Item, spans: dict[tuple[str, str], Span]) -> None:  # noqa: C901 - a match over kinds
        match item:
            case ast.FnDecl(name=name):
                if self._declare("value", name, spans):
                    self.values[name.text] = info = self.declare_function(item, name.text)
                    info.used = item.public
                    self.functions.append(info)
            case ast.ConstDecl(name=name):
                if self._declare("value", name, spans):
                    constant = Default(name.text, ERROR, item.value, True, name.span, used=item.public)
                    self.values[name.text] = constant
                    self.constants.append(constant)
            case ast.RecordDecl(name=name):
                self._record(item, spans)
            case ast.AliasDecl(name=name):
                if self._declare("type", name, spans):
                    self.types[name.text] = AliasInfo(item, used=item.public)
            case ast.ActorDecl(name=name):
                if self._declare("type", name, spans):
                    type_ = ActorType(name.text, name.span, len(self.actors))
                    node = c.Actor(name.text, type_, name.span, [], [], [])
                    self.types[name.text] = actor = ActorInfo(item, node)
                    self.actors.append(actor)
                    self.actor_infos[node.type] = actor
            case ast.EnumDecl(name=name):
                self.later("enums", "L1", item.name.span)
                self.types[name.text] = ERROR
                for variant in item.variants:
                    self.values.setdefault(variant.name.text, ERROR)
            case ast.ImplDecl():
                self.later("methods ('impl')", "L1", head_of(item.span, 4))
                self.has_impls = True
            case ast.ImportDecl():
                self._import(item)
            case _:  # Unsupported, Broken
                self.incomplete = True
                self.failed = True

    def _import(self, item: ast.ImportDecl) -> None:
        standard = (
            len(item.path) == 2 and item.path[0].text == "std" and item.path[1].text in ("math", "time", "random")
        )
        if standard:
            self.later("standard modules", "L1", item.span)
        else:
            self.later("modules" if item.path[0].text != "std" else "other standard modules", "L3", item.span)
        names = [item.path[-1]] if item.names is None else [one.alias or one.name for one in item.names]
        for name in names:
            self.values.setdefault(name.text, ERROR)
            self.types.setdefault(name.text, ERROR)
        self.incomplete = True

    def _record(self, item: ast.RecordDecl, spans: dict[tuple[str, str], Span]) -> None:
        if not self._declare("type", item.name, spans):
            return
        if item.generics or item.where:
            self.later("generic records", "L1", item.name.span)
            self.types[item.name.text] = ERROR
            return
        info = RecordInfo(item, RecordType(item.name.text, item.name.span, []))
        self.types[item.name.text] = info
        self.records.append(info)
        self.record_infos[info.type] = info

    def _record_fields(self, info: RecordInfo) -> None:
        seen: dict[str, Span] = {}
        for one in info.decl.fields:
            if self._twice(one.name, seen, "record"):
                continue
            type_ = self.type_of(one.type)
            default = None
            if one.default is not None:
                symbol = f"{info.type.name}.{one.name.text}.default"
                default = Default(symbol, type_, one.default, False, one.name.span)
            info.type.fields.append(RecordFieldType(one.name.text, one.name.span, type_, default is not None))
            info.defaults.append(default)

    def _refuse_infinite(self, info: RecordInfo) -> None:
        if contains_itself(info.type):
            self.error(codes.E0209, self._field_that_leads_back(info), name=info.type.name)
        elif is_too_large(info.type):
            self.too_large(info.type.name, info.type.span)
        else:
            return
        info.type.fields = [RecordFieldType(one.name, one.span, ERROR, one.has_default) for one in info.type.fields]

    def too_large(self, name: str, span: Span) -> None:
        message = f"{name} is too large: a value would hold more than {MAX_PARTS} parts"
        self.error(codes.E0209, span, message=message, label="too large", help="hold some of it in a Vec")

    def _field_that_leads_back(self, info: RecordInfo) -> Span:
        fields = info.type.fields
        for one in fields:
            info.type.fields = [one]
            if contains_itself(info.type):
                break
        info.type.fields = fields
        return one.span

    def _twice(self, name: ast.Ident, seen: dict[str, Span], place: str) -> bool:
        first = seen.setdefault(name.text, name.span)
        if first is name.span:
            return False
        self.error(
            codes.E0104,
            name.span,
            label="defined again",
            secondary=[(first, "first defined here")],
            name=name.text,
            place=place,
            help="choose another name",
        )
        return True

    # ---- functions and constants

    def declare_function(self, item: ast.FnDecl, symbol: str, kind: str = "function") -> FunctionInfo:
        """The function without its types."""
        info = FunctionInfo(item.name.text, self.symbol(symbol), kind, item.name.span, [], ERROR, item.body)
        info.pure = item.pure
        if item.generics or item.where:
            self.later("generic functions", "L1", item.name.span)
            info.broken = True
        return info

    def _complete_function(self, item: ast.FnDecl) -> None:
        info = self.values.get(item.name.text)
        if isinstance(info, FunctionInfo) and info.body is item.body:
            self.complete(info, item.params, item.result)

    def complete(self, info: FunctionInfo, params: tuple[ast.Param, ...], result: ast.TypeExpr | None) -> None:
        """Resolve the types of a declared function."""
        if info.broken:
            return
        seen: dict[str, Span] = {}
        for one in params:
            if self._twice(one.name, seen, "list of parameters"):
                continue
            if one.type is None:
                self.error(codes.E0110, one.name.span, name="self", place="an actor or method")
            type_ = self.type_of(one.type) if one.type is not None else ERROR
            default = None
            if one.default is not None:
                default = Default(f"{info.symbol}.{one.name.text}.default", type_, one.default, True, one.name.span)
            info.params.append(Parameter(one.name.text, type_, one.name.span, one.mutable, default))
        if result is None:
            info.result = UNIT
        elif isinstance(result, ast.InferType):
            info.infers_result = True
            info.result = TypeVar(ANY, result.span, UNIT)
        else:
            info.result = self.type_of(result)
        info.result_span = result.span if result is not None else None

    def _complete_constant(self, item: ast.ConstDecl) -> None:
        info = self.values.get(item.name.text)
        if isinstance(info, Default) and info.written is item.value:
            info.type = self.type_of(item.type)

    # ---- actors

    def _actor_members(self, info: ActorInfo) -> None:
        decl, node = info.decl, info.node
        if decl.bounds:
            self.later("bounds of actors", "L3", decl.bounds[0].span)
        seen: dict[str, Span] = {}
        for one in decl.fields:
            if not self._twice(one.name, seen, "actor"):
                self._actor_field(info, one)
        for handler in decl.handlers:
            if not self._twice(handler.name, seen, "actor"):
                self._handler(info, handler)
        for helper in decl.functions:
            if not self._twice(helper.name, seen, "actor"):
                function = self.declare_function(helper, f"{node.name}.{helper.name.text}", "helper")
                function.actor = info
                self.complete(function, helper.params, helper.result)
                info.helpers[helper.name.text] = function
        if decl.init is not None:
            span = head_of(decl.init.span, 4)
            symbol = self.symbol(f"{node.name}.init")
            info.init = FunctionInfo("init", symbol, "init", span, [], UNIT, decl.init.body, actor=info)
            self.complete(info.init, decl.init.params, None)

    def _actor_field(self, info: ActorInfo, one: ast.ActorField) -> None:
        name = one.name.text
        type_ = self.type_of(one.type)
        default = None
        if one.default is not None:
            default = Default(f"{info.node.name}.{name}.default", type_, one.default, False, one.name.span)
        info.fields[name] = len(info.field_infos)
        info.field_infos.append(FieldInfo(name, type_, one.name.span, default))
        info.node.fields.append(c.ActorField(name, type_, one.name.span))

    def _handler(self, info: ActorInfo, decl: ast.Handler) -> None:
        symbol = self.symbol(f"{info.node.name}.{decl.name.text}")
        function = FunctionInfo(decl.name.text, symbol, "handler", decl.name.span, [], UNIT, decl.body, actor=info)
        function.pure = decl.pure
        self.complete(function, decl.params, decl.result)
        if function.infers_result:
            self.error(
                codes.E0206,
                function.result_span or decl.name.span,
                label="a handler says its result",
                what="its result",
                help="write '-> Type'",
            )
            function.result, function.infers_result = ERROR, False
        info.handlers[decl.name.text] = function

    # ---- types

    def type_of(self, written: ast.TypeExpr, *, allow_unknown: bool = False, bare: bool = False) -> Type:
        """The type that is written; `_` is a fresh variable where inference can find it, and with `bare` so are
        the arguments that `Vec` lacks in `Vec::new()`."""
        match written:
            case ast.NamedType():
                return self._named(written, allow_unknown=allow_unknown, bare=bare)
            case ast.TupleType(items=items):
                if not items:
                    return UNIT
                if len(items) > 16:
                    self.error(
                        codes.E0205, written.span, label="2 to 16 items", expected="at most 16", found=len(items)
                    )
                return TupleType(tuple([self.type_of(one, allow_unknown=allow_unknown) for one in items]))
            case ast.ListType(item=item):
                return VecType(self.type_of(item, allow_unknown=allow_unknown))
            case ast.InferType():
                if allow_unknown:
                    return TypeVar(ANY, written.span)
                self.error(codes.E0206, written.span, label="write the type", what="a type that is not written")
                return ERROR
            case ast.ArrayType():
                self.later("fixed arrays", "L1", written.span)
            case ast.FnType():
                self.later("function values", "L1", written.span)
            case _:
                self.failed = True
        return ERROR

    def _named(self, written: ast.NamedType, *, allow_unknown: bool, bare: bool) -> Type:
        name = written.path[0].text
        if len(written.path) > 1:
            if not isinstance(self.types.get(name), ErrorType):
                self.later("types of modules", "L3", written.span)
            return ERROR
        args = [self.type_of(one, allow_unknown=allow_unknown) for one in written.args]
        entry = self.types.get(name)
        if entry is not None:
            return self._user_type(entry, written, args)
        if name in SIMPLE_TYPES:
            return SIMPLE_TYPES[name] if self._arity(written, name, 0) else ERROR
        if name in GENERIC_TYPES:
            return self._generic(written, name, args, bare=bare)
        if name in LATER_TYPES:
            self.later(f"values of the type '{name}'", LATER_TYPES[name], written.span)
        elif name == "Range":
            self.later("ranges as values", "L1", written.span)
        elif not self.incomplete:
            self.error(codes.E0107, written.path[0].span, label="unknown type", help=self.like_type(name), name=name)
        else:
            self.failed = True
        return ERROR

    def like_type(self, name: str) -> str | None:
        known = [*self.types, *SIMPLE_TYPES, *GENERIC_TYPES]
        return did_you_mean(name, known) if not self.report.is_full else None

    def _arity(self, written: ast.NamedType, name: str, wanted: int) -> bool:
        if len(written.args) == wanted:
            return True
        self.error(
            codes.E0217,
            written.span,
            name=f"'{name}'",
            expected=counted(wanted, "type argument"),
            found=were_given(len(written.args)),
        )
        return False

    def _user_type(self, entry: TypeEntry, written: ast.NamedType, args: list[Type]) -> Type:
        if isinstance(entry, ErrorType) or not self._arity(written, written.path[0].text, 0):
            return ERROR
        entry.used = True
        return self._alias(entry, written.span) if isinstance(entry, AliasInfo) else entry.type

    def _alias(self, alias: AliasInfo, span: Span) -> Type:
        if alias.state == "busy":
            self.error(codes.E0209, span, label="this would never end", name=alias.decl.name.text)
        elif alias.state == "new":
            alias.state = "busy"
            if alias.decl.generics:
                self.later("generic aliases", "L1", alias.decl.name.span)
            else:
                alias.type = self.type_of(alias.decl.target)
                if is_too_large(alias.type):
                    self.too_large(f"'{alias.decl.name.text}'", alias.decl.name.span)
                    alias.type = ERROR
            alias.state = "done"
        return alias.type

    def _generic(self, written: ast.NamedType, name: str, args: list[Type], *, bare: bool) -> Type:
        if not args and bare:
            args = [TypeVar(ANY, written.span) for _ in range(GENERIC_TYPES[name])]
        elif not self._arity(written, name, GENERIC_TYPES[name]):
            return ERROR
        match name:
            case "Vec":
                return VecType(args[0])
            case "Future":
                return FutureType(args[0])
            case "ActorRef":
                if isinstance(args[0], ActorType | ErrorType):
                    return args[0]
                self.error(
                    codes.E0108,
                    written.span,
                    label="ActorRef<..> needs an actor",
                    name=str(args[0]),
                    found="no actor",
                    expected="an actor",
                )
                return ERROR
            case _:
                return EnumType(name, tuple(args))


def head_of(span: Span, length: int) -> Span:
    """The first characters of a span: the keyword it begins with."""
    return type(span)(span.start, min(span.end, span.start + length))
