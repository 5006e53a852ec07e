"""Tokens: what each text becomes, and what is reported."""

from __future__ import annotations

import pytest

from hew.compiler.diagnostics import Report
from hew.compiler.lexer import tokenize
from hew.compiler.source import Source
from tests.support.tree import codes


def kinds(text: str) -> list[str]:
    source = Source("test.hew", text)
    return tokenize(source, Report(source)).kinds[:-1]


def words(text: str) -> list[str]:
    source = Source("test.hew", text)
    return [source.text[start:end] for _, start, end in tokenize(source, Report(source)).rows()][:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("..= .. => -> <- :: <<= >>=", ["..=", "..", "=>", "->", "<-", "::", "<<=", ">>="]),
        ("+%=-%=*%=+%-%*%", ["+%=", "-%=", "*%=", "+%", "-%", "*%"]),
        ("=~ !~ && || != <= >= ==", ["=~", "!~", "&&", "||", "!=", "<=", ">=", "=="]),
        ("0..5", ["0", "..", "5"]),
        ("t.0.1", ["t", ".", "0", ".", "1"]),
        ("1.5.abs()", ["1.5", ".", "abs", "(", ")"]),
        ("1e9 2.5e-3 1_000.5f32 0xFFu8 250ms", ["1e9", "2.5e-3", "1_000.5f32", "0xFFu8", "250ms"]),
        ('r"C:\\new" r#"say "hi""#', ['r"C:\\new"', 'r#"say "hi""#']),
        ("a // b\nc /* d /* e */ f */ g", ["a", "c", "g"]),
        ("/// doc\n//! doc\na", ["a"]),
        ("'a' '\\'' '\\u{1F600}'", ["'a'", "'\\''", "'\\u{1F600}'"]),
        ("f r b re", ["f", "r", "b", "re"]),
        ('f"a{b}c"', ['f"', "a", "{", "b", "}", "c", '"']),
        ("größe_2", ["größe_2"]),
    ],
)
def test_the_longest_token_wins(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_an_f_string_holds_tokens_with_strings_and_braces_of_their_own() -> None:
    text = 'f"{{x}} {m["k"]} {f"{y}"} {P { a: 1 }}"'
    assert kinds(text) == [
        "fstart", "ftext", "f{", "ident", "[", "string", "]", "f}", "ftext", "f{", "fstart", "f{", "ident", "f}",
        "fend", "f}", "ftext", "f{", "ident", "{", "ident", ":", "number", "}", "f}", "fend",
    ]  # fmt: skip


def test_a_format_specification_begins_at_the_first_colon_outside_brackets() -> None:
    assert kinds('f"{a::b:>8}"') == ["fstart", "f{", "ident", "::", "ident", "fspec", "f}", "fend"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('fn f() { g("abc }', ["E0002@1:12"]),
        ("/* /* */", ["E0002@1:1"]),
        ('const S: String = r#"abc";', ["E0002@1:19"]),
        ("const C: Char = 'ab';", ["E0002@1:17"]),
        ("const C: Char = '';", ["E0002@1:17"]),
        ('fn f() { g(f"{a"); }', ["E0002@1:14"]),
        ("fn f() { a $ b; }", ["E0006@1:12"]),
        ('fn f() { g(f"a } b"); }', ["E0003@1:16"]),
    ],
)
def test_what_no_token_can_be_is_reported_at_its_place(text: str, expected: list[str]) -> None:
    assert sorted(codes(text)) == sorted(expected)


def test_the_name_of_a_megabyte_is_one_error() -> None:
    assert codes("fn main() { let " + "a" * 1_000_000 + " = 1; }") == ["E0005@1:17"]
    assert codes("fn " + "a" * 1024 + "() { }") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fn f() {\n    g(1;\n    h();\n}", ["E0011@2:6"]),
        ("fn f() {\n    g([1, 2);\n    h();\n}", ["E0011@2:7"]),
        ("fn f() {\n    g(1));\n    h();\n}", ["E0011@2:9"]),
        ("fn f() {\n    if x {\n        g();\n}\n\nfn h() {\n}\n", ["E0011@2:10"]),
        ("fn f() {\n}\n}\n\nfn h() {\n}\n", ["E0011@3:1"]),
        ("fn f() {\n    g(1, 2\n    let x = 1;\n}\n", ["E0011@2:6"]),
        ("fn f() {", ["E0011@1:8"]),
    ],
)
def test_a_bracket_without_partner_is_one_error(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_where_to_close_is_said_when_indentation_tells() -> None:
    source = Source("test.hew", "fn f() {\n    g(1;\n    h();\n}")
    report = Report(source)
    tokenize(source, report)
    assert report.diagnostics()[0].help == "add ')' before line 3"
    assert report.diagnostics()[0].message == "this '(' is never closed"
