"""Walks over checked trees without recursion, however deep they are."""

from __future__ import annotations

from collections.abc import Iterator

from hew.compiler import checked as c

Node = c.Expr | c.Stmt | c.Place | c.Pattern | c.Arm

_NODE_CLASSES = (c.Expr, c.Stmt, c.Place, c.Pattern, c.Arm)
# Attributes that never hold nodes of the tree itself.
_LEAVES = frozenset({"span", "end_span", "type", "op", "function", "handler", "actor", "index", "value_text", "kind"})
_fields_of: dict[type, tuple[str, ...]] = {
    c.Break: ("value",),
    c.Continue: (),
    c.Index: ("base", "index"),
    c.ElementPlace: ("vec", "index"),
    c.IntLit: (),
    c.FloatLit: (),
    c.StringLit: (),
    c.BoolLit: (),
    c.CharLit: (),
    c.LiteralPattern: (),
    c.FieldRef: (),
    c.ActorFieldPlace: (),
    c.LocalRef: (),
    c.LocalPlace: (),
}


def _fields(kind: type) -> tuple[str, ...]:
    found = _fields_of.get(kind)
    if found is None:
        names = [name for base in reversed(kind.__mro__) for name in getattr(base, "__slots__", ())]
        found = _fields_of[kind] = tuple(name for name in names if name not in _LEAVES)
    return found


def nodes(root: Node) -> Iterator[Node]:
    """The node and all below it, in no order."""
    todo: list[object] = [root]
    pop, push = todo.pop, todo.append
    while todo:
        node = pop()
        yield node  # type: ignore[misc]
        for name in _fields(type(node)):
            value = getattr(node, name)
            if isinstance(value, list):
                todo.extend(one for one in value if isinstance(one, _NODE_CLASSES))
            elif isinstance(value, _NODE_CLASSES):
                push(value)


def local_of(node: Node) -> c.Local | None:
    """The local a node reads, assigns or makes."""
    match node:
        case c.LocalRef() | c.LocalPlace() | c.BindPattern() | c.Let() | c.ForRange() | c.ForVec() | c.ForString():
            return node.local
        case _:
            return None
