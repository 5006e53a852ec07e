"""Profiles of real programs: Go's own tool on file and URL, the flat profile to the letter, files at every end."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Final

import pytest

from tests.support import flat_profile
from tests.support.hew import Hew, Running, wait_for
from tests.support.pprof_validator import ValidProfile, read_pprof, validate

# No ticks but these: when it has said "ready", every figure stands still.
RESTING: Final = """\
actor Counter {
    let count: Int;
    let lines: Vec<String>;
    receive fn tick() {
        count += 1;
        lines.push(f"line {count}");
    }
    receive fn total() -> Int { count }
}
fn main() {
    let counters: Vec<Counter> = [];
    for _ in 0..WANTED { counters.push(spawn Counter); }
    for each in counters { each.tick(); }
    var sum = 0;
    for each in counters { sum += await each.total(); }
    println(f"ready {sum}");
    sleep_ms(600000);
}
"""
BUSY: Final = RESTING.replace(
    "    sleep_ms(600000);\n", "    loop { for each in counters { each.tick(); } sleep_ms(5); }\n"
)
NAMES: Final = ("Zähler", "计数器", "عداد", "Счётчик", "मीटर", "Counter_2")
TOKEN: Final = "0123456789abcdef"
NOISE: Final = re.compile(
    r"(Fetching profile over HTTP from|Saved profile in|Please wait\.\.\.|Generating report in) ?.*\n"
)

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="Go's tool is missing: apt-get install golang-go")


@dataclass(frozen=True, slots=True)
class Pprof:
    """`go tool pprof` in a folder of its own."""

    folder: Path

    def __call__(self, *arguments: str | Path) -> str:
        """What it writes to stdout; on stderr there may only be how it fetches."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert NOISE.sub("", done.stderr) == "", "a warning"
        return done.stdout

    def run(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        command = ["go", "tool", "pprof", *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=60, check=False
        )

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PPROF_TMPDIR": str(self.folder / "fetched"), "HOME": str(self.folder)}


@pytest.fixture
def pprof(tmp_path: Path) -> Pprof:
    folder = tmp_path / "pprof"
    folder.mkdir()
    return Pprof(folder)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Five actors that never rest."""
    hew = Hew(tmp_path_factory.mktemp("busy"))
    running = hew.start("run", hew.write(BUSY.replace("WANTED", "5"), "busy.hew"), HEW_PPROF="127.0.0.1:0")
    running.wait_for_output("ready 5")
    yield running
    hew.close()


def resting(hew: Hew, wanted: int, **environ: str) -> Running:
    path = hew.write(RESTING.replace("WANTED", str(wanted)))
    running = hew.start("run", path, env={"HEW_PPROF": "127.0.0.1:0", **environ})
    running.wait_for_output(f"ready {wanted}", within=60)
    at_rest(running, wanted)
    return running


def at_rest(running: Running, actors: int) -> None:
    """All is counted: two reads of everything agree."""
    seen: list[object] = []

    def still() -> bool:
        metrics = running.metrics()
        figures = [metrics[name] for name in ("messages_received", "bytes_allocated", "tasks_completed", "alloc_count")]
        seen.append((figures, metrics["active_workers"]))
        return len(seen) > 1 and seen[-1] == seen[-2] and metrics["active_workers"] == 0

    running.wait_until(lambda m: m["messages_received"] == 2 * actors)
    wait_for(still, what="rest")


def heap(running: Running, query: str = "") -> ValidProfile:
    return validate(running.get(f"/debug/pprof/heap{query}", within=60))


# ---- Go's tool


@needs_go
@pytest.mark.parametrize("source", ["file", "url"])
def test_gos_tool_makes_every_report_without_a_warning(busy: Running, pprof: Pprof, source: str) -> None:
    where = f"{busy.address}/debug/pprof/heap"
    if source == "file":
        where = str(pprof.folder / "heap.pb.gz")
        Path(where).write_bytes(busy.get("/debug/pprof/heap"))
    for option in ("-top", "-text"):
        text = pprof(option, "-nodefraction=0", where)
        assert "File: busy.hew\n" in text
        assert "Type: alloc_space\n" in text
        assert all(f"Actor#{number} (pid={number})\n" in text for number in range(1, 6))
        assert "[runtime]" in text
    cumulative = pprof("-top", "-cum", "-sample_index=alloc_objects", where)
    assert re.search(r" Counter\n", cumulative)
    raw = pprof("-raw", where)
    assert "PeriodType: space bytes\nPeriod: 1\n" in raw
    assert re.search(r"Samples:\nalloc_objects/count alloc_space/bytes\[dflt\]\n", raw)
    assert re.search(r"\n1: .*busy\.hew .*\[FN\]\[FL\]\[LN\]", raw)
    traces = pprof("-traces", where)
    assert re.search(r" Actor#1 \(pid=1\)\n +Counter\n", traces)
    pprof("-proto", "-output=again.pb.gz", where)
    again = pprof("-top", "-nodefraction=0", "again.pb.gz")
    assert "Actor#5 (pid=5)" in again
    assert "Counter" in pprof("-peek", "Counter", where)


@needs_go
def test_gos_tool_takes_the_difference_over_seconds(busy: Running, pprof: Pprof) -> None:
    for where in ("/debug/pprof/heap", "/debug/pprof/allocs"):
        text = pprof("-top", "-nodefraction=0", "-sample_index=alloc_objects", "-seconds=1", busy.address + where)
        assert re.search(r"Duration: 1(\.\d+)?s, Total samples = \d+", text)
        (messages,) = re.findall(r"^ *(\d+) .* Actor#1 \(pid=1\)$", text, re.MULTILINE)
        assert 0 < int(messages) < 1000  # in that second, not since the start
    before = heap(busy)
    (pprof.folder / "before.pb.gz").write_bytes(busy.get("/debug/pprof/heap"))
    assert "Actor#1" in pprof("-top", "-nodefraction=0", "-base=before.pb.gz", f"{busy.address}/debug/pprof/heap")
    assert (
        before.by_leaf()["Actor#1 (pid=1)"]["alloc_objects"] < heap(busy).by_leaf()["Actor#1 (pid=1)"]["alloc_objects"]
    )


@needs_go
def test_gos_tool_draws_or_says_what_it_lacks(busy: Running, pprof: Pprof) -> None:
    done = pprof.run("-svg", "-output=heap.svg", f"{busy.address}/debug/pprof/heap")
    if shutil.which("dot"):
        assert done.returncode == 0, done.stderr
        assert "<svg" in (pprof.folder / "heap.svg").read_text()
    else:
        assert "Is Graphviz installed?" in done.stderr


@needs_go
def test_gos_tool_shows_the_source(hew: Hew, pprof: Pprof) -> None:
    running = resting(hew, 3)
    shutil.copy(hew.folder / "program.hew", pprof.folder)
    listing = pprof("-list=^Counter$", f"{running.address}/debug/pprof/heap")
    assert re.search(r" 1:actor Counter \{\n", listing), listing


@needs_go
def test_gos_tool_opens_its_web_page(busy: Running, pprof: Pprof) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["go", "tool", "pprof", f"-http={address}", "-no_browser", f"{busy.address}/debug/pprof/heap"]
    process = subprocess.Popen(
        command, cwd=pprof.folder, env=pprof.environment(), stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        pages: dict[str, str] = {}

        def fetched() -> bool:
            try:
                for page in ("top", "flamegraph", "peek", "source"):
                    with urllib.request.urlopen(f"http://{address}/ui/{page}", timeout=10) as answer:
                        pages[page] = answer.read().decode()
            except (urllib.error.URLError, ConnectionError):
                return False
            return True

        wait_for(fetched, what="the tool's page")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
    assert "Actor#1 (pid=1)" in pages["top"]
    assert "Counter" in pages["flamegraph"]
    assert NOISE.sub("", said.decode()).splitlines() in ([], [f"Serving web UI on http://{address}"])


@needs_go
def test_gos_tool_gives_the_token_and_shows_a_refusal(hew: Hew, pprof: Pprof) -> None:
    running = hew.start("run", hew.write(BUSY.replace("WANTED", "2")), HEW_PPROF="127.0.0.1:0", HEW_PPROF_TOKEN=TOKEN)
    running.wait_for_output("ready")
    place = running.address.removeprefix("http://")
    assert "[runtime]" in pprof("-top", f"http://any:{TOKEN}@{place}/debug/pprof/heap")
    refused = pprof.run("-top", f"http://{place}/debug/pprof/heap")
    assert refused.returncode != 0
    assert "a token is needed" in refused.stderr


@needs_go
def test_gos_tool_shows_why_a_profile_is_refused(busy: Running, pprof: Pprof) -> None:
    for query, reason in (("seconds=301", "less than or equal to 300"), ("by=colour", "allowed: actor, type")):
        refused = pprof.run("-top", f"{busy.address}/debug/pprof/heap?{query}")
        assert refused.returncode != 0
        assert reason in refused.stderr
    missing = pprof.run("-top", f"{busy.address}/debug/pprof/nothing")
    assert "there is nothing at this path" in missing.stderr


# ---- the figures


@pytest.mark.parametrize("wanted", [0, 1, 3, 1000])
def test_a_profile_of_any_number_of_actors(hew: Hew, pprof: Pprof, wanted: int) -> None:
    running = resting(hew, wanted)
    actors, memory, metrics = running.json("/api/actors"), running.json("/api/memory"), running.metrics()
    assert len(actors) == wanted
    profile = heap(running)
    assert profile.total("alloc_space") == memory["bytes_allocated"]
    leaves = profile.by_leaf()
    assert leaves.pop("[runtime]")["alloc_objects"] == metrics["alloc_count"]
    assert leaves == {
        f"Actor#{row['id']} (pid={row['pid']})": {"alloc_objects": row["msgs"], "alloc_space": row["bytes_allocated"]}
        for row in actors
    }
    assert all(stack.frames[1:] == ("Counter",) for stack in profile.stacks if stack.frames[0] in leaves)
    assert running.get("/debug/pprof/profile").decode() == flat_profile.expected(actors, metrics)
    nothing = heap(running, "?seconds=1")
    assert (nothing.total("alloc_space"), nothing.total("alloc_objects")) == (0, 0)
    if shutil.which("go"):
        top = pprof("-top", "-nodefraction=0", f"{running.address}/debug/pprof/heap")
        assert "[runtime]" in top
        assert top.count("Actor#") == wanted


@pytest.mark.alone
def test_a_hundred_thousand_actors_within_seconds(hew: Hew, pprof: Pprof) -> None:
    running = resting(hew, 100_000, HEW_PROF_OUTPUT="both")
    allocated = running.json("/api/memory")["bytes_allocated"]
    begin = time.monotonic()
    data = running.get("/debug/pprof/heap", within=60)
    flat = running.get("/debug/pprof/profile", within=60).decode()
    assert time.monotonic() - begin < 10
    profile = validate(data)
    assert profile.total("alloc_space") == allocated
    assert profile.by_leaf()["Counter (99000 more)"]["alloc_objects"] == 2 * 99_000
    assert len(data) < 100_000, "a scraper would refuse it"
    read = flat_profile.read(flat)
    assert (len(read.actors), read.calls) == (100_000, 200_000)
    for path in ("/api/actors", "/debug/pprof/heap", "/debug/pprof/profile") * 3:
        running.get(path, within=60)
    status = Path(f"/proc/{running.profiler()}/status").read_text()
    (private_kib,) = re.findall(r"RssAnon:\s+(\d+) kB", status)
    assert int(private_kib) * 1024 < 80 * 2**20 + 40 * 100_000, "memory of large answers is kept"
    if shutil.which("go"):
        assert "Counter (99000 more)" in pprof("-top", f"{running.address}/debug/pprof/heap")
    running.send_signal(signal.SIGTERM)
    begin = time.monotonic()
    assert running.finish(within=20).exit_code == 143
    assert time.monotonic() - begin < 10
    assert len(flat_profile.read((hew.folder / "hew-profile.txt").read_text()).actors) == 100_000
    assert "Counter (99000 more)" in read_pprof(hew.folder / "hew-profile.pb.gz").by_leaf()


def test_names_in_any_script(hew: Hew, pprof: Pprof) -> None:
    actors = "".join(
        f"actor {name} {{ let n: Int; receive fn tick() {{ n += 1; }} receive fn total() -> Int {{ n }} }}\n"
        for name in NAMES
    )
    spawned = "".join(f"    let a{i} = spawn {name}; a{i}.tick();\n" for i, name in enumerate(NAMES))
    asked = " + ".join(f"await a{i}.total()" for i in range(len(NAMES)))
    text = f'{actors}fn main() {{\n{spawned}    println(f"ready {{{asked}}}");\n    sleep_ms(600000);\n}}\n'
    running = hew.start("run", hew.write(text, "größe 大小.hew"), HEW_PPROF="127.0.0.1:0")
    running.wait_for_output(f"ready {len(NAMES)}")
    at_rest(running, len(NAMES))
    profile = heap(running)
    assert {stack.frames[1] for stack in profile.stacks if len(stack.frames) > 1} == set(NAMES)
    assert running.get("/debug/pprof/cmdline").decode() == "größe 大小.hew"
    types = running.get("/debug/pprof/profile?types=1").decode()
    assert all(re.search(rf"\(pid=\d+, state=idle\) {name}\n", types) for name in NAMES)
    if shutil.which("go"):
        top = pprof(
            "-top", "-cum", "-sample_index=alloc_objects", "-nodefraction=0", f"{running.address}/debug/pprof/heap"
        )
        assert all(re.search(rf" {name}\n", top) for name in NAMES)
        assert "File: größe 大小.hew" in top
    assert [row["type"] for row in running.json("/api/actors?sort=id&order=asc")] == list(NAMES)


def test_other_queries_of_the_heap(busy: Running) -> None:
    text = busy.get("/debug/pprof/heap?debug=1").decode()
    assert text.startswith("heap profile: 6 entries\n")
    assert "Actor#1 (pid=1) Counter" in text
    assert len(heap(busy, "?by=type").stacks) == 6
    assert heap(busy, "?gc=1").sample_types == [("alloc_objects", "count"), ("alloc_space", "bytes")]


def test_ended_actors_are_summed(hew: Hew) -> None:
    text = """\
actor Counter {
    let count: Int;
    receive fn tick() { count += 1; }
}
fn main() {
    for _ in 0..50 {
        let each = spawn Counter;
        each.tick();
        await close(each);
    }
    println("ready");
    sleep_ms(600000);
}
"""
    running = hew.start("run", hew.write(text), HEW_PPROF="127.0.0.1:0")
    running.wait_for_output("ready")
    running.wait_until(lambda m: m["actors_live"] == 0 and m["messages_received"] == 50)
    read = flat_profile.read(running.get("/debug/pprof/profile").decode())
    assert (read.actors, read.ended, read.calls) == ({}, 50, 50)
    leaves = heap(running).by_leaf()
    assert leaves.keys() == {"Counter (ended)", "[runtime]"}
    assert leaves["Counter (ended)"]["alloc_objects"] == 50


# ---- files at the end

ENDINGS: Final = {
    "normal": ("", None, 0),
    "exit": ("    exit(3);\n", None, 3),
    "trap": ("    let empty: Vec<Int> = [];\n    println(f\"{empty[sum]}\");\n", None, 1),
    "SIGTERM": ("    sleep_ms(600000);\n", signal.SIGTERM, 143),
    "SIGINT": ("    sleep_ms(600000);\n", signal.SIGINT, 130),
    "SIGHUP": ("    sleep_ms(600000);\n", signal.SIGHUP, 129),
    "deadlock": ("    let stuck = spawn Stuck;\n    await stuck.wait_for(stuck);\n", None, 2),
}  # fmt: skip
STUCK: Final = """\
actor Stuck {
    receive fn nothing() -> Int { 1 }
    receive fn wait_for(other: Stuck) -> Int { await other.nothing() }
}
"""


@pytest.mark.parametrize("how", ENDINGS)
def test_both_files_are_written_however_it_ends(hew: Hew, pprof: Pprof, how: str) -> None:
    last, number, code = ENDINGS[how]
    text = STUCK + RESTING.replace("WANTED", "3").replace("    sleep_ms(600000);\n", last)
    running = hew.start("run", hew.write(text), HEW_PROF_OUTPUT="both")
    running.wait_for_output("ready 3")
    if number is not None:
        running.send_signal(number)
    result = running.finish(within=20)
    assert result.exit_code == code
    assert "[hew-pprof]" not in result.stderr
    stuck = how == "deadlock"
    profile = read_pprof(hew.folder / "hew-profile.pb.gz")
    leaves = profile.by_leaf()
    assert sum(name.startswith("Actor#") for name in leaves) == 3 + stuck
    assert all(leaves[f"Actor#{number} (pid={number})"]["alloc_objects"] == 2 for number in (1, 2, 3))
    flat = flat_profile.read((hew.folder / "hew-profile.txt").read_text())
    assert (sorted(flat.actors), flat.ended) == (list(range(1, 4 + stuck)), 0)
    assert 6 <= flat.calls <= 7
    if shutil.which("go"):
        assert "Actor#1 (pid=1)" in pprof("-top", "-nodefraction=0", hew.folder / "hew-profile.pb.gz")
    names = {path.name for path in hew.folder.iterdir()}
    assert names == {"program.hew", ".cache", "pprof", "hew-profile.pb.gz", "hew-profile.txt"}


@pytest.mark.parametrize(("value", "written"), [("pprof", "hew-profile.pb.gz"), ("flat", "hew-profile.txt")])
def test_one_file_is_written_alone_and_replaces_an_old_one(hew: Hew, value: str, written: str) -> None:
    (hew.folder / written).write_text("old")
    other = hew.folder / "elsewhere"
    other.mkdir()
    result = hew("run", hew.write('fn main() { println("x"); }\n'), HEW_PROF_OUTPUT=value)
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(path.name for path in hew.folder.glob("*hew-profile*")) == [written]
    if value == "pprof":
        assert read_pprof(hew.folder / written).by_leaf().keys() == {"[runtime]"}
    else:
        assert flat_profile.read((hew.folder / written).read_text()).actors == {}


def test_a_folder_that_cannot_be_written_changes_no_exit_code(hew: Hew) -> None:
    """/proc takes no files, even from root."""
    result = hew("run", hew.write("fn main() { exit(3); }\n"), cwd=Path("/proc"), HEW_PROF_OUTPUT="both")
    assert result.exit_code == 3
    assert len(re.findall(r"^\[hew-pprof\] cannot write /proc/hew-profile\.\S+: .+$", result.stderr, re.MULTILINE)) == 2


def test_a_folder_that_has_been_removed_changes_no_exit_code(hew: Hew) -> None:
    path = hew.write("fn main() { exit(3); }\n")
    result = hew("run", path, HEW_PROF_OUTPUT="flat", shell_prefix="mkdir gone && cd gone && rmdir ../gone")
    assert result.exit_code == 3
    assert result.stderr == "[hew-pprof] cannot write hew-profile.txt: No such file or directory\n"


def test_a_built_program_writes_them_too(hew: Hew) -> None:
    hew.write(RESTING.replace("WANTED", "3").replace("    sleep_ms(600000);\n", ""))
    assert hew("build", "program.hew").exit_code == 0
    running = hew.start(program=[str(hew.folder / "program")], HEW_PROF_OUTPUT="both")
    assert running.finish().exit_code == 0
    assert len(read_pprof(hew.folder / "hew-profile.pb.gz").stacks) == 4
    assert len(flat_profile.read((hew.folder / "hew-profile.txt").read_text()).actors) == 3


def test_errors_are_text_for_gos_tool_and_json_elsewhere(busy: Running) -> None:
    headers, body = refused(busy, "/api/actors?sort=colour")
    assert (headers["content-type"], json.loads(body)["parameter"]) == ("application/json", "sort")
    headers, body = refused(busy, "/debug/pprof/heap?by=colour")
    assert (headers["content-type"], headers["x-go-pprof"]) == ("text/plain; charset=utf-8", "1")
    assert b"by=colour" in body


def refused(running: Running, path: str) -> tuple[Message, bytes]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        running.get(path)
    with caught.value:
        return caught.value.headers, caught.value.read()
