"""The page over a program that really runs."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser.conftest import Dashboard
from tests.support.hew import Hew
from tests.support.shares import SHARES

ENDLESS = """
actor Counter {
    let count: Int;
    receive fn tick() {
        count = count + 1;
        sleep_ms(1);
        this.tick();
    }
}

fn main() {
    for i in 0..3 {
        let counter = spawn Counter(count: i);
        counter.tick();
    }
}
"""


def test_the_page_shows_a_real_program_until_it_ends(hew: Hew, browser: Browser, tmp_path: Path) -> None:
    source = tmp_path / "endless.hew"
    source.write_text(ENDLESS)
    with hew.start("run", str(source), HEW_PPROF="127.0.0.1:0") as running, browser.new_context() as context:
        seen = Dashboard(context.new_page(), running.address)
        seen.open()
        assert seen.text("#program") == "endless.hew"
        seen.until("State.lastRate('mr') > 0")
        seen.redraw()
        assert {row[0] for row in seen.rows()} == {"Counter#1", "Counter#2", "Counter#3"}
        figures, metrics = seen.figures(), running.metrics()
        assert figures["actors_live"] == metrics["actors_live"] == 3
        assert 0 < figures["alloc_count"] <= metrics["alloc_count"]
        seen.errors_expected = True
        running.kill()
        seen.page.locator("#lost").wait_for()
        seen.check()


def test_the_handlers_of_a_real_program_have_their_times_and_a_heat_map(
    hew: Hew, browser: Browser, tmp_path: Path
) -> None:
    source = tmp_path / "endless.hew"
    source.write_text(ENDLESS)
    with hew.start("run", str(source), HEW_PPROF="127.0.0.1:0") as running, browser.new_context() as context:
        seen = Dashboard(context.new_page(), running.address)
        seen.open()
        seen.until("Buckets.sums(Buckets.columns('Counter.tick')).some((sum) => sum > 0)")
        cells = seen.page.locator("#handlers-rows tr").first.locator("th, td").all_inner_texts()
        assert cells[0] == "Counter.tick"
        row: dict[str, Any] = next(row for row in running.json("/api/handlers") if row["handler"] == "tick")
        assert 0 < int(cells[1].replace(",", "")) <= row["count"]
        assert all(cell.split()[-1] in ("ns", "µs", "ms", "s") and float(cell.split()[0]) > 0 for cell in cells[2:])
        label = seen.page.locator("#heat").get_attribute("aria-label") or ""
        assert "messages to Counter.tick waited" in label
        assert "Most waited" in label
        painted = """() => {
            const heat = document.getElementById("heat");
            const { data } = heat.getContext("2d").getImageData(0, 0, heat.width, heat.height);
            return data.some((value, i) => i % 4 === 3 && value > 0);
        }"""
        assert seen.page.evaluate(painted)
        seen.check()


def test_the_flame_graph_shows_the_functions_of_a_real_program(hew: Hew, browser: Browser, tmp_path: Path) -> None:
    source = tmp_path / "shares.hew"
    source.write_text(SHARES)
    with hew.start("run", str(source), HEW_PPROF="127.0.0.1:0") as running, browser.new_context() as context:
        seen = Dashboard(context.new_page(), running.address)
        shorter = running.address + "/debug/pprof/profile?seconds=2"
        seen.page.route("**/debug/pprof/profile?seconds=10", lambda route: route.continue_(url=shorter))
        seen.open()
        seen.page.get_by_role("button", name="Record 10 s").click()
        seen.page.locator(".frame", has_text="heavy").first.wait_for(timeout=60_000)
        titles = [frame.get_attribute("title") or "" for frame in seen.page.locator(".frame").all()]
        assert titles[0].startswith("all: 100.0 %, ")
        shown = {title.partition(":")[0]: title for title in titles}
        assert {"Worker.go", "heavy", "light"} <= set(shown)
        assert " · shares.hew:" in shown["heavy"]
        assert seen.text("#flame-status").endswith("Click a frame to see it alone.")
        seen.check()
