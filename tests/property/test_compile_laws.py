"""Laws of compiled programs: they do what Python says, give all memory back, and no text breaks the compiler.

Programs are made by `tests.support.random_programs` and run as a user runs them; each of their functions is called by
an actor of its own, so that a trap ends that call alone.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hew.compiler import codegen, native, understand
from tests.support.random_programs import Maker
from tests.support.random_programs.code import Program, TooLongError

HERE: Final = Path(__file__).parent
GOLDEN: Final = sorted((HERE.parent / "programs").glob("*.hew"))
FUNCTIONS: Final = 16  # in a program
TOKEN: Final = re.compile(r'f?"(?:[^"\\]|\\.)*"|//.*|\w+|[^\w\s]|\s+')
SEEDS: Final = st.integers(0, 2**32)
HARNESS: Final = """
actor Runner {
    receive fn go(n: Int) {
        match n { CASES _ => {} }
    }
}
fn main() {
    for i in 0..args()[0].parse_int().unwrap() {
        let runner = spawn Runner;
        runner.go(i);
        match await close(runner) { Crashed(why) => println(f"trap: {why}"), _ => println(f"end of {i}") }
    }
}
"""


def with_main(made: Program) -> tuple[str, str, int]:
    """The whole program, what it prints, and how many calls it has; those that would run for long are left out."""
    cases: list[str] = []
    expected: list[str] = []
    for call in made.calls:
        try:
            out, trap = made.expected(call)
        except TooLongError:
            continue
        end = f"end of {len(cases)}\n" if trap is None else f"trap: {trap}\n"
        cases.append(f"{len(cases)} => {call.name}(),")
        expected.append(out + end)
    return made.text + HARNESS.replace("CASES", " ".join(cases)), "".join(expected), len(cases)


def run(folder: Path, calls: int, workers: int) -> tuple[str, int]:
    """What the program prints, and the bytes that are left at its end."""
    done = subprocess.run(
        [sys.executable, "-m", "hew", "run", "program.hew", str(calls)],
        cwd=folder,
        env={**os.environ, "HEW_WORKERS": str(workers), "HEW_PROF_OUTPUT": "flat", "XDG_CACHE_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left = re.search(r"^Memory: (\S+ \w+) live", (folder / "hew-profile.txt").read_text(), re.MULTILINE)
    assert left is not None
    number, unit = left[1].split()
    return done.stdout, int(float(number) * {"B": 1, "KB": 1024, "MB": 1 << 20}[unit])


@given(SEEDS, st.sampled_from([1, 2]))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_program_does_what_python_says_and_keeps_no_memory(tmp_path: Path, seed: int, workers: int) -> None:
    text, expected, calls = with_main(Maker(seed).program(FUNCTIONS))
    (tmp_path / "program.hew").write_text(text)
    out, left = run(tmp_path, calls, workers)
    assert out == expected, text
    assert left == run(tmp_path, 0, workers)[1], text


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_what_the_checker_accepts_llvm_accepts(seed: int) -> None:
    compile_text(with_main(Maker(seed).program(6))[0], accepted=True)


def compile_text(text: str, *, accepted: bool) -> None:
    """Errors of the program, or code that LLVM verifies."""
    tree, source, report = understand(text.encode(), "test.hew")
    if tree is None:
        assert not accepted, report.render(warnings=False) + text
        assert report.render(warnings=False)
        return
    native.verify(codegen.generate(tree, source, "test.hew", checked=True))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_program_with_tokens_changed_compiles_or_has_errors(path: Path) -> None:
    tokens = TOKEN.findall(path.read_text(encoding="utf-8"))
    chance = random.Random(path.stem)
    for _ in range(12):
        compile_text("".join(changed(tokens, chance)), accepted=False)


def changed(tokens: list[str], chance: random.Random) -> list[str]:
    """One to three tokens deleted, doubled, or exchanged for others."""
    tokens = list(tokens)
    for _ in range(chance.randint(1, 3)):
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(4):
            case 0:
                tokens[at] = " "
            case 1:
                tokens[at] += f" {tokens[at]}"
            case 2:
                tokens[at] = f" {tokens[other]} "
            case _:
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return tokens
