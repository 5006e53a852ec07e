"""Code generation: the checked tree -> the text of an LLVM module.

`module` collects the text, `layout` knows how values look, `drops` counts references, `emitter` and `writer` are
one function in the making; the other modules write one kind of node each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hew.compiler.codegen.module import Module
from hew.compiler.codegen.program import ProgramWriter

if TYPE_CHECKING:
    from hew.compiler.checked import CheckedProgram
    from hew.compiler.source import Source


def generate(program: CheckedProgram, source: Source, file: str, *, checked: bool) -> str:
    """The module of a program without errors. `file`: the base name that traps print."""
    return ProgramWriter(Module(source, file, checked=checked), program).write()
