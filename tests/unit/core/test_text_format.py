"""Floats as the core prints them are Python's repr without a trailing ".0", and an f32's own shortest digits."""

from __future__ import annotations

import ctypes
import random
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import pytest

from hew.scheduler.corelib import LIBRARY

RANDOM_VALUES: Final = 100_000
POW10_MIN: Final = -292
POW10_MAX: Final = 324


class Pow10(ctypes.Structure):
    """hew_pow10 of rt/pow10.h."""

    _fields_ = (("high", ctypes.c_uint64), ("low", ctypes.c_uint64))


@pytest.fixture(scope="module")
def core() -> ctypes.CDLL:
    library = ctypes.CDLL(str(LIBRARY))
    library.hew_number_f64.restype = library.hew_number_f32.restype = ctypes.c_size_t
    library.hew_number_f64.argtypes = (ctypes.c_char_p, ctypes.c_double)
    library.hew_number_f32.argtypes = (ctypes.c_char_p, ctypes.c_float)
    return library


@pytest.fixture
def seed() -> int:
    return random.SystemRandom().randrange(2**32)


class Printer:
    """One of the two functions with its buffer."""

    def __init__(self, function: ctypes._NamedFuncPointer) -> None:
        self.function = function
        self.buffer = ctypes.create_string_buffer(64)

    def __call__(self, value: float) -> str:
        size = self.function(self.buffer, value)
        return self.buffer.raw[:size].decode()


def expected(value: float) -> str:
    return repr(value).removesuffix(".0")


def doubles(seed: int) -> Iterator[float]:
    chosen = random.Random(seed)
    for _ in range(RANDOM_VALUES):
        yield struct.unpack("<d", chosen.randbytes(8))[0]
        yield chosen.uniform(-1e6, 1e6)
        yield chosen.randrange(2**53) / 4  # halfway between two shortest texts, now and then
    for exponent in range(-1074, 1024):
        yield 2.0**exponent  # the neighbour below is nearer than the one above
    for exponent in range(-323, 309):
        yield float(f"1e{exponent}")
    yield from (i * 5e-324 for i in range(1, 2000))
    yield from (0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e16, 9999999999999998.0, 1e-4, 9.9e-5)


def test_doubles_print_as_python_prints_them(core: ctypes.CDLL, seed: int) -> None:
    printed = Printer(core.hew_number_f64)
    wrong = [value for value in doubles(seed) if printed(value) != expected(value)]
    assert not wrong, f"seed {seed}: {[(value, printed(value)) for value in wrong[:10]]}"


def as_f32(value: float) -> float:
    unpacked: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return unpacked


def shortest_f32(value: float) -> float:
    """The decimal of fewest digits that reads back as the f32, of these the nearest, of two as near the even one."""
    enough = next(n for n in range(1, 10) if reads_back(Fraction(f"{value:.{n - 1}e}"), value))
    for digits in range(max(enough - 1, 1), 10):  # a neighbour may do with one digit less
        mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
        middle, power = int(mantissa.replace(".", "")), Fraction(10) ** (int(exponent) - digits + 1)
        near = [n for n in (middle - 1, middle, middle + 1) if reads_back(n * power, abs(value))]
        if near:
            best = min(near, key=lambda n: (abs(n * power - Fraction(abs(value))), n % 2))
            return float(best * power) * (-1 if value < 0 else 1)
    raise AssertionError(value)


def reads_back(decimal: Fraction, value: float) -> bool:
    try:
        return as_f32(float(decimal)) == value
    except OverflowError:
        return False


def floats(seed: int) -> Iterator[float]:
    chosen = random.Random(seed)
    bits = [chosen.getrandbits(32) for _ in range(RANDOM_VALUES)] + [e << 23 for e in range(255)] + list(range(1, 500))
    for pattern in bits:
        value: float = struct.unpack("<f", struct.pack("<I", pattern))[0]
        if value == value and value not in (0.0, float("inf"), float("-inf")):
            yield value


def test_f32_print_their_own_shortest_digits(core: ctypes.CDLL, seed: int) -> None:
    printed = Printer(core.hew_number_f32)
    wrong = [value for value in floats(seed) if printed(value) != expected(shortest_f32(value))]
    assert not wrong, f"seed {seed}: {[(value, printed(value)) for value in wrong[:10]]}"


def test_the_powers_of_ten_are_exact_and_rounded_up(core: ctypes.CDLL) -> None:
    table = (Pow10 * (POW10_MAX - POW10_MIN + 1)).in_dll(core, "hew_pow10_table")
    for k, entry in enumerate(table, start=POW10_MIN):
        shift = 127 - (k * 1741647 >> 19)  # the highest bit comes to bit 127
        exact = Fraction(10) ** k * Fraction(2) ** shift
        value = entry.high << 64 | entry.low
        assert value - 1 < exact <= value
        assert value >> 127 == 1
