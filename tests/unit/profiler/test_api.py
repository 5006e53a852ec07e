"""The API by real HTTP: fields, orders, filters, errors, profiles."""

import contextlib
import os
import re
import select
import time

import pytest

from tests.support.pprof_validator import validate
from tests.unit.profiler.conftest import Profiled, Starter

METRICS = [
    "timestamp_secs",
    "tasks_spawned",
    "tasks_completed",
    "steals",
    "messages_sent",
    "messages_received",
    "active_workers",
    "alloc_count",
    "bytes_live",
    "peak_bytes_live",
    "dealloc_count",
    "bytes_allocated",
    "bytes_freed",
    "messages_dropped",
    "workers",
    "actors_live",
    "actors_spawned",
    "actors_crashed",
    "worker_restarts",
    "uptime_secs",
]


def test_metrics_has_the_documents_fields_first(served: Profiled) -> None:
    answer = served.get("/api/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert list(body) == METRICS
    assert all(type(value) is int for value in body.values())
    assert (body["tasks_spawned"], body["steals"], body["active_workers"]) == (1500, 23, 3)
    assert (body["bytes_live"], body["peak_bytes_live"]) == (48_576, 65_536)


def test_actors_come_most_messages_first(served: Profiled) -> None:
    answer = served.get("/api/actors")
    assert [row["id"] for row in answer.json()] == [1, 2, 3]
    assert list(answer.json()[0]) == (
        [
            "id",
            "pid",
            "state",
            "msgs",
            "time_ns",
            "mbox_depth",
            "mbox_hwm",
            "type",
            "worker",
            "bytes_allocated",
            "bytes_live",
            "blocked_ns",
        ]
    )
    assert answer.headers["x-total-count"] == "3"
    assert "x-truncated" not in answer.headers


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("sort=msgs&order=asc", [3, 2, 1]),
        ("sort=bytes_live", [2, 3, 1]),
        ("sort=mbox_hwm&limit=1", [1]),
        ("limit=0", []),
        ("type=Counter&unknown=parameter", [1, 2, 3]),
        ("type=Other", []),
        ("state=running", []),
        ("all=1&sort=id&order=asc", [0, 1, 2, 3]),
    ],
)
def test_actors_are_sorted_filtered_and_cut(served: Profiled, query: str, ids: list[int]) -> None:
    assert [row["id"] for row in served.get(f"/api/actors?{query}").json()] == ids


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("/api/actors?sort=name", "sort", "name"),
        ("/api/handlers?buckets=yes", "buckets", "yes"),
        ("/api/actors?order=up", "order", "up"),
        ("/api/actors?limit=-1", "limit", "-1"),
        ("/api/actors?limit=1e3", "limit", "1e3"),
        ("/api/actors?state=dead", "state", "dead"),
        ("/api/metrics/history?since=x", "since", "x"),
        ("/api/metrics/history?since=99999999999999999999", "since", "99999999999999999999"),
    ],
)
def test_a_bad_value_is_named(served: Profiled, path: str, parameter: str, value: str) -> None:
    answer = served.get(path)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["error"], body["parameter"], body["value"]) == ("bad value of a parameter", parameter, value)
    assert body["allowed"]


def test_memory(served: Profiled) -> None:
    body = served.get("/api/memory").json()
    assert list(body) == (
        [
            "alloc_count",
            "dealloc_count",
            "bytes_allocated",
            "bytes_freed",
            "bytes_live",
            "peak_bytes_live",
            "heap_limit",
            "heap_committed",
        ]
    )
    assert body["bytes_live"] == 48_576


def test_history_has_an_entry_for_each_second(start: Starter) -> None:
    profiled = start({"moving": True})
    entries: list[dict[str, int]] = []
    deadline = time.monotonic() + 20
    while len(entries) < 3 and time.monotonic() < deadline:
        entries = profiled.get("/api/metrics/history").json()
    assert list(entries[0]) == ["t", "ts", "tc", "st", "ms", "mr", "md", "aw", "ac", "dc", "ba", "bf", "bl", "pb", "al"]
    times = [entry["t"] for entry in entries]
    assert times[0] == 0
    assert times == sorted(set(times))  # one that came too late is absent
    for entry in entries:  # its counters are those of its second
        assert entry["t"] - 1 < (entry["ts"] - entries[0]["ts"]) / 1_000_000 < entry["t"] + 1
    later = profiled.get(f"/api/metrics/history?since={times[1]}").json()
    assert [entry["t"] for entry in later][:1] == [times[2]]


def test_healthz_follows_the_program(served: Profiled, start: Starter) -> None:
    assert (served.get("/healthz").status, served.get("/healthz").json()) == (200, {"status": "running"})
    assert start({"over": True}).get("/healthz").status == 503


