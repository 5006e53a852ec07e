"""Whatever a program's calls stand in, a trap names each of them with its own line and column.

Random functions, each with several calls of the next one in all sorts of control flow; which one is taken is in the
digits of an argument, so that the way to the trap at the end is known here.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

DEPTH: Final = 9
CRASHES: Final = 24
WAYS: Final = 3  # calls in each function
SHAPES: Final = (
    "{call}",
    "{call} + 1",
    "if n % 2 == 0 {{ {call} }} else {{ 1 - {call2} }}",
    "match n % 2 {{ 0 => {call}, _ => 2 * {call2} }}",
    'f"{{n}}".len() + {call}',
)


class Site(NamedTuple):
    line: int
    column: int


def write_function(
    chance: random.Random, level: int, first_line: int
) -> tuple[list[str], dict[int, tuple[Site, Site]]]:
    """The lines of f{level}, and for each of its ways the calls for an even and for an odd argument."""
    following = f"f{level + 1}(n / {WAYS})"
    lines = [f"fn f{level}(n: Int) -> Int {{", "    var sum = 0;"]
    if chance.random() < 0.5:
        lines.append(f'    let text = f"{level}-{{n}}"; sum += text.len();')
    sites: dict[int, tuple[Site, Site]] = {}
    for way in range(WAYS):
        shape = chance.choice(SHAPES)
        body = shape.format(call=following, call2=following)
        start = f"    if n % {WAYS} == {way} {{ sum += "
        if chance.random() < 0.3:
            start = f"    for i in 0..2 {{ if n % {WAYS} == {way} {{ sum += i + "
        text = start + body + "; }" + (" }" if "for i" in start else "")
        first = text.index(following, len(start)) + 1
        last = text.rindex(following) + 1
        sites[way] = (Site(first_line + len(lines), first), Site(first_line + len(lines), last))
        lines.append(text)
    return [*lines, "    sum", "}"], sites


@pytest.mark.parametrize("seed", range(3))
def test_each_call_on_the_way_to_a_trap_is_named_with_its_place(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    lines: list[str] = []
    sites = []
    for level in range(DEPTH):
        text, found = write_function(chance, level, len(lines) + 1)
        lines += text
        sites.append(found)
    lines += [f"fn f{DEPTH}(n: Int) -> Int {{", "    1 / n", "}"]
    lines += ["actor A {", "    receive fn go(n: Int) { println(f0(n)); }", "}", "fn main() {"]
    arguments = [chance.randrange(WAYS**DEPTH) for _ in range(CRASHES)]
    lines += [f"    let a{i} = spawn A; a{i}.go({n}); await a{i};" for i, n in enumerate(arguments)]
    path = tmp_path / "calls.hew"
    path.write_text("\n".join([*lines, "}"]))
    run = subprocess.run(
        [sys.executable, "-m", "hew", "run", str(path)], capture_output=True, text=True, timeout=90, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr.splitlines() == [line for i, n in enumerate(arguments) for line in report(i, n, sites)]


def report(actor: int, argument: int, sites: list[dict[int, tuple[Site, Site]]]) -> list[str]:
    """What the crash of an actor is to say."""
    calls = []
    for level in range(DEPTH):
        even, odd = sites[level][argument % WAYS]
        site = odd if argument % 2 else even
        calls.append(f"[hew]   called from f{level} at calls.hew:{site.line}:{site.column}")
        argument //= WAYS
    handler = "[hew]   called from A.go at calls.hew:"
    line = f"{sites[-1][WAYS - 1][0].line + 2 + 3 + 2}:37"
    return [
        f"[hew] A#{actor + 1} crashed in go at calls.hew:{line_of_trap(sites)}:5: division by zero",
        *reversed(calls),
        handler + line,
    ]


def line_of_trap(sites: list[dict[int, tuple[Site, Site]]]) -> int:
    return sites[-1][WAYS - 1][0].line + 2 + 2
