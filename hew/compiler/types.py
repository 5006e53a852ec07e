"""The types of the language: build them, compare them, print them, ask what they can do.

Types are immutable and compare by structure, but for records and actors, which are one object per
declaration. While a function is being checked a type may hold variables (`TypeVar`); when it is
finished none is left: whoever reads a checked program meets no `TypeVar` and no `ErrorType`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, dataclass_transform

from hew.compiler.node import NodeType
from hew.compiler.source import Span


@dataclass_transform(eq_default=False)
class MutableType(NodeType):
    """The metaclass of slotted records that change: as `NodeType`, but mypy lets their fields be assigned."""


class Frozen(metaclass=NodeType):
    """Base of small immutable records."""


class Mutable(metaclass=MutableType):
    """Base of small records that change; equal only to themselves."""


class Type(metaclass=NodeType):
    """Base of all types; `str(type)` is its name as the language writes it. Equal by structure."""

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return False
        fields: tuple[str, ...] = self.__match_args__
        return all(getattr(self, name) == getattr(other, name) for name in fields)

    def __hash__(self) -> int:
        fields: tuple[str, ...] = self.__match_args__
        return hash((type(self).__name__, *[getattr(self, name) for name in fields]))

    def __repr__(self) -> str:
        return str(self)


class DeclaredType(Type, metaclass=MutableType):
    """A type that is one object per declaration, equal only to itself; its fields may be filled in later."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self) >> 4


