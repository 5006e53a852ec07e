"""Good programs give complete trees; programs with something wrong give errors, never an exception."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Final

import pytest

from hew.compiler import parser
from hew.compiler.check import check
from hew.compiler.diagnostics import Report
from hew.compiler.source import Source
from tests.unit.compiler.check.complete import require_complete
from tests.unit.compiler.check.support import checked

ROOT: Final = Path(__file__).parents[4]
GOOD: Final = [Path(__file__).parent / "everything.hew", *sorted(ROOT.glob("examples/*.hew"))]
WRONG: Final = sorted(ROOT.glob("tests/errors/*.hew"))
TOKEN: Final = re.compile(r'f?"(?:[^"\\]|\\.)*"|\w+|[^\w\s]|\s+')
MUTANTS: Final = 150  # for each seed


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_program_gives_a_complete_tree(path: Path) -> None:
    require_complete(checked(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("seed", range(4))
def test_a_program_with_tokens_changed_gives_errors_or_a_complete_tree(seed: int) -> None:
    chance = random.Random(seed)
    texts = [TOKEN.findall(path.read_text(encoding="utf-8")) for path in (*GOOD, *WRONG)]
    words = [token for text in texts for token in text if not token.isspace()]
    for _ in range(MUTANTS):
        text = "".join(_mutated(chance.choice(texts), words, chance))
        source = Source("mutant.hew", text)
        report = Report(source)
        program = check(parser.parse(source, report), source, report)
        assert (program is None) == report.has_errors, text
        report.render()
        if program is not None:
            require_complete(program)


def _mutated(tokens: list[str], words: list[str], chance: random.Random) -> list[str]:
    """The tokens with up to three of them removed, replaced, doubled or exchanged."""
    tokens = list(tokens)
    for _ in range(chance.randint(1, 3)):
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(4):
            case 0:
                tokens[at] = " "
            case 1:
                tokens[at] = f" {chance.choice(words)} "
            case 2:
                tokens[at] += f" {chance.choice(words)} "
            case _:
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return tokens
