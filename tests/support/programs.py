"""Small well-typed programs at random, each with what it prints according to Python.

Every expression is made twice: as text of the language, and as a function from the variables to its value.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tests.support import model as m
from tests.support.model import BOOL, FLOAT, INT, INTS, STR, UNIT, TrapError, Ty, option

Env = dict[str, Any]
STEPS: Final = 20_000  # that a program may take
LENGTH: Final = 5_000  # of a string or Vec


class TooLongError(Exception):
    """The program would run for longer than is useful."""


class BreakError(Exception):
    pass


class ContinueError(Exception):
    pass


class ReturnError(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Code(NamedTuple):
    """An expression or statement: its text, and what it does."""

    text: str
    run: Callable[[Env], Any]


@dataclass(frozen=True)
class Var:
    name: str
    ty: Ty
    mutable: bool


@dataclass(frozen=True)
class Function:
    name: str
    params: tuple[Ty, ...]
    result: Ty
    text: str
    run: Callable[..., Any]


@dataclass
class Program:
    """`calls` are run one after the other; `text` defines them."""

    text: str
    calls: list[Function]
    machine: Machine

    def expected(self, call: Function) -> tuple[str, str | None]:
        """What a call prints, and the text of the trap that ends it."""
        self.machine.out = []
        self.machine.steps = 0
        try:
            call.run()
        except TrapError as trap:
            return "".join(self.machine.out), str(trap)
        return "".join(self.machine.out), None


class Machine:
    """What the running program writes, and how long it has run."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.steps = 0

    def tick(self, cost: int = 1) -> None:
        self.steps += cost
        if self.steps > STEPS:
            raise TooLongError

    def bounded(self, value: Any) -> Any:
        self.tick(len(value) // 50)
        if len(value) > LENGTH:
            raise TooLongError
        return value


class Maker:
    """Makes one program. Records, then functions that may call those before them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.machine = Machine()
        self.count = 0
        self.scopes: list[list[Var]] = [[]]
        self.records: list[Ty] = []
        self.functions: list[Function] = []
        self.echoed: list[Ty] = []  # what an Echo takes and gives back
        self.loops = 0  # open ones
        self.result: Ty = UNIT
        self.expr_makers: dict[str, list[Callable[[Ty, int], Code]]] = {
            "int": [
                self.int_operator, self.int_operator, self.int_method, self.int_of_text, self.int_cast, self.checked_or,
                self.negated,
            ],
            "float": [self.float_operator, self.float_method, self.float_cast],
            "bool": [self.comparison, self.comparison, self.logical, self.negation, self.asked],
            "str": [self.concat, self.format, self.to_text, self.sliced, self.joined],
            "vec": [self.vec_literal, self.vec_repeat, self.vec_copy, self.split],
            "opt": [self.some, self.optional],
            "res": [self.good, self.bad],
            "tup": [self.aggregate],
            "rec": [self.aggregate],
            "unit": [],
        }  # fmt: skip

    # ---- helpers

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def type(self, depth: int = 2) -> Ty:
        pick = self.random.random()
        if depth == 0 or pick < 0.55:
            return self.random.choice([INT, INT, *INTS, FLOAT, BOOL, STR, STR])
        kind = self.random.choice(["vec", "vec", "opt", "res", "tup", "rec"])
        if kind == "rec":
            return self.random.choice(self.records) if self.records else STR
        if kind == "vec":
            return Ty("vec", (self.type(depth - 1),))
        if kind == "opt":
            return option(self.type(depth - 1))
        if kind == "res":
            return Ty("res", (self.type(depth - 1), self.random.choice([STR, INT])))
        return Ty("tup", tuple(self.type(depth - 1) for _ in range(self.random.randint(2, 3))))

    def visible(self, ty: Ty | None = None, *, mutable: bool = False) -> list[Var]:
        return [
            one
            for scope in self.scopes
            for one in scope
            if (ty is None or one.ty == ty) and (one.mutable or not mutable)
        ]

    # ---- expressions

    def expr(self, ty: Ty, depth: int) -> Code:
        """Any expression of the type."""
        known = self.visible(ty)
        if known and self.random.random() < (0.3 if depth else 0.75):
            return self.read(self.random.choice(known))
        if depth <= 0:
            return self.leaf(ty)
        if self.random.random() < 0.3:
            return self.general(ty, depth)
        makers = self.expr_makers[ty.kind]
        return self.random.choice(makers)(ty, depth - 1) if makers else self.leaf(ty)

    def read(self, var: Var) -> Code:
        return Code(var.name, lambda env: env[var.name])

    def leaf(self, ty: Ty) -> Code:
        match ty.kind:
            case "int":
                return self.int_literal(ty)
            case "float":
                return self.float_literal()
            case "bool":
                value = self.random.random() < 0.5
                return Code(str(value).lower(), lambda env: value)
            case "str":
                text = self.words()
                return Code(m.quoted(text), lambda env: text)
            case "unit":
                return Code("()", lambda env: None)
            case "opt":
                return Code("None", lambda env: ("None",))
            case "vec":
                return Code("[]", lambda env: [])
            case "res":
                return self.bad(ty, 0)
            case _:
                return self.aggregate(ty, 0)

    def words(self) -> str:
        return self.random.choice(["", "a", "b", "ab", "x y", " pad ", "12", "-7", "é", 'q"', "l\n", "a,b,,c", "\\"])

    def int_literal(self, ty: Ty) -> Code:
        value = self.random.choice([0, 1, 2, 3, 7, 10, ty.high, ty.high - 1, self.random.randint(0, ty.high)])
        if ty.signed and self.random.random() < 0.35:
            value = -value if self.random.random() < 0.8 else ty.low
        suffix = "i64" if ty == INT and self.random.random() < 0.5 else str(ty) if ty != INT else "i64"
        text = f"{value}{suffix}" if value >= 0 else f"(-{-value}{suffix})"
        return Code(text, lambda env: value)

    def float_literal(self) -> Code:
        value = self.random.choice([0.0, 1.0, 0.5, 2.5, 1e10, 1e-7, 3.25, 123.456, 1e300])
        text = format(value, "f") if 1e-4 < value < 1e16 else f"{value:.1e}"
        value = float(text)
        if self.random.random() < 0.3:
            return Code(f"(-{text})", lambda env: -value)
        return Code(text, lambda env: value)

    def general(self, ty: Ty, depth: int) -> Code:
        """Forms that give a value of any type."""
        return self.random.choice(
            [self.if_expr, self.match_option, self.match_result, self.match_number, self.block_expr, self.called,
             self.element, self.part, self.unwrapped, self.loop_expr, self.echo, self.echo, self.match_pair,
             self.tried, self.popped]
        )(ty, depth - 1)  # fmt: skip

    def if_expr(self, ty: Ty, depth: int) -> Code:
        condition = self.expr(BOOL, depth)
        then, other = self.scoped(ty, depth), self.scoped(ty, depth)
        return Code(
            f"(if {condition.text} {{ {then.text} }} else {{ {other.text} }})",
            lambda env: then.run(env) if condition.run(env) else other.run(env),
        )

    def scoped(self, ty: Ty, depth: int) -> Code:
        """A value, perhaps behind a statement, in a scope of its own."""
        self.scopes.append([])
        before = [self.statement(depth - 1)] if depth > 0 and self.random.random() < 0.3 else []
        value = self.expr(ty, depth)
        self.scopes.pop()
        text = " ".join([*(one.text for one in before), value.text])

        def run(env: Env) -> Any:
            for one in before:
                one.run(env)
            return value.run(env)

        return Code(text, run)

    def block_expr(self, ty: Ty, depth: int) -> Code:
        inner = self.scoped(ty, max(depth, 1))
        return Code(f"({{ {inner.text} }})", inner.run)

    def loop_expr(self, ty: Ty, depth: int) -> Code:
        value = self.expr(ty, depth)
        return Code(f"(loop {{ break {value.text}; }})", value.run)

    def match_option(self, ty: Ty, depth: int) -> Code:
        item = self.type(1)
        subject = self.expr(option(item), depth)
        name = self.name("m")
        self.scopes.append([Var(name, item, mutable=False)])
        guard = self.expr(BOOL, 0) if self.random.random() < 0.3 else None
        some = self.expr(ty, depth)
        self.scopes.pop()
        none = self.expr(ty, depth)
        condition = f" if {guard.text}" if guard else ""

        def run(env: Env) -> Any:
            found = subject.run(env)
            if found[0] == "Some":
                env[name] = found[1]
                if guard is None or guard.run(env):
                    return some.run(env)
            return none.run(env)

        last = "_" if guard else "None"
        arms = f"Some({name}){condition} => {some.text}, {last} => {none.text}"
        return Code(f"(match {self.typed(option(item), subject)} {{ {arms} }})", run)

    def match_result(self, ty: Ty, depth: int) -> Code:
        kind = Ty("res", (self.type(1), self.random.choice([STR, INT])))
        subject = self.expr(kind, depth)
        name = self.name("m")
        bodies = []
        for item in kind.args:
            self.scopes.append([Var(name, item, mutable=False)])
            bodies.append(self.expr(ty, depth))
            self.scopes.pop()

        def run(env: Env) -> Any:
            found = subject.run(env)
            env[name] = found[1]
            return bodies[found[0] == "Err"].run(env)

        arms = f"Ok({name}) => {bodies[0].text}, Err({name}) => {bodies[1].text}"
        return Code(f"(match {self.typed(kind, subject)} {{ {arms} }})", run)

    def match_pair(self, ty: Ty, depth: int) -> Code:
        """A pattern in patterns: alternatives that bind alike, a literal, a guard, and a rest that takes all."""
        item, error = self.type(1), self.random.choice([STR, INT])
        kind = Ty("tup", (option(item), Ty("res", (BOOL, error))))
        subject = self.expr(kind, depth)
        value, why = self.name("m"), self.name("m")
        self.scopes.append([Var(value, item, mutable=False)])
        guard, both = self.expr(BOOL, 0), self.expr(ty, depth)
        self.scopes[-1].append(Var(why, error, mutable=False))
        failed = self.expr(ty, depth)
        self.scopes.pop()
        no, rest = self.expr(ty, depth), self.expr(ty, depth)

        def run(env: Env) -> Any:
            option_, result = subject.run(env)
            if option_[0] == "Some":
                env[value] = option_[1]
                if result[0] == "Err":
                    env[why] = result[1]
                    return failed.run(env)
                if guard.run(env):
                    return both.run(env)
            return (no if option_[0] == "None" and result[0] == "Ok" else rest).run(env)

        arms = (
            f"(Some({value}), Err({why})) => {failed.text}, "
            f"(Some({value}), Ok(true)) | (Some({value}), Ok(false)) if {guard.text} => {both.text}, "
            f"(None, Ok(_)) => {no.text}, _ => {rest.text}"
        )
        return Code(f"(match {self.typed(kind, subject)} {{ {arms} }})", run)

    def tried(self, ty: Ty, depth: int) -> Code:
        """`e?`, in a function whose result takes what is wrong."""
        if self.result.kind not in ("opt", "res"):
            return self.match_pair(ty, depth)
        kind = Ty(self.result.kind, (ty, *self.result.args[1:]))
        value = self.expr(kind, depth)

        def run(env: Env) -> Any:
            found = value.run(env)
            if found[0] in ("None", "Err"):
                raise ReturnError(found)
            return found[1]

        return Code(f"({self.typed(kind, value)}?)", run)

    def popped(self, ty: Ty, depth: int) -> Code:
        """The last item, taken out in the middle of an expression."""
        known = self.visible(Ty("vec", (ty,)))
        if not known:
            return self.element(ty, depth)
        name, other = self.random.choice(known).name, self.expr(ty, depth)

        def run(env: Env) -> Any:
            return other.run(env) if not env[name] else env[name].pop()

        return Code(f"(if {name}.is_empty() {{ {other.text} }} else {{ {name}.pop() }})", run)

    def typed(self, ty: Ty, value: Code) -> str:
        """The value where nothing else says what its type is."""
        name = self.name("t")
        return f"({{ let {name}: {ty} = {value.text}; {name} }})"

    def match_number(self, ty: Ty, depth: int) -> Code:
        kind = self.random.choice([INT, STR, BOOL, self.random.choice(INTS)])
        subject = self.expr(kind, depth)
        choices: dict[str, list[Any]] = {"int": [0, 1, 7], "str": ["", "a", "12"], "bool": [True]}
        keys = choices[kind.kind]
        bodies = [self.expr(ty, depth) for _ in keys]
        other = self.expr(ty, depth)

        def run(env: Env) -> Any:
            found = subject.run(env)
            return (bodies[keys.index(found)] if found in keys else other).run(env)

        arms = ", ".join(
            f"{m.show(kind, key, inside=True)} => {body.text}" for key, body in zip(keys, bodies, strict=True)
        )
        return Code(f"(match {self.typed(kind, subject)} {{ {arms}, _ => {other.text} }})", run)

    def called(self, ty: Ty, depth: int) -> Code:
        fitting = [one for one in self.functions if one.result == ty]
        if not fitting:
            return self.leaf(ty)
        function = self.random.choice(fitting)
        args = [self.expr(one, depth) for one in function.params]
        return Code(
            f"{function.name}({', '.join(arg.text for arg in args)})",
            lambda env: function.run(*[arg.run(env) for arg in args]),
        )

    def element(self, ty: Ty, depth: int) -> Code:
        known = self.visible(Ty("vec", (ty,)))
        vec = self.read(self.random.choice(known)) if known else None
        if vec is None:
            items = [self.expr(ty, depth) for _ in range(2)]
            text = self.typed(Ty("vec", (ty,)), Code(f"[{items[0].text}, {items[1].text}]", lambda env: None))
            vec = Code(text, lambda env: [one.run(env) for one in items])
        index = self.small(depth)

        def run(env: Env) -> Any:
            found = vec.run(env)
            return found[checked_index(index.run(env), found)]

        return Code(f"{vec.text}[{index.text}]", run)

    def echo(self, ty: Ty, depth: int) -> Code:
        """There and back through an actor, which gets a copy and gives one."""
        if ty not in self.echoed:
            return self.if_expr(ty, depth)
        value = self.expr(ty, depth)
        return Code(
            f"(await (spawn Echo).take{self.echoed.index(ty)}({value.text}))",
            lambda env: m.deep_copy(ty, value.run(env)),
        )

    def small(self, depth: int) -> Code:
        if self.random.random() < 0.2:
            return self.expr(INT, depth)
        value = self.random.randint(0, 2)
        return Code(str(value), lambda env: value)

    def part(self, ty: Ty, depth: int) -> Code:
        holders = [one for one in self.visible() if one.ty.kind in ("tup", "rec") and ty in one.ty.args]
        if not holders:
            return self.leaf(ty)
        var = self.random.choice(holders)
        places = [index for index, one in enumerate(var.ty.args) if one == ty]
        index = self.random.choice(places)
        return Code(f"{var.name}.{'f' if var.ty.kind == 'rec' else ''}{index}", lambda env: env[var.name][index])

    def unwrapped(self, ty: Ty, depth: int) -> Code:
        kind = option(ty)
        value = self.expr(kind, depth)
        text = self.typed(kind, value)
        default = self.expr(ty, depth)

        def run(env: Env) -> Any:
            found = value.run(env)
            other = default.run(env)
            return found[1] if found[0] == "Some" else other

        return Code(f"{text}.unwrap_or({default.text})", run)

    # ---- integers

    def int_operator(self, ty: Ty, depth: int) -> Code:
        op = self.random.choice(list(m.INT_OPERATORS))
        left = self.expr(ty, depth)
        right = self.expr(ty, depth)
        if op in ("<<", ">>") and self.random.random() < 0.95:
            count = self.random.randint(0, ty.bits - 1)
            right = Code(str(count), lambda env: count)
        elif op in ("/", "%") and self.random.random() < 0.9:
            divisor = self.random.choice([1, 2, 3, 7, 10, *([-1] if ty.signed else [])])
            right = Code(str(divisor) if divisor > 0 else f"(-{-divisor})", lambda env: divisor)
        apply = m.INT_OPERATORS[op]
        return Code(f"({left.text} {op} {right.text})", lambda env: apply(ty, left.run(env), right.run(env)))

    def int_method(self, ty: Ty, depth: int) -> Code:
        name = self.random.choice([*m.BINARY_METHODS, "abs", "sign", "pow", "clamp", "rotate_left", "rotate_right"])
        left = self.typed_int(ty, depth)
        if name in ("abs", "sign"):
            sign = name == "sign"
            return Code(
                f"{left.text}.{name}()", lambda env: _sign(left.run(env)) if sign else ty.wrap(abs(left.run(env)))
            )
        if name in ("pow", "rotate_left", "rotate_right"):
            return self._with_count(ty, name, left)
        if name == "clamp":
            low, high = sorted([self.random.randint(ty.low, ty.high), self.random.randint(ty.low, ty.high)])
            return Code(
                f"{left.text}.clamp({self._plain(low)}, {self._plain(high)})",
                lambda env: min(max(left.run(env), low), high),
            )
        right = self.expr(ty, depth)
        apply = m.BINARY_METHODS[name]
        return Code(f"{left.text}.{name}({right.text})", lambda env: apply(ty, left.run(env), right.run(env)))

    @staticmethod
    def _plain(value: int) -> str:
        return str(value) if value >= 0 else f"(-{-value})"

    def _with_count(self, ty: Ty, name: str, left: Code) -> Code:
        count = self.random.randint(0, 9)

        def run(env: Env) -> int:
            value = left.run(env)
            if name == "pow":
                return ty.wrap(value**count)
            return m.rotate_left(ty, value, count if name == "rotate_left" else -count)

        return Code(f"{left.text}.{name}({count})", run)

    def typed_int(self, ty: Ty, depth: int) -> Code:
        value = self.expr(ty, depth)
        return Code(self.typed(ty, value), value.run)

    def negated(self, ty: Ty, depth: int) -> Code:
        value = self.expr(ty, depth)
        if self.random.random() < 0.5 or not ty.signed:
            return Code(f"(~{value.text})", lambda env: ty.wrap(~value.run(env)))
        return Code(f"(-{self.typed(ty, value)})", lambda env: ty.wrap(-value.run(env)))

    def int_of_text(self, ty: Ty, depth: int) -> Code:
        """Lengths and counts."""
        if ty != INT:
            return self.int_cast(ty, depth)
        if self.random.random() < 0.5:
            text = self.expr(STR, depth)
            if self.random.random() < 0.5:
                return Code(f"({text.text}).len()", lambda env: len(text.run(env).encode()))
            part = self.expr(STR, depth)
            return Code(
                f"({text.text}).find({part.text})",
                lambda env: text.run(env).encode().find(part.run(env).encode()),
            )
        kind = self.random.choice(INTS)
        value = self.typed_int(kind, depth)
        name = self.random.choice(list(m.UNARY_METHODS))
        apply = m.UNARY_METHODS[name]
        return Code(f"{value.text}.{name}()", lambda env: apply(kind, value.run(env)))

    def int_cast(self, ty: Ty, depth: int) -> Code:
        source = self.random.choice([*INTS, BOOL, FLOAT])
        value = self.expr(source, depth)
        text = f"({self.typed(source, value)} as {ty})"
        if source == FLOAT:
            return Code(text, lambda env: m.float_to_int(ty, value.run(env)))
        return Code(text, lambda env: ty.wrap(int(value.run(env))))

    def checked_or(self, ty: Ty, depth: int) -> Code:
        kind = option(ty)
        value = self.optional(kind, depth)
        text = self.typed(kind, value)
        if self.random.random() < 0.3:

            def run(env: Env) -> Any:
                found = value.run(env)
                if found[0] == "None":
                    raise TrapError("unwrap of None")
                return found[1]

            return Code(f"{text}.unwrap()", run)
        return Code(f"{text}.unwrap_or(1)", lambda env: (*value.run(env), 1)[1])

    # ---- floats

    def float_operator(self, ty: Ty, depth: int) -> Code:
        op = self.random.choice("+-*/%")
        left, right = self.expr(FLOAT, depth), self.expr(FLOAT, depth)
        apply: dict[str, Callable[[float, float], float]] = {
            "+": lambda a, b: a + b,
            "-": lambda a, b: a - b,
            "*": lambda a, b: a * b,
            "/": m.float_divide,
            "%": m.float_modulo,
        }
        return Code(f"({left.text} {op} {right.text})", lambda env: apply[op](left.run(env), right.run(env)))

    def float_method(self, ty: Ty, depth: int) -> Code:
        value = self.expr(FLOAT, depth)
        name = self.random.choice(["abs", "floor", "ceil", "trunc"])

        def run(env: Env) -> float:
            x: float = value.run(env)
            if name == "abs":
                return abs(x)
            if math.isnan(x) or math.isinf(x):
                return x
            whole = math.floor(x) if name == "floor" else math.ceil(x) if name == "ceil" else math.trunc(x)
            return math.copysign(float(whole), x)

        return Code(f"{self.typed(FLOAT, value)}.{name}()", run)

    def float_cast(self, ty: Ty, depth: int) -> Code:
        kind = self.random.choice(INTS)
        value = self.expr(kind, depth)
        return Code(f"({self.typed(kind, value)} as Float)", lambda env: float(value.run(env)))

    # ---- Bools

    def comparison(self, ty: Ty, depth: int) -> Code:
        kind = self.type(2)
        ops = ["==", "!=", "<", "<=", ">", ">="]
        op = self.random.choice(ops if m.ordered(kind) and kind.kind in ("int", "float", "str", "bool") else ops[:2])
        left, right = self.expr(kind, depth), self.expr(kind, depth)
        apply: dict[str, Callable[[Any, Any], bool]] = {
            "==": lambda a, b: m.equal(kind, a, b),
            "!=": lambda a, b: not m.equal(kind, a, b),
            "<": lambda a, b: bool(a < b),
            "<=": lambda a, b: bool(a <= b),
            ">": lambda a, b: bool(a > b),
            ">=": lambda a, b: bool(a >= b),
        }

        def run(env: Env) -> bool:
            a, b = left.run(env), right.run(env)
            if kind == STR and op[0] in "<>":
                a, b = a.encode(), b.encode()
            return apply[op](a, b)

        return Code(f"({self.typed(kind, left)} {op} {right.text})", run)

    def logical(self, ty: Ty, depth: int) -> Code:
        left, right = self.expr(BOOL, depth), self.expr(BOOL, depth)
        if self.random.random() < 0.5:
            return Code(f"({left.text} && {right.text})", lambda env: left.run(env) and right.run(env))
        return Code(f"({left.text} || {right.text})", lambda env: left.run(env) or right.run(env))

    def negation(self, ty: Ty, depth: int) -> Code:
        value = self.expr(BOOL, depth)
        return Code(f"(!{value.text})", lambda env: not value.run(env))

    def asked(self, ty: Ty, depth: int) -> Code:
        """Questions to strings, Vecs, Options and Results."""
        pick = self.random.randrange(4)
        if pick == 0:
            text, part = self.expr(STR, depth), self.expr(STR, depth)
            return Code(f"({text.text}).contains({part.text})", lambda env: _contains(text.run(env), part.run(env)))
        if pick == 1:
            kind = option(self.type(1))
            value = self.expr(kind, depth)
            return Code(f"{self.typed(kind, value)}.is_some()", lambda env: value.run(env)[0] == "Some")
        if pick == 2:
            kind = Ty("res", (self.type(1), STR))
            value = self.expr(kind, depth)
            return Code(f"{self.typed(kind, value)}.is_err()", lambda env: value.run(env)[0] == "Err")
        item = self.type(1)
        vec, one = self.expr(Ty("vec", (item,)), depth), self.expr(item, depth)

        def run(env: Env) -> bool:
            found, wanted = vec.run(env), one.run(env)
            return any(m.equal(item, each, wanted) for each in found)

        return Code(f"{self.typed(Ty('vec', (item,)), vec)}.contains({one.text})", run)

    # ---- strings

    def concat(self, ty: Ty, depth: int) -> Code:
        parts = [self.expr(STR, depth) for _ in range(self.random.randint(2, 4))]
        return Code(
            "(" + " + ".join(one.text for one in parts) + ")",
            lambda env: self.machine.bounded("".join([one.run(env) for one in parts])),
        )

    def format(self, ty: Ty, depth: int) -> Code:
        kinds = [self.type(1) for _ in range(self.random.randint(1, 2))]
        values = [self.known_or_typed(kind, depth) for kind in kinds]
        text = 'f"' + "-".join(f"{{{one.text}}}" for one in values) + '"'
        return Code(
            text,
            lambda env: self.machine.bounded(
                "-".join(m.show(kind, one.run(env)) for kind, one in zip(kinds, values, strict=True))
            ),
        )

    def known_or_typed(self, kind: Ty, depth: int) -> Code:
        value = self.expr(kind, depth)
        return value if self.visible(kind) and value.text.isidentifier() else Code(self.typed(kind, value), value.run)

    def to_text(self, ty: Ty, depth: int) -> Code:
        kind = self.type(1)
        value = self.expr(kind, depth)
        return Code(
            f"to_string({self.typed(kind, value)})", lambda env: self.machine.bounded(m.show(kind, value.run(env)))
        )

    def sliced(self, ty: Ty, depth: int) -> Code:
        if self.random.random() < 0.3:
            value = self.expr(STR, depth)
            return Code(f"({value.text}).trim()", lambda env: value.run(env).strip(" \n"))
        text = self.random.choice(["abcdef", "0123456789"])
        start, length = self.random.randint(0, 3), self.small(depth)

        def run(env: Env) -> str:
            end = INT.wrap(start + length.run(env))
            bound = next((one for one in (start, end) if not 0 <= one <= len(text)), None)
            if bound is not None:
                raise TrapError(f"index {bound} out of range for length {len(text)}")
            if end < start:
                raise TooLongError  # which bound is named is left open
            return text[start:end]

        return Code(f'"{text}".slice({start}, {start} +% {length.text})', run)

    def joined(self, ty: Ty, depth: int) -> Code:
        items, between = self.expr(Ty("vec", (STR,)), depth), self.expr(STR, depth)

        def run(env: Env) -> str:
            found, text = items.run(env), between.run(env)
            return str(self.machine.bounded(text.join(found)))

        return Code(f"{self.typed(Ty('vec', (STR,)), items)}.join({between.text})", run)

    # ---- collections

    def split(self, ty: Ty, depth: int) -> Code:
        if ty.args[0] != STR:
            return self.vec_literal(ty, depth)
        text, between = self.expr(STR, depth), self.expr(STR, depth)

        def run(env: Env) -> Any:
            found, cut = text.run(env), between.run(env)
            return self.machine.bounded(found.split(cut) if cut else list(found))

        return Code(f"({text.text}).split({between.text})", run)

    def vec_literal(self, ty: Ty, depth: int) -> Code:
        items = [self.expr(ty.args[0], depth) for _ in range(self.random.randint(0, 4))]
        return Code(f"[{', '.join(one.text for one in items)}]", lambda env: [one.run(env) for one in items])

    def vec_repeat(self, ty: Ty, depth: int) -> Code:
        item = self.expr(ty.args[0], depth)
        count = self.random.randint(0, 3)

        def run(env: Env) -> list[Any]:
            value = item.run(env)
            return [m.deep_copy(ty.args[0], value) for _ in range(count)]

        return Code(f"[{item.text}; {count}]", run)

    def vec_copy(self, ty: Ty, depth: int) -> Code:
        known = self.visible(ty)
        if not known:
            return self.vec_literal(ty, depth)
        var = self.random.choice(known)
        if self.random.random() < 0.5:
            return Code(f"{var.name}.clone()", lambda env: m.deep_copy(ty, env[var.name]))
        return Code(f"{var.name}.slice(0, {var.name}.len())", lambda env: m.deep_copy(ty, env[var.name]))

    def some(self, ty: Ty, depth: int) -> Code:
        value = self.expr(ty.args[0], depth)
        return Code(f"Some({value.text})", lambda env: ("Some", value.run(env)))

    def optional(self, ty: Ty, depth: int) -> Code:
        """An Option that an operation gives."""
        item = ty.args[0]
        if item.kind != "int":
            return self.some(ty, depth)
        if item == INT and self.random.random() < 0.3:
            text = self.expr(STR, depth)
            return Code(f"({text.text}).parse_int()", lambda env: _parse_int(text.run(env)))
        if self.random.random() < 0.4:
            source = self.random.choice(INTS)
            value = self.expr(source, depth)
            return Code(f"{item}::try_from({self.typed(source, value)})", lambda env: m.in_range(item, value.run(env)))
        left, right = self.expr(item, depth), self.expr(item, depth)
        name = self.random.choice([*m.CHECKED, "checked_div"])
        text_ = f"{self.typed(item, left)}.{name}({right.text})"
        if name == "checked_div":
            return Code(text_, lambda env: m.checked_div(item, left.run(env), right.run(env)))
        apply = m.CHECKED[name]
        return Code(text_, lambda env: m.in_range(item, apply(left.run(env), right.run(env))))

    def good(self, ty: Ty, depth: int) -> Code:
        value = self.expr(ty.args[0], depth)
        return Code(f"Ok({value.text})", lambda env: ("Ok", value.run(env)))

    def bad(self, ty: Ty, depth: int) -> Code:
        value = self.expr(ty.args[1], depth)
        return Code(f"Err({value.text})", lambda env: ("Err", value.run(env)))

    def aggregate(self, ty: Ty, depth: int) -> Code:
        parts = [self.expr(one, depth) for one in ty.args]
        if ty.kind == "tup":
            text = "(" + ", ".join(one.text for one in parts) + ")"
        else:
            text = f"({ty.name} {{ " + ", ".join(f"f{i}: {one.text}" for i, one in enumerate(parts)) + " })"
        return Code(text, lambda env: tuple([one.run(env) for one in parts]))

    # ---- statements

    def statement(self, depth: int) -> Code:
        makers = [self.let, self.let, self.let, self.assign, self.assign, self.compound, self.mutate, self.show]
        if depth > 0:
            makers += [self.if_statement, self.for_range, self.for_vec, self.while_loop, self.destructure, self.if_let]
            makers += [self.while_let, self.for_text]
            makers += [self.early_return, self.leave_loop]
        made = self.random.choice(makers)(depth)

        def run(env: Env) -> None:
            self.machine.tick()
            made.run(env)

        return Code(made.text, run)

    def block(self, depth: int, *names: Var, least: int = 1) -> Code:
        self.scopes.append(list(names))
        statements = [self.statement(depth) for _ in range(self.random.randint(least, 4))]
        self.scopes.pop()

        def run(env: Env) -> None:
            for one in statements:
                one.run(env)

        return Code(" ".join(one.text for one in statements), run)

    def let(self, depth: int) -> Code:
        ty, mutable = self.type(), self.random.random() < 0.6
        value = self.expr(ty, depth)
        name = self.name("v")
        self.scopes[-1].append(Var(name, ty, mutable))

        def run(env: Env) -> None:
            env[name] = value.run(env)

        if mutable and self.random.random() < 0.2:  # assigned later, on every path
            condition = self.expr(BOOL, 0)
            if any(name in part for part in (condition.text,)):
                return Code(f"var {name}: {ty} = {value.text};", run)
            return Code(
                f"var {name}: {ty}; if true {{ {name} = {value.text}; }} else {{ {name} = {value.text}; }}", run
            )
        return Code(f"{'var' if mutable else 'let'} {name}: {ty} = {value.text};", run)

    def place(self) -> tuple[Code, Ty, Callable[[Env, Any], None]] | None:
        """A place that can be assigned: how to read it, its type, how to write it."""
        variables = self.visible(mutable=True)
        if not variables:
            return None
        var = self.random.choice(variables)
        path: list[int] = []
        ty, text = var.ty, var.name
        while ty.kind in ("tup", "rec") and ty.args and self.random.random() < 0.7:
            index = self.random.randrange(len(ty.args))
            text += f".{'f' if ty.kind == 'rec' else ''}{index}"
            path.append(index)
            ty = ty.args[index]

        def read(env: Env) -> Any:
            value = env[var.name]
            for index in path:
                value = value[index]
            return value

        def write(env: Env, value: Any) -> None:
            env[var.name] = _updated(env[var.name], path, value)

        return Code(text, read), ty, write

    def assign(self, depth: int) -> Code:
        vectors = [one for one in self.visible() if one.ty.kind == "vec"]
        if vectors and self.random.random() < 0.3:
            return self.assign_element(self.random.choice(vectors), depth)
        found = self.place()
        if found is None:
            return self.show(depth)
        place, ty, write = found
        value = self.expr(ty, depth)
        return Code(f"{place.text} = {value.text};", lambda env: write(env, value.run(env)))

    def assign_element(self, var: Var, depth: int) -> Code:
        index, value = self.small(depth), self.expr(var.ty.args[0], depth)

        def run(env: Env) -> None:
            vec = env[var.name]
            at = index.run(env)
            new = value.run(env)
            vec[checked_index(at, vec)] = new

        if self.random.random() < 0.5:
            return Code(f"{var.name}[{index.text}] = {value.text};", run)
        return Code(f"{var.name}.set({index.text}, {value.text});", run)

    def compound(self, depth: int) -> Code:
        found = self.place()
        if found is None or found[1].kind not in ("int", "str"):
            return self.let(depth)
        place, ty, write = found
        value = self.expr(ty, depth)
        if ty == STR:
            return Code(
                f"{place.text} += {value.text};",
                lambda env: self._append(env, place, value, write),
            )
        op = self.random.choice(["+", "-", "*", "&", "|", "^", "+%", "*%"])
        apply = m.INT_OPERATORS[op]

        def run(env: Env) -> None:
            right = value.run(env)
            write(env, apply(ty, place.run(env), right))

        return Code(f"{place.text} {op}= {value.text};", run)

    def _append(self, env: Env, place: Code, value: Code, write: Callable[[Env, Any], None]) -> None:
        right = value.run(env)
        write(env, self.machine.bounded(place.run(env) + right))

    def mutate(self, depth: int) -> Code:
        vectors = [one for one in self.visible() if one.ty.kind == "vec"]
        if not vectors:
            return self.let(depth)
        var = self.random.choice(vectors)
        pick = self.random.random()
        if pick < 0.7:
            value = self.expr(var.ty.args[0], depth)
            return Code(f"{var.name}.push({value.text});", lambda env: self._push(env[var.name], value.run(env)))
        if pick < 0.8:
            return Code(f"{var.name}.clear();", lambda env: env[var.name].clear())

        def pop(env: Env) -> None:
            if not env[var.name]:
                raise TrapError("pop from an empty Vec")
            env[var.name].pop()

        if pick < 0.85:
            return Code(f"{var.name}.pop();", pop)
        return Code(
            f"if !{var.name}.is_empty() {{ {var.name}.pop(); }}", lambda env: pop(env) if env[var.name] else None
        )

    def _push(self, vec: list[Any], value: Any) -> None:
        vec.append(value)
        self.machine.bounded(vec)

    def show(self, depth: int) -> Code:
        variables = self.visible()
        if variables and self.random.random() < 0.7:
            var = self.random.choice(variables)
            return Code(
                f"println({var.name});",
                lambda env: self.machine.out.append(m.show(var.ty, env[var.name]) + "\n"),
            )
        ty = self.type(1)
        value = self.expr(ty, depth)
        return Code(
            f"println({self.typed(ty, value)});",
            lambda env: self.machine.out.append(self.machine.bounded(m.show(ty, value.run(env))) + "\n"),
        )

    def if_statement(self, depth: int) -> Code:
        condition = self.expr(BOOL, depth)
        then = self.block(depth - 1)
        other = self.block(depth - 1)

        def run(env: Env) -> None:
            (then if condition.run(env) else other).run(env)

        return Code(f"if {condition.text} {{ {then.text} }} else {{ {other.text} }}", run)

    def if_let(self, depth: int) -> Code:
        item = self.type(1)
        subject = self.expr(option(item), depth)
        name = self.name("m")
        then = self.block(depth - 1, Var(name, item, mutable=False))

        def run(env: Env) -> None:
            found = subject.run(env)
            if found[0] == "Some":
                env[name] = found[1]
                then.run(env)

        return Code(f"if let Some({name}) = {self.typed(option(item), subject)} {{ {then.text} }}", run)

    def for_range(self, depth: int) -> Code:
        count, name = self.random.randint(0, 4), self.name("i")
        self.loops += 1
        body = self.block(depth - 1, Var(name, INT, mutable=False))
        self.loops -= 1
        return Code(
            f"for {name} in 0..{count} {{ {body.text} }}", lambda env: self._rounds(env, name, range(count), body)
        )

    def _rounds(self, env: Env, name: str, values: Any, body: Code) -> None:
        for value in values:
            env[name] = value
            self.machine.tick()
            try:
                body.run(env)
            except BreakError:
                return
            except ContinueError:
                continue

    def for_vec(self, depth: int) -> Code:
        item = self.type(1)
        vec = self.expr(Ty("vec", (item,)), depth)
        text = self.typed(Ty("vec", (item,)), vec)
        name = self.name("i")
        self.loops += 1
        body = self.block(depth - 1, Var(name, item, mutable=False))
        self.loops -= 1
        return Code(f"for {name} in {text} {{ {body.text} }}", lambda env: self._rounds(env, name, vec.run(env), body))

    def while_let(self, depth: int) -> Code:
        """Takes items out of a Vec as long as there are any."""
        vectors = [one for one in self.visible() if one.ty.kind == "vec"]
        if not vectors:
            return self.while_loop(depth)
        vec, name = self.random.choice(vectors), self.name("w")
        self.loops += 1
        body = self.block(depth - 1, Var(name, vec.ty.args[0], mutable=False))
        self.loops -= 1

        def items(env: Env) -> Any:
            while env[vec.name]:
                yield env[vec.name].pop()

        taken = f"if {vec.name}.is_empty() {{ None }} else {{ Some({vec.name}.pop()) }}"
        return Code(
            f"while let Some({name}) = {taken} {{ {body.text} }}", lambda env: self._rounds(env, name, items(env), body)
        )

    def for_text(self, depth: int) -> Code:
        """Over the characters of a string."""
        text, name = self.expr(STR, depth), self.name("i")
        self.loops += 1
        body = self.block(depth - 1)
        self.loops -= 1
        shown = f'print(f"{{{name}}};");'

        def characters(env: Env) -> Any:
            for one in text.run(env):
                self.machine.out.append(f"{one};")
                yield one

        return Code(
            f"for {name} in {text.text} {{ {shown} {body.text} }}",
            lambda env: self._rounds(env, name, characters(env), body),
        )

    def while_loop(self, depth: int) -> Code:
        name, count = self.name("w"), self.random.randint(0, 4)
        self.loops += 1
        body = self.block(depth - 1, Var(name, INT, mutable=False))
        self.loops -= 1

        def run(env: Env) -> None:
            env[name] = 0
            self._rounds(env, name, range(1, count + 1), body)

        return Code(f"var {name} = 0; while {name} < {count} {{ {name} += 1; {body.text} }}", run)

    def leave_loop(self, depth: int) -> Code:
        if not self.loops:
            return self.show(depth)
        condition = self.expr(BOOL, depth)
        word, kind = self.random.choice([("break", BreakError), ("continue", ContinueError)])

        def run(env: Env) -> None:
            if condition.run(env):
                raise kind

        return Code(f"if {condition.text} {{ {word}; }}", run)

    def early_return(self, depth: int) -> Code:
        condition = self.expr(BOOL, depth)
        value = self.leaf(UNIT) if self.result == UNIT else self.expr(self.result, depth)

        def run(env: Env) -> None:
            if condition.run(env):
                raise ReturnError(value.run(env))

        if self.result == UNIT:
            return Code(f"if {condition.text} {{ return; }}", run)
        return Code(f"if {condition.text} {{ return {value.text}; }}", run)

    def destructure(self, depth: int) -> Code:
        ty = Ty("tup", (self.type(1), self.type(1)))
        value = self.expr(ty, depth)
        names = [self.name("d"), self.name("d")]
        self.scopes[-1] += [Var(name, one, mutable=False) for name, one in zip(names, ty.args, strict=True)]

        def run(env: Env) -> None:
            env.update(zip(names, value.run(env), strict=True))

        return Code(f"let ({names[0]}, {names[1]}) = {self.typed(ty, value)};", run)

    # ---- items

    def record(self) -> str:
        fields = tuple(self.type(1) for _ in range(self.random.randint(1, 3)))
        ty = Ty("rec", fields, name=self.name("R"))
        self.records.append(ty)
        return f"type {ty.name} {{ " + " ".join(f"f{i}: {one};" for i, one in enumerate(fields)) + " }"

    def function(self, *, entry: bool) -> Function:
        """`entry`: without parameters, its result printed by itself."""
        params = (
            [] if entry else [Var(self.name("p"), self.type(), mutable=False) for _ in range(self.random.randint(0, 3))]
        )
        params = [Var(one.name, one.ty, self.random.random() < 0.3) for one in params]
        self.result = UNIT if entry else self.type()
        self.scopes = [list(params)]
        self.loops = 0
        statements = [
            self.statement(2) for _ in range(self.random.randint(3, 9) if entry else self.random.randint(0, 3))
        ]
        value = self.show(2) if entry else self.expr(self.result, 2)
        name, result = self.name("fn_"), self.result
        head = ", ".join(f"{'var ' if one.mutable else ''}{one.name}: {one.ty}" for one in params)
        arrow = "" if result == UNIT else f" -> {result}"
        body = "\n    ".join([*(one.text for one in statements), value.text])

        def run(*args: Any) -> Any:
            self.machine.tick()
            env: Env = {one.name: arg for one, arg in zip(params, args, strict=True)}
            try:
                for one in statements:
                    one.run(env)
                return value.run(env)
            except ReturnError as given:
                return given.value

        text = f"fn {name}({head}){arrow} {{\n    {body}\n}}"
        return Function(name, tuple(one.ty for one in params), result, text, run)

    def program(self, entries: int) -> Program:
        texts = [self.record() for _ in range(2)]
        self.echoed = list({self.type(2): None for _ in range(12)})
        handlers = [f"receive fn take{i}(v: {ty}) -> {ty} {{ close(this); v }}" for i, ty in enumerate(self.echoed)]
        texts.append("actor Echo { " + " ".join(handlers) + " }")
        for _ in range(self.random.randint(2, 5)):
            made = self.function(entry=False)
            self.functions.append(made)
            texts.append(made.text)
        calls = [self.function(entry=True) for _ in range(entries)]
        texts += [one.text for one in calls]
        return Program("\n".join(texts), calls, self.machine)


def checked_index(index: int, found: list[Any]) -> int:
    if not 0 <= index < len(found):
        raise TrapError(f"index {index} out of range for length {len(found)}")
    return index


def _updated(whole: Any, path: list[int], value: Any) -> Any:
    if not path:
        return value
    parts = list(whole)
    parts[path[0]] = _updated(parts[path[0]], path[1:], value)
    return tuple(parts)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _contains(text: str, part: str) -> bool:
    return part in text


def _parse_int(text: str) -> tuple[Any, ...]:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        return ("None",)
    return m.in_range(INT, int(text))
