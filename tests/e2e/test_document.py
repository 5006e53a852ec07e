"""The user's document: its example, to the letter, and the figures that its endpoints show."""

import signal
from pathlib import Path

from tests.support.hew import Hew

EXAMPLE = Path(__file__).parents[2] / "examples" / "profiler_demo.hew"


def test_the_example_prints_its_count(hew: Hew) -> None:
    result = hew("run", EXAMPLE)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Counter: 3000\n", "")


def test_the_endpoints_show_live_and_exact_figures(hew: Hew) -> None:
    longer = EXAMPLE.read_text().replace("sleep_ms(2000)", "sleep_ms(60000)")
    running = hew.start("run", hew.write(longer), HEW_PPROF="127.0.0.1:0")
    metrics = running.wait_until(lambda m: m["messages_received"] == 3000)
    assert metrics["messages_sent"] == 3000
    assert metrics["tasks_completed"] <= metrics["tasks_spawned"]
    assert metrics["peak_bytes_live"] >= metrics["bytes_live"] >= 0
    (actor,) = running.wait_until(lambda rows: rows[0]["state"] == "idle", path="/api/actors")
    assert (actor["id"], actor["pid"], actor["msgs"], actor["mbox_depth"]) == (1, 1, 3000, 0)
    assert 1 <= actor["mbox_hwm"] <= 3000
    assert actor["time_ns"] > 0
    memory = running.json("/api/memory")
    assert memory["bytes_live"] == memory["bytes_allocated"] - memory["bytes_freed"]
    history = running.wait_until(lambda entries: len(entries) >= 2, path="/api/metrics/history")
    assert history[0]["t"] == 0
    assert {"t", "ts", "tc", "st", "ms", "mr", "md", "aw", "ac", "dc", "ba", "bf", "bl", "pb", "al"} == set(history[0])
    running.send_signal(signal.SIGTERM)
    assert running.finish(within=5).exit_code == 143
