"""Numbers and escapes."""

from __future__ import annotations

import math
import random
import struct
from fractions import Fraction

import pytest

from hew.compiler import ast
from hew.compiler.check.constants import rounded
from hew.compiler.literals import decimal_value
from hew.compiler.types import F32, F64
from tests.support.tree import codes, parsed, shape


def literal(text: str) -> object:
    tree, report = parsed(f"const X: T = {text};")
    assert not report.has_errors, report.render()
    item = tree.items[0]
    assert isinstance(item, ast.ConstDecl)
    return shape(item.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1_000_000", ("IntLit", 1_000_000, None)),
        ("0xFFu32", ("IntLit", 255, "u32")),
        ("0o755", ("IntLit", 0o755, None)),
        ("0b1010i8", ("IntLit", 10, "i8")),
        ("18446744073709551615", ("IntLit", 2**64 - 1, None)),
        ("1_000.5", ("FloatLit", 1000.5, None)),
        ("1e9", ("FloatLit", 1e9, None)),
        ("1.5f32", ("FloatLit", 1.5, "f32")),
        ("2f64", ("FloatLit", 2.0, "f64")),
        ("2h", ("DurationLit", 7_200_000_000_000)),
        ("250ms", ("DurationLit", 250_000_000)),
        (r'"a\n\x41\u{1F600}\""', ("StringLit", 'a\nA😀"')),
        ('r#"a\\n"b"#', ("StringLit", 'a\\n"b')),
        (r"'\''", ("CharLit", 39)),
        ("'😀'", ("CharLit", 0x1F600)),
        (r'b"a\xff\0"', ("BytesLit", b"a\xff\0")),
        ('f"{{{a}}}\\t"', ("FString", (("FText", "{"), ("FValue", ("Name", "a", None)), ("FText", "}\t")))),
        ("true", ("BoolLit", True)),
        ("()", ("UnitLit",)),
    ],
)
def test_what_a_literal_means(text: str, expected: object) -> None:
    assert literal(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18446744073709551616", "E0004@1:14"),
        ("9" * 5000, "E0004@1:14"),
        ("1_", "E0004@1:14"),
        ("1__0", "E0004@1:14"),
        ("1abc", "E0004@1:14"),
        ("0xZ", "E0004@1:14"),
        ("1e", "E0004@1:14"),
        ("1.5s", "E0004@1:14"),
        ("1.5u8", "E0004@1:14"),
        ("9999999999h", "E0004@1:14"),
        ("1.", "E0004@1:14"),
        (".5", "E0004@1:14"),
        (r'"ab\q"', "E0003@1:17"),
        (r'"\x80"', "E0003@1:15"),
        (r'"\u{110000}"', "E0003@1:15"),
        (r'"\u{D800}"', "E0003@1:15"),
        (r'f"é {a} \q"', "E0003@1:22"),
        (r"'\u{}'", "E0003@1:15"),
        ('b"é"', "E0003@1:16"),
    ],
)
def test_a_malformed_literal_is_reported_at_its_place(text: str, expected: str) -> None:
    assert codes(f"const X: T = {text};") == [expected]


def as_f32(bits: int) -> float:
    """Beyond the greatest, what would follow it."""
    if bits >= 0x7F800000:
        return 2.0**128
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def nearest_f32(exact: Fraction) -> float:
    """By comparing with all f32 that may be meant: halves of the range, then both neighbours."""
    low, high = 0, 0x7F800000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if Fraction(as_f32(middle)) <= exact else (low, middle)
    below, above = exact - Fraction(as_f32(low)), Fraction(as_f32(high)) - exact
    chosen = low if below < above or (below == above and low % 2 == 0) else high
    return math.inf if chosen == 0x7F800000 else as_f32(chosen)


@pytest.mark.parametrize("seed", range(4))
def test_a_decimal_becomes_the_nearest_f32_and_the_nearest_double(seed: int) -> None:
    """Most of them beside the middle of two f32, by less than a double can tell."""
    chance = random.Random(seed)
    for _ in range(400):
        low = chance.choice([chance.randrange(0x7F800000), chance.randrange(1 << 24), 0x7F7FFFFF, 0])
        exact = (Fraction(as_f32(low)) + Fraction(as_f32(low + 1))) / 2
        exact *= 1 + chance.choice([0, 0, 1, -1]) * Fraction(1, 10 ** chance.choice([9, 18, 30, 60]))
        scale = 10 ** chance.choice([230, 60, 12])
        digits = f"{int(exact * scale)}e-{len(str(scale)) - 1}"
        value = decimal_value(digits)
        written = Fraction(int(exact * scale), scale)
        assert rounded(F32, value) == nearest_f32(written), digits
        assert rounded(F32, -value) == -nearest_f32(written), digits
        assert rounded(F64, value) == float(digits), digits
        assert type(rounded(F64, value)) is float
