"""What must hold of every checked program, whatever its text: nothing is left for code generation to decide."""

from __future__ import annotations

from hew.compiler import checked as c
from hew.compiler.builtins import Placeholder
from hew.compiler.mono import all_functions
from hew.compiler.types import (
    NEVER,
    UNIT,
    CharType,
    ErrorType,
    FloatType,
    IntType,
    RecordType,
    Type,
    TypeVar,
    walk,
)
from hew.compiler.walk import Node, nodes


def require_complete(program: c.CheckedProgram) -> None:
    """Raise AssertionError where a tree is not as `checked` promises."""
    for function in all_functions(program):
        made = {id(one) for one in function.params}
        used: dict[int, str] = {}
        for node in nodes(function.body):
            _types(node)
            _literal(node)
            _operands(node)
            _parts(node, function)
            match node:
                case c.Let() | c.ForRange() | c.ForVec() | c.ForString() | c.BindPattern():
                    _final(node.local.type)
                    made.add(id(node.local))
                case c.LocalRef() | c.LocalPlace():
                    assert node.type == node.local.type
                    used[id(node.local)] = node.local.name
        assert not [name for key, name in used.items() if key not in made]
        if function.result != UNIT:
            _fits(function.body, function.result)


def _final(type_: Type) -> None:
    assert not [one for one in walk(type_) if isinstance(one, TypeVar | ErrorType | Placeholder)], type_


def _fits(node: c.Expr | None, type_: Type) -> None:
    assert node is None or node.type in (type_, NEVER), (node.type, type_)


def _types(node: Node) -> None:
    if isinstance(node, c.Expr | c.Pattern | c.Place):
        _final(node.type)
    if isinstance(node, c.BuiltinCall):
        for one in node.type_args:
            _final(one)


def _literal(node: Node) -> None:
    match node:
        case c.IntLit():
            assert isinstance(node.type, IntType)
            assert node.type.holds(node.value)
        case c.FloatLit():
            assert isinstance(node.type, FloatType)
            assert isinstance(node.value, float)
        case c.CharLit():
            assert isinstance(node.type, CharType)


def _operands(node: Node) -> None:
    match node:
        case c.Binary():
            assert isinstance(node.type, IntType | FloatType)
            assert node.left.type == node.type
            assert node.op in ("<<", ">>") or node.right.type == node.type
        case c.Compare():
            assert node.left.type == node.right.type
        case c.Call() | c.SelfCall():
            for arg, param in zip(node.args, node.function.params, strict=True):
                _fits(arg, param.type)
        case c.Send() | c.Ask() | c.AwaitAsk():
            for arg, param in zip(node.args, node.handler.params, strict=True):
                _fits(arg, param.type)


def _parts(node: Node, function: c.Function) -> None:
    match node:
        case c.Spawn():
            for value, field in zip(node.fields, node.actor.fields, strict=True):
                _fits(value, field.type)
        case c.RecordLit(type=RecordType() as record):
            for value, one in zip(node.items, record.fields, strict=True):
                _fits(value, one.type)
        case c.If() if node.type != UNIT:
            _fits(node.then, node.type)
            _fits(node.otherwise, node.type)
        case c.Match() if node.type != UNIT:
            for arm in node.arms:
                _fits(arm.body, node.type)
        case c.Assign():
            _fits(node.value, node.place.type)
        case c.Let():
            _fits(node.value, node.local.type)
        case c.Return():
            _fits(node.value, function.result)
        case c.Block(result=result) if node.type != NEVER:
            _fits(result, node.type)
