"""The tree as written -> the tree as understood, or diagnostics.

Before: `ast.Module`.  After: `checked.CheckedProgram` (see there what is settled in it), or None when
anything is wrong; all that is wrong is in the report.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.check.body import DISCARD, Later, is_never
from hew.compiler.check.constants import NotConstant, fold
from hew.compiler.check.finish import finish
from hew.compiler.check.infer import final, resolve, shown, unify
from hew.compiler.check.moves import mark_last_uses
from hew.compiler.check.purity import first_effect
from hew.compiler.check.statements import Statements
from hew.compiler.mono import monomorphise
from hew.compiler.resolve import ActorInfo, AliasInfo, Declarations, Default, FunctionInfo, RecordInfo
from hew.compiler.source import Source, Span
from hew.compiler.types import (
    ERROR,
    INT,
    UNIT,
    ErrorType,
    FutureType,
    IntType,
    NeverType,
    Type,
    UnitType,
    is_sendable,
)
from hew.compiler.walk import nodes
from hew.compiler.words import with_article

if TYPE_CHECKING:
    from hew.compiler.diagnostics import Report

Item = FunctionInfo | Default | ActorInfo | RecordInfo | AliasInfo
STACK: Final = 30_000  # Python frames: nesting is bounded by the parser, each level takes up to ten


def check(module: ast.Module, source: Source, report: Report) -> c.CheckedProgram | None:
    """Check a whole file. Never raises for anything a program says."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, STACK))
    try:
        return _Checker(source, report).program(module)
    except RecursionError:
        report.error(codes.E0005, module.span, message="the program is nested too deeply to be understood")
        return None
    finally:
        sys.setrecursionlimit(limit)


class Body(Statements):
    """All mixins together: one body while it is checked."""

    def __init__(
        self, declarations: Declarations, later: Later, *, symbol: str, actor: ActorInfo | None, result: Type
    ) -> None:
        super().__init__(declarations, later, symbol=symbol, actor=actor, result=result)
        self.patterns_to_finish = []
        self.block_constants = []
        self.loop_variables = set()


