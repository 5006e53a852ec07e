"""What a newcomer is told who writes as in another language: the first error's advice, and no consequences of it."""

from __future__ import annotations

import pytest

from tests.errors.test_errors import diagnose

CASES = {
    "println(s.length());": "did you mean 'len'?",
    "v.append2(1);": None,
    "v.add(1);": "did you mean 'push'?",
    "println(v.size());": "did you mean 'len'?",
    "let o: Option<Int> = 5; println(o);": "wrap it: Some(5)",
    "let r: Result<Int, String> = n; println(r);": "wrap it: Ok(n)",
    "let m: Int = Some(4); println(m);": "take its value out with 'match', or Some(4).unwrap_or(...)",
    "println(1 < 2 < 3);": "compare twice and join with '&&', or use parentheses",
    "int x = 5;": "a variable is made so: let x: int = ...;",
    "x := 5;": "a variable is made so: let x = ...;",
    "n++;": "there is no '++': write += 1",
    "for (i in 0..3) { println(i); }": "leave out the parentheses: for ... in ... { }",
    "println(c.get());": "wait for its value with 'await'",
    "if n { println(1); }": "compare it: n != 0",
    "return 5;": "write '-> Int' after its parameters",
}


@pytest.mark.parametrize("line", CASES)
def test_advice(line: str) -> None:
    text = f"""actor C {{ receive fn get() -> Int {{ 1 }} }}
fn f(s: String, v: Vec<Int>, c: C, n: Int) {{ {line} }}
fn main() {{ f("a", [1], spawn C, 1); }}
"""
    _, found = diagnose("advice.hew", text)
    errors = [one for one in found if not one.code.is_warning]
    assert [one.help for one in errors] == [CASES[line]]


def test_nothing_is_called_unused_in_a_program_with_errors() -> None:
    _, found = diagnose("unused.hew", "fn f() { let a = 1; }\nfn main() { prnt(1); }\n")
    assert [one.code.text for one in found] == ["E0101"]
