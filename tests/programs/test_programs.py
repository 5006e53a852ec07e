"""Golden programs: each `*.hew` beside this file is run as a user would, and must do what its last lines say.

The expectation stands at the end of the program, a line each:

    //= text           a line of stdout; all of stdout must be these lines
    //= exit N         the exit code (0 when absent)
    //= stderr: text   a line of stderr; all of stderr must be these lines, in this order
    //= stderr~ text   a line of stderr that contains the text, where the language leaves the rest open;
                       with one of these, stderr may hold further lines
    //= args: a b      arguments for the program
    //= env: K=V       a variable of its environment

The "[hew]   called from" lines below a trap are compared where one of them is expected.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
PREFIX: Final = "//="
TIMEOUT_SECS: Final = 60
CALLERS: Final = ("[hew]   called from ", "[hew]   ... ")


@dataclass(slots=True)
class Expected:
    """What the last lines of a program promise."""

    stdout: list[str] = field(default_factory=list)
    stderr: list[tuple[bool, str]] = field(default_factory=list)  # (whole line?, text)
    exit_code: int = 0
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def read_expected(text: str) -> Expected:
    expected = Expected()
    for line in text.splitlines():
        if line.startswith(PREFIX):
            read_line(line[len(PREFIX) :].removeprefix(" "), expected)
    return expected


def read_line(line: str, expected: Expected) -> None:
    match line.split(" ", 1):
        case ["exit", code]:
            expected.exit_code = int(code)
        case ["stderr:", text]:
            expected.stderr.append((True, text))
        case ["stderr~", text]:
            expected.stderr.append((False, text))
        case ["args:", text]:
            expected.arguments = shlex.split(text)
        case ["env:", text]:
            name, _, value = text.partition("=")
            expected.environment[name] = value
        case _:
            expected.stdout.append(line)


def stderr_agrees(lines: list[str], expected: list[tuple[bool, str]]) -> bool:
    if all(whole for whole, _ in expected):
        return lines == [text for _, text in expected]
    rest = iter(lines)  # consumed in order; other lines may stand between
    return all(any(line == text if whole else text in line for line in rest) for whole, text in expected)


@pytest.mark.parametrize("path", sorted(HERE.glob("*.hew")), ids=lambda path: path.stem)
def test_program_does_what_its_last_lines_say(path: Path) -> None:
    expected = read_expected(path.read_text(encoding="utf-8"))
    run = subprocess.run(
        [sys.executable, "-m", "hew", "run", path.name, *expected.arguments],
        cwd=HERE,
        env={**os.environ, **expected.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_SECS,
        check=False,
    )
    stdout = run.stdout.decode()
    stderr = run.stderr.decode()
    wanted = "".join(line + "\n" for line in expected.stdout)
    assert stdout == wanted, f"stdout differs; stderr was:\n{stderr}"
    lines = stderr.splitlines()
    if not any(text.startswith(CALLERS) for _, text in expected.stderr):
        lines = [line for line in lines if not line.startswith(CALLERS)]
    assert stderr_agrees(lines, expected.stderr), f"stderr was:\n{stderr}\nwanted: {expected.stderr}"
    assert run.returncode == expected.exit_code, f"stderr was:\n{stderr}"


def test_every_program_says_what_it_expects() -> None:
    silent = [path.name for path in HERE.glob("*.hew") if PREFIX not in path.read_text(encoding="utf-8")]
    assert silent == []
