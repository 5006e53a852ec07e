"""The compiler: source text -> Program. `compile_source` is the list of its passes, nothing else.

bytes -> Source -> tokens -> tree as written -> names -> tree as understood -> LLVM IR -> machine code
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hew import __version__
from hew.compiler import cache
from hew.errors import ProgramErrors
from hew.program import ActorType, Handler, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hew.compiler.checked import CheckedProgram
    from hew.compiler.diagnostics import Report
    from hew.compiler.source import Source

NESTING: Final = 20_000  # frames of Python: a source may nest 256 deep, and each level takes many


@dataclass(frozen=True, slots=True)
class Compiled:
    """The program, and its warnings as they are to be shown: nothing, when there are none or nobody asked.

    `notice`: a warning about this machine rather than the program, or nothing.
    """

    program: Program
    messages: str
    notice: str = ""


def compile_source(
    data: bytes,
    name: str,
    *,
    checked: bool = False,
    json: bool = False,
    colour: bool = False,
    warnings: bool = False,
) -> Compiled:
    """Compile the bytes of a source named `name`. ProgramErrors carries the text of all errors, ready to be shown.

    A program whose warnings nobody wants is looked up in the cache first.
    """
    place = cache.folder(os.environ)
    store = None if place is None else cache.Cache(place)
    mark = "" if store is None else cache.key(data, name, __version__, cache.machine(), f"checked={checked}")
    if store is not None and not warnings and (kept := store.read(mark)) is not None:
        return Compiled(kept, "")
    with _nothing_collected():
        tree, source, messages = _understood(data, name, json=json, colour=colour, warnings=warnings)
        program = generate(tree, source, checked=checked)
    if store is not None:
        store.write(mark, program)
    return Compiled(program, messages, "" if store is None else store.warning)


def check_source(data: bytes, name: str, *, json: bool = False, colour: bool = False) -> str:
    """The warnings of a program without errors, ready to be shown; ProgramErrors as by `compile_source`."""
    with _nothing_collected():
        return _understood(data, name, json=json, colour=colour, warnings=True)[2]


def _understood(
    data: bytes, name: str, *, json: bool, colour: bool, warnings: bool
) -> tuple[CheckedProgram, Source, str]:
    """The tree as understood, and what is to be said of it."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), NESTING))
    tree, source, report = understand(data, name)
    messages = report.render_json(warnings=warnings) if json else report.render(warnings=warnings, colour=colour)
    if tree is None:
        raise ProgramErrors(messages.rstrip("\n"))
    return tree, source, messages.rstrip("\n")


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """The trees live until the end: looking through them for garbage, again and again, finds none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def understand(data: bytes, name: str) -> tuple[CheckedProgram | None, Source, Report]:
    """The tree as understood; None when the report has errors."""
    from hew.compiler.check import check
    from hew.compiler.diagnostics import Report
    from hew.compiler.parser import parse
    from hew.compiler.source import Source

    source = Source.decode(name, data)
    report = Report(source)
    module = parse(source, report)
    tree = check(module, source, report)
    assert tree is not None or report.has_errors, "a program was refused and nothing is said of it"
    return (None if report.has_errors else tree), source, report


def generate(tree: CheckedProgram, source: Source, *, checked: bool) -> Program:
    """Machine code for a program without errors."""
    from hew.compiler import codegen, lines, native

    file = os.path.basename(source.name)
    code, table = lines.split(native.compile_ir(codegen.generate(tree, source, file, checked=checked)))
    return Program(
        name=file,
        main_line=source.position(tree.main.span.start)[0],
        checked=checked,
        actors=tuple(_actor_type(tree, index, source, file) for index in range(len(tree.actors))),
        symbols=native.function_symbols(code),
        code=code,
        lines=table,
    )


def _actor_type(tree: CheckedProgram, index: int, source: Source, file: str) -> ActorType:
    actor = tree.actors[index]
    handlers = [Handler(one.name, source.position(one.function.span.start)[0]) for one in actor.handlers]
    if actor.init is not None:
        handlers.append(Handler(actor.init.name, source.position(actor.init.function.span.start)[0], is_init=True))
    return ActorType(actor.name, file, source.position(actor.span.start)[0], tuple(handlers))
