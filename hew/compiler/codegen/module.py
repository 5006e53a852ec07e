"""The module being written: its globals, constants and declarations, as lines of LLVM's textual IR.

Everything is made on first use, so that a small program gives a small module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hew.abi import CORE_FUNCTIONS
from hew.compiler.codegen.debug import DebugInfo
from hew.compiler.codegen.quoting import quoted

if TYPE_CHECKING:
    from hew.compiler.source import Source, Span

# A function touches each page of its frame in order, so that none steps over the stack's reserve (core/stack.h).
PROBED: Final = '"probe-stack"="inline-asm"'
MATH: Final = "nounwind willreturn memory(none)"


class Module:
    """Collects the text of one program."""

    def __init__(self, source: Source, file: str, *, checked: bool) -> None:
        self.source = source
        self.file = file  # base name, as traps print it
        self.checked = checked
        self.debug = DebugInfo(source, file)
        self.types: list[str] = []
        self.globals: list[str] = []
        self.functions: list[str] = []
        self._declared: dict[str, str] = {}
        self._c_strings: dict[str, str] = {}
        self._strings: dict[str, str] = {}
        self._locations: dict[tuple[str, int, int], str] = {}
        self._helpers: dict[str, str] = {}
        self._count = 0

    def fresh(self, prefix: str) -> str:
        """A new global name."""
        self._count += 1
        return f"@{prefix}.{self._count}"

    def position(self, span: Span) -> tuple[int, int]:
        """Line and column where the span begins."""
        return self.source.position(span.start)

    # ---- declarations

    def core(self, name: str) -> str:
        """A function of the core, declared."""
        if name not in self._declared:
            function = CORE_FUNCTIONS[name]
            self._declared[name] = f"declare {function.result} @{name}({function.params}) {function.attributes}"
        return f"@{name}"

    def intrinsic(self, name: str, result: str, params: str) -> str:
        """An LLVM intrinsic, declared; its attributes LLVM knows."""
        if name not in self._declared:
            self._declared[name] = f"declare {result} @{name}({params})"
        return f"@{name}"

    def math(self, name: str, count: int) -> str:
        """A function of the C library over doubles."""
        if name not in self._declared:
            self._declared[name] = f"declare double @{name}({', '.join(['double'] * count)}) {MATH}"
        return f"@{name}"

    def helper(self, name: str, text: str) -> None:
        """A function written by hand, that the program uses."""
        self._helpers[name] = text

    # ---- constants

    def c_string(self, text: str) -> str:
        """A zero-terminated constant."""
        name = self._c_strings.get(text)
        if name is None:
            name = self._c_strings[text] = self.fresh("c")
            data = text.encode() + b"\0"
            self.globals.append(f"{name} = private unnamed_addr constant [{len(data)} x i8] c{quoted(data)}")
        return name

    def string(self, text: str) -> str:
        """A constant hew_string: never counted, never freed. The empty one is null."""
        if not text:
            return "null"
        name = self._strings.get(text)
        if name is None:
            name = self._strings[text] = self.fresh("s")
            data = text.encode()
            body = f"{{ i32, i32, i64, i64, [{len(data)} x i8] }} {{ i32 -1, i32 0, i64 {len(data)}, i64 {len(data)}, "
            self.globals.append(f"{name} = private constant {body}[{len(data)} x i8] c{quoted(data)} }}, align 8")
        return name

    def location(self, function: str, span: Span) -> str:
        """A hew_loc."""
        line, column = self.position(span)
        name = self._locations.get((function, line, column))
        if name is None:
            name = self._locations[function, line, column] = self.fresh("l")
            self.constant(
                name, f"ptr {self.c_string(self.file)}, ptr {self.c_string(function)}, i32 {line}, i32 {column}"
            )
        return name

    def constant(self, name: str, fields: str) -> None:
        """A private constant struct; `fields` are typed values in C's order."""
        kinds = ", ".join(part.split(None, 1)[0] for part in _parts(fields))
        self.globals.append(f"{name} = private constant {{ {kinds} }} {{ {fields} }}")

    def text(self) -> str:
        """The whole module."""
        lines = [*self.types, *TBAA, "@hew_self = external global i32", *self.globals, *self._declared.values()]
        return "\n".join([*lines, *self._helpers.values(), *self.functions, *self.debug.lines]) + "\n"


def _parts(fields: str) -> list[str]:
    return [part.strip() for part in fields.split(",")]


# Memory is of one kind or another, and a store to one kind leaves loads of the others as they were.
HEADER: Final = ", !tbaa !1"  # of a string or Vec: counts, length, data pointer
ELEMENT: Final = ", !tbaa !2"  # of a Vec
FIELD: Final = ", !tbaa !3"  # of an actor
VALID_VEC: Final = ", !nonnull !9, !align !11, !dereferenceable !10"  # of a load: a Vec that is there
TBAA: Final = (
    '!0 = !{!"hew"}',
    "!1 = !{!4, !4, i64 0}",
    "!2 = !{!5, !5, i64 0}",
    "!3 = !{!6, !6, i64 0}",
    '!4 = !{!"header", !0}',
    '!5 = !{!"element", !0}',
    '!6 = !{!"field", !0}',
    '!7 = !{!"branch_weights", i32 2000, i32 1}',
    '!8 = !{!"branch_weights", i32 1, i32 2000}',
    "!9 = !{}",
    "!10 = !{i64 32}",
    "!11 = !{i64 8}",
)
