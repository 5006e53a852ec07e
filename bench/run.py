"""Times the Hew programs of this directory beside the same in Go and C, in one run, and compares with the targets.

    python -m bench.run [--only NAME ...] [--repeat 7] [--scale 1.0] [--json FILE]

One repetition times every language in turn, with the size N and with N/100; what counts is
(wall(N) - wall(N/100)) / (N - N/100), so that start-up, compilation and ageing cancel. Shown is the median of the
repetitions; ratios are medians of the paired ratios. Without Go or gcc their columns stay empty.
The exit code is 0 when everything ran, also when a target was missed; --strict makes a missed target 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from bench.support import (
    BenchError,
    append_lines,
    build_c,
    build_go,
    cpu_secs,
    hew_program,
    median,
    process_tree,
    timed,
    wait_for_line,
)

SMALL: Final = 100  # the small run is N / SMALL
NS: Final = 1e9
MS: Final = 1e3
IDLE_MS: Final = 5000
IDLE_WATCHED_SECS: Final = 3.0
IDLE_LIMIT_PERCENT: Final = 0.5  # "0 %" to the nearest percent


@dataclass(frozen=True, slots=True)
class Program:
    """A program and what is asked of it.

    per_operation: the figure is ns for one of N operations; else it is ms for the whole of size N.
    small: the size whose time is taken off. target: the highest good ratio to `against`.
    """

    name: str
    size: int
    small: int
    target: float | None
    per_operation: bool = True
    peer: str = ""  # name of the Go and C programs, when another
    against: str = "go"

    @property
    def peer_name(self) -> str:
        """Under which name the Go and C programs stand."""
        return self.peer or self.name


def messages(name: str, size: int, target: float, peer: str = "") -> Program:
    return Program(name, size, size // SMALL, target, peer=peer)


def whole(name: str, size: int, small: int, target: float, against: str) -> Program:
    return Program(name, size, small, target, per_operation=False, against=against)


PROGRAMS: Final = (
    messages("counting", 10_000_000, 0.5),
    messages("counting_aged", 10_000_000, 0.5, peer="counting"),
    messages("ping_pong", 4_000_000, 0.5),
    messages("thread_ring", 4_000_000, 0.5),
    messages("fork_join_create", 1_000_000, 0.5),
    messages("many_to_many", 4_096_000, 0.6),
    messages("mpsc", 8_000_000, 0.6),
    messages("ask", 2_000_000, 0.6),
    whole("fib", 38, 1, 1.15, "c"),
    whole("sieve", 20_000_000, 200_000, 1.0, "go"),
    whole("matmul", 600, 6, 1.0, "go"),
)
FARM: Final = Program("cpu_farm", 20_000, 200, None)
FARM_SPEEDUP: Final = 1.9
IDLE: Final = "idle"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table and of the JSON output. Ratios below are good, but for a speed-up."""

    name: str
    unit: str
    hew: float
    go: float | None = None
    c: float | None = None
    ratio: float | None = None
    against: str = ""
    target: float | None = None
    passed: bool | None = None
    size: int = 0
    repeat: int = 0


Commands = Mapping[str, Sequence[str]]


def measure(
    program: Program, commands: Commands, repeat: int, environment: Mapping[str, str] | None = None
) -> dict[str, list[float]]:
    """Figures by language, one of each repetition, the languages interleaved."""
    figures: dict[str, list[float]] = {language: [] for language in commands}
    scale = NS / (program.size - program.small) if program.per_operation else MS
    for _ in range(repeat):
        printed: dict[str, str] = {}
        for language, command in commands.items():
            few, _ = timed([*command, str(program.small)], environment)
            many, printed[language] = timed([*command, str(program.size)], environment)
            figures[language].append((many - few) * scale)
        if len(set(printed.values())) > 1:
            raise BenchError(f"{program.name}: the results differ: {printed}")
    return figures


def paired_ratio(figures: Mapping[str, list[float]], against: str) -> float | None:
    if against not in figures:
        return None
    return median([ours / theirs for ours, theirs in zip(figures["hew"], figures[against], strict=True)])


def compare(program: Program, commands: Commands, repeat: int) -> Row:
    figures = measure(program, commands, repeat)
    ratio = paired_ratio(figures, program.against)
    return Row(
        name=program.name,
        unit="ns" if program.per_operation else "ms",
        hew=median(figures["hew"]),
        go=median(figures["go"]) if "go" in figures else None,
        c=median(figures["c"]) if "c" in figures else None,
        ratio=ratio,
        against=program.against if ratio is not None else "",
        target=program.target,
        passed=None if ratio is None or program.target is None else ratio <= program.target,
        size=program.size,
        repeat=repeat,
    )


