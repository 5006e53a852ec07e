"""The tree as written: what the parser makes of a file, and all that the passes after it know of its text.

Every node is immutable and has `span` as its first field; it is equal only to itself, so it can be a key of a table.
Names are not resolved: `Disc` in an expression is a Name whether it is a local, an item or a variant.

What the parser has settled, so that nobody checks it again:
- parentheses are gone: they are in the shape of the tree (`(r.f)(x)` is a Call of a Field, `r.f(x)` a MethodCall);
- an arm `=> return e` or `=> x = e` is a Block of that one statement; `unsafe { }` its Block; `cooperate;` the Call;
- `Point { x }` is `Point { x: x }`;
- a chain of `else if` is one If with many branches, `a + b + c` is left-deep and may be thousands of nodes deep:
  walk it with `left_spine`, never by recursion. All other nesting is at most MAX_NESTING deep;
- reported already: everything E0001 to E0017, positional after named arguments (E0212), attributes (W0901), and
  constructs of the levels L2 to L4 (E0901). Their places hold Unsupported or Broken, which fit any use.
"""

from __future__ import annotations

from typing import Final

from hew.compiler.node import Node
from hew.compiler.source import Span as Span

MAX_NESTING: Final = 256  # levels of brackets, blocks and operators


# --- kinds ------------------------------------------------------------------------------------------------------------


class Expr(Node):
    """Something with a value."""


class Stmt(Node):
    """A line of a block."""


class Item(Node):
    """A declaration of a file; some may stand in a block."""


class Member(Node):
    """A part of an actor."""


class TypeExpr(Node):
    """A type as written."""


class Pattern(Node):
    """What may stand left of `=>` or after `let`."""


class Unsupported(Expr, Stmt, Item, Member, TypeExpr, Pattern):
    """A construct of a later level, skipped whole. E0901 has been reported."""

    what: str  # "supervisors"
    level: str  # "L2"


class Broken(Expr, Stmt, Item, Member, TypeExpr, Pattern):
    """Stands where the text has an error that has been reported."""


class Ident(Node):
    """A name at the place where it is declared or used as a label, field, method or part of a path."""

    text: str


# --- types ------------------------------------------------------------------------------------------------------------


class NamedType(TypeExpr):
    """`Int`, `Vec<T>`, `channel.Sender<Int>`, `Self`."""

    path: tuple[Ident, ...]  # one or more; written with '.' or '::'
    args: tuple[TypeExpr, ...]


class TupleType(TypeExpr):
    """`(A, B)`; without items the unit `()`. `(A)` is A itself."""

    items: tuple[TypeExpr, ...]


class ListType(TypeExpr):
    """`[T]`, the same as `Vec<T>`."""

    item: TypeExpr


class ArrayType(TypeExpr):
    """`[T; N]`."""

    item: TypeExpr
    length: Expr


class FnType(TypeExpr):
    """`fn(A, B) -> R`; `result` is None for the unit."""

    params: tuple[TypeExpr, ...]
    result: TypeExpr | None


class InferType(TypeExpr):
    """`_`."""


# --- literals ---------------------------------------------------------------------------------------------------------


class IntLit(Expr):
    """`42`, `0xFFu32`: 0 to 2**64 - 1."""

    value: int
    suffix: str | None  # "i8" to "u64"


class FloatLit(Expr):
    value: float
    suffix: str | None  # "f32", "f64"


class DurationLit(Expr):
    """`250ms`: 0 to 2**63 - 1."""

    value_ns: int


class StringLit(Expr):
    """`"text"` or `r"raw"`, with escapes done."""

    value: str


class CharLit(Expr):
    value: int  # the code point


class BytesLit(Expr):
    """`b"raw\\x00"`."""

    value: bytes


class BytesListLit(Expr):
    """`bytes[0x48, 105]`."""

    items: tuple[Expr, ...]


class BoolLit(Expr):
    value: bool


class UnitLit(Expr):
    """`()`."""


class FString(Expr):
    """`f"sum {a + b}"`: its texts (escapes and doubled braces done) and values in order; no text is empty, and no two
    texts are neighbours."""

    parts: tuple[FText | FValue, ...]


