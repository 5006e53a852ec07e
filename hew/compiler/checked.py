"""The tree as understood: what `check` makes and code generation reads.

Every expression carries its final type (no variables, no errors). Nothing is left to decide:

- implicit widenings are `Cast` nodes; literals have their final type (an integer literal used as a
  float is a `FloatLit`); constants are folded to literals
- arguments are in the order of the declaration, defaults filled in; where the source order of
  evaluation differs, the arguments are first kept in locals by a `Block`
- methods of built-in types are `BuiltinCall`s whose `op` names the operation (`hew.compiler.builtins`)
- `e?`, `if let`, `while let` are `Match` (and `Loop`); a compound assignment evaluates its place once
- nested functions are lifted to `CheckedProgram.functions`

Evaluation order is the order of the fields of each node, left to right.
`Binary`, `Logical` chains written `a + b + c` lean left and may be 10,000 deep: walk `left` in a loop.
`If.otherwise` of a long else-if chain may likewise be thousands deep: walk it in a loop.
A type `NeverType` on an expression means that control does not come back from it. An expression of
type never may stand where a value of any type is expected (a branch, an argument).
"""

from __future__ import annotations

from hew.compiler.source import Span
from hew.compiler.types import ActorType, EnumType, Mutable, RecordType, Type


class CheckedNode(Mutable):
    """Base of everything here; equal only to itself."""


class Local(CheckedNode):
    """A local variable or parameter; one object each, compared by identity."""

    name: str
    type: Type
    mutable: bool
    span: Span
    is_parameter: bool = False
    assigned: bool = False  # is it ever assigned after its initialiser?
    used: bool = False


class Expr(CheckedNode):
    """Base of expressions. `span` is where a trap of it is reported."""

    type: Type
    span: Span


# ---- literals


class IntLit(Expr):
    """`type` is an IntType, the value fits it."""

    value: int


class FloatLit(Expr):
    value: float


class BoolLit(Expr):
    value: bool


class CharLit(Expr):
    """`value` is the scalar's number."""

    value: int


class StringLit(Expr):
    value: str


class UnitLit(Expr):
    pass


# ---- reading


class LocalRef(Expr):
    """`last_use`: on no path is the local read again after this (it may be assigned anew): its value may be moved
    out.
    """

    local: Local
    last_use: bool = False


class FieldRef(Expr):
    """A field of the running actor, by its index in `Actor.fields`."""

    index: int


class ThisRef(Expr):
    """The running actor's own handle."""


class RecordField(Expr):
    """`operand.name`; the operand's type is a RecordType."""

    operand: Expr
    index: int


class TupleField(Expr):
    """`operand.0`; the operand's type is a TupleType."""

    operand: Expr
    index: int


class Index(Expr):
    """`base[index]` of a Vec (type: its item) or a String (type Int, the byte). The index is an Int. Traps out of
    range.
    """

    base: Expr
    index: Expr


# ---- building


class TupleLit(Expr):
    items: list[Expr]


class RecordLit(Expr):
    """All fields, in order of declaration."""

    items: list[Expr]


class VariantLit(Expr):
    """`Some(e)`, `None`, `Ok(e)`, ...: the type is an EnumType, `index` the variant's."""

    index: int
    items: list[Expr]


class VecLit(Expr):
    items: list[Expr]


class VecRepeat(Expr):
    """`[item; count]`: item is evaluated once and cloned (deeply); count is an Int; a negative one gives an empty
    Vec.
    """

    item: Expr
    count: Expr


class Concat(Expr):
    """`a + b + c` of Strings, flattened."""

    items: list[Expr]


class Format(Expr):
    """An f-string: literal texts and values of any printable type, in order."""

    pieces: list[str | Expr]


# ---- operators


class Cast(Expr):
    """`operand as type` and implicit widenings; by the table of 3.2. Integer to Char may trap."""

    operand: Expr


class Unary(Expr):
    """`op` is `-` (number), `!` (Bool) or `~` (integer)."""

    op: str
    operand: Expr


class Binary(Expr):
    """Arithmetic: `+ - * / % +% -% *% & | ^ << >>`. Both operands have `type`,
    but for the count of a shift (any IntType).

    `*%`, `+%`, `-%` are for integers only; `& | ^` too.
    """

    op: str
    left: Expr
    right: Expr


class Compare(Expr):
    """`== != < <= > >=` on two operands of one type (any with equality, or order); the result is a Bool."""

    op: str
    left: Expr
    right: Expr


