"""Addresses -> frames: Hew functions with file and line, functions of the core by name, libraries by file.

What the program's own table of lines knows comes first. All else is called `[runtime] NAME`: the core's functions out
of the symbols of its library, other code after the file that it is in. The table of a process's mappings is read when
the first profile is asked for.
"""

import bisect
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hew import elf
from hew.profiler.sources import Inspect, Lines, ProgramInfo, Symbol

RUNTIME: Final = "[runtime]"
CORE: Final = "libhewcore.so"
DEEPER: Final = "[deeper calls]"  # stands for the callers that a sample had no room for


@dataclass(frozen=True, slots=True)
class Frame:
    """A function and the line of it; file "" and line 0 where there is no Hew source."""

    function: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Functions:
    """Of one file: names by address, ascending."""

    starts: list[int]
    symbols: list[tuple[int, int, str]]  # address, size, name

    def name_of(self, address: int) -> str | None:
        """Of the function at an address of the file."""
        index = bisect.bisect_right(self.starts, address) - 1
        if index < 0:
            return None
        start, size, name = self.symbols[index]
        return name if address < start + size else None


def read_functions(path: Path) -> Functions:
    """The functions that an ELF file names; none when it is no such file."""
    try:
        file = elf.Object(path.read_bytes())
        found = sorted((one.value, one.size, file.symbol_name(one)) for one in file.symbols if one.is_function)
    except (OSError, struct.error, IndexError, ValueError):
        return Functions([], [])
    return Functions([each[0] for each in found], found)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A stretch of code of a file in a process."""

    start: int
    end: int
    base: int  # address of the file's first byte
    path: str


def mapped_code(process: int) -> list[Mapped]:
    """Where the files' code is in a process, ascending; empty when it has ended or is not ours to see."""
    try:
        text = Path(f"/proc/{process}/maps").read_text(errors="replace")
    except OSError:
        return []
    bases: dict[str, int] = {}
    found = []
    for line in text.splitlines():
        parts = line.split(maxsplit=5)
        if len(parts) < 6:
            continue
        low, _, high = parts[0].partition("-")
        base = bases.setdefault(parts[5], int(low, 16) - int(parts[2], 16))
        if "x" in parts[1]:
            found.append(Mapped(int(low, 16), int(high, 16), base, parts[5]))
    return found


@dataclass(slots=True)
class Symbolizer:
    """Of one program in one place; remembers what it has looked up."""

    base: int  # of the loaded text
    size: int
    lines: Lines | None
    symbols: Sequence[Symbol]
    mapped: list[Mapped]
    _known: dict[int, list[Frame]] = field(default_factory=dict)
    _core_functions: Functions | None = None

    def is_hew(self, address: int) -> bool:
        """Whether the address is in the program's own code."""
        return 0 <= address - self.base < self.size

    def frames(self, address: int) -> list[Frame]:
        """Innermost first, inlined calls included; empty when the address is nobody's.

        Of a return address, ask for the one before.
        """
        found = self._known.get(address)
        if found is None:
            found = self._hew(address - self.base) if self.is_hew(address) else self._others(address)
            self._known[address] = found
        return found

    def _hew(self, offset: int) -> list[Frame]:
        found = [Frame(each.function, each.file, each.line) for each in self.lines.lookup(offset)] if self.lines else []
        if found:
            return found
        index = bisect.bisect_right(self.symbols, offset, key=lambda symbol: symbol.offset) - 1
        if index >= 0 and offset < self.symbols[index].offset + self.symbols[index].size:
            return [Frame(self.symbols[index].name)]
        return [Frame("[program]")]

    def _others(self, address: int) -> list[Frame]:
        index = bisect.bisect_right(self.mapped, address, key=lambda each: each.start) - 1
        if index < 0 or address >= self.mapped[index].end:
            return []
        where = self.mapped[index]
        name = os.path.basename(where.path).strip("[]")
        if name == CORE:
            if self._core_functions is None:
                self._core_functions = read_functions(Path(where.path))
            name = self._core_functions.name_of(address - where.base) or name
        return [Frame(f"{RUNTIME} {name}")]


def symbolizer(program: ProgramInfo, inspect: Inspect) -> Symbolizer:
    """For the addresses of a running program, as it is loaded now."""
    code = inspect.code()
    return Symbolizer(code.base, code.size, program.line_table(), program.symbols, mapped_code(inspect.process))
