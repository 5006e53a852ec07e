"""How values look in registers and in memory, and the descriptors by which the core walks them.

Every value is one LLVM value, aggregates too: SROA takes them apart. Only Bool differs between a
register (i1) and memory (i8). A unit is an i8 of 0, an enum `{ tag, payloads one after the other }`.
A payload that would hold its own enum is in a box: a block like a Vec's, shared by count and never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hew.compiler import types as t

if TYPE_CHECKING:
    from hew.compiler.codegen.module import Module
    from hew.compiler.types import Type

_INT_KINDS: Final = {
    (8, True): 2, (16, True): 3, (32, True): 4, (64, True): 5,
    (8, False): 6, (16, False): 7, (32, False): 8, (64, False): 9,
}  # fmt: skip
KIND_UNIT: Final = 0
KIND_BOOL: Final = 1
KIND_F32: Final = 10
KIND_F64: Final = 11
KIND_CHAR: Final = 12
KIND_STRING: Final = 13
KIND_VEC: Final = 14
KIND_TUPLE: Final = 15
KIND_RECORD: Final = 16
KIND_ENUM: Final = 17
KIND_HANDLE: Final = 18
KIND_FUTURE: Final = 19
KIND_BOX: Final = 21
_KINDS: Final[dict[type[Type], int]] = {
    t.BoolType: KIND_BOOL, t.CharType: KIND_CHAR, t.StringType: KIND_STRING, t.VecType: KIND_VEC,
    t.TupleType: KIND_TUPLE, t.RecordType: KIND_RECORD, t.EnumType: KIND_ENUM, t.ActorType: KIND_HANDLE,
    t.FutureType: KIND_FUTURE, t.BoxType: KIND_BOX,
}  # fmt: skip

# LLVM propagates constants through each part of a struct, in time cubic in their number; not into nested structs.
WRAPPED_FROM: Final = 16

TYPE_STRUCT: Final = "{ i8, i8, i16, i32, i32, i32, ptr, ptr, ptr, ptr }"
FIELD_STRUCT: Final = "{ ptr, ptr, i32, i32 }"
VARIANT_STRUCT: Final = "{ ptr, ptr, i32, i32 }"


class Layout(NamedTuple):
    """One type. `parts` are the types of an aggregate's members in order, `offsets` their places."""

    memory: str  # LLVM type in memory
    register: str  # LLVM type of a value
    size: int
    align: int
    managed: bool  # holds reference counts
    parts: tuple[Type, ...] = ()
    offsets: tuple[int, ...] = ()
    wrapped: bool = False  # the struct is the only member of another

    def path(self, index: int) -> str:
        """The indices of LLVM by which a part of an aggregate is reached."""
        return f"0, {index}" if self.wrapped else str(index)

    def address(self, base: str, index: int) -> str:
        """An instruction that gives where a part of the aggregate at an address lies."""
        inner = "i32 0, " if self.wrapped else ""
        return f"getelementptr inbounds {self.memory}, ptr {base}, i32 0, {inner}i32 {index}"


