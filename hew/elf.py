"""An ELF file, read: sections, symbols, relocations. 64 bits, little-endian: what LLVM makes here, and the core."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NULL: Final = 0  # kinds of sections
SYMTAB: Final = 2
RELA: Final = 4
NOBITS: Final = 8

_MAGIC: Final = b"\x7fELF\x02\x01"
_FUNCTION: Final = 2  # kind of a symbol
_ALLOCATED: Final = 2
_EXECUTABLE: Final = 4
_HEADER: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_RELOCATION: Final = struct.Struct("<QIIq")
_SECTIONS_AT: Final = 40  # in the file's header
_SECTION_COUNTS_AT: Final = 58


class Section(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int

    @property
    def is_allocated(self) -> bool:
        return bool(self.flags & _ALLOCATED)

    @property
    def is_code(self) -> bool:
        return self.flags & (_ALLOCATED | _EXECUTABLE) == _ALLOCATED | _EXECUTABLE


class Symbol(NamedTuple):
    name: int
    info: int
    other: int
    section: int
    value: int
    size: int

    @property
    def is_function(self) -> bool:
        """Of the file itself, not one that it calls elsewhere."""
        return self.info & 15 == _FUNCTION and self.section != 0


class Object:
    """The bytes of an ELF file, and what lies where in them. ValueError when it is none, or has no symbols."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(_MAGIC):
            raise ValueError("not an ELF file of 64 bits, least byte first")
        self.data = data
        start = struct.unpack_from("<Q", data, _SECTIONS_AT)[0]
        size, count, names = struct.unpack_from("<HHH", data, _SECTION_COUNTS_AT)
        self.sections = [Section._make(_HEADER.unpack_from(data, start + index * size)) for index in range(count)]
        self._section_names = self.sections[names].offset
        table = next((one for one in self.sections if one.kind == SYMTAB), None)
        if table is None:
            raise ValueError("an ELF file without a table of symbols")
        self.symbols = [Symbol._make(row) for row in _SYMBOL.iter_unpack(self.contents(table))]
        self._symbol_names = self.sections[table.link].offset

    def contents(self, section: Section) -> bytes:
        return self.data[section.offset : section.offset + section.size]

    def section_name(self, section: Section) -> str:
        return self._string(self._section_names + section.name)

    def symbol_name(self, symbol: Symbol) -> str:
        return self._string(self._symbol_names + symbol.name)

    def relocations(self, section: Section) -> Iterator[tuple[int, int, int, int]]:
        """Of a section of kind RELA: the offset in what it patches, the kind, the symbol's number, the addend."""
        return _RELOCATION.iter_unpack(self.contents(section))

    def _string(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode()


def arrange(sections: Sequence[Section], indices: Sequence[int], at: int) -> tuple[dict[int, int], int]:
    """Places in memory for some sections, from `at` on, and where the last one ends."""
    places = {}
    for index in indices:
        align = max(sections[index].align, 1)
        at = -(-at // align) * align
        places[index] = at
        at += sections[index].size
    return places, at


def code_places(sections: Sequence[Section]) -> tuple[dict[int, int], int]:
    """Where the code lies in the loaded text, and how large that is: loader and table of lines agree by it."""
    return arrange(sections, [index for index, one in enumerate(sections) if one.is_code], 0)


def without(data: bytes, prefix: str) -> bytes:
    """The object without the sections whose names begin with `prefix`, and without what patches them.

    They stay in the list, as nothing, so that no index changes.
    """
    made = Object(data)
    gone = {index for index, one in enumerate(made.sections) if made.section_name(one).startswith(prefix)}
    gone |= {index for index, one in enumerate(made.sections) if one.kind == RELA and one.info in gone}
    out = bytearray(data[: _HEADER.size])
    headers = []
    for index, section in enumerate(made.sections):
        if index in gone or section.kind == NULL:
            headers.append(section._replace(kind=NULL, offset=0, size=0, flags=0))
            continue
        out += bytes(-len(out) % max(section.align, 1))
        headers.append(section._replace(offset=len(out)))
        if section.kind != NOBITS:
            out += made.contents(section)
    out += bytes(-len(out) % 8)
    struct.pack_into("<Q", out, _SECTIONS_AT, len(out))
    return bytes(out) + b"".join(_HEADER.pack(*one) for one in headers)