class Logical(Expr):
    """`&&` and `||`, short-circuit."""

    op: str
    left: Expr
    right: Expr


# ---- calls and actors


class Call(Expr):
    """A direct call of a function that is no actor's member. `tail`: a call of the running function itself as its
    last act.
    """

    function: Function
    args: list[Expr]
    tail: bool = False


class SelfCall(Expr):
    """A call of the running actor's helper or handler, within the message in hand."""

    function: Function
    args: list[Expr]
    tail: bool = False


class BuiltinCall(Expr):
    """An operation of the runtime: `vec.push`, `string.find`, `println`, `panic`, ...

    For methods the receiver is `args[0]`. `type_args` are the type arguments of the receiver (the
    item of the Vec or Option, value and error of the Result) or of the thing built (`vec.new`).
    """

    op: str
    args: list[Expr]
    type_args: tuple[Type, ...] = ()


class Assert(Expr):
    """`kind`: assert, assert_eq, assert_ne or debug_assert (acts only under --checked).
    `text` is the condition's source.

    assert and debug_assert: args are the condition and perhaps a message (String).
    assert_eq and assert_ne: two values of one type with equality and text form.
    """

    kind: str
    args: list[Expr]
    text: str


class Spawn(Expr):
    """The type is the ActorType. All fields in order of declaration, then the arguments of `init` (in its order).

    `init` is sent as the first message if the actor has one.
    """

    actor: Actor
    fields: list[Expr]
    init_args: list[Expr]


class Send(Expr):
    """`h.f(args)` without use of a reply; type unit. The handler may have a result: no reply is wanted."""

    target: Expr
    handler: Handler
    args: list[Expr]


class Ask(Expr):
    """`h.f(args)` whose Future is kept; type FutureType of the handler's result."""

    target: Expr
    handler: Handler
    args: list[Expr]


class AwaitAsk(Expr):
    """`await h.f(args)`: type is the handler's result (unit when it has none); no Future is made."""

    target: Expr
    handler: Handler
    args: list[Expr]


class AwaitFuture(Expr):
    """`await f`: the type is the value's. Traps when the future was awaited before."""

    future: Expr


class AwaitExit(Expr):
    """`await h`: waits for the actor's end; type ExitReason."""

    target: Expr


class Close(Expr):
    """`close(h)`: type Future<ExitReason>, or unit when nobody uses the future (no Future is made then)."""

    target: Expr


class AwaitClose(Expr):
    """`await close(h)`: type ExitReason; no Future is made."""

    target: Expr


# ---- control


class Block(Expr):
    """Statements, then the value. No `result`: the value is unit (or the type is never)."""

    statements: list[Stmt]
    result: Expr | None
    end_span: Span


class If(Expr):
    """Of type unit when `otherwise` is None. A branch has `type`, or is never; if `type` is unit the values of
    branches are dropped.
    """

    condition: Expr
    then: Expr
    otherwise: Expr | None


class Match(Expr):
    """Arms in order; together they cover every value. A body has `type` or is never; if `type` is unit the values of
    bodies are dropped.
    """

    subject: Expr
    arms: list[Arm]


class Arm(CheckedNode):
    """The guard sees the pattern's names. `origin`: for the reader of messages."""

    pattern: Pattern
    guard: Expr | None
    body: Expr
    span: Span


class Loop(Expr):
    """Forever, until a `Break` of it; its type is never without one."""

    body: Block


class While(Expr):
    condition: Expr
    body: Block


class ForRange(Expr):
    """`for local in start..end` (`inclusive`: `..=`). Bounds are evaluated once. `local` is a fresh variable in each
    round; its type is `start`'s and `end`'s. `local` may be assigned by nobody.
    """

    local: Local
    start: Expr
    end: Expr
    inclusive: bool
    body: Block


class ForVec(Expr):
    """By position; the length is read again each round. `local` holds (a copy of) the element."""

    local: Local
    vec: Expr
    body: Block


class ForString(Expr):
    """Over the characters of a String; `local` is a Char."""

    local: Local
    string: Expr
    body: Block


AnyLoop = Loop | While | ForRange | ForVec | ForString


class Break(Expr):
    """Type never. `value` only for `Loop`, where it has the loop's type; None gives unit."""

    target: AnyLoop
    value: Expr | None


class Continue(Expr):
    target: AnyLoop


class Return(Expr):
    """Type never. None returns unit."""

    value: Expr | None


# ---- statements


class Stmt(CheckedNode):
    span: Span


