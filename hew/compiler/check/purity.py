"""`pure fn`: its body calls only pure functions, spawns, sends and prints nothing, and assigns no actor field."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from hew.compiler import checked as c
from hew.compiler.source import Span
from hew.compiler.walk import nodes

_EFFECTS: Final = {
    "print": "prints",
    "println": "prints",
    "eprint": "prints",
    "eprintln": "prints",
    "exit": "ends the program",
    "sleep": "waits",
    "sleep_ms": "waits",
    "cooperate": "waits",
    "env": "reads the environment",
    "args": "reads the arguments",
}


def first_effect(function: c.Function, pure: Set[c.Function]) -> tuple[Span, str] | None:
    """The first place in a function that is not pure, and what it does."""
    found = [(node.span, effect) for node in nodes(function.body) if (effect := _effect(node, pure)) is not None]
    return min(found, key=lambda one: one[0].start) if found else None


def _effect(node: object, pure: Set[c.Function]) -> str | None:
    match node:
        case c.Call(function=called) | c.SelfCall(function=called):
            return f"calls '{called.name}', which is not" if called not in pure and called.kind != "default" else None
        case c.Spawn():
            return "spawns an actor"
        case c.Send() | c.Ask() | c.AwaitAsk() | c.Close() | c.AwaitClose():
            return "sends a message"
        case c.AwaitFuture() | c.AwaitExit():
            return "waits"
        case c.ActorFieldPlace():
            return "assigns a field of its actor"
        case c.BuiltinCall(op=op):
            return _EFFECTS.get(op)
        case _:
            return None
