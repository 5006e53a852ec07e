"""Readings as text: units, rates, tables."""

import msgspec
import pytest

from hew.profiler.models import ActorRow, Finding, HandlerRow, Memory, Metrics, Times
from hew.top import text
from hew.top.source import Reading

MIB = 1024 * 1024


def reading(**metrics: int) -> Reading:
    figures = dict.fromkeys(Metrics.__struct_fields__, 0) | {"workers": 4, "uptime_secs": 10} | metrics
    return Reading(
        program="shop.hew",
        pid=7,
        address=None,
        metrics=msgspec.convert(figures, Metrics),
        memory=msgspec.convert(dict.fromkeys(Memory.__struct_fields__, 0), Memory),
        actors=[],
        actors_total=0,
        handlers=[],
        handlers_total=0,
        findings=[],
    )


def actor(number: int, name: str) -> ActorRow:
    return ActorRow(number, number, "idle", 1234567, 1_500_000, 2, 30, name, 1, 4096, 2048, 0)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (MIB, "1.0 MB"),
        (3 * 1024 * MIB, "3.0 GB"),
        (2**50, "1024.0 TB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (187, "3:07 min"), (7387, "2:03:07 h")])
def test_durations(seconds: int, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_rates_are_differences_over_seconds_and_never_negative() -> None:
    before = reading(messages_received=100, tasks_completed=50, alloc_count=9, bytes_allocated=4096)
    after = reading(messages_received=300, tasks_completed=60, alloc_count=9, bytes_allocated=0)
    assert text.rates(before, after, 2.0) == text.Rates(100.0, 5.0, 0.0, 0.0)
    assert text.rates(before, after, 0.0) == text.Rates(0.0, 0.0, 0.0, 0.0)


def test_a_snapshot_has_averages_findings_and_a_table() -> None:
    found = Finding("leak", "Cache grows", {}, 1, 0, 5)
    full = msgspec.structs.replace(
        reading(messages_sent=1010, messages_received=1000, active_workers=2),
        actors=[actor(1, "Cache"), actor(22, "日本")],
        actors_total=5,
        findings=[found],
    )
    lines = text.snapshot(full, "shop.hew (pid 7)").splitlines()
    assert lines[0] == "shop.hew (pid 7), up 10 s, 2 of 4 workers busy"
    assert lines[2] == "messages  100/s, 1,010 sent, 1,000 received, 10 waiting, 0 dropped"
    assert lines[5] == "leak: Cache grows"
    assert lines[8].split() == ["1", "Cache", "idle", "1,234,567", "1.5", "ms", "2", "30", "2.0", "KB", "1"]
    assert lines[-1] == "... and 3 more"


def test_a_snapshot_has_the_handlers_with_their_times() -> None:
    work, mailbox = Times(9000, 640, 3_241, 87_102), Times(9000, 15_212, 1_900_000, 2_600_000_000)
    full = msgspec.structs.replace(
        reading(), handlers=[HandlerRow("Cache", "look_up", 58_100, work, mailbox)], handlers_total=3
    )
    lines = text.snapshot(full, "x").splitlines()
    assert lines[5:] == [
        "",
        "type   handler  messages  wait p50  wait p99  wait max  work p50  work p99  work max",
        "Cache  look_up    58,100   15.2 us    1.9 ms     2.6 s    640 ns    3.2 us   87.1 us",
        "... and 2 more",
    ]


def test_a_program_without_actors_has_no_table() -> None:
    assert len(text.snapshot(reading(), "x").splitlines()) == 5
