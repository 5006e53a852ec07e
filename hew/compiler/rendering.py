"""Diagnostics as text for people, with the source line and carets, and as JSON for programs.

Loaded only when there is something to show.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Final

from hew.compiler.diagnostics import LEAD_COLUMNS, MAX_COLUMNS, TAB, Diagnostic
from hew.compiler.source import Source, Span

RED: Final = "\x1b[1;31m"
YELLOW: Final = "\x1b[1;33m"
BLUE: Final = "\x1b[1;34m"
BOLD: Final = "\x1b[1m"
RESET: Final = "\x1b[0m"
CUT: Final = "..."
# These end a line or turn its direction.
_TURNING: Final = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def render_text(source: Source, diagnostics: list[Diagnostic], *, colour: bool) -> str:
    """All frames, one after the other."""
    paint = _paint if colour else _plain
    return "".join(_frame(source, diagnostic, paint) for diagnostic in diagnostics)


def render_json(source: Source, diagnostics: list[Diagnostic]) -> str:
    """One object per line; second places are among the notes."""
    return "".join(json.dumps(_object(source, d), ensure_ascii=False) + "\n" for d in diagnostics)


def _object(source: Source, diagnostic: Diagnostic) -> dict[str, object]:
    line, column = source.position(diagnostic.span.start)
    end_line, end_column = source.position(diagnostic.span.end)
    seconds = []
    for span, label in diagnostic.secondary:
        second_line, second_column = source.position(span.start)
        seconds.append(f"{source.name}:{second_line}:{second_column}: {label}")
    return {
        "code": diagnostic.code.text,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "notes": [*seconds, *diagnostic.notes],
        "help": diagnostic.help,
    }


class _Paint:
    """Puts colour around text."""

    def __init__(self, on: bool) -> None:
        self.on = on

    def __call__(self, colour: str, text: str) -> str:
        return f"{colour}{text}{RESET}" if self.on and text else text


_paint = _Paint(True)
_plain = _Paint(False)


def _frame(source: Source, diagnostic: Diagnostic, paint: _Paint) -> str:
    """Head, place, source lines with their carets, notes and help."""
    line, column = source.position(diagnostic.span.start)
    numbers = [line, *(source.position(span.start)[0] for span, _ in diagnostic.secondary)]
    width = len(str(max(numbers)))
    margin = " " * (width + 2)
    bar = paint(BLUE, "|")
    strong = YELLOW if diagnostic.code.is_warning else RED
    out = [
        paint(strong, f"{diagnostic.severity}[{diagnostic.code.text}]") + paint(BOLD, f": {diagnostic.message}"),
        f"{margin[1:]}{paint(BLUE, '-->')} {source.name}:{line}:{column}",
        f"{margin}{bar}",
    ]
    places = [(diagnostic.span, diagnostic.label, "^", strong)]
    places += [(span, label, "-", BLUE) for span, label in diagnostic.secondary]
    for number, (span, label, mark, tint) in zip(numbers, places, strict=True):
        text, before, length = _line_and_marks(source, number, span)
        out.append(f"{paint(BLUE, f' {number:>{width}} ')}{bar} {text}".rstrip())
        marks = mark * length + (f" {label}" if label else "")
        out.append(f"{margin}{bar} {' ' * before}{paint(tint, marks)}")
    out += [f"{margin}{paint(BLUE, '=')} {paint(BOLD, 'note')}: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        out.append(f"{margin}{paint(BLUE, '=')} {paint(BOLD, 'help')}: {diagnostic.help}")
    return "\n".join(out) + "\n"


def _line_and_marks(source: Source, number: int, span: Span) -> tuple[str, int, int]:
    """The line as printed, the columns before its marks, and how many marks; cut when it is too wide."""
    text = source.line(number)
    line_start = source.line_starts[number - 1]
    start = span.start - line_start
    end = max(min(span.end - line_start, len(text)), start)
    text, start, end = _cut(text, start, end)
    cells = [_printed(character) for character in text]
    before = sum(map(_columns, cells[:start])) + max(start - len(text), 0)
    return "".join(cells), before, max(sum(map(_columns, cells[start:end])), 1)


def _cut(text: str, start: int, end: int) -> tuple[str, int, int]:
    """A window of a line wider than MAX_COLUMNS that shows the beginning of the span, and the span within it."""
    if len(text) <= MAX_COLUMNS * 2 and sum(map(_width, text)) <= MAX_COLUMNS:
        return text, start, end
    first, room = start, LEAD_COLUMNS
    while first > 0 and (first > len(text) or _width(text[first - 1]) <= room):
        first -= 1
        room -= _width(text[first]) if first < len(text) else 0
    if first <= len(CUT):
        first = 0
    room = MAX_COLUMNS - (len(CUT) if first else 0)
    last, needed = first, 0
    while last < len(text) and needed + _width(text[last]) <= room:
        needed += _width(text[last])
        last += 1
    if last < len(text):
        while needed > room - len(CUT):
            last -= 1
            needed -= _width(text[last])
    head = CUT if first else ""
    tail = CUT if last < len(text) else ""
    shift = len(head) - first
    return head + text[first:last] + tail, start + shift, min(end, max(last, start + 1)) + shift


def _width(character: str) -> int:
    return 1 if " " <= character < "\x7f" else _columns(_printed(character))


def _printed(character: str) -> str:
    """A tab as blanks; what would disturb a terminal as a replacement mark."""
    if character == "\t":
        return TAB
    if character < " " or "\x7f" <= character < "\xa0" or character in _TURNING:
        return "\ufffd"
    return character


def _columns(cell: str) -> int:
    """Columns that a terminal gives to one printed character (or to the blanks of a tab)."""
    if cell.isascii():
        return len(cell)
    if unicodedata.combining(cell) or unicodedata.category(cell) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in ("W", "F") else 1
