"""The state of checking one body, and what every kind of expression needs: scopes, conversion to the wanted type.

`Body` (in `check/__init__`) is put together from the mixins of this package; each adds the checking of one
part of the language and all see this base. `want` is the type that the place of an expression asks for: None
when it asks for none, `DISCARD` when the value will be dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.check.infer import final, poison, resolve, shown, unify
from hew.compiler.codes import Code
from hew.compiler.resolve import ActorInfo, Declarations, Default, FunctionInfo
from hew.compiler.source import Span
from hew.compiler.types import (
    ANY,
    ERROR,
    INT,
    NEVER,
    NUMBER,
    STRING,
    UNIT,
    EnumType,
    ErrorType,
    FloatType,
    IntType,
    Mutable,
    NeverType,
    Type,
    TypeVar,
    UnitType,
    can_cast,
    widens,
)
from hew.compiler.words import with_article


class _Discard(UnitType):
    """The wish of a place that drops the value."""


DISCARD: Final = _Discard()
Why = tuple[Span, str]  # a second place of an error, and what is said of it
_WRAPPERS: Final = {"Option": "Some", "Result": "Ok"}
NO_LOCALS: Final[frozenset[c.Local]] = frozenset()


class LoopState(Mutable):
    """A loop being checked. `open` gathers the locals without a value at its breaks."""

    node: c.AnyLoop
    keyword: str
    want: Type | None
    breaks: list[c.Break]
    open: frozenset[c.Local]
    depth: int


class Later:
    """Gives what other bodies must be asked for; `check.Checker` is it."""

    def finished_default(self, default: Default) -> c.Expr:
        raise NotImplementedError

    def function_node(self, info: FunctionInfo, span: Span) -> c.Function:
        raise NotImplementedError

    def nested(self, item: ast.FnDecl, info: FunctionInfo, outer: list[dict[str, Any]]) -> None:
        raise NotImplementedError


Named = c.Local | FunctionInfo | Default | ErrorType


class BodyBase:
    """One function, or one constant, while it is checked."""

    def __init__(
        self, declarations: Declarations, later: Later, *, symbol: str, actor: ActorInfo | None, result: Type
    ) -> None:
        self.declarations = declarations
        self.later_work = later
        self.symbol = symbol
        self.actor = actor
        self.result = result
        self.result_why: Why | None = None
        self.function_name = ""
        self.scopes: list[dict[str, Named]] = [{}]
        self.loops: list[LoopState] = []
        self.locals: list[c.Local] = []
        self.parameters: list[c.Local] = []
        self.deferred: list[Callable[[], None]] = []
        # Locals that have no value yet on some path to here, with the depth of loops they were declared at.
        self.open: frozenset[c.Local] = NO_LOCALS
        self.open_depth: dict[c.Local, int] = {}
        self.open_mutable: set[c.Local] = set()
        self.constant = False  # no locals, no calls: only what can be folded

    # ---- what the mixins provide

    def expr(self, node: ast.Expr, want: Type | None = None) -> c.Expr:
        raise NotImplementedError

    def block(self, node: ast.Block, want: Type | None) -> c.Block:
        raise NotImplementedError

    def statement(self, node: ast.Stmt, into: list[c.Stmt]) -> None:
        raise NotImplementedError

    # ---- reporting

    def error(
        self,
        code: Code,
        span: Span,
        *,
        message: str | None = None,
        label: str | None = None,
        help: str | None = None,
        secondary: Iterable[Why] = (),
        **args: Any,
    ) -> c.Expr:
        """Report; gives an expression of the error type to stand for what failed."""
        self.declarations.error(code, span, message=message, label=label, help=help, secondary=secondary, **args)
        return self.failed(span)

    def failed(self, span: Span) -> c.Expr:
        """Stands for something that has been reported."""
        self.declarations.failed = True
        return c.UnitLit(ERROR, span)

    def later(self, what: str, level: str, span: Span) -> c.Expr:
        """A construct that is part of the language, but not of this version."""
        self.declarations.later(what, level, span)
        return self.failed(span)

    def mismatch(
        self, span: Span, expected: Type, found: Type, *, why: Why | None = None, node: c.Expr | None = None
    ) -> c.Expr:
        """E0201 with the conversion that works, if there is one."""
        expected, found = resolve(expected), resolve(found)
        if isinstance(expected, ErrorType) or isinstance(found, ErrorType):
            return self.failed(span)
        text = shown(found)
        label = f"this is {with_article(text)}"
        help = self._conversion(span, expected, found)
        return self.error(
            codes.E0201, span, label=label, help=help or "", secondary=[why] if why is not None else [],
            expected=shown(expected), found=text,
        )  # fmt: skip

    def _conversion(self, span: Span, expected: Type, found: Type) -> str | None:
        text = self.declarations.source.slice(span)
        if len(text) > 30 or "\n" in text:
            text = "x"
        simple = all(one.isalnum() or one in "_.()[]" for one in text)
        operand = text if simple else f"({text})"
        if isinstance(found, TypeVar):
            found = final(found, [])
        if found == STRING and expected == INT:
            return f"parse it: {operand}.parse_int()" if not text.startswith('"') else None
        if expected == STRING and (isinstance(found, IntType | FloatType) or str(found) in ("Bool", "Char")):
            return f'make it text: f"{{{text}}}"'
        if isinstance(expected, EnumType) and expected.name in _WRAPPERS and resolve(expected.args[0]) == found:
            return f"wrap it: {_WRAPPERS[expected.name]}({text})"
        if isinstance(found, EnumType) and found.name in _WRAPPERS and final(found.args[0], []) == expected:
            return f"take its value out with 'match', or {operand}.unwrap_or(...)"
        if isinstance(expected, IntType | FloatType) and can_cast(found, expected):
            return f"convert: {operand} as {expected}"
        return None

    # ---- types

    def fresh(self, span: Span, kind: int = ANY, default: Type | None = None) -> TypeVar:
        return TypeVar(kind, span, default)

    def value_type(self, node: c.Expr) -> Type:
        """The type of a place that holds the value; what never comes fits anything."""
        return TypeVar(ANY, node.span, UNIT) if is_never(node) else node.type

    def number(self, value: int, span: Span) -> c.IntLit:
        """An integer literal that adapts to its place."""
        return c.IntLit(self.fresh(span, NUMBER), span, value)

    def check(self, node: ast.Expr, want: Type, why: Why | None = None) -> c.Expr:
        """An expression that must have a type."""
        return self.coerce(self.expr(node, want), want, why)

    def coerce(self, node: c.Expr, want: Type, why: Why | None = None) -> c.Expr:
        """The expression as a value of the wanted type: as it is, widened, or an error."""
        found, wanted = resolve(node.type), resolve(want)
        if found is wanted or isinstance(found, NeverType | ErrorType):
            return node
        if isinstance(wanted, ErrorType):
            poison(found)
            return node
        if isinstance(found, IntType | FloatType) and isinstance(wanted, IntType | FloatType):
            if found == wanted:
                return node
            if widens(found, wanted):
                return c.Cast(wanted, node.span, node)
        elif unify(found, wanted):
            return node
        span = node.span
        if isinstance(node, c.Block) and node.result is None:
            span = node.end_span
        elif isinstance(node, c.Block) and node.result is not None:
            span = node.result.span
        return self.mismatch(span, wanted, found, why=why, node=node)

    def join(self, nodes: list[c.Expr], what: str) -> tuple[list[c.Expr], Type]:
        """Branches that must agree: each as a value of their common type, which is the widest of theirs."""
        common: Type = NEVER
        for node in nodes:
            found = resolve(node.type)
            if isinstance(common, NeverType) or widens(resolve(common), found):
                common = found
        agreed: list[c.Expr] = []
        first = next((node for node in nodes if not isinstance(resolve(node.type), NeverType)), None)
        for node in nodes:
            found = resolve(node.type)
            if isinstance(found, NeverType) or widens(found, resolve(common)):
                agreed.append(self.coerce(node, common) if not isinstance(found, NeverType) else node)
            elif unify(found, common):
                agreed.append(node)
            else:
                assert first is not None
                agreed.append(
                    self.error(
                        codes.E0213, value_span(node),
                        message=f"{what} differ in type: {shown(common)} and {shown(found)}",
                        label=f"this is {with_article(shown(found))}",
                        secondary=[(value_span(first), f"this is {with_article(shown(common))}")],
                    )
                )  # fmt: skip
        return agreed, common

    # ---- scopes

    def push(self) -> None:
        self.scopes.append({})

    def pop(self) -> None:
        self.scopes.pop()

    def find(self, name: str) -> Named | None:
        """A local, or a function or constant of a block, or an item of the file; inner ones first."""
        for scope in reversed(self.scopes):
            found = scope.get(name)
            if found is not None:
                return found
        return None

    def item(self, name: str) -> Named | None:
        return self.declarations.values.get(name)

    def declare(self, name: str, type_: Type, span: Span, *, mutable: bool) -> c.Local:
        """A new local in the innermost scope."""
        local = c.Local(name, type_, mutable, span)
        self.locals.append(local)
        if name == "_":
            return local
        scope = self.scopes[-1]
        first = scope.get(name)
        if first is not None:
            self.error(
                codes.E0104, span, help=f"assign with '{name} = ...' to a 'var', or choose another name",
                secondary=[(first.span, "first defined here")] if not isinstance(first, ErrorType) else [],
                name=name, place="block",
            )  # fmt: skip
        if self.refuse_hiding(name, span):
            local.used = local.mutable = True  # what follows from it is no news
        scope[name] = local
        return local

    def refuse_hiding(self, name: str, span: Span) -> bool:
        """Nothing may hide a field of the actor; does it?"""
        if self.actor is None or name not in self.actor.fields:
            return False
        field = self.actor.field_infos[self.actor.fields[name]]
        self.error(codes.E0105, span, secondary=[(field.span, "the field")], name=name, actor=self.actor.node.name)
        return True

    def temporary(self, value: c.Expr) -> tuple[c.Let, c.LocalRef]:
        """A local that keeps a value for later in the same expression."""
        local = c.Local("_", value.type, False, value.span, used=True)
        return c.Let(value.span, local, value), c.LocalRef(value.type, value.span, local)

    def defer(self, action: Callable[[], None]) -> None:
        """Do it when the types of the function are known."""
        self.deferred.append(action)


def value_span(node: c.Expr) -> Span:
    """Where the value of an expression comes from: the last expression of a block."""
    while isinstance(node, c.Block) and node.result is not None:
        node = node.result
    return node.span


def is_never(node: c.Expr) -> bool:
    return isinstance(resolve(node.type), NeverType)


def is_error(type_: Type) -> bool:
    return isinstance(resolve(type_), ErrorType)
