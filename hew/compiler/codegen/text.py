"""Strings: their operations, f-strings, and the printing functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.compiler import checked as c
from hew.compiler import types as t
from hew.compiler.codegen.emitter import FREE, OWNED, SELF, Value
from hew.compiler.codegen.module import HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hew.compiler.codegen.writer import Writer
    from hew.compiler.source import Span

_LENGTH: Final = f"""define internal i64 @string.len(ptr %s) alwaysinline nounwind uwtable {{
  %null = icmp eq ptr %s, null
  br i1 %null, label %none, label %some
some:
  %at = getelementptr inbounds i8, ptr %s, i64 8
  %len = load i64, ptr %at{HEADER}
  ret i64 %len
none:
  ret i64 0
}}"""

PRINTS: Final = {"print": (1, "false"), "println": (1, "true"), "eprint": (2, "false"), "eprintln": (2, "true")}


def length(w: Writer, string: str) -> str:
    """In bytes; null is the empty string."""
    w.module.helper("string.len", _LENGTH)
    return w.call("@string.len", "i64", f"ptr {string}", unwinds=False)


def concat(w: Writer, expr: c.Concat, _own: bool) -> Value:
    if len(expr.items) != 2:
        return build(w, pieces_of(expr), expr.span)
    left, right = w.operands(expr.items)
    result = w.core("hew_string_concat", f"{SELF}, ptr {left.ssa}, ptr {right.ssa}")
    w.discard(right)
    w.discard(left)
    return Value(result, t.STRING, OWNED)


def format_string(w: Writer, expr: c.Format, _own: bool) -> Value:
    return build(w, expr.pieces, expr.span)


def build(w: Writer, pieces: Sequence[str | c.Expr], _span: Span) -> Value:
    """The string of the pieces' texts."""
    values = write(w, pieces)
    result = w.core("hew_text_string", SELF)
    for value in reversed(values):
        w.discard(value)
    return Value(result, t.STRING, OWNED)


def pieces_of(expr: c.Expr) -> list[str | c.Expr]:
    """What is to be written to write a value; f-strings and sums of strings need not be built for it."""
    match expr:
        case c.Format():
            return list(expr.pieces)
        case c.Concat():
            return [piece for item in expr.items for piece in pieces_of(item)]
        case _:
            return [expr]


def write(w: Writer, pieces: Sequence[str | c.Expr]) -> list[Value]:
    """Evaluate all, then begin a text and write them to it; the caller closes it and drops the values."""
    merged = _merged(pieces)
    values = w.operands([piece for piece in merged if not isinstance(piece, str)])
    w.core("hew_text_begin", SELF)
    rest = iter(values)
    for piece in merged:
        if isinstance(piece, str):
            data = w.module.c_string(piece)
            w.core("hew_text_bytes", f"{SELF}, ptr {data}, i64 {len(piece.encode())}")
        else:
            write_value(w, next(rest))
    return values


def _merged(pieces: Sequence[str | c.Expr]) -> list[str | c.Expr]:
    """String literals as plain text, neighbours joined."""
    merged: list[str | c.Expr] = []
    for one in pieces:
        piece = one.value if isinstance(one, c.StringLit) else one
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece != "":
            merged.append(piece)
    return merged


def write_value(w: Writer, value: Value) -> None:
    match value.type:
        case t.StringType():
            w.core("hew_text_string_piece", f"{SELF}, ptr {value.ssa}")
        case t.IntType(bits=bits, signed=signed):
            wide = value.ssa
            if bits < 64:
                wide = w.let(f"{'sext' if signed else 'zext'} i{bits} {value.ssa} to i64")
            w.core("hew_text_i64" if signed else "hew_text_u64", f"{SELF}, i64 {wide}")
        case t.FloatType(bits=64):
            w.core("hew_text_f64", f"{SELF}, double {value.ssa}")
        case _:
            place = w.spill(value.type, value.ssa)
            w.core("hew_text_value", f"{SELF}, {w.descriptor(value.type)}, ptr {place}")


def prints(w: Writer, expr: c.BuiltinCall) -> Value:
    """print, println, eprint, eprintln: one piece of output."""
    fd, newline = PRINTS[expr.op]
    values = write(w, pieces_of(expr.args[0]) if expr.args else [])
    w.core("hew_text_print", f"{SELF}, i32 {fd}, i1 {newline}")
    for value in reversed(values):
        w.discard(value)
    return Value("0", t.UNIT)


def to_string(w: Writer, expr: c.BuiltinCall) -> Value:
    return build(w, pieces_of(expr.args[0]), expr.span)


def is_length(w: Writer, expr: c.BuiltinCall) -> Value:
    """string.len and string.is_empty."""
    (string,) = w.operands(expr.args, hold=False)
    size = length(w, string.ssa)
    w.discard(string)
    if expr.op == "string.len":
        return Value(size, t.INT)
    return Value(w.let(f"icmp eq i64 {size}, 0"), t.BOOL)


def find(w: Writer, expr: c.BuiltinCall) -> Value:
    """string.find and string.contains."""
    string, what = w.operands(expr.args, hold=False)
    at = w.core("hew_string_find", f"ptr {string.ssa}, ptr {what.ssa}")
    w.discard(what)
    w.discard(string)
    if expr.op == "string.find":
        return Value(at, t.INT)
    return Value(w.let(f"icmp sge i64 {at}, 0"), t.BOOL)


def string_slice(w: Writer, expr: c.BuiltinCall) -> Value:
    string, start, end = w.operands(expr.args)
    args = f"{SELF}, ptr {string.ssa}, i64 {start.ssa}, i64 {end.ssa}, {w.location(expr.span)}"
    result = w.core("hew_string_slice", args)
    w.discard(string)
    return Value(result, t.STRING, OWNED)


def pointers(w: Writer, expr: c.BuiltinCall) -> Value:
    """Operations of the core from references to a new reference."""
    values = w.operands(expr.args)
    function = {"string.split": "hew_string_split", "string.trim": "hew_string_trim", "vec.join": "hew_string_join"}
    result = w.core(function[expr.op], ", ".join([SELF, *map(w.typed, values)]))
    for value in reversed(values):
        w.discard(value)
    return Value(result, expr.type, OWNED)


def parse_int(w: Writer, expr: c.BuiltinCall) -> Value:
    (string,) = w.operands(expr.args, hold=False)
    out = w.alloca(w.layouts.of(expr.type).memory)
    w.core("hew_string_parse_int", f"ptr {string.ssa}, ptr {out}")
    w.discard(string)
    return Value(w.load(expr.type, out), expr.type, FREE)
