"""What the page shows of parts of the API that a profiler may lack; here the test answers for them."""

import gzip
import itertools
import json
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Route

from hew.profiler.exports.proto import profile_class
from tests.browser.conftest import Dashboard, Opener, Programs

FINDING = {
    "rule": "backpressure",
    "sentence": "Router#1 receives faster than it works.",
    "evidence": {"mbox_depth": 12_000, "arrived_per_sec": 1400, "bytes_live": 2048, "odd_percent": 7},
    "actor": 1,
    "first_seen": 100,
    "last_seen": 190,
}


def offer(seen: Dashboard, program_paths: dict[str, Any], **answers: Any) -> None:
    """Let the description name these paths, and answer them."""

    def describe(route: Route) -> None:
        route.fulfill(json={"paths": program_paths | {f"/api/{name}": {} for name in answers}})

    def answer(body: Any) -> Any:
        return lambda route: route.fulfill(content_type="application/json", body=json.dumps(body))

    seen.page.route("**/openapi.json", describe)
    for name, body in answers.items():
        seen.page.route(f"**/api/{name}*", answer(body))


def test_what_the_profiler_lacks_is_not_shown_and_not_asked_for(programs: Programs, dashboard: Opener) -> None:
    program = programs("healthy", age=5)
    seen = dashboard.prepare(program)
    seen.page.route("**/openapi.json", lambda route: route.fulfill(json={"paths": {"/api/metrics": {}}}))
    seen.open()
    seen.redraw()
    assert not seen.page.locator("#findings").is_visible()
    assert not seen.page.locator("#handlers").is_visible()
    assert not seen.page.locator("#flame").is_visible()
    assert not [url for url in seen.requests if "findings" in url or "handlers" in url]


def test_findings_stand_at_the_top_with_evidence_and_a_link(programs: Programs, dashboard: Opener) -> None:
    program = programs("healthy", age=5)
    seen = dashboard.prepare(program)
    offer(seen, {}, findings=[FINDING])
    seen.open()
    panels = seen.page.locator("main > section:visible h2").all_inner_texts()
    assert panels[0] == "Findings"
    assert "Router#1 receives faster than it works." in seen.text(".finding")
    shown = "in the mailbox 12,000 · arriving 1,400/s · live 2.0 KB · odd 7 % · seen from second 100 to 190"
    assert seen.text(".evidence") == shown
    seen.page.get_by_role("button", name="show actor #1").click()
    assert [row[0] for row in seen.rows()] == ["Router#1"]


