"""What the generated text looks like: no landing pad without need, polls where they belong, nothing unused."""

import re

import pytest

from hew.compiler import native
from hew.errors import InternalError
from tests.unit.compiler.codegen.conftest import Run, ir_of


def function(text: str, name: str) -> str:
    found = re.search(rf'^define internal [^@]*@"{re.escape(name)}".*?^}}', text, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[0]


def test_a_function_that_owns_nothing_has_no_landing_pad() -> None:
    text = ir_of("fn f(v: Vec<Int>, i: Int) -> Int { v[i] / i }\nfn main() { println(f([1], 0)); }")
    assert "landingpad" not in function(text, "f.f")


def test_a_function_that_owns_has_one_landing_pad() -> None:
    text = ir_of('fn f(n: Int) { let a = f"{n}"; let b = f"{n}"; println(a); println(b); }\nfn main() { f(1); }')
    assert function(text, "f.f").count("landingpad") == 1


def test_only_recursive_functions_poll_before_their_calls() -> None:
    text = ir_of("fn g(n: Int) -> Int { n }\nfn f(n: Int) -> Int { 1 + f(g(n)) * 2 }\nfn main() { f(1); g(1); }")
    assert function(text, "f.f").count("@poll()") == 1
    assert "poll" not in function(text, "f.g")
    assert text.count("@poll()") == 2  # its definition, and its one call


def test_functions_that_call_each_other_poll() -> None:
    text = ir_of("fn a(n: Int) -> Int { 1 + b(n) }\nfn b(n: Int) -> Int { a(n) * 2 }\nfn main() { a(1); }")
    assert "@poll()" in function(text, "f.a")
    assert "@poll()" in function(text, "f.b")


@pytest.mark.parametrize(("bound", "polls"), [("4096", 0), ("4097", 1), ("n", 1)])
def test_short_loops_with_constant_bounds_do_not_poll(bound: str, polls: int) -> None:
    source = f"fn f(n: Int) -> Int {{ var s = n; for i in 0..{bound} {{ s += i; }} s }}\nfn main() {{ f(1); }}"
    assert function(ir_of(source), "f.f").count("@poll()") == polls


def test_hello_world_declares_only_what_it_calls() -> None:
    text = ir_of('fn main() { println("Hello"); }')
    assert re.findall(r"^declare .*?@(\w+)", text, re.MULTILINE) == [
        "hew_text_begin", "hew_text_bytes", "hew_text_print", "hew_main_result",
    ]  # fmt: skip


def test_a_function_nobody_calls_is_not_written() -> None:
    assert "unused" not in ir_of("fn unused() { unused(); }\nfn main() { }")


def test_only_the_entry_can_be_seen_from_outside() -> None:
    text = ir_of("actor A { let s: String; receive fn f() { s = s + s; } }\nfn main() { let a = spawn A; a.f(); }")
    visible = re.findall(r"^@\S+ = (?!private|internal|external)", text, re.MULTILINE)
    assert visible == ["@hew_program_info = "]
    assert not re.findall(r"^define (?!internal)", text, re.MULTILINE)


def test_long_chains_need_no_deep_stack(run: Run) -> None:
    sums = " + ".join(["n"] * 8000)
    flags = " && ".join(["n > 0"] * 500)
    chain = "".join(f"if n == {i} {{ {i} }} else " for i in range(2000, 4000))
    first = f"fn f(n: Int) -> Int {{ if {flags} {{ {sums} }} else {{ 0 }} }}\n"
    second = f"fn g(n: Int) -> Int {{ {chain} {{ -1 }} }}\n"
    assert (
        run(first + second + "fn main() { println(f(2)); println(g(3999)); println(g(1)); }").out == "16000\n3999\n-1\n"
    )


def test_a_call_of_itself_as_the_last_act_needs_no_stack(run: Run) -> None:
    source = """
    fn count(n: Int, s: Int, t: String) -> Int { if n == 0 { return s + t.len(); } count(n - 1, s + 1, t) }
    fn main() { println(count(3000000, 0, f"ab{1}")); }
    """
    assert run(source).out == "3000003\n"


def test_text_that_llvm_refuses_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="LLVM does not accept"):
        native.compile_ir("define i32 @f() { ret i64 1 }")


def test_symbols_name_the_functions() -> None:
    code = native.compile_ir("define i32 @a() noinline { ret i32 1 }\ndefine i32 @b() { ret i32 2 }")
    symbols = native.function_symbols(code)
    assert [symbol.name for symbol in symbols] == ["a", "b"]
    assert symbols[0].offset + symbols[0].size <= symbols[1].offset
