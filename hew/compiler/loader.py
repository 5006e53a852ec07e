"""Machine code -> callable memory: links an object file, as LLVM makes them here, into this process.

A small linker of its own, so that a program out of the cache starts without LLVM, whose library takes longer to load
than everything else. The code lies near the core, so calls go there directly; addresses that the code would look up
in a table are put into its instructions where they fit. Workers inherit the result by fork.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hew import elf
from hew.abi import HEW_ABI
from hew.errors import InternalError
from hew.program import Loaded

if TYPE_CHECKING:
    from hew.program import Program

CORE_LIBRARY: Final = Path(__file__).parent.parent / "scheduler" / "_core" / "libhewcore.so"
UNWINDER: Final = "libgcc_s.so.1"  # its personality and _Unwind_Resume are called by compiled code
ENTRY: Final = "hew_program_info"

_UNDEFINED: Final = 0
_ABSOLUTE: Final = 0xFFF1

_R_64: Final = 1
_R_PC32: Final = 2
_R_PLT32: Final = 4
_R_GOTPCREL: Final = 9
_R_32: Final = 10
_R_32S: Final = 11
_R_PC64: Final = 24
_R_GOTPCRELX: Final = 41
_R_REX_GOTPCRELX: Final = 42

_PAGE: Final = mmap.PAGESIZE
_STUB: Final = b"\xff\x25\0\0\0\0\xcc\xcc"  # jmp *entry(%rip)
_TABLE_ENTRY: Final = 8
_END_OF_FRAMES: Final = 8  # zeros that end .eh_frame

_loaded: list[mmap.mmap] = []  # as long as the process: code may run until its end


def load(program: Program) -> Loaded:
    """Make the program callable in this process."""
    core = ctypes.CDLL(str(CORE_LIBRARY))
    found = core.hew_abi()
    if found != HEW_ABI:
        raise InternalError(f"{CORE_LIBRARY} has ABI {found}, this hew needs {HEW_ABI}: install hew again")
    core.hew_self_address.restype = ctypes.c_uint64
    return link(program.code, {"hew_self": core.hew_self_address()}, [core])


def link(code: bytes, symbols: dict[str, int], libraries: list[ctypes.CDLL], entry: str = ENTRY) -> Loaded:
    """Put an object into memory, with `entry` as its entry. Symbols are looked for here, then in the libraries."""
    return Linker(code, symbols, [*libraries, ctypes.CDLL(UNWINDER), ctypes.CDLL("libm.so.6")]).link(entry)


class Linker:
    """One object on its way into memory: code, then what is only read, then a table of addresses, then stubs."""

    def __init__(self, code: bytes, symbols: dict[str, int], libraries: list[ctypes.CDLL]) -> None:
        self._object = elf.Object(code)
        self._sections = self._object.sections
        self._symbols = self._object.symbols
        self._given = symbols
        self._libraries = libraries
        self._frames = [index for index, one in enumerate(self._sections) if self._is_frames(one)]
        self._places: dict[int, int] = {}  # of the sections, from the start of the block
        self._addresses: dict[int, int] = {}  # of symbols
        self._table: dict[int, int] = {}  # where the address of a symbol is kept
        self._base = 0

    def link(self, entry: str) -> Loaded:
        self._places, executable = elf.code_places(self._sections)
        stubs = executable  # follow the code
        undefined = sum(symbol.section == _UNDEFINED for symbol in self._symbols)
        readable = -(-(stubs + undefined * len(_STUB)) // _PAGE) * _PAGE
        others = [index for index, one in enumerate(self._sections) if one.is_allocated and index not in self._places]
        others.sort(key=self._frames.__contains__)  # frames come last: zeros end them
        places, end = elf.arrange(self._sections, others, readable)
        self._places |= places
        table = -(-(end + _END_OF_FRAMES) // 16) * 16
        size = table + len(self._symbols) * _TABLE_ENTRY
        block = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        _loaded.append(block)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(block))
        for index, place in self._places.items():
            section = self._sections[index]
            if section.kind != elf.NOBITS:
                block[place : place + section.size] = self._object.contents(section)
        self._make_table(block, table, stubs)
        for section in self._sections:
            if section.kind == elf.RELA and section.info in self._places:
                self._relocate(block, section)
        _protect(self._base, readable, mmap.PROT_READ | mmap.PROT_EXEC)
        _protect(self._base + readable, size - readable, mmap.PROT_READ | mmap.PROT_WRITE)
        self._register_frames()
        for number, symbol in enumerate(self._symbols):
            if symbol.section != _UNDEFINED and self._object.symbol_name(symbol) == entry:
                return Loaded(self._address(number), self._base, executable)
        raise InternalError(f"the machine code has no {entry}")

    def _is_frames(self, section: elf.Section) -> bool:
        return section.is_allocated and self._object.section_name(section) == ".eh_frame"

    # ---- addresses

    def _address(self, number: int) -> int:
        found = self._addresses.get(number)
        if found is None:
            symbol = self._symbols[number]
            if symbol.section == _UNDEFINED:
                found = self._resolve(self._object.symbol_name(symbol))
            elif symbol.section == _ABSOLUTE:
                found = symbol.value
            else:
                found = self._base + self._places[symbol.section] + symbol.value
            self._addresses[number] = found
        return found

    def _resolve(self, name: str) -> int:
        if name in self._given:
            return self._given[name]
        for library in self._libraries:
            try:
                return ctypes.cast(library[name], ctypes.c_void_p).value or 0
            except AttributeError:
                continue
        raise InternalError(f"the machine code calls {name}, which no library has")

    def _make_table(self, block: mmap.mmap, table: int, stubs: int) -> None:
        """An address and a stub for each symbol from outside, an address for each other that may want one."""
        outside = 0
        self._stubs: dict[int, int] = {}
        for number, symbol in enumerate(self._symbols):
            place = table + number * _TABLE_ENTRY
            self._table[number] = self._base + place
            if symbol.section == _UNDEFINED and symbol.name:
                at = stubs + outside * len(_STUB)
                outside += 1
                struct.pack_into("<Q", block, place, self._address(number))
                block[at : at + len(_STUB)] = _STUB
                struct.pack_into("<i", block, at + 2, place - at - 6)
                self._stubs[number] = self._base + at
            elif symbol.section in self._places:
                struct.pack_into("<Q", block, place, self._address(number))

    # ---- relocations

    def _relocate(self, block: mmap.mmap, rows: elf.Section) -> None:
        origin = self._places[rows.info]
        for offset, kind, number, addend in self._object.relocations(rows):
            place = origin + offset
            here = self._base + place
            if kind == _R_64:
                struct.pack_into("<Q", block, place, (self._address(number) + addend) & (1 << 64) - 1)
            elif kind == _R_PC64:
                struct.pack_into("<q", block, place, self._address(number) + addend - here)
            elif kind in (_R_PC32, _R_PLT32):
                self._branch(block, place, number, addend)
            elif kind in (_R_GOTPCREL, _R_GOTPCRELX, _R_REX_GOTPCRELX):
                if kind != _R_REX_GOTPCRELX or not self._relax(block, place, number, addend):
                    _put(block, place, "<i", self._table[number] + addend - here)
            elif kind in (_R_32, _R_32S):
                _put(block, place, "<I" if kind == _R_32 else "<i", self._address(number) + addend)
            else:
                raise InternalError(f"the machine code has a relocation of kind {kind}, which nobody can do")

    def _branch(self, block: mmap.mmap, place: int, number: int, addend: int) -> None:
        """Straight to the symbol; over a stub where it is too far."""
        here = self._base + place
        distance = self._address(number) + addend - here
        if not -(1 << 31) <= distance < 1 << 31 and number in self._stubs:
            distance = self._stubs[number] + addend - here
        _put(block, place, "<i", distance)

    def _relax(self, block: mmap.mmap, place: int, number: int, addend: int) -> bool:
        """`mov symbol@GOTPCREL(%rip), %reg`: the address itself into the register, without a look-up."""
        if addend != -4 or block[place - 2] != 0x8B:
            return False
        address = self._address(number)
        distance = address + addend - self._base - place
        if -(1 << 31) <= distance < 1 << 31:
            block[place - 2] = 0x8D  # lea
            _put(block, place, "<i", distance)
            return True
        if not 0 <= address < 1 << 31:
            return False
        rex, register = block[place - 3], block[place - 1] >> 3 & 7
        block[place - 3 : place] = bytes([rex & ~5 | (rex & 4) >> 2, 0xC7, 0xC0 | register])  # mov $address, %reg
        _put(block, place, "<i", address)
        return True

    def _register_frames(self) -> None:
        """Tell the unwinder where the frames of the code are described."""
        register = ctypes.CDLL(UNWINDER)["__register_frame"]
        register.argtypes = [ctypes.c_void_p]
        register.restype = None
        for index in self._frames:
            register(self._base + self._places[index])


def _put(block: mmap.mmap, place: int, form: str, value: int) -> None:
    try:
        struct.pack_into(form, block, place, value)
    except struct.error as error:
        raise InternalError("the machine code refers to something that is too far away") from error


def _protect(address: int, size: int, access: int) -> None:
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if protect(address, size, access):
        raise InternalError(f"the machine code cannot be made executable: error {ctypes.get_errno()}")
