"""Blocks, branches, loops and jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen import text
from hew.compiler.codegen.emitter import FREE, LOCAL, LoopFrame, Slot, Value
from hew.compiler.codegen.expressions import LENGTH, data_of, header_word, unit
from hew.compiler.codegen.module import ELEMENT, VALID_VEC
from hew.compiler.codegen.operators import constant, phi
from hew.compiler.walk import nodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from hew.compiler.codegen.writer import Writer
    from hew.compiler.types import Type

    Begin = Callable[[str], None]

STRIP: Final = 1024  # rounds of a light loop between two polls
OUTER_STRIP: Final = 64  # rounds of a loop of nothing but light loops, each of which may run a whole strip unpolled
UNPOLLED: Final = 4096  # rounds that a light loop with constant bounds may have without a poll

_HEAVY: Final = (
    c.Call, c.SelfCall, c.Spawn, c.Send, c.Ask, c.AwaitAsk, c.AwaitFuture, c.AwaitExit, c.Close, c.AwaitClose,
    c.Format, c.Concat, c.VecRepeat,
)  # fmt: skip
LOOPS: Final = (c.Loop, c.While, c.ForRange, c.ForVec, c.ForString)
_LIGHT_OPERATIONS: Final = ("int.", "float.", "option.", "result.", "vec.push", "vec.pop", "vec.len", "vec.is_empty")


class Outcome:
    """Where the values of branches meet."""

    def __init__(self, w: Writer, type_: Type) -> None:
        self._w = w
        self._type = type_
        self._wanted = not isinstance(type_, t.UnitType | t.NeverType)
        self._end = w.new_label("end")
        self._incoming: list[tuple[str, str]] = []

    def prepare(self, value: Value) -> None:
        """Before the scope of the branch is closed: its locals will be gone."""
        if self._wanted:
            self._w.make_owned(value)
        else:
            self._w.discard(value)
            value.holder = FREE

    def add(self, value: Value) -> None:
        """A branch ends here with the value."""
        w = self._w
        if self._wanted:
            ssa = w.take(value)
            if w.alive:
                self._incoming.append((ssa, w.block))
        w.branch(self._end)

    def result(self) -> Value:
        w = self._w
        w.label(self._end)
        if not self._wanted:
            return Value("0", self._type)
        return w.managed_value(phi(w, w.register(self._type), self._incoming), self._type)


def declare(w: Writer, local: c.Local, ssa: str | None) -> None:
    """A new local of the innermost scope that owns the value; None: it is assigned later."""
    managed = w.layouts.managed(local.type)
    if not managed and not local.mutable and ssa is not None:
        w.locals[local] = Value(ssa, local.type)
        return
    slot = w.new_slot(local.type)
    if ssa is not None:
        w.store(local.type, ssa, slot.name)
    w.locals[local] = slot
    if managed:
        w.scopes[-1].append(slot)


def close_scope(w: Writer) -> None:
    """Drop the locals of the innermost scope."""
    for slot in reversed(w.scopes.pop()):
        w.drop_slot(slot)
        w.release(slot)


def block(w: Writer, expr: c.Block, own: bool) -> Value:
    w.scopes.append([])
    for statement in expr.statements:
        w.statement(statement)
    value = unit() if expr.result is None else w.evaluate(expr.result, own or bool(w.scopes[-1]))
    if w.scopes[-1]:
        w.make_owned(value)
    close_scope(w)
    return value


def branches(w: Writer, expr: c.If, _own: bool) -> Value:
    """`if`; an else-if chain is walked in a loop."""
    outcome = Outcome(w, expr.type)
    one: c.Expr = expr
    while isinstance(one, c.If):
        then, other = w.new_label("then"), w.new_label("else")
        w.branch_if(w.evaluate(one.condition).ssa, then, other)
        w.label(then)
        _branch(w, one.then, outcome)
        w.label(other)
        if one.otherwise is None:
            outcome.add(unit())
            return outcome.result()
        one = one.otherwise
    _branch(w, one, outcome)
    return outcome.result()


def _branch(w: Writer, body: c.Expr, outcome: Outcome) -> None:
    value = w.evaluate(body, own=True)
    outcome.prepare(value)
    outcome.add(value)


# ---- loops


class _Strips(NamedTuple):
    """The labels of a loop; `left` is where the rounds to the next poll are counted, nothing when each has its own."""

    strip: str
    head: str
    left: str


def _strip(*parts: c.Expr | None) -> int:
    """How many rounds of a loop with these parts may pass between two polls; 1: each has its own."""
    inside: list[c.AnyLoop] = []
    for part in parts:
        for node in nodes(part) if part is not None else ():
            if isinstance(node, LOOPS):
                inside.append(node)
            elif isinstance(node, _HEAVY) or (
                isinstance(node, c.BuiltinCall) and not node.op.startswith(_LIGHT_OPERATIONS)
            ):
                return 1
    if not inside:
        return STRIP
    return OUTER_STRIP if all(_strip(loop.body) == STRIP for loop in inside) else 1


def _open(w: Writer, loop: c.AnyLoop, again: str, result: Slot | None = None) -> LoopFrame:
    frame = LoopFrame(w.new_label("exit"), again, len(w.live), result)
    w.loops[loop] = frame
    return frame


def _run_body(w: Writer, body: c.Block) -> None:
    w.discard(w.evaluate(body))


def endless(w: Writer, expr: c.Loop, _own: bool) -> Value:
    wanted = not isinstance(expr.type, t.UnitType | t.NeverType)
    result = w.new_slot(expr.type) if wanted else None
    value = _repeat(w, expr, None, expr.body, result)
    if result is None:
        return Value("0", expr.type)
    ssa = w.load(expr.type, result.name)
    if w.layouts.managed(expr.type):
        w.clear(result)
    w.release(result)
    return w.managed_value(ssa, expr.type) if value else Value("poison", expr.type)


def repeat_while(w: Writer, expr: c.While, _own: bool) -> Value:
    _repeat(w, expr, expr.condition, expr.body, None)
    return unit()


def _repeat(w: Writer, loop: c.Loop | c.While, condition: c.Expr | None, body: c.Block, result: Slot | None) -> bool:
    """Rounds that begin with a condition, or with nothing. Gives whether its end can be reached."""
    again = w.new_label("again")
    frame = _open(w, loop, again, result)
    strips = _begin_rounds(w, _strip(body, condition))
    if condition is not None:
        go = w.new_label("body")
        w.branch_if(w.evaluate(condition).ssa, go, frame.exit)
        w.label(go)
    _run_body(w, body)
    w.branch(again)
    w.label(again)
    _end_round(w, strips)
    w.label(frame.exit)
    return w.alive


def _begin_rounds(w: Writer, rounds: int) -> _Strips:
    """The head of a loop. A light one runs in strips of several rounds between polls, so that what does not change can
    stay in registers within a strip."""
    strips = _Strips(w.new_label("strip"), w.new_label("loop"), w.alloca("i64") if rounds > 1 else "")
    w.branch(strips.strip)
    w.label(strips.strip)
    if strips.left:
        w.emit(f"store i64 {rounds}, ptr {strips.left}")
    w.branch(strips.head)
    w.label(strips.head)
    return strips


def _end_round(w: Writer, strips: _Strips) -> None:
    """On to the next round, after a poll when the strip is at its end."""
    if strips.left:
        rest = w.let(f"load i64, ptr {strips.left}")
        less = w.let(f"sub i64 {rest}, 1")
        w.emit(f"store i64 {less}, ptr {strips.left}")
        poll = w.new_label("poll")
        w.branch_if(w.let(f"icmp ne i64 {less}, 0"), strips.head, poll, likely=True)
        w.label(poll)
    w.poll()
    w.branch(strips.strip)


def for_range(w: Writer, expr: c.ForRange, _own: bool) -> Value:
    start, end = (value.ssa for value in w.operands([expr.start, expr.end], hold=False))
    kind = expr.local.type
    assert isinstance(kind, t.IntType)
    bits, order = kind.bits, "s" if kind.signed else "u"
    body, again = w.new_label("body"), w.new_label("again")
    rounds = _strip(expr.body)
    heavy = rounds == 1
    unpolled = rounds == STRIP and _rounds(start, end, kind, inclusive=expr.inclusive) <= UNPOLLED
    frame = _open(w, expr, again)
    begin, strip = w.new_label("begin"), w.new_label("strip")
    w.branch_if(w.let(f"icmp {order}{'le' if expr.inclusive else 'lt'} i{bits} {start}, {end}"), begin, frame.exit)
    w.label(begin)
    last = end if expr.inclusive else w.let(f"sub i{bits} {end}, 1")
    counter = w.alloca(f"i{bits}")
    w.emit(f"store i{bits} {start}, ptr {counter}")
    w.branch(strip)
    w.label(strip)
    stop = last if heavy or unpolled else _strip_end(w, bits, counter, last, rounds)
    w.branch(body)
    w.label(body)
    now = w.let(f"load i{bits}, ptr {counter}")
    w.scopes.append([])
    declare(w, expr.local, now)
    _run_body(w, expr.body)
    close_scope(w)
    w.branch(again)
    w.label(again)
    _advance(w, bits, kind.signed, counter, stop, last, (body, strip, frame.exit), polled=not unpolled)
    w.label(frame.exit)
    return unit()


def _strip_end(w: Writer, bits: int, counter: str, last: str, rounds: int) -> str:
    """The last round before the next poll."""
    now = w.let(f"load i{bits}, ptr {counter}")
    rest = w.let(f"sub i{bits} {last}, {now}")
    strip = min(rounds - 1, (1 << (bits - 1)) - 1)
    umin = w.module.intrinsic(f"llvm.umin.i{bits}", f"i{bits}", f"i{bits}, i{bits}")
    step = w.let(f"call i{bits} {umin}(i{bits} {rest}, i{bits} {strip})")
    return w.let(f"add i{bits} {now}, {step}")


def _advance(
    w: Writer,
    bits: int,
    signed: bool,
    counter: str,
    stop: str,
    last: str,
    labels: tuple[str, str, str],
    *,
    polled: bool,
) -> None:
    """To the next round: the counter is below `last`, so it cannot overflow."""
    body, strip, leave = labels
    now = w.let(f"load i{bits}, ptr {counter}")
    step, more, pause = w.new_label("step"), w.new_label("more"), w.new_label("poll")
    increment = f"add {'nsw' if signed else 'nuw'} i{bits}"
    if stop != last:
        w.branch_if(w.let(f"icmp eq i{bits} {now}, {stop}"), more, step)
        w.label(step)
        w.emit(f"store i{bits} {w.let(f'{increment} {now}, 1')}, ptr {counter}")
        w.branch(body)
        w.label(more)
    w.branch_if(w.let(f"icmp eq i{bits} {now}, {last}"), leave, pause)
    w.label(pause)
    if polled:
        w.poll()
    w.emit(f"store i{bits} {w.let(f'{increment} {now}, 1')}, ptr {counter}")
    w.branch(strip if stop != last else body)


def _rounds(start: str, end: str, kind: t.IntType, *, inclusive: bool) -> int:
    """Of a range between constants; very many otherwise."""
    first, last = constant(start), constant(end)
    if first is None or last is None:
        return UNPOLLED + 1
    if not kind.signed:
        first, last = first & kind.maximum, last & kind.maximum
    return last - first + inclusive


def for_vec(w: Writer, expr: c.ForVec, _own: bool) -> Value:
    """By position; the length is read again each round."""
    vec = w.evaluate(expr.vec, own=True)
    if vec.holder != LOCAL or not isinstance(expr.vec, c.LocalRef) or expr.vec.local.mutable:
        w.make_owned(vec)
    w.hold(vec)
    item = expr.local.type
    counter = w.alloca("i64")
    w.emit(f"store i64 0, ptr {counter}")

    def begin(leave: str) -> None:
        at = w.let(f"load i64, ptr {counter}")
        inside = w.new_label("item")
        w.branch_if(w.let(f"icmp ult i64 {at}, {header_word(w, vec.ssa, LENGTH)}"), inside, leave)
        w.label(inside)
        memory = w.layouts.of(item).memory
        address = w.let(f"getelementptr inbounds {memory}, ptr {data_of(w, vec.ssa)}, i64 {at}")
        ssa = w.load(item, address, ELEMENT + VALID_VEC if isinstance(item, t.VecType) else ELEMENT)
        w.emit(f"store i64 {w.let(f'add nuw i64 {at}, 1')}, ptr {counter}")
        w.retain_ssa(item, ssa)
        declare(w, expr.local, ssa)

    _each(w, expr, begin)
    w.discard(vec)
    return unit()


def for_string(w: Writer, expr: c.ForString, _own: bool) -> Value:
    """Character by character."""
    string = w.evaluate(expr.string, own=True)
    if string.holder != LOCAL or not isinstance(expr.string, c.LocalRef) or expr.string.local.mutable:
        w.make_owned(string)
    w.hold(string)
    counter, scalar = w.alloca("i64"), w.alloca("i32")
    w.emit(f"store i64 0, ptr {counter}")

    def begin(leave: str) -> None:
        at = w.let(f"load i64, ptr {counter}")
        inside = w.new_label("item")
        w.branch_if(w.let(f"icmp ult i64 {at}, {text.length(w, string.ssa)}"), inside, leave)
        w.label(inside)
        after = w.core("hew_string_next_char", f"ptr {string.ssa}, i64 {at}, ptr {scalar}")
        w.emit(f"store i64 {after}, ptr {counter}")
        declare(w, expr.local, w.let(f"load i32, ptr {scalar}"))

    _each(w, expr, begin)
    w.discard(string)
    return unit()


def _each(w: Writer, expr: c.ForVec | c.ForString, begin: Begin) -> None:
    """Rounds that begin with a test and a new local."""
    again = w.new_label("again")
    frame = _open(w, expr, again)
    strips = _begin_rounds(w, _strip(expr.body))
    w.scopes.append([])
    begin(frame.exit)
    _run_body(w, expr.body)
    w.branch(again)
    w.label(again)
    close_scope(w)
    _end_round(w, strips)
    w.label(frame.exit)


# ---- jumps


def leave(w: Writer, expr: c.Break, _own: bool) -> Value:
    frame = w.loops[expr.target]
    if expr.value is not None:
        value = w.evaluate(expr.value, own=True)
        if frame.result is not None:
            w.store(frame.result.type, w.take(value), frame.result.name)
        else:
            w.discard(value)
    w.drop_slots_from(frame.depth)
    w.branch(frame.exit)
    return Value("poison", t.NEVER)


def again(w: Writer, expr: c.Continue, _own: bool) -> Value:
    frame = w.loops[expr.target]
    w.drop_slots_from(frame.depth)
    w.branch(frame.again)
    return Value("poison", t.NEVER)


def give_back(w: Writer, expr: c.Return, _own: bool) -> Value:
    value = None if expr.value is None else w.evaluate(expr.value, own=True)
    nothing = value is None or isinstance(value.type, t.UnitType | t.NeverType)
    w.return_value(None if nothing else value)
    return Value("poison", t.NEVER)
