"""The flat profile: the document to the letter, exact columns, exact rounding."""

from hypothesis import given
from hypothesis import strategies as st

from hew.profiler.exports.flat import render, size, tenths
from hew.profiler.reader import Reader
from hew.steps import at_once
from tests.support.profiler_fakes import (
    FakeCounters,
    FakeInspect,
    FakeMemory,
    FakeProgram,
    FakeRow,
    FakeSums,
    FakeTotals,
    document_actors,
)

DOCUMENT = """\
Flat profile:
Total processing time: 3.2 ms across 3 actor(s)
Memory: 184.4 KB live (194.4 KB peak), 549 allocations
% cumulative self self total
time time(ms) time(ms) calls us/call us/call name
62.5 2.0 2.0 2000 1.0 1.0 Actor#1 (pid=1, state=idle)
25.0 2.8 0.8 800 1.0 1.0 Actor#2 (pid=2, state=idle)
12.5 3.2 0.4 200 2.0 2.0 Actor#3 (pid=3, state=idle)
Mailbox summary:
Actor Depth HWM
#1 0 150
#2 0 80
#3 0 20"""

EXACT = """\
Flat profile:
Total processing time: 0.0 ms across 1 actor(s)
Memory: 512 B live (512 B peak), 9 allocations

     % cumulative      self              self    total
  time   time(ms)  time(ms)    calls  us/call  us/call  name
   0.0        0.0       0.0       12      0.0      0.0  Actor#7 (pid=4, state=running)

Mailbox summary:
Actor     Depth    HWM
#7            1      3
"""


def text(inspect: FakeInspect, totals: FakeTotals, *, types: bool = False) -> str:
    source = Reader(FakeCounters(totals), inspect, FakeProgram())
    return "".join(render(at_once(source.snapshot(sort="time_ns")), types=types))


def squeezed(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def test_it_is_the_documents_example_to_the_letter() -> None:
    inspect = FakeInspect(document_actors(), figures=FakeMemory(peak_bytes_live=199_066))
    totals = FakeTotals(alloc_count=549, dealloc_count=0, bytes_allocated=188_826, bytes_freed=0)
    assert squeezed(text(inspect, totals)) == DOCUMENT


def test_its_columns_are_fixed() -> None:
    inspect = FakeInspect(
        [FakeRow(7, 4, "running", msgs=12, mbox_depth=1, mbox_hwm=3)], figures=FakeMemory(peak_bytes_live=0)
    )
    assert text(inspect, FakeTotals(alloc_count=9, dealloc_count=0, bytes_allocated=512, bytes_freed=0)) == EXACT


def test_ended_actors_are_the_last_row_and_in_the_total() -> None:
    inspect = FakeInspect(
        [FakeRow(1, 1, msgs=1, time_ns=1_000_000)],
        {"A": FakeSums(2, 10, 0, 2_000_000), "B": FakeSums(1, 5, 0, 1_000_000)},
    )
    lines = squeezed(text(inspect, FakeTotals())).splitlines()
    assert lines[1] == "Total processing time: 4.0 ms across 1 actor(s)"
    assert lines[5:7] == [
        "25.0 1.0 1.0 1 1000.0 1000.0 Actor#1 (pid=1, state=idle)",
        "75.0 4.0 3.0 15 200.0 200.0 [ended] (3 actors)",
    ]


def test_most_time_first_and_ties_by_id() -> None:
    inspect = FakeInspect([FakeRow(3, 3), FakeRow(2, 2, time_ns=5), FakeRow(1, 1)])
    names = [line.split()[6] for line in text(inspect, FakeTotals()).splitlines() if "pid=" in line]
    assert names == ["Actor#2", "Actor#1", "Actor#3"]


def test_types_stand_behind_the_names() -> None:
    assert "Actor#1 (pid=1, state=idle) Counter\n" in text(FakeInspect(document_actors()), FakeTotals(), types=True)


def test_no_actors_is_no_error() -> None:
    assert "Total processing time: 0.0 ms across 0 actor(s)" in text(FakeInspect(), FakeTotals())


def test_halves_go_away_from_zero() -> None:
    assert [tenths(*pair) for pair in [(25, 100), (24, 100), (5, 0), (0, 3), (1, 20), (49, 1000)]] == [
        "0.3", "0.2", "0.0", "0.0", "0.1", "0.0",
    ]  # fmt: skip


@given(st.integers(0, 10**15), st.integers(1, 10**9))
def test_tenths_is_within_half_a_tenth(numerator: int, denominator: int) -> None:
    whole, tenth = tenths(numerator, denominator).split(".")
    rounded = int(whole) * 10 + int(tenth)
    assert abs(2 * rounded * denominator - 20 * numerator) <= denominator


def test_sizes_go_by_1024() -> None:
    assert [size(each) for each in (0, 1023, 1024, 1536, 1024**2, 5 * 1024**3, 1024**4)] == [
        "0 B", "1023 B", "1.0 KB", "1.5 KB", "1.0 MB", "5.0 GB", "1024.0 GB",
    ]  # fmt: skip
