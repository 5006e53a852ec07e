"""Literals adapt, locals take their type from later use, numbers widen (3.2 and 4 of the language)."""

from __future__ import annotations

import pytest

from hew.compiler import checked as c
from tests.unit.compiler.check.support import find, in_main, messages, type_of_local


@pytest.mark.parametrize(
    ("body", "name", "type_"),
    [
        ("let x = 5; println(x);", "x", "Int"),
        ("let x = 2.5; println(x);", "x", "Float"),
        ("let x = 'a'; println(x);", "x", "Char"),
        ("let v: Vec<i32> = []; for i in 0..9 { v.push(i); }", "i", "i32"),
        ('let v = Vec::new(); v.push("a");', "v", "Vec<String>"),
        ("let o = None; let p: Option<u8> = o; println(p);", "o", "Option<u8>"),
        ("let x = 5; let y: Float = x; println(y);", "x", "Float"),
        ("let x = if true { 1 } else { 2 }; let y: u16 = x; println(y);", "x", "u16"),
        ("let x = 'a'; let y: u8 = x; println(y);", "x", "u8"),
        ("let v = [1, 2.5]; println(v);", "v", "Vec<Float>"),
        ("let x = 1 + 2 * 3; let y: i8 = x; println(y);", "x", "i8"),
    ],
)
def test_a_local_takes_its_type_from_its_value_or_from_later_use(body: str, name: str, type_: str) -> None:
    assert type_of_local(in_main(body), name) == type_


def test_an_integer_literal_used_as_a_float_is_a_float_literal() -> None:
    program = in_main("let x: Float = 2; println(x);")
    assert [(one.value, str(one.type)) for one in find(program, c.FloatLit)] == [(2.0, "Float")]


def test_widening_is_an_explicit_cast() -> None:
    program = in_main("let a = 5u8; let b: i32 = a; let d = b + 1; let e: Int = 7; println(d + e);")
    assert [str(one.type) for one in find(program, c.Cast)] == ["i32", "Int"]


def test_a_constant_adapts_as_its_value_would() -> None:
    assert messages("const N: Int = 10; fn main() { let c: u8 = N; println(c); }") == []
    assert messages("const N: Int = 300; fn main() { let c: u8 = N; println(c); }") == ["E0204 300 does not fit u8"]


def test_a_vec_of_itself_has_no_type() -> None:
    assert any(one.startswith("E0201") for one in messages("fn main() { let v = Vec::new(); v.push(v); }"))


def test_the_result_of_a_function_is_inferred_when_asked() -> None:
    assert messages("fn f() -> _ { g() } fn g() -> _ { 5 } fn main() { let x: Int = f(); println(x); }") == []


def test_one_error_has_no_followers() -> None:
    text = "fn main() { let x = nope(); let y = x + 1; println(y.foo()); for i in x { println(i); } }"
    assert messages(text) == ["E0101 no name 'nope' is known here"]
