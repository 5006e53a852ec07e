"""Expressions of integers, floats, Bools and strings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.support import model as m
from tests.support.model import BOOL, FLOAT, INT, INTS, STR, TrapError, Ty, option
from tests.support.random_programs.code import Code, Env, TooLongError, contains, sign_of
from tests.support.random_programs.scopes import Scopes


class Scalars(Scopes):
    """Mixin: what gives a value without parts."""

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
                f"{left.text}.{name}()", lambda env: sign_of(left.run(env)) if sign else ty.wrap(abs(left.run(env)))
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
            return Code(f"({text.text}).contains({part.text})", lambda env: contains(text.run(env), part.run(env)))
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
