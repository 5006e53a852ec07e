"""Nothing leaks and nothing is freed twice, whatever way a value takes; the small core counts the blocks."""

import pytest

from tests.unit.compiler.codegen.conftest import Run

PROGRAMS = {
    "moved into a local": 'let a = f"a{n}"; let b = a; println(b);',
    "used twice": 'let a = f"a{n}"; println(a); println(a);',
    "assigned anew": 'var a = f"a{n}"; a = f"b{n}"; a = a + "c"; println(a);',
    "appended to itself": 'var a = f"a{n}"; a += a; a += a; println(a);',
    "old value still borrowed": 'var a = f"a{n}"; println(both(a, { a = f"b{n}"; a }));',
    "element replaced while borrowed": 'let v = [f"a{n}"]; println(both(v[0], { v[0] = f"b{n}"; v[0] }));',
    "freed by the callee while borrowed": 'let v = [f"a{n}"]; println(emptied(v, v[0]));',
    "out of a tuple": 'let t = (f"a{n}", [f"b{n}"]); println(t.0 + t.1[0]); let (x, y) = t; println(x + y[0]);',
    "out of a temporary": 'println((f"a{n}", f"b{n}").1); println([f"a{n}", f"b{n}"][1]);',
    "option": 'let o = Some(f"a{n}"); println(o.unwrap_or("z")); println(one(0).unwrap_or(f"d{n}"));',
    "temporary option": 'println(Some(f"a{n}").unwrap_or(f"d{n}")); println(Some(f"a{n}").unwrap());',
    "match on a temporary": 'match Some((f"a{n}", f"b{n}")) { Some((x, _)) => println(x), None => {} }',
    "match with guards": 'match one(n) { Some(x) if x == "q" => println("q"), Some(y) => println(y), None => {} }',
    "alternatives": 'match (f"a{n}", 1) { (x, 2) | (x, 1) => println(x), _ => {} }',
    "loop left early": 'for i in 0..9 { let a = f"a{i}"; if i == 3 { break; } if i == 1 { continue; } println(a); }',
    "loop with a value": 'var i = 0; let r = loop { i += 1; let a = f"a{i}"; if i == 3 { break a; } }; println(r);',
    "loop over a temporary": 'for s in [f"a{n}", f"b{n}"] { if s == "b1" { break; } println(s); }',
    "returned from a loop": 'println(first(["x", f"a{n}", f"b{n}"]));',
    "tail call": 'println(repeated(f"a{n}", 5, ""));',
    "pop and slice": 'let v = [f"a{n}", f"b{n}"]; println(v.pop()); println(v[0..1]); v.clear(); println(v.len());',
    "filled": 'let v = [[f"a{n}"]; 3]; v[0].push("x"); println(v); println(Vec::filled(2, f"a{n}"));',
    "record": 'var r = R { s: f"a{n}", v: [n] }; r.s = f"b{n}"; r.v.push(2); let q = r; r.s = "c"; println(q.s + r.s);',
    "condition": 'let a = if n == 1 { f"a{n}" } else { "b" }; println(a); println(if n == 2 { a } else { f"c{n}" });',
    "question mark": 'println(maybe(n)); println(maybe(0));',
    "sent": 'let c = spawn C(s: f"a{n}"); let v = [f"b{n}"]; c.take(v, f"c{n}"); println(v); println(await c.give());',
    "reply dropped": 'let c = spawn C(s: "x"); c.give(); c.close_up(); await close(c);',
    "future": 'let c = spawn C(s: f"a{n}"); let f = c.give(); println(await f); let g = c.give();',
    "a record that holds itself": 'let l = list(3); let r = l.unwrap(); println(r.s); println(r.rest.unwrap().s);',
    "its rest, taken out of a temporary": 'println(list(4).unwrap().rest.unwrap().rest.expect("no third").s);',
    "its rest, shared": 'let l = list(3); var m = l; m = Some(L { s: "n", rest: l }); println(m == l); println(m);',
    "its rest, or another": 'println(list(n - 1).unwrap_or(L { s: f"a{n}", rest: None })); list(2).unwrap_or(end());',
    "walked along": 'var at = list(5); var out = ""; while let Some(l) = at { out += l.s; at = l.rest; } println(out);',
    "matched in depth": 'match list(3) { Some(L { s: a, rest: Some(L { s: b, .. }) }) => println(a + b), _ => {} }',
    "cloned": 'let l = list(3); let m = l.clone(); println(l == m);',
    "grown while it is held": 'var l = list(1); for i in 0..4 { l = Some(L { s: f"{i}{l}", rest: l }); } println(l);',
}  # fmt: skip

