"""Trees of the compiler's front end: compare them without their spans, print them as Hew, make them at random."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hew.compiler import ast
from hew.compiler.diagnostics import Report
from hew.compiler.node import Node
from hew.compiler.parser import parse
from hew.compiler.source import Source, Span

NOWHERE = Span(0, 0)


def parsed(text: str) -> tuple[ast.Module, Report]:
    """The tree of a text and what is wrong with it."""
    source = Source("test.hew", text)
    report = Report(source)
    return parse(source, report), report


def codes(text: str) -> list[str]:
    """`E0010@3:7` for each diagnostic of a text, in order."""
    _, report = parsed(text)
    return [f"{d.code.text}@{':'.join(map(str, report.source.position(d.span.start)))}" for d in report.diagnostics()]


def shape(value: object) -> Any:
    """A tree as nested tuples without spans, for comparison."""
    if isinstance(value, Node):
        fields = (shape(getattr(value, field)) for field in value.__match_args__ if field not in ("span", "op_span"))
        return (type(value).__name__, *fields)
    if isinstance(value, tuple):
        return tuple(shape(item) for item in value)
    return value


# --- printing --------------------------------------------------------------------------------------------------------


def show(node: Any) -> str:
    """A node as Hew. Every operand stands in parentheses, so that only the tree decides."""
    return str(_SHOW[type(node)](node))


def _inner(node: ast.Expr) -> str:
    simple = (ast.Name, ast.IntLit, ast.StringLit, ast.This, ast.UnitLit, ast.ListLit, ast.TupleLit)
    return show(node) if isinstance(node, simple) else f"({show(node)})"


def _base(node: ast.Expr) -> str:
    """What stands before a `.`: after a number it would make a float."""
    return f"({show(node)})" if isinstance(node, ast.IntLit) else _inner(node)


def _list(nodes: Any, separator: str = ", ") -> str:
    return separator.join(show(node) for node in nodes)


def _text(value: str, *, doubled: bool = False) -> str:
    out = "".join(f"\\u{{{ord(c):x}}}" if c in '"\\' or not c.isprintable() else c for c in value)
    return out if not doubled else "".join(c for c in _double(value))


def _double(value: str) -> list[str]:
    return [c * 2 if c in "{}" else f"\\u{{{ord(c):x}}}" if c in '"\\' or not c.isprintable() else c for c in value]


def _types(args: tuple[ast.TypeExpr, ...] | None, prefix: str = "") -> str:
    return f"{prefix}<{_list(args)}>" if args else ""


def _path(path: tuple[ast.Ident, ...]) -> str:
    return "::".join(name.text for name in path)


def _tuple(items: Any) -> str:
    return f"({show(items[0])},)" if len(items) == 1 else f"({_list(items)})"


def _range(n: ast.Range) -> str:
    low = _inner(n.start) if n.start else ""
    high = _inner(n.end) if n.end else ""
    return f"{low}{'..=' if n.inclusive else '..'}{high}"


def _lambda(n: ast.Lambda) -> str:
    result = f" -> {show(n.result)}" if n.result else ""
    body = show(n.body) if isinstance(n.body, ast.Block) else f"({show(n.body)})"
    return f"{'move ' if n.moves else ''}({_list(n.params)}){result} => {body}"


def _block(n: ast.Block) -> str:
    lines = [show(statement) for statement in n.statements]
    if n.value is not None:
        lines.append(show(n.value))
    return "{ " + " ".join(lines) + " }"


def _condition(n: Any) -> str:
    if isinstance(n, ast.LetCondition):
        return f"let {show(n.pattern)} = ({show(n.value)})"
    return f"({show(n)})"


def _if(n: ast.If) -> str:
    text = " else ".join(f"if {_condition(b.condition)} {show(b.body)}" for b in n.branches)
    return f"{text} else {show(n.otherwise)}" if n.otherwise else text


def _arm(n: ast.MatchArm) -> str:
    guard = f" if ({show(n.guard)})" if n.guard else ""
    body = show(n.body) if isinstance(n.body, ast.Block) else f"({show(n.body)})"
    return f"{show(n.pattern)}{guard} => {body},"


def _label(label: ast.Ident | None) -> str:
    return f"@{label.text}: " if label else ""


def _let(n: ast.Let) -> str:
    type_ = f": {show(n.type)}" if n.type else ""
    value = f" = {show(n.value)}" if n.value else ""
    return f"{'var' if n.mutable else 'let'} {show(n.pattern)}{type_}{value};"


def _jump(word: str, *parts: str) -> str:
    return " ".join([word, *(part for part in parts if part)]) + ";"


def _generics(params: tuple[ast.GenericParam, ...]) -> str:
    return f"<{_list(params)}>" if params else ""


def _where(predicates: tuple[ast.WherePredicate, ...]) -> str:
    written = ", ".join(show(p.type) + ": " + _list(p.bounds, " + ") for p in predicates)
    return f" where {written}" if predicates else ""


def _function(n: ast.FnDecl) -> str:
    result = f" -> {show(n.result)}" if n.result else ""
    head = f"{'pub ' if n.public else ''}{'pure ' if n.pure else ''}fn {n.name.text}{_generics(n.generics)}"
    return f"{head}({_list(n.params)}){result}{_where(n.where)} {show(n.body)}"


def _param(n: ast.Param) -> str:
    default = f" = {show(n.default)}" if n.default else ""
    return f"{'var ' if n.mutable else ''}{n.name.text}" + (f": {show(n.type)}{default}" if n.type else "")


def _field(n: Any) -> str:
    return f"{n.name.text}: {show(n.type)}" + (f" = {show(n.default)};" if n.default else ";")


def _variant(n: ast.VariantDecl) -> str:
    return (
        n.name.text + (f"({_list(n.items)})" if n.items else f" {{ {_list(n.fields, ' ')} }}" if n.fields else "") + ";"
    )


def _handler(n: ast.Handler) -> str:
    result = f" -> {show(n.result)}" if n.result else ""
    return f"{'pure ' if n.pure else ''}receive fn {n.name.text}({_list(n.params)}){result} {show(n.body)}"


def _actor(n: ast.ActorDecl) -> str:
    parts: list[Any] = [*n.fields, *([n.mailbox] if n.mailbox else []), *([n.init] if n.init else [])]
    return f"{'pub ' if n.public else ''}actor {n.name.text} {{ {_list([*parts, *n.handlers, *n.functions], ' ')} }}"


def _import(n: ast.ImportDecl) -> str:
    names = f"::{{{_list(n.names)}}}" if n.names is not None else "::*" if n.everything else ""
    return f"import {_path(n.path)}{names};"


_SHOW: dict[type, Any] = {
    ast.Ident: lambda n: n.text,
    ast.NamedType: lambda n: _path(n.path) + _types(n.args),
    ast.TupleType: lambda n: _tuple(n.items),
    ast.ListType: lambda n: f"[{show(n.item)}]",
    ast.ArrayType: lambda n: f"[{show(n.item)}; {show(n.length)}]",
    ast.FnType: lambda n: f"fn({_list(n.params)})" + (f" -> {show(n.result)}" if n.result else ""),
    ast.InferType: lambda n: "_",
    ast.IntLit: lambda n: f"{n.value}{n.suffix or ''}",
    ast.FloatLit: lambda n: f"{n.value!r}{n.suffix or ''}",
    ast.DurationLit: lambda n: f"{n.value_ns}ns",
    ast.StringLit: lambda n: f'"{_text(n.value)}"',
    ast.CharLit: lambda n: f"'\\u{{{n.value:x}}}'",
    ast.BytesLit: lambda n: 'b"' + "".join(f"\\x{b:02x}" for b in n.value) + '"',
    ast.BytesListLit: lambda n: f"bytes[{_list(n.items)}]",
    ast.BoolLit: lambda n: "true" if n.value else "false",
    ast.UnitLit: lambda n: "()",
    ast.FString: lambda n: 'f"' + _list(n.parts, "") + '"',
    ast.FText: lambda n: _text(n.value, doubled=True),
    ast.FValue: lambda n: f"{{({show(n.expr)})}}",
    ast.Name: lambda n: n.text + _types(n.type_args, "::"),
    ast.This: lambda n: "this",
    ast.SelfName: lambda n: "self",
    ast.SelfType: lambda n: "Self",
    ast.Path: lambda n: f"{show(n.base)}::{n.name.text}{_types(n.type_args)}",
    ast.Field: lambda n: f"{_base(n.base)}.{n.name.text}",
    ast.TupleIndex: lambda n: f"{_base(n.base)}.{n.index}",
    ast.Index: lambda n: f"{_inner(n.base)}[{show(n.index)}]",
    ast.Arg: lambda n: (f"{n.name.text}: " if n.name else "") + f"({show(n.value)})",
    ast.Call: lambda n: (
        f"{_inner(n.callee) if not isinstance(n.callee, ast.Path) else show(n.callee)}({_list(n.args)})"
    ),
    ast.MethodCall: lambda n: f"{_base(n.receiver)}.{n.name.text}{_types(n.type_args)}({_list(n.args)})",
    ast.Try: lambda n: f"{_inner(n.operand)}?",
    ast.Unary: lambda n: f"{n.op}{_inner(n.operand)}",
    ast.Await: lambda n: f"await {_inner(n.operand)}",
    ast.Cast: lambda n: f"{_inner(n.operand)} as {show(n.target)}",
    ast.Binary: lambda n: f"{_inner(n.left)} {n.op} {_inner(n.right)}",
    ast.Range: _range,
    ast.TupleLit: lambda n: _tuple(n.items),
    ast.ListLit: lambda n: f"[{', '.join(f'({show(i)})' for i in n.items)}]",
    ast.RepeatLit: lambda n: f"[({show(n.value)}); {show(n.count)}]",
    ast.MapEntry: lambda n: f"({show(n.key)}): ({show(n.value)})",
    ast.MapLit: lambda n: f"{{{_list(n.entries)}}}",
    ast.FieldInit: lambda n: f"{n.name.text}: ({show(n.value)})",
    ast.RecordLit: lambda n: f"{show(n.type)} {{ {_list(n.fields)} }}",
    ast.LambdaParam: lambda n: (
        ("var " if n.mutable else "") + show(n.pattern) + (f": {show(n.type)}" if n.type else "")
    ),
    ast.Lambda: _lambda,
    ast.Spawn: lambda n: f"spawn {show(n.actor)}({_list(n.args)})",
    ast.Block: _block,
    ast.If: _if,
    ast.MatchArm: _arm,
    ast.Match: lambda n: f"match ({show(n.subject)}) {{ {_list(n.arms, ' ')} }}",
    ast.Loop: lambda n: f"{_label(n.label)}loop {show(n.body)}",
    ast.While: lambda n: f"{_label(n.label)}while {_condition(n.condition)} {show(n.body)}",
    ast.For: lambda n: f"{_label(n.label)}for {show(n.pattern)} in ({show(n.iterable)}) {show(n.body)}",
    ast.Let: _let,
    ast.Assign: lambda n: f"{_inner(n.target)} {n.op} {show(n.value)};",
    ast.Return: lambda n: _jump("return", show(n.value) if n.value else ""),
    ast.Break: lambda n: _jump("break", f"@{n.label.text}" if n.label else "", f"({show(n.value)})" if n.value else ""),
    ast.Continue: lambda n: _jump("continue", f"@{n.label.text}" if n.label else ""),
    ast.ExprStmt: lambda n: f"{show(n.expr)};",
    ast.ItemStmt: lambda n: show(n.item),
    ast.WildcardPattern: lambda n: "_",
    ast.NamePattern: lambda n: n.name,
    ast.LiteralPattern: lambda n: show(n.value),
    ast.PathPattern: lambda n: _path(n.path),
    ast.VariantPattern: lambda n: f"{_path(n.path)}({_list(n.items)})",
    ast.FieldPattern: lambda n: f"{n.name.text}: {show(n.pattern)}",
    ast.RecordPattern: lambda n: (
        f"{_path(n.path)} {{ {', '.join([*map(show, n.fields), *(['..'] if n.rest else [])])} }}"
    ),
    ast.TuplePattern: lambda n: _tuple(n.items),
    ast.OrPattern: lambda n: "(" + _list(n.alternatives, " | ") + ")",
    ast.Bound: lambda n: _path(n.path) + _types(n.args),
    ast.GenericParam: lambda n: n.name.text + (f": {_list(n.bounds, ' + ')}" if n.bounds else ""),
    ast.Param: _param,
    ast.FnDecl: _function,
    ast.ConstDecl: lambda n: f"{'pub ' if n.public else ''}const {n.name.text}: {show(n.type)} = {show(n.value)};",
    ast.FieldDecl: _field,
    ast.RecordDecl: lambda n: (
        f"{'pub ' if n.public else ''}type {n.name.text}{_generics(n.generics)}{_where(n.where)}"
        f" {{ {_list(n.fields, ' ')} }}"
    ),
    ast.AliasDecl: lambda n: (
        f"{'pub ' if n.public else ''}type {n.name.text}{_generics(n.generics)} = {show(n.target)};"
    ),
    ast.VariantDecl: _variant,
    ast.EnumDecl: lambda n: (
        f"{'pub ' if n.public else ''}{'indirect ' if n.indirect else ''}enum {n.name.text}{_generics(n.generics)}"
        f"{_where(n.where)} {{ {_list(n.variants, ' ')} }}"
    ),
    ast.ImplDecl: lambda n: (
        f"impl{_generics(n.generics)} {show(n.target)}{_where(n.where)} {{ {_list(n.functions, ' ')} }}"
    ),
    ast.ImportName: lambda n: n.name.text + (f" as {n.alias.text}" if n.alias else ""),
    ast.ImportDecl: _import,
    ast.ActorField: lambda n: "let " + _field(n),
    ast.Mailbox: lambda n: f"mailbox {show(n.bound)};",
    ast.Init: lambda n: f"init({_list(n.params)}) {show(n.body)}",
    ast.Handler: _handler,
    ast.ActorDecl: _actor,
    ast.Module: lambda n: _list(n.items, "\n"),
}


# --- random trees ----------------------------------------------------------------------------------------------------

_NAMES = st.sampled_from(["a", "b", "count", "x1", "_y", "Shape", "größe", "state", "after", "from", "overflow"])
_IDENTS = _NAMES.map(lambda text: ast.Ident(NOWHERE, text))
_PATHS = st.lists(_IDENTS, min_size=1, max_size=2).map(tuple)


def _node(kind: Any, *fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(*fields).map(lambda values: kind(NOWHERE, *values))


def _many(of: st.SearchStrategy[Any], low: int = 0, high: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(of, min_size=low, max_size=high).map(tuple)


_NO = st.none()
_FLAGS = st.booleans()
_INTS = st.integers(0, 2**64 - 1)

_LITERALS = st.one_of(
    _node(ast.IntLit, _INTS, st.sampled_from([None, None, "u8", "i64"])),
    _node(ast.FloatLit, st.floats(0.001, 1e6), st.sampled_from([None, "f32", "f64"])),
    _node(ast.StringLit, st.text(max_size=6)),
    _node(ast.BoolLit, _FLAGS),
)
_ATOMS = st.one_of(
    _LITERALS,
    _node(ast.Name, _NAMES),
    _node(ast.DurationLit, st.integers(0, 2**63 - 1)),
    _node(ast.CharLit, st.characters().map(ord)),
    _node(ast.BytesLit, st.binary(max_size=3)),
    st.sampled_from([ast.UnitLit(NOWHERE), ast.This(NOWHERE), ast.SelfName(NOWHERE)]),
)
TYPES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        _node(ast.NamedType, _PATHS, st.just(())), st.just(ast.InferType(NOWHERE)), st.just(ast.TupleType(NOWHERE, ()))
    ),
    lambda inner: st.one_of(
        _node(ast.NamedType, _PATHS, _many(inner, 1)),
        _node(ast.TupleType, _many(inner, 1)),
        _node(ast.ListType, inner),
        _node(ast.ArrayType, inner, _LITERALS),
        _node(ast.FnType, _many(inner), st.one_of(_NO, inner)),
    ),
    max_leaves=6,
)
PATTERNS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.just(ast.WildcardPattern(NOWHERE)),
        _node(ast.NamePattern, _NAMES),
        _node(ast.LiteralPattern, _LITERALS),
        _node(ast.PathPattern, _many(_IDENTS, 2)),
    ),
    lambda inner: st.one_of(
        _node(ast.VariantPattern, _PATHS, _many(inner)),
        _node(ast.TuplePattern, _many(inner, 2)),
        _node(ast.OrPattern, _many(inner, 2)),
        _node(ast.RecordPattern, _PATHS, _many(_node(ast.FieldPattern, _IDENTS, inner)), _FLAGS),
    ),
    max_leaves=6,
)
_OPERATORS = st.sampled_from(
    ["+", "-", "*", "/", "%", "+%", "-%", "*%", "<<", ">>", "&", "^", "|", "<", "<=", ">", ">=", "==", "!=", "&&", "||"]
)


def _fparts(parts: list[Any]) -> tuple[Any, ...]:
    out: list[Any] = []
    for part in parts:
        if isinstance(part, ast.FText) and out and isinstance(out[-1], ast.FText):
            continue
        out.append(part)
    return tuple(out)


def _with_blocks(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    args = _many(_node(ast.Arg, _NO, inner)).flatmap(
        lambda some: _many(_node(ast.Arg, _IDENTS, inner), 0, 1).map(lambda named: some + named)
    )
    blocks = _blocks(inner)
    conditions = st.one_of(inner, _node(ast.LetCondition, PATTERNS, inner))
    labels = st.one_of(_NO, _IDENTS)
    return st.one_of(
        _node(ast.Unary, st.sampled_from(["-", "!", "~"]), inner),
        _node(ast.Await, inner),
        _node(ast.Cast, inner, TYPES),
        st.tuples(_OPERATORS, inner, inner).map(lambda v: ast.Binary(NOWHERE, v[0], NOWHERE, v[1], v[2])),
        _node(ast.Range, inner, inner, _FLAGS),
        _node(ast.Call, st.one_of(inner, _node(ast.Path, _node(ast.Name, _NAMES), _IDENTS)), args),
        _node(ast.MethodCall, inner, _IDENTS, st.one_of(_NO, _many(TYPES, 1)), args),
        _node(ast.Field, inner, _IDENTS),
        _node(ast.TupleIndex, inner, st.integers(0, 15)),
        _node(
            ast.Index, inner, st.one_of(inner, _node(ast.Range, st.one_of(_NO, inner), st.one_of(_NO, inner), _FLAGS))
        ),
        _node(ast.Try, inner),
        _node(ast.TupleLit, _many(inner, 1)),
        _node(ast.ListLit, _many(inner)),
        _node(ast.RepeatLit, inner, inner),
        _node(ast.MapLit, _many(_node(ast.MapEntry, inner, inner), 1)),
        _node(
            ast.RecordLit, _node(ast.NamedType, _PATHS, _many(TYPES, 0, 1)), _many(_node(ast.FieldInit, _IDENTS, inner))
        ),
        _node(
            ast.FString,
            st.lists(
                st.one_of(_node(ast.FText, st.text(min_size=1, max_size=4)), _node(ast.FValue, inner)), max_size=4
            ).map(_fparts),
        ),
        _node(
            ast.Lambda,
            _FLAGS,
            _many(_node(ast.LambdaParam, PATTERNS, _FLAGS, st.one_of(_NO, TYPES))),
            st.one_of(_NO, TYPES),
            inner,
        ),
        _node(ast.Spawn, _node(ast.NamedType, _PATHS, _many(TYPES, 0, 1)), args),
        blocks,
        _node(ast.If, _many(_node(ast.IfBranch, conditions, blocks), 1), st.one_of(_NO, blocks)),
        _node(ast.Match, inner, _many(_node(ast.MatchArm, PATTERNS, st.one_of(_NO, inner), inner))),
        _node(ast.Loop, labels, blocks),
        _node(ast.While, labels, conditions, blocks),
        _node(ast.For, labels, PATTERNS, inner, blocks),
    )


def _blocks(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    assigns = st.tuples(st.sampled_from(["=", "+=", "<<=", "+%="]), inner, inner)
    statements = st.one_of(
        _node(ast.Let, _FLAGS, PATTERNS, st.one_of(_NO, TYPES), st.one_of(_NO, inner)),
        assigns.map(lambda v: ast.Assign(NOWHERE, v[0], NOWHERE, v[1], v[2])),
        _node(ast.Return, st.one_of(_NO, inner)),
        _node(ast.Break, st.one_of(_NO, _IDENTS), st.one_of(_NO, inner)),
        _node(ast.Continue, st.one_of(_NO, _IDENTS)),
        _node(ast.ExprStmt, inner),
    )
    return _node(ast.Block, _many(statements), st.one_of(_NO, inner))


EXPRESSIONS: st.SearchStrategy[Any] = st.recursive(_ATOMS, _with_blocks, max_leaves=12)
_BLOCKS = _blocks(EXPRESSIONS)
_BOUNDS = _many(_node(ast.Bound, _PATHS, _many(TYPES, 0, 1)), 1, 2)
_GENERICS = _many(_node(ast.GenericParam, _IDENTS, st.one_of(st.just(()), _BOUNDS)), 0, 2)
_WHERE = _many(_node(ast.WherePredicate, TYPES, _BOUNDS), 0, 1)
_PARAMS = _many(_node(ast.Param, _IDENTS, _FLAGS, TYPES, st.one_of(_NO, EXPRESSIONS)))
_RESULTS = st.one_of(_NO, TYPES)
_NONE: st.SearchStrategy[Any] = st.just(())
_FUNCTIONS = _node(ast.FnDecl, _IDENTS, _GENERICS, _PARAMS, _RESULTS, _WHERE, _BLOCKS, _FLAGS, _FLAGS, _NONE)
_PRIVATE = _node(ast.FnDecl, _IDENTS, _GENERICS, _PARAMS, _RESULTS, _WHERE, _BLOCKS, _FLAGS, st.just(False), _NONE)
_FIELDS = _many(_node(ast.FieldDecl, _IDENTS, TYPES, st.one_of(_NO, EXPRESSIONS)))
_VARIANTS = st.one_of(
    _node(ast.VariantDecl, _IDENTS, _many(TYPES), _NONE), _node(ast.VariantDecl, _IDENTS, _NONE, _FIELDS)
)
ITEMS: st.SearchStrategy[Any] = st.one_of(
    _FUNCTIONS,
    _node(ast.ConstDecl, _IDENTS, TYPES, EXPRESSIONS, _FLAGS),
    _node(ast.RecordDecl, _IDENTS, _GENERICS, _WHERE, _FIELDS, _FLAGS, _NONE),
    _node(ast.AliasDecl, _IDENTS, _GENERICS, TYPES, _FLAGS),
    _node(ast.EnumDecl, _IDENTS, _GENERICS, _WHERE, _many(_VARIANTS), _FLAGS, _FLAGS, _NONE),
    _node(ast.ImplDecl, _GENERICS, TYPES, _WHERE, _many(_FUNCTIONS, 0, 2)),
    _node(
        ast.ImportDecl,
        _PATHS,
        st.one_of(_NO, _many(_node(ast.ImportName, _IDENTS, st.one_of(_NO, _IDENTS)))),
        st.just(False),
    ),
    _node(
        ast.ActorDecl,
        _IDENTS,
        _NONE,
        _many(_node(ast.ActorField, _IDENTS, TYPES, st.one_of(_NO, EXPRESSIONS))),
        st.one_of(_NO, _node(ast.Mailbox, EXPRESSIONS)),
        st.one_of(_NO, _node(ast.Init, _PARAMS, _BLOCKS)),
        _many(_node(ast.Handler, _IDENTS, _PARAMS, _RESULTS, _BLOCKS, _FLAGS, _NONE), 0, 2),
        _many(_PRIVATE, 0, 2),
        _FLAGS,
        _NONE,
        st.just(False),
    ),
)
