"""Long and deep programs: no recursion error, no time that grows with the square of the length."""

from __future__ import annotations

import time

import pytest

from hew.compiler import parser
from hew.compiler.check import check
from hew.compiler.diagnostics import MAX_SHOWN, Report
from hew.compiler.source import Source
from tests.unit.compiler.check.support import checked, messages

LONG = 10_000


@pytest.mark.parametrize(
    "text",
    [
        f"fn main() {{ let x = 1; println({' + '.join(['x'] * LONG)}); }}",
        f"fn main() {{ println({' + '.join(['1'] * LONG)}); }}",
        f"fn main() {{ println({' + '.join([chr(34) + 'a' + chr(34)] * LONG)}); }}",
        f"fn main() {{ let x = true; println({' && '.join(['x'] * LONG)}); }}",
        f"const X: Int = {' + '.join(['1'] * LONG)}; fn main() {{ println(X); }}",
        f"fn f(x: Int) -> Int {{ {' else '.join(f'if x == {i} {{ {i} }}' for i in range(2000))} else {{ 0 }} }}"
        " fn main() { println(f(3)); }",
        f"fn f(x: Int) -> Int {{ match x {{ {' '.join(f'{i} => {i},' for i in range(2000))} _ => 0, }} }}"
        " fn main() { println(f(3)); }",
        f"fn main() {{ println({'(' * 250}1{')' * 250}); }}",
        f"fn main() {{ {'if true { ' * 120} println(1); {'}' * 120} }}",
    ],
    ids=["sum", "literals", "strings", "and", "constant", "else-if", "match", "parentheses", "blocks"],
)
def test_long_chains_are_checked(text: str) -> None:
    before = time.process_time()
    checked(text)
    assert time.process_time() - before < 5


def test_types_that_double_are_refused() -> None:
    lets = "".join(f"let a{i + 1} = (a{i}, a{i}); " for i in range(60))
    assert any("too large" in one for one in messages(f"fn main() {{ let a0 = (1, 1); {lets} println(a60); }}"))


def test_a_long_chain_of_inferred_results_is_an_error_not_a_crash() -> None:
    functions = "".join(f"fn f{i}() -> _ {{ f{i + 1}() }} " for i in range(6000))
    found = messages(functions + "fn f6000() -> Int { 1 } fn main() { println(f0()); }")
    assert found == [] or found[0].startswith("E0005")


def test_advice_for_very_many_unknown_names_is_not_looked_for_without_end() -> None:
    known = "\n".join(f"fn function_{number}() {{ }}" for number in range(1500))
    unknown = "\n".join(f"functoin_{number}();" for number in range(1500))
    source = Source("many.hew", f"{known}\nfn main() {{\n{unknown}\n}}\n")
    report = Report(source)
    assert check(parser.parse(source, report), source, report) is None
    advice = [one.help for one in report.diagnostics(warnings=False)]
    assert len(advice) == MAX_SHOWN
    assert advice[0] == "did you mean 'function_0'?"
    errors = [one for one in report._kept.values() if not one.code.is_warning]
    assert len(errors) == 1500
    assert sum(one.help is not None for one in errors) <= MAX_SHOWN + 1
