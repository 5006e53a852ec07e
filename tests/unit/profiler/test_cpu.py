"""Recordings, the frames of their stacks, and the profiles made of them."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hew.profiler import cpu
from hew.profiler.cpu import LEASE_NS, Recorder, Recording, Stack, Weight
from hew.profiler.exports.cpu import as_text, encode, labels, places
from hew.profiler.symbols import RUNTIME, Frame, Functions, Mapped, Symbolizer, mapped_code, read_functions
from hew.steps import at_once
from tests.support.pprof_validator import validate
from tests.support.profiler_fakes import FakeLines, FakeProgram, FakeSample, FakeSymbol

CORE = Path(__file__).parents[3] / "hew" / "scheduler" / "_core" / "libhewcore.so"
LIBRARY = 0x70_0000  # where it is in the fake process


@dataclass
class Ring:
    """Samples that a test puts there, and what was asked of them."""

    waiting: list[FakeSample] = field(default_factory=list)
    lost: int = 0
    requests: list[tuple[int, int]] = field(default_factory=list)

    def request(self, period_ns: int, lease_ns: int) -> None:
        self.requests.append((period_ns, lease_ns))

    def take(self) -> Iterator[FakeSample]:
        while self.waiting:
            yield self.waiting.pop(0)


def symbolizer() -> Symbolizer:
    functions = Functions([0x10, 0x40], [(0x10, 0x20, "hew_send"), (0x40, 0x10, "hew_park")])
    found = Symbolizer(
        base=0x10_0000,
        size=0x1000,
        lines=FakeLines(),
        symbols=[FakeSymbol("glue", 0x80, 0x10)],
        mapped=[
            Mapped(LIBRARY, LIBRARY + 0x1000, LIBRARY, "/x/libhewcore.so"),
            Mapped(LIBRARY + 0x2000, LIBRARY + 0x3000, LIBRARY + 0x2000, "/lib/libc.so.6"),
        ],
    )
    found._core_functions = functions
    return found


# ---- recordings


async def nobody_asks_on() -> None:
    """What asked for the recordings has ended with the last of them."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    async with asyncio.timeout(30):
        await asyncio.gather(*others, return_exceptions=True)


def test_those_who_ask_at_once_share_one_reader_and_each_gets_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "POLL_SECONDS", 0.001)
    rings: list[Ring] = []

    def make() -> Ring:
        rings.append(Ring())
        return rings[-1]

    async def scene() -> None:
        recorder = Recorder(make)
        with recorder.record(100) as first:
            rings[0].waiting.append(FakeSample(ns=1))
            with recorder.record(500) as second:
                rings[0].waiting.append(FakeSample(ns=20))
                rings[0].lost += 3
                async with asyncio.timeout(30):
                    while not second.stacks:
                        await asyncio.sleep(0)
            rings[0].waiting.append(FakeSample(ns=300))
        assert [each.ns for each in first.stacks.values()] == [321]
        assert [each.ns for each in second.stacks.values()] == [20]
        assert (first.lost, second.lost) == (3, 3)
        assert rings[0].requests[0] == (10_000_000, LEASE_NS)
        assert (2_000_000, LEASE_NS) in rings[0].requests
        await nobody_asks_on()
        with recorder.record(100):
            assert len(rings) == 2, "what came between the recordings is for none"

    asyncio.run(scene())


def test_recordings_that_hold_the_same_are_two() -> None:
    ring = Ring()

    async def scene() -> None:
        recorder = Recorder(lambda: ring)
        with recorder.record(100) as first:
            with recorder.record(100):
                ring.waiting.append(FakeSample(ns=1))
            ring.waiting.append(FakeSample(ns=2))
        assert sum(weight.ns for weight in first.stacks.values()) == 3
        await nobody_asks_on()

    asyncio.run(scene())


def test_who_leaves_in_between_ends_the_requests_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "POLL_SECONDS", 0.001)
    ring = Ring()

    async def scene() -> None:
        recorder = Recorder(lambda: ring)
        with pytest.raises(KeyError), recorder.record(100):
            raise KeyError("gone")
        await nobody_asks_on()

    asyncio.run(scene())


def test_a_program_that_cannot_be_asked_is_an_error() -> None:
    class Refused(Ring):
        def request(self, period_ns: int, lease_ns: int) -> None:
            raise PermissionError(1, "not permitted")

    async def scene() -> None:
        recorder = Recorder(Refused)
        for _ in range(2):
            with pytest.raises(PermissionError), recorder.record(100):
                raise AssertionError("it was asked")

    asyncio.run(scene())


# ---- frames


def stack(*pcs: int, cut: bool = False) -> Stack:
    return Stack(False, 0, 0, pcs, cut)


def names(of: Stack) -> list[tuple[str, int]]:
    return [(frame.function, frame.line) for place in places(of, symbolizer()) for frame in place.frames]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (stack(0x10_0010), [("helper", 1), ("Counter.tick", 4)]),
        (stack(0x10_0020), [("Counter.tick", 5)]),
        (stack(0x10_0030, 0x10_0020), [("Counter.tick", 5), ("helper", 1), ("Counter.tick", 4)]),  # - 1: still the call
        (stack(0x10_0085), [("glue", 0)]),
        (stack(0x10_0100), [("[program]", 0)]),
        (stack(LIBRARY + 0x11, 0x10_0030), [("[runtime] hew_send", 0), ("Counter.tick", 5)]),
        (stack(LIBRARY + 0x2011, 0x10_0030), [("[runtime] libc.so.6", 0), ("Counter.tick", 5)]),
        (stack(0x10_0030, LIBRARY + 0x12, LIBRARY + 0x42), [("Counter.tick", 5)]),
        (stack(0x10_0030, 5, 0x10_0010), [("Counter.tick", 5)]),
        (stack(LIBRARY + 0x42), [("[runtime] hew_park", 0), ("[runtime]", 0)]),
        (stack(LIBRARY + 0x90), [("[runtime] libhewcore.so", 0), ("[runtime]", 0)]),
        (stack(3), [("[runtime]", 0)]),
        (stack(0x10_0030, 0x10_0031, cut=True), [("Counter.tick", 5), ("Counter.tick", 5), ("[deeper calls]", 0)]),
    ],
)
def test_a_stack_is_the_programs_lines_with_the_runtime_at_its_tip_only(
    given: Stack, expected: list[tuple[str, int]]
) -> None:
    assert names(given) == expected


