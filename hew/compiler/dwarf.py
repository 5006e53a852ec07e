"""LLVM's debug information out of an object file: rows of the line table, and functions with the calls inlined in them.

DWARF 4 as LLVM writes it for one compile unit without types and variables (`codegen.debug` asks for no more): what
else there may be is skipped by its form, an unknown form is an InternalError. Addresses are offsets in the loaded text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hew import elf
from hew.errors import InternalError

VERSION: Final = 4

_UNIT: Final = 0x11  # tags
_SUBPROGRAM: Final = 0x2E
_INLINED: Final = 0x1D
_NAME: Final = 0x03  # attributes
_LOW: Final = 0x11
_HIGH: Final = 0x12
_ORIGIN: Final = 0x31
_DECL_FILE: Final = 0x3A
_RANGES: Final = 0x55
_CALL_COLUMN: Final = 0x57
_CALL_LINE: Final = 0x59

_NEW_BASE: Final = (1 << 64) - 1  # in a list of ranges
_FIXED: Final = {0x01: 8, 0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x0C: 1, 0x0E: 4, 0x11: 1, 0x12: 2, 0x13: 4, 0x17: 4}
_UDATA: Final = 0x0F
_SDATA: Final = 0x0D
_FLAG_PRESENT: Final = 0x19
_EXPRLOC: Final = 0x18
_ADDRESS: Final = 0x01
_PATCHED: Final = {1: 8, 10: 4, 257: 8, 258: 4}  # bytes, by the kind of the relocation: x86-64, then aarch64
_HEADER_BYTES: Final = 11  # of the unit
_COPY: Final = 1  # opcodes of a line program
_ADVANCE: Final = 2
_ADVANCE_LINE: Final = 3
_SET_COLUMN: Final = 5
_ADVANCE_CONSTANT: Final = 8
_ADVANCE_FIXED: Final = 9
_WITH_OPERAND: Final = (4, 12)  # file, instruction set
_SPECIAL: Final = 13  # the first special one
_END_SEQUENCE: Final = 1  # extended ones
_SET_ADDRESS: Final = 2


class Row(NamedTuple):
    """From here on the code is of this place; `end`: from here on it is of none."""

    offset: int
    line: int
    column: int
    end: bool


@dataclass(slots=True)
class Body:
    """The code of a function, or of a call that was inlined: half-open ranges."""

    name: str
    file: str
    ranges: list[tuple[int, int]]
    line: int  # of the call; 0 for a function
    column: int
    inlined: list[Body] = field(default_factory=list)


class Reader:
    """Bytes, read on from `at`."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def number(self, size: int, *, signed: bool = False) -> int:
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "little", signed=signed)

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def sleb(self) -> int:
        start = self.at
        value = self.uleb()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> (bits - 1) & 1 else value

    def string(self) -> str:
        end = self.data.index(b"\0", self.at)
        text = self.data[self.at : end].decode()
        self.at = end + 1
        return text


def read(code: bytes) -> tuple[list[Row], list[Body]]:
    """Rows by offset, and functions. Empty when the object has no debug information."""
    sections = _sections(code)
    if ".debug_info" not in sections:
        return [], []
    rows, files = _line_rows(Reader(sections[".debug_line"]))
    return sorted(rows, key=lambda row: (row.offset, not row.end)), _Entries(sections, files).functions()


def _sections(code: bytes) -> dict[str, bytes]:
    """The sections of debug information, their addresses filled in."""
    made = elf.Object(code)
    found = {
        index: (made.section_name(section), bytearray(made.contents(section)))
        for index, section in enumerate(made.sections)
        if section.kind != elf.RELA and made.section_name(section).startswith(".debug_")
    }
    places, _ = elf.code_places(made.sections)
    for section in made.sections:
        if section.kind == elf.RELA and section.info in found:
            data = found[section.info][1]
            for offset, kind, number, addend in made.relocations(section):
                symbol = made.symbols[number]
                value = places.get(symbol.section, 0) + symbol.value + addend
                size = _PATCHED[kind]
                data[offset : offset + size] = value.to_bytes(size, "little")
    return {name: bytes(data) for name, data in found.values()}


# ---- lines


def _line_rows(reader: Reader) -> tuple[list[Row], list[str]]:
    """All rows as they come, and the names of the files, numbered from 1."""
    end = reader.number(4) + reader.at
    if reader.number(2) != VERSION:
        raise InternalError("the debug information is of a version that nobody reads here")
    program = reader.number(4) + reader.at
    step = reader.number(1)
    reader.at += 2  # operations per instruction, and whether rows are statements
    line_base = reader.number(1, signed=True)
    line_range = reader.number(1)
    opcodes = reader.number(1)
    reader.at += opcodes - 1  # their numbers of operands
    while reader.string():
        pass
    files = [""]
    while name := reader.string():
        files.append(name)
        for _ in range(3):
            reader.uleb()
    reader.at = program
    return _run(reader, end, (step, line_base, line_range)), files


