"""What every script of this directory needs: how to start hew, Go and C programs, and how to time and watch them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
BUILD: Final = HERE.parent / "build" / "bench"
C_FLAGS: Final = ("-O2", "-fno-inline")
TIMEOUT_SECS: Final = 600


class BenchError(Exception):
    """A benchmark that could not be run or gave a wrong result; the text says which and how."""


def hew_command() -> list[str]:
    """`HEW` in the environment, else the package of this interpreter."""
    given = os.environ.get("HEW")
    return shlex.split(given) if given else [sys.executable, "-m", "hew"]


def hew_program(name: str) -> list[str]:
    return [*hew_command(), "run", str(HERE / f"{name}.hew")]


def build_go(names: Sequence[str]) -> dict[str, list[str]]:
    """Commands of the Go peers; empty where Go is not installed."""
    go = shutil.which("go")
    if go is None:
        return {}
    return build(names, HERE / "go", ".go", lambda source, target: [go, "build", "-o", target, source])


def build_c(names: Sequence[str]) -> dict[str, list[str]]:
    """Commands of the C peers, by gcc as the targets name it; empty where there is none."""
    gcc = shutil.which("gcc")
    if gcc is None:
        return {}
    return build(names, HERE / "c", ".c", lambda source, target: [gcc, *C_FLAGS, "-o", target, source])


def build(
    names: Sequence[str], directory: Path, suffix: str, command: Callable[[str, str], list[str]]
) -> dict[str, list[str]]:
    BUILD.mkdir(parents=True, exist_ok=True)
    commands: dict[str, list[str]] = {}
    for name in names:
        source = directory / f"{name}{suffix}"
        target = BUILD / f"{name}{suffix.replace('.', '_')}"
        if source.exists():
            if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
                subprocess.run(command(str(source), str(target)), check=True, timeout=TIMEOUT_SECS)
            commands[name] = [str(target)]
    return commands


def timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[float, str]:
    """Seconds of wall time and what it printed; a failure is an error that shows its stderr."""
    start = time.perf_counter()
    run = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECS,
        check=False,
    )
    seconds = time.perf_counter() - start
    if run.returncode != 0:
        raise BenchError(f"{shlex.join(command)}: exit code {run.returncode}\n{run.stderr}")
    return seconds, run.stdout


def append_lines(file_name: str, rows: Iterable[Mapping[str, object]]) -> None:
    """A JSON object on a line for each row; floats are rounded to what was measured."""
    with Path(file_name).open("a", encoding="utf-8") as file:
        for row in rows:
            rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
            file.write(json.dumps(rounded) + "\n")


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def process_tree(root: int) -> list[int]:
    """`root` and all its descendants that live now."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            parent = parent_of(pid)
            if parent is not None:
                parents.setdefault(parent, []).append(pid)
    tree = [root]
    for pid in tree:  # grows while it is walked
        tree.extend(parents.get(pid, []))
    return tree


def stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on; None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def parent_of(pid: int) -> int | None:
    fields = stat_fields(pid)
    return int(fields[1]) if fields else None


def cpu_secs(pids: Sequence[int]) -> float:
    """User and system time that the processes have used so far."""
    ticks = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_for_line(process: subprocess.Popen[str], wanted: str) -> None:
    """Reads stdout up to the line; its end is an error."""
    if process.stdout is None:
        raise BenchError("stdout is not a pipe")
    for line in process.stdout:
        if line.strip() == wanted:
            return
    raise BenchError(f"the program ended (exit code {process.wait()}) before it printed {wanted!r}")
