"""GET /api/handlers of programs whose queues and work are known: by sleeps, and by what the workers spent on them."""

import os
import signal
from pathlib import Path
from typing import Any, Final

from tests.support.hew import Hew, Running

NAP_MS: Final = 20
NAPS: Final = 10
PROGRAM: Final = f"""\
actor Sleeper {{
    let naps: Int;
    init(ready: Int) {{ naps = ready; }}
    receive fn nap() {{ naps += 1; sleep_ms({NAP_MS}); }}
    receive fn total() -> Int {{ naps }}
}}
actor Spinner {{
    let x: Int;
    receive fn spin() {{ for i in 0..20000000 {{ x = x *% 31 +% i; }} }}
    receive fn total() -> Int {{ x }}
}}
actor Ticker {{
    let n: Int;
    receive fn tick() {{ n += 1; }}
    receive fn total() -> Int {{ n }}
}}
fn main() {{
    let sleeper = spawn Sleeper(ready: 0);
    for _ in 0..{NAPS} {{ sleeper.nap(); }}
    let spinner = spawn Spinner;
    for _ in 0..20 {{ spinner.spin(); }}
    let ticker = spawn Ticker;
    for _ in 0..100000 {{ ticker.tick(); }}
    println(f"{{await sleeper.total()}} {{await ticker.total()}} {{await spinner.total()}}");
    println("done");
    loop {{ sleep_ms(10000); }}
}}
"""


def handlers(running: Running, path: str = "/api/handlers?buckets=1") -> dict[str, Any]:
    """The rows, by type and handler."""
    return {f"{row['type']}.{row['handler']}": row for row in running.json(path)}


def cpu_ns(pids: list[int]) -> int:
    """That these processes have used, nanoseconds."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids)


def test_times_are_those_of_the_program(hew: Hew) -> None:
    running = hew.start("run", hew.write(PROGRAM), HEW_WORKERS="2", HEW_PPROF="127.0.0.1:0")
    running.wait_for_output("done")
    found = handlers(running)
    assert set(found) == {
        *("Sleeper.nap", "Sleeper.total", "Spinner.spin", "Spinner.total", "Ticker.tick", "Ticker.total")
    }
    assert {name: row["count"] for name, row in found.items() if not name.endswith("total")} == {
        "Sleeper.nap": NAPS,
        "Spinner.spin": 20,
        "Ticker.tick": 100_000,
    }
    rows = running.json("/api/actors?sort=id&order=asc")
    assert sum(row["count"] for row in found.values()) == sum(row["msgs"] for row in rows)
    assert running.metrics()["messages_received"] == sum(row["msgs"] for row in rows)
    nap = found["Sleeper.nap"]
    slept = NAP_MS * 1_000_000 * NAPS
    assert nap["work"]["total_ns"] < slept / 2  # what it slept is no work
    waits = NAP_MS * 1_000_000 * NAPS * (NAPS - 1) // 2  # the i-th waited for i naps
    assert nap["mailbox"]["total_ns"] > waits * 0.99
    assert nap["mailbox"]["max_ns"] > NAP_MS * 1_000_000 * (NAPS - 1) * 0.99
    assert sum(nap["work"]["buckets"]) == sum(nap["mailbox"]["buckets"]) == NAPS
    assert rows[0]["blocked_ns"] > slept * 0.99
    spin, spinner = found["Spinner.spin"], rows[1]
    assert abs(spin["work"]["total_ns"] - spinner["time_ns"]) <= 0.05 * spinner["time_ns"]
    used = cpu_ns(running.workers(2))
    assert spin["work"]["total_ns"] > used * 0.5  # it is most of what the workers did
    tick = found["Ticker.tick"]
    assert 0.97 * 100_000 <= sum(tick["mailbox"]["buckets"]) <= 100_000
    for row in found.values():
        for times in (row["work"], row["mailbox"]):
            assert 0 <= times["p50_ns"] <= times["p99_ns"] <= times["max_ns"]
    text = running.get("/metrics").decode()
    assert f'hew_handler_seconds_count{{type="Sleeper",handler="nap"}} {NAPS}\n' in text


def test_a_program_that_runs_already_shows_them_too(hew: Hew) -> None:
    running = hew.start("run", hew.write(PROGRAM), HEW_WORKERS="2")
    running.wait_for_output("done")
    attached = hew.start("pprof", str(running.pid), "127.0.0.1:0")
    found = handlers(attached)
    assert found["Ticker.tick"]["count"] == 100_000
    assert found["Sleeper.nap"]["mailbox"]["max_ns"] > NAP_MS * 1_000_000 * (NAPS - 1) * 0.99


def test_what_a_killed_worker_has_counted_stays(hew: Hew) -> None:
    running = hew.start("run", hew.write(PROGRAM), HEW_WORKERS="2", HEW_PPROF="127.0.0.1:0")
    running.wait_for_output("done")
    before = handlers(running)
    for pid in running.workers(2):
        os.kill(pid, signal.SIGKILL)
        running.workers(2, instead_of=pid)
    assert handlers(running) == before
    running.send_signal(signal.SIGTERM)
    assert running.finish(within=10).exit_code == 143
