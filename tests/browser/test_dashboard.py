"""The page in a browser: panels, figures, what is hidden and lost, looks, and those who do not use a mouse."""

import re
from itertools import pairwise

import pytest

from tests.browser.conftest import Opener, Programs

CHARTS = {
    "scheduler-chart": "Scheduler",
    "memory-chart": "Memory",
    "messages-chart": "Messages",
    "allocation-chart": "Allocation Timeline",
}
PAINTED = """(id) => {
    const canvas = document.querySelector(`#${id} canvas`);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colours.add(data.slice(i, i + 3).join());
    return colours.size;
}"""
FROM_METRICS = (
    "active_workers bytes_live peak_bytes_live alloc_count steals "
    "actors_live actors_spawned actors_crashed worker_restarts messages_dropped"
).split()


def test_every_panel_fills(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy"))
    for title in (*CHARTS.values(), "Actors"):
        assert seen.page.get_by_role("heading", name=title, exact=True).is_visible()
    assert len(seen.figures()) == 20
    assert all(re.fullmatch(r"[\d.,]+( \w+)?(/s)?", text) for text in seen.page.locator(".number").all_inner_texts())
    for chart in CHARTS:
        assert seen.page.evaluate(PAINTED, chart) > 3
    assert len(seen.rows()) >= 10
    assert seen.text("#program") == "demo.hew"
    assert seen.text("#connection") == "live"


def test_five_minutes_of_history_are_there_from_the_first_second(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy", age=400))
    first = seen.page.evaluate("State.times()")
    assert len(first) == 300
    assert first == sorted(set(first))
    assert first[:298] == list(range(first[0], first[0] + 298))  # those behind them are real: one may be missed
    whole = [url for url in seen.requests if url.endswith("/api/metrics/history")]
    assert len(whole) == 1
    seen.redraw()
    seen.redraw()
    assert seen.page.evaluate("State.lastTime()") > first[-1]
    assert [url for url in seen.requests if url.endswith("/api/metrics/history")] == whole
    assert any(re.search(r"/history\?since=\d+$", url) for url in seen.requests)


def test_figures_equal_the_api(programs: Programs, dashboard: Opener) -> None:
    program = programs("still", age=5)
    seen = dashboard(program)
    metrics, memory = program.get("/api/metrics"), program.get("/api/memory")
    figures = seen.figures()
    assert {key: figures[key] for key in FROM_METRICS} == {key: metrics[key] for key in FROM_METRICS}
    assert figures["heap_committed"] == memory["heap_committed"]
    assert seen.text("[data-key=bytes_live]") == "5.0 MB"
    assert seen.page.locator(".figure:has([data-key=bytes_live])").get_attribute("title") == (
        "Bytes allocated and not yet freed. It settles after the start of a healthy program; "
        "a line that only grows is a leak. Exactly 5,242,881 bytes."
    )
    assert seen.text("[data-key=active_workers]") == "3 of 4"
    assert seen.text("[data-key=steals]") == "4.0 k tasks"


def test_rates_and_data_tables_equal_the_history(programs: Programs, dashboard: Opener) -> None:
    program = programs("healthy", age=60)
    seen = dashboard(program)
    seen.page.locator("#messages-chart summary").click()
    shown = seen.page.locator("#messages-chart tbody tr").all_inner_texts()[:20]
    entries = program.get("/api/metrics/history")
    history = {after["t"]: (after, before) for before, after in pairwise(entries)}
    assert len(shown) == 20
    for line in shown:
        second, sent, received, dropped = line.split("\t")
        now, before = history[int(second.removesuffix(" s"))]
        for key, text in (("ms", sent), ("mr", received)):
            rate = (now[key] - before[key]) / (now["t"] - before["t"])
            assert text == seen.page.evaluate("(value) => Format.rate(value)", rate)
        assert dropped == "0/s"
    seconds = [int(line.split(" ")[0]) for line in shown]
    assert seconds == sorted(seconds, reverse=True)


def test_an_open_data_table_follows(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy", age=10))
    seen.page.locator("#memory-chart summary").click()
    top = seen.text("#memory-chart tbody th")
    seen.until(f"document.querySelector('#memory-chart tbody th').textContent !== '{top}'")
    counts = seen.page.evaluate("[document.querySelectorAll('#memory-chart tbody tr').length, State.times().length]")
    assert counts[0] == counts[1]


def test_it_survives_the_programs_end_and_finds_the_next_one(programs: Programs, dashboard: Opener) -> None:
    first = programs("healthy", age=120)
    seen = dashboard(first)
    seen.errors_expected = True
    first.end()
    seen.page.locator("#lost").wait_for()
    assert seen.text("#connection") == "connection lost"
    assert "ended or cannot be reached" in seen.text("#lost")
    assert seen.page.title().startswith("✕ demo.hew")
    assert seen.figures()["peak_bytes_live"] > 0  # the last figures stay
    programs("backpressured", age=200, port=first.port)  # runs for longer than the first had
    seen.page.locator("#lost").wait_for(state="hidden")
    assert seen.text("#connection") == "live"
    assert seen.figures()["actors_crashed"] == 1
    times, dropped = seen.page.evaluate("[State.times(), State.levels('md')]")
    assert times[0] == 0  # nothing of the first program is left
    assert times[-1] >= 200
    assert dropped == sorted(dropped)


def test_it_pauses_while_hidden(programs: Programs, dashboard: Opener) -> None:
    program = programs("healthy", age=20)
    seen = dashboard(program)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    seen.redraw()
    seen.page.evaluate(hide, True)
    last = seen.page.evaluate("State.lastTime()")
    seen.page.wait_for_load_state("networkidle")  # what was on its way arrives
    asked = len(seen.requests)
    seen.page.wait_for_timeout(2500)  # two polls and more would fit
    assert len(seen.requests) == asked
    seen.page.evaluate(hide, False)
    seen.until(f"State.lastTime() >= {last + 2}")
    times = seen.page.evaluate("State.times()")
    kept = [entry["t"] for entry in program.get("/api/metrics/history")]
    assert times == kept[: len(times)]  # the pause left no hole


def test_the_policy_is_kept_and_a_breach_would_be_seen(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy", age=5))
    assert seen.violations() == []
    seen.page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }))")
    seen.until("window.violations.length > 0")
    assert seen.violations() == ["script-src-elem: inline"]
    seen.page.evaluate("window.violations = []")
    seen.problems.clear()  # Chromium's own report of it


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_it_fits_every_width(programs: Programs, dashboard: Opener, width: int) -> None:
    seen = dashboard(programs("saturated"), width=width)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    for chart in CHARTS:
        box = seen.page.locator(f"#{chart} canvas").bounding_box()
        assert box is not None
        assert 280 < box["width"] < width
    wide = seen.page.evaluate(
        "['allocation', 'actors'].map((name) => document.querySelector(`section:has(#${name}-title)`).offsetWidth)"
    )
    assert min(wide) > 0.9 * width


def test_light_and_dark(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy"), color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    pixels = "document.querySelector('#memory-chart canvas').toDataURL()"
    light, light_pixels = seen.page.evaluate(f"[{paper}, {pixels}]")
    seen.page.emulate_media(color_scheme="dark")
    seen.redraw()
    dark, dark_pixels = seen.page.evaluate(f"[{paper}, {pixels}]")
    assert (light, dark) == ("rgb(243, 245, 248)", "rgb(15, 19, 25)")
    assert light_pixels != dark_pixels


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(programs: Programs, dashboard: Opener, scheme: str) -> None:
    seen = dashboard(programs("backpressured"), color_scheme=scheme)
    ratios = seen.page.evaluate(
        """() => {
            const light = (hex) => {
                const parts = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
                    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
            };
            const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            const names = "ink soft bad good warn first second third fourth";
            const panel = light(Dom.colour("--panel"));
            return names.split(" ").map((name) => [name, ratio(light(Dom.colour(`--${name}`)), panel)]);
        }"""
    )
    assert [name for name, ratio in ratios if ratio < 4.5] == []


def test_nothing_moves_for_those_who_asked_for_rest(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy"), reduced_motion="reduce")
    seen.redraw()
    assert seen.page.evaluate("document.getAnimations().length") == 0


def test_every_number_has_a_unit_and_a_definition(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy"))
    figures = seen.page.evaluate(
        "[...document.querySelectorAll('.figure')].map((each) => [each.querySelector('[data-key]').textContent.trim(), "
        "each.title, each.querySelector('.meaning').textContent])"
    )
    for text, title, meaning in figures:
        assert re.search(r"\d.* ?([a-zA-Z/]+)", text), text
        assert title.startswith(meaning)
        assert len(meaning) > 20
    heads = seen.page.locator("#actors-head button")
    for head in heads.all():
        described = seen.page.locator(f"#{head.get_attribute('aria-describedby')}")
        assert described.text_content() == head.get_attribute("title")
    seen.page.get_by_role("button", name="Definitions").click()
    assert seen.page.locator(".figure .meaning").first.is_visible()
    assert seen.page.locator("#meaning-mbox_hwm").is_visible()


def test_a_screen_reader_has_all_that_the_charts_show(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy"))
    for chart, title in CHARTS.items():
        canvas = seen.page.locator(f"#{chart} canvas")
        assert canvas.get_attribute("role") == "img"
        label = canvas.get_attribute("aria-label") or ""
        assert label.startswith((f"{title} over 4 min 59 s.", f"{title} over 5 min"))
        assert "highest" in label
        assert seen.page.locator(f"#{chart} details table caption").text_content()
    regions = seen.page.locator("[role=region][tabindex='0']")
    assert all(region.get_attribute("aria-label") for region in regions.all())


def test_the_keyboard_reaches_everything(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("healthy"))
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the actors"
    reached = set()
    for _ in range(40):
        seen.page.keyboard.press("Tab")
        reached.add(
            seen.page.evaluate("(({ id, className, tagName }) => id || className || tagName)(document.activeElement)")
        )
    assert {"explain", "plot", "SUMMARY", "actors-filter", "actors-state", "BUTTON", "actors-scroll"} <= reached
    plot = seen.page.locator("#memory-chart .plot")
    plot.focus()
    for _ in range(3):
        seen.page.keyboard.press("ArrowLeft")
    spoken = seen.page.locator("#spoken")
    assert re.fullmatch(r"[345] s ago: live [\d.]+ MB, peak [\d.]+ MB", spoken.text_content() or "")
    seen.page.keyboard.press("Home")
    assert (spoken.text_content() or "").startswith("4 min 59 s ago")
