"""A function of the program being written: the emitter, and what it knows of the tree.

`evaluate` writes any expression; the tables of `functions` say which code does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hew.compiler import checked as c
from hew.compiler.codegen.emitter import FIELD, HEAP, LOCAL, OWNED, Emitter, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hew.compiler.codegen.layout import Layout
    from hew.compiler.codegen.program import ProgramWriter
    from hew.compiler.types import Type

    Evaluators = dict[type[c.Expr], Callable[["Writer", Any, bool], Value]]

NOTHING: Final = 0  # evaluating it changes nothing and cannot trap
TRAPS: Final = 1  # it may trap
ANYTHING: Final = 2  # it may also change locals, fields and Vecs

_QUIET: Final = frozenset(
    {c.IntLit, c.FloatLit, c.BoolLit, c.CharLit, c.StringLit, c.UnitLit, c.LocalRef, c.FieldRef, c.ThisRef}
)
_ARITHMETIC: Final = frozenset({"+%", "-%", "*%", "&", "|", "^"})


def effects(expr: c.Expr) -> int:
    """What evaluating the expression may do to what was evaluated before it."""
    found = NOTHING
    while True:
        kind = type(expr)
        if kind in _QUIET:
            return found
        match expr:
            case c.RecordField() | c.TupleField() | c.Unary() | c.Cast():
                if kind is c.Unary or kind is c.Cast:
                    found = max(found, TRAPS)
                expr = expr.operand
            case c.Binary(op=op):
                found = max(found, NOTHING if op in _ARITHMETIC else TRAPS, effects(expr.right))
                expr = expr.left
            case c.Compare() | c.Logical():
                found = max(found, effects(expr.right))
                expr = expr.left
            case c.Index():
                found = max(found, TRAPS, effects(expr.index))
                expr = expr.base
            case _:
                return ANYTHING
        if found == ANYTHING:
            return found


class Writer(Emitter):
    """One LLVM function. `fields` is the layout of the actor's fields, reached by `%fields`."""

    def __init__(
        self,
        program: ProgramWriter,
        evaluators: Evaluators,
        function: c.Function | None,
        name: str,
        *,
        fields: Layout | None = None,
        tail_calls: bool = False,
        scope: str = "",
    ) -> None:
        super().__init__(program.module, program.layouts, program.drops, name)
        self.scope = scope
        self.program = program
        self.function = function
        self.fields = fields
        self.tail_calls = tail_calls  # is a call of itself as its last act a jump?
        self.wants_tail_calls = False  # such a call was met, and is none yet
        self.parameters: list[Any] = []
        self.callees: set[c.Function] = set()
        self.return_value: Callable[[Value | None], None] = self.plain_return
        self._evaluators = evaluators
        self.scopes: list[list[Any]] = []  # slots of the locals of each open block

    def statement(self, node: c.Stmt) -> None:
        outer, self.span = self.span, node.span
        self.program.statement(self, node)
        self.span = outer

    def evaluate(self, expr: c.Expr, own: bool = False) -> Value:
        """The value; `own`: the caller takes it over, so a local may be moved out at its last use."""
        outer, self.span = self.span, expr.span
        value = self._evaluators[type(expr)](self, expr, own)
        self.span = outer
        return value

    def owned(self, expr: c.Expr) -> str:
        """The value, taken over at once."""
        return self.take(self.evaluate(expr, own=True))

    def operands(self, exprs: Sequence[c.Expr], *, own_from: int = 1 << 30, hold: bool = True) -> list[Value]:
        """Values of expressions in order, each still good after the last. `hold`: also during a call that may trap.
        Those from index `own_from` on are owned."""
        values: list[Value] = []
        for index, expr in enumerate(exprs):
            own = index >= own_from
            value = self.evaluate(expr, own)
            if self.layouts.managed(value.type):
                self._protect(value, exprs[index + 1 :], own=own, hold=hold)
            values.append(value)
        return values

    def _protect(self, value: Value, later: Sequence[c.Expr], *, own: bool, hold: bool) -> None:
        worst = max(map(effects, later), default=NOTHING)
        if own or (worst == ANYTHING and value.holder in (LOCAL, FIELD, HEAP)):
            self.make_owned(value)
        if value.holder == OWNED and (hold or worst != NOTHING):
            self.hold(value)

    def managed_value(self, ssa: str, type_: Type) -> Value:
        """The owned result of a call."""
        return Value(ssa, type_, OWNED) if self.layouts.managed(type_) else Value(ssa, type_)

    def plain_return(self, value: Value | None) -> None:
        """Leave a function of the program; everything it owns is dropped."""
        if value is None:
            self.drop_slots_from(0)
            self.end("ret void")
        else:
            result = self.take(value)
            self.drop_slots_from(0)
            self.end(f"ret {self.register(value.type)} {result}")

    def poll(self) -> None:
        """Give way to others if the worker is asked to."""
        self.program.use_poll()
        self.call("@poll", "void", "")
