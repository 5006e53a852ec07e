"""What texts become which trees, and which become which errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hew.compiler import ast
from hew.compiler.diagnostics import Report
from hew.compiler.parser import parse
from hew.compiler.source import Source
from tests.support.tree import codes, parsed, shape, show

ROOT = Path(__file__).parents[3]


def value(text: str) -> Any:
    """The expression, as the value of a `let`."""
    tree, report = parsed(f"fn f() {{ let x = {text}; }}")
    assert not report.has_errors, report.render()
    return tree.items[0].body.statements[0].value  # type: ignore[attr-defined]


def body(text: str) -> ast.Block:
    tree, report = parsed(f"fn f() {{ {text} }}")
    assert not report.has_errors, report.render()
    block = tree.items[0].body  # type: ignore[attr-defined]
    assert isinstance(block, ast.Block)
    return block


def messages(text: str) -> list[str]:
    return [d.message for d in parsed(text)[1].diagnostics()]


# --- expressions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 | 48 & 240", "15 | (48 & 240)"),
        ("-1 as u8", "(-1) as u8"),
        ("1 + 2 * 3 - 4", "(1 + (2 * 3)) - 4"),
        ("a || b && c == d", "a || (b && (c == d))"),
        ("1 << 2 + 3", "1 << (2 + 3)"),
        ("!a && b", "(!a) && b"),
        ("-a.b()", "-(a.b())"),
        ("await a.b() + 1", "(await (a.b())) + 1"),
        ("a ^ b | c", "(a ^ b) | c"),
        ("0..n + 1", "0..(n + 1)"),
        ("a < b == c < d", "(a < b) == (c < d)"),
        ("t.0.1", "(t.0).1"),
        ("v[1..]", "v[1..]"),
        ("f(a)(b)?[c]", "((((f)(a))(b))?)[c]"),
    ],
)
def test_operators_bind_as_the_reference_says(text: str, expected: str) -> None:
    assert shape(value(text)) == shape(value(expected))


def test_type_arguments_are_told_from_less_than() -> None:
    assert isinstance(value("a < b"), ast.Binary)
    assert value("pick<Int>(a)").callee.type_args is not None
    assert value("pick::<Vec<Vec<Int>>>(a)").callee.type_args is not None
    assert isinstance(value("Vec<Int>::new()").callee, ast.Path)
    assert isinstance(value("Pair<Int, [T; 2]> { a: 1 }"), ast.RecordLit)
    assert len(value("f(a < b, c > d)").args) == 2


def test_a_call_of_a_field_is_told_from_a_method() -> None:
    assert isinstance(value("job.action(3)"), ast.MethodCall)
    assert isinstance(value("(job.action)(3)"), ast.Call)


def test_braces_are_a_map_when_a_colon_follows_the_first_expression() -> None:
    assert isinstance(value('{"a": 1, "b": 2}'), ast.MapLit)
    assert isinstance(value("{f(x) + 1: 2,}"), ast.MapLit)
    assert shape(value("{}")) == ("Block", (), None)
    assert isinstance(value("{ a }"), ast.Block)
    assert isinstance(value("{ a; b }"), ast.Block)
    assert isinstance(body('{"a": 1}').value, ast.MapLit)
    assert isinstance(value('() => {"a": 1}').body, ast.MapLit)


def test_parentheses_before_an_arrow_are_a_closure_but_not_in_a_guard() -> None:
    assert isinstance(value("(a, b) => a + b"), ast.Lambda)
    assert isinstance(value("move (x: Int) -> Int => { x }"), ast.Lambda)
    arm = value("match x { n if (n > 1) => (a) => n, _ => () }").arms[0]
    assert isinstance(arm.guard, ast.Binary)
    assert isinstance(arm.body, ast.Lambda)


def test_no_record_literal_stands_in_a_head() -> None:
    statement = body("if x == y { a } else { b }").value
    assert isinstance(statement, ast.If)
    assert isinstance(body("match p { Point { x, .. } => x, }").value, ast.Match)
    assert isinstance(body("for i in (P { x: 1 }) { }").value, ast.For)


def test_contextual_words_are_names_elsewhere() -> None:
    text = """
        type State { default: Int; state: Int; from: Int; }
        actor A { init: Int; mailbox: Int; let on: Int;
            receive fn after(select: Int) { let join = on; xs.join(join); } }
        fn join(scope: Int, every: Int) -> Int { scope | every }
        fn test(move: Int) { let machine = move + 1; bytes(machine); }
    """
    assert codes(text) == []


def test_keywords_are_names_after_a_point_and_as_labels_of_arguments() -> None:
    assert value("a.match(type: 1)").name.text == "match"


def test_bytes_with_brackets_is_a_literal_unless_a_local_has_the_name() -> None:
    assert isinstance(value("bytes[1, 2]"), ast.BytesListLit)
    assert isinstance(body("let bytes = f(); bytes[0]").value, ast.Index)


def test_arms_and_jumps_and_cooperate_are_blocks_and_calls() -> None:
    arms = value("match x { 1 => return 2, 2 => y = 3, 3 => break @a, _ => { } }").arms
    assert [type(arm.body.statements[0]) for arm in arms[:3]] == [ast.Return, ast.Assign, ast.Break]
    (statement,) = body("cooperate;").statements
    assert isinstance(statement, ast.ExprStmt)
    assert isinstance(statement.expr, ast.Call)


def test_a_block_without_semicolon_ends_its_statement_and_a_last_one_is_the_value() -> None:
    block = body("if a { 1 } else { 2 } -1; loop { } match x { }.len()")
    assert len(block.statements) == 3
    assert isinstance(block.value, ast.MethodCall)


def test_else_if_and_sums_are_not_nested() -> None:
    chain = body("if a { } " + "else if b { } " * 5000 + "else { }").value
    assert isinstance(chain, ast.If)
    assert len(chain.branches) == 5001
    first, operators = ast.left_spine(value("a" + " + b" * 5000))
    assert isinstance(first, ast.Name)
    assert len(operators) == 5000


def test_spans_cover_what_was_written() -> None:
    text = "fn f() { let x = (a + b) * c.d(e)[1..2]; }"
    tree, report = parsed(text)
    product = tree.items[0].body.statements[0].value  # type: ignore[attr-defined]
    assert report.source.slice(product.span) == "(a + b) * c.d(e)[1..2]"
    assert report.source.slice(product.left.span) == "a + b"
    assert report.source.slice(product.right.span) == "c.d(e)[1..2]"
    assert report.source.slice(product.op_span) == "*"


# --- actors and items -----------------------------------------------------------------------------------------------


def test_an_actor_holds_its_members_by_kind() -> None:
    tree, report = parsed(
        "pub actor A { let a: Int; var b: Int = 1; c: Int; mailbox 8; init(n: Int) { }"
        " receive fn r(x: Int) -> Int { x } pure receive fn s() { } fn h() { } }"
    )
    assert not report.has_errors
    actor = tree.items[0]
    assert isinstance(actor, ast.ActorDecl)
    assert [field.name.text for field in actor.fields] == ["a", "b", "c"]
    assert [handler.name.text for handler in actor.handlers] == ["r", "s"]
    assert [function.name.text for function in actor.functions] == ["h"]
    assert (actor.mailbox is not None, actor.init is not None, actor.incomplete) == (True, True, False)


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("examples/*.hew"), *ROOT.glob("bench/*.hew")]), ids=lambda p: p.name
)
def test_the_programs_of_the_project_print_and_parse_alike(path: Path) -> None:
    tree, report = parsed(path.read_text())
    assert not report.has_errors, report.render()
    again, second = parsed("\n".join(show(item) for item in tree.items))
    assert not second.has_errors, second.render()
    assert shape(again) == shape(tree)


# --- later levels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("supervisor S { strategy: one_for_one; child a: A(1) transient; }", "L2"),
        ("actor A { terminate { x(); } }", "L2"),
        ("actor A { on down(ref: Int, reason: String) { } }", "L2"),
        ("actor A { mailbox 3 overflow coalesce(key) fallback drop_old; }", "L2"),
        ("actor A { #[every(250ms)] receive fn f() { } }", "L2"),
        ("fn f() { let x = select { a from b.c() => 1, after 1s => 2 }; }", "L2"),
        ("fn f() { let (a, b) = join { x.f(), y.g() }; }", "L2"),
        ("fn f() { scope |s| { s.launch { 1 }; } }", "L2"),
        ("fn f() { scope { a(); } }", "L2"),
        ("fn f() { let w = spawn (x: Int) => { g(x); }; }", "L2"),
        ("fn f() { w <- 5; }", "L2"),
        ("fn f() { let x = await w <- 5; }", "L2"),
        ("fn f() { let x = await a.b() | after 5s; }", "L2"),
        ("fn f() { for await x in s { } }", "L2"),
        ("trait T: A + B { fn f(x: Self) -> Int; type Item; }", "L3"),
        ("impl T for U { fn f(x: U) -> Int { 1 } }", "L3"),
        ("fn f(x: dyn T) { }", "L3"),
        ("gen fn f() -> Int { yield 1; }", "L3"),
        ("async fn f() -> Int { 1 }", "L3"),
        ("actor A { receive gen fn f(n: Int) -> Int { yield 1; } }", "L3"),
        ("machine M { state A; state B; event E; on E: A -> B; default { state } }", "L3"),
        ('test "any words" { assert(true); }', "L3"),
        ("#[test] fn f() { }", "L3"),
        ("fn f() { defer g(); }", "L3"),
        ("fn f() { defer { g(); } }", "L3"),
        ('fn f() { print(f"{pi:.3f}"); }', "L3"),
        ("fn f() { match x { 1..=2 => 1, _ => 2 } }", "L3"),
        ("fn f() { match x { a @ Some(_) => 1, _ => 2 } }", "L3"),
        ("fn f() { match x { [a, ..rest] => 1, _ => 2 } }", "L3"),
        ("fn f() { let q = P { x: 1, ..p }; }", "L3"),
        ("fn f() { let id = <T>(x: T) => x; }", "L3"),
        ('import "lib/util.hew";', "L3"),
        ('import py "numpy" as np { fn norm(xs: Vec<Float>) -> Float; }', "L4"),
        ("wire type O { id: Int @1; note: String @2 optional; }", "L4"),
        ("wire enum E { A; }", "L4"),
        ('extern "C" { fn f(); }', "L4"),
        ('fn f() { let r = re"[0-9]+"; }', "L4"),
        ('fn f() { if s =~ t { } }', "L4"),
    ],
)  # fmt: skip
def test_a_construct_of_a_later_level_is_one_error_that_names_it(text: str, level: str) -> None:
    tree, report = parsed(text + "\nfn main() { }")
    assert [(d.code.text, d.message.split()[-1]) for d in report.diagnostics()] == [("E0901", f"{level})")]
    last = tree.items[-1]
    assert isinstance(last, ast.FnDecl)
    assert last.name.text == "main"


def test_an_unknown_attribute_is_a_warning() -> None:
    assert codes("#[inline(always, level = 3)] fn f() { }") == ["W0901@1:1"]


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fn f() { let a = 1 let b = 2; }", ["E0010@1:19"]),
        ("fn f() {\n    g(1)\n    h();\n}", ["E0010@2:9"]),
        ("fn f() { return 1 }", ["E0010@1:18"]),
        ("fn f(a) { }", ["E0010@1:7"]),
        ("fn 5() { }", ["E0010@1:4"]),
        ("fn f() { a < b < c; }", ["E0012@1:16"]),
        ("fn f() { a == b == c; }", ["E0012@1:17"]),
        ("fn f() { a == b != c; }", ["E0012@1:17"]),
        ("fn f() { 1..2..3; }", ["E0012@1:14"]),
        ("fn f() { let x = ; }", ["E0013@1:18"]),
        ("fn f() { let x: = 1; }", ["E0013@1:17"]),
        ("fn f() { match x { + => 1 } }", ["E0013@1:20"]),
        ("fn f() { let x = 1..; }", ["E0013@1:21"]),
        ("fn f() { let x = return 1; }", ["E0013@1:18"]),
        ("let x = 1;", ["E0013@1:1"]),
        ("func f() { }", ["E0013@1:1"]),
        ("fn f() { let match = 3; }", ["E0014@1:14"]),
        ("fn if() { }", ["E0014@1:4"]),
        ("fn f() { let mut x = 3; }", ["E0014@1:14"]),
        ("receive fn f() { }", ["E0015@1:1"]),
        ("actor A { init() { } init() { } }", ["E0015@1:22"]),
        ("actor A { mailbox 1; mailbox 2; }", ["E0015@1:22"]),
        ("fn f() { type T { x: Int; } }", ["E0015@1:10"]),
        ("fn f() { actor A { } }", ["E0015@1:10"]),
        ("fn f() { else { } }", ["E0015@1:10"]),
        ("type T { fn f() { } }", ["E0015@1:10"]),
        ("#[a(+)] fn f() { }", ["E0016@1:1"]),
        ("#[1] fn f() { }", ["E0016@1:1"]),
        ("fn f() { #[a] let x = 1; }", ["E0016@1:10"]),
        ("actor A { #[x] let a: Int; }", ["E0016@1:11", "W0901@1:11"]),
        ("fn f() { if x = 3 { } }", ["E0017@1:15"]),
        ("fn f() { let a = b = c; }", ["E0017@1:20"]),
        ("fn f() { g(a = 1); }", ["E0017@1:14"]),
        ("fn f() { g(a: 1, 2); }", ["E0212@1:18"]),
    ],
)
def test_a_wrong_text_has_exactly_these_errors(text: str, expected: list[str]) -> None:
    assert sorted(codes(text)) == sorted(expected)


def test_the_missing_semicolon_reads_as_the_reference_shows() -> None:
    _, report = parsed("fn f() {\n    let a = 1\n    let b = 2;\n}")
    assert report.render() == (
        "error[E0010]: expected ';' after the statement, found 'let'\n"
        "  --> test.hew:2:14\n"
        "   |\n"
        " 2 |     let a = 1\n"
        "   |              ^ expected ';'\n"
        "   = help: add ';'\n"
        "hew: 1 error in test.hew\n"
    )


def test_several_errors_are_told_in_one_go_and_none_twice() -> None:
    text = """
        fn a() { let x = 1 +; x.go(); let y = ; y + x }
        type T { a Int; b: Int; }
        fn b() { match x { 1 2 => 3, 4 => ] } g(;) }
        actor A { let c Int; receive fn d() { e( } }
        fn c() { f"{a b}"; }
        fn d() { }
    """
    tree, report = parsed(text)
    places = [report.source.position(d.span.start)[0] for d in report.diagnostics()]
    assert set(places) == {2, 3, 4, 5, 6}
    assert len(places) <= 10
    assert any(isinstance(item, ast.FnDecl) and item.name.text == "d" for item in tree.items)


def test_a_broken_let_still_binds_its_name() -> None:
    tree, _ = parsed("fn f() { let x: Int = 1 +; }")
    let = tree.items[0].body.statements[0]  # type: ignore[attr-defined]
    assert isinstance(let, ast.Let)
    assert isinstance(let.value, ast.Broken)
    assert let.type is not None


def test_an_error_in_an_f_string_has_its_own_column() -> None:
    assert codes('fn f() { g(f"é {1 + } {a.b(}"); }') == ["E0013@1:21", "E0011@1:27"]


def test_what_is_not_text_is_told_once() -> None:
    for data, place in ((b"fn f() {\n a\0b }", (2, 3)), (b"fn f() {\n a\xffb }", (2, 3))):
        source = Source.decode("test.hew", data)
        report = Report(source)
        parse(source, report)
        first = report.diagnostics()[0]
        assert first.code.text == "E0001"
        assert source.position(first.span.start) == place


@pytest.mark.parametrize(
    ("before", "middle", "after"),
    [
        ("let x = " + "(" * 10_000, "1", ")" * 10_000 + ";"),
        ("let x = " + "[" * 10_000, "1", "]" * 10_000 + ";"),
        ("let x = " + "- " * 10_000, "1", ";"),
        ("let x = " + "await " * 10_000, "a", ";"),
        ("{" * 10_000, "1", "}" * 10_000),
        ("let x = " + "f(" * 10_000, "1", ")" * 10_000 + ";"),
        ("let x = a" + ".b()" * 10_000, "", ";"),
        ("let x = a" + " as Int" * 10_000, "", ";"),
        ("let x = " + "(a) => " * 10_000, "1", ";"),
        ("let x: " + "Vec<" * 10_000, "Int", ">" * 10_000 + ";"),
        ("let x: " + "fn() -> " * 10_000, "Int", ";"),
        ("match x { " + "Some(" * 10_000, "y", ")" * 10_000 + " => 1 }"),
        ("let x = " + 'f"{' * 10_000, "1", '}"' * 10_000 + ";"),
        ("if a { " * 10_000, "", "}" * 10_000),
        ("match x { _ => " * 10_000, "1", "}" * 10_000),
        ("let x = " + "a <- " * 10_000, "1", ";"),
    ],
)
def test_nesting_beyond_256_levels_is_one_error(before: str, middle: str, after: str) -> None:
    text = f"fn f() {{ {before}{middle}{after} }}\nfn main() {{ }}"
    tree, report = parsed(text)
    assert [d.code.text for d in report.diagnostics()] == ["E0005"]
    assert isinstance(tree.items[-1], ast.FnDecl)


def test_nesting_of_255_levels_in_a_function_is_allowed() -> None:
    assert codes("fn f() { let x = " + "(" * 255 + "1" + ")" * 255 + "; }") == []
    assert codes("fn f() { let x = " + "(" * 256 + "1" + ")" * 256 + "; }") == ["E0005@1:273"]


@pytest.mark.parametrize(
    "piece",
    ["} ( ; { fn ", 'r#"\n', 'f"{"\n', "[;", "let x = ;", "f(a < b, ", "'\n\"", '("a\n', "é\u0301$ ", "x.y { ", "#["],
)
def test_no_text_takes_more_than_linear_time(piece: str) -> None:
    """A quadratic step would take minutes here; the limit of the test run would end it."""
    parsed("fn main() { " + piece * 20_000)
