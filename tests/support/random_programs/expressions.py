"""Expressions of any type, and of collections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support import model as m
from tests.support.model import BOOL, INT, INTS, STR, Ty, option
from tests.support.random_programs.code import Code, Env, ReturnError, Var, checked_index, parse_int
from tests.support.random_programs.scalars import Scalars


class Expressions(Scalars):
    """Mixin: chooses among all the forms that give a value of a type."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
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
            return Code(f"({text.text}).parse_int()", lambda env: parse_int(text.run(env)))
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
