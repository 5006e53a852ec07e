"""Signatures of everything a program gets for free: functions, methods and constants of built-in types.

`check` looks names up here; code generation knows each operation by its `op`, which is the `op` of a
`checked.BuiltinCall`. Operations without an entry in `OPERATIONS_IN_TREE` reach code generation;
the others are turned into other nodes by `check` (see the comment of each table).
"""

from __future__ import annotations

from typing import Final

from hew.compiler.types import BOOL, INT, STRING, UNIT, EnumType, Frozen, IntType, Type, VecType, option_of


class Placeholder(Type):
    """Stands in a signature for a type argument of the receiver (0, 1), or for the receiver itself (-1)."""

    index: int

    def __str__(self) -> str:
        return {-1: "Self", 0: "T", 1: "E"}[self.index]


SELF: Final = Placeholder(-1)
T: Final = Placeholder(0)
E: Final = Placeholder(1)


class Signature(Frozen):
    """A method or function: the operation it is, its parameters without the receiver, its result.

    `needs` is what the type argument must have: "eq", "number", "string" or nothing.
    """

    op: str
    params: tuple[tuple[str, Type], ...]
    result: Type
    needs: str = ""


def substitute(type_: Type, receiver: Type, args: tuple[Type, ...]) -> Type:
    """A type of a signature with its placeholders filled in."""
    match type_:
        case Placeholder(index):
            return receiver if index < 0 else args[index]
        case VecType(item):
            return VecType(substitute(item, receiver, args))
        case EnumType(name, items) if items:
            return EnumType(name, tuple(substitute(item, receiver, args) for item in items))
        case _:
            return type_


# `char_at(i)` becomes an Index.
STRING_METHODS: Final[dict[str, Signature]] = {
    "len": Signature("string.len", (), INT),
    "is_empty": Signature("string.is_empty", (), BOOL),
    "char_at": Signature("string.char_at", (("i", INT),), INT),
    "slice": Signature("string.slice", (("a", INT), ("b", INT)), STRING),
    "contains": Signature("string.contains", (("t", STRING),), BOOL),
    "find": Signature("string.find", (("t", STRING),), INT),
    "split": Signature("string.split", (("sep", STRING),), VecType(STRING)),
    "trim": Signature("string.trim", (), STRING),
    "parse_int": Signature("string.parse_int", (), option_of(INT)),
}

# `get(i)` becomes an Index, `set(i, x)` an Assign to an ElementPlace.
VEC_METHODS: Final[dict[str, Signature]] = {
    "push": Signature("vec.push", (("x", T),), UNIT),
    "pop": Signature("vec.pop", (), T),
    "get": Signature("vec.get", (("i", INT),), T),
    "set": Signature("vec.set", (("i", INT), ("x", T)), UNIT),
    "len": Signature("vec.len", (), INT),
    "is_empty": Signature("vec.is_empty", (), BOOL),
    "clear": Signature("vec.clear", (), UNIT),
    "slice": Signature("vec.slice", (("a", INT), ("b", INT)), SELF),
    "sum": Signature("vec.sum", (), T, "number"),
    "contains": Signature("vec.contains", (("x", T),), BOOL, "eq"),
    "join": Signature("vec.join", (("sep", STRING),), STRING, "string"),
}

# `Vec::name(..)`
VEC_FUNCTIONS: Final[dict[str, Signature]] = {
    "new": Signature("vec.new", (), SELF),
    "with_capacity": Signature("vec.with_capacity", (("n", INT),), SELF),
    "filled": Signature("vec.filled", (("n", INT), ("x", T)), SELF),
}

OPTION_METHODS: Final[dict[str, Signature]] = {
    "is_some": Signature("option.is_some", (), BOOL),
    "is_none": Signature("option.is_none", (), BOOL),
    "unwrap": Signature("option.unwrap", (), T),
    "expect": Signature("option.expect", (("msg", STRING),), T),
    "unwrap_or": Signature("option.unwrap_or", (("d", T),), T),
}

RESULT_METHODS: Final[dict[str, Signature]] = {
    "is_ok": Signature("result.is_ok", (), BOOL),
    "is_err": Signature("result.is_err", (), BOOL),
    "unwrap": Signature("result.unwrap", (), T),
    "expect": Signature("result.expect", (("msg", STRING),), T),
    "unwrap_or": Signature("result.unwrap_or", (("d", T),), T),
}

