"""Inference of types inside one function: variables, their unification, their final value.

A variable has a kind (`types.ANY`, `NUMBER`, ...) that says what it may become: literals adapt to
their place because their type is a variable of a literal kind. `unify` makes two types one;
`final` gives the type that is left when the function is finished.
"""

from __future__ import annotations

from typing import Final

from hew.compiler.types import (
    ANY,
    CHAR,
    CHAR_TYPE,
    ERROR,
    F64,
    FLOAT,
    INT,
    INTEGER,
    NUMBER,
    CharType,
    EnumType,
    ErrorType,
    FloatType,
    FutureType,
    IntType,
    NeverType,
    RangeType,
    TupleType,
    Type,
    TypeVar,
    VecType,
)

# What two kinds that become one allow together; a pair that is not here does not agree.
_MEET: Final = {
    (NUMBER, NUMBER): NUMBER,
    (NUMBER, INTEGER): INTEGER,
    (NUMBER, FLOAT): FLOAT,
    (NUMBER, CHAR): INTEGER,
    (INTEGER, INTEGER): INTEGER,
    (INTEGER, CHAR): INTEGER,
    (FLOAT, FLOAT): FLOAT,
    (CHAR, CHAR): CHAR,
}


def resolve(type_: Type) -> Type:
    """The type a variable stands for, as far as it is known; only the outermost is followed."""
    while isinstance(type_, TypeVar) and type_.bound is not None:
        further = type_.bound
        if isinstance(further, TypeVar) and further.bound is not None:
            type_.bound = further.bound  # halves the way for the next who asks
        type_ = further
    return type_


def allows(kind: int, type_: Type) -> bool:
    """May a variable of the kind become the type?"""
    match kind:
        case 0:
            return True
        case 1:
            return isinstance(type_, IntType | FloatType)
        case 2:
            return isinstance(type_, IntType)
        case 3:
            return isinstance(type_, FloatType)
        case _:
            return isinstance(type_, CharType | IntType)


def unify(left: Type, right: Type) -> bool:
    """Make two types one, if they can be. An error type agrees with all."""
    left, right = resolve(left), resolve(right)
    if left is right or isinstance(left, ErrorType) or isinstance(right, ErrorType):
        return _absorb_error(left, right)
    if isinstance(left, TypeVar):
        return _bind(left, right)
    if isinstance(right, TypeVar):
        return _bind(right, left)
    match left, right:
        case (VecType(a), VecType(b)) | (FutureType(a), FutureType(b)) | (RangeType(a), RangeType(b)):
            return unify(a, b)
        case TupleType(xs), TupleType(ys):
            return len(xs) == len(ys) and all([unify(x, y) for x, y in zip(xs, ys, strict=True)])  # noqa: C419 - every item
        case EnumType(a_name, a_args), EnumType(b_name, b_args):
            return a_name == b_name and all([unify(x, y) for x, y in zip(a_args, b_args, strict=True)])  # noqa: C419
        case _:
            return left == right


def _absorb_error(left: Type, right: Type) -> bool:
    """What meets an error becomes one: it is not reported a second time."""
    if left is not right:
        poison(left)
        poison(right)
    return True


def poison(type_: Type) -> None:
    """Every unknown inside becomes an error: what it would have been is not asked for."""
    type_ = resolve(type_)
    match type_:
        case TypeVar():
            type_.bound = ERROR
        case VecType(item) | FutureType(item) | RangeType(item):
            poison(item)
        case TupleType(items) | EnumType(args=items):
            for one in items:
                poison(one)
        case _:
            pass


def _bind(variable: TypeVar, type_: Type) -> bool:
    if isinstance(type_, TypeVar):
        return _merge(variable, type_)
    if isinstance(type_, NeverType) or not allows(variable.kind, type_) or _occurs(variable, type_):
        return False
    variable.bound = type_
    return True


def _merge(left: TypeVar, right: TypeVar) -> bool:
    if left.kind == ANY or right.kind == ANY:
        kind = left.kind or right.kind
    else:
        met = _MEET.get((left.kind, right.kind), _MEET.get((right.kind, left.kind)))
        if met is None:
            return False
        kind = met
    left.bound = right
    right.kind = kind
    default = right.default if right.default is not None else left.default
    right.default = default if default is not None and allows(kind, default) else None
    return True


def _occurs(variable: TypeVar, type_: Type) -> bool:
    type_ = resolve(type_)
    match type_:
        case TypeVar():
            return type_ is variable
        case VecType(item) | FutureType(item) | RangeType(item):
            return _occurs(variable, item)
        case TupleType(items) | EnumType(args=items):
            return any(_occurs(variable, one) for one in items)
        case _:
            return False


def settle(type_: Type) -> Type:
    """The type, a literal's decided now (Int, Float, Char): for uses that need to know it. ANY stays open."""
    type_ = resolve(type_)
    if isinstance(type_, TypeVar) and type_.kind != ANY:
        type_.bound = _fallback(type_)
        return type_.bound
    return type_


def _fallback(variable: TypeVar) -> Type:
    if variable.default is not None and (variable.kind == ANY or allows(variable.kind, variable.default)):
        return variable.default
    match variable.kind:
        case 3:
            return F64
        case 4:
            return CHAR_TYPE
        case _:
            return INT


def final(type_: Type, unknown: list[TypeVar]) -> Type:
    """The type without variables. Those that nothing decided are added to `unknown` and become errors."""
    type_ = resolve(type_)
    match type_:
        case TypeVar():
            if type_.kind == ANY and type_.default is None:
                unknown.append(type_)
                type_.bound = ERROR
                return ERROR
            type_.bound = _fallback(type_)
            return type_.bound
        case VecType(item):
            inner = final(item, unknown)
            return type_ if inner is item else VecType(inner)
        case FutureType(item):
            inner = final(item, unknown)
            return type_ if inner is item else FutureType(inner)
        case RangeType(item):
            inner = final(item, unknown)
            return type_ if inner is item else RangeType(inner)
        case TupleType(items):
            new = tuple([final(one, unknown) for one in items])
            return type_ if all(a is b for a, b in zip(items, new, strict=True)) else TupleType(new)
        case EnumType(name, args) if args:
            new = tuple([final(one, unknown) for one in args])
            return type_ if all(a is b for a, b in zip(args, new, strict=True)) else EnumType(name, new)
        case _:
            return type_


def shown(type_: Type) -> str:
    """The type as messages write it."""
    return str(_shown(type_))


def _shown(type_: Type) -> Type:
    type_ = resolve(type_)
    match type_:
        case VecType(item):
            return VecType(_shown(item))
        case FutureType(item):
            return FutureType(_shown(item))
        case TupleType(items):
            return TupleType(tuple(map(_shown, items)))
        case EnumType(name, args) if args:
            return EnumType(name, tuple(map(_shown, args)))
        case _:
            return type_