class FText(Node):
    """Text between the braces of an f-string."""

    value: str


class FValue(Node):
    """`{expr}`. (`{expr:spec}` is L3 and reported; the expression stays.)"""

    expr: Expr


# --- expressions ------------------------------------------------------------------------------------------------------


class Name(Expr):
    """`x`, `None`, `Vec<Int>` before `::`, `pick<Int>` before `(`."""

    text: str
    type_args: tuple[TypeExpr, ...] | None = None


class This(Expr):
    """`this`."""


class SelfName(Expr):
    """`self`."""


class SelfType(Expr):
    """`Self` before `::` or `.`."""


class Path(Expr):
    """`base::name`: `Int::MAX`, `Shape::Disc`, `Vec<Int>::new`. `base` is a Name, SelfType or Path."""

    base: Expr
    name: Ident
    type_args: tuple[TypeExpr, ...] | None = None


class Field(Expr):
    """`base.name` that is not called at once; also `Shape.Disc`, `math.pi`."""

    base: Expr
    name: Ident


class TupleIndex(Expr):
    """`base.0`."""

    base: Expr
    index: int


class Index(Expr):
    """`base[index]`; the index may be a Range with open ends."""

    base: Expr
    index: Expr


class Arg(Node):
    """An argument; `b: 2` has a name."""

    name: Ident | None
    value: Expr


class Call(Expr):
    """`callee(args)`: a function, variant, or any value; never a Field unless written `(r.f)(x)`."""

    callee: Expr
    args: tuple[Arg, ...]


class MethodCall(Expr):
    """`receiver.name(args)`: method, handler, function of a module, variant (`Shape.Disc(2)`), closure in a field."""

    receiver: Expr
    name: Ident
    type_args: tuple[TypeExpr, ...] | None
    args: tuple[Arg, ...]


class Try(Expr):
    """`operand?`."""

    operand: Expr


class Unary(Expr):
    """`-`, `!` or `~` before its operand."""

    op: str
    operand: Expr


class Await(Expr):
    operand: Expr


class Cast(Expr):
    """`operand as target`."""

    operand: Expr
    target: TypeExpr


class Binary(Expr):
    """All left-associative and comparing operators of levels 4 to 13: `* / % *%  + - +% -%  << >>  &  ^  |  < <= > >=
    == !=  &&  ||`. Left-deep: see left_spine."""

    op: str
    op_span: Span
    left: Expr
    right: Expr


class Range(Expr):
    """`a..b`, `a..=b`; an end is None only as the index of an Index."""

    start: Expr | None
    end: Expr | None
    inclusive: bool


class TupleLit(Expr):
    """`(a, b)`: two items or more; `(a,)` has one."""

    items: tuple[Expr, ...]


class ListLit(Expr):
    """`[a, b]`."""

    items: tuple[Expr, ...]


class RepeatLit(Expr):
    """`[value; count]`."""

    value: Expr
    count: Expr


class MapEntry(Node):
    key: Expr
    value: Expr


class MapLit(Expr):
    """`{"a": 1}`; never empty: `{}` is a Block without statements."""

    entries: tuple[MapEntry, ...]


class FieldInit(Node):
    """`x: value` in a record literal; `x` alone has the Name x as its value, with the same span."""

    name: Ident
    value: Expr


class RecordLit(Expr):
    """`Point { x: 1, y }`; also a variant with fields, `Shape::Box { w: 1, h: 2 }`."""

    type: NamedType
    fields: tuple[FieldInit, ...]


class LambdaParam(Node):
    pattern: Pattern
    mutable: bool
    type: TypeExpr | None


class Lambda(Expr):
    """`move (x: Int) -> Int => body`."""

    moves: bool
    params: tuple[LambdaParam, ...]
    result: TypeExpr | None
    body: Expr


class Spawn(Expr):
    """`spawn Account(owner: "Ada")`; without parentheses the same as with empty ones."""

    actor: NamedType
    args: tuple[Arg, ...]


