"""Where machine code comes from: an offset in the loaded text -> function, file, line, column, inlined calls included.

A program carries its table as bytes beside its machine code (`Program.lines`); nothing reads them before somebody
asks, and then in place: look-ups are binary searches, nothing is unpacked. The core reads the same bytes for the
"called from" lines of a trap (scheduler/core/lines.c), so their form is here and there, and nowhere else:

    u32 MAGIC, rows, places, scopes, bytes of text
    u32 offsets[rows]           of the code, ascending; a row holds up to the next
    u32 place_of[rows]          index in places, or NOWHERE: no Hew code
    {u32 scope, line, column}   places
    {u32 name, file, parent}    scopes: name and file as offsets in the text; parent: the place of the call that was
                                replaced by this function's body, NOWHERE for a function that is called
    text                        UTF-8, each with a zero behind it

All in the byte order of the machine, each part of whole u32s.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

MAGIC: Final = 0x31_4C_57_48  # "HWL1"
HEAD_WORDS: Final = 5
PLACE_WORDS: Final = 3
SCOPE_WORDS: Final = 3
NOWHERE: Final = 0xFFFF_FFFF
MAX_INLINED: Final = 64  # levels; the compiler makes no more, and a damaged table no endless chain


@dataclass(frozen=True, slots=True)
class Frame:
    """A function, and a place in it: what it executes, or the call that it is in."""

    function: str  # as a user would write it: `helper`, `main`, `Counter.tick`
    file: str  # base name of the source
    line: int  # from 1; 0: not known
    column: int  # from 1, in characters; 0: not known
    inlined: bool  # its body stands in the code of the next frame, it has none of its own on the stack


class LineTable:
    """Made from `Program.lines`; cheap to make. ValueError when the bytes are no table."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEAD_WORDS * 4:
            raise ValueError("not a table of lines")
        head = memoryview(data)[: HEAD_WORDS * 4].cast("I")
        magic, rows, places, scopes, text = head
        words = 2 * rows + PLACE_WORDS * places + SCOPE_WORDS * scopes
        if magic != MAGIC or len(data) != 4 * (HEAD_WORDS + words) + text:
            raise ValueError("not a table of lines")
        body = memoryview(data)[HEAD_WORDS * 4 : (HEAD_WORDS + words) * 4].cast("I")
        self._offsets = body[:rows]
        self._place_of = body[rows : 2 * rows]
        self._places = body[2 * rows : 2 * rows + PLACE_WORDS * places]
        self._scopes = body[2 * rows + PLACE_WORDS * places :]
        self._text = data[(HEAD_WORDS + words) * 4 :]

    def lookup(self, offset: int) -> list[Frame]:
        """The frames at an offset, in bytes, from the start of the program's loaded text.

        Innermost first: the functions whose calls were inlined there, then the function that the code is of. Empty
        where there is no Hew function. A return address is one past its call: look up `address - 1 - base`.
        """
        row = bisect_right(self._offsets, offset) - 1
        if row < 0:
            return []
        frames: list[Frame] = []
        place = self._place_of[row]
        while place != NOWHERE and len(frames) <= MAX_INLINED:
            scope, line, column = self._places[place * PLACE_WORDS : (place + 1) * PLACE_WORDS]
            name, file, parent = self._scopes[scope * SCOPE_WORDS : (scope + 1) * SCOPE_WORDS]
            frames.append(Frame(self._string(name), self._string(file), line, column, parent != NOWHERE))
            place = parent
        return frames

    def __len__(self) -> int:
        """How many stretches of code it tells apart."""
        return len(self._offsets)

    def _string(self, at: int) -> str:
        return self._text[at : self._text.index(b"\0", at)].decode()