def test_a_library_names_its_functions() -> None:
    functions = read_functions(CORE)
    by_name = {name: address for address, _, name in functions.symbols}
    assert functions.name_of(by_name["hew_send_begin"] + 4) == "hew_send_begin"
    assert functions.name_of(0) is None
    assert functions.starts == sorted(functions.starts)


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x02\x01", b"\x7fELF\x02\x01" + bytes(200), b"#!/bin/sh\n"])
def test_what_is_no_library_names_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_functions(tmp_path / "file").symbols == []
    assert read_functions(tmp_path / "absent").symbols == []


def test_a_process_shows_where_its_code_is() -> None:
    found = mapped_code(os.getpid())
    assert [each.start for each in found] == sorted(each.start for each in found)
    assert any("libc" in each.path for each in found)
    assert all(each.base <= each.start < each.end for each in found)
    assert mapped_code(2**22 + 1) == []


# ---- the profile


def recording() -> Recording:
    made = Recording(100, lost=2)
    made.stacks = {
        stack(0x10_0010): Weight(3, 30_000_000),
        Stack(True, None, None, (LIBRARY + 0x11, 0x10_0030), False): Weight(1, 10_000_000),
        Stack(False, None, None, (LIBRARY + 0x42,), False): Weight(2, 20_000_000),
    }
    return made


def test_a_profile_has_lines_labels_and_values() -> None:
    profile = validate(at_once(encode(recording(), FakeProgram(), symbolizer(), duration_ns=5_000_000_000)), cpu=True)
    assert profile.sample_types == [("samples", "count"), ("cpu", "nanoseconds")]
    assert (profile.raw["period"], profile.raw["duration_nanos"]) == (10_000_000, 5_000_000_000)
    assert profile.text(profile.raw["default_sample_type"]) == "cpu"
    assert profile.comments[-1] == "2 samples were lost: the profiler was held up"
    first, main, none = profile.stacks
    assert (first.frames, first.lines) == (("helper", "Counter.tick"), ("demo.hew:1", "demo.hew:4"))
    assert first.values == {"samples": 3, "cpu": 30_000_000}
    assert first.labels == (("actor_type", "Counter"), ("handler", "tick"))
    assert main.frames == ("[runtime] hew_send", "Counter.tick")
    assert main.labels == (("actor_type", "main"), ("handler", "main"))
    assert (none.frames, none.labels) == (("[runtime] hew_park", RUNTIME), ())
    own, others = profile.raw["mapping"]
    assert (own["memory_start"], own["memory_limit"]) == (0x10_0000, 0x10_1000)
    assert {each["mapping_id"] for each in profile.raw["location"]} == {own["id"], others["id"]}


def test_a_profile_of_nothing_is_valid() -> None:
    profile = validate(at_once(encode(Recording(1000), FakeProgram(), symbolizer(), duration_ns=1)), cpu=True)
    assert profile.stacks == []
    assert profile.raw["period"] == 1_000_000


def test_looking_for_work_has_a_name_of_its_own_and_is_said() -> None:
    made = Recording(100)
    made.stacks[Stack(False, 0, 0, (0x10_0010,), False)] = Weight(3, 30_000_000)
    made.stacks[Stack(False, None, None, (LIBRARY + 0x42,), False, looking=True)] = Weight(7, 70_000_000)
    profile = validate(at_once(encode(made, FakeProgram(), symbolizer(), duration_ns=1)), cpu=True)
    assert profile.stacks[1].frames == ("[runtime] hew_park", "[runtime] looking for work")
    assert profile.comments[1].startswith("70 % of it the workers looked for work")
    other = validate(at_once(encode(recording(), FakeProgram(), symbolizer(), duration_ns=1)), cpu=True)
    assert not [comment for comment in other.comments if "looked" in comment]


def test_an_actor_that_the_program_does_not_know_has_no_label() -> None:
    assert labels(Stack(False, 7, 0, (), False), FakeProgram()) == {}
    assert labels(Stack(False, 0, 9, (), False), FakeProgram()) == {"actor_type": "Counter"}


def test_as_text_equal_stacks_are_summed_most_time_first() -> None:
    made = recording()
    made.stacks[Stack(False, 1, None, (0x10_0010,), False)] = Weight(1, 5_000_000)
    assert at_once(as_text(made, symbolizer())).splitlines() == [
        "Counter.tick:4;helper:1 35000000",
        "[runtime];[runtime] hew_park 20000000",
        "Counter.tick:5;[runtime] hew_send 10000000",
    ]


def test_frames_are_looked_up_once() -> None:
    found = symbolizer()
    assert found.frames(0x10_0010) is found.frames(0x10_0010)
    assert found.frames(0x10_0010)[0] == Frame("helper", "demo.hew", 1)