class Block(Expr):
    """`{ statements; value }`. A last block-like expression without `;` is the value."""

    statements: tuple[Stmt, ...]
    value: Expr | None


class LetCondition(Node):
    """`let pattern = value` after `if` or `while`."""

    pattern: Pattern
    value: Expr


class IfBranch(Node):
    condition: Expr | LetCondition
    body: Block


class If(Expr):
    """`if c { } else if d { } else { }`: one branch for each `if`, `otherwise` the last `else`."""

    branches: tuple[IfBranch, ...]
    otherwise: Block | None


class MatchArm(Node):
    pattern: Pattern
    guard: Expr | None
    body: Expr


class Match(Expr):
    subject: Expr
    arms: tuple[MatchArm, ...]


class Loop(Expr):
    """`@label: loop { }`; labels are without their `@`."""

    label: Ident | None
    body: Block


class While(Expr):
    label: Ident | None
    condition: Expr | LetCondition
    body: Block


class For(Expr):
    label: Ident | None
    pattern: Pattern
    iterable: Expr
    body: Block


# --- statements -------------------------------------------------------------------------------------------------------


class Let(Stmt):
    """`let p: T = e;`, or with `var`."""

    mutable: bool
    pattern: Pattern
    type: TypeExpr | None
    value: Expr | None


class Assign(Stmt):
    """`target op value;`; `op` is "=", "+=", ... . `_ = e;` has the Name "_" as its target."""

    op: str
    op_span: Span
    target: Expr
    value: Expr


class Return(Stmt):
    value: Expr | None


class Break(Stmt):
    label: Ident | None
    value: Expr | None


class Continue(Stmt):
    label: Ident | None


class ExprStmt(Stmt):
    """An expression whose value is dropped; with `;` or block-like without."""

    expr: Expr


class ItemStmt(Stmt):
    """A FnDecl or ConstDecl in a block."""

    item: Item


# --- patterns ---------------------------------------------------------------------------------------------------------


class WildcardPattern(Pattern):
    """`_`."""


class NamePattern(Pattern):
    """`x`: binds, unless it is a variant or a constant."""

    name: str


class LiteralPattern(Pattern):
    """A literal; a negative one is a Unary "-" of it."""

    value: Expr


class PathPattern(Pattern):
    """`Shape::Dot` or `Shape.Dot`: two names or more, no payload."""

    path: tuple[Ident, ...]


class VariantPattern(Pattern):
    """`Some(p)`, `Shape::Disc(r)`."""

    path: tuple[Ident, ...]
    items: tuple[Pattern, ...]


class FieldPattern(Node):
    """`h: q`; `w` alone binds w (a NamePattern with the same span)."""

    name: Ident
    pattern: Pattern


class RecordPattern(Pattern):
    """`Point { x, y: q, .. }`; `rest` says whether `..` was written."""

    path: tuple[Ident, ...]
    fields: tuple[FieldPattern, ...]
    rest: bool


class TuplePattern(Pattern):
    """`(p, q)`; empty: the unit. `(p)` is p itself."""

    items: tuple[Pattern, ...]


class OrPattern(Pattern):
    """`p | q`: two alternatives or more."""

    alternatives: tuple[Pattern, ...]


# --- items ------------------------------------------------------------------------------------------------------------


class Attribute(Node):
    """`#[name(args)]`."""

    name: Ident
    args: tuple[AttributeArg, ...]


class AttributeArg(Node):
    """`name`, `name = literal` or `literal`."""

    name: Ident | None
    value: Expr | None


class Bound(Node):
    """`Ord`, `Into<String>`."""

    path: tuple[Ident, ...]
    args: tuple[TypeExpr, ...]


class GenericParam(Node):
    """`T: Ord + Clone`."""

    name: Ident
    bounds: tuple[Bound, ...]


class WherePredicate(Node):
    """`T: Ord` after `where`."""

    type: TypeExpr
    bounds: tuple[Bound, ...]


class Param(Node):
    """`var n: Int = 1`; `self` alone has the name "self" and no type."""

    name: Ident
    mutable: bool
    type: TypeExpr | None
    default: Expr | None


