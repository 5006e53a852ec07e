"""What a literal means: numbers with their suffixes, escapes in strings. Each function reports what is wrong with the
literal at its place (E0003, E0004) and gives some value all the same."""

from __future__ import annotations

import math
import re
from typing import Final

from hew.compiler.ast import CharLit, DurationLit, FloatLit, IntLit
from hew.compiler.codes import E0003, E0004
from hew.compiler.diagnostics import Report
from hew.compiler.source import Span

MAX_INT: Final = 2**64 - 1
MAX_NS: Final = 2**63 - 1
MAX_F32: Final = (2.0 - 2.0**-23) * 2.0**127
BEYOND_F32: Final = 2.0**128
NS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DIGITS: Final = "[0-9]+(?:_[0-9]+)*"
_DECIMAL: Final = re.compile(
    rf"({_DIGITS})(\.{_DIGITS})?([eE][+-]?{_DIGITS})?"
    r"(i8|i16|i32|i64|u8|u16|u32|u64|f32|f64|ns|us|ms|s|m|h)?"
)
_PREFIXED: Final = re.compile(
    r"0(?:[xX]([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|[oO]([0-7]+(?:_[0-7]+)*)|[bB]([01]+(?:_[01]+)*))"
    r"(i8|i16|i32|i64|u8|u16|u32|u64)?"
)
_ESCAPE: Final = re.compile(r"\\(?:u\{([^}\"\n]*)\}|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SIMPLE: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "'": "'"}
_HEX: Final = re.compile("[0-9a-fA-F]{1,6}")
_BASES: Final = {"x": "hexadecimal", "o": "octal", "b": "binary"}
_MAX_DIGITS: Final = 4000  # int() refuses more, and no number needs them


def number(text: str, span: Span, report: Report) -> IntLit | FloatLit | DurationLit:
    """The literal written as `text`."""
    if text.isdecimal() and len(text) < 19:
        return IntLit(span, int(text), None)
    prefixed = _PREFIXED.fullmatch(text)
    if prefixed:
        base = 16 if prefixed[1] else 8 if prefixed[2] else 2
        return _integer(text, (prefixed[1] or prefixed[2] or prefixed[3]), base, prefixed[4], span, report)
    decimal = _DECIMAL.fullmatch(text)
    if decimal is None:
        _bad_number(text, _why(text), span, report)
        return IntLit(span, 0, None)
    whole, fraction, exponent, suffix = decimal.groups()
    is_float = bool(fraction or exponent)
    if suffix in NS:
        if is_float:
            _bad_number(text, "a duration is a whole number", span, report, "use a smaller unit, such as ms for s")
            return DurationLit(span, 0)
        return _duration(text, whole, suffix, span, report)
    if is_float or suffix in ("f32", "f64"):
        if suffix and suffix[0] != "f":
            _bad_number(text, f"'{suffix}' is a suffix of integers", span, report)
            suffix = None
        return FloatLit(span, decimal_value(f"{whole}{fraction or ''}{exponent or ''}".replace("_", "")), suffix)
    return _integer(text, whole, 10, suffix, span, report)


class BetweenSingles(float):
    """The double nearest to a decimal, in the middle of two f32, of which `single` is the nearest to the decimal."""

    __slots__ = ("single",)
    single: float

    def __new__(cls, value: float, single: float) -> BetweenSingles:
        made = super().__new__(cls, value)
        made.single = single
        return made

    def __neg__(self) -> BetweenSingles:
        return BetweenSingles(-float(self), -self.single)


def decimal_value(digits: str) -> float:
    """The double nearest to a decimal without a sign; it knows the nearest f32 where that is not the double's own."""
    value = float(digits)
    if value >= BEYOND_F32:
        return value
    spacing = 2.0 ** (max(math.frexp(value)[1], -125) - 24)
    low = math.floor(value / spacing) * spacing
    if value - low != spacing / 2:
        return value
    from decimal import Decimal

    exact, middle = Decimal(digits), Decimal(value)
    if exact == middle:
        return value
    above = low + spacing if low < MAX_F32 else math.inf
    return BetweenSingles(value, low if exact < middle else above)


def _integer(text: str, digits: str, base: int, suffix: str | None, span: Span, report: Report) -> IntLit:
    value = int(digits.replace("_", ""), base) if len(digits) <= _MAX_DIGITS else MAX_INT + 1
    if value > MAX_INT:
        _bad_number(text, "it does not fit 64 bits", span, report)
        value = 0
    return IntLit(span, value, suffix)


def _duration(text: str, digits: str, unit: str, span: Span, report: Report) -> DurationLit:
    value = int(digits.replace("_", "")) * NS[unit] if len(digits) <= _MAX_DIGITS else MAX_NS + 1
    if value > MAX_NS:
        _bad_number(text, "a duration holds at most 2562047 hours", span, report)
        value = 0
    return DurationLit(span, value)


def _bad_number(text: str, why: str, span: Span, report: Report, advice: str | None = None) -> None:
    shown = text if len(text) <= 40 else text[:37] + "..."
    report.error(E0004, span, text=shown, why=why, help=advice)


def _why(text: str) -> str:
    """What is wrong with a number that has no known form."""
    kind = text[1:2].lower()
    if text[0] == "0" and kind in _BASES:
        return f"it is no {_BASES[kind]} integer with a known suffix"
    if re.search(r"_(?![0-9])|__", text):
        return "'_' may stand only between digits"
    if re.fullmatch(rf"{_DIGITS}(?:\.{_DIGITS})?[eE][+-]?", text):
        return "the exponent has no digits"
    suffix = re.sub(rf"^{_DIGITS}(?:\.{_DIGITS})?(?:[eE][+-]?{_DIGITS})?", "", text)
    return f"unknown suffix '{suffix[:20]}'"


def string(text: str, start: int, report: Report, *, is_bytes: bool = False, doubled: bool = False) -> str:
    """`text`, found at `start`, with its escapes done; for an f-string (`doubled`) also `{{` and `}}`."""
    if "\\" not in text:
        return text.replace("{{", "{").replace("}}", "}") if doubled else text
    parts: list[str] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        parts.append(_undoubled(text[at : found.start()]) if doubled else text[at : found.start()])
        parts.append(_escape(found, start, report, is_bytes))
        at = found.end()
    parts.append(_undoubled(text[at:]) if doubled else text[at:])
    return "".join(parts)


def _undoubled(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def _escape(found: re.Match[str], start: int, report: Report, is_bytes: bool) -> str:
    """The character of one escape."""
    unicode, byte, simple = found.groups()
    span = Span(start + found.start(), start + found.end())
    if simple is not None:
        if simple in _SIMPLE:
            return _SIMPLE[simple]
        shown = repr(found.group())[1:-1].replace("\\\\", "\\")
        report.error(E0003, span, escape=shown)
        return simple
    if byte is not None:
        if int(byte, 16) > 0x7F and not is_bytes:
            _out_of_range(found.group(), span, r"\x goes up to \x7F in text; write \u{...}", report)
            return "?"
        return chr(int(byte, 16))
    value = int(unicode, 16) if _HEX.fullmatch(unicode) else -1
    if value < 0 or value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        _out_of_range(found.group()[:20], span, r"\u{...} holds 1 to 6 hexadecimal digits of a Unicode scalar", report)
        return "?"
    if is_bytes and value > 0x7F:
        _out_of_range(found.group(), span, r"bytes are written \xHH", report)
        return "?"
    return chr(value)


def _out_of_range(escape: str, span: Span, advice: str, report: Report) -> None:
    report.error(E0003, span, escape=escape, label="out of range", help=advice)


def character(text: str, span: Span, report: Report) -> CharLit:
    """The literal written as `text`, quotes and all; a broken one gives its first character."""
    inside = text[1:-1] if len(text) > 2 else "?"
    value = string(inside, span.start + 1, report)
    return CharLit(span, ord(value[0]))


def byte_string(text: str, span: Span, report: Report) -> bytes:
    """The value of `b"..."`: ASCII and escapes."""
    value = string(text[2:-1], span.start + 2, report, is_bytes=True)
    for offset, letter in enumerate(text):
        if letter > "\x7f":
            place = Span(span.start + offset, span.start + offset + 1)
            report.error(E0003, place, escape=letter, label="not ASCII", help=r"bytes are ASCII and escapes: \xHH")
            return b""
    return value.encode("latin-1", errors="replace")