def _run(reader: Reader, end: int, header: tuple[int, int, int]) -> list[Row]:
    """The line program: a machine with an address, a line and a column."""
    step, line_base, line_range = header
    rows: list[Row] = []
    offset, line, column = 0, 1, 0
    while reader.at < end:
        opcode = reader.number(1)
        if opcode >= _SPECIAL:
            offset += (opcode - _SPECIAL) // line_range * step
            line += line_base + (opcode - _SPECIAL) % line_range
            rows.append(Row(offset, line, column, end=False))
        elif opcode == 0:  # extended
            after = reader.uleb() + reader.at
            kind = reader.number(1)
            if kind == _END_SEQUENCE:
                rows.append(Row(offset, line, column, end=True))
                offset, line, column = 0, 1, 0
            elif kind == _SET_ADDRESS:
                offset = reader.number(8)
            reader.at = after
        elif opcode == _COPY:
            rows.append(Row(offset, line, column, end=False))
        elif opcode == _ADVANCE_LINE:
            line += reader.sleb()
        elif opcode == _SET_COLUMN:
            column = reader.uleb()
        else:
            offset += _advance(reader, opcode, (255 - _SPECIAL) // line_range) * step
    return rows


def _advance(reader: Reader, opcode: int, constant: int) -> int:
    """How many instructions' steps an opcode goes on; those of no interest are read over."""
    if opcode == _ADVANCE:
        return reader.uleb()
    if opcode == _ADVANCE_FIXED:
        return reader.number(2)
    if opcode in _WITH_OPERAND:
        reader.uleb()
    return constant if opcode == _ADVANCE_CONSTANT else 0


# ---- functions


class _Entries:
    """Those of .debug_info."""

    def __init__(self, sections: dict[str, bytes], files: list[str]) -> None:
        self._strings = sections[".debug_str"]
        self._ranges = sections.get(".debug_ranges", b"")
        self._files = files
        self._info = Reader(sections[".debug_info"], 4)
        if self._info.number(2) != VERSION:
            raise InternalError("the debug information is of a version that nobody reads here")
        self._shapes = _abbreviations(Reader(sections[".debug_abbrev"], self._info.number(4)))
        self._base = 0  # what ranges are relative to
        self._declared: dict[int, tuple[str, str]] = {}  # name and file, by the place of the entry

    def functions(self) -> list[Body]:
        """Functions that have code."""
        info = self._info
        info.at = _HEADER_BYTES
        found: list[Body] = []
        parents: list[Body | None] = []
        later: list[tuple[Body, int]] = []  # its function may be declared behind it
        while info.at < len(info.data):
            start = info.at
            number = info.uleb()
            if number == 0:
                if parents:
                    parents.pop()
                continue
            tag, has_children, _ = shape = self._shapes[number]
            values = self._values(shape)
            body = None
            if tag == _UNIT:
                self._base = values.get(_LOW, 0)
            if tag in (_SUBPROGRAM, _INLINED):
                if _NAME in values:
                    self._declared[start] = (self._string(values[_NAME]), self._files[values.get(_DECL_FILE, 0)])
                if ranges := self._ranges_of(values):
                    body = Body("", "", ranges, values.get(_CALL_LINE, 0), values.get(_CALL_COLUMN, 0))
                    later.append((body, values.get(_ORIGIN, start)))
                    parent = next((one for one in reversed(parents) if one is not None), None)
                    (found if parent is None else parent.inlined).append(body)
            if has_children:
                parents.append(body)
        for body, origin in later:
            body.name, body.file = self._declared[origin]
        return found

    def _values(self, shape: _Shape) -> dict[int, int]:
        return {attribute: self._value(form) for attribute, form in shape.attributes}

    def _value(self, form: int) -> int:
        info = self._info
        if form in _FIXED:
            return info.number(_FIXED[form])
        if form == _UDATA:
            return info.uleb()
        if form == _SDATA:
            return info.sleb()
        if form == _FLAG_PRESENT:
            return 1
        if form == _EXPRLOC:
            size = info.uleb()
            info.at += size
            return 0
        raise InternalError(f"the debug information has the form {form:#x}, which nobody reads here")

    def _ranges_of(self, values: dict[int, int]) -> list[tuple[int, int]]:
        if _LOW in values:
            return [(values[_LOW], values[_LOW] + values[_HIGH])]
        found = []
        if _RANGES in values:
            base, reader = self._base, Reader(self._ranges, values[_RANGES])
            while (pair := (reader.number(8), reader.number(8))) != (0, 0):
                if pair[0] == _NEW_BASE:
                    base = pair[1]
                else:
                    found.append((base + pair[0], base + pair[1]))
        return found

    def _string(self, at: int) -> str:
        return Reader(self._strings, at).string()


class _Shape(NamedTuple):
    tag: int
    has_children: bool
    attributes: tuple[tuple[int, int], ...]


def _abbreviations(reader: Reader) -> dict[int, _Shape]:
    shapes = {}
    while number := reader.uleb():
        tag = reader.uleb()
        has_children = bool(reader.number(1))
        attributes = []
        while (pair := (reader.uleb(), reader.uleb())) != (0, 0):
            attributes.append(pair)
        shapes[number] = _Shape(tag, has_children, tuple(attributes))
    return shapes
