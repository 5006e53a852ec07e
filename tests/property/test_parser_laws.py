"""Laws of the parser: a tree printed and read again is the same tree, and no text is too strange to be read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hew.compiler import ast
from hew.compiler.node import Node
from tests.property.test_lexer_laws import TEXTS
from tests.support.tree import EXPRESSIONS, ITEMS, NOWHERE, parsed, shape, show

WORDS = st.sampled_from(
    [
        "fn main() {",
        "}",
        "let x = ",
        "if a {",
        "} else {",
        "match x {",
        "=> ",
        "actor A {",
        "receive fn f(",
        "x: Int",
        ") ",
        "-> Int ",
        "{",
        ";",
        "(",
        ")",
        "[",
        "]",
        "a",
        "+",
        "await ",
        "spawn A(",
        "return ",
        "while ",
        "for i in 0..3 {",
        '"s"',
        'f"{',
        '"',
        "1",
        ".5",
        "1.",
        "<",
        ">",
        "::",
        ".",
        "|",
        "after ",
        "<-",
        "select {",
        "supervisor S {",
        "machine M {",
        "@",
        "#[every(1s)]",
        "type T {",
        "enum E {",
        "impl T {",
        "import std::math;",
        "const N: Int = 1;",
        "mailbox 3;",
        "init() {",
        "=",
        "==",
        "\n",
        "..",
        "move (x) =>",
        "in ",
        "var ",
    ]
)


@given(st.lists(ITEMS, max_size=3))
@settings(deadline=None)
def test_print_then_parse_is_identity_on_items(items: list[ast.Item]) -> None:
    tree = ast.Module(NOWHERE, tuple(items), False)
    again, report = parsed(show(tree))
    assert not report.has_errors, report.render()
    assert shape(again) == shape(tree)


@given(EXPRESSIONS)
@settings(deadline=None)
def test_print_then_parse_is_identity_on_expressions(expression: ast.Expr) -> None:
    again, report = parsed(f"fn f() {{ let x = {show(expression)}; }}")
    assert not report.has_errors, report.render()
    let = again.items[0].body.statements[0]  # type: ignore[attr-defined]
    assert shape(let.value) == shape(expression)


@given(st.one_of(TEXTS, st.lists(WORDS, max_size=40).map("".join), st.lists(WORDS, max_size=40).map(" ".join)))
@settings(deadline=None)
def test_any_text_is_read_and_its_report_can_be_shown(text: str) -> None:
    tree, report = parsed(text)
    assert report.render(colour=True).count("\n") == report.render().count("\n")
    assert len(report.render_json().splitlines()) == len(report.diagnostics())
    check_spans(tree, 0, len(report.source.text))


@given(st.lists(WORDS, max_size=30).map(" ".join))
@settings(deadline=None)
def test_what_is_broken_has_been_reported(text: str) -> None:
    tree, report = parsed(text)
    if any(isinstance(node, (ast.Broken, ast.Unsupported)) for node in nodes(tree)):
        assert report.has_errors


def nodes(value: object) -> list[Node]:
    if isinstance(value, Node):
        return [value, *(n for field in value.__match_args__ for n in nodes(getattr(value, field)))]
    return [n for item in value for n in nodes(item)] if isinstance(value, tuple) else []


def check_spans(node: Node, low: int, high: int) -> None:
    """Every span lies within that of the node above."""
    assert low <= node.span.start <= node.span.end <= high, node
    for field in node.__match_args__:
        value = getattr(node, field)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Node):
                before = isinstance(child, ast.Attribute)  # of the item, and before its span
                check_spans(child, low if before else node.span.start, node.span.end)