def test_head_has_the_headers_and_length_of_get(served: Profiled) -> None:
    for path in ("/", "/api/actors", "/api/memory", "/debug/pprof/profile", "/nowhere"):
        get, head = served.get(path), served.get(path, method="HEAD")
        assert (head.status, head.body) == (get.status, b"")
        drop = {"date"}
        assert {k: v for k, v in head.headers.items() if k not in drop} == {
            k: v for k, v in get.headers.items() if k not in drop
        }


def test_an_unknown_path_is_a_json_404(served: Profiled) -> None:
    answer = served.get("/api/nothing")
    assert (answer.status, answer.json()) == (404, {"error": "there is nothing at this path"})
    answer = served.get("/debug/pprof/nothing")
    assert (answer.status, answer.headers["x-go-pprof"], answer.text) == (404, "1", "there is nothing at this path\n")


@pytest.mark.parametrize("path", ["heap", "allocs", "heap?gc=1", "heap?by=type", "heap?seconds=1"])
def test_heap_is_a_valid_profile(served: Profiled, path: str) -> None:
    answer = served.get(f"/debug/pprof/{path}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="heap.pb.gz"'
    assert "content-encoding" not in answer.headers
    profile = validate(answer.body)
    if "seconds" in path:
        assert (profile.raw["duration_nanos"], profile.stacks) == (1_000_000_000, [])
    else:
        assert profile.total("alloc_space") == served.get("/api/memory").json()["bytes_allocated"]


def test_errors_below_debug_pprof_are_text_for_the_go_tool(served: Profiled) -> None:
    answer = served.get("/debug/pprof/heap?seconds=301")
    assert (answer.status, answer.headers["x-go-pprof"]) == (422, "1")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("bad value of a parameter (seconds=301); allowed: ")


@pytest.mark.parametrize("path", ["profile?seconds=1", "cpu?seconds=1", "cpu?seconds=1&hz=200"])
def test_a_cpu_profile_is_a_valid_one(served: Profiled, path: str) -> None:
    answer = served.get(f"/debug/pprof/{path}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="cpu.pb.gz"'
    profile = validate(answer.body, cpu=True)
    hz = 200 if "hz" in path else 100
    assert profile.raw["period"] == 1_000_000_000 // hz
    (stack,) = profile.stacks
    assert stack.frames == ("helper", "Counter.tick", "Counter.tick")
    assert hz * 0.5 < stack.values["samples"] <= profile.raw["duration_nanos"] * hz / 1e9 + 1


def test_a_cpu_profile_can_be_had_as_folded_stacks(served: Profiled) -> None:
    answer = served.get("/debug/pprof/cpu?seconds=1&debug=1")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("Counter.tick:5;Counter.tick:4;helper:1 ")


@pytest.mark.parametrize("query", ["hz=0", "hz=1001", "seconds=0", "seconds=301", "hz=x"])
def test_a_cpu_profile_has_its_limits(served: Profiled, query: str) -> None:
    answer = served.get(f"/debug/pprof/cpu?{query}")
    assert (answer.status, answer.headers["x-go-pprof"]) == (422, "1")


def test_the_dump_names_every_actor(served: Profiled) -> None:
    answer = served.get("/debug/pprof/actors?debug=2")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("4 actors\n\nactor 0 [blocked]: main, ")
    assert "actor 3 [idle]: Counter#3, 200 messages, 0 waiting\nCounter.tick\n\tdemo.hew:4\n" in answer.text
    one = served.get("/debug/pprof/actors?debug=2&state=idle&limit=1").text
    assert one.startswith("1 of 3 actors; ?limit= shows more\n")
    assert served.get("/debug/pprof/actors?state=tired").status == 422


def test_the_flat_profile_is_text(served: Profiled) -> None:
    answer = served.get("/debug/pprof/profile")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "\n  62.5        2.0       2.0     2000      1.0      1.0  Actor#1 (pid=1, state=idle)\n" in answer.text
    assert "[ended] (2 actors)" in answer.text


def test_at_most_four_profiles_wait_at_once(served: Profiled) -> None:
    with contextlib.ExitStack() as held:
        waiting = select.poll()
        for _ in range(5):
            connection = held.enter_context(served.connect())
            connection.sendall(b"GET /debug/pprof/heap?seconds=300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            waiting.register(connection, select.POLLIN)
        ((answered, _),) = waiting.poll(20_000)
        assert os.read(answered, 100).startswith(b"HTTP/1.1 429 ")
        waiting.unregister(answered)  # there may be more of its answer
        assert waiting.poll(0) == []


def test_a_client_that_leaves_gives_its_place_back(served: Profiled) -> None:
    for _ in range(8):
        with served.connect() as request:
            request.sendall(b"GET /debug/pprof/heap?seconds=300 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    deadline = time.monotonic() + 10
    while (answer := served.get("/debug/pprof/heap?seconds=1")).status == 429 and time.monotonic() < deadline:
        continue
    assert answer.status == 200


def test_handlers_come_most_messages_first(served: Profiled) -> None:
    answer = served.get("/api/handlers")
    assert answer.headers["x-total-count"] == "3"
    assert "x-truncated" not in answer.headers
    rows = answer.json()
    assert [(row["type"], row["handler"], row["count"]) for row in rows] == [
        ("Counter", "tick", 3000),
        ("Box<Int>", "look", 1),
        ("Counter", "report", 0),
    ]
    assert list(rows[0]) == ["type", "handler", "count", "work", "mailbox"]
    assert list(rows[0]["work"]) == ["total_ns", "p50_ns", "p99_ns", "max_ns"]
    assert (rows[0]["work"]["total_ns"], rows[0]["work"]["max_ns"]) == (2000 * 1536 + 1000 * 3072, 3072)
    assert 2**10 <= rows[0]["work"]["p50_ns"] < 2**11 < rows[0]["work"]["p99_ns"] <= 3072
    assert 2**9 <= rows[0]["mailbox"]["p50_ns"] < 2**10 < 2**20 <= rows[0]["mailbox"]["p99_ns"]
    assert rows[2]["work"] == rows[2]["mailbox"] == {"total_ns": 0, "p50_ns": 0, "p99_ns": 0, "max_ns": 0}


def test_handlers_give_their_buckets_when_asked(served: Profiled) -> None:
    with_buckets = served.get("/api/handlers?buckets=1").json()
    buckets = with_buckets[0]["mailbox"].pop("buckets")
    assert (len(buckets), buckets[9], buckets[20], sum(buckets)) == (64, 2940, 60, 3000)
    for row in with_buckets:
        for times in (row["work"], row["mailbox"]):
            times.pop("buckets", None)
    assert with_buckets == served.get("/api/handlers").json() == served.get("/api/handlers?buckets=0").json()


def test_prometheus_text(served: Profiled) -> None:
    answer = served.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert "# TYPE hew_tasks_spawned_total counter" in lines
    assert "hew_tasks_spawned_total 1500" in lines
    assert "hew_live_bytes 48576" in lines
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(set(samples)) == len(samples)
    names = {sample.partition("{")[0] for sample in samples}
    assert all(f"# HELP {re.sub('_(bucket|sum|count)$', '', name)} " in answer.text for name in names)


def test_prometheus_has_a_histogram_for_each_handler(served: Profiled) -> None:
    lines = served.get("/metrics").text.splitlines()
    assert "# TYPE hew_handler_seconds histogram" in lines
    tick = 'type="Counter",handler="tick"'
    buckets = [line for line in lines if line.startswith(f"hew_mailbox_seconds_bucket{{{tick}")]
    assert len(buckets) == 12
    counts = [int(line.rpartition(" ")[2]) for line in buckets]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (2940, 3000)
    assert f"hew_mailbox_seconds_count{{{tick}}} 3000" in lines
    assert f"hew_handler_seconds_sum{{{tick}}} 0.006144000" in lines
    assert 'hew_handler_seconds_count{type="Box<Int>",handler="look"} 1' in lines


def test_open_metrics_by_accept(served: Profiled) -> None:
    answer = served.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert "# TYPE hew_tasks_spawned counter\nhew_tasks_spawned_total 1500\n" in answer.text


def test_openapi_describes_every_api_path(served: Profiled) -> None:
    description = served.get("/openapi.json").json()
    assert {
        "/api/metrics",
        "/api/actors",
        "/api/memory",
        "/api/handlers",
        "/api/metrics/history",
        "/healthz",
        "/metrics",
    } <= set(description["paths"])
    schema = description["paths"]["/api/metrics"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(schema["properties"]) == METRICS


def test_docs_and_index_need_no_network(served: Profiled) -> None:
    for path in ("/docs", "/debug/pprof/", "/debug/pprof"):
        answer = served.get(path)
        assert answer.status == 200
        assert "http://" not in answer.text
        assert "https://" not in answer.text


def test_symbol_and_cmdline_are_what_the_go_tool_expects(served: Profiled) -> None:
    assert served.get("/debug/pprof/symbol").text == "num_symbols: 0\n"
    assert served.get("/debug/pprof/symbol", method="POST").text == "num_symbols: 0\n"
    assert served.get("/debug/pprof/cmdline").text == "demo.hew"
