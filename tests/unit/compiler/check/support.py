"""Checks a text, and looks into the tree that comes of it."""

from __future__ import annotations

from typing import TypeVar

from hew.compiler import checked as c
from hew.compiler import parser
from hew.compiler.check import check
from hew.compiler.diagnostics import Report
from hew.compiler.mono import all_functions
from hew.compiler.source import Source
from hew.compiler.walk import nodes

N = TypeVar("N")


def checked(text: str) -> c.CheckedProgram:
    """The program of a text that has no errors."""
    source = Source("test.hew", text)
    report = Report(source)
    program = check(parser.parse(source, report), source, report)
    assert program is not None, report.render()
    return program


def in_main(body: str) -> c.CheckedProgram:
    return checked(f"fn main() {{ {body} }}")


def messages(text: str) -> list[str]:
    """Code and message of each error and warning."""
    source = Source("test.hew", text)
    report = Report(source)
    check(parser.parse(source, report), source, report)
    return [f"{one.code.text} {one.message}" for one in report.diagnostics()]


def find(program: c.CheckedProgram, kind: type[N]) -> list[N]:
    """All nodes of a kind, in order of the source."""
    found = [node for function in all_functions(program) for node in nodes(function.body) if isinstance(node, kind)]
    return sorted(found, key=lambda node: (node.span.start, node.span.end))  # type: ignore[attr-defined]


def type_of_local(program: c.CheckedProgram, name: str) -> str:
    made = [node.local for node in find(program, c.Let) if node.local.name == name]
    made += [node.local for node in find(program, c.ForRange) if node.local.name == name]
    return str(made[0].type)


def last_uses(program: c.CheckedProgram, name: str) -> list[bool]:
    """For each reading of the local, in order of the source, whether it is the last."""
    return [node.last_use for node in find(program, c.LocalRef) if node.local.name == name]
