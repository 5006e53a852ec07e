"""The programs under examples/ do what their README says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
TIMEOUT_SECS: Final = 60
RULES: Final = {"none", "backpressure", "hot_actor", "leak", "saturation"}
TO_THE_LETTER: Final = "profiler_demo.hew"  # the document's text, without a line of findings

STDOUT: Final = {
    "hello": ["Hello, world!"],
    "profiler_demo": ["Counter: 3000"],
    "bank": [
        "done, 70 left",
        "refused: Bob has only 30",
        "done, 20 left",
        "Ada 80, Bob 20, moved 40",
        "Normal",
    ],
    "pipeline": ["9000 numbers, sum 44991000, 1000 lines were no numbers"],
    "ring": ["the token stops at member 4", "the others passed it on 1111 times"],
    "crash": ["10 / 2 = 5", "crashed: division by zero", "8 / 4 = 2", "the second is fine: 1"],
}


@pytest.mark.parametrize("name", STDOUT)
def test_example_prints_what_it_should(name: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "hew", "run", str(EXAMPLES / f"{name}.hew")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECS,
        check=False,
    )
    assert run.stdout.splitlines() == STDOUT[name], run.stderr
    assert run.returncode == 0


def test_every_example_and_benchmark_states_its_findings_in_line_1() -> None:
    paths = [*EXAMPLES.glob("*.hew"), *(EXAMPLES.parent / "bench").glob("*.hew")]
    wrong = [path.name for path in paths if path.name != TO_THE_LETTER and not states_findings(path)]
    assert wrong == []


def states_findings(path: Path) -> bool:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    marker, _, rules = first.partition(": ")
    return marker == "// findings" and {rule.strip() for rule in rules.split(",")} <= RULES