def farm(program: Program, commands: Commands, repeat: int) -> list[Row]:
    """One job's time, and how much faster two workers are than one, the two interleaved."""
    hew = {"hew": commands["hew"]}
    one: list[float] = []
    two: list[float] = []
    for _ in range(repeat):
        one += measure(program, hew, 1, {"HEW_WORKERS": "1"})["hew"]
        two += measure(program, hew, 1, {"HEW_WORKERS": "2"})["hew"]
    speedup = median([a / b for a, b in zip(one, two, strict=True)])
    jobs = compare(program, commands, repeat)
    enough = (os.cpu_count() or 1) >= 2
    return [
        jobs,
        Row(
            name="cpu_farm 2:1 workers",
            unit="times",
            hew=speedup,
            target=FARM_SPEEDUP,
            passed=speedup >= FARM_SPEEDUP if enough else None,
            size=program.size,
            repeat=repeat,
        ),
    ]


def idle() -> Row:
    """Percent of one CPU that a program with a thousand waiting actors uses."""
    command = [*hew_program(IDLE), str(IDLE_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        wait_for_line(process, "ready")
        pids = process_tree(process.pid)
        before, start = cpu_secs(pids), time.monotonic()
        time.sleep(IDLE_WATCHED_SECS)
        used = (cpu_secs(pids) - before) / (time.monotonic() - start) * 100
        if process.wait() != 0:
            raise BenchError(f"idle: exit code {process.returncode}")
    return Row(name=IDLE, unit="% CPU", hew=used, target=IDLE_LIMIT_PERCENT, passed=used <= IDLE_LIMIT_PERCENT)


def scaled(program: Program, factor: float) -> Program:
    if not program.per_operation or factor == 1.0:
        return program
    size = max(SMALL * SMALL, int(program.size * factor))
    return Program(program.name, size, size // SMALL, program.target, peer=program.peer)


def rows(wanted: Sequence[str], repeat: int, factor: float) -> list[Row]:
    chosen = [program for program in (*PROGRAMS, FARM) if not wanted or program.name in wanted]
    names = sorted({program.peer_name for program in chosen})
    peers = {"go": build_go(names), "c": build_c(names)}
    result: list[Row] = []
    for program in chosen:
        commands: dict[str, Sequence[str]] = {"hew": hew_program(program.name)}
        for language, programs in peers.items():
            if program.peer_name in programs:
                commands[language] = programs[program.peer_name]
        resized = scaled(program, factor)
        found = farm(resized, commands, repeat) if program is FARM else [compare(resized, commands, repeat)]
        for row in found:
            print_row(row)
        result += found
    if not wanted or IDLE in wanted:
        result.append(idle())
        print_row(result[-1])
    return result


HEADER: Final = f"{'program':<22} {'hew':>9} {'go':>9} {'c':>9}  {'unit':<6} {'ratio':>9}  {'target':<8}"


def print_row(row: Row) -> None:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.1f}" if value >= 10 else f"{value:.2f}"

    ratio = "" if row.ratio is None else f"{row.ratio:.2f} {row.against}"
    sign = ">=" if row.unit == "times" else "<="
    target = "" if row.target is None else f"{sign} {row.target:g}"
    mark = "" if row.passed is None else "pass" if row.passed else "FAIL"
    print(
        f"{row.name:<22} {number(row.hew):>9} {number(row.go):>9} {number(row.c):>9}  {row.unit:<6} {ratio:>9}"
        f"  {target:<8} {mark}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Hew beside Go and C, against the targets.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this program; may be repeated")
    parser.add_argument("--repeat", type=int, default=7, metavar="R", help="repetitions, of which the median counts")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the number of messages")
    parser.add_argument("--json", metavar="FILE", help="append a JSON line for each figure")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when a target is missed")
    options = parser.parse_args()
    known = {program.name for program in (*PROGRAMS, FARM)} | {IDLE}
    unknown = sorted(set(options.only) - known)
    if unknown:
        parser.error(f"unknown program {unknown[0]}; there are {', '.join(sorted(known))}")
    print(HEADER)
    try:
        result = rows(options.only, options.repeat, options.scale)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if options.json:
        append_lines(options.json, map(asdict, result))
    missed = [row.name for row in result if row.passed is False]
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
