"""Wrong programs: each file here says at its lines which errors the compiler gives there, to the letter.

`let x: Int = "a"; //~ E0201 expected Int, found String`; a line may have several. Every error must be
expected and every expectation met. Warnings are compared on the lines that expect one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from hew.compiler import parser
from hew.compiler.check import check
from hew.compiler.diagnostics import Diagnostic, Report
from hew.compiler.source import Source

HERE: Final = Path(__file__).parent
FILES: Final = sorted(HERE.glob("*.hew"))
LEAST_KINDS: Final = 40
EXPECTATION: Final = re.compile(r"//~ ([EW]\d{4}) (.*?)(?=\s*//~|$)")

Found = tuple[int, str, str]  # line, code, message


def diagnose(name: str, text: str) -> tuple[Source, list[Diagnostic]]:
    source = Source(name, text)
    report = Report(source)
    program = check(parser.parse(source, report), source, report)
    assert (program is None) == report.has_errors
    return source, report.diagnostics()


def expectations(text: str) -> list[Found]:
    return [
        (number, code, message)
        for number, line in enumerate(text.split("\n"), 1)
        for code, message in EXPECTATION.findall(line)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_line_has_the_errors_it_expects_and_no_other(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = expectations(text)
    warned = {(line, code) for line, code, _ in expected if code.startswith("W")}
    source, diagnostics = diagnose(path.name, text)
    found: list[Found] = []
    for one in diagnostics:
        line, _ = source.position(one.span.start)
        if not one.code.is_warning or (line, one.code.text) in warned:
            found.append((line, one.code.text, one.message))
    assert sorted(found) == sorted(expected)


def test_many_kinds_of_errors_have_their_message_tested() -> None:
    kinds = {code for path in FILES for _, code, _ in expectations(path.read_text(encoding="utf-8"))}
    assert len([kind for kind in kinds if kind.startswith("E")]) >= LEAST_KINDS, sorted(kinds)


def test_an_empty_file_has_no_main() -> None:
    _, diagnostics = diagnose("empty.hew", "")
    assert [one.message for one in diagnostics] == ["the program has no 'main'"]
