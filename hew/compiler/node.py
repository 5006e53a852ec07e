"""The base of every tree of the compiler: slotted records, immutable to the type checker, cheap to define and to make.

Before:  class Name(Node):            After:  __slots__ = ("text",), __match_args__ = ("span", "text"),
             text: str                        __init__(self, span, text), a repr

`dataclasses` does the same at 0.35 ms a class and 0.5 us a node, which for a hundred kinds is a seventh of the time
that `hew run` may take to start. Here a class costs 10 us, and its `__init__` is compiled when its first node is made.
mypy knows these classes as frozen dataclasses (PEP 681) and refuses assignment; nothing checks it at run time.
Nodes are equal only to themselves, so that they can be keys: `types: dict[ast.Expr, Type]`.
"""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform

from hew.compiler.source import Span


@dataclass_transform(frozen_default=True, eq_default=False)
class NodeType(type):
    """Turns the annotations of a class into slots, constructor and match arguments, after those of its bases."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> NodeType:
        own = tuple(field for field, kind in namespace.get("__annotations__", {}).items() if "ClassVar" not in kind)
        defaults: dict[str, Any] = {}
        inherited: tuple[str, ...] = ()
        for base in bases:
            base_fields = getattr(base, "__match_args__", ())
            if len(base_fields) > len(inherited):
                inherited = base_fields
            defaults.update(getattr(base, "_defaults", {}))
        defaults.update({field: namespace.pop(field) for field in own if field in namespace})
        namespace["__slots__"] = own
        namespace["__match_args__"] = inherited + own
        namespace["_defaults"] = defaults
        if bases:
            namespace.setdefault("__init__", _first_init)
        return super().__new__(mcs, name, bases, namespace)


def _first_init(self: Any, *values: Any, **named: Any) -> None:
    """Stands in for `__init__` until the first node of the class is made, then compiles the real one."""
    cls = type(self)
    defaults = cls._defaults
    parameters = ", ".join(f"{f}=_defaults[{f!r}]" if f in defaults else f for f in cls.__match_args__)
    body = "".join(f"\n    self.{f} = {f}" for f in cls.__match_args__) or "\n    pass"
    scope: dict[str, Any] = {"_defaults": defaults}
    exec(f"def __init__(self, {parameters}):{body}", scope)
    cls.__init__ = scope["__init__"]
    cls.__init__(self, *values, **named)


class Node(metaclass=NodeType):
    """A piece of the program and the stretch of source it was written in."""

    span: Span
    _defaults: ClassVar[dict[str, Any]]

    def __repr__(self) -> str:
        fields = ", ".join(f"{f}={getattr(self, f)!r}" for f in self.__match_args__ if f != "span")
        return f"{type(self).__name__}({fields})"
