"""The text of a program: UTF-8 with or without a BOM, LF, CRLF or CR. Offsets become lines and columns here only.

`Source.text` is what everybody else reads: without BOM, every line end a single LF, no NUL. An offset is an index.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

MAX_BYTES: Final = 4 * 1024 * 1024  # of a source file; the command line refuses more


class Span:
    """From `start` up to, not including, `end`: offsets into the text of the source."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def to(self, other: Span) -> Span:
        """From where this begins to where `other` ends."""
        return Span(self.start, other.end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self.start == other.start and self.end == other.end

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __repr__(self) -> str:
        return f"Span({self.start}, {self.end})"


class Source:
    """A file's name as the user wrote it, and its text. `bad`, its first byte that is not text, the parser reports."""

    __slots__ = ("_line_starts", "bad", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        """`text` as it comes from a file or a test; line ends and a BOM are cleaned here."""
        self.bad: BadByte | None = None
        if "\0" in text:
            self.bad = BadByte(len(_clean(text[: text.index("\0")])), "a NUL byte")
            text = text.replace("\0", " ")
        self.name = name
        self.text = _clean(text)
        self._line_starts: list[int] | None = None

    @classmethod
    def decode(cls, name: str, data: bytes) -> Source:
        """The source in `data`. A byte that cannot be source text reads as a blank, and the first of them is `bad`."""
        try:
            return cls(name, data.decode("utf-8"))
        except UnicodeDecodeError as failure:
            before = data[: failure.start].decode("utf-8")
            source = cls(name, before + " " + data[failure.start + 1 :].decode("utf-8", errors="replace"))
            if source.bad is None or len(_clean(before)) < source.bad.offset:
                source.bad = BadByte(len(_clean(before)), f"the byte 0x{data[failure.start]:02X}")
            return source

    @property
    def line_starts(self) -> list[int]:
        """Offset of the first character of every line."""
        starts = self._line_starts
        if starts is None:
            starts = [0]
            find = self.text.find
            at = find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
            self._line_starts = starts
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of `offset`, both from 1; columns count characters."""
        starts = self.line_starts
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Text of line `number` (from 1), without its end."""
        starts = self.line_starts
        start = starts[number - 1]
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[start:end]

    def slice(self, span: Span) -> str:
        """The text under `span`."""
        return self.text[span.start : span.end]


class BadByte:
    """A place in a file that is not text."""

    __slots__ = ("offset", "what")

    def __init__(self, offset: int, what: str) -> None:
        self.offset = offset
        self.what = what


def _clean(text: str) -> str:
    """Without BOM, each line end a single LF."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
