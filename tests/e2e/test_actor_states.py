"""What the table of actors says of actors whose state is known: one worker, one actor in each state."""

import signal
from typing import Final

from tests.support.hew import Hew

PROGRAM: Final = """\
actor A {
    receive fn hi() { }
    receive fn divide(n: Int) { println(1 / n); }
    receive fn wait() { sleep_ms(100000); }
    receive fn spin() { loop { } }
}
fn main() {
    let stopped = spawn A;
    let crashed = spawn A;
    let blocked = spawn A;
    let idle = spawn A;
    close(stopped);
    crashed.divide(0);
    blocked.wait();
    for _ in 0..1000 { blocked.hi(); }
    idle.hi();
    await idle.hi();
    for _ in 0..2 { (spawn A).spin(); }
    sleep_ms(100000);
}
"""


def test_each_state_is_shown_and_the_messages_that_wait(hew: Hew) -> None:
    running = hew.start("run", hew.write(PROGRAM), HEW_WORKERS="1", HEW_PPROF="127.0.0.1:0")
    rows = running.wait_until(
        lambda rows: (
            [row["msgs"] for row in rows] == [0, 1, 1, 2, 1, 1]
            and {row["state"] for row in rows[4:]} == {"runnable", "running"}
        ),  # not between the two
        path="/api/actors?sort=id&order=asc",
    )
    assert [row["state"] for row in rows[:4]] == ["stopped", "crashed", "blocked", "idle"]
    assert (rows[2]["mbox_depth"], rows[3]["mbox_depth"], rows[3]["mbox_hwm"]) == (1000, 0, 2)
    assert rows[2]["mbox_hwm"] in (1000, 1001)  # with or without the first, which may have been taken at once
    metrics = running.metrics()
    assert metrics["messages_sent"] == 1006
    assert metrics["messages_received"] == sum(row["msgs"] for row in rows) == 6
    assert (metrics["actors_live"], metrics["actors_spawned"], metrics["actors_crashed"]) == (4, 6, 1)
    running.send_signal(signal.SIGTERM)
    assert running.finish().exit_code == 143


def test_an_actor_that_was_closed_is_stopping_until_its_queue_is_empty(hew: Hew) -> None:
    program = """\
actor A { receive fn wait() { sleep_ms(100000); } }
fn main() {
    let a = spawn A;
    a.wait();
    a.wait();
    close(a);
    sleep_ms(100000);
}
"""
    running = hew.start("run", hew.write(program), HEW_PPROF="127.0.0.1:0")
    (row,) = running.wait_until(lambda rows: rows and rows[0]["msgs"] == 1, path="/api/actors")
    (row,) = running.wait_until(lambda rows: rows[0]["state"] == "stopping", path="/api/actors")
    assert (row["msgs"], row["mbox_depth"]) == (1, 1)
    (main,) = running.json("/api/actors?all=1&type=main")
    assert (main["id"], main["state"], main["mbox_depth"], main["mbox_hwm"]) == (0, "blocked", 0, 0)


def test_what_a_long_handler_has_sent_arrives_while_it_runs(hew: Hew) -> None:
    program = """\
actor A {
    receive fn hi() { }
    receive fn spin() {
        this.hi();
        this.hi(); // collected, to be sent together with what follows
        loop { }
    }
}
fn main() {
    let a = spawn A;
    a.spin();
    sleep_ms(100000);
}
"""
    running = hew.start("run", hew.write(program), HEW_WORKERS="1", HEW_PPROF="127.0.0.1:0")  # nobody else can run
    running.wait_until(lambda rows: rows and rows[0]["mbox_depth"] == 2, path="/api/actors")


def test_the_high_water_mark_is_the_greatest_depth_and_not_that_of_a_fetch(hew: Hew) -> None:
    program = """\
actor A {
    let handled: Int;
    receive fn tick() {
        handled += 1;
        let more = if handled == 1 { 15 } else if handled == 2 { 16 } else { 0 };
        for _ in 0..more { this.tick(); }
    }
    receive fn total() -> Int { handled }
}
fn main() {
    let a = spawn A;
    a.tick();
    while (await a.total()) < 32 { }
    sleep_ms(100000);
}
"""
    running = hew.start("run", hew.write(program), HEW_PPROF="127.0.0.1:0")
    (row,) = running.wait_until(lambda rows: rows and rows[0]["msgs"] > 32, path="/api/actors")
    # 15 are fetched; while the first of them is in hand and 14 wait, 16 come
    assert row["mbox_hwm"] in (30, 31)  # with or without the question of main


def test_the_high_water_mark_of_a_crashed_actor_counts_what_was_dropped(hew: Hew) -> None:
    program = """\
actor A {
    receive fn hi() { }
    receive fn start() {
        this.burst();
        for _ in 0..2 { this.hi(); } // they are fetched together with burst, and wait when it crashes
    }
    receive fn burst() {
        for _ in 0..15 { this.hi(); }
        sleep_ms(1); // by then all are sent
        panic("full");
    }
}
fn main() {
    let a = spawn A;
    a.start();
    sleep_ms(100000);
}
"""
    running = hew.start("run", hew.write(program), HEW_PPROF="127.0.0.1:0")
    (row,) = running.wait_until(lambda rows: rows and rows[0]["state"] == "crashed", path="/api/actors")
    assert (row["msgs"], row["mbox_hwm"]) == (2, 17)


def test_the_time_off_a_worker_grows_while_a_handler_waits(hew: Hew) -> None:
    program = """\
actor A { receive fn wait() { sleep_ms(100000); } }
fn main() {
    let a = spawn A;
    a.wait();
    sleep_ms(100000);
}
"""
    running = hew.start("run", hew.write(program), HEW_PPROF="127.0.0.1:0")
    (first,) = running.wait_until(lambda rows: rows and rows[0]["blocked_ns"] > 0, path="/api/actors")
    running.wait_until(lambda rows: rows[0]["blocked_ns"] > first["blocked_ns"] + 10**6, path="/api/actors")
    (row,) = running.json("/api/actors")
    assert row["state"] == "blocked"
    assert row["time_ns"] < row["blocked_ns"]
