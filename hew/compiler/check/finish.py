"""The end of a function's inference: every type final, every literal in the form and range of its type.

Before: nodes whose types hold variables.  After: none do; an integer literal used as a float is a
`FloatLit`, one that does not fit is E0204, a type that nothing decided is E0206.
"""

from __future__ import annotations

from collections.abc import Sequence

from hew.compiler import checked as c
from hew.compiler import codes
from hew.compiler.check.body import BodyBase
from hew.compiler.check.constants import rounded
from hew.compiler.check.infer import final
from hew.compiler.types import CharType, FloatType, IntType, Type, TypeVar
from hew.compiler.walk import nodes


def finish(body: BodyBase, roots: Sequence[c.Expr], patterns: Sequence[c.Pattern]) -> None:
    """Make all types of a body final, then do what was waiting for that."""
    unknown: list[TypeVar] = []
    for local in body.locals:
        local.type = final(local.type, unknown)
        if unknown:
            _report_unknown(body, unknown, f"'{local.name}'", local)
    for root in roots:
        for node in nodes(root):
            if isinstance(node, c.Expr | c.Pattern | c.Place):
                node.type = final(node.type, unknown)
                _finish_node(body, node)
            _finish_locals(node, unknown)
            if isinstance(node, c.Spawn | c.BuiltinCall) and unknown:
                _report_unknown(body, unknown, "this value", None)
    for pattern in patterns:
        pattern.type = final(pattern.type, unknown)
    _report_unknown(body, unknown, "this value", None)
    for action in body.deferred:
        action()


def _report_unknown(body: BodyBase, unknown: list[TypeVar], what: str, local: c.Local | None) -> None:
    for one in unknown:
        body.error(codes.E0206, local.span if local is not None else one.span, what=what)
    unknown.clear()


def _finish_locals(node: object, unknown: list[TypeVar]) -> None:
    """Hidden locals (of `e?`, kept arguments) and type arguments."""
    match node:
        case c.Let() | c.ForRange() | c.ForVec() | c.ForString() | c.BindPattern():
            node.local.type = final(node.local.type, unknown)
        case c.BuiltinCall():
            node.type_args = tuple([final(one, unknown) for one in node.type_args])
        case _:
            pass


def _finish_node(body: BodyBase, node: c.Expr | c.Pattern | c.Place) -> None:
    type_: Type = node.type
    match node:
        case c.IntLit():
            if isinstance(type_, FloatType):
                node.__class__ = c.FloatLit  # type: ignore[assignment]
                node.value = rounded(type_, node.value)  # type: ignore[assignment]
            else:
                _fits(body, node, type_, node.value)
        case c.CharLit() if isinstance(type_, IntType):
            node.__class__ = c.IntLit  # type: ignore[assignment]
            _fits(body, node, type_, node.value)
        case c.FloatLit():
            node.value = rounded(type_, node.value)
        case c.LiteralPattern(value=value):
            if isinstance(type_, FloatType) and isinstance(value, int | float):
                node.value = rounded(type_, value)
            elif isinstance(type_, IntType) and isinstance(value, int):
                _fits(body, node, type_, value)
        case _:
            pass


def _fits(body: BodyBase, node: c.Expr | c.Pattern, type_: Type, value: int) -> None:
    if isinstance(type_, IntType) and not type_.holds(value):
        body.error(codes.E0204, node.span, value=value, type=type_, low=type_.minimum, high=type_.maximum)
    elif isinstance(type_, CharType):
        raise AssertionError(node)
