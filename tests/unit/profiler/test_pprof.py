"""The heap profile, by a strict validator and by Go's own tool."""

import gzip
import os
import re
import shutil
import subprocess
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from hew.profiler.exports import pprof
from hew.profiler.exports.proto import parse, profile_class
from hew.profiler.reader import Reader
from hew.steps import at_once
from tests.support.pprof_validator import SCHEMA, ValidProfile, validate
from tests.support.profiler_fakes import (
    FakeCounters,
    FakeInspect,
    FakeProgram,
    FakeRow,
    FakeSums,
    FakeTotals,
    document_actors,
    many_actors,
)
from tests.unit.profiler.conftest import Starter


def reader(rows: list[FakeRow], ended: dict[str, FakeSums] | None = None, size: int = 1_000_000_000) -> Reader:
    totals = FakeTotals(bytes_allocated=size, bytes_freed=0, messages_received=10**6)
    return Reader(FakeCounters(totals), FakeInspect(rows, ended or {}), FakeProgram())


def heap(source: Reader, keep: int | None = None) -> pprof.HeapProfile:
    return at_once(pprof.take(source, keep=keep))


def encoded(source: Reader, keep: int | None = None) -> ValidProfile:
    return validate(at_once(pprof.encode(heap(source, keep), source.program)))


def test_the_proto_file_is_the_published_format() -> None:
    text = (resources.files("hew.profiler.exports") / "profile.proto").read_text()
    messages = {message.name: message for message in parse(text).message_type}
    assert messages.keys() == SCHEMA.keys()
    for name, schema in SCHEMA.items():
        assert {field.number: field.name for field in messages[name].field} == {
            number: field for number, (field, _) in schema.items()
        }


def test_a_line_of_proto_that_is_not_understood_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"profile.proto:2: cannot read 'map<int64, string> x = 1;'"):
        parse("message A {\n  map<int64, string> x = 1;\n}")


def test_each_actor_is_a_function_called_by_its_type() -> None:
    profile = encoded(reader(document_actors(), size=5000))
    assert profile.sample_types == [("alloc_objects", "count"), ("alloc_space", "bytes")]
    assert [(stack.frames, tuple(stack.values.values())) for stack in profile.stacks] == [
        (("Actor#1 (pid=1)", "Counter"), (2000, 600)),
        (("Actor#2 (pid=2)", "Counter"), (800, 300)),
        (("Actor#3 (pid=3)", "Counter"), (200, 100)),
        (("[runtime]",), (12_345, 4000)),
    ]
    assert "messages" in profile.comments[0]


def test_space_sums_to_all_bytes_allocated() -> None:
    profile = encoded(reader(many_actors(1000), {"Counter": FakeSums(3, 9, 77, 0)}))
    assert profile.total("alloc_space") == 1_000_000_000


def test_source_positions_are_filled_in() -> None:
    profile = encoded(reader(document_actors()))
    functions = {profile.text(each["name"]): each for each in profile.raw["function"]}
    for name in ("Counter", "Actor#1 (pid=1)"):
        assert profile.text(functions[name]["filename"]) == "demo.hew"
        assert functions[name]["start_line"] == 3
    assert profile.text(profile.raw["mapping"][0]["filename"]) == "demo.hew"


def test_ended_actors_are_one_entry_for_each_type() -> None:
    leaves = encoded(reader([], {"Counter": FakeSums(3, 9, 77, 0), "None": FakeSums(0, 0, 0, 0)})).by_leaf()
    assert leaves["Counter (ended)"] == {"alloc_objects": 9, "alloc_space": 77}
    assert leaves.keys() == {"Counter (ended)", "[runtime]"}


def test_an_empty_profile_keeps_its_sample_types() -> None:
    profile = validate(at_once(pprof.encode(pprof.HeapProfile({}), FakeProgram())))
    assert profile.sample_types == [("alloc_objects", "count"), ("alloc_space", "bytes")]
    assert profile.stacks == []


def test_above_ten_thousand_actors_the_rest_is_summed_by_type() -> None:
    rows = many_actors(10_001)
    leaves = encoded(reader(rows)).by_leaf()
    more = {name: values for name, values in leaves.items() if name.endswith(" more)")}
    assert set(more) == {"Counter (3000 more)", "Box<Int> (3001 more)", "Zähler::内 (3000 more)"}
    assert sum(name.startswith("Actor#") for name in leaves) == 1000
    assert sum(each["alloc_objects"] for name, each in leaves.items() if name != "[runtime]") == sum(
        row.msgs for row in rows
    )


def test_ten_thousand_actors_stand_one_by_one() -> None:
    assert len(encoded(reader(many_actors(10_000))).stacks) == 10_001


def test_by_type_keeps_the_top_hundred() -> None:
    leaves = encoded(reader(many_actors(400)), keep=pprof.TOP_BY_TYPE).by_leaf()
    assert "Actor#400 (pid=400)" in leaves
    assert "Counter (100 more)" in leaves


def test_sums_of_types_are_exact_beyond_the_most_that_are_read() -> None:
    rows = many_actors(100_012)
    leaves = encoded(reader(rows)).by_leaf()
    for name in ("Counter", "Box<Int>", "Zähler::内"):
        kept = {f"Actor#{row.id} (pid={row.id})": row for row in rows[-pprof.TOP_OF_MANY :] if row.type == name}
        (more,) = (values for leaf, values in leaves.items() if re.fullmatch(rf"{name} \(\d+ more\)", leaf))
        assert kept.keys() <= leaves.keys()
        assert more["alloc_objects"] == sum(row.msgs for row in rows if row.type == name) - sum(
            row.msgs for row in kept.values()
        )
        assert more["alloc_space"] == sum(row.bytes_allocated for row in rows if row.type == name) - sum(
            row.bytes_allocated for row in kept.values()
        )


