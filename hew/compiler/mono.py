"""Monomorphisation: one concrete function for each use of a generic one, and the types all of them need.

Before: a checked program.
After: the same with `types` filled in: each type of a value met anywhere, once, those inside before
those that hold them, so that descriptors can be made in that order.
In this version no declaration of a program is generic (E0901), so every function is its own only
instance, and only the built-in generic types (Vec, Option, Result, Future) have instances to find.
"""

from __future__ import annotations

from collections.abc import Iterator

from hew.compiler import checked as c
from hew.compiler.types import ActorType, NeverType, RecordType, Type, parts
from hew.compiler.walk import nodes


def monomorphise(program: c.CheckedProgram) -> c.CheckedProgram:
    """The program made concrete; changed in place."""
    found: dict[Type, None] = {}
    for type_ in _declared(program):
        _add(found, type_)
    for function in all_functions(program):
        _add(found, function.result)
        for param in function.params:
            _add(found, param.type)
        for node in nodes(function.body):
            if isinstance(node, c.Expr | c.Pattern):
                _add(found, node.type)
    program.types = list(found)
    return program


def all_functions(program: c.CheckedProgram) -> Iterator[c.Function]:
    """Every function with a body: free ones, then the members of each actor."""
    yield from program.functions
    for actor in program.actors:
        if actor.init is not None:
            yield actor.init.function
        for handler in actor.handlers:
            yield handler.function
        yield from actor.helpers


def _declared(program: c.CheckedProgram) -> Iterator[Type]:
    yield from program.records
    for actor in program.actors:
        yield actor.type
        for field in actor.fields:
            yield field.type


def _add(found: dict[Type, None], type_: Type) -> None:
    """The type and all inside it, those inside first."""
    if type_ in found or isinstance(type_, NeverType):
        return
    if isinstance(type_, RecordType | ActorType):
        found[type_] = None  # before its fields: through a Vec it may hold itself
    for part in parts(type_):
        _add(found, part)
    found.pop(type_, None)
    found[type_] = None