SHARED = """
type R { s: String; v: Vec<Int>; }
type L { s: String; rest: Option<L>; }
fn end() -> L { L { s: "z", rest: None } }
fn list(n: Int) -> Option<L> { if n == 0 { None } else { Some(L { s: f"l{n}", rest: list(n - 1) }) } }
actor C {
    let s: String;
    let got: Vec<String>;
    receive fn take(v: Vec<String>, t: String) { got = v; got.push(t); s = s + t; note(s); }
    receive fn give() -> String { f"{s}{got.len()}" }
    receive fn close_up() { got.clear(); }
    fn note(what: String) { s = "new"; if what.len() > 100 { println(what); } }
}
fn both(a: String, b: String) -> String { a + b }
fn emptied(v: Vec<String>, s: String) -> String { v.clear(); v.push("other"); s + "!" }
fn first(v: Vec<String>) -> String { for s in v { if s.len() > 1 { return s; } } "none" }
fn repeated(s: String, n: Int, out: String) -> String { if n == 0 { out } else { repeated(s, n - 1, out + s) } }
fn maybe(n: Int) -> Option<String> { let s = one(n)?; Some(s + "!") }
fn one(n: Int) -> Option<String> { if n == 0 { None } else { Some(f"a{n}") } }
"""


@pytest.mark.parametrize("body", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_all_blocks_are_given_back(run: Run, body: str) -> None:
    ended = run(SHARED + "fn main() { body(1); }\nfn body(n: Int) { " + body + " }\n")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out or "reply dropped" in body or "close_up" in body


TRAPS = {
    "locals": 'let a = f"a{n}"; let b = [f"b{n}"]; println(b[n]); println(a);',
    "temporaries": 'println(both(f"a{n}", [f"b{n}"][n]));',
    "half of a Vec": 'println([f"a{n}", f"b{n}", one(0).unwrap()]);',
    "arguments of a message": 'let c = spawn C(s: "x"); c.take([f"a{n}"], one(0).unwrap());',
    "an error's text": 'let r: Result<Int, String> = Err(f"a{n}"); println(r.expect(f"m{n}"));',
    "a panic's text": 'let a = f"a{n}"; if n == 1 { panic(f"p{a}"); } println(a);',
    "a match": 'match Some(f"a{n}") { Some(x) => println(x + one(0).unwrap()), None => {} }',
    "a loop": 'for s in [f"a{n}", f"b{n}"] { println(s[9..10]); }',
    "assignment": 'let v = [f"a{n}"]; v[n] = f"b{n}";',
    "frames below": 'println(deep(f"a{n}", 4));',
}


@pytest.mark.parametrize("body", TRAPS.values(), ids=TRAPS.keys())
def test_a_trap_gives_all_blocks_back(run: Run, body: str) -> None:
    deep = """
    fn deep(s: String, n: Int) -> String {
        let t = s + "x";
        if n == 0 { one(0).unwrap() } else { deep(t, n - 1) + t }
    }
    """
    ended = run(SHARED + deep + "fn main() { body(1); }\nfn body(n: Int) { " + body + " }\n")
    assert ended.code == 1, ended
    assert "main trapped in " in ended.err


def test_a_crash_gives_the_message_and_the_fields_back(run: Run) -> None:
    source = """
    actor A {
        let s: String;
        receive fn go(v: Vec<String>, n: Int) { s = v[0]; let t = s + "x"; println(v[n]); println(t); }
    }
    fn main() { let a = spawn A(s: f"a{1}"); a.go([f"b{2}"], 7); a.go([f"c{3}"], 0); await a; }
    """
    ended = run(source)
    assert ended.code == 0
    assert "index 7 out of range for length 1" in ended.err


def test_a_poll_in_a_loop_that_owns_values_changes_nothing(run: Run) -> None:
    ended = run('fn main() { var s = ""; for i in 0..5000 { s += f"{i % 10}"; } println(s.len()); }', polled=True)
    assert ended.out == "5000\n"
    assert "polls" in ended.err
