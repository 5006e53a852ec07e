"""Statements and blocks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support import model as m
from tests.support.model import BOOL, INT, STR, UNIT, TrapError, Ty, option
from tests.support.random_programs.code import (
    BreakError,
    Code,
    ContinueError,
    Env,
    ReturnError,
    Var,
    checked_index,
    updated,
)
from tests.support.random_programs.expressions import Expressions


class Statements(Expressions):
    """Mixin: what changes something, or decides what comes next."""

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
            env[var.name] = updated(env[var.name], path, value)

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