class _Checker(Later):
    """The work list of one file."""

    def __init__(self, source: Source, report: Report) -> None:
        self.declarations = Declarations(source, report)
        self.functions: list[c.Function] = []
        self.scopes_of: dict[FunctionInfo | Default, list[dict[str, Any]]] = {}
        self.waiting: list[FunctionInfo] = []
        self.infos: dict[c.Function, FunctionInfo] = {}
        self.block_constants: list[Default] = []

    def program(self, module: ast.Module) -> c.CheckedProgram | None:
        declarations = self.declarations
        declarations.collect(module)
        for actor in declarations.actors:
            self._prepare(actor)
        main = self._main(module)
        for info in [*declarations.functions, *self._members()]:
            self._check_function(info)
        while self.waiting:
            self._check_function(self.waiting.pop())
        for default in self._defaults():
            self.finished_default(default)
        while self.waiting:
            self._check_function(self.waiting.pop())
        self._check_purity()
        self._warn_unused()
        if declarations.failed or declarations.report.has_errors or main is None:
            return None
        return self._result(main)

    # ---- declarations

    def _prepare(self, actor: ActorInfo) -> None:
        """The nodes of an actor's members, before any body sends to them."""
        node = actor.node
        for info in actor.handlers.values():
            handler = c.Handler(info.name, len(node.handlers), self._node(info), node)
            node.handlers.append(handler)
            actor.handler_nodes[info.name] = handler
            self._check_sendable(info)
        node.helpers.extend(self._node(info) for info in actor.helpers.values() if not info.broken)
        if actor.init is not None:
            node.init = c.Handler("init", len(node.handlers), self._node(actor.init), node)
            self._check_sendable(actor.init)
        if actor.decl.mailbox is not None:
            node.mailbox = self._mailbox(actor.decl.mailbox)

    def _check_sendable(self, info: FunctionInfo) -> None:
        for param in info.params:
            if not is_sendable(param.type):
                self._not_sendable(param.type, param.span)
        if not is_sendable(info.result) and info.result_span is not None:
            self._not_sendable(info.result, info.result_span)

    def _not_sendable(self, type_: Type, span: Span) -> None:
        text = str(type_)
        self.declarations.error(codes.E0507, span, type=text, article=with_article(text).split()[0])

    def _mailbox(self, member: ast.Mailbox) -> int | None:
        bound = Default("mailbox", INT, member.bound, True, member.bound.span)
        value = self.finished_default(bound)
        if isinstance(value, c.IntLit):
            if 1 <= value.value <= 16_777_215:
                return value.value
            what = (
                "the bound of a mailbox must be 1 or more"
                if value.value < 1
                else "the bound of a mailbox is at most 16777215"
            )
            self.declarations.error(codes.E0509, member.bound.span, message=what)
        return None

    def _main(self, module: ast.Module) -> c.Function | None:
        info = self.declarations.values.get("main")
        if not isinstance(info, FunctionInfo):
            if not self.declarations.incomplete:
                self.declarations.error(codes.E0902, Span(module.span.start, module.span.start))
            return None
        info.used = True
        result = resolve(info.result)
        if info.broken:
            return None
        if info.params or not (isinstance(result, UnitType | IntType | ErrorType) or info.infers_result):
            self.declarations.error(
                codes.E0902, info.span, message="'main' takes no parameters and gives nothing or an integer",
                label="another signature", help="write: fn main() { ... }",
            )  # fmt: skip
            return None
        node = self.function_node(info, info.span)
        if info.infers_result and not isinstance(resolve(node.result), UnitType | IntType | ErrorType):
            self.declarations.error(
                codes.E0902, info.span, message="'main' gives nothing or an integer", label="another result", help=""
            )
        return node

    def _members(self) -> list[FunctionInfo]:
        found: list[FunctionInfo] = []
        for actor in self.declarations.actors:
            found += [
                *([actor.init] if actor.init is not None else []),
                *actor.handlers.values(),
                *actor.helpers.values(),
            ]
        return found

    def _defaults(self) -> list[Default]:
        """Every constant and default, so that those that nobody uses are checked too."""
        found = list(self.declarations.constants)
        found += [one for record in self.declarations.records for one in record.defaults if one is not None]
        for actor in self.declarations.actors:
            found += [one.default for one in actor.field_infos if one.default is not None]
        for info in [*self.declarations.functions, *self._members()]:
            found += [param.default for param in info.params if param.default is not None]
        return found + [one for one in self.scopes_of if isinstance(one, Default)]

    # ---- functions

    def _node(self, info: FunctionInfo) -> c.Function:
        """The function's node, its body still to come."""
        if info.checked is None:
            params = [c.Local(one.name, one.type, one.mutable, one.span, is_parameter=True) for one in info.params]
            actor = info.actor.node if info.actor is not None else None
            end = Span(max(info.body.span.end - 1, info.body.span.start), info.body.span.end)
            info.checked = c.Function(info.name, info.symbol, info.kind, params, info.result, info.span, end, actor)
            self.infos[info.checked] = info
        return info.checked

    def function_node(self, info: FunctionInfo, span: Span) -> c.Function:
        node = self._node(info)
        if info.infers_result and info.state == "busy":
            self.declarations.error(
                codes.E0206, span, label="called while it is inferred", help=f"write the result of '{info.name}'",
                what=f"the result of '{info.name}'",
            )  # fmt: skip
            unify(info.result, ERROR)
            node.result = ERROR
        elif info.infers_result and info.state == "new":
            self._check_function(info)
        return node

    def nested(self, item: ast.FnDecl, info: FunctionInfo, outer: list[dict[str, Any]]) -> None:
        self.scopes_of[info] = outer
        self.waiting.append(info)

    def _check_function(self, info: FunctionInfo) -> None:
        if info.state != "new" or info.broken:
            return
        info.state = "busy"
        node = self._node(info)
        body = Body(self.declarations, self, symbol=info.symbol, actor=info.actor, result=info.result)
        body.function_name = info.name
        if info.result_span is not None:
            body.result_why = (info.result_span, f"'{info.name}' gives {with_article(shown(info.result))}")
        body.scopes = [*self.scopes_of.get(info, []), {}]
        for local in node.params:
            body.refuse_hiding(local.name, local.span)
            body.scopes[-1][local.name] = local
            body.parameters.append(local)
        node.body = self._function_body(info, body)
        finish(body, [node.body], body.patterns_to_finish)
        node.result = info.result = final(info.result, [])
        info.state = "done"
        self._note_constants(body)
        self._complete(node, body)

    def _function_body(self, info: FunctionInfo, body: Body) -> c.Block:
        written = info.body
        value = written.value
        ends = isinstance(value, ast.While | ast.For) or (isinstance(value, ast.If) and value.otherwise is None)
        result = resolve(info.result)
        if isinstance(result, UnitType):
            return body.block(written, DISCARD)
        if value is not None and ends:
            statements = (*written.statements, ast.ExprStmt(value.span, value))
            written = ast.Block(written.span, statements, None)
        made = body.block(written, info.result)
        if made.result is None and not is_never(made):
            if info.infers_result and unify(info.result, UNIT):
                return made
            self._no_value(info, made)
        elif not is_never(made):
            checked = body.coerce(made, info.result)
            assert isinstance(checked, c.Block | c.UnitLit)
        return made

    def _no_value(self, info: FunctionInfo, made: c.Block) -> None:
        text = shown(info.result)
        if not isinstance(resolve(info.result), ErrorType):
            article = with_article(text).split()[0] if not text.startswith("(") else "a"
            self.declarations.error(codes.E0306, made.end_span, name=info.name, article=article, type=text)

    def _complete(self, node: c.Function, body: Body) -> None:
        """What follows when the types of a function are known."""
        if not self.declarations.failed:
            mark_last_uses(node)
            _mark_tail_calls(node)
        if node.actor is None:
            self.functions.append(node)
        self._warn_unused_locals(body)

    def _warn_unused_locals(self, body: Body) -> None:
        for local in [*body.parameters, *body.locals]:
            if local.used or local.name.startswith("_") or isinstance(local.type, ErrorType):
                continue
            if isinstance(local.type, FutureType) and not local.is_parameter:
                self.declarations.warn(codes.W0501, local.span, name=local.name)
            else:
                kind = "parameter" if local.is_parameter else "variable"
                self.declarations.warn(codes.W0101, local.span, kind=kind, name=local.name)

    def _note_constants(self, body: Body) -> None:
        self.block_constants += body.block_constants
        for constant in body.block_constants:
            if constant.state == "new":
                self.finished_default(constant)

    # ---- constants and defaults

    def finished_default(self, default: Default) -> c.Expr:
        if default.state == "busy":
            self.declarations.error(
                codes.E0311,
                default.span,
                message=f"'{default.name}' depends on itself",
                label="needs its own value",
                help="",
            )
            default.value = c.UnitLit(ERROR, default.span)
        elif default.state == "new":
            default.state = "busy"
            value = self._default_value(default)
            default.value = default.value or value
            default.state = "done"
        assert default.value is not None
        return default.value

    def _default_value(self, default: Default) -> c.Expr:
        body = Body(self.declarations, self, symbol=default.name, actor=None, result=ERROR)
        body.constant = default.must_fold
        body.function_name = _short(default)
        body.scopes = [*self.scopes_of.get(default, []), {}]
        before = self.declarations.failed
        self.declarations.failed = False
        value = body.check(
            default.written, default.type, (default.span, f"'{_short(default)}' is {with_article(shown(default.type))}")
        )
        self._replace_type_variables(body, value)
        failed = self.declarations.failed
        self.declarations.failed = before or failed
        if failed or isinstance(value.type, ErrorType | NeverType) or isinstance(default.type, ErrorType):
            return c.UnitLit(ERROR, default.span)
        try:
            return fold(value)
        except NotConstant as problem:
            return self._not_folded(default, value, problem)

    def _replace_type_variables(self, body: Body, value: c.Expr) -> None:
        finish(body, [value], body.patterns_to_finish)
        self._note_constants(body)

    def _not_folded(self, default: Default, value: c.Expr, problem: NotConstant) -> c.Expr:
        if default.must_fold and problem.what is not None:
            self.declarations.error(codes.E0310, problem.span, what=problem.what)
            return c.UnitLit(ERROR, default.span)
        if default.must_fold:
            self.declarations.error(codes.E0311, problem.span, name=_short(default))
            return c.UnitLit(ERROR, default.span)
        span = value.span
        function = c.Function(
            default.name, self.declarations.symbol(default.name), "default", [], default.type, default.span, span
        )
        function.body = c.Block(default.type, span, [], value, span)
        default.function = function
        mark_last_uses(function)
        self.functions.append(function)
        return value

    # ---- at the end

    def _check_purity(self) -> None:
        pure = {node for node, info in self.infos.items() if info.pure}
        for node in pure:
            if node.body is not None:
                effect = first_effect(node, pure)
                if effect is not None:
                    self.declarations.error(codes.E0312, effect[0], name=node.name, effect=effect[1])

    def _warn_unused(self) -> None:
        declarations = self.declarations
        for info in [*declarations.functions, *(one for one in self.scopes_of if isinstance(one, FunctionInfo))]:
            self._warn_if_unused(info, "function", info.name, info.span)
        for constant in [*declarations.constants, *self.block_constants]:
            self._warn_if_unused(constant, "constant", constant.name, constant.span)
        for actor in declarations.actors:
            self._warn_if_unused(actor, "actor", actor.node.name, actor.node.span)
            for helper in actor.helpers.values():
                self._warn_if_unused(helper, "function", helper.name, helper.span)
        for type_ in declarations.types.values():
            if isinstance(type_, RecordInfo | AliasInfo):
                kind = "record" if isinstance(type_, RecordInfo) else "type"
                self._warn_if_unused(type_, kind, type_.decl.name.text, type_.decl.name.span)

    def _warn_if_unused(self, item: Item, kind: str, name: str, span: Span) -> None:
        if not item.used and not name.startswith("_"):
            self.declarations.warn(codes.W0101, span, kind=kind, name=name)

    def _result(self, main: c.Function) -> c.CheckedProgram:
        declarations = self.declarations
        program = c.CheckedProgram(
            [one.type for one in declarations.records],
            [one.node for one in declarations.actors],
            self.functions,
            main,
            [],
        )
        return monomorphise(program)


def _short(default: Default) -> str:
    names = default.name.split(".")
    return names[-2] if names[-1] == "default" and len(names) > 1 else default.name


def _mark_tail_calls(function: c.Function) -> None:
    """A call of the function itself whose value is the function's: as `return f(..)` or at its end."""
    todo: list[c.Expr] = [function.body]
    for node in nodes(function.body):
        if isinstance(node, c.Return) and node.value is not None:
            todo.append(node.value)
    while todo:
        node = todo.pop()
        match node:
            case c.Call() | c.SelfCall():
                node.tail = node.function is function
            case c.Block():
                last = node.statements[-1] if node.statements else None
                if node.result is not None:
                    todo.append(node.result)
                elif isinstance(last, c.ExprStmt) and function.result == UNIT:
                    todo.append(last.expr)
            case c.If():
                todo.append(node.then)
                if node.otherwise is not None:
                    todo.append(node.otherwise)
            case c.Match():
                todo.extend(arm.body for arm in node.arms)
            case _:
                pass