HANDLE_METHODS: Final[dict[str, Signature]] = {
    "id": Signature("handle.id", (), INT),
    "is_alive": Signature("handle.is_alive", (), BOOL),
    "mailbox_len": Signature("handle.mailbox_len", (), INT),
}

# type_args of all of these is (the receiver's type,).
# `wrapping_*` become Binary, `to_*` a Cast.
INT_METHODS: Final[dict[str, Signature]] = {
    "abs": Signature("int.abs", (), SELF),
    "sign": Signature("int.sign", (), SELF),
    "pow": Signature("int.pow", (("n", INT),), SELF),
    "min": Signature("int.min", (("x", SELF),), SELF),
    "max": Signature("int.max", (("x", SELF),), SELF),
    "clamp": Signature("int.clamp", (("lo", SELF), ("hi", SELF)), SELF),
    "count_ones": Signature("int.count_ones", (), INT),
    "leading_zeros": Signature("int.leading_zeros", (), INT),
    "trailing_zeros": Signature("int.trailing_zeros", (), INT),
    "rotate_left": Signature("int.rotate_left", (("n", INT),), SELF),
    "rotate_right": Signature("int.rotate_right", (("n", INT),), SELF),
    "div_floor": Signature("int.div_floor", (("x", SELF),), SELF),
    "mod_floor": Signature("int.mod_floor", (("x", SELF),), SELF),
    "wrapping_add": Signature("+%", (("x", SELF),), SELF),
    "wrapping_sub": Signature("-%", (("x", SELF),), SELF),
    "wrapping_mul": Signature("*%", (("x", SELF),), SELF),
    "checked_add": Signature("int.checked_add", (("x", SELF),), EnumType("Option", (SELF,))),
    "checked_sub": Signature("int.checked_sub", (("x", SELF),), EnumType("Option", (SELF,))),
    "checked_mul": Signature("int.checked_mul", (("x", SELF),), EnumType("Option", (SELF,))),
    "checked_div": Signature("int.checked_div", (("x", SELF),), EnumType("Option", (SELF,))),
    "saturating_add": Signature("int.saturating_add", (("x", SELF),), SELF),
    "saturating_sub": Signature("int.saturating_sub", (("x", SELF),), SELF),
    "saturating_mul": Signature("int.saturating_mul", (("x", SELF),), SELF),
}

_FLOAT_UNARY: Final = (
    "abs", "sqrt", "floor", "ceil", "round", "trunc", "sin", "cos", "tan", "asin", "acos", "atan",
    "exp", "ln", "log2", "log10",
)  # fmt: skip

FLOAT_METHODS: Final[dict[str, Signature]] = {
    **{name: Signature(f"float.{name}", (), SELF) for name in _FLOAT_UNARY},
    **{name: Signature(f"float.{name}", (("x", SELF),), SELF) for name in ("pow", "atan2", "min", "max")},
    "clamp": Signature("float.clamp", (("lo", SELF), ("hi", SELF)), SELF),
    "is_nan": Signature("float.is_nan", (), BOOL),
    "is_finite": Signature("float.is_finite", (), BOOL),
}

# Methods that turn a number (or a Char: to_int) into another: the same as `as`.
CONVERSIONS: Final = {
    "to_i8": "i8", "to_i16": "i16", "to_i32": "i32", "to_i64": "i64", "to_u8": "u8", "to_u16": "u16",
    "to_u32": "u32", "to_u64": "u64", "to_f32": "f32", "to_f64": "f64", "to_int": "Int", "to_float": "Float",
}  # fmt: skip

# `type::try_from(x)`: op "int.try_from", type_args (target, source); an Option of the target.
TRY_FROM: Final = "int.try_from"

# Functions with an ordinary signature; the rest of the builtin functions have rules of their own in check.
FUNCTIONS: Final[dict[str, Signature]] = {
    "panic": Signature("panic", (("msg", STRING),), UNIT),
    "todo": Signature("todo", (), UNIT),
    "unreachable": Signature("unreachable", (), UNIT),
    "exit": Signature("exit", (("code", INT),), UNIT),
    "sleep_ms": Signature("sleep_ms", (("n", INT),), UNIT),
    "sleep": Signature("sleep", (("x", INT),), UNIT),
    "args": Signature("args", (), VecType(STRING)),
    "env": Signature("env", (("name", STRING),), option_of(STRING)),
    "cooperate": Signature("cooperate", (), UNIT),
}

