"""Threads, signals, life and death, memory and speed of the profiler process."""

import os
import re
import signal
import statistics
import time
from pathlib import Path

import pytest

from tests.support.hew import wait_for
from tests.unit.profiler.conftest import Profiled, Starter

MIB = 1024  # in KiB


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid: int) -> None:
    wait_for(lambda: not alive(pid), within=30)


def test_it_has_exactly_two_threads_with_their_names(served: Profiled) -> None:
    for path in ("/", "/api/actors", "/debug/pprof/heap", "/openapi.json", "/healthz"):
        served.get(path)
    tasks = sorted(Path(f"/proc/{served.pid}/task").iterdir(), key=lambda path: int(path.name))
    assert [(task / "comm").read_text() for task in tasks] == ["hew-pprof\n", "hew-pprof-serve\n"]


@pytest.mark.parametrize("each", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_for_the_program_do_not_end_it(served: Profiled, each: signal.Signals) -> None:
    os.kill(served.pid, each)
    assert served.get("/healthz").status == 200


def test_it_ends_when_it_is_told(start: Starter) -> None:
    profiled = start()
    assert profiled.get("/healthz").status == 200
    assert profiled.end() == 0
    assert not alive(profiled.pid)


def test_it_ends_when_it_is_told_before_it_serves(start: Starter) -> None:
    assert start().end() == 0


def test_it_dies_with_its_supervisor(start: Starter) -> None:
    profiled = start()
    profiled.get("/healthz")
    profiled.process.kill()
    wait_until_gone(profiled.pid)


def test_a_waiting_profile_does_not_hold_up_the_end(start: Starter) -> None:
    profiled = start()
    with profiled.connect() as connection:
        connection.sendall(b"GET /debug/pprof/heap?seconds=300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        profiled.get("/healthz")
        began = time.monotonic()
        profiled.end()
        assert time.monotonic() - began < 60


def test_nothing_is_said_but_the_place(start: Starter) -> None:
    profiled = start()
    profiled.get("/api/metrics")
    profiled.raw(b"garbage\r\n\r\n")
    profiled.end()
    assert re.fullmatch(r"\[hew-pprof\] dashboard at http://127\.0\.0\.1:\d+/\n", start.stderr())


def test_a_malformed_address_ends_with_code_2(start: Starter) -> None:
    assert start.launch(HEW_PPROF="nonsense").wait(20) == 2
    assert start.stderr().startswith("hew: HEW_PPROF: cannot read 'nonsense' as a bind address (")


def private_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB", text, re.MULTILINE))


def test_its_private_memory_is_under_80_mb(start: Starter) -> None:
    profiled = start({"actors": 1000, "moving": True})
    for _ in range(50):
        for path in ("/", "/api/metrics", "/api/actors", "/api/metrics/history", "/debug/pprof/heap", "/openapi.json"):
            assert profiled.get(path).status == 200
    assert private_kib(profiled.pid) < 80 * MIB


@pytest.mark.alone
def test_answers_take_under_100_ms(start: Starter) -> None:
    profiled = start({"actors": 1000})
    profiled.get("/healthz")
    for path in ("/api/metrics", "/api/actors?limit=1000", "/api/memory", "/api/metrics/history", "/healthz"):
        took = []
        for _ in range(50):
            began = time.perf_counter()
            assert profiled.get(path).status == 200
            took.append(time.perf_counter() - began)
        assert statistics.median(took) < 0.1, (path, took)
