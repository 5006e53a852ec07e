"""The table of actors in a browser: equal to the API, sorted, filtered, and quick with a thousand."""

from typing import Any

import pytest

from tests.browser.conftest import Dashboard, Opener, Programs

COLUMNS = ["id", "state", "msgs", "rate", "time_ns", "average", "mbox_depth", "mbox_hwm", "bytes_live"]
COLUMNS += ["bytes_allocated", "blocked_ns", "worker"]
LAST_ROW = "[...document.querySelectorAll('#actors-rows tr:not([hidden])')].at(-1)"
UPDATE_MS = 16  # a frame
# Draws what is known, waits for the charts' own drawing, and makes the browser lay the page out.
MEASURE = """async () => {
    const spent = [];
    for (let i = 0; i < 40; i += 1) {
        await new Promise((done) => setTimeout(done, 30));
        for (const row of State.state.actors) row.msgs += 1 + (row.id * 7919 * i) % 1000;
        const begun = performance.now();
        Main.draw();
        await new Promise(queueMicrotask);
        document.body.offsetHeight;
        spent.push(performance.now() - begun);
    }
    return spent.sort((a, b) => a - b);
}"""


def names(seen: Dashboard) -> list[str]:
    return [row[0] for row in seen.rows()]


def name_of(row: dict[str, Any]) -> str:
    return f"{row['type']}#{row['pid']}"


def sort_by(seen: Dashboard, key: str) -> None:
    seen.page.locator(f"#actors-head th.{key} button").click()


def test_rows_equal_the_api(programs: Programs, dashboard: Opener) -> None:
    program = programs("still", age=3)
    seen = dashboard(program, height=2400)
    actors = program.get("/api/actors")
    rows = seen.rows()
    assert len(rows) == len(actors) == 30
    for cells, actor in zip(rows, actors, strict=True):
        shown = dict(zip(COLUMNS, cells, strict=True))
        assert shown["id"] == name_of(actor)
        assert shown["state"] == actor["state"]
        assert shown["msgs"] == f"{actor['msgs']:,}"
        assert shown["rate"] == "0/s"
        assert shown["mbox_depth"] == f"{actor['mbox_depth']} msg" + "s" * (actor["mbox_depth"] != 1)
        assert shown["mbox_hwm"] == f"{actor['mbox_hwm']} msgs"
        assert shown["worker"] == str(actor["worker"])
        times = [actor["time_ns"], actor["time_ns"] / actor["msgs"], actor["blocked_ns"]]
        expected = seen.page.evaluate("(all) => all.map(Format.time)", times)
        assert [shown["time_ns"], shown["average"], shown["blocked_ns"]] == expected
        sizes = seen.page.evaluate("(all) => all.map(Format.bytes)", [actor["bytes_live"], actor["bytes_allocated"]])
        assert [shown["bytes_live"], shown["bytes_allocated"]] == sizes
    assert seen.text("#actors-count") == "30 of 30 actors"


@pytest.mark.parametrize("key", ["id", "state", "msgs", "time_ns", "average", "mbox_hwm", "bytes_allocated", "worker"])
def test_a_click_on_a_head_sorts_and_a_second_one_turns_round(programs: Programs, dashboard: Opener, key: str) -> None:
    program = programs("still", age=3)
    seen = dashboard(program, height=2400)
    actors = sorted(program.get("/api/actors"), key=lambda row: int(row["id"]))

    def value(row: dict[str, Any]) -> Any:
        return row["time_ns"] / row["msgs"] if key == "average" else row[key]

    def in_order(descending: bool) -> list[str]:
        return [name_of(row) for row in sorted(actors, key=value, reverse=descending)]  # equal ones by id, both ways

    head = seen.page.locator(f"#actors-head th.{key}")
    assert head.get_attribute("aria-sort") == ("descending" if key == "msgs" else "none")
    for _ in range(2):
        sort_by(seen, key)
        descending = head.get_attribute("aria-sort") == "descending"
        assert names(seen) == in_order(descending)
        seen.redraw()
        assert names(seen) == in_order(descending)  # the poll in that order changes nothing


def test_enter_on_a_head_sorts(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("still", age=3))
    seen.page.locator("#actors-head th.mbox_hwm button").focus()
    seen.page.keyboard.press("Enter")
    assert seen.page.locator("#actors-head th.mbox_hwm").get_attribute("aria-sort") == "descending"


