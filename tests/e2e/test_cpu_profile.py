"""CPU profiles of real programs: the right lines with the right shares, while somebody asks and not a moment longer."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hew.scheduler.attach import attach
from tests.support.hew import Hew, Running, wait_for
from tests.support.pprof_validator import ValidProfile, validate
from tests.support.shares import SHARES

HEAVY_LINES: Final = {f"program.hew:{line}" for line in range(2, 7)}
LIGHT_LINES: Final = {f"program.hew:{line}" for line in range(9, 14)}
STUCK: Final = """\
actor Stuck {
    let n: Int;
    receive fn turn() { loop { n = (n + 7) % 1000; } }
}
fn main() {
    for _ in 0..2 { let stuck = spawn Stuck; stuck.turn(); }
    println("ready");
    loop { sleep_ms(1000); }
}
"""
WAITING: Final = """\
actor Slow {
    receive fn answer() -> Int {
        sleep_ms(600000);
        1
    }
}
actor Client {
    let slow: Slow;
    let got: Int;
    receive fn go() {
        got = outer(slow);
    }
}
fn outer(slow: Slow) -> Int {
    inner(slow) + 1
}
fn inner(slow: Slow) -> Int {
    await slow.answer()
}
fn main() {
    let slow = spawn Slow;
    let client = spawn Client(slow: slow);
    client.go();
    println("ready");
    loop { sleep_ms(600000); }
}
"""
ENOUGH: Final = 200  # samples, for shares within a few hundredths
SIGPROF: Final = int(signal.SIGPROF)
WARNING: Final = re.compile(r"(?!Fetching profile over HTTP from |Saved profile in |Please wait).+")

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="Go's tool is missing: apt-get install golang-go")


def start(hew: Hew, text: str = SHARES, **environ: str) -> Running:
    running = hew.start("run", hew.write(text), env={"HEW_WORKERS": "2", "HEW_PPROF": "127.0.0.1:0", **environ})
    running.wait_for_output("ready", within=60)
    running.workers(2)
    return running


def profile(running: Running, query: str = "seconds=2") -> ValidProfile:
    return validate(running.get(f"/debug/pprof/profile?{query}", within=60), cpu=True)


def samples(*taken: ValidProfile) -> int:
    return sum(each.total("samples") for each in taken)


def share(function: str, *taken: ValidProfile) -> float:
    """Of the samples, those with `function` in their stack."""
    stacks = [stack for each in taken for stack in each.stacks]
    return sum(stack.values["samples"] for stack in stacks if function in stack.frames) / samples(*taken)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sampled(running: Running) -> list[bool]:
    """Of each worker, whether it has a timer for samples."""
    return [f"signal: {SIGPROF}/" in Path(f"/proc/{pid}/timers").read_text() for pid in running.workers(2)]


def ask_without_end(running: Running) -> socket.socket:
    """A client that wants five minutes."""
    host, _, port = running.address.removeprefix("http://").rpartition(":")
    client = socket.create_connection((host, int(port)), timeout=30)
    client.sendall(b"GET /debug/pprof/cpu?seconds=300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return client


# ---- the truth


def test_shares_and_lines_are_those_of_the_program(hew: Hew) -> None:
    running = start(hew)
    taken: list[ValidProfile] = []
    while samples(*taken) < ENOUGH:  # as long as it takes on a machine that gives it little time
        taken.append(profile(running, "seconds=2"))
    assert share("Worker.go", *taken) > 0.98
    assert abs(share("heavy", *taken) - 0.75) < 0.12
    assert abs(share("light", *taken) - 0.25) < 0.12
    for stack in (stack for each in taken for stack in each.stacks):
        for function, lines, call in (("heavy", HEAVY_LINES, 18), ("light", LIGHT_LINES, 19)):
            if function in stack.frames:
                at = stack.frames.index(function)
                assert stack.lines[at] in lines, stack
                assert stack.frames[at + 1] == "Worker.go", stack
                assert stack.lines[at + 1] == f"program.hew:{call}", stack
                assert dict(stack.labels) == {"actor_type": "Worker", "handler": "go"}
    assert taken[0].comments == ["CPU time of the workers, sampled 100 times a second each"]


def test_workers_that_are_stuck_in_one_handler_are_seen_with_all_their_time(hew: Hew) -> None:
    running = start(hew, STUCK)
    assert share("Stuck.turn", profile(running, "seconds=1")) > 0.98
    program = attach(running.pid)
    try:
        seen = program.inspect.samples()
        sampled_ns = [0, 0]

        def go_on() -> list[float]:
            seen.request(10_000_000, 10_000_000_000)
            for sample in seen.take():
                sampled_ns[sample.worker] += sample.ns
            return [cpu_seconds(pid) for pid in running.workers(2)]

        go_on()
        wait_for(lambda: sampled(running) == [True, True], what="timers")
        before = go_on()
        sampled_ns[:] = [0, 0]
        wait_for(lambda: all(now - then > 1 for now, then in zip(go_on(), before, strict=True)), within=60)
        spent = [now - then for now, then in zip(go_on(), before, strict=True)]
        for worker in (0, 1):
            assert abs(sampled_ns[worker] / 1e9 / spent[worker] - 1) < 0.1, (sampled_ns, spent)
    finally:
        program.close()


def test_an_idle_program_has_a_profile_of_nothing(hew: Hew) -> None:
    taken = profile(start(hew, WAITING), "seconds=1")
    assert samples(taken) <= 2


def test_looking_for_work_before_a_sleep_is_told_from_other_work_of_the_runtime(hew: Hew) -> None:
    running = start(hew, 'fn main() { println("ready"); loop { sleep_ms(1); } }\n')
    taken: list[ValidProfile] = []

    def found() -> bool:
        taken.append(profile(running, "seconds=1&hz=1000"))
        return any("[runtime] looking for work" in stack.frames for stack in taken[-1].stacks)

    wait_for(found, within=60)
    for stack in taken[-1].stacks:
        if stack.frames[-1] == "[runtime] looking for work":
            assert stack.labels == ()
    text = "/debug/pprof/cpu?seconds=1&hz=1000&debug=1"
    wait_for(lambda: b"[runtime] looking for work;" in running.get(text, within=60), within=60)


def test_the_dump_shows_where_actors_wait(hew: Hew) -> None:
    running = start(hew, WAITING)
    text = running.get("/debug/pprof/actors?debug=2").decode()
    assert text.startswith("3 actors\n\nactor 0 [blocked, sleeps, ")
    client = text[text.index("actor 2 [blocked, waits for a reply of Slow#1, ") :]
    lines = re.findall(r"^(\S+)\n\tprogram.hew:(\d+)$", client, re.MULTILINE)
    assert lines == [("inner", "18"), ("outer", "15"), ("Client.go", "11")]
    assert "main\n\tprogram.hew:25\n" in text
    assert "Slow.answer\n\tprogram.hew:3\n" in text


# ---- only while somebody asks


def test_nobody_is_sampled_before_and_after(hew: Hew) -> None:
    running = start(hew)
    program = attach(running.pid)
    try:
        seen = program.inspect.samples()
        running.wait_until(lambda metrics: metrics["messages_received"] > 100, within=60)
        assert sampled(running) == [False, False]
        assert list(seen.take()) == []
        profile(running, "seconds=1")
        assert list(seen.take())
        wait_for(lambda: sampled(running) == [False, False], what="the end of the timers")
        list(seen.take())
        metrics = running.metrics()
        running.wait_until(lambda now: now["messages_received"] > metrics["messages_received"] + 100, within=60)
        assert list(seen.take()) == []
    finally:
        program.close()


def test_a_client_that_leaves_ends_its_sampling_and_others_are_answered_meanwhile(hew: Hew) -> None:
    running = start(hew)
    with ask_without_end(running):
        wait_for(lambda: sampled(running) == [True, True], what="timers")
        assert running.metrics()["workers"] == 2
        assert samples(profile(running, "seconds=1")) > 0
        assert sampled(running) == [True, True]
    wait_for(lambda: sampled(running) == [False, False], what="the end of the timers")


def test_workers_stop_when_the_profiler_is_killed(hew: Hew) -> None:
    running = start(hew)
    profiler = running.profiler()
    with ask_without_end(running):
        wait_for(lambda: sampled(running) == [True, True], what="timers")
        os.kill(profiler, signal.SIGKILL)
        wait_for(lambda: sampled(running) == [False, False], what="the end of the timers")


def test_a_worker_that_is_killed_meanwhile_is_sampled_in_its_next_life(hew: Hew) -> None:
    running = start(hew)
    with ask_without_end(running):
        wait_for(lambda: sampled(running) == [True, True], what="timers")
        killed = running.workers(2)[0]
        os.kill(killed, signal.SIGKILL)
        running.workers(2, instead_of=killed)
        wait_for(lambda: all(sampled(running)), what="timers in both again")
        assert share("Worker.go", profile(running)) > 0.9


# ---- a program without a profiler


def test_an_attached_profiler_samples_and_leaves_the_program_as_it_was(hew: Hew) -> None:
    program = start(hew, HEW_PPROF="")
    profiler = hew.start("pprof", str(program.pid), "127.0.0.1:0")
    profiler.wait_for_message("Ctrl-C leaves it as it is")
    taken = profile(profiler, "seconds=1")
    assert samples(taken) > 0
    assert share("Worker.go", taken) > 0.98
    assert {"heavy", "light"} <= {name for stack in taken.stacks for name in stack.frames}
    with ask_without_end(profiler):
        wait_for(lambda: sampled(program) == [True, True], what="timers")
        profiler.send_signal(signal.SIGINT)
        profiler.finish(within=10)
    wait_for(lambda: sampled(program) == [False, False], what="the end of the timers")
    program.send_signal(signal.SIGTERM)
    ended = program.finish(within=10)
    assert (ended.exit_code, ended.stderr) == (143, "")


# ---- Go's tool


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    hew = Hew(tmp_path_factory.mktemp("truth"))
    yield start(hew)
    hew.close()


@pytest.fixture(scope="module")
def file(truth: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "cpu.pb.gz"
    (path.parent / "program.hew").write_text(SHARES)
    for seconds in (2, 4, 8, 16, 32):
        path.write_bytes(truth.get(f"/debug/pprof/profile?seconds={seconds}", within=90))
        if samples(validate(path.read_bytes(), cpu=True)) >= ENOUGH:
            return path
    raise AssertionError("too few samples")


def pprof(folder: Path, *arguments: str | Path) -> str:
    """Its standard output; on stderr there may only be how it fetches."""
    done = subprocess.run(
        ["go", "tool", "pprof", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PPROF_TMPDIR": str(folder / "fetched"), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if WARNING.match(line)], done.stderr
    return done.stdout


@needs_go
def test_gos_tool_shows_functions_lines_and_source(file: Path) -> None:
    top = pprof(file.parent, "-top", file)
    assert "Type: cpu\n" in top
    assert re.search(r"^ +[\d.]+m?s +[678]\d\.\d+% .* heavy", top, re.MULTILINE)
    lines = pprof(file.parent, "-top", "-lines", file)
    assert re.search(r" heavy program.hew:4\b", lines)
    source = pprof(file.parent, "-list=heavy", file)
    assert re.search(r"[\d.]+m?s +[\d.]+m?s +4: +x = \(x \* 31 \+ i\) % 1000003;", source)
    traces = pprof(file.parent, "-traces", file)
    assert re.search(r"heavy \(inline\)\n +Worker\.go", traces) or re.search(r"heavy\n +Worker\.go", traces)
    raw = pprof(file.parent, "-raw", file)
    assert "samples/count cpu/nanoseconds[dflt]" in raw
    tags = pprof(file.parent, "-tags", file)
    assert re.search(r"actor_type:.*\n.*\(100%\): Worker", tags) or "Worker" in tags


@needs_go
@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is missing: apt-get install graphviz")
def test_gos_tool_draws_it(file: Path) -> None:
    assert "<svg" in pprof(file.parent, "-svg", file)


@needs_go
@pytest.mark.parametrize(
    "where",
    [("/debug/pprof/profile?seconds=1",), ("-seconds=1", "/debug/pprof/profile"), ("/debug/pprof/cpu?seconds=1",)],
)
def test_gos_tool_fetches_it_from_the_url(truth: Running, tmp_path: Path, where: tuple[str, ...]) -> None:
    *options, path = where
    text = pprof(tmp_path, "-top", *options, truth.address + path)
    assert "Type: cpu\n" in text
    assert " Worker.go\n" in text


@needs_go
def test_two_clients_at_once_get_a_whole_profile_each(truth: Running) -> None:
    started = time.monotonic()
    taken: list[ValidProfile] = []
    clients = [threading.Thread(target=lambda: taken.append(profile(truth, "seconds=1"))) for _ in range(2)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(taken) == 2
    assert all(share("Worker.go", each) > 0.98 for each in taken)
    assert time.monotonic() - started < 60
