"""Numbers: every operator against Python's integers, at the edges of every type; run through ctypes, without a core."""

import ctypes
import itertools
import re
from collections.abc import Callable

import pytest

from hew.compiler import loader, native
from hew.compiler.types import IntType
from tests.unit.compiler.codegen.conftest import Run, ir_of

TYPES = [IntType(bits, signed) for bits in (8, 16, 32, 64) for signed in (True, False)]
C_TYPES = {
    (8, True): ctypes.c_int8, (16, True): ctypes.c_int16, (32, True): ctypes.c_int32,
    (64, True): ctypes.c_int64, (8, False): ctypes.c_uint8, (16, False): ctypes.c_uint16,
    (32, False): ctypes.c_uint32, (64, False): ctypes.c_uint64,
}  # fmt: skip


def wrap(value: int, kind: IntType) -> int:
    value &= (1 << kind.bits) - 1
    return value - (1 << kind.bits) if kind.signed and value >> (kind.bits - 1) else value


def divided(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


EXPECTED: dict[str, Callable[[int, int, IntType], int]] = {
    "l + r": lambda a, b, k: a + b,
    "l - r": lambda a, b, k: a - b,
    "l * r": lambda a, b, k: a * b,
    "l / r": lambda a, b, k: divided(a, b),
    "l % r": lambda a, b, k: a - b * divided(a, b),
    "l & r": lambda a, b, k: a & b,
    "l | r": lambda a, b, k: a | b,
    "l ^ r": lambda a, b, k: a ^ b,
    "-l": lambda a, b, k: -a,
    "~l": lambda a, b, k: ~a,
    "l.min(r)": lambda a, b, k: min(a, b),
    "l.max(r)": lambda a, b, k: max(a, b),
    "l.abs()": lambda a, b, k: abs(a),
    "l.sign()": lambda a, b, k: (a > 0) - (a < 0),
    "l.div_floor(r)": lambda a, b, k: a // b,
    "l.mod_floor(r)": lambda a, b, k: a % b,
    "l.saturating_add(r)": lambda a, b, k: max(k.minimum, min(k.maximum, a + b)),
    "l.saturating_sub(r)": lambda a, b, k: max(k.minimum, min(k.maximum, a - b)),
    "l.saturating_mul(r)": lambda a, b, k: max(k.minimum, min(k.maximum, a * b)),
    "l.pow(5)": lambda a, b, k: a**5,
}


def edges(kind: IntType) -> list[int]:
    low = [kind.minimum, kind.minimum + 1, -7, -2, -1, 0]
    wanted = [*low, 1, 2, 3, 100, kind.maximum // 2, kind.maximum - 1, kind.maximum]
    return sorted({value for value in wanted if kind.holds(value)})


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_operators_agree_with_whole_numbers_cut_to_the_type(kind: IntType) -> None:
    functions = "".join(f"fn f{n}(l: {kind}, r: {kind}) -> {kind} {{ {text} }}\n" for n, text in enumerate(EXPECTED))
    calls = "".join(f"f{n}(1, 1);" for n in range(len(EXPECTED)))
    text = ir_of(functions + "fn main() { " + calls + " }")
    text = re.sub(r'define internal (i\d+) @"f\.f(\d+)"', r"define \1 @f\2", text)
    text = re.sub(r'@"f\.f(\d+)"', r"@f\1", text)
    outside = dict.fromkeys(re.findall(r"declare .*@(hew_\w+)\(", text), 1) | {"hew_self": 0x1000}
    code = native.compile_ir(text)
    for number, (shown, expected) in enumerate(EXPECTED.items()):
        address = loader.link(code, outside, [], entry=f"f{number}").entry
        c_type = C_TYPES[kind.bits, kind.signed]
        function = ctypes.CFUNCTYPE(c_type, c_type, c_type)(address)
        for left, right in itertools.product(edges(kind), edges(kind)):
            if right == 0 and ("/" in shown or "%" in shown or "floor" in shown):
                continue
            assert function(left, right) == wrap(expected(left, right, kind), kind), (shown, left, right)


@pytest.mark.parametrize(
    "expression",
    ["l + 1", "-l - 2", "l * 2", "l.pow(2)", "(-l - 1).abs()", "(-l - 1) / (l - l - 1)", "[l, l].sum()"],
)
def test_overflow_traps_in_a_checked_program_only(run: Run, expression: str) -> None:
    source = f"fn f(l: Int) -> Int {{ {expression} }}\nfn main() {{ f(9223372036854775807); println(1); }}"
    assert run(source).out == "1\n"
    ended = run(source, checked=True)
    assert ended.code == 1
    assert "integer overflow" in ended.err


def test_wrapping_operators_wrap_in_a_checked_program_too(run: Run) -> None:
    source = "fn f(l: i8) -> i8 { (l +% 1) -% 2 *% l }\nfn main() { println(f(127)); }"
    assert run(source, checked=True).out == f"{wrap(-128 - 254, IntType(8, signed=True))}\n"


def test_casts_follow_the_table(run: Run) -> None:
    source = """
    fn float(f: Float) { println(f"{f as Int} {f as u8} {f as i8} {f as u64}"); }
    fn main() {
        float(0.0 / 0.0); float(1e300); float(-1e300); float(-1.9); float(255.9);
        let n = -1; println(f"{n as u8} {n as u64} {n as Bool} {(n as u32) as Int} {true as Int} {'a' as u8}");
    }
    """
    assert run(source).out.splitlines() == [
        "0 0 0 0",
        "9223372036854775807 255 127 18446744073709551615",
        "-9223372036854775808 0 -128 0",
        "-1 0 -1 0",
        "255 255 127 255",
        "255 18446744073709551615 true 4294967295 1 97",
    ]


def test_try_from_gives_what_fits(run: Run) -> None:
    source = """
    fn show(n: Int) { println(f"{u8::try_from(n)} {i8::try_from(n)} {u64::try_from(n)} {i32::try_from(n)}"); }
    fn wide(n: u64) { println(f"{i64::try_from(n)} {i8::try_from(n)} {u8::try_from(n)}"); }
    fn main() { show(-1); show(200); show(1 << 40); wide(18446744073709551615); wide(128); }
    """
    assert run(source).out.splitlines() == [
        "None Some(-1) None Some(-1)",
        "Some(200) None Some(200) Some(200)",
        "None None Some(1099511627776) None",
        "None None None",
        "Some(128) None Some(128)",
    ]
