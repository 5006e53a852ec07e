"""The invariants of every answer, whatever is read."""

import dataclasses
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hew.actors import ActorQuery
from hew.profiler.models import MAX_INTEGER
from hew.profiler.reader import Reader
from hew.steps import at_once
from tests.support.profiler_fakes import (
    FakeCounters,
    FakeHandler,
    FakeInspect,
    FakeProgram,
    FakeRow,
    FakeTimes,
    FakeTotals,
    many_actors,
)

NAMES = [field.name for field in dataclasses.fields(FakeTotals)]
MONOTONIC = [
    "tasks_spawned",
    "tasks_completed",
    "steals",
    "messages_sent",
    "messages_received",
    "messages_dropped",
    "alloc_count",
    "dealloc_count",
    "bytes_allocated",
    "bytes_freed",
    "peak_bytes_live",
    "actors_spawned",
    "actors_crashed",
    "worker_restarts",
]


def reader(counters: FakeCounters, inspect: FakeInspect | None = None) -> Reader:
    return Reader(counters, inspect or FakeInspect(), FakeProgram())


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(0, 2**60))), min_size=1, max_size=6))
def test_the_invariants_hold_whatever_is_read(readings: list[dict[str, int]]) -> None:
    counters = FakeCounters()
    source, last = reader(counters), None
    for reading in readings:
        counters.current = FakeTotals(**reading)
        now = source.metrics()
        assert now.tasks_completed <= now.tasks_spawned
        assert now.messages_received <= now.messages_sent
        assert now.dealloc_count <= now.alloc_count
        assert now.bytes_live == now.bytes_allocated - now.bytes_freed >= 0
        assert now.peak_bytes_live >= now.bytes_live
        assert 0 <= now.active_workers <= now.workers
        assert 0 <= now.actors_live <= now.actors_spawned
        assert all(0 <= getattr(now, name) <= MAX_INTEGER for name in MONOTONIC)
        if last is not None:
            assert all(getattr(now, name) >= getattr(last, name) for name in MONOTONIC)
        last = now


@given(st.lists(st.integers(0, 2**60), min_size=64, max_size=64), st.integers(0, 2**60))
def test_the_longest_time_is_no_shorter_than_its_bucket(buckets: list[int], longest: int) -> None:
    times = FakeTimes(2**60, longest, buckets)
    inspect = FakeInspect(handler_rows=[FakeHandler("A", "a", 2**60, times, times)])
    (found,) = reader(FakeCounters(), inspect).handlers()
    assert found.count == found.work.total_ns == MAX_INTEGER
    assert found.mailbox.percentile(50) <= found.mailbox.percentile(99) <= found.mailbox.max_ns <= MAX_INTEGER


def test_the_clocks_are_those_of_profiler_and_program() -> None:
    now = [5_000_000_000]
    source = Reader(FakeCounters(), FakeInspect(), FakeProgram(), clock_ns=lambda: now[0], program_started_ns=0)
    now[0] += 42_999_999_999
    assert (source.metrics().timestamp_secs, source.metrics().uptime_secs) == (42, 47)


def test_actors_are_cut_after_sorting() -> None:
    source = reader(FakeCounters(), FakeInspect(many_actors(50)))
    found = source.actors(ActorQuery(sort="time_ns", limit=3))
    assert [row.id for row in found.rows] == [50, 49, 48]
    assert (found.total, found.truncated) == (50, False)


def test_more_than_the_most_is_truncated_and_says_so() -> None:
    source = reader(FakeCounters(), FakeInspect([FakeRow(i, i) for i in range(1, 100_003)]))
    found = source.actors(ActorQuery())
    assert (len(found.rows), found.total, found.truncated) == (100_000, 100_002, True)
    assert source.actors(ActorQuery(limit=10)).truncated is False


def test_ended_rows_are_not_live_in_a_snapshot() -> None:
    source = reader(FakeCounters(), FakeInspect([FakeRow(1, 1), FakeRow(2, 2, state="crashed")]))
    snapshot = at_once(source.snapshot(sort="msgs"))
    assert [row.id for row in snapshot.actors.rows] == [1]
    assert snapshot.actors.total == 1


def test_the_profiler_imports_neither_compiler_nor_fastapi_before_it_serves() -> None:
    code = (
        "import sys, hew.profiler.config, hew.profiler.listening, hew.profiler.process, hew.profiler.exports.write\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('fastapi', 'uvicorn', 'pydantic', 'asyncio')"
        " or m.startswith('hew.compiler')])"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True).stdout == "[]\n"