def test_filters_by_type_number_and_state(programs: Programs, dashboard: Opener) -> None:
    program = programs("still", age=3)
    seen = dashboard(program, height=2400)
    actors = program.get("/api/actors")
    field = seen.page.locator("#actors-filter")
    field.fill("cOUnt")
    assert set(names(seen)) == {name_of(row) for row in actors if row["type"] == "Counter"}
    field.fill("Zähler::内")
    assert set(names(seen)) == {name_of(row) for row in actors if row["type"] == "Zähler::内"}
    assert seen.text("#actors-count") == "6 of 30 actors"
    field.fill("#12")
    assert names(seen) == [name_of(row) for row in actors if row["id"] == 12]
    field.fill("no such")
    assert names(seen) == []
    assert seen.page.locator("#actors-empty").is_visible()
    field.fill("")
    seen.page.locator("#actors-state").select_option("blocked")
    blocked = {name_of(row) for row in actors if row["state"] == "blocked"}
    assert blocked
    assert set(names(seen)) == blocked


def test_names_are_text_never_markup(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("still", age=3), height=2400)
    assert any(name.startswith("Cache<String>#") for name in names(seen))


def test_a_crowd_is_sorted_before_it_is_cut(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("crowd", age=10))
    seen.redraw()
    assert seen.text("#actors-count").startswith("1,000 of 3,000 actors (the first 1,000 were fetched")
    sort_by(seen, "mbox_depth")
    seen.until("document.querySelector('#actors-rows td.mbox_depth').textContent === '4,242 msgs'")


def test_no_figure_is_cut_and_no_column_is_out_of_sight(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("crowd", age=10), width=1280)
    sort_by(seen, "mbox_depth")
    seen.until("document.querySelector('#actors-rows td.mbox_depth').textContent === '4,242 msgs'")
    cut = "[...document.querySelectorAll('#actors-rows td')].filter((cell) => cell.scrollWidth > cell.clientWidth)"
    assert seen.page.evaluate(f"{cut}.map((cell) => cell.textContent)") == []
    box = "document.getElementById('actors-scroll')"
    assert seen.page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") == 0


def test_the_number_stands_after_a_right_to_left_name(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("still", age=3))
    seen.page.evaluate("State.state.actors[0].type = 'عداد'; Table.draw()")
    ends = seen.page.evaluate(
        """() => {
            const text = [...document.querySelectorAll("#actors-rows th")].find((cell) => /عداد/.test(cell.textContent))
                .firstChild;
            const end = (from, to) => {
                const range = document.createRange();
                range.setStart(text, from);
                range.setEnd(text, to);
                return range.getBoundingClientRect().right;
            };
            return [end(0, 4), end(text.data.indexOf("#"), text.data.length)];
        }"""
    )
    assert ends[0] < ends[1]


def test_a_crowd_is_filtered_before_it_is_cut(programs: Programs, dashboard: Opener) -> None:
    program = programs("crowd", age=10)
    seen = dashboard(program)
    seen.redraw()
    seen.page.locator("#actors-state").select_option("blocked")
    seen.until("State.state.path.includes('state=blocked')")
    blocked = program.get("/api/actors?state=blocked")
    assert seen.text("#actors-count") == f"{len(blocked)} of {len(blocked)} actors"
    seen.page.locator("#actors-filter").fill("Session")
    seen.until("State.state.path.includes('type=Session')")
    assert seen.text("#actors-count").startswith(str(sum(row["type"] == "Session" for row in blocked)))


def test_only_rows_in_sight_exist_and_all_can_be_reached(programs: Programs, dashboard: Opener) -> None:
    program = programs("thousand", age=30)
    seen = dashboard(program)
    assert seen.page.locator("#actors-table").get_attribute("aria-rowcount") == "1001"
    assert seen.page.locator("#actors-rows tr").count() < 60
    sort_by(seen, "id")
    seen.page.evaluate("document.getElementById('actors-scroll').scrollTop = 1e9")
    seen.until(f"{LAST_ROW}.cells[0].textContent.endsWith('#1000')")
    last = seen.page.locator("#actors-rows tr:not([hidden])").last
    assert last.get_attribute("aria-rowindex") == "1001"
    heights = seen.page.evaluate(f"[document.getElementById('actors-scroll').scrollHeight, {LAST_ROW}.offsetHeight]")
    assert heights[0] == pytest.approx(1001 * heights[1], rel=0.01)


def test_lines_of_the_last_minute_are_drawn(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("thousand", age=30))
    seen.until("document.querySelector('#actors-rows polyline').getAttribute('points').split(' ').length >= 2")
    assert seen.rows()[0][3] != "0/s"


@pytest.mark.alone
def test_an_update_with_a_thousand_actors_fits_a_frame(programs: Programs, dashboard: Opener) -> None:
    seen = dashboard(programs("thousand"))
    assert len(seen.page.evaluate("State.state.actors")) == 1000
    spent = seen.page.evaluate(MEASURE)
    median = spent[len(spent) // 2]
    assert median < UPDATE_MS, f"median {median:.1f} ms, best {spent[0]:.1f} ms, worst {spent[-1]:.1f} ms"
