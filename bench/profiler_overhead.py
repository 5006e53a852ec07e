"""What the profiler costs: message benchmarks without counters, with them, served, polled, profiled.

    python -m bench.profiler_overhead [--only NAME ...] [--repeat 5] [--scale 5] [--actors N] [--json FILE]

One repetition runs every variant in turn, with N and N/100 messages as bench.run does; shown are medians of the ratios
within each repetition. "without" is the same package on a core built with HEW_NO_COUNTERS; generated code counts
nothing itself, so the core is all there is to rebuild. All variants have one worker: the profiler and its ten clients
then have another CPU, and what is measured is what the program notices, not that they too need time.
Then the nanoseconds for a block and for a dispatch, and a list of very many actors with the profiler's memory.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.memory import private_bytes
from bench.run import PROGRAMS, Program, scaled
from bench.support import (
    BUILD,
    HERE,
    BenchError,
    append_lines,
    hew_program,
    median,
    name_of,
    process_tree,
    timed,
    wait_for_line,
)
from hatch_build import ROOT, build_core

NS_PER_SEC: Final = 1e9
CLIENTS: Final = 10
POLL_SECS: Final = 1.0  # as the page does
POLLED: Final = ("/api/metrics", "/api/actors?limit=100", "/api/memory", "/api/metrics/history?since=0")
CPU_PROFILE: Final = "/debug/pprof/cpu"
CPU_SECS: Final = 30  # longer than a run: it ends with the program
NO_COUNTERS: Final = "-DHEW_NO_COUNTERS"
SOURCE: Final = ("hew", "static", "hatch_build.py")
MESSAGES: Final = ("counting", "ping_pong", "thread_ring", "mpsc", "ask")
ACCOUNTING: Final = "accounting"
ACTORS: Final = "actors"
BLOCKS: Final = 20_000_000
ALLOCATION_NS: Final = 15.0
DISPATCH_NS: Final = 20.0
LIST_MS: Final = 100.0
MEMORY_BASE: Final = 80_000_000
MEMORY_PER_ACTOR: Final = 40
PROFILER: Final = "hew-pprof"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: a ratio of two variants, or what its unit says. A lower one is better."""

    name: str
    unit: str
    value: float
    target: float | None = None
    ns: float | None = None  # per operation, of the variant itself

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.value <= self.target

    def fields(self) -> dict[str, object]:
        """With the verdict."""
        return asdict(self) | {"passed": self.passed}


@dataclass(frozen=True, slots=True)
class Variant:
    """How a program is run, and against which other variant it is held."""

    name: str
    environment: Callable[[Path], dict[str, str]]
    beside: Callable[[Path], AbstractContextManager[None]]
    against: str = ""
    target: float | None = None
    command: Callable[[str], list[str]] = hew_program


def plain(_socket: Path) -> dict[str, str]:
    return {}


def hew_without_counters(name: str) -> list[str]:
    """Runs in the folder of the copy, whose package is then the first that Python finds."""
    return ["env", "-C", str(uncounted()), sys.executable, "-m", "hew", "run", str(HERE / f"{name}.hew")]


def served(socket_file: Path) -> dict[str, str]:
    return {"HEW_PPROF": f"unix:{socket_file}"}


@contextlib.contextmanager
def nobody(_socket: Path) -> Iterator[None]:
    yield


@contextlib.contextmanager
def ten_clients(socket_file: Path) -> Iterator[None]:
    """Each asks for what the page asks for, once a second, at its own instant."""
    with clients(CLIENTS, lambda ended, number: poll(socket_file, ended, number / CLIENTS)):
        yield


@contextlib.contextmanager
def cpu_profile(socket_file: Path) -> Iterator[None]:
    with clients(1, lambda ended, _number: ask_until(socket_file, f"{CPU_PROFILE}?seconds={CPU_SECS}", ended)):
        yield