NEVER_RETURN: Final = frozenset({"panic", "todo", "unreachable", "exit"})

# print, println, eprint, eprintln: op of the same name; one argument of any printable type, or none (println,
# eprintln).
PRINTS: Final = frozenset({"print", "println", "eprint", "eprintln"})
ASSERTS: Final = frozenset({"assert", "assert_eq", "assert_ne", "debug_assert"})
# Free forms of methods: `abs(x)` is `x.abs()`.
FREE_METHODS: Final = {"to_string": 1, "len": 1, "abs": 1, "min": 2, "max": 2, "sqrt": 1}

OPERATIONS_IN_TREE: Final = frozenset({"string.char_at", "vec.get", "vec.set", "+%", "-%", "*%"})

# Also an operation: "clone" (args: the value, a Vec; type_args: its type), a deep copy.

# Names that the language has but this version does not yet: name -> level.
LATER_FUNCTIONS: Final[dict[str, str]] = {
    "read_line": "L1", "int_to_string": "L1", "string_from_int": "L1", "string_to_int": "L1", "string_concat": "L1",
    "string_length": "L1", "string_equals": "L1", "string_char_at": "L1", "string_contains": "L1",
    "string_starts_with": "L1", "string_find": "L1", "string_trim": "L1", "substring": "L1", "read_file": "L1",
    "write_file": "L1", "stop": "L2", "link": "L2", "unlink": "L2", "monitor": "L2", "demonitor": "L2",
    "supervisor_child": "L2", "supervisor_stop": "L2", "join_all": "L2",
}  # fmt: skip

LATER_METHODS: Final[dict[str, frozenset[str]]] = {
    "String": frozenset(
        "chars char_count bytes starts_with ends_with rfind count replace repeat reverse split_whitespace lines "
        "trim_start trim_end to_upper to_lower pad_left pad_right is_digit is_alpha is_alphanumeric is_whitespace "
        "parse_float to_int".split()
    ),
    "Char": frozenset(
        "is_digit is_alpha is_alphanumeric is_whitespace is_upper is_lower to_upper to_lower digit".split()
    ),
    "Vec": frozenset(
        "try_pop try_get first last truncate reserve capacity resize swap insert remove remove_at swap_remove append "
        "extend reverse concat index_of find position binary_search sort sort_by sort_by_key sorted dedup map filter "
        "fold reduce any all count each flat_map enumerate zip take skip chunks windows product min max".split()
    ),
    "Option": frozenset("unwrap_or_else map and_then filter or ok_or contains".split()),
    "Result": frozenset("unwrap_err map map_err and_then ok err".split()),
    "Range": frozenset("len contains start end to_vec rev step_by".split()),
}

LATER_TYPES: Final[dict[str, str]] = {
    "Bytes": "L1", "bytes": "L1", "Duration": "L1", "duration": "L1", "HashMap": "L1", "HashSet": "L1",
    "Task": "L2", "AskError": "L2", "SendError": "L2", "Actor": "L2",
    "Rc": "L3", "Stream": "L3", "Sink": "L3", "Generator": "L3", "PyObject": "L4", "PyError": "L4",
}  # fmt: skip

FLOAT_CONSTANTS: Final = ("MAX", "MIN", "INFINITY", "NAN", "EPSILON")


def int_constant(type_: IntType, name: str) -> int | None:
    """`Int::MAX`, `u8::MIN`."""
    return {"MAX": type_.maximum, "MIN": type_.minimum}.get(name)


def float_constant(bits: int, name: str) -> float | None:
    """`Float::MAX`, `f32::EPSILON`, ...; exact in the type."""
    largest = 3.4028234663852886e38 if bits == 32 else 1.7976931348623157e308
    epsilon = 2.0**-23 if bits == 32 else 2.0**-52
    values = {"MAX": largest, "MIN": -largest, "INFINITY": float("inf"), "NAN": float("nan"), "EPSILON": epsilon}
    return values.get(name)
