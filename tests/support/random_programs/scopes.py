"""What is known at a place of a program that is being made."""

from __future__ import annotations

import random

from tests.support.model import BOOL, FLOAT, INT, INTS, STR, UNIT, Ty, option
from tests.support.random_programs.code import Code, Function, Machine, Var


class Scopes:
    """Variables, records and functions in view, and names for more; the parts of a Maker build on it."""

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

    # ---- of other parts

    def expr(self, ty: Ty, depth: int) -> Code:
        """Any expression of the type."""
        raise NotImplementedError

    def typed(self, ty: Ty, value: Code) -> str:
        """The text of a value that says of which type it is."""
        raise NotImplementedError

    def small(self, depth: int) -> Code:
        """An Int that may serve as an index."""
        raise NotImplementedError

    def statement(self, depth: int) -> Code:
        """Any statement."""
        raise NotImplementedError

    def optional(self, ty: Ty, depth: int) -> Code:
        """An Option that is looked up."""
        raise NotImplementedError
