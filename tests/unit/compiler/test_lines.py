"""From source to table: what the compiler keeps of LLVM's debug information, and that it goes out of the object."""

import os

import pytest

from hew import elf
from hew.compiler import generate, lines, native, understand
from hew.lines import Frame
from hew.program import Program
from tests.unit.compiler.codegen.conftest import ir_of

SOURCE = """fn divide(a: Int, b: Int) -> Int { a / b }
fn twice(a: Int) -> Int {
    divide(a, a - 3) * 2
}
actor Counter {
    let total: Int;
    receive fn tick(n: Int) { total += twice(n); }
}
fn main() {
    let c = spawn Counter; c.tick(3);
    println(twice(4));
}
"""


def compiled(source: str) -> Program:
    tree, text, report = understand(source.encode(), "test.hew")
    assert tree is not None, report.render()
    return generate(tree, text, checked=False)


def test_inlined_calls_are_told_with_the_places_of_the_calls() -> None:
    program = compiled(SOURCE)
    table = program.line_table()
    assert table is not None
    tick = next(symbol for symbol in program.symbols if symbol.name == "h.Counter.tick")
    chains = [table.lookup(offset) for offset in range(tick.offset, tick.offset + tick.size)]
    assert [
        Frame("divide", "test.hew", 1, 36, inlined=True),
        Frame("twice", "test.hew", 3, 5, inlined=True),
        Frame("Counter.tick", "test.hew", 7, 40, inlined=False),
    ] in chains


def test_every_instruction_of_a_function_is_of_that_function() -> None:
    """But for those that only lead into another one."""
    program = compiled(SOURCE)
    table = program.line_table()
    assert table is not None
    names = {"f.twice": "twice", "h.Counter.tick": "Counter.tick", "h.main": "main"}
    found = {}
    for symbol in program.symbols:
        if symbol.name in names:
            outer = [table.lookup(at)[-1] for at in range(symbol.offset, symbol.offset + symbol.size)]
            found[symbol.name] = {frame.function for frame in outer}
            assert all(frame.line and not frame.inlined for frame in outer)
    assert found == {symbol: {name} for symbol, name in names.items()}


def test_the_object_that_is_kept_has_no_debug_information() -> None:
    whole = native.compile_ir(ir_of(SOURCE))
    code, _ = lines.split(whole)
    made = elf.Object(code)
    assert not [name for one in made.sections if (name := made.section_name(one)).startswith(".debug_") and one.size]
    assert len(code) < len(whole)
    text = {made.section_name(one): made.contents(one) for one in made.sections if one.is_allocated}
    before = elf.Object(whole)
    assert text == {before.section_name(one): before.contents(one) for one in before.sections if one.is_allocated}


def test_an_object_without_debug_information_gives_an_empty_table() -> None:
    _, table = lines.split(native.compile_ir("define i32 @f() { ret i32 1 }"))
    assert lines.LineTable(table).lookup(0) == []


@pytest.mark.parametrize("column", [65_535, 65_536])
def test_a_column_beyond_what_llvm_keeps_is_not_told(column: int) -> None:
    gap = " " * (column - len("fn main() {") - 1)
    program = compiled("fn main() {" + gap + f"println({os.getpid()}); }}")
    table = program.line_table()
    assert table is not None
    columns = {frame.column for at in range(program.symbols[0].size) for frame in table.lookup(at)}
    assert column in columns if column <= 65_535 else max(columns) <= 65_535
