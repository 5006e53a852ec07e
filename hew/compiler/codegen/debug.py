"""Debug information as LLVM's metadata: which function and place of the source an instruction comes from.

LLVM carries it through inlining into the object file; `hew.compiler.lines` makes the program's table of lines of it
there. Nothing but places is told: no types, no variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.compiler.codegen.quoting import quoted

if TYPE_CHECKING:
    from hew.compiler.source import Source

DWARF_VERSION: Final = 4  # the one that `hew.compiler.lines` reads
MAX_COLUMN: Final = 0xFFFF  # LLVM keeps 16 bits; a place beyond has no column
_FILE: Final = "!12"
_UNIT: Final = "!13"
_TYPE: Final = "!14"
_FIRST: Final = 17  # numbers below are of this module's head, and of the module's kinds of memory


class DebugInfo:
    """Of one module; `lines` is its text."""

    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        name = quoted(file.encode())
        self.lines = [
            f'{_FILE} = !DIFile(filename: {name}, directory: "")',
            f"{_UNIT} = distinct !DICompileUnit(language: DW_LANG_C99, file: {_FILE}, isOptimized: true, "
            'producer: "hew", emissionKind: FullDebug, nameTableKind: None)',
            f"{_TYPE} = !DISubroutineType(types: !{{}})",
            f'!15 = !{{i32 7, !"Dwarf Version", i32 {DWARF_VERSION}}}',
            '!16 = !{i32 2, !"Debug Info Version", i32 3}',
            f"!llvm.dbg.cu = !{{{_UNIT}}}",
            "!llvm.module.flags = !{!15, !16}",
        ]
        self._next = _FIRST
        self._places: dict[tuple[str, int], str] = {}

    def function(self, name: str, start: int) -> str:
        """A new scope: the function `name`, which begins at the offset `start` of the source."""
        line = self._source.position(start)[0]
        return self._node(
            f"distinct !DISubprogram(name: {quoted(name.encode())}, scope: {_FILE}, file: {_FILE}, line: {line}, "
            f"type: {_TYPE}, scopeLine: {line}, spFlags: DISPFlagLocalToUnit | DISPFlagDefinition | "
            f"DISPFlagOptimized, unit: {_UNIT})"
        )

    def place(self, scope: str, start: int) -> str:
        """The end of an instruction that comes from the offset `start`."""
        found = self._places.get((scope, start))
        if found is None:
            line, column = self._source.position(start)
            shown = column if column <= MAX_COLUMN else 0
            node = self._node(f"!DILocation(line: {line}, column: {shown}, scope: {scope})")
            found = self._places[scope, start] = f", !dbg {node}"
        return found

    def _node(self, text: str) -> str:
        name = f"!{self._next}"
        self._next += 1
        self.lines.append(f"{name} = {text}")
        return name
