"""What actors own and have allocated, read over HTTP from real programs at rest."""

from typing import Any, Final

from tests.support.hew import Hew, Running

BLOCKS: Final = 4000
TEXT_BYTES: Final = 992  # with a string's own words and the block's header just ...
BLOCK_BYTES: Final = 1024
VECTOR_BYTES: Final = 65536  # of BLOCKS pointers, room for 4,096
REST: Final = 'println("rest"); sleep_ms(600000);'

KEEPER = """\
actor Keeper {
    let all: Vec<String>;
    receive fn fill(n: Int, size: Int) {
        var text = "x";
        while text.len() < size { text = f"{text}{text}"; }
        let whole = text.slice(0, size);
        for i in 0..n { all.push(f"{whole}"); }
    }
    receive fn half() {
        let n = all.len() / 2;
        for _ in 0..n { all.pop(); }
    }
    receive fn len() -> Int { all.len() }
}
"""


def _start(hew: Hew, text: str) -> Running:
    running = hew.start("run", hew.write(text), HEW_PPROF="127.0.0.1:0", HEW_WORKERS="2")
    running.wait_for_output("rest")
    running.wait_for_rest(2)
    return running


def _actors(running: Running, kind: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = running.json("/api/actors?all=1")
    return [row for row in rows if row["type"] == kind]


def _fill(*, half: bool) -> str:
    lines = ["let k = spawn Keeper;", f"k.fill({BLOCKS}, {TEXT_BYTES});"]
    lines += ["k.half();"] if half else []
    lines += ["println(await k.len());", REST]
    return KEEPER + "fn main() {\n" + "\n".join(lines) + "\n}\n"


def test_an_actor_owns_what_it_has_allocated_and_not_freed(hew: Hew) -> None:
    (full,) = _actors(_start(hew, _fill(half=False)), "Keeper")
    (half,) = _actors(_start(hew, _fill(half=True)), "Keeper")
    whole = BLOCKS * BLOCK_BYTES
    assert whole <= full["bytes_live"] <= whole * 1.01 + VECTOR_BYTES, full
    assert whole / 2 <= half["bytes_live"] <= whole / 2 * 1.01 + VECTOR_BYTES, half
    assert full["bytes_live"] - half["bytes_live"] == whole / 2
    assert whole <= full["bytes_allocated"] <= half["bytes_allocated"] <= full["bytes_allocated"] * 1.01


def test_actors_and_runtime_add_up_to_all(hew: Hew) -> None:
    text = (
        KEEPER
        + """\
actor Relay {
    let next: Option<Relay> = None;
    let seen: Vec<String>;
    receive fn link(r: Relay) { next = Some(r); }
    receive fn pass(items: Vec<String>) {
        match next {
            Some(r) => r.pass(items),
            None => { seen = items; },
        }
    }
    receive fn len() -> Int { seen.len() }
}
fn main() {
    let keepers: Vec<Keeper> = [];
    for i in 0..10 {
        let k = spawn Keeper;
        k.fill(10 * i, 300);
        k.half();
        keepers.push(k);
    }
    let relays: Vec<Relay> = [];
    for i in 0..4 { relays.push(spawn Relay); }
    for i in 0..3 { relays[i].link(relays[i + 1]); }
    let items: Vec<String> = [];
    for i in 0..1000 { items.push(f"item {i}"); }
    relays[0].pass(items);
    for k in keepers { println(await k.len()); }
    while (await relays[3].len()) < 1000 { sleep_ms(1); }
    println("rest");
    sleep_ms(600000);
}
"""
    )
    running = _start(hew, text)
    rows = [row for kind in ("Keeper", "Relay") for row in _actors(running, kind)]
    assert len(rows) == 14
    memory = running.json("/api/memory")
    for figure, all_of_it in (("bytes_allocated", memory["bytes_allocated"]), ("bytes_live", memory["bytes_live"])):
        of_actors = sum(row[figure] for row in rows)
        assert 0 < of_actors <= all_of_it, (figure, of_actors, all_of_it)
    last = max((row for row in rows if row["type"] == "Relay"), key=lambda row: int(row["bytes_live"]))
    assert last["bytes_live"] >= 1000 * 32, "what was moved along belongs to the last"
    others = [row["bytes_live"] for row in rows if row["type"] == "Relay" and row["id"] != last["id"]]
    assert max(others) < 1000, others


def test_a_new_actor_owns_its_fields(hew: Hew) -> None:
    text = """\
actor Leaf {
    let a: Int;
    let b: Int;
    let name: String;
    receive fn nothing() {}
}
fn main() {
    let leaves: Vec<Leaf> = [];
    for i in 0..10 { leaves.push(spawn Leaf(name: f"leaf number {i}")); }
    println("rest");
    sleep_ms(600000);
}
"""
    rows = _actors(_start(hew, text), "Leaf")
    assert len(rows) == 10
    for row in rows:
        assert 24 <= row["bytes_allocated"] < 24 + 13 <= row["bytes_live"] <= 200, row
