"""Last uses: which reading of a local is the final one, so that its value may be moved.

Before: `LocalRef.last_use` is False everywhere.
After: it is True where on no path the local is read again before it is assigned anew.
Walks each body backwards, carrying the set of locals that are read later. A loop reads in its next
round whatever it reads at all, but for the locals made inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from hew.compiler import checked as c
from hew.compiler.walk import nodes

Live = set[c.Local]


def mark_last_uses(function: c.Function) -> None:
    _Moves().expr(function.body, set())


class _Moves:
    """The walk of one function. `live` is changed in place from after a node to before it."""

    def __init__(self) -> None:
        self._after: dict[c.AnyLoop, Live] = {}
        self._around: dict[c.AnyLoop, Live] = {}

    def expr(self, node: c.Expr | None, live: Live) -> None:
        while node is not None:
            node = self._step(node, live)

    def _step(self, node: c.Expr, live: Live) -> c.Expr | None:  # noqa: C901 - a match over kinds
        """Do one node; gives the operand that is left to do, so that left-leaning chains need no stack."""
        match node:
            case c.LocalRef(local=local):
                if local not in live:
                    node.last_use = True
                    live.add(local)
            case c.Binary() | c.Compare():
                self.expr(node.right, live)
                return node.left
            case c.Logical():
                skipped = set(live)
                self.expr(node.right, live)
                live |= skipped
                return node.left
            case c.Unary() | c.Cast() | c.RecordField() | c.TupleField():
                return node.operand
            case c.Index():
                self.expr(node.index, live)
                return node.base
            case c.Call() | c.SelfCall() | c.BuiltinCall() | c.Assert():
                self.all(node.args, live)
            case c.TupleLit() | c.RecordLit() | c.VariantLit() | c.VecLit() | c.Concat():
                self.all(node.items, live)
            case c.Format():
                self.all([piece for piece in node.pieces if not isinstance(piece, str)], live)
            case c.VecRepeat():
                self.expr(node.count, live)
                return node.item
            case c.Spawn():
                self.all(node.init_args, live)
                self.all(node.fields, live)
            case c.Send() | c.Ask() | c.AwaitAsk():
                self.all(node.args, live)
                return node.target
            case c.AwaitFuture():
                return node.future
            case c.AwaitExit() | c.Close() | c.AwaitClose():
                return node.target
            case _:
                self._control(node, live)
        return None

    def all(self, items: Sequence[c.Expr], live: Live) -> None:
        for item in reversed(items):
            self.expr(item, live)

    def _control(self, node: c.Expr, live: Live) -> None:
        match node:
            case c.Block():
                self.expr(node.result, live)
                for statement in reversed(node.statements):
                    self.statement(statement, live)
            case c.If():
                self._if(node, live)
            case c.Match():
                self._match(node, live)
            case c.Loop() | c.While() | c.ForRange() | c.ForVec() | c.ForString():
                self._loop(node, live)
            case c.Break():
                _replace(live, self._after[node.target])
                self.expr(node.value, live)
            case c.Continue():
                _replace(live, self._around[node.target])
            case c.Return():
                live.clear()
                self.expr(node.value, live)
            case _:
                pass

    def _if(self, node: c.If, live: Live) -> None:
        links = [node]
        while isinstance(links[-1].otherwise, c.If):
            links.append(links[-1].otherwise)
        after = set(live)
        self.expr(links[-1].otherwise, live)
        for one in reversed(links):
            taken = set(after)
            self.expr(one.then, taken)
            live |= taken
            self.expr(one.condition, live)

    def _match(self, node: c.Match, live: Live) -> None:
        after = set(live)
        live.clear()
        for arm in reversed(node.arms):
            taken = set(after)
            self.expr(arm.body, taken)
            if arm.guard is not None:
                taken |= live
                self.expr(arm.guard, taken)
            taken -= _made_by(arm.pattern)
            live |= taken
        self.expr(node.subject, live)

    def _loop(self, node: c.AnyLoop, live: Live) -> None:
        self._after[node] = set(live)
        live |= _used_in(node)
        self._around[node] = set(live)
        self.expr(node.body, live)
        if isinstance(node, c.While):
            self.expr(node.condition, live)
        live |= self._around[node]
        match node:
            case c.ForRange():
                live.discard(node.local)
                self.expr(node.end, live)
                self.expr(node.start, live)
            case c.ForVec():
                live.discard(node.local)
                self.expr(node.vec, live)
            case c.ForString():
                live.discard(node.local)
                self.expr(node.string, live)
            case _:
                pass

    def statement(self, node: c.Stmt, live: Live) -> None:
        match node:
            case c.ExprStmt():
                self.expr(node.expr, live)
            case c.Let():
                live.discard(node.local)
                self.expr(node.value, live)
            case c.LetPattern():
                live -= _made_by(node.pattern)
                self.expr(node.value, live)
            case c.Assign():
                self._assignment(node.place, node.value, live, whole=isinstance(node.place, c.LocalPlace))
            case c.CompoundAssign():
                self._assignment(node.place, node.value, live, whole=False)
            case _:
                raise AssertionError(node)

    def _assignment(self, place: c.Place, value: c.Expr, live: Live, *, whole: bool) -> None:
        """A place inside a local needs the rest of that local, so the value may not move it away."""
        while isinstance(place, c.MemberPlace):
            place = place.base
        if isinstance(place, c.LocalPlace):
            if whole:
                live.discard(place.local)
            else:
                live.add(place.local)
        self.expr(value, live)
        if isinstance(place, c.ElementPlace):
            self.expr(place.index, live)
            self.expr(place.vec, live)


def _replace(live: Live, other: Live) -> None:
    live.clear()
    live |= other


def _made_by(pattern: c.Pattern) -> Live:
    return {node.local for node in nodes(pattern) if isinstance(node, c.BindPattern)}


def _used_in(loop: c.AnyLoop) -> Live:
    """The locals read in the rounds of the loop, or changed in part, that are not made there."""
    used: Live = set()
    made: Live = {loop.local} if isinstance(loop, c.ForRange | c.ForVec | c.ForString) else set()
    repeated = chain(nodes(loop.body), nodes(loop.condition) if isinstance(loop, c.While) else ())
    for node in repeated:
        match node:
            case c.LocalRef() | c.LocalPlace():
                used.add(node.local)
            case c.Let() | c.BindPattern():
                made.add(node.local)
            case c.ForRange() | c.ForVec() | c.ForString():
                made.add(node.local)
            case _:
                pass
    return used - made
