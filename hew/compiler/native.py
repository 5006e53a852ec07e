"""LLVM IR -> machine code for this CPU: LLVM's -O2 pipeline, which gives an ELF object that `loader` links.

Only a program that must be compiled needs this module: LLVM's library takes long to load.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm

from hew import elf
from hew.errors import InternalError
from hew.program import Symbol


@cache
def host_cpu() -> str:
    """Name and features of this CPU: code for it may not run on another."""
    features: str = llvm.get_host_cpu_features().flatten()
    return f"{llvm.get_host_cpu_name()}:{features}"


def compile_ir(text: str) -> bytes:
    """The object file of a module. InternalError when LLVM does not accept the text."""
    module, machine = verify(text)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    code: bytes = machine.emit_object(module)
    return code


def verify(text: str) -> tuple[Any, Any]:
    """The module of a text, and the machine that it is for. InternalError when LLVM does not accept it."""
    _initialize()
    machine = _target_machine()
    try:
        module = llvm.parse_assembly(text)
        module.triple = machine.triple
        module.data_layout = str(machine.target_data)
        module.verify()
    except RuntimeError as error:
        raise InternalError(
            f"internal error (E0999): LLVM does not accept the code that was generated: {_first_line(error)}"
        ) from error
    return module, machine


def function_symbols(code: bytes) -> tuple[Symbol, ...]:
    """The functions of an ELF object, by their place in the text."""
    made = elf.Object(code)
    places, _ = elf.code_places(made.sections)
    symbols = [
        Symbol(made.symbol_name(one), places[one.section] + one.value, one.size)
        for one in made.symbols
        if one.is_function and one.section in places
    ]
    return tuple(sorted(symbols, key=lambda symbol: symbol.offset))


@cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _target_machine() -> Any:
    """Small code, position independent."""
    cpu, _, features = host_cpu().partition(":")
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=2, reloc="pic", codemodel="small")


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return " / ".join(lines[:3])
