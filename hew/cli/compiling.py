"""Source file -> Program, with its diagnostics said on the standard error. Shared by run, check and build."""

import os
import sys
from typing import TYPE_CHECKING

from hew.cli import files, streams

if TYPE_CHECKING:
    from hew.program import Program


def compile_file(path: str, *, checked: bool, json: bool, warnings: bool) -> "Program":
    """The program in `path`; ProgramErrors carries all that is wrong with it, already in its printed form."""
    source = files.read_source(path)
    from hew.compiler import compile_source  # after the file is known to be there: llvmlite takes 60 ms to load

    compiled = compile_source(source.data, source.name, checked=checked, json=json, colour=_colour(), warnings=warnings)
    if compiled.notice:
        streams.complain(f"hew: {compiled.notice}")
    if compiled.messages:
        streams.complain(compiled.messages.rstrip("\n"))
    return compiled.program


def check_file(path: str, *, json: bool) -> None:
    """Says the warnings of the program in `path`; ProgramErrors as by `compile_file`. No code is made."""
    source = files.read_source(path)
    from hew.compiler import check_source

    messages = check_source(source.data, source.name, json=json, colour=_colour())
    if messages:
        streams.complain(messages)


def _colour() -> bool:
    """Colours only where somebody sees them and has not said no."""
    return sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
