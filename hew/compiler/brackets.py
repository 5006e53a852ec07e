"""Pairs of brackets: finds for each opener its closer, so that the parser can look past any bracket at once.

In a text whose brackets do not pair, each fault is reported (E0011) and mended: a closer of no width is put in where it
most likely belongs, a closer that closes nothing is left out. The parser always sees balanced brackets.
"""

from __future__ import annotations

from typing import Any, Final

from hew.compiler.codes import E0011
from hew.compiler.diagnostics import Report
from hew.compiler.source import Source, Span
from hew.compiler.tokens import CLOSER, OPENER, Tokens

MAX_REPORTED: Final = 20  # faults told; beyond these the file is no program
LOOK_AHEAD: Final = 20  # tokens between the ';' of an array and its ']'
_STATEMENTS: Final = frozenset(
    ["actor", "const", "enum", "for", "impl", "let", "loop", "return", "struct", "var", "while"]
)


def pair(source: Source, tokens: Tokens, broken: set[int], report: Report) -> Tokens:
    """`tokens` with `closes` filled, mended if need be. `broken` are tokens whose neighbourhood makes no sense."""
    closes = _closes(tokens.kinds)
    if closes is None:
        tokens, broken = _Repair(source, tokens, broken, report).run()
        closes = _closes(tokens.kinds)
        assert closes is not None
    tokens.closes = closes
    if broken:
        tokens.repaired = frozenset(broken)
    return tokens


def _closes(kinds: list[str]) -> dict[int, int] | None:
    """Index of the closer for each opener, or None when they do not pair."""
    closes: dict[int, int] = {}
    stack: list[int] = []
    push, pop = stack.append, stack.pop
    for index, kind in enumerate(kinds):
        if kind in CLOSER:
            push(index)
        elif kind in OPENER:
            if not stack or kinds[stack[-1]] != OPENER[kind]:
                return None
            closes[pop()] = index
    return None if stack else closes


class _Repair:
    """Copies tokens, putting in and leaving out closers until all pair."""

    def __init__(self, source: Source, tokens: Tokens, broken: set[int], report: Report) -> None:
        self.source = source
        self.indents: dict[int, int] = {}  # of lines, by number
        self.reported = 0
        self.old = tokens
        self.report = report
        self.broken_old = broken
        self.last_broken = {self._line(index): index for index in sorted(broken)}  # by line
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.broken: set[int] = set()
        self.stack: list[int] = []  # openers, as indices of old tokens

    def run(self) -> tuple[Tokens, set[int]]:
        for index, kind in enumerate(self.old.kinds):
            if kind in OPENER:
                self._closer(index, kind)
                continue
            if kind == "eof":
                self._end()
            elif self.stack and (kind == ";" or kind in _STATEMENTS):
                self._statement(index, kind)
            if kind in CLOSER:
                self.stack.append(index)
            self._copy(index)
        return Tokens(self.kinds, self.starts, self.ends, {}), self.broken

    def _copy(self, index: int) -> None:
        if index in self.broken_old:
            self.broken.add(len(self.kinds))
        self.kinds.append(self.old.kinds[index])
        self.starts.append(self.old.starts[index])
        self.ends.append(self.old.ends[index])

    def _statement(self, index: int, kind: str) -> None:
        """A statement's end or beginning inside `(` or `[`: these must have ended before."""
        while self.stack:
            opener = self.old.kinds[self.stack[-1]]
            if opener not in ("(", "[") or (opener == "[" and kind == ";" and self._closed_on_line(index)):
                return
            if kind not in (";", "let", "var") and not self._first_on_line(index):
                return
            self._unclosed(self.stack.pop())

    def _closed_on_line(self, index: int) -> bool:
        """Whether a `]` follows soon, as in `[x; n]`, and no other statement before."""
        following = self.old.kinds[index + 1 : index + LOOK_AHEAD]
        return "]" in following and ";" not in following[: following.index("]")]

    def _closer(self, index: int, kind: str) -> None:
        """Pair it with the opener it belongs to; openers above that one are unclosed."""
        depth = self._partner(index, kind)
        if depth is None:
            span = Span(self.old.starts[index], self.old.ends[index])
            self._tell(span, message=f"this '{kind[-1]}' was never opened", label="closes nothing")
            self.broken.add(max(len(self.kinds) - 1, 0))
            return
        while len(self.stack) > depth + 1:
            self._unclosed(self.stack.pop())
        self.stack.pop()
        self._copy(index)

    def _partner(self, index: int, kind: str) -> int | None:
        """Place on the stack of the opener that this closer closes."""
        opener = OPENER[kind]
        for depth in range(len(self.stack) - 1, -1, -1):
            found = self.old.kinds[self.stack[depth]]
            if found == opener:
                return self._by_indent(index, depth) if kind == "}" else depth
            if found == "f{" or (found == "{" and kind != "f}"):
                return None  # ')' and ']' do not reach out of a block, nothing reaches out of an f-string
        return None

    def _by_indent(self, index: int, depth: int) -> int:
        """A `}` that begins a line belongs to the `{` whose line begins in its column, if there is one."""
        if not self._first_on_line(index):
            return depth
        wanted = self._indent(self._line(index))
        if self._indent(self._line(self.stack[depth])) <= wanted:
            return depth
        for lower in range(depth - 1, -1, -1):
            if self.old.kinds[self.stack[lower]] == "f{":
                break
            if self.old.kinds[self.stack[lower]] == "{" and self._indent(self._line(self.stack[lower])) == wanted:
                return lower
        return depth

    def _end(self) -> None:
        while self.stack:
            self._unclosed(self.stack.pop())

    def _tell(self, span: Span, **texts: Any) -> None:
        self.reported += 1
        if self.reported <= MAX_REPORTED:
            self.report.error(E0011, span, **texts)

    def _unclosed(self, opener: int) -> None:
        """Report an opener that has no closer, and put one in here."""
        kind = self.old.kinds[opener]
        closer = CLOSER[kind]
        if not self._swallowed(opener) and self.reported < MAX_REPORTED:
            line = self._line_to_close_before(opener)
            advice = f"add '{closer[-1]}' before line {line}" if line else None
            self._tell(Span(self.old.starts[opener], self.old.ends[opener]), opener=kind[-1], help=advice)
        at = self.ends[-1]
        self.broken.add(len(self.kinds))
        self.kinds.append(closer)
        self.starts.append(at)
        self.ends.append(at)

    def _swallowed(self, opener: int) -> bool:
        """Whether a string without an end, which has been reported, took the rest of the opener's line."""
        return self.last_broken.get(self._line(opener), -1) > opener

    def _line_to_close_before(self, opener: int) -> int | None:
        """Number of the first line after the opener's that is not indented deeper than it."""
        indent = self._indent(self._line(opener))
        for number in range(self._line(opener) + 1, len(self.source.line_starts) + 1):
            if self.source.line(number).strip() and self._indent(number) <= indent:
                return number
        return None

    def _line(self, index: int) -> int:
        return self.source.position(self.old.starts[index])[0]

    def _indent(self, number: int) -> int:
        """Blanks at the beginning of a line."""
        if number not in self.indents:
            line = self.source.line(number)
            self.indents[number] = len(line) - len(line.lstrip())
        return self.indents[number]

    def _first_on_line(self, index: int) -> bool:
        return index == 0 or self._line(index - 1) != self._line(index)
