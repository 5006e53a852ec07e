"""The life of a run's processes: every one of them is killed in turn, stopped, and told to end."""

import os
import re
import signal
import time
import urllib.error
from functools import partial
from pathlib import Path

import pytest

from tests.support.hew import Hew, Running, wait_for

BUSY = """\
actor Player {
    var other: Option<Player> = None;
    var hits: Int = 0;
    receive fn meet(p: Player) { other = Some(p); }
    receive fn ball(n: Int) {
        hits += 1;
        match other {
            Some(p) => p.ball(n + 1),
            None => {}
        }
    }
}
fn main() {
    for i in 0..20 {
        let a = spawn Player();
        let b = spawn Player();
        a.meet(b);
        b.meet(a);
        a.ball(0);
    }
    println("started");
    loop { sleep_ms(50); }
}
"""

ENDLESS = """\
actor Spinner {
    var n: Int = 0;
    receive fn spin() { loop { n += 1; } }
}
fn main() {
    for i in 0..8 { let s = spawn Spinner(); s.spin(); }
    println("started");
    loop { sleep_ms(50); }
}
"""


DEADLOCKED = """\
actor Party {
    var other: Option<Party> = None;
    receive fn meet(p: Party) { other = Some(p); }
    receive fn give() -> Int { 1 }
    receive fn take() {
        match other {
            Some(p) => loop { let _ = await p.give(); },
            None => {}
        }
    }
}
fn main() {
    let a = spawn Party();
    let b = spawn Party();
    a.meet(b);
    b.meet(a);
    a.take();
    b.take();
    println("started");
    loop { sleep_ms(600000); }
}
"""


def start(hew: Hew, text: str, **environ: str) -> Running:
    running = hew.start("run", hew.write(text), env=environ)
    running.wait_for_output("started")
    return running


def _has_received(goal: int, metrics: dict[str, int]) -> bool:
    return metrics["messages_received"] > goal


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_processes_carry_names_that_ps_shows(hew: Hew) -> None:
    running = start(hew, BUSY, HEW_WORKERS="2", HEW_PPROF="127.0.0.1:0")
    wait_for(lambda: {"hew-worker-0", "hew-worker-1", "hew-pprof"} <= set(running.children().values()))
    assert Path(f"/proc/{running.pid}/comm").read_text() == "hew\n"


def slice_of(pid: int) -> int | None:
    """Nanoseconds, where the kernel shows them."""
    try:
        lines = Path(f"/proc/{pid}/sched").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next((int(line.split(":")[1]) for line in lines if line.startswith("se.slice ")), None)


def test_only_the_supervisor_has_short_slices(hew: Hew) -> None:
    running = start(hew, BUSY, HEW_WORKERS="2")
    usual = slice_of(os.getpid())
    (victim, _) = running.workers(2)
    os.kill(victim, signal.SIGKILL)
    assert [slice_of(pid) for pid in running.workers(2, instead_of=victim)] == [usual, usual]
    supervisor = slice_of(running.pid)
    if usual is not None and supervisor is not None and _kernel_is_at_least(6, 12):  # older ones know no other slices
        assert supervisor < usual


def _kernel_is_at_least(*version: int) -> bool:
    numbers = re.findall(r"\d+", os.uname().release)
    return tuple(map(int, numbers[:2])) >= version


def test_a_killed_worker_is_replaced_and_the_others_run_on(hew: Hew) -> None:
    running = start(hew, BUSY, HEW_WORKERS="2", HEW_PPROF="127.0.0.1:0")
    for killed in range(3):
        before = running.metrics()
        victim = running.workers(2)[killed % 2]
        os.kill(victim, signal.SIGKILL)
        running.wait_for_message(f"(pid {victim}) died: killed by signal 9 (SIGKILL), while ")
        goal = before["messages_received"] + 10_000
        running.wait_until(partial(_has_received, goal))
        assert len(running.workers(2, instead_of=victim)) == 2
        after = running.metrics()
        assert after["worker_restarts"] == killed + 1
        assert all(after[name] >= before[name] for name in ("tasks_spawned", "messages_sent", "alloc_count"))
    running.send_signal(signal.SIGTERM)
    assert running.finish().exit_code == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_everything_within_five_seconds(hew: Hew, number: signal.Signals) -> None:
    running = start(hew, ENDLESS)
    children = list(running.children())
    running.send_signal(number)
    result = running.finish(within=5)
    assert result.exit_code == 128 + number
    assert result.stderr == ""
    assert not [pid for pid in children if alive(pid)]


