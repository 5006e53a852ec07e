"""Every nesting of Option, Result, Vec, tuple and record does what a value does, as the model in Python says."""

from __future__ import annotations

import random

import pytest

from tests.support import nesting
from tests.support.hew import Hew
from tests.support.model import Ty

SHALLOW = list(dict.fromkeys([*nesting.nestings(1), *nesting.nestings(2)]))
DEEP = list(dict.fromkeys(nesting.nestings(3)))
TYPES = 20  # in a program
PARTS = -(-len(SHALLOW) // TYPES)


def check(hew: Hew, types: list[Ty]) -> None:
    text, expected = nesting.program(types)
    result = hew("run", hew.write(text), within=120)
    assert (result.exit_code, result.stdout, result.stderr) == (0, expected, ""), text


@pytest.mark.parametrize("part", range(PARTS))
def test_types_of_depth_one_and_two(hew: Hew, part: int) -> None:
    check(hew, SHALLOW[part::PARTS])


@pytest.mark.parametrize("seed", range(2))
def test_some_of_the_types_of_depth_three(hew: Hew, seed: int) -> None:
    check(hew, random.Random(seed).sample(DEEP, TYPES))
