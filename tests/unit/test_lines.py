"""The table of lines as it is read: nested calls, gaps, and bytes that are none."""

import struct

import pytest

from hew.lines import MAGIC, NOWHERE, Frame, LineTable

TEXT = b"main\0a.hew\0helper\0"
SCOPES = [(0, 5, NOWHERE), (11, 5, 0)]  # main; helper, inlined at place 0
PLACES = [(0, 7, 5), (1, 2, 9), (0, 8, 0)]
STRETCHES = [(16, 0), (20, 1), (30, 2), (40, NOWHERE)]


def table(text: bytes = TEXT) -> bytes:
    words = [MAGIC, len(STRETCHES), len(PLACES), len(SCOPES), len(TEXT)]
    words += [offset for offset, _ in STRETCHES] + [place for _, place in STRETCHES]
    words += [word for row in (*PLACES, *SCOPES) for word in row]
    return struct.pack(f"={len(words)}I", *words) + text


@pytest.mark.parametrize(
    ("offset", "frames"),
    [
        (0, []),
        (15, []),
        (16, [Frame("main", "a.hew", 7, 5, inlined=False)]),
        (19, [Frame("main", "a.hew", 7, 5, inlined=False)]),
        (20, [Frame("helper", "a.hew", 2, 9, inlined=True), Frame("main", "a.hew", 7, 5, inlined=False)]),
        (39, [Frame("main", "a.hew", 8, 0, inlined=False)]),
        (40, []),
        (1 << 40, []),
        (-1, []),
    ],
)
def test_an_offset_gives_the_calls_that_are_inlined_there_and_the_function(offset: int, frames: list[Frame]) -> None:
    assert LineTable(table()).lookup(offset) == frames


@pytest.mark.parametrize("data", [b"", b"x" * 19, b"\0" * 20, table()[:-1], table() + b"x"])
def test_bytes_that_are_no_table_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a table of lines"):
        LineTable(data)
