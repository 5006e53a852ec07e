"""What the checker settles so that code generation need not: see the docstring of `checked`."""

from __future__ import annotations

from hew.compiler import checked as c
from tests.unit.compiler.check.support import checked, find, in_main


def test_named_arguments_come_in_order_and_keep_their_order_of_evaluation() -> None:
    program = checked(
        "fn f(a: Int, b: Int) { println(a + b); } fn g(n: Int) -> Int { n } fn main() { f(b: g(1), a: g(2)); }"
    )
    call = next(one for one in find(program, c.Call) if one.function.name == "f")
    assert all(isinstance(one, c.LocalRef) for one in call.args)
    kept = [one.value.args[0].value for one in find(program, c.Let)]  # type: ignore[union-attr]
    assert kept == [1, 2]


def test_defaults_are_filled_in() -> None:
    program = checked("const N: Int = 2 * 3; fn f(a: Int, b: Int = N + 1) { println(a + b); } fn main() { f(1); }")
    call = next(one for one in find(program, c.Call) if one.function.name == "f")
    assert [one.value for one in call.args] == [1, 7]  # type: ignore[attr-defined]


def test_a_question_mark_is_a_match_that_returns() -> None:
    program = checked(
        'fn f(s: String) -> Option<Int> { let n = s.parse_int()?; Some(n) } fn main() { println(f("1")); }'
    )
    match = find(program, c.Match)[0]
    assert [type(arm.body).__name__ for arm in match.arms] == ["LocalRef", "Return"]


def test_while_let_is_a_loop_with_a_match() -> None:
    program = in_main("var o = Some(1); while let Some(n) = o { println(n); o = None; }")
    assert len(find(program, c.Loop)) == 1
    assert len(find(program, c.Break)) == 1


def test_strings_are_joined_flat() -> None:
    assert [len(one.items) for one in find(in_main('let a = "x"; println(a + a + "b" + a);'), c.Concat)] == [4]


def test_sends_asks_and_awaits_are_told_apart() -> None:
    program = checked(
        "actor A { var n: Int; receive fn get() -> Int { n } receive fn put(v: Int) { n = v; this.get(); put2(v); }"
        " fn put2(v: Int) { n = v; } }"
        "fn main() { let a = spawn A; a.put(1); a.get(); let f = a.get(); println(await f + await a.get());"
        " await a.put(2); println(await close(a)); println(await a); close(a); }"
    )
    assert len(find(program, c.Send)) == 3
    assert len(find(program, c.Ask)) == 1
    assert len(find(program, c.AwaitAsk)) == 2
    assert len(find(program, c.AwaitFuture)) == 1
    assert len(find(program, c.AwaitClose)) == 1
    assert len(find(program, c.AwaitExit)) == 1
    assert [str(one.type) for one in find(program, c.Close)] == ["()"]
    assert len(find(program, c.SelfCall)) == 1


def test_spawn_gives_every_field_a_value() -> None:
    program = checked(
        "type P { x: Int; s: String } "
        "actor A { let a: Int; let p: P; let o: Option<A>; let v: Vec<Int>; var n: Int = 4;"
        " init(k: Int) { println(a + n + k); println(p); println(o); println(v); } } fn main() { spawn A(3, a: 2); }"
    )
    spawn = find(program, c.Spawn)[0]
    kinds = [type(one).__name__ for one in spawn.fields]
    assert kinds == ["IntLit", "RecordLit", "VariantLit", "VecLit", "IntLit"]
    assert len(spawn.init_args) == 1


def test_a_default_that_is_no_constant_becomes_a_function() -> None:
    program = checked(
        "fn start() -> Int { 5 } actor A { var n: Int = start() + 1; receive fn f() { println(n); } }"
        " fn main() { spawn A; }"
    )
    assert [one.kind for one in program.functions if one.kind == "default"] == ["default"]
    assert isinstance(find(program, c.Spawn)[0].fields[0], c.Call)


def test_self_calls_in_tail_position_are_marked() -> None:
    program = checked("fn f(n: Int) -> Int { if n == 0 { return f(1) + 1; } f(n - 1) } fn main() { println(f(3)); }")
    assert [one.tail for one in find(program, c.Call) if one.function.name == "f"] == [False, True, False]


def test_assertions_carry_their_source() -> None:
    assert [one.text for one in find(in_main("let n = 1; assert(n  > 0);"), c.Assert)] == ["n  > 0"]
