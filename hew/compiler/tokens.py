"""Tokens of a source, as columns: the parser walks indices, and no object is made for a token.

A kind is a word: that of a keyword or of punctuation is its own text ("fn", "+="), the others are
    ident  _  number  string  raw  char  bytes  regex  eof
and inside an f-string: fstart (`f"`)  ftext  f{ ... [fspec] f}  fend (`"`).
Blanks and comments are no tokens. An integer directly after a "." is a "number" of digits only (`t.0.1`).
"""

from __future__ import annotations

from typing import Final

KEYWORDS: Final = frozenset(
    "actor as async await break const continue defer dyn else enum extern false fn for if impl import in let loop match"
    " pub return self Self spawn struct supervisor this trait true type unsafe var while yield".split()
)
ASSIGNMENTS: Final = frozenset(["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "+%=", "-%=", "*%="])
CLOSER: Final = {"(": ")", "[": "]", "{": "}", "f{": "f}"}
OPENER: Final = {closer: opener for opener, closer in CLOSER.items()}
MAX_NAME: Final = 1024  # characters


class Tokens:
    """What the lexer gives: three columns of equal length, the last row is "eof". Brackets are balanced: `closes` has
    for the index of each opener that of its closer. `repaired` are tokens beside an error that has been reported:
    expect no sense there."""

    __slots__ = ("closes", "ends", "kinds", "repaired", "starts")

    def __init__(self, kinds: list[str], starts: list[int], ends: list[int], closes: dict[int, int]) -> None:
        self.kinds = kinds
        self.starts = starts
        self.ends = ends
        self.closes = closes
        self.repaired: frozenset[int] = frozenset()

    def rows(self) -> list[tuple[str, int, int]]:
        """(kind, start, end) of each token; for tests and tools."""
        return list(zip(self.kinds, self.starts, self.ends, strict=True))