@contextlib.contextmanager
def clients(count: int, work: Callable[[threading.Event, int], None]) -> Iterator[None]:
    ended = threading.Event()
    threads = [threading.Thread(target=work, args=(ended, number), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


VARIANTS: Final = (
    Variant("without", plain, nobody, command=hew_without_counters),
    Variant("always on", plain, nobody, "without", 1.10),
    Variant("HEW_PPROF", served, nobody, "always on", 1.02),
    Variant("10 clients", served, ten_clients, "always on", 1.03),
    Variant("CPU profile", served, cpu_profile, "always on", 1.02),
)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, file: Path) -> None:
        super().__init__("localhost", timeout=CPU_SECS + 30)
        self._file = file

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._file))


def ask(socket_file: Path, path: str) -> bytes:
    """The body. Raises OSError or HTTPException while nobody serves, BenchError for another status than 200."""
    with contextlib.closing(UnixConnection(socket_file)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 200:
        raise BenchError(f"{path}: status {answer.status}")
    return body


def ask_until(socket_file: Path, path: str, ended: threading.Event) -> None:
    """Once, as soon as it is served; that the program ends first is no error."""
    while not ended.is_set():
        with contextlib.suppress(OSError, http.client.HTTPException, BenchError):
            ask(socket_file, path)
            return
        ended.wait(0.05)


def poll(socket_file: Path, ended: threading.Event, first_secs: float) -> None:
    wait = first_secs
    while not ended.wait(wait):
        for path in POLLED:
            ask_until(socket_file, path, ended)
        wait = POLL_SECS


def copy_of_package(name: str, *flags: str) -> Path:
    """A copy of the package whose core is built with these flags, where it is older than the source."""
    root = BUILD / name
    root.mkdir(parents=True, exist_ok=True)
    for source in SOURCE:
        target = root / source
        if (ROOT / source).is_dir():
            shutil.rmtree(target, ignore_errors=True)  # what is no source any more; objects lie elsewhere
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("_core", "__pycache__"))
        else:
            shutil.copy2(ROOT / source, target)
    build_core(root, extra_flags=flags)
    return root


def counted() -> Path:
    """As it is."""
    return copy_of_package("counted")


def uncounted() -> Path:
    """Whose core does not count."""
    return copy_of_package("uncounted", NO_COUNTERS)


def overhead(program: Program, variants: Sequence[Variant], repeat: int) -> list[Row]:
    """Ratios of the variants, one run of each in turn."""
    figures: dict[str, list[float]] = {variant.name: [] for variant in variants}
    commands = {variant.name: variant.command(program.name) for variant in variants}
    for command in commands.values():  # compiles; each core has its own compiled program
        timed([*command, str(program.small)])
    for _ in range(repeat):
        for variant in variants:
            seconds = []
            for size in (program.small, program.size):
                with tempfile.TemporaryDirectory() as directory:
                    socket_file = Path(directory) / "s"
                    environment = {"HEW_WORKERS": "1", **variant.environment(socket_file)}
                    with variant.beside(socket_file):
                        seconds.append(timed([*commands[variant.name], str(size)], environment)[0])
            if seconds[1] <= seconds[0]:
                raise BenchError(f"{program.name}: too short to be timed; raise --scale")
            figures[variant.name].append((seconds[1] - seconds[0]) * NS_PER_SEC / (program.size - program.small))
    return [row_of(program.name, variant, figures) for variant in variants]


def row_of(program: str, variant: Variant, figures: Mapping[str, list[float]]) -> Row:
    own = figures[variant.name]
    base = figures[variant.against or variant.name]
    ratio = median([a / b for a, b in zip(own, base, strict=True)])
    return Row(f"{program}: {variant.name}", "ratio", ratio, variant.target, median(own))


