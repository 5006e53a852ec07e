"""Work in steps: a generator that stops now and then, so that a thread with other things to do can turn to them.

Its return value is the result. `yield from` joins such generators.
"""

from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]


class Run(Generic[T]):
    """Iterates over the pauses; after the last one `result` is there."""

    result: T

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[None]:
        self.result = yield from self._steps


def at_once(steps: Steps[T]) -> T:
    """The result, without a pause."""
    run = Run(steps)
    for _ in run:
        pass
    return run.result
