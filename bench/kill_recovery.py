"""How long after a kill -9 of a worker all other actors handle messages again.

    python -m bench.kill_recovery [--kills 50] [--groups 200] [--members 500] [--playing N] [--json FILE]

kill_load.hew keeps groups x members actors busy; a group prints a line when all of its members have handled one more
message. After each kill the time is taken until every group has printed, then once more, which proves that the round
after the kill was a whole one. A killed worker may cost the one actor that it ran, so one group per kill may fall
silent, and is left out from then on. The target is held against the whole time, though a round of all actors takes its
time without a kill too: that is taken just before each kill and shown beside it. With all of 100,000
actors busy a round takes longer than the target, since each of them waits for its turn behind all the others;
--groups 2000 --members 50 --playing 100 leaves most of them idle, so that the wait is the recovery's.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from bench.support import BenchError, append_lines, hew_program, median, name_of, percentile, process_tree

TARGET_MS: Final = 20.0
SILENT_AFTER_SECS: Final = 2.0
START_LIMIT_SECS: Final = 60.0
CHUNK_BYTES: Final = 1 << 16
PROGRAM: Final = "kill_load"
WORKER_PREFIX: Final = "hew-worker-"


@dataclass(slots=True)
class Load:
    """The running program: reads its lines with the time at which each was seen."""

    process: subprocess.Popen[bytes]
    groups: set[int]
    rest: bytes = b""
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __post_init__(self) -> None:
        if self.process.stdout is None:
            raise BenchError("stdout is not a pipe")
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def drain(self) -> None:
        """Forgets what has been printed up to now."""
        while self.read(0.0):
            continue

    def read(self, within_secs: float) -> list[int]:
        """Numbers of the groups that finished a round, waiting for at most that long."""
        if self.process.stdout is None or not self.selector.select(within_secs):
            return []
        data = os.read(self.process.stdout.fileno(), CHUNK_BYTES)
        if not data:
            raise BenchError(f"the program ended with exit code {self.process.wait()}")
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [int(line) for line in lines]

    def until_all(self, rounds: int, limit_secs: float) -> tuple[dict[int, float], set[int]]:
        """Seconds until each group has finished so many rounds, and the groups that did not in time."""
        start = time.perf_counter()
        seen: dict[int, int] = {}
        done: dict[int, float] = {}
        while len(done) < len(self.groups):
            left = start + limit_secs - time.perf_counter()
            if left <= 0:
                break
            numbers = self.read(left)
            now = time.perf_counter() - start
            for number in numbers:
                seen[number] = seen.get(number, 0) + 1
                if seen[number] == rounds and number in self.groups:
                    done[number] = now
        return done, self.groups - done.keys()


def workers_of(root: int) -> list[int]:
    return [pid for pid in process_tree(root) if name_of(pid).startswith(WORKER_PREFIX)]


@dataclass(slots=True)
class Figures:
    """Milliseconds: one value per kill for all groups, one per kill and group, and the same waits without a kill."""

    calm: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)
    lost: int = 0


def kill_once(load: Load, turn: int, figures: Figures) -> None:
    load.drain()
    calm, missing = load.until_all(1, SILENT_AFTER_SECS)
    if missing:
        raise BenchError(f"groups {sorted(missing)[:5]} fell silent without a kill")
    figures.calm.append(max(calm.values()) * 1000)
    workers = workers_of(load.process.pid)
    if not workers:
        raise BenchError(f"no process named {WORKER_PREFIX}N below {load.process.pid}")
    load.drain()
    os.kill(workers[turn % len(workers)], signal.SIGKILL)
    first, missing = load.until_all(1, SILENT_AFTER_SECS)
    if len(missing) > 1:
        raise BenchError(f"{len(missing)} groups fell silent after one kill: {sorted(missing)[:5]}")
    load.groups -= missing
    figures.lost += len(missing)
    figures.first.append(max(first.values()) * 1000)
    figures.each += [secs * 1000 for secs in first.values()]
    load.drain()
    lost = len(missing)
    second, missing = load.until_all(1, SILENT_AFTER_SECS)
    load.groups -= missing
    if lost + len(missing) > 1:  # its line of the round before may have come just before the kill
        raise BenchError(f"groups {sorted(missing)[:5]} finished one round after the kill, but no second")
    figures.lost += len(missing)
    figures.second.append(max(second.values()) * 1000)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time from kill -9 of a worker to normal work.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--members", type=int, default=500)
    parser.add_argument("--playing", type=int, help="groups that play, the others are idle; all unless given")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    figures = Figures()
    playing = options.playing or options.groups
    command = [*hew_program(PROGRAM), str(options.groups), str(options.members), str(playing)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            load = Load(process, set(range(options.groups - playing, options.groups)))
            _, missing = load.until_all(2, START_LIMIT_SECS)
            if missing:
                raise BenchError(f"{len(missing)} groups never finished two rounds")
            for turn in range(options.kills):
                kill_once(load, turn, figures)
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        finally:
            process.terminate()
            process.communicate()
    return report(figures, options.groups * options.members, options.json)


def report(figures: Figures, actors: int, file_name: str | None) -> int:
    kills = len(figures.first)
    worst = percentile(figures.first, 99)
    # What the kill adds to the wait for a round of everybody.
    added = [max(0.0, after - before) for after, before in zip(figures.first, figures.calm, strict=True)]
    recovery = percentile(added, 99)
    mark = "pass" if worst <= TARGET_MS else "FAIL"
    print(f"kill -9 under load, {actors} actors, {kills} kills, {figures.lost} actors lost")
    print(
        f"  until all have handled a message: median {median(figures.first):.1f} ms, p99 {worst:.1f}; "
        f"target <= {TARGET_MS:.0f}: {mark}"
    )
    print(f"  each group: median {median(figures.each):.1f} ms, p99 {percentile(figures.each, 99):.1f}")
    print(
        f"  the same wait without a kill: median {median(figures.calm):.1f} ms, p99 {percentile(figures.calm, 99):.1f}"
    )
    print(f"  added by the kill: median {median(added):.1f} ms, p99 {recovery:.1f}")
    if file_name:
        row = {"name": "kill_recovery", "unit": "ms", "hew": round(worst, 2), "added": round(recovery, 2)}
        row |= {"calm": round(percentile(figures.calm, 99), 2), "target": TARGET_MS, "passed": worst <= TARGET_MS}
        row |= {"size": actors, "repeat": kills}
        append_lines(file_name, [row])
    return 0


if __name__ == "__main__":
    sys.exit(main())