class Let(Stmt):
    """A new local. Without `value` it is assigned on every path before use. In a loop each round makes it anew."""

    local: Local
    value: Expr | None


class LetPattern(Stmt):
    """A pattern that always matches, taken apart into its locals."""

    pattern: Pattern
    value: Expr


class ExprStmt(Stmt):
    """Its value is dropped."""

    expr: Expr


class Assign(Stmt):
    """`place = value`: the expressions in the place (Vec, index) are evaluated first, once, then the value, then
    bounds are checked. The old value is dropped.
    """

    place: Place
    value: Expr


class CompoundAssign(Stmt):
    """`place op= value`; `op` as in `Binary` (type of place and value agree, but for shifts), or `+` on Strings
    (append).
    """

    place: Place
    op: str
    value: Expr


# ---- places


class Place(CheckedNode):
    type: Type
    span: Span


class LocalPlace(Place):
    local: Local


class ActorFieldPlace(Place):
    index: int


class MemberPlace(Place):
    """A field of a record or an item of a tuple, inside another place."""

    base: Place
    index: int


class ElementPlace(Place):
    """`vec[index]`: vec is any expression giving a Vec (a reference). The address may be taken only after the
    assigned value was evaluated.
    """

    vec: Expr
    index: Expr


# ---- patterns


class Pattern(CheckedNode):
    """`type` is the type of the value matched."""

    type: Type
    span: Span


class WildPattern(Pattern):
    pass


class BindPattern(Pattern):
    local: Local


class LiteralPattern(Pattern):
    """`value`: int for IntType and CharType, float, bool or str."""

    value: int | float | bool | str


class VariantPattern(Pattern):
    """`type` is an EnumType; one item for each of the variant's payload."""

    index: int
    items: list[Pattern]


class TuplePattern(Pattern):
    items: list[Pattern]


class RecordPattern(Pattern):
    """`type` is a RecordType; one item per field, in order (`WildPattern` for those not named)."""

    items: list[Pattern]


class OrPattern(Pattern):
    """All alternatives bind the same `Local` objects."""

    alternatives: list[Pattern]


# ---- declarations


class Function(CheckedNode):
    """A function with its body. `kind`: function, helper, handler, init or default (of an actor's or record's field).

    Helpers, handlers and `init` run inside `actor` and use its fields. `symbol` is unique in the program:
    `main`, `Counter.tick`, `outer.inner`. `body.type` is `result`, or never;
    or `result` is unit and its value is dropped.
    A parameter with `local.mutable` may be assigned by the body.
    """

    name: str
    symbol: str
    kind: str
    params: list[Local]
    result: Type
    span: Span  # of its name
    end_span: Span  # of its closing brace
    actor: Actor | None = None
    body: Block = None  # type: ignore[assignment]  # set when it has been checked


class Handler(CheckedNode):
    """A message an actor takes. `index` is the number of the message kind: its place in `Actor.handlers`."""

    name: str
    index: int
    function: Function
    actor: Actor

    @property
    def params(self) -> list[Local]:
        return self.function.params

    @property
    def result(self) -> Type:
        return self.function.result


class ActorField(CheckedNode):
    name: str
    type: Type
    span: Span


class Actor(CheckedNode):
    """An actor. `init`, if any, is a handler of its own and is not among `handlers`; its index is len(handlers)."""

    name: str
    type: ActorType
    span: Span
    fields: list[ActorField]
    handlers: list[Handler]
    helpers: list[Function]
    init: Handler | None = None
    mailbox: int | None = None  # the bound; None: unbounded


class CheckedProgram(CheckedNode):
    """A program without errors. `functions` holds all but members of actors, main and lifted nested ones included.

    `main.result` is unit or an IntType (the exit code, `& 255`). `types`: each type of a value met
    anywhere, once, those inside before those that hold them (records may hold themselves through Vec).
    """

    records: list[RecordType]
    actors: list[Actor]
    functions: list[Function]
    main: Function
    types: list[Type]


def is_irrefutable(pattern: Pattern) -> bool:
    """Does it match every value by its form alone?"""
    match pattern:
        case WildPattern() | BindPattern():
            return True
        case TuplePattern(items=items) | RecordPattern(items=items):
            return all(map(is_irrefutable, items))
        case OrPattern(alternatives=alternatives):
            return any(map(is_irrefutable, alternatives))
        case VariantPattern(type=EnumType() as enum, items=items):
            return len(enum.variants) == 1 and all(map(is_irrefutable, items))
        case _:
            return False