def nanoseconds(repeat: int) -> list[Row]:
    """What counting adds to an allocation or a free (half of that to both), and timing and charging to a dispatch."""
    programs = {
        "with": [str(link_accounting(counted()))],
        "without": [str(link_accounting(uncounted(), NO_COUNTERS))],
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    for _ in range(repeat):
        for name, command in programs.items():
            lines = timed([*command, str(BLOCKS)])[1].splitlines()
            found[name].append({line.split()[0]: float(line.split()[1]) for line in lines})
    costs = {
        key: median([a[key] - b[key] for a, b in zip(found["with"], found["without"], strict=True)])
        for key in ("allocation", "charge")
    }
    return [
        Row("counting an allocation or a free", "ns", costs["allocation"] / 2, ALLOCATION_NS),
        Row("timing and charging a dispatch", "ns", costs["charge"], DISPATCH_NS),
    ]


def link_accounting(root: Path, *flags: str) -> Path:
    """bench/c/accounting.c with the core's objects of that copy."""
    gcc = shutil.which("gcc")
    if gcc is None:
        raise BenchError("the nanoseconds need gcc")
    objects = [str(path) for path in sorted((root / "build" / "core").rglob("*.o"))]
    include = [f"-I{root / 'hew/scheduler/core'}", f"-I{ROOT / 'tests/core'}"]
    source = str(HERE / "c" / "accounting.c")
    options = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-fexceptions", "-fno-strict-aliasing", "-pthread", *flags]
    target = root / ACCOUNTING
    command = [gcc, *options, *include, "-o", str(target), source, *objects, "-lgcc_s", "-lm"]
    subprocess.run(command, check=True, timeout=100)
    return target


def many_actors(actors: int) -> list[Row]:
    """How long the list of the busiest hundred takes, and the profiler's private memory after it."""
    with tempfile.TemporaryDirectory() as directory:
        socket_file = Path(directory) / "s"
        command = [*hew_program("million_actors"), str(actors), "600000"]
        environment = {**os.environ, **served(socket_file)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                wait_for_line(process, "ready")
                seconds = []
                for _ in range(10):
                    start = time.perf_counter()
                    ask(socket_file, "/api/actors?limit=100")
                    seconds.append(time.perf_counter() - start)
                memory = sum(private_bytes(pid) for pid in process_tree(process.pid) if is_profiler(pid))
            finally:
                process.terminate()
    limit = (MEMORY_BASE + MEMORY_PER_ACTOR * actors) / 1e6
    return [
        Row(f"/api/actors?limit=100 of {actors}", "ms", median(seconds) * 1e3, LIST_MS),
        Row(f"profiler's private memory, {actors} actors", "MB", memory / 1e6, limit),
    ]


def is_profiler(pid: int) -> bool:
    return name_of(pid).startswith(PROFILER)


def print_row(row: Row) -> None:
    value = f"{row.value:.3f} {row.unit}"
    target = "" if row.target is None else f"<= {row.target:g}"
    mark = "" if row.passed is None else "pass" if row.passed else "FAIL"
    each = "" if row.ns is None else f"{row.ns:.1f} ns"
    print(f"{row.name:<46} {value:>16} {each:>10}  {target:<8} {mark}", flush=True)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    wanted = options.only or (*MESSAGES, ACCOUNTING, ACTORS)
    programs = [program for program in PROGRAMS if program.name in wanted]
    for program in programs:
        yield from overhead(scaled(program, options.scale), VARIANTS, options.repeat)
    if ACCOUNTING in wanted:
        yield from nanoseconds(options.repeat)
    if ACTORS in wanted:
        yield from many_actors(options.actors)


def main() -> int:
    parser = argparse.ArgumentParser(description="What the profiler costs, against its targets.")
    parser.add_argument(
        "--only", action="append", default=[], choices=(*MESSAGES, ACCOUNTING, ACTORS), help="may be repeated"
    )
    parser.add_argument("--repeat", type=int, default=5, metavar="R")
    parser.add_argument("--scale", type=float, default=5.0, help="factor on the number of messages")
    parser.add_argument("--actors", type=int, default=1_000_000, metavar="N", help="alive, of the list")
    parser.add_argument("--json", metavar="FILE", help="append a JSON line for each figure")
    options = parser.parse_args()
    found: list[Row] = []
    try:
        for row in rows(options):
            print_row(row)
            found.append(row)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if options.json:
        append_lines(options.json, [row.fields() for row in found])
    return 0


if __name__ == "__main__":
    sys.exit(main())
