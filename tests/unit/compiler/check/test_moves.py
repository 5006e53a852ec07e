"""Last uses: a local may be moved out only where nothing reads it afterwards."""

from __future__ import annotations

import pytest

from tests.unit.compiler.check.support import in_main, last_uses

START = "let v = [1]; var w = [2]; let c = v.len() > 0;"


@pytest.mark.parametrize(
    ("body", "name", "expected"),
    [
        ("let s = [1]; println(s); println(s);", "s", [False, True]),
        ("let s = [1]; if c { println(s); } else { println(s); }", "s", [True, True]),
        ("let s = [1]; if c { println(s); } println(s);", "s", [False, True]),
        ("let s = [1]; while c { println(s); }", "s", [False]),
        ("while c { let s = [1]; println(s); println(s); }", "s", [False, True]),
        ("let s = [1]; loop { if c { continue; } println(s); break; }", "s", [True]),
        ("let s = [1]; loop { println(s.len()); break; } println(s);", "s", [False, True]),
        ("var s = [1]; while c { println(s); s = [2]; }", "s", [True]),
        ("var s = [1]; s = s.clone(); println(s);", "s", [True, True]),
        ("var p = (1, [2]); p.0 = p.1.len(); println(p);", "p", [False, True]),
        ("let s = [1]; loop { println(s); if c { break; } }", "s", [False]),
        ("let s = [1]; for x in s { println(x); }", "s", [True]),
        ("let s = [1]; for i in 0..s.len() { println(i); }", "s", [True]),
        ("let s = [1]; for i in 0..3 { println(s[i]); }", "s", [False]),
        ("let s = [1]; let t = (s, s); println(t);", "s", [False, True]),
        ("let s = [1]; println(c && s.len() > 1 || s.len() > 2);", "s", [False, True]),
        ("let s = [1]; match c { true if s.len() > 1 => println(s), _ => println(s), }", "s", [False, True, True]),
        ("let s = [1]; match c { true if s.len() > 1 => println(1), _ => {} }", "s", [True]),
        ("let s = [1]; if c { println(s); return; } println(s);", "s", [True, True]),
        ("let s = [1]; s[0] = s.len(); println(1);", "s", [False, True]),
        ('let s = [1]; println(f"{s}{s}");', "s", [False, True]),
    ],
)
def test_the_last_use_is_found(body: str, name: str, expected: list[bool]) -> None:
    assert last_uses(in_main(START + body + "println(v); println(w); w = [];"), name) == expected