class Layouts:
    """Layouts and descriptors of a module's types, each made once."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._layouts: dict[Type, Layout] = {}
        self._descriptors: dict[Type, str] = {}
        self._helpers: dict[tuple[str, Type], str] = {}

    def of(self, type_: Type) -> Layout:
        found = self._layouts.get(type_)
        if found is None:
            found = self._layouts[type_] = self._make(type_)
        return found

    def managed(self, type_: Type) -> bool:
        return self.of(type_).managed

    def _make(self, type_: Type) -> Layout:
        match type_:
            case t.IntType(bits=bits):
                return Layout(f"i{bits}", f"i{bits}", bits // 8, bits // 8, managed=False)
            case t.FloatType(bits=bits):
                name = "double" if bits == 64 else "float"
                return Layout(name, name, bits // 8, bits // 8, managed=False)
            case t.BoolType():
                return Layout("i8", "i1", 1, 1, managed=False)
            case t.CharType():
                return Layout("i32", "i32", 4, 4, managed=False)
            case t.UnitType() | t.NeverType():
                return Layout("i8", "i8", 1, 1, managed=False)
            case t.StringType() | t.VecType() | t.FutureType() | t.BoxType():
                return Layout("ptr", "ptr", 8, 8, managed=True)
            case t.ActorType():
                return Layout("i64", "i64", 8, 8, managed=False)
            case t.TupleType(items=items):
                return self._aggregate(items)
            case t.RecordType():
                return self._aggregate(tuple(field.type for field in type_.fields))
            case t.EnumType():
                payloads = [t.stored(type_, part) for variant in type_.variants for part in variant.payload]
                return self._aggregate((t.U8, *payloads))
        raise AssertionError(f"no layout for {type_!r}")

    def _aggregate(self, parts: tuple[Type, ...]) -> Layout:
        layouts = [self.of(part) for part in parts]
        offsets, end, align = [], 0, 1
        for one in layouts:
            end = -(-end // one.align) * one.align
            offsets.append(end)
            end += one.size
            align = max(align, one.align)
        # A record without fields still has a place.
        body = ", ".join(one.memory for one in layouts) or "i8"
        name = f"%t{len(self._module.types)}"
        wrapped = len(parts) > WRAPPED_FROM
        self._module.types.append(f"{name} = type {{ {{ {body} }} }}" if wrapped else f"{name} = type {{ {body} }}")
        size = -(-max(end, 1) // align) * align
        return Layout(name, name, size, align, any(one.managed for one in layouts), parts, tuple(offsets), wrapped)

    # ---- descriptors

    def descriptor(self, type_: Type) -> str:
        """The constant hew_type of a type."""
        name = self._descriptors.get(type_)
        if name is None:
            name = self._descriptors[type_] = self._module.fresh("t")  # before its parts: a record may hold itself
            self._describe(name, type_)
        return name

    def _describe(self, name: str, type_: Type) -> None:
        elem = fields = variants = "null"
        count = 0
        match type_:
            case t.VecType(item=item) | t.BoxType(item=item):
                elem = self.descriptor(item)
            case t.FutureType(value=value):
                elem = "null" if isinstance(value, t.UnitType) else self.descriptor(value)
            case t.TupleType(items=items):
                count, fields = len(items), self._fields([None] * len(items), items, self.of(type_).offsets)
            case t.RecordType():
                names: list[str | None] = [field.name for field in type_.fields]
                layout = self.of(type_)
                count, fields = len(names), self._fields(names, layout.parts, layout.offsets)
            case t.EnumType():
                count, variants = len(type_.variants), self._variants(type_)
        self._emit(name, type_, count, elem, fields, variants)

    def _emit(self, name: str, type_: Type, count: int, elem: str, fields: str, variants: str) -> None:
        layout = self.of(type_)
        kind, flat = kind_of(type_), int(not layout.managed)
        self._module.globals.append(
            f"{name} = private constant {TYPE_STRUCT} {{ i8 {kind}, i8 {flat}, i16 {layout.align}, i32 {layout.size}, "
            f"i32 {count}, i32 0, ptr {self._module.c_string(str(type_))}, ptr {elem}, ptr {fields}, ptr {variants} }}"
        )

    def _fields(self, names: list[str | None], parts: tuple[Type, ...], offsets: tuple[int, ...]) -> str:
        if not parts:
            return "null"
        rows = []
        for name, part, offset in zip(names, parts, offsets, strict=True):
            text = "null" if name is None else self._module.c_string(name)
            rows.append(f"{FIELD_STRUCT} {{ ptr {text}, ptr {self.descriptor(part)}, i32 {offset}, i32 0 }}")
        return self._array(FIELD_STRUCT, rows)

    def _variants(self, enum: t.EnumType) -> str:
        layout = self.of(enum)
        rows, at = [], 1
        for variant in enum.variants:
            count = len(variant.payload)
            fields = self._fields([None] * count, layout.parts[at : at + count], layout.offsets[at : at + count])
            rows.append(
                f"{VARIANT_STRUCT} {{ ptr {self._module.c_string(variant.name)}, ptr {fields}, i32 {count}, i32 0 }}"
            )
            at += count
        return self._array(VARIANT_STRUCT, rows)

    def _array(self, item: str, rows: list[str]) -> str:
        name = self._module.fresh("a")
        self._module.globals.append(f"{name} = private constant [{len(rows)} x {item}] [{', '.join(rows)}]")
        return name

    def tuple_descriptor(self, parts: tuple[Type, ...]) -> str:
        """Of a payload of any number of values."""
        return self.descriptor(t.TupleType(parts))

    def record_descriptor(self, name: str, fields: list[tuple[str, Type]]) -> tuple[str, Layout]:
        """Of an actor's fields, which are no type of the language."""
        layout = self._aggregate(tuple(part for _, part in fields))
        constant = self._module.fresh("t")
        rows = self._fields([one for one, _ in fields], layout.parts, layout.offsets)
        self._module.globals.append(
            f"{constant} = private constant {TYPE_STRUCT} {{ i8 {KIND_RECORD}, i8 {int(not layout.managed)}, "
            f"i16 {layout.align}, i32 {layout.size}, i32 {len(fields)}, i32 0, ptr {self._module.c_string(name)}, "
            f"ptr null, ptr {rows}, ptr null }}"
        )
        return constant, layout


def payload_index(enum: t.EnumType, variant: int) -> int:
    """Index in the LLVM struct of the first payload of a variant."""
    return 1 + sum(len(one.payload) for one in enum.variants[:variant])


def kind_of(type_: Type) -> int:
    """The hew_kind."""
    match type_:
        case t.IntType(bits=bits, signed=signed):
            return _INT_KINDS[bits, signed]
        case t.FloatType(bits=bits):
            return KIND_F64 if bits == 64 else KIND_F32
        case _:
            return _KINDS.get(type(type_), KIND_UNIT)
