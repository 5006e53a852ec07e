"""Bytes per idle actor: memory of a program with a million actors less that of one with ten thousand.

    python -m bench.memory [--actors 1000000] [--json FILE]

Counted are the committed pages of the shared heap (a memfd, its blocks) and the private memory of every process of
the program; each actor has handled one message and waits. Go's goroutines, each with a channel, stand beside it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.support import BenchError, append_lines, build_go, hew_program, process_tree, wait_for_line

TARGET_BYTES: Final = 400.0
BASE_ACTORS: Final = 10_000
STAY_MS: Final = 600_000  # far longer than it takes: the program is ended when it has been measured
PROGRAM: Final = "million_actors"
MAPPING: Final = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$")
BLOCK_BYTES: Final = 512  # of st_blocks


def main() -> int:
    parser = argparse.ArgumentParser(description="Bytes per idle actor.")
    parser.add_argument("--actors", type=int, default=1_000_000)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if options.actors <= BASE_ACTORS:
        parser.error(f"--actors must be more than {BASE_ACTORS}")
    try:
        hew = bytes_per_actor(hew_program(PROGRAM), options.actors)
        peers = build_go([PROGRAM])
        go = bytes_per_actor(peers[PROGRAM], options.actors) if PROGRAM in peers else None
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    mark = "pass" if hew <= TARGET_BYTES else "FAIL"
    beside = "" if go is None else f", Go {go:.0f}"
    print(f"idle actor: {hew:.0f} bytes{beside} ({options.actors} alive); target <= {TARGET_BYTES:.0f}: {mark}")
    if options.json:
        row = {"name": "memory", "unit": "bytes/actor", "hew": round(hew, 1), "go": go and round(go, 1)}
        row |= {"target": TARGET_BYTES, "passed": hew <= TARGET_BYTES, "size": options.actors}
        append_lines(options.json, [row])
    return 0


def bytes_per_actor(command: Sequence[str], actors: int) -> float:
    base = bytes_in_use(command, BASE_ACTORS)
    return (bytes_in_use(command, actors) - base) / (actors - BASE_ACTORS)


def bytes_in_use(command: Sequence[str], actors: int) -> int:
    with subprocess.Popen([*command, str(actors), str(STAY_MS)], stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for_line(process, "ready")
            pids = process_tree(process.pid)
            return shared_heap_bytes(pids) + sum(private_bytes(pid) for pid in pids)
        finally:
            process.terminate()


def shared_heap_bytes(pids: Sequence[int]) -> int:
    """Committed bytes of the memfds that the processes hold open, each counted once; of their mappings if none is."""
    found: dict[int, int] = {}
    for pid in pids:
        for link in open_files(pid):
            if str(link.readlink()).startswith("/memfd:"):
                status = link.stat()
                found[status.st_ino] = status.st_blocks * BLOCK_BYTES
    return sum(found.values()) if found else sum(mapped_bytes(pid, "Pss", memfd=True) for pid in pids)


def open_files(pid: int) -> list[Path]:
    directory = Path(f"/proc/{pid}/fd")
    return list(directory.iterdir()) if directory.exists() else []


def private_bytes(pid: int) -> int:
    return mapped_bytes(pid, "Private_Clean", memfd=False) + mapped_bytes(pid, "Private_Dirty", memfd=False)


def mapped_bytes(pid: int, key: str, *, memfd: bool) -> int:
    """Sum of a field of /proc/PID/smaps over the mappings that are, or are not, of a memfd."""
    total_kib = 0
    of_memfd = False
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        mapping = MAPPING.match(line)
        if mapping:
            of_memfd = mapping.group(1).startswith("/memfd:")
        elif of_memfd == memfd and line.startswith(f"{key}:"):
            total_kib += int(line.split()[1])
    return total_kib * 1024


if __name__ == "__main__":
    sys.exit(main())
