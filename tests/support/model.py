"""What values of the language are and how they behave, in Python: the other half of the laws of compiled programs.

Integers, floats, Bools and strings are Python's own; a Vec is a list (shared, as a reference is), a tuple or
record a tuple, a variant of Option or Result a tuple of its name and its payload.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final


class TrapError(Exception):
    """The program traps with this text."""


@dataclass(frozen=True)
class Ty:
    """A type. `kind`: int, float, bool, str, unit, vec, opt, res, tup, rec; `args` are the types inside.

    `end` is a record whose values hold none of it: where one that holds itself is cut off.
    """

    kind: str
    args: tuple[Ty, ...] = ()
    bits: int = 0
    signed: bool = True
    name: str = ""

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.args))
        names = {"float": "Float", "bool": "Bool", "str": "String", "unit": "()", "rec": self.name, "end": self.name}
        forms = {"vec": f"Vec<{inner}>", "opt": f"Option<{inner}>", "res": f"Result<{inner}>", "tup": f"({inner})"}
        if self.kind == "int":
            return "Int" if (self.bits, self.signed) == (64, True) else f"{'i' if self.signed else 'u'}{self.bits}"
        return names.get(self.kind) or forms[self.kind]

    @property
    def low(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.bits - self.signed)) - 1

    def wrap(self, value: int) -> int:
        value &= (1 << self.bits) - 1
        return value - (1 << self.bits) if self.signed and value >> (self.bits - 1) else value

    def clip(self, value: int) -> int:
        return min(max(value, self.low), self.high)


INTS: Final = tuple(Ty("int", (), bits, signed) for bits in (8, 16, 32, 64) for signed in (True, False))
INT: Final = Ty("int", (), 64, True)
FLOAT: Final = Ty("float")
BOOL: Final = Ty("bool")
STR: Final = Ty("str")
UNIT: Final = Ty("unit")


def option(item: Ty) -> Ty:
    return Ty("opt", (item,))


def ordered(ty: Ty) -> bool:
    return ty.kind not in ("rec", "unit") and all(map(ordered, ty.args))


# ---- numbers


def divide(ty: Ty, left: int, right: int) -> int:
    if right == 0:
        raise TrapError("division by zero")
    quotient = abs(left) // abs(right)
    return ty.wrap(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(ty: Ty, left: int, right: int) -> int:
    if right == 0:
        raise TrapError("division by zero")
    return int(math.fmod(left, right)) if abs(left) < 1 << 50 and abs(right) < 1 << 50 else _remainder(left, right)


def _remainder(left: int, right: int) -> int:
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def floor_divide(ty: Ty, left: int, right: int) -> int:
    if right == 0:
        raise TrapError("division by zero")
    return ty.wrap(left // right)


def floor_modulo(ty: Ty, left: int, right: int) -> int:
    if right == 0:
        raise TrapError("division by zero")
    return left % right


def shift_left(ty: Ty, left: int, right: int) -> int:
    if not 0 <= right < ty.bits:
        raise TrapError("shift count out of range")
    return ty.wrap(left << right)


def shift_right(ty: Ty, left: int, right: int) -> int:
    if not 0 <= right < ty.bits:
        raise TrapError("shift count out of range")
    return left >> right


INT_OPERATORS: Final[dict[str, Callable[[Ty, int, int], int]]] = {
    "+": lambda ty, a, b: ty.wrap(a + b),
    "-": lambda ty, a, b: ty.wrap(a - b),
    "*": lambda ty, a, b: ty.wrap(a * b),
    "+%": lambda ty, a, b: ty.wrap(a + b),
    "-%": lambda ty, a, b: ty.wrap(a - b),
    "*%": lambda ty, a, b: ty.wrap(a * b),
    "&": lambda ty, a, b: a & b,
    "|": lambda ty, a, b: a | b,
    "^": lambda ty, a, b: a ^ b,
    "/": divide,
    "%": remainder,
    "<<": shift_left,
    ">>": shift_right,
}

BINARY_METHODS: Final[dict[str, Callable[[Ty, int, int], int]]] = {
    "min": lambda ty, a, b: min(a, b),
    "max": lambda ty, a, b: max(a, b),
    "wrapping_add": lambda ty, a, b: ty.wrap(a + b),
    "wrapping_sub": lambda ty, a, b: ty.wrap(a - b),
    "wrapping_mul": lambda ty, a, b: ty.wrap(a * b),
    "saturating_add": lambda ty, a, b: ty.clip(a + b),
    "saturating_sub": lambda ty, a, b: ty.clip(a - b),
    "saturating_mul": lambda ty, a, b: ty.clip(a * b),
    "div_floor": floor_divide,
    "mod_floor": floor_modulo,
}

CHECKED: Final[dict[str, Callable[[int, int], int]]] = {
    "checked_add": lambda a, b: a + b,
    "checked_sub": lambda a, b: a - b,
    "checked_mul": lambda a, b: a * b,
}


def in_range(ty: Ty, value: int) -> tuple[Any, ...]:
    return ("Some", value) if ty.low <= value <= ty.high else ("None",)


def checked_div(ty: Ty, left: int, right: int) -> tuple[Any, ...]:
    if right == 0 or (left == ty.low and right == -1 and ty.signed):
        return ("None",)
    return ("Some", divide(ty, left, right))


def bits_of(ty: Ty, value: int) -> int:
    return value & ((1 << ty.bits) - 1)


UNARY_METHODS: Final[dict[str, Callable[[Ty, int], int]]] = {
    "count_ones": lambda ty, a: bits_of(ty, a).bit_count(),
    "leading_zeros": lambda ty, a: ty.bits - bits_of(ty, a).bit_length(),
    "trailing_zeros": lambda ty, a: (
        ty.bits if a == 0 else (bits_of(ty, a) & -bits_of(ty, a)).bit_length() - 1
    ),
}  # fmt: skip


def rotate_left(ty: Ty, value: int, count: int) -> int:
    count %= ty.bits
    raw = bits_of(ty, value)
    return ty.wrap(raw << count | raw >> (ty.bits - count))


def float_to_int(ty: Ty, value: float) -> int:
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return ty.high if value > 0 else ty.low
    return ty.clip(int(value))


def float_divide(left: float, right: float) -> float:
    if right == 0:
        if left == 0 or math.isnan(left):
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)
    return left / right


def float_modulo(left: float, right: float) -> float:
    if math.isnan(left) or math.isnan(right) or math.isinf(left) or right == 0:
        return math.nan
    return math.fmod(left, right)


# ---- comparing and showing


def equal(ty: Ty, left: Any, right: Any) -> bool:
    match ty.kind:
        case "vec":
            return len(left) == len(right) and all(equal(ty.args[0], a, b) for a, b in zip(left, right, strict=True))
        case "opt" | "res":
            return left[0] == right[0] and all(
                equal(payload_type(ty, left[0]), a, b) for a, b in zip(left[1:], right[1:], strict=True)
            )
        case "tup" | "rec":
            return all(equal(one, a, b) for one, a, b in zip(ty.args, left, right, strict=True))
        case _:
            return bool(left == right)


def payload_type(ty: Ty, variant: str) -> Ty:
    return ty.args[1] if variant == "Err" else ty.args[0]


def show(ty: Ty, value: Any, *, inside: bool = False) -> str:
    match ty.kind:
        case "str":
            return quoted(value) if inside else str(value)
        case "bool":
            return "true" if value else "false"
        case "float":
            return show_float(value)
        case "unit":
            return "()"
        case "vec":
            return "[" + ", ".join(show(ty.args[0], one, inside=True) for one in value) + "]"
        case "opt" | "res":
            if len(value) == 1:
                return str(value[0])
            return f"{value[0]}({show(payload_type(ty, value[0]), value[1], inside=True)})"
        case "tup":
            return "(" + ", ".join(show(one, part, inside=True) for one, part in zip(ty.args, value, strict=True)) + ")"
        case "rec":
            return show_record(ty, value)
        case _:
            return str(value)


def show_record(ty: Ty, value: Any) -> str:
    if not ty.args:
        return f"{ty.name} {{}}"
    fields = [f"f{i}: {show(one, part, inside=True)}" for i, (one, part) in enumerate(zip(ty.args, value, strict=True))]
    return f"{ty.name} {{ {', '.join(fields)} }}"


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def show_float(value: float) -> str:
    text = repr(value)
    return text.removesuffix(".0")


def deep_copy(ty: Ty, value: Any) -> Any:
    match ty.kind:
        case "vec":
            return [deep_copy(ty.args[0], one) for one in value]
        case "opt" | "res":
            return (value[0], *(deep_copy(payload_type(ty, value[0]), one) for one in value[1:]))
        case "tup" | "rec":
            return tuple(deep_copy(one, part) for one, part in zip(ty.args, value, strict=True))
        case _:
            return value