def test_no_findings_is_said_too(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard.prepare(programs("healthy", age=5))
    offer(seen, {}, findings=[])
    seen.open()
    assert seen.text("#findings").endswith("None: nothing looks wrong.")


def handlers(step: int) -> list[dict[str, Any]]:
    """Two handlers; messages to `look_up` wait 1 to 2 µs, ever more of them."""

    def times(bucket: int, count: int) -> dict[str, Any]:
        buckets = [count if i == bucket else 0 for i in range(64)]
        low = 2**bucket
        return {"total_ns": low * count, "p50_ns": low, "p99_ns": low * 2, "max_ns": low * 3, "buckets": buckets}

    return [
        {"type": "Cache", "handler": "look_up", "count": step, "work": times(8, step), "mailbox": times(10, 50 * step)},
        {"type": "Log<A>", "handler": "add", "count": 1, "work": times(20, 1), "mailbox": times(30, 1)},
    ]


def answer_in_turn(seen: Dashboard, steps: Iterator[int]) -> None:
    offer(seen, {}, handlers=[])
    seen.page.route("**/api/handlers*", lambda route: route.fulfill(json=handlers(next(steps))))


def test_handlers_have_a_table_and_a_heat_map(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard.prepare(programs("healthy", age=5))
    answer_in_turn(seen, itertools.count(1))
    seen.open()
    seen.until("Buckets.columns('Cache.look_up').length >= 2")
    first = seen.page.locator("#handlers-rows tr").first.locator("th, td").all_inner_texts()
    assert first[0] == "Cache.look_up"
    assert first[2:5] == ["1.0 µs", "2.0 µs", "3.1 µs"]
    assert "Most waited 1.0 µs to 2.0 µs" in (seen.page.locator("#heat").get_attribute("aria-label") or "")
    seen.page.locator("#heat-data summary").click()
    seen.until("document.querySelectorAll('#heat-rows tr').length === 3")
    gained = seen.page.evaluate("Buckets.columns('Cache.look_up').map(({ gained }) => gained[10])")
    assert set(gained) == {50}


def test_very_long_names_fit_a_phone(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard.prepare(programs("healthy", age=5), width=360, height=740)
    rows = handlers(1)
    rows[0]["type"] = "消息を処理するActorWithAVeryLongName" * 8
    finding = FINDING | {"sentence": f"{'ActorWithAVeryLongName' * 8}#1 receives faster than it works."}
    offer(seen, {"/debug/pprof/cpu": {}}, handlers=rows, findings=[finding])
    recorded = cpu_profile(innermost="function_with_a_very_long_name" * 8)
    seen.page.route("**/debug/pprof/profile?seconds=10", lambda route: route.fulfill(body=recorded))
    seen.open()
    seen.page.get_by_role("button", name="Record 10 s").click()
    seen.page.locator("#flame-data summary").click()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    for table in ("#handlers-rows", "#flame-rows"):
        name, figure = (seen.page.locator(f"{table} {cell}").first.bounding_box() for cell in ("th", "td"))
        assert name is not None
        assert figure is not None
        assert name["x"] + name["width"] <= figure["x"] + 1
        assert figure["x"] < 300, "the first figure is out of sight"


def test_the_heat_map_spans_what_is_known_and_a_minute_at_least(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard.prepare(programs("healthy", age=5))
    answer_in_turn(seen, itertools.count(1))
    seen.open()
    seen.until("Buckets.columns('Cache.look_up').length >= 2")
    seen.redraw()
    assert "over 1 min 0 s" in (seen.page.locator("#heat").get_attribute("aria-label") or "")


def cpu_profile(idle_ns: int = 0, innermost: str = "spin") -> bytes:
    """main calls work (30 ms) and, inlined in it, `innermost` (70 ms). `idle_ns`: in which workers looked for work."""
    profile = profile_class()()
    texts = [
        "",
        "samples",
        "count",
        "cpu",
        "nanoseconds",
        "main",
        "work",
        innermost,
        "demo.hew",
        "[runtime] looking for work",
    ]
    profile.string_table.extend(texts)
    for kind, unit in ((1, 2), (3, 4)):
        profile.sample_type.add(type=kind, unit=unit)
    for number, name in ((1, 5), (2, 6), (3, 7)):
        profile.function.add(id=number, name=name, filename=8, start_line=number)
    profile.location.add(id=1).line.add(function_id=1, line=11)
    profile.location.add(id=2).line.add(function_id=2, line=22)
    inlined = profile.location.add(id=300)
    inlined.line.add(function_id=3, line=33)
    inlined.line.add(function_id=2, line=23)
    profile.sample.add(location_id=[2, 1], value=[3, 30_000_000])
    profile.sample.add(location_id=[300, 1], value=[7, 70_000_000])
    if idle_ns:
        profile.function.add(id=4, name=9)
        profile.location.add(id=4).line.add(function_id=4)
        profile.sample.add(location_id=[4], value=[1, idle_ns])
    return gzip.compress(profile.SerializeToString())


def test_the_programs_own_functions_stand_before_the_runtime(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard.prepare(programs("healthy", age=5))
    offer(seen, {"/debug/pprof/cpu": {}})
    recorded = cpu_profile(idle_ns=900_000_000)
    seen.page.route("**/debug/pprof/profile?seconds=10", lambda route: route.fulfill(body=recorded))
    seen.open()
    seen.page.get_by_role("button", name="Record 10 s").click()
    seen.until("document.querySelectorAll('.frame').length === 5")
    names = [str(frame.get_attribute("title")).partition(":")[0] for frame in seen.page.locator(".frame").all()]
    assert names == ["all", "main", "work", "spin", "[runtime] looking for work"]
    assert seen.page.locator(".frame.runtime").all_inner_texts() == ["[runtime] looking for work"]
    note = seen.text("#flame-note")
    assert "[runtime] looking for work (90.0 %)" in note
    assert "normal for a program that mostly waits" in note
    seen.page.locator("#flame-data summary").click()
    rows = [text.partition("\t")[0] for text in seen.page.locator("#flame-rows tr").all_inner_texts()]
    assert rows[0] == "spin · demo.hew:33"
    assert rows[-1] == "[runtime] looking for work"


def test_the_flame_graph_shows_who_called_what(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard.prepare(programs("healthy", age=5))
    offer(seen, {"/debug/pprof/cpu": {}})
    seen.page.route("**/debug/pprof/profile?seconds=10", lambda route: route.fulfill(body=cpu_profile()))
    seen.open()
    seen.page.get_by_role("button", name="Record 10 s").click()
    seen.until("document.querySelectorAll('.frame').length === 4")
    assert [frame.get_attribute("title") for frame in seen.page.locator(".frame").all()] == [
        "all: 100.0 %, 100.0 ms, itself 0 ns",
        "main: 100.0 %, 100.0 ms, itself 0 ns · demo.hew:11",
        "work: 100.0 %, 100.0 ms, itself 30.0 ms · demo.hew:22",
        "spin: 70.0 %, 70.0 ms, itself 70.0 ms · demo.hew:33",
    ]
    assert seen.text("#flame-status").startswith("100.0 ms of CPU time in 10 s.")
    assert "looking for work" not in seen.text("#flame-note")
    seen.page.locator(".frame", has_text="spin").click()
    assert seen.page.locator(".frame").all_inner_texts() == ["spin"]
    seen.page.get_by_role("button", name="Show all").click()
    seen.page.locator("#flame-data summary").click()
    assert seen.page.locator("#flame-rows tr").first.inner_text().split("\t") == [
        "spin · demo.hew:33",
        "70.0 ms",
        "70.0 %",
        "70.0 ms",
    ]


def test_a_refused_profile_is_said(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard.prepare(programs("healthy", age=5))
    seen.errors_expected = True
    offer(seen, {"/debug/pprof/cpu": {}})
    seen.page.route(
        "**/debug/pprof/profile*", lambda route: route.fulfill(status=429, body="4 profiles are being taken")
    )
    seen.open()
    seen.page.get_by_role("button", name="Record 10 s").click()
    seen.until("document.getElementById('flame-status').textContent === 'No profile: 4 profiles are being taken'")
