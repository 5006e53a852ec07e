"""The dump of all actors, to the letter."""

from collections.abc import Mapping

from hew.profiler.cpu import Stack
from hew.profiler.exports.dump import render
from tests.support.profiler_fakes import FakeProgram, FakeRow, FakeWhere
from tests.unit.profiler.test_cpu import symbolizer

ACTORS: list[tuple[FakeRow, FakeWhere | None]] = [
    (
        FakeRow(0, 0, type="main", state="blocked"),
        FakeWhere(None, "time", 1_500_000_000, 20_000_000, None, (0x10_0031,)),
    ),
    (FakeRow(1, 1, state="running", msgs=7, mbox_depth=2), FakeWhere(since_ns=2_000_000)),
    (FakeRow(2, 2, state="running"), FakeWhere(1, since_ns=900)),
    (FakeRow(3, 3, state="blocked"), FakeWhere(0, "reply", 5_000, 0, "Box<Int>#9", (0x70_0011, 0x10_0011))),
    (FakeRow(4, 4, state="blocked"), FakeWhere(0, "place", 5_000, 0, "Box<Int>#9", (7,))),
    (FakeRow(5, 5, state="idle", msgs=3), FakeWhere(None)),
    (FakeRow(6, 6, state="crashed"), None),
]

EXPECTED = """\
7 actors

actor 0 [blocked, sleeps, 20.0 ms left, 1.5 s]: main, 0 messages, 0 waiting
Counter.tick
	demo.hew:5

actor 1 [running, 2.0 ms]: Counter#1, 7 messages, 2 waiting
helper
	demo.hew:1
Counter.tick
	demo.hew:4

actor 2 [running, 900 ns]: Counter#2, 0 messages, 0 waiting
Counter.total
	demo.hew:6

actor 3 [blocked, waits for a reply of Box<Int>#9, 5.0 us]: Counter#3, 0 messages, 0 waiting
[runtime] hew_send
helper
	demo.hew:1
Counter.tick
	demo.hew:4

actor 4 [blocked, waits for a place in the mailbox of Box<Int>#9, 5.0 us]: Counter#4, 0 messages, 0 waiting
Counter.tick
	demo.hew:4

actor 5 [idle]: Counter#5, 3 messages, 0 waiting

actor 6 [crashed]: Counter#6, 0 messages, 0 waiting
"""


def text(actors: list[tuple[FakeRow, FakeWhere | None]], total: int, running: Mapping[int, Stack] | None = None) -> str:
    places = {row.id: where for row, where in actors}
    rows = [row for row, _ in actors]
    return "".join(render(rows, total, lambda row: places[row.id], FakeProgram(), symbolizer(), running or {}))


def test_each_actor_has_its_state_what_it_waits_for_and_its_lines() -> None:
    running = {1: Stack(False, 0, 0, (0x10_0010,), False)}
    assert text(ACTORS, 7, running) == EXPECTED


def test_what_was_cut_is_said() -> None:
    assert text(ACTORS[:1], 9).startswith("1 of 9 actors; ?limit= shows more\n\n")