class IntType(Type):
    """Two's complement or unsigned; `Int` is `IntType(64, True)`."""

    bits: int
    signed: bool

    @property
    def minimum(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    def holds(self, value: int) -> bool:
        return self.minimum <= value <= self.maximum

    def __str__(self) -> str:
        if self.bits == 64 and self.signed:
            return "Int"
        return f"{'i' if self.signed else 'u'}{self.bits}"


class FloatType(Type):
    """IEEE 754; `Float` is `FloatType(64)`."""

    bits: int

    def __str__(self) -> str:
        return "Float" if self.bits == 64 else "f32"


class BoolType(Type):
    def __str__(self) -> str:
        return "Bool"


class CharType(Type):
    """One Unicode scalar."""

    def __str__(self) -> str:
        return "Char"


class StringType(Type):
    """Immutable UTF-8 text, shared by reference count."""

    def __str__(self) -> str:
        return "String"


class UnitType(Type):
    def __str__(self) -> str:
        return "()"


class NeverType(Type):
    """The type of what does not come back: `return`, `break`, `panic(..)`. Fits any."""

    def __str__(self) -> str:
        return "never"


class ErrorType(Type):
    """What failed to check; silences what follows from it."""

    def __str__(self) -> str:
        return "?"


class TupleType(Type):
    items: tuple[Type, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


class VecType(Type):
    """A reference to a mutable block that belongs to one actor."""

    item: Type

    def __str__(self) -> str:
        return f"Vec<{self.item}>"


class RangeType(Type):
    """`a..b` over an integer type. No value of it exists yet: only `for` and slices take ranges."""

    item: Type

    def __str__(self) -> str:
        return f"Range<{self.item}>"


class FutureType(Type):
    """A pending reply."""

    value: Type

    def __str__(self) -> str:
        return f"Future<{self.value}>"


class EnumType(Type):
    """Option, Result, ExitReason (and user enums later). A tag is the index of a variant in `variants`."""

    name: str
    args: tuple[Type, ...] = ()

    @property
    def variants(self) -> tuple[Variant, ...]:
        return _variants_of(self)

    def variant_index(self, name: str) -> int | None:
        for index, variant in enumerate(self.variants):
            if variant.name == name:
                return index
        return None

    def __str__(self) -> str:
        return f"{self.name}<{', '.join(map(str, self.args))}>" if self.args else self.name


class Variant(Frozen):
    """One variant of an enum with the types of its positional payload."""

    name: str
    payload: tuple[Type, ...]


class BoxType(Type):
    """What a value that would hold itself holds in its place: a counted block with the item, which never changes.

    Part of the layout of enums alone: no expression has this type.
    """

    item: Type

    def __str__(self) -> str:
        return str(self.item)


class RecordFieldType(Mutable):
    """A field of a record. `type` is set once all types of the file are known."""

    name: str
    span: Span
    type: Type
    has_default: bool


class RecordType(DeclaredType):
    """A record; one object per declaration, its fields in order."""

    name: str
    span: Span
    fields: list[RecordFieldType]

    def field_index(self, name: str) -> int | None:
        for index, one in enumerate(self.fields):
            if one.name == name:
                return index
        return None

    def __str__(self) -> str:
        return self.name


class ActorType(DeclaredType):
    """A handle of an actor; one object per declaration. `index` is the actor's in `CheckedProgram.actors`."""

    name: str
    span: Span
    index: int

    def __str__(self) -> str:
        return self.name


ANY: Final = 0  # may become any type
NUMBER: Final = 1  # an integer literal: any integer or float type, at last Int
INTEGER: Final = 2  # an integer literal that must stay an integer (range, bit operation)
FLOAT: Final = 3  # a float literal: f32 or f64, at last Float
CHAR: Final = 4  # a character literal: Char or any integer type, at last Char

_KIND_NAMES: Final = {ANY: "_", NUMBER: "Int", INTEGER: "Int", FLOAT: "Float", CHAR: "Char"}


class TypeVar(DeclaredType):
    """An unknown of inference. Bound to another type once that is known; never outlives its function."""

    kind: int
    span: Span
    default: Type | None = None
    bound: Type | None = None

    def __str__(self) -> str:
        if self.bound is not None:
            return str(self.bound)
        return str(self.default) if self.default is not None else _KIND_NAMES[self.kind]


MAX_PARTS: Final = 4096  # of a type, those of the records in it included

I8: Final = IntType(8, True)
I16: Final = IntType(16, True)
I32: Final = IntType(32, True)
INT: Final = IntType(64, True)
U8: Final = IntType(8, False)
U16: Final = IntType(16, False)
U32: Final = IntType(32, False)
U64: Final = IntType(64, False)
F32: Final = FloatType(32)
F64: Final = FloatType(64)
BOOL: Final = BoolType()
CHAR_TYPE: Final = CharType()
STRING: Final = StringType()
UNIT: Final = UnitType()
NEVER: Final = NeverType()
ERROR: Final = ErrorType()
EXIT_REASON: Final = EnumType("ExitReason")

SIMPLE_TYPES: Final[dict[str, Type]] = {
    "i8": I8, "i16": I16, "i32": I32, "i64": INT, "Int": INT, "int": INT, "isize": INT,
    "u8": U8, "byte": U8, "Byte": U8, "u16": U16, "u32": U32, "u64": U64, "UInt": U64, "uint": U64, "usize": U64,
    "f32": F32, "f64": F64, "Float": F64, "float": F64,
    "Bool": BOOL, "bool": BOOL, "Char": CHAR_TYPE, "char": CHAR_TYPE,
    "String": STRING, "string": STRING, "str": STRING, "ExitReason": EXIT_REASON,
}  # fmt: skip


def option_of(item: Type) -> EnumType:
    return EnumType("Option", (item,))


def result_of(value: Type, error: Type) -> EnumType:
    return EnumType("Result", (value, error))


def _variants_of(enum: EnumType) -> tuple[Variant, ...]:
    match enum.name:
        case "Option":
            return (Variant("Some", (enum.args[0],)), Variant("None", ()))
        case "Result":
            return (Variant("Ok", (enum.args[0],)), Variant("Err", (enum.args[1],)))
        case _:
            return (Variant("Normal", ()), Variant("Stopped", ()), Variant("Crashed", (STRING,)))


def parts(type_: Type) -> tuple[Type, ...]:
    """The types directly inside a type, as far as its values hold values of them."""
    match type_:
        case TupleType(items):
            return items
        case VecType(item) | RangeType(item) | FutureType(item):
            return (item,)
        case EnumType():
            return tuple(payload for variant in type_.variants for payload in variant.payload)
        case RecordType():
            return tuple(one.type for one in type_.fields)
        case _:
            return ()


def stored(enum: EnumType, payload: Type) -> Type:
    """The type of the place that a payload of the enum has in it: boxed where it leads back to the enum by value."""
    return BoxType(payload) if _holds(payload, enum) else payload


def _holds(type_: Type, enum: EnumType) -> bool:
    """Can a value hold one of the enum, not counting what is in a Vec? Syntax trees have many types: this is fast."""
    seen: set[int] = set()
    todo = [type_]
    while todo:
        one = todo.pop()
        match one:
            case RecordType(fields=fields):
                if id(one) not in seen:
                    seen.add(id(one))
                    todo += [field.type for field in fields if isinstance(field.type, _HOLDERS)]
            case EnumType():
                if one == enum:
                    return True
                todo += [part for part in parts(one) if isinstance(part, _HOLDERS)]
            case TupleType(items=items):
                todo += items
            case _:
                pass
    return False


_HOLDERS: Final = (RecordType, EnumType, TupleType)


def walk(type_: Type) -> Iterator[Type]:
    """A type and all inside it, each record once."""
    seen: set[int] = set()
    todo = [type_]
    while todo:
        one = todo.pop()
        if isinstance(one, RecordType):
            if id(one) in seen:
                continue
            seen.add(id(one))
        yield one
        todo.extend(parts(one))


def is_number(type_: Type) -> bool:
    return isinstance(type_, IntType | FloatType)


def has_equality(type_: Type) -> bool:
    """Is `==` defined? Not for futures."""
    return not any(isinstance(one, FutureType) for one in walk(type_))


def has_order(type_: Type) -> bool:
    """Is `<` defined? Not for records, handles, futures and the unit."""
    unordered = (RecordType, ActorType, FutureType, RangeType, UnitType)
    return not any(isinstance(one, unordered) for one in walk(type_))


def has_text(type_: Type) -> bool:
    """Can `println` show it? Not a future."""
    return not any(isinstance(one, FutureType) for one in walk(type_))


def is_sendable(type_: Type) -> bool:
    """May it cross to another actor (10.4)?"""
    return not any(isinstance(one, FutureType) for one in walk(type_))


def has_zero(type_: Type) -> bool:
    """Does a field of it start by itself (10.2): 0, false, "", empty, None, and records and tuples of these?"""
    match type_:
        case IntType() | FloatType() | BoolType() | CharType() | StringType() | VecType() | UnitType() | ErrorType():
            return True
        case EnumType(name="Option"):
            return True
        case TupleType(items):
            return all(map(has_zero, items))
        case RecordType():
            return all(has_zero(one.type) for one in type_.fields)
        case _:
            return False


def is_managed(type_: Type) -> bool:
    """Does a value hold a reference count (String, Vec, Future) anywhere?"""
    return any(isinstance(one, StringType | VecType | FutureType) for one in walk(type_))


def widens(source: Type, target: Type) -> bool:
    """Does every value of `source` exist in `target`, so that it converts by itself (3.2)?"""
    match source, target:
        case IntType(), IntType():
            return source != target and target.holds(source.minimum) and target.holds(source.maximum)
        case FloatType(), FloatType():
            return source.bits < target.bits
        case _:
            return False


def can_cast(source: Type, target: Type) -> bool:
    """Is `e as T` defined (3.2)? The same type to itself is."""
    if source == target:
        return True
    match source, target:
        case IntType() | FloatType(), IntType() | FloatType():
            return True
        case BoolType() | CharType(), IntType():
            return True
        case IntType(), CharType() | BoolType():
            return True
        case _:
            return False


def is_too_large(type_: Type) -> bool:
    """Does a value hold more parts than any program means (types double where a tuple repeats one)?"""
    count = 0
    todo = [(type_, False)]
    while todo:
        one, apart = todo.pop()
        count += 1
        if count > MAX_PARTS:
            return True
        if not (apart and isinstance(one, RecordType)):
            apart = apart or isinstance(one, VecType | FutureType)
            todo.extend([(part, apart or _is_boxed(one, part)) for part in parts(one)])
    return False


def _is_boxed(whole: Type, part: Type) -> bool:
    return isinstance(whole, EnumType) and isinstance(stored(whole, part), BoxType)


def contains_itself(record: RecordType) -> bool:
    """Does it hold itself by value? What is in an enum or a Vec is apart."""
    seen: set[int] = set()
    todo = [*parts(record)]
    while todo:
        one = todo.pop()
        if one is record:
            return True
        if isinstance(one, VecType | FutureType | EnumType) or id(one) in seen:
            continue
        if isinstance(one, RecordType):
            seen.add(id(one))
        todo.extend(parts(one))
    return False