class FnDecl(Item):
    """`fn name<T>(params) -> result where ... { body }`; `result` is None for the unit, InferType for `-> _`."""

    name: Ident
    generics: tuple[GenericParam, ...]
    params: tuple[Param, ...]
    result: TypeExpr | None
    where: tuple[WherePredicate, ...]
    body: Block
    pure: bool
    public: bool
    attributes: tuple[Attribute, ...]


class ConstDecl(Item):
    name: Ident
    type: TypeExpr
    value: Expr
    public: bool


class FieldDecl(Node):
    """`name: Type = default;` of a record or of a variant."""

    name: Ident
    type: TypeExpr
    default: Expr | None


class RecordDecl(Item):
    """`type Name<T> { fields }`, or with `struct`."""

    name: Ident
    generics: tuple[GenericParam, ...]
    where: tuple[WherePredicate, ...]
    fields: tuple[FieldDecl, ...]
    public: bool
    attributes: tuple[Attribute, ...]


class AliasDecl(Item):
    """`type Name<T> = target;`."""

    name: Ident
    generics: tuple[GenericParam, ...]
    target: TypeExpr
    public: bool


class VariantDecl(Node):
    """`Dot`, `Disc(Float)` (items), `Box { w: Float }` (fields); at most one of both has entries."""

    name: Ident
    items: tuple[TypeExpr, ...]
    fields: tuple[FieldDecl, ...]


class EnumDecl(Item):
    name: Ident
    generics: tuple[GenericParam, ...]
    where: tuple[WherePredicate, ...]
    variants: tuple[VariantDecl, ...]
    indirect: bool
    public: bool
    attributes: tuple[Attribute, ...]


class ImplDecl(Item):
    """`impl<T> Stack<T> { functions }`. (`impl Trait for Type` is Unsupported.)"""

    generics: tuple[GenericParam, ...]
    target: TypeExpr
    where: tuple[WherePredicate, ...]
    functions: tuple[FnDecl, ...]


class ImportName(Node):
    """`scale as zoom`."""

    name: Ident
    alias: Ident | None


class ImportDecl(Item):
    """`import std::math;`, `import geo::{area, scale as zoom};`, `import geo::*;`. Which modules exist, and at which
    level, is for the resolver to say. (Imports of files and of Python are Unsupported.)"""

    path: tuple[Ident, ...]
    names: tuple[ImportName, ...] | None  # None: the module itself
    everything: bool  # `::*`


class ActorField(Member):
    """`let total: Int = 0;`."""

    name: Ident
    type: TypeExpr
    default: Expr | None


class Mailbox(Member):
    """`mailbox 256;`. (A policy is L2 and reported; the bound stays.)"""

    bound: Expr


class Init(Member):
    """`init(params) { body }`."""

    params: tuple[Param, ...]
    body: Block


class Handler(Member):
    """`receive fn name(params) -> result { body }`."""

    name: Ident
    params: tuple[Param, ...]
    result: TypeExpr | None
    body: Block
    pure: bool
    attributes: tuple[Attribute, ...]


class ActorDecl(Item):
    """An actor, its members by kind, each kind in the order of writing. `incomplete` says that it has members that are
    Unsupported or Broken, so that a missing name may be one of those."""

    name: Ident
    bounds: tuple[Bound, ...]
    fields: tuple[ActorField, ...]
    mailbox: Mailbox | None
    init: Init | None
    handlers: tuple[Handler, ...]
    functions: tuple[FnDecl, ...]
    public: bool
    attributes: tuple[Attribute, ...]
    incomplete: bool


class Module(Node):
    """A file. `incomplete` says that an item could not be read, so that an unknown name may be its."""

    items: tuple[Item, ...]
    incomplete: bool


def left_spine(expr: Expr) -> tuple[Expr, list[Binary]]:
    """The leftmost operand of a chain of binary operators, and the operators from it outward, so that
    `a + b * c - d` gives a, [+, -]. Only their right sides need recursion."""
    chain: list[Binary] = []
    while isinstance(expr, Binary):
        chain.append(expr)
        expr = expr.left
    chain.reverse()
    return expr, chain
