"""What SIGQUIT prints: the dump of all actors, made by the supervisor before it ends the program."""

import contextlib
import time
from collections.abc import Mapping
from typing import Final

from hew.actors import ActorQuery
from hew.profiler.cpu import GLANCE_HZ, GLANCE_SECONDS, LEASE_NS, Recording, Stack
from hew.profiler.exports import dump
from hew.profiler.reader import Reader
from hew.profiler.sources import Counters, Inspect, ProgramInfo
from hew.steps import at_once

MOST: Final = 10_000  # actors; as many as fit into what one still reads, and into a second


def text(inspect: Inspect, counters: Counters, program: ProgramInfo) -> str:
    """As `/debug/pprof/actors?debug=2`, of a program with a profiler or without."""
    reader = Reader(counters, inspect, program)
    running = _glance(reader) if reader.metrics().active_workers else {}
    query = ActorQuery(sort="id", descending=False, limit=MOST, include_main=True, include_ended=False)
    rows, total = at_once(reader.whereabouts(query))
    return "".join(dump.render(rows, total, reader.where, program, reader.symbolizer(), running, more=""))


def _glance(reader: Reader) -> Mapping[int, Stack]:
    """Where the actors are that run: a few samples of each worker."""
    recording = Recording(GLANCE_HZ)
    with contextlib.suppress(OSError):
        samples = reader.samples()
        samples.request(recording.period_ns, LEASE_NS)
        time.sleep(GLANCE_SECONDS)
        for sample in samples.take():
            recording.add(sample)
    return recording.last