def test_sigquit_says_what_every_actor_does(hew: Hew) -> None:
    running = start(hew, ENDLESS, HEW_PPROF="127.0.0.1:0")
    wait_for(lambda: running.metrics()["messages_received"] == 8, what="all of them spin")
    running.send_signal(signal.SIGQUIT)
    result = running.finish(within=5)
    assert result.exit_code == 131
    assert re.search(r"^actor 8 \[.*\]: Spinner#8, \d messages, \d waiting$", result.stderr, re.MULTILINE)
    place = r"^actor \d \[runn.*\]: Spinner#\d,.*\nSpinner\.spin\n\t.*program\.hew:3$"
    assert re.search(place, result.stderr, re.MULTILINE), result.stderr


def start_deadlocked(hew: Hew) -> Running:
    """Each of its actors waits for the other for ever; only main's sleep keeps it from its end."""
    running = start(hew, DEADLOCKED, HEW_PPROF="127.0.0.1:0")

    def both_wait() -> bool:
        return [row["state"] for row in running.json("/api/actors")] == ["blocked", "blocked"]

    wait_for(both_wait)
    return running


def test_sigquit_says_who_waits_for_whom_and_at_which_line(hew: Hew) -> None:
    running = start_deadlocked(hew)
    running.send_signal(signal.SIGQUIT)
    result = running.finish(within=5)
    assert result.exit_code == 131
    assert "3 actors\n\nactor 0 [blocked, sleeps, " in result.stderr
    for own, other in ((1, 2), (2, 1)):
        line = rf"^actor {own} \[blocked, waits for a reply of Party#{other}, .*\]: Party#{own}, .*\n"
        place = r"(\[runtime\] .*\n)*Party\.take\n\t.*program\.hew:7\n"
        assert re.search(line + place, result.stderr, re.MULTILINE), result.stderr


def test_the_profiler_answers_while_actors_are_deadlocked(hew: Hew) -> None:
    running = start_deadlocked(hew)
    for path in ("/", "/api/metrics", "/api/actors", "/api/memory", "/api/handlers", "/metrics", "/debug/pprof/heap"):
        assert running.get(path)
    said = running.get("/debug/pprof/actors?debug=2").decode()
    assert "waits for a reply of Party#1" in said
    assert "waits for a reply of Party#2" in said
    assert running.json("/healthz") == {"status": "running"}


def test_nothing_is_left_when_the_supervisor_is_killed(hew: Hew) -> None:
    running = start(hew, ENDLESS, HEW_PPROF="127.0.0.1:0")
    children = list(running.children())
    assert len(children) >= 2
    running.process.send_signal(signal.SIGKILL)
    running.process.wait(20)
    wait_for(lambda: not [pid for pid in children if alive(pid)], what="no orphan")


def test_no_file_is_left_behind(hew: Hew, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    running = start(hew, BUSY, TMPDIR=str(temporary))
    running.process.send_signal(signal.SIGKILL)
    running.process.wait(20)
    assert not list(temporary.iterdir())
    assert not [name for name in os.listdir("/dev/shm") if f"-{running.pid}-" in name]


def test_the_profilers_death_is_reported_once_and_harms_nobody(hew: Hew) -> None:
    running = start(hew, BUSY, HEW_PPROF="127.0.0.1:0")
    running.metrics()
    victim = running.profiler()
    os.kill(victim, signal.SIGKILL)
    running.wait_for_message("the program runs on without it")
    running.send_signal(signal.SIGTERM)
    result = running.finish(within=5)
    assert result.exit_code == 143
    assert result.stderr.count("the program runs on without it") == 1


@pytest.mark.alone
@pytest.mark.parametrize("how", ["spinning", "stopped"])
def test_the_profiler_answers_whatever_the_workers_do(hew: Hew, how: str) -> None:
    running = start(hew, ENDLESS, HEW_PPROF="127.0.0.1:0")
    running.metrics()
    if how == "stopped":
        for pid in running.workers(running.metrics()["workers"]):
            os.kill(pid, signal.SIGSTOP)
    for path in ("/api/metrics", "/api/actors", "/api/memory", "/api/metrics/history"):
        seconds = sorted(_seconds(running, path) for _ in range(15))
        assert seconds[7] < 0.1, f"{path}: {seconds}"
    assert len(running.json("/api/actors")) == 8
    running.send_signal(signal.SIGTERM)
    assert running.finish().exit_code == 143


def _seconds(running: Running, path: str) -> float:
    begin = time.monotonic()
    running.get(path)
    return time.monotonic() - begin


def test_the_profiler_ends_with_the_program(hew: Hew) -> None:
    running = hew.start("run", hew.write("fn main() { sleep_ms(500); }\n"), HEW_PPROF="127.0.0.1:0")
    address = running.address
    assert running.finish(within=10).exit_code == 0
    with pytest.raises(urllib.error.URLError):
        running.get("/healthz", within=2)
    assert address.startswith("http://127.0.0.1:")
