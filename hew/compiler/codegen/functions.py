"""Functions of the program as LLVM functions, and the handlers that the core calls.

Parameters are borrowed, results are owned. A handler's payload is owned by it: its body is written a
second time for calls from inside the actor, where the parameters are borrowed as everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen import actors, builtins, control, expressions, operators, patterns, text
from hew.compiler.codegen.emitter import LOCAL, SELF, Value, result_register
from hew.compiler.codegen.module import PROBED
from hew.compiler.codegen.writer import Writer, effects

if TYPE_CHECKING:
    from hew.compiler.codegen.layout import Layout
    from hew.compiler.codegen.program import ProgramWriter
    from hew.compiler.codegen.writer import Evaluators

EVALUATORS: Final[Evaluators] = {
    c.IntLit: expressions.int_literal,
    c.FloatLit: expressions.float_literal,
    c.BoolLit: expressions.bool_literal,
    c.CharLit: expressions.char_literal,
    c.StringLit: expressions.string_literal,
    c.UnitLit: expressions.unit_literal,
    c.LocalRef: expressions.local,
    c.FieldRef: expressions.actor_field,
    c.ThisRef: expressions.this,
    c.RecordField: expressions.member,
    c.TupleField: expressions.member,
    c.Index: expressions.index,
    c.TupleLit: expressions.aggregate,
    c.RecordLit: expressions.aggregate,
    c.VariantLit: expressions.variant,
    c.VecLit: expressions.vec_literal,
    c.VecRepeat: expressions.vec_repeat,
    c.Call: expressions.call,
    c.SelfCall: expressions.call,
    c.Concat: text.concat,
    c.Format: text.format_string,
    c.Cast: operators.cast,
    c.Unary: operators.unary,
    c.Binary: operators.binary,
    c.Compare: operators.compare,
    c.Logical: operators.logical,
    c.BuiltinCall: builtins.builtin,
    c.Assert: builtins.assertion,
    c.Spawn: actors.spawn,
    c.Send: actors.send,
    c.Ask: actors.ask,
    c.AwaitAsk: actors.await_ask,
    c.AwaitFuture: actors.await_future,
    c.AwaitExit: actors.await_exit,
    c.Close: actors.close,
    c.AwaitClose: actors.await_close,
    c.Block: control.block,
    c.If: control.branches,
    c.Match: patterns.match,
    c.Loop: control.endless,
    c.While: control.repeat_while,
    c.ForRange: control.for_range,
    c.ForVec: control.for_vec,
    c.ForString: control.for_string,
    c.Break: control.leave,
    c.Continue: control.again,
    c.Return: control.give_back,
}

ATTRIBUTES: Final = f'uwtable "frame-pointer"="all" {PROBED}'  # frame pointers are for samples (backtrace.h)
# Of a small function that calls itself, where each instruction counts: no frame, but the register is left alone, so
# that a walk goes on with the frame of who called the first of them. In the second half of a line of the instruction
# cache it is up to a third faster than at the start of one (fib, measured at each place).
FRAMELESS: Final = f'uwtable "frame-pointer"="reserved" {PROBED}'
PLACED: Final = "noinline align 64 prefix [32 x i8] zeroinitializer"
VEC_PARAMETER: Final = " nonnull align 8 dereferenceable(32)"


def write_function(
    program: ProgramWriter, function: c.Function, name: str, fields: Layout | None
) -> tuple[Writer, str]:
    """The writer, finished but for its polls, and the header of a function that Hew code calls."""
    scope = program.module.debug.function(function.symbol, function.span.start)
    w = _body(program, function, fields, scope)
    shortcut = _shortcut(w, function) if function in w.callees else None
    if w.wants_tail_calls:
        w = _body(program, function, fields, scope, tail_calls=True)
    elif shortcut is not None:
        inner = f'@"f.{function.symbol}.rest"'
        program.module.functions.append(_write_shortcut(program, function, fields, shortcut, (name, inner)))
        w = _body(program, function, fields, scope, excluded=shortcut[0])
        return w, f"{_header(w, function, inner, FRAMELESS)} {PLACED}"
    return w, _header(w, function, name)


def _header(w: Writer, function: c.Function, name: str, attributes: str = ATTRIBUTES) -> str:
    result = result_register(w.layouts, function.result)
    return f"define internal {result} {name}({', '.join(_parameters(w, function))}) {attributes}"


def _parameters(w: Writer, function: c.Function) -> list[str]:
    params = [
        f"{w.register(param.type)}{VEC_PARAMETER if isinstance(param.type, t.VecType) else ''} %p{index}"
        for index, param in enumerate(function.params)
    ]
    return params if function.actor is None else ["ptr %fields", *params]


def _shortcut(w: Writer, function: c.Function) -> tuple[c.Expr, c.Expr] | None:
    """Condition and value when a function that calls itself begins with `if condition { value }`, both trivial."""
    body = function.body
    first: c.Expr | None = body.result
    if body.statements:
        first = body.statements[0].expr if isinstance(body.statements[0], c.ExprStmt) else None
    if not isinstance(first, c.If) or not isinstance(first.then, c.Block):
        return None
    value = first.then.result
    if body.statements:  # the value must be returned
        inner = first.then.statements
        last = inner[0].expr if len(inner) == 1 and isinstance(inner[0], c.ExprStmt) else value
        value = last.value if isinstance(last, c.Return) and len(inner) <= 1 else None
    elif first.then.statements:
        return None
    if value is None or value.type != function.result or effects(first.condition) or effects(value):
        return None
    if any(param.mutable or w.layouts.managed(param.type) for param in function.params):
        return None
    return None if w.layouts.managed(function.result) else (first.condition, value)


def _write_shortcut(
    program: ProgramWriter,
    function: c.Function,
    fields: Layout | None,
    shortcut: tuple[c.Expr, c.Expr],
    names: tuple[str, str],
) -> str:
    """A small function that LLVM inlines into its callers, so that the last level of a recursion costs no call.

    It has no debug information, so that a call over it is one frame, not two.
    """
    w = Writer(program, EVALUATORS, function, function.name, fields=fields)
    for index, param in enumerate(function.params):
        _parameter(w, param, f"%p{index}")
    quick, slow = w.new_label("quick"), w.new_label("slow")
    register = w.register(function.result)
    w.branch_if(w.evaluate(shortcut[0]).ssa, quick, slow)
    w.label(quick)
    w.end(f"ret {register} {w.evaluate(shortcut[1]).ssa}")
    w.label(slow)
    joined = ", ".join(_parameters(w, function))
    w.end(f"ret {register} {w.let(f'call {register} {names[1]}({joined})')}")
    text, _ = w.finish(_header(w, function, names[0]), recursive=())
    return text


def _body(
    program: ProgramWriter,
    function: c.Function,
    fields: Layout | None,
    scope: str,
    *,
    tail_calls: bool = False,
    excluded: c.Expr | None = None,
) -> Writer:
    """The whole body. `excluded`: a condition that is false here, as the caller has seen."""
    w = Writer(program, EVALUATORS, function, function.name, fields=fields, tail_calls=tail_calls, scope=scope)
    w.span = function.span
    w.scopes.append([])
    for index, param in enumerate(function.params):
        _parameter(w, param, f"%p{index}")
    if excluded is not None:
        otherwise = w.let(f"xor i1 {w.evaluate(excluded).ssa}, true")
        w.emit(f"call void {w.module.intrinsic('llvm.assume', 'void', 'i1')}(i1 {otherwise})")
    if tail_calls:
        w.branch("tail")
        w.label("tail")
        w.poll()
    _run(w, function)
    return w


def _parameter(w: Writer, param: c.Local, ssa: str) -> None:
    """Borrowed, and used as it came; one that changes becomes a local of the function."""
    managed = w.layouts.managed(param.type)
    if not param.mutable and not w.tail_calls:
        w.locals[param] = Value(ssa, param.type, LOCAL if managed else 0)
        return
    w.retain_ssa(param.type, ssa)
    slot = w.new_slot(param.type)
    w.store(param.type, ssa, slot.name)
    w.locals[param] = slot
    w.parameters.append(slot)
    if managed:
        w.scopes[-1].append(slot)


def _run(w: Writer, function: c.Function) -> None:
    """The body; its value is the result."""
    value = w.evaluate(function.body, own=True)
    if isinstance(function.result, t.UnitType | t.NeverType):
        w.discard(value)
        w.return_value(None)
    else:
        w.return_value(Value(value.ssa, function.result, value.holder, value.slot))


def write_handler(program: ProgramWriter, handler: c.Function, name: str, fields: Layout | None) -> tuple[Writer, str]:
    """A handler as the core calls it: payload into places of its own, body, reply."""
    scope = program.module.debug.function(handler.symbol, handler.span.start)
    w = Writer(program, EVALUATORS, handler, handler.name, fields=fields, scope=scope)
    w.span = handler.span
    w.scopes.append([])
    payload = w.layouts.of(t.TupleType(tuple(param.type for param in handler.params)))
    for param, offset in zip(handler.params, payload.offsets, strict=True):
        address = w.let(f"getelementptr inbounds i8, ptr %args, i64 {offset}") if offset else "%args"
        control.declare(w, param, w.load(param.type, address))
    is_main = handler.actor is None

    def reply(value: Value | None) -> None:
        result = None if value is None else w.take(value)
        w.drop_slots_from(0)
        if is_main:
            wide = "0" if result is None else operators.convert(w, result, handler.result, t.INT, handler.span)
            w.core("hew_main_result", f"{SELF}, i64 {wide}")
        elif result is not None:
            w.core("hew_reply", f"{SELF}, ptr {w.spill(handler.result, result)}")
        w.end("ret void")

    w.return_value = reply
    _run(w, handler)
    return w, f"define internal void {name}(ptr %worker, ptr %fields, ptr noalias %args) {ATTRIBUTES}"
