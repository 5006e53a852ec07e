"""What a program is made of: text, and what Python does in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tests.support import model as m
from tests.support.model import INT, TrapError, Ty

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


def checked_index(index: int, found: list[Any]) -> int:
    if not 0 <= index < len(found):
        raise TrapError(f"index {index} out of range for length {len(found)}")
    return index


def updated(whole: Any, path: list[int], value: Any) -> Any:
    if not path:
        return value
    parts = list(whole)
    parts[path[0]] = updated(parts[path[0]], path[1:], value)
    return tuple(parts)


def sign_of(value: int) -> int:
    return (value > 0) - (value < 0)


def contains(text: str, part: str) -> bool:
    return part in text


def parse_int(text: str) -> tuple[Any, ...]:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        return ("None",)
    return m.in_range(INT, int(text))
