"""Literals, operators and conversions: 3.2 to 3.6 and 5 of the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.check.body import DISCARD, BodyBase
from hew.compiler.check.infer import allows, resolve, settle, shown, unify
from hew.compiler.source import Span
from hew.compiler.types import (
    ANY,
    BOOL,
    CHAR,
    FLOAT,
    INT,
    INTEGER,
    NEVER,
    NUMBER,
    SIMPLE_TYPES,
    STRING,
    UNIT,
    BoolType,
    CharType,
    ErrorType,
    FloatType,
    FutureType,
    IntType,
    NeverType,
    StringType,
    Type,
    TypeVar,
    can_cast,
    has_equality,
    has_order,
    has_text,
    widens,
)
from hew.compiler.words import with_article

ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%"})
INTEGER_ONLY: Final = frozenset({"+%", "-%", "*%", "&", "|", "^"})
SHIFTS: Final = frozenset({"<<", ">>"})
EQUALITY: Final = frozenset({"==", "!="})
ORDER: Final = frozenset({"<", "<=", ">", ">="})


class Operators(BodyBase):
    """Mixin: literals and operators."""

    # ---- literals

    def int_literal(self, node: ast.IntLit, want: Type | None) -> c.Expr:
        if node.suffix is not None:
            return c.IntLit(SIMPLE_TYPES[node.suffix], node.span, node.value)
        return self.number(node.value, node.span)

    def float_literal(self, node: ast.FloatLit, want: Type | None) -> c.Expr:
        type_: Type = SIMPLE_TYPES[node.suffix] if node.suffix is not None else self.fresh(node.span, FLOAT)
        return c.FloatLit(type_, node.span, node.value)

    def char_literal(self, node: ast.CharLit, want: Type | None) -> c.Expr:
        return c.CharLit(self.fresh(node.span, CHAR), node.span, node.value)

    def string_literal(self, node: ast.StringLit, want: Type | None) -> c.Expr:
        return c.StringLit(STRING, node.span, node.value)

    def bool_literal(self, node: ast.BoolLit, want: Type | None) -> c.Expr:
        return c.BoolLit(BOOL, node.span, node.value)

    def unit_literal(self, node: ast.UnitLit, want: Type | None) -> c.Expr:
        return c.UnitLit(UNIT, node.span)

    def f_string(self, node: ast.FString, want: Type | None) -> c.Expr:
        pieces: list[str | c.Expr] = []
        for part in node.parts:
            if isinstance(part, ast.FText):
                pieces.append(part.value)
            else:
                pieces.append(self.printable(self.expr(part.expr)))
        return c.Format(STRING, node.span, pieces)

    def printable(self, node: c.Expr) -> c.Expr:
        """A value that must have a text form."""

        def later() -> None:
            if not has_text(node.type):
                article = with_article(str(node.type)).split()[0]
                help = "wait for its value with 'await'" if isinstance(resolve(node.type), FutureType) else ""
                self.error(codes.E0218, node.span, help=help, type=str(node.type), article=article)

        self.defer(later)
        return node

    # ---- one operand

    def unary(self, node: ast.Unary, want: Type | None) -> c.Expr:
        wished = want if want is not DISCARD else None
        operand = self.expr(node.operand, wished)
        type_ = resolve(operand.type)
        if isinstance(type_, ErrorType | NeverType):
            return operand
        match node.op:
            case "!":
                if not unify(type_, BOOL):
                    return self._undefined("!", node.span, [type_], help="'~' inverts the bits of an integer")
            case "~":
                if not self._as_integer(type_):
                    return self._undefined("~", node.span, [type_], help="'!' inverts a Bool")
            case _:
                if isinstance(operand, c.IntLit | c.FloatLit):
                    operand.value = -operand.value
                    operand.span = node.span
                    return operand
                if not self._as_number(type_):
                    return self._undefined("-", node.span, [type_])
        return c.Unary(operand.type, node.span, node.op, operand)

    # ---- two operands

    def binary(self, node: ast.Binary, want: Type | None) -> c.Expr:
        """A chain of operators, from its leftmost operand outward."""
        leftmost, chain = ast.left_spine(node)
        wished = want if want is not DISCARD else None
        left = self.expr(leftmost, wished if chain[0].op not in EQUALITY and chain[0].op not in ORDER else None)
        for one in chain:
            left = self.combine(one, left, wished)
        return left

    def combine(self, node: ast.Binary, left: c.Expr, want: Type | None) -> c.Expr:
        if node.op in ("&&", "||"):
            return self._logical(node, left)
        hint = left.type if not isinstance(resolve(left.type), TypeVar | NeverType | ErrorType) else want
        right = self.expr(node.right, hint if node.op not in SHIFTS else None)
        return self.operate(node.op, left, right, node.span, node.op_span)

    def _logical(self, node: ast.Binary, left: c.Expr) -> c.Expr:
        left = self._bool_operand(node.op, left)
        before = self.open
        right = self._bool_operand(node.op, self.expr(node.right, BOOL))
        self.open = before
        return c.Logical(BOOL, node.span, node.op, left, right)

    def _bool_operand(self, op: str, operand: c.Expr) -> c.Expr:
        type_ = resolve(operand.type)
        if isinstance(type_, NeverType) or unify(type_, BOOL):
            return operand
        return self.mismatch(operand.span, BOOL, type_)

    def operate(self, op: str, left: c.Expr, right: c.Expr, span: Span, op_span: Span) -> c.Expr:
        """An operator on two checked operands."""
        left_type, right_type = resolve(left.type), resolve(right.type)
        if isinstance(left_type, ErrorType) or isinstance(right_type, ErrorType):
            for one in (left_type, right_type):
                if isinstance(one, TypeVar):
                    settle(one)
            return self.failed(span) if op not in EQUALITY | ORDER else c.Compare(BOOL, span, op, left, right)
        if isinstance(left_type, NeverType) or isinstance(right_type, NeverType):
            settle(left_type)
            settle(right_type)
            first = left if isinstance(left_type, NeverType) else right
            return self._only_until(left, first, span)
        if op in EQUALITY or op in ORDER:
            return self._compare(op, left, right, span)
        if op in SHIFTS:
            return self._shift(op, left, right, span)
        if op == "+" and (isinstance(left_type, StringType) or isinstance(right_type, StringType)):
            return self._concat(left, right, span)
        return self._arithmetic(op, left, right, span)

    def _only_until(self, left: c.Expr, first: c.Expr, span: Span) -> c.Expr:
        """Operands of which one does not come back: what is evaluated up to there."""
        statements: list[c.Stmt] = [] if left is first else [c.ExprStmt(left.span, left)]
        return c.Block(NEVER, span, statements, first, span)

    def _arithmetic(self, op: str, left: c.Expr, right: c.Expr, span: Span) -> c.Expr:
        for operand in (left, right):
            type_ = resolve(operand.type)
            if isinstance(type_, TypeVar) and type_.kind == ANY:
                other = right if operand is left else left
                if isinstance(resolve(other.type), TypeVar) and resolve(other.type).kind == ANY:  # type: ignore[attr-defined]
                    return self.error(codes.E0206, operand.span, what="this operand")
        whole = self._as_integer if op in INTEGER_ONLY else self._as_number
        pair = self._alike(left, right, whole)
        if pair is None:
            return self._wrong_operands(op, left, right, span, whole)
        return c.Binary(pair[0].type, span, op, pair[0], pair[1])

    def _alike(self, left: c.Expr, right: c.Expr, fits: Callable[[Type], bool]) -> tuple[c.Expr, c.Expr] | None:
        """Both operands as one type that fits, the narrower widened."""
        a, b = resolve(left.type), resolve(right.type)
        if isinstance(a, IntType | FloatType) and isinstance(b, IntType | FloatType):
            if not fits(a) or not fits(b):
                return None
            if a == b:
                return left, right
            if widens(a, b):
                return c.Cast(b, left.span, left), right
            if widens(b, a):
                return left, c.Cast(a, right.span, right)
            return None
        if isinstance(a, TypeVar) and isinstance(b, TypeVar):
            return (left, right) if unify(a, b) and fits(a) else None
        known, other = (b, a) if isinstance(a, TypeVar) else (a, b)
        if not fits(known) or not unify(known, other):
            return None
        return left, right

    def _wrong_operands(self, op: str, left: c.Expr, right: c.Expr, span: Span, fits: Callable[[Type], bool]) -> c.Expr:
        a, b = resolve(left.type), resolve(right.type)
        if fits(a) and not isinstance(a, TypeVar) and not isinstance(b, StringType):
            return self.mismatch(right.span, a, b, why=(left.span, f"this is {with_article(shown(a))}"))
        if fits(b) and not isinstance(b, TypeVar) and isinstance(a, IntType | FloatType | TypeVar):
            return self.mismatch(left.span, b, a, why=(right.span, f"this is {with_article(shown(b))}"))
        return self._undefined(op, span, [a, b])

    def _undefined(self, op: str, span: Span, types: list[Type], help: str | None = None) -> c.Expr:
        names = [shown(one) for one in types]
        text = names[0] if len(set(names)) == 1 else " and ".join(names)
        return self.error(codes.E0215, span, help=help or "", operator=op, types=text)

    def _shift(self, op: str, left: c.Expr, right: c.Expr, span: Span) -> c.Expr:
        count = resolve(right.type)
        if isinstance(count, TypeVar) and not unify(count, INT):
            return self.mismatch(right.span, INT, count)
        if not self._as_integer(left.type) or not self._as_integer(right.type):
            return self._undefined(op, span, [left.type, right.type])
        return c.Binary(left.type, span, op, left, right)

    def _concat(self, left: c.Expr, right: c.Expr, span: Span) -> c.Expr:
        for operand, other in ((left, right), (right, left)):
            if not unify(operand.type, STRING):
                return self.mismatch(
                    operand.span, STRING, operand.type, why=(other.span, "this is a String: '+' joins two Strings")
                )
        if isinstance(left, c.Concat) and left.span.start == span.start:
            left.items.append(right)
            left.span = span
            return left
        return c.Concat(STRING, span, [left, right])

    def _compare(self, op: str, left: c.Expr, right: c.Expr, span: Span) -> c.Expr:
        a, b = resolve(left.type), resolve(right.type)
        if isinstance(a, IntType | FloatType) and isinstance(b, IntType | FloatType):
            pair = self._alike(left, right, lambda _: True)
            if pair is None:
                return self.mismatch(right.span, a, b, why=(left.span, f"this is {with_article(shown(a))}"))
            left, right = pair
        elif not unify(a, b):
            return self.mismatch(right.span, a, b, why=(left.span, f"this is {with_article(shown(a))}"))

        def later() -> None:
            if not (has_equality if op in EQUALITY else has_order)(left.type):
                self._undefined(op, span, [left.type])

        self.defer(later)
        return c.Compare(BOOL, span, op, left, right)

    # ---- kinds

    def _as_number(self, type_: Type) -> bool:
        type_ = resolve(type_)
        if isinstance(type_, TypeVar):
            return type_.kind in (NUMBER, INTEGER, FLOAT) or self._narrow(
                type_, INTEGER if type_.kind == CHAR else NUMBER
            )
        return isinstance(type_, IntType | FloatType)

    def _as_integer(self, type_: Type) -> bool:
        type_ = resolve(type_)
        if isinstance(type_, TypeVar):
            return self._narrow(type_, INTEGER)
        return isinstance(type_, IntType)

    def _narrow(self, variable: TypeVar, kind: int) -> bool:
        if variable.kind == FLOAT and kind == INTEGER:
            return False
        variable.kind = kind
        if variable.default is not None and not allows(kind, variable.default):
            variable.default = None
        return True

    # ---- conversion

    def cast(self, node: ast.Cast, want: Type | None) -> c.Expr:
        target = self.declarations.type_of(node.target)
        operand = self.expr(node.operand)
        return self.convert(operand, target, node.span)

    def convert(self, operand: c.Expr, target: Type, span: Span) -> c.Expr:
        """`operand as target`. A literal is first what it is by itself."""
        source = resolve(operand.type)
        if isinstance(source, TypeVar) and source.kind != ANY:
            if isinstance(operand, c.IntLit) and isinstance(target, IntType) and target.holds(operand.value):
                unify(source, target)
            elif isinstance(operand, c.IntLit) and not INT.holds(operand.value):
                unify(source, SIMPLE_TYPES["u64"])
            source = settle(source)
        if isinstance(source, ErrorType | NeverType) or isinstance(target, ErrorType):
            return c.Cast(target, span, operand) if isinstance(source, ErrorType) else operand
        if isinstance(source, TypeVar):
            return self.error(codes.E0206, operand.span, what="this operand")
        if not can_cast(source, target):
            return self.error(
                codes.E0203, span, help=self._cast_help(source, target) or "", found=shown(source), target=shown(target)
            )
        return operand if source == target else c.Cast(target, span, operand)

    def _cast_help(self, source: Type, target: Type) -> str | None:
        if isinstance(source, StringType) and target == INT:
            return "parse it: s.parse_int()"
        if isinstance(target, StringType) and isinstance(source, IntType | FloatType | BoolType | CharType):
            return 'make it text: f"{x}"'
        return None