def test_a_difference_of_many_is_that_of_their_types() -> None:
    rows = many_actors(10_001)
    before = heap(reader(rows, {"Counter": FakeSums(1, 2, 3, 4)}))
    later = [replace(row, bytes_allocated=row.bytes_allocated + (20_000 if row.id < 4 else 0)) for row in rows[:-1]]
    ended = {
        rows[-1].type: FakeSums(1, rows[-1].msgs + 5, rows[-1].bytes_allocated, 0),
        "Counter": FakeSums(1, 2, 3, 4),
    }
    taken = pprof.difference(heap(reader(later, ended)), before)
    assert {entry.name: (entry.objects, entry.bytes) for entry in taken.entries.values() if entry.type} == {
        "Counter (all)": (0, 20_000),
        "Box<Int> (all)": (0, 20_000),
        "Zähler::内 (all)": (5, 20_000),
    }


def test_a_difference_is_what_was_added() -> None:
    before = heap(reader([FakeRow(1, 1, msgs=5, bytes_allocated=10), FakeRow(2, 2, msgs=7, bytes_allocated=1)]))
    after = heap(
        reader([FakeRow(1, 1, msgs=8, bytes_allocated=10)], {"Counter": FakeSums(1, 9, 4, 0)}, size=1_000_000_500)
    )
    taken = pprof.difference(after, before)
    assert {entry.name: (entry.objects, entry.bytes) for entry in taken.entries.values()} == {
        "Actor#1 (pid=1)": (3, 0),
        "Counter (ended)": (2, 3),
        "[runtime]": (0, 497),
    }


def test_the_text_form_names_each_entry() -> None:
    text = pprof.as_text(heap(reader(document_actors())))
    assert "          2000              600  Actor#1 (pid=1) Counter\n" in text


def test_what_protobuf_reads_is_what_was_written() -> None:
    message = profile_class()()
    message.ParseFromString(gzip.decompress(at_once(pprof.encode(heap(reader(document_actors())), FakeProgram()))))
    assert len(message.sample) == 4


# ---- Go's tool

EXPECTED = ("Fetching profile", "Saved profile", "Please wait... (1s)", "Generating report in")  # on its stderr


@pytest.fixture
def go() -> str:
    found = shutil.which("go")
    if found is None:
        pytest.skip("Go is not installed")
    return found


def tool(go: str, home: Path, *arguments: str) -> str:
    """Its output; any warning fails."""
    environment = {**os.environ, "HOME": str(home), "PPROF_TMPDIR": str(home), "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    run = subprocess.run(
        [go, "tool", "pprof", *arguments], env=environment, cwd=home, capture_output=True, text=True, timeout=60
    )
    noise = [line for line in run.stderr.splitlines() if not line.startswith(EXPECTED)]
    assert (run.returncode, noise) == (0, [])
    return run.stdout


@pytest.mark.parametrize("count", [0, 1, 3, 1000])
@pytest.mark.parametrize("form", ["-top", "-text", "-raw", "-traces", "-proto"])
def test_the_go_tool_reads_the_file(go: str, tmp_path: Path, count: int, form: str) -> None:
    source = reader(many_actors(count), {"Counter": FakeSums(2, 5, 60, 0)})
    file = tmp_path / "heap.pb.gz"
    file.write_bytes(at_once(pprof.encode(heap(source), source.program)))
    output = ["-output", str(tmp_path / "out")] if form == "-proto" else []
    text = tool(go, tmp_path, form, *output, str(file))
    if form == "-top":
        assert "[runtime]" in text
        assert "Type: alloc_space" in text
    if form == "-raw" and count:
        assert "Actor#1 (pid=1)" in text
        assert "Zähler::内" in text or count < 3


def test_the_go_tool_groups_by_type_and_keeps_names_whole(go: str, tmp_path: Path) -> None:
    source = reader(many_actors(1000), size=600_000)
    file = tmp_path / "heap.pb.gz"
    file.write_bytes(at_once(pprof.encode(heap(source), source.program)))
    text = tool(go, tmp_path, "-top", "-cum", "-nodecount=6", str(file))
    for name in ("Counter", "Box<Int>", "Zähler::内", "[runtime]"):
        assert any(line.endswith(f" {name}") for line in text.splitlines()), text


def test_list_shows_the_source(go: str, tmp_path: Path) -> None:
    (tmp_path / "demo.hew").write_text("// one\n// two\nactor Counter {\n}\n")
    source = reader(document_actors(), size=2000)
    file = tmp_path / "heap.pb.gz"
    file.write_bytes(at_once(pprof.encode(heap(source), source.program)))
    assert "actor Counter {" in tool(go, tmp_path, "-list=^Counter$", str(file))


@pytest.mark.parametrize("path", ["heap", "allocs", "heap?by=type"])
def test_the_go_tool_reads_the_url(go: str, tmp_path: Path, start: Starter, path: str) -> None:
    profiled = start({"actors": 3})
    text = tool(go, tmp_path, "-top", "-sample_index=alloc_objects", f"{profiled.place}debug/pprof/{path}")
    assert "[runtime]" in text


def test_the_go_tool_takes_a_difference_over_seconds(go: str, tmp_path: Path, start: Starter) -> None:
    profiled = start({"actors": 3})
    text = tool(go, tmp_path, "-top", "-seconds=1", f"{profiled.place}debug/pprof/heap")
    assert "Type: alloc_space" in text
