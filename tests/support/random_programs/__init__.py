"""Small well-typed programs at random, each with what it prints according to Python.

Every expression is made twice: as text of the language, and as a function from the variables to its value.
"""

from __future__ import annotations

from typing import Any

from tests.support.model import UNIT, Ty
from tests.support.random_programs.code import Env, Function, Program, ReturnError, Var
from tests.support.random_programs.statements import Statements


class Maker(Statements):
    """Makes one program. Records, then functions that may call those before them."""

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
