"""The table of lines of an object file: LLVM's debug information -> the bytes that `hew.lines` reads.

Made once, when a program is compiled; the debug information is then cut out of the object.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from hew import elf
from hew.compiler import dwarf
from hew.lines import MAGIC, NOWHERE, Frame, LineTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hew.compiler.dwarf import Body, Row

__all__ = ["Frame", "LineTable", "split"]


def split(code: bytes) -> tuple[bytes, bytes]:
    """An object with debug information -> the object without it, and its table of lines."""
    rows, functions = dwarf.read(code)
    return elf.without(code, ".debug_"), _Table(rows, functions).to_bytes()


class _Table:
    """Places and scopes, each once, and which stretch of code is of which place."""

    def __init__(self, rows: list[Row], functions: list[Body]) -> None:
        self._rows = rows
        self._offsets = [row.offset for row in rows]
        self._text = bytearray()
        self._strings: dict[str, int] = {}
        self._scopes: dict[tuple[int, int, int], int] = {}
        self._places: dict[tuple[int, int, int], int] = {}
        self._stretches: list[tuple[int, int]] = []  # offset, place
        self._build(functions)

    def to_bytes(self) -> bytes:
        stretches = self._stretches
        words = [MAGIC, len(stretches), len(self._places), len(self._scopes), len(self._text)]
        words += [offset for offset, _ in stretches]
        words += [place for _, place in stretches]
        for table in (self._places, self._scopes):
            words += [word for key in table for word in key]
        return struct.pack(f"={len(words)}I", *words) + self._text

    # ---- each once

    def _string(self, text: str) -> int:
        at = self._strings.get(text)
        if at is None:
            at = self._strings[text] = len(self._text)
            self._text += text.encode() + b"\0"
        return at

    def _scope(self, body: Body, parent: int) -> int:
        key = (self._string(body.name), self._string(body.file), parent)
        return self._scopes.setdefault(key, len(self._scopes))

    def _place(self, scope: int, line: int, column: int) -> int:
        return self._places.setdefault((scope, line, column), len(self._places))

    # ---- stretches

    def _build(self, functions: list[Body]) -> None:
        pieces: list[tuple[int, int, int, int]] = []  # from, to, scope, place of its call
        for function in functions:
            scope = self._scope(function, NOWHERE)
            for low, high in function.ranges:
                pieces += self._pieces(function, scope, NOWHERE, low, high)
        end = 0
        for low, high, scope, call in sorted(pieces):
            if low > end:
                self._stretch(end, NOWHERE)
            for at, place in self._places_of(low, high, scope, call):
                self._stretch(at, place)
            end = high
        self._stretch(end, NOWHERE)

    def _pieces(self, body: Body, scope: int, call: int, low: int, high: int) -> Iterator[tuple[int, int, int, int]]:
        """A stretch of a body, cut at the calls that are inlined in it."""
        inner: list[tuple[int, int, int, int]] = []
        for one in body.inlined:
            cuts = [(max(a, low), min(b, high)) for a, b in one.ranges if a < high and b > low]
            if cuts:
                place = self._place(scope, one.line, one.column)
                inside = self._scope(one, place)
                for a, b in cuts:
                    inner += self._pieces(one, inside, place, a, b)
        at = low
        for piece in sorted(inner):
            if piece[0] > at:
                yield at, piece[0], scope, call
            yield piece
            at = piece[1]
        if at < high:
            yield at, high, scope, call

    def _places_of(self, low: int, high: int, scope: int, call: int) -> Iterator[tuple[int, int]]:
        """By the rows of the line table. Code without a line is of what stands before it, else behind it."""
        first = bisect_right(self._offsets, low) - 1
        cuts: list[tuple[int, int]] = []
        for number in range(max(first, 0), bisect_left(self._offsets, high)):
            row = self._rows[number]
            if row.line and not row.end:
                cuts.append((max(row.offset, low), self._place(scope, row.line, row.column)))
        if not cuts:  # in an inlined call: it is of the call
            cuts = [(low, call)]
        yield low, cuts[0][1]
        yield from cuts

    def _stretch(self, offset: int, place: int) -> None:
        stretches = self._stretches
        if stretches and stretches[-1][0] == offset:
            stretches.pop()
        if not stretches or stretches[-1][1] != place:
            stretches.append((offset, place))
