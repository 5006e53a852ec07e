"""Control flow: blocks, `if`, `match`, `?`, loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.check.actors import Actors
from hew.compiler.check.body import DISCARD, LoopState, is_error, is_never
from hew.compiler.check.infer import resolve, shown, unify
from hew.compiler.resolve import Default, FunctionInfo
from hew.compiler.source import Span
from hew.compiler.types import (
    ANY,
    BOOL,
    CHAR_TYPE,
    ERROR,
    INT,
    NEVER,
    UNIT,
    EnumType,
    ErrorType,
    IntType,
    NeverType,
    StringType,
    Type,
    TypeVar,
    UnitType,
    VecType,
)
from hew.compiler.words import with_article


class ControlFlow(Actors):
    """Mixin: what decides which statement is next."""

    # ---- blocks

    def block_expression(self, node: ast.Block, want: Type | None) -> c.Expr:
        return self.block(node, want)

    def block(self, node: ast.Block, want: Type | None, before: list[c.Stmt] | None = None) -> c.Block:
        """A block in a scope of its own; `before`: statements that stand first in it."""
        self.push()
        statements: list[c.Stmt] = before if before is not None else []
        self._declare_items(node)
        diverges = False
        for one in node.statements:
            if diverges:
                self._unreachable(one.span)
                diverges = False
            start = len(statements)
            self.statement(one, statements)
            diverges = any(_diverges(made) for made in statements[start:])
        dead = any(_diverges(one) for one in statements)
        result = None
        if node.value is not None:
            if diverges:
                self._unreachable(node.value.span)
            result = self._block_value(node.value, want, statements)
        self.pop()
        type_: Type = UNIT
        if dead or (result is None and statements and _diverges(statements[-1])):
            type_ = NEVER
        elif result is not None:
            type_ = result.type
        end = Span(max(node.span.end - 1, node.span.start), node.span.end)
        return c.Block(type_, node.span, statements, result, end)

    def _block_value(self, node: ast.Expr, want: Type | None, statements: list[c.Stmt]) -> c.Expr | None:
        """The value of a block; as a statement, when nobody wants it."""
        if want is DISCARD:
            value = self.drop_reply(self.expr(node, DISCARD))
            self.refuse_unused_result(value)
            statements.append(c.ExprStmt(value.span, value))
            return None
        return self.check(node, want) if want is not None else self.expr(node)

    def _unreachable(self, span: Span) -> None:
        self.declarations.warn(codes.W0402, span, what="code")

    def refuse_unused_result(self, value: c.Expr) -> None:
        def later() -> None:
            if isinstance(value.type, EnumType) and value.type.name == "Result":
                self.declarations.warn(codes.W0602, value.span)

        self.defer(later)

    def _declare_items(self, node: ast.Block) -> None:
        """Functions and constants of a block are known in all of it."""
        infos: list[tuple[ast.FnDecl, FunctionInfo]] = []
        for one in node.statements:
            if not isinstance(one, ast.ItemStmt):
                continue
            item = one.item
            if not isinstance(item, ast.FnDecl | ast.ConstDecl):
                self.failed(item.span)
                continue
            name = item.name.text
            if name in self.scopes[-1]:
                first = self.scopes[-1][name]
                places = [(first.span, "first defined here")] if not isinstance(first, ErrorType) else []
                self.error(
                    codes.E0104, item.name.span, help="choose another name", secondary=places, name=name, place="block"
                )
                continue
            self.refuse_hiding(name, item.name.span)
            if isinstance(item, ast.ConstDecl):
                self.scopes[-1][name] = Default(
                    name, self.declarations.type_of(item.type), item.value, True, item.name.span
                )
                self.block_constants.append(self.scopes[-1][name])  # type: ignore[arg-type]
            else:
                info = self.declarations.declare_function(item, f"{self.symbol}.{name}")
                self.scopes[-1][name] = info
                self.declarations.complete(info, item.params, item.result)
                infos.append((item, info))
        visible: list[dict[str, Any]] = [
            {name: one for name, one in scope.items() if not isinstance(one, c.Local)} for scope in self.scopes
        ]
        for item, info in infos:
            self.later_work.nested(item, info, visible)

    block_constants: list[Default]

    # ---- if and match

    def if_expression(self, node: ast.If, want: Type | None) -> c.Expr:
        heads: list[Callable[[c.Expr, c.Expr | None], c.Expr]] = []
        bodies: list[c.Expr] = []
        ways: list[frozenset[c.Local]] = []
        for branch in node.branches:
            head, body = self._branch(branch, "if", want, ways)
            heads.append(head)
            bodies.append(body)
        otherwise: c.Expr | None = None
        if node.otherwise is not None:
            otherwise = self.block(node.otherwise, want)
            if want is not None and want is not DISCARD:
                otherwise = self.coerce(otherwise, want)
            bodies.append(otherwise)
        if otherwise is None or not is_never(otherwise):
            ways.append(self.open)
        self.open = frozenset().union(*ways)
        bodies, type_ = self._branch_type(node, bodies, want)
        result: c.Expr | None = bodies.pop() if otherwise is not None else None
        for head, body in zip(reversed(heads), reversed(bodies), strict=True):
            ends = result is not None and is_never(body) and is_never(result)
            result = head(body, result)
            result.type = NEVER if ends else type_
        assert result is not None
        return result

    def _branch(
        self, branch: ast.IfBranch, keyword: str, want: Type | None, ways: list[frozenset[c.Local]]
    ) -> tuple[Callable[[c.Expr, c.Expr | None], c.Expr], c.Expr]:
        """One condition with its block, and what makes the node of both and of what comes else."""
        span = branch.span
        self.push()
        condition = branch.condition
        if isinstance(condition, ast.LetCondition):
            subject = self.expr(condition.value)
            before = self.open
            pattern = self.pattern(condition.pattern, self.value_type(subject))
            body = self.block(branch.body, want)

            def head(body: c.Expr, otherwise: c.Expr | None) -> c.Expr:
                other = otherwise if otherwise is not None else c.Block(UNIT, span, [], None, span)
                wild = c.WildPattern(subject.type if not is_never(subject) else UNIT, span)
                return c.Match(UNIT, span, subject, [c.Arm(pattern, None, body, span), c.Arm(wild, None, other, span)])
        else:
            test = self.condition(condition, keyword)
            before = self.open
            body = self.block(branch.body, want)

            def head(body: c.Expr, otherwise: c.Expr | None) -> c.Expr:
                return c.If(UNIT, span, test, body, otherwise)

        self.pop()
        checked: c.Expr = body
        if want is not None and want is not DISCARD:
            checked = self.coerce(body, want)
        if not is_never(checked):
            ways.append(self.open)
        self.open = before
        return head, checked

    def _branch_type(self, node: ast.If, bodies: list[c.Expr], want: Type | None) -> tuple[list[c.Expr], Type]:
        complete = node.otherwise is not None
        if want is DISCARD:
            return bodies, NEVER if complete and all(map(is_never, bodies)) else UNIT
        if not complete:
            valued = any(not isinstance(resolve(one.type), NeverType | ErrorType | UnitType) for one in bodies)
            if valued or (want is not None and not unify(want, UNIT)):
                self.error(
                    codes.E0213,
                    node.span,
                    message="an 'if' that gives a value needs 'else'",
                    label="'else' is missing",
                    help="add 'else { ... }'",
                )
                return bodies, ERROR
            return bodies, UNIT
        return self._agree(bodies, want, "the branches of 'if'")

    def _agree(self, bodies: list[c.Expr], want: Type | None, what: str) -> tuple[list[c.Expr], Type]:
        if want is not None:
            if all(map(is_never, bodies)):
                return bodies, NEVER
            return bodies, ERROR if any(is_error(one.type) for one in bodies) else want
        return self.join(bodies, what)

    def condition(self, node: ast.Expr, keyword: str) -> c.Expr:
        test = self.expr(node, BOOL)
        found = resolve(test.type)
        if isinstance(found, NeverType) or unify(found, BOOL):
            return test
        text = shown(found)
        written = self.declarations.source.slice(node.span)
        help = f"compare it: {written} != 0" if text == "Int" or isinstance(found, IntType) else ""
        return self.error(
            codes.E0202, node.span, label=f"this is {with_article(text)}", help=help, keyword=keyword, found=text
        )

    def match_expression(self, node: ast.Match, want: Type | None) -> c.Expr:
        subject = self.expr(node.subject)
        before = self.open
        ways: list[frozenset[c.Local]] = []
        arms: list[c.Arm] = []
        subject_type = self.value_type(subject)
        for one in node.arms:
            self.open = before
            arms.append(self._arm(one, subject_type, want))
            if not is_never(arms[-1].body):
                ways.append(self.open)
        self.open = frozenset().union(*ways) if ways else frozenset()
        bodies = [arm.body for arm in arms]
        if want is DISCARD:
            type_: Type = NEVER if bodies and all(map(is_never, bodies)) else UNIT
        else:
            bodies, type_ = self._agree(bodies, want, "the arms of 'match'")
        for arm, body in zip(arms, bodies, strict=True):
            arm.body = body
        if is_never(subject):
            return subject
        keyword = Span(node.span.start, node.span.start + len("match"))
        self.check_coverage(arms, subject.type, keyword)
        if not arms:
            type_ = NEVER
        return c.Match(type_, node.span, subject, arms)

    def _arm(self, node: ast.MatchArm, subject: Type, want: Type | None) -> c.Arm:
        self.push()
        pattern = self.pattern(node.pattern, subject)
        guard = self.condition(node.guard, "if") if node.guard is not None else None
        body = self._arm_body(node.body, want)
        self.pop()
        return c.Arm(pattern, guard, body, node.span)

    def _arm_body(self, node: ast.Expr, want: Type | None) -> c.Expr:
        if want is DISCARD:
            value = self.drop_reply(self.expr(node, DISCARD))
            self.refuse_unused_result(value)
            return value
        return self.check(node, want) if want is not None else self.expr(node)

    def try_expression(self, node: ast.Try, want: Type | None) -> c.Expr:
        """`e?`: the value, or a return of what is wrong."""
        operand = self.expr(node.operand)
        type_, result = resolve(operand.type), resolve(self.result)
        if isinstance(type_, ErrorType | NeverType):
            return operand
        if not isinstance(type_, EnumType) or type_.name not in ("Option", "Result"):
            found = shown(type_)
            return self.error(
                codes.E0307,
                node.span,
                message=f"'?' needs a Result or an Option, found {found}",
                label=f"this is {with_article(found)}",
            )
        if isinstance(result, ErrorType):
            return c.UnitLit(type_.args[0], node.span)
        if isinstance(result, TypeVar):
            unify(result, EnumType(type_.name, (self.fresh(node.span), *type_.args[1:])))
            result = resolve(result)
        if not isinstance(result, EnumType) or result.name != type_.name:
            why = f"'{self.function_name}' gives {shown(result)}, not {with_article(type_.name)}"
            self.error(codes.E0307, node.span, found=shown(type_), why=why)
            return c.UnitLit(type_.args[0], node.span)
        if type_.name == "Result" and not unify(type_.args[1], result.args[1]):
            found, given = with_article(shown(type_.args[1])), with_article(shown(result.args[1]))
            why = f"the error is {found}, '{self.function_name}' gives {given}"
            self.error(codes.E0307, node.span, found=shown(type_), why=why)
            return c.UnitLit(type_.args[0], node.span)
        return self._try(operand, type_, result, node.span)

    def _try(self, operand: c.Expr, type_: EnumType, result: EnumType, span: Span) -> c.Expr:
        good = c.Local("_", type_.args[0], False, span, used=True)
        good_arm = c.Arm(
            c.VariantPattern(type_, span, 0, [c.BindPattern(good.type, span, good)]),
            None,
            c.LocalRef(good.type, span, good),
            span,
        )
        patterns: list[c.Pattern] = []
        values: list[c.Expr] = []
        if type_.name == "Result":
            bad = c.Local("_", type_.args[1], False, span, used=True)
            patterns, values = [c.BindPattern(bad.type, span, bad)], [c.LocalRef(bad.type, span, bad)]
        back = c.Return(NEVER, span, c.VariantLit(result, span, 1, values))
        return c.Match(
            type_.args[0],
            span,
            operand,
            [good_arm, c.Arm(c.VariantPattern(type_, span, 1, patterns), None, back, span)],
        )

    # ---- loops

    def loop(self, node: ast.Loop, want: Type | None) -> c.Expr:
        self._no_label(node.label)
        made = c.Loop(NEVER, node.span, c.Block(UNIT, node.span, [], None, node.span))
        state = self._enter(made, "loop", want)
        made.body = self.block(node.body, DISCARD)
        self._leave(state)
        if state.breaks:
            values = [one for one in state.breaks if one.value is not None]
            made.type = self._loop_type(state, values, want)
        return made

    def _loop_type(self, state: LoopState, values: list[c.Break], want: Type | None) -> Type:
        if want is DISCARD or not values:
            return UNIT
        if len(values) < len(state.breaks):
            bare = next(one for one in state.breaks if one.value is None)
            self.error(
                codes.E0213,
                bare.span,
                message="a 'break' of this 'loop' gives a value, another gives none",
                label="gives no value",
            )
            return ERROR
        agreed, type_ = self._agree(
            [one.value for one in values if one.value is not None], want, "the breaks of 'loop'"
        )
        for one, value in zip(values, agreed, strict=True):
            one.value = value
        return type_ if not isinstance(type_, NeverType) else UNIT

    def while_loop(self, node: ast.While, want: Type | None) -> c.Expr:
        self._no_label(node.label)
        if isinstance(node.condition, ast.LetCondition):
            return self._while_let(node, node.condition)
        made = c.While(UNIT, node.span, c.BoolLit(BOOL, node.span, True), c.Block(UNIT, node.span, [], None, node.span))
        state = self._enter(made, "while", None)
        made.condition = self.condition(node.condition, "while")
        state.open |= self.open
        made.body = self.block(node.body, DISCARD)
        self._leave(state)
        return made

    def _while_let(self, node: ast.While, condition: ast.LetCondition) -> c.Expr:
        """`loop { match value { pattern => body, _ => break } }`"""
        span = node.span
        made = c.Loop(UNIT, span, c.Block(UNIT, span, [], None, span))
        state = self._enter(made, "while", None)
        subject = self.expr(condition.value)
        state.open |= self.open
        self.push()
        pattern = self.pattern(condition.pattern, self.value_type(subject))
        body = self.block(node.body, DISCARD)
        self.pop()
        self._leave(state)
        wild = c.WildPattern(subject.type if not is_never(subject) else UNIT, span)
        arms = [c.Arm(pattern, None, body, span), c.Arm(wild, None, c.Break(NEVER, span, made, None), span)]
        round_ = c.ExprStmt(span, c.Match(UNIT, span, subject, arms))
        made.body = c.Block(UNIT, span, [round_], None, body.end_span)
        return made

    def for_loop(self, node: ast.For, want: Type | None) -> c.Expr:
        self._no_label(node.label)
        if isinstance(node.iterable, ast.Range):
            return self._for_range(node, node.iterable)
        iterable = self.expr(node.iterable)
        type_ = resolve(iterable.type)
        if isinstance(type_, VecType):
            return self._for_each(node, iterable, type_.item, c.ForVec)
        if isinstance(type_, StringType):
            return self._for_each(node, iterable, CHAR_TYPE, c.ForString)
        if isinstance(type_, TypeVar) and type_.kind == ANY:
            self.error(codes.E0206, iterable.span, what="this value")
        elif not isinstance(type_, ErrorType | NeverType):
            help = (
                f"count to it: 0..{self.declarations.source.slice(node.iterable.span)}" if shown(type_) == "Int" else ""
            )
            self.cannot(iterable.span, type_, "iterated", help)
        return self._for_each(node, iterable, ERROR, c.ForVec)

    def _for_each(
        self, node: ast.For, iterable: c.Expr, item: Type, kind: type[c.ForVec] | type[c.ForString]
    ) -> c.Expr:
        self.push()
        local, before = self._loop_variable(node.pattern, item)
        made = kind(UNIT, node.span, local, iterable, c.Block(UNIT, node.span, [], None, node.span))
        self._for_body(node, made, before)
        return made

    def _for_range(self, node: ast.For, written: ast.Range) -> c.Expr:
        start, end, type_ = self.range_ends(written)
        self.push()
        local, before = self._loop_variable(node.pattern, type_)
        made = c.ForRange(
            UNIT, node.span, local, start, end, written.inclusive, c.Block(UNIT, node.span, [], None, node.span)
        )
        self._for_body(node, made, before)
        return made

    def _for_body(self, node: ast.For, made: c.ForRange | c.ForVec | c.ForString, before: list[c.Stmt]) -> None:
        state = self._enter(made, "for", None)
        made.body = self.block(node.body, DISCARD, before)
        self._leave(state)
        self.pop()

    def _loop_variable(self, pattern: ast.Pattern, item: Type) -> tuple[c.Local, list[c.Stmt]]:
        """The variable of a loop, and the statement that takes it apart when it is a pattern."""
        if isinstance(pattern, ast.NamePattern) and not isinstance(
            self.find(pattern.name) or self.item(pattern.name), Default
        ):
            local = self.declare(pattern.name, item, pattern.span, mutable=False)
            self.loop_variables.add(local)
            return local, []
        local = c.Local("_", item, False, pattern.span, used=True)
        taken = self.irrefutable(pattern, item)
        if isinstance(taken, c.WildPattern):
            return local, []
        return local, [c.LetPattern(pattern.span, taken, c.LocalRef(item, pattern.span, local))]

    loop_variables: set[c.Local]

    def range_ends(self, node: ast.Range) -> tuple[c.Expr, c.Expr, Type]:
        """Both ends of a range as one integer type."""
        if node.start is None or node.end is None:
            failed = self.failed(node.span)  # the parser has told
            return failed, failed, ERROR
        start = self.expr(node.start)
        end = self.expr(node.end)
        for one in (start, end):
            type_ = resolve(one.type)
            if isinstance(type_, ErrorType | NeverType):
                return start, end, ERROR if isinstance(type_, ErrorType) else INT
            if not self._as_integer(type_):
                text = shown(type_)
                self.error(
                    codes.E0201,
                    one.span,
                    help="",
                    label=f"this is {with_article(text)}",
                    expected="an integer",
                    found=text,
                )
                return start, end, ERROR
        pair = self._alike(start, end, self._as_integer)
        if pair is None:
            self.mismatch(
                end.span, start.type, end.type, why=(start.span, f"this is {with_article(shown(start.type))}")
            )
            return start, end, ERROR
        return pair[0], pair[1], pair[0].type

    def _no_label(self, label: ast.Ident | None) -> None:
        if label is not None:
            self.later("labels", "L1", label.span)

    def _enter(self, node: c.AnyLoop, keyword: str, want: Type | None) -> LoopState:
        state = LoopState(node, keyword, want, [], frozenset() if keyword == "loop" else self.open, len(self.loops) + 1)
        self.loops.append(state)
        return state

    def _leave(self, state: LoopState) -> None:
        self.loops.pop()
        self.open = state.open


def _diverges(node: c.Stmt) -> bool:
    match node:
        case c.ExprStmt(expr=value):
            return is_never(value)
        case c.Let(value=bound):
            return bound is not None and is_never(bound)
        case c.LetPattern(value=value) | c.Assign(value=value) | c.CompoundAssign(value=value):
            return is_never(value)
        case _:
            return False
