"""`hew pprof PID`: a program that was started without a profiler is looked into, and does not notice."""

import os
import signal
import subprocess
import sys
import textwrap
import urllib.error
from pathlib import Path

import pytest

import hew as hew_package
from tests.support.hew import Hew, Running, wait_for

SETTLED = """\
actor Counter {
    var count: Int = 0;
    receive fn tick() { count += 1; }
    receive fn total() -> Int { count }
}
actor Brief {
    receive fn work() -> Int { 1 }
}
fn main() {
    for each in 1..4 {
        let counter = spawn Counter();
        for i in 0..(each * 1000) { counter.tick(); }
        assert_eq(await counter.total(), each * 1000);
    }
    for each in 0..5 {
        let brief = spawn Brief();
        let one = await brief.work();
        let reason = await close(brief);
    }
    println("settled");
    sleep_ms(600000);
}
"""
RECEIVED = 1000 + 2000 + 3000 + 3 + 5  # ticks, totals, works

SPINNING = """\
actor Spinner {
    var n: Int = 0;
    receive fn spin() { loop { n += 1; } }
}
fn main() {
    for i in 0..4 { let s = spawn Spinner(); s.spin(); }
    println("settled");
    sleep_ms(600000);
}
"""


def start(hew: Hew, text: str = SETTLED, **environ: str) -> Running:
    running = hew.start("run", hew.write(text), env={"HEW_WORKERS": "2", **environ})
    running.wait_for_output("settled")
    if text == SETTLED:
        running.wait_for_rest(2)
    return running


def attach(hew: Hew, pid: int, address: str = "127.0.0.1:0") -> Running:
    profiler = hew.start("pprof", str(pid), address)
    profiler.wait_for_message("Ctrl-C leaves it as it is")
    return profiler


def still_works(program: Running) -> bool:
    """Its workers live, and it ends as it always does."""
    program.workers(2)
    program.send_signal(signal.SIGTERM)
    result = program.finish()
    return result.exit_code == 143 and result.stderr == ""


def test_the_figures_are_what_the_program_did(hew: Hew) -> None:
    program = start(hew)
    profiler = attach(hew, program.pid)
    metrics = profiler.wait_until(lambda answer: answer["messages_received"] == RECEIVED)
    assert metrics["messages_sent"] == RECEIVED
    assert metrics["actors_spawned"] == 8
    assert metrics["workers"] == 2
    profiler.wait_until(lambda answer: answer["actors_live"] == 3)
    counters = [row for row in profiler.json("/api/actors?type=Counter") if row["state"] == "idle"]
    assert [(row["pid"], row["msgs"]) for row in counters] == [(3, 3001), (2, 2001), (1, 1001)]
    assert all(row["time_ns"] > 0 and row["type"] == "Counter" for row in counters)
    assert profiler.json("/api/memory")["bytes_live"] > 0
    assert still_works(program)


def test_every_view_is_there(hew: Hew) -> None:
    program = start(hew)
    profiler = attach(hew, program.pid)
    assert b"<title>" in profiler.get("/")
    assert profiler.json("/healthz") == {"status": "running"}
    assert b"Actor#3 (pid=3, state=idle)" in profiler.get("/debug/pprof/profile")
    assert b"[ended] (5 actors)" in profiler.get("/debug/pprof/profile")
    assert profiler.get("/debug/pprof/heap").startswith(b"\x1f\x8b")
    assert b"hew_live_bytes" in profiler.get("/metrics")
    assert profiler.json("/api/findings") == []
    profiler.wait_until(lambda entries: len(entries) >= 2, path="/api/metrics/history")
    assert still_works(program)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, 137)]
)
def test_the_end_of_the_profiler_leaves_the_program_as_it_was(hew: Hew, number: signal.Signals, code: int) -> None:
    program = start(hew)
    before = program.workers(2)
    profiler = attach(hew, program.pid)
    assert profiler.metrics()["messages_received"] == RECEIVED
    profiler.send_signal(number)
    assert profiler.finish().exit_code == code
    assert program.workers(2) == before
    assert program.stdout == "settled\n"
    assert still_works(program)


def test_several_may_look_at_once_and_one_after_another(hew: Hew) -> None:
    program = start(hew, HEW_PPROF="127.0.0.1:0")
    own = program.metrics()["messages_received"]
    for _round in range(2):
        one, other = attach(hew, program.pid), attach(hew, program.pid)
        assert one.metrics()["messages_received"] == other.metrics()["messages_received"] == own == RECEIVED
        for profiler in (one, other):
            profiler.send_signal(signal.SIGINT)
            assert profiler.finish().exit_code == 0


def test_it_ends_with_the_program(hew: Hew) -> None:
    program = start(hew)
    profiler = attach(hew, program.pid)
    profiler.metrics()
    program.send_signal(signal.SIGKILL)
    result = profiler.finish()
    assert result.exit_code == 0
    assert result.stderr.endswith(f"[hew-pprof] program.hew (pid {program.pid}) has ended\n")
    with pytest.raises(urllib.error.URLError):
        profiler.metrics()


@pytest.mark.parametrize("supervisor_too", [False, True])
def test_a_stopped_program_can_be_attached_to(hew: Hew, supervisor_too: bool) -> None:
    program = start(hew)
    stopped = [*program.workers(2), *([program.pid] if supervisor_too else [])]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all("(stopped)" in Path(f"/proc/{pid}/status").read_text() for pid in stopped))
    profiler = attach(hew, program.pid)
    assert profiler.metrics()["messages_received"] == RECEIVED
    assert len(profiler.json("/api/actors?type=Counter")) == 3
    profiler.send_signal(signal.SIGINT)
    assert profiler.finish().exit_code == 0
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    assert still_works(program)


def test_a_program_whose_handlers_never_end_is_seen(hew: Hew) -> None:
    program = start(hew, SPINNING)
    profiler = attach(hew, program.pid)
    profiler.wait_until(lambda metrics: metrics["active_workers"] == 2)
    profiler.wait_until(lambda rows: {"Spinner"} == {row["type"] for row in rows}, path="/api/actors?state=running")
    first = {row["id"]: row["time_ns"] for row in profiler.json("/api/actors")}
    profiler.wait_until(lambda rows: all(row["time_ns"] > first[row["id"]] for row in rows), path="/api/actors")
    assert still_works(program)


def test_a_worker_s_number_does_as_well(hew: Hew) -> None:
    program = start(hew)
    profiler = hew.start("pprof", str(program.workers(2)[1]))
    profiler.wait_for_message(f"attached to program.hew (pid {program.pid})")
    assert profiler.metrics()["messages_received"] == RECEIVED


def test_a_replaced_worker_is_counted_on(hew: Hew) -> None:
    program = start(hew)
    profiler = attach(hew, program.pid)
    os.kill(program.workers(2)[0], signal.SIGKILL)
    metrics = profiler.wait_until(lambda answer: answer["worker_restarts"] == 1)
    assert metrics["messages_received"] == RECEIVED


def test_a_unix_socket_and_its_removal(hew: Hew, tmp_path: Path) -> None:
    program = start(hew)
    path = tmp_path / "pprof.sock"
    profiler = attach(hew, program.pid, f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o600
    profiler.send_signal(signal.SIGINT)
    assert profiler.finish().exit_code == 0
    assert not path.exists()


def test_a_program_out_of_hew_build(hew: Hew, tmp_path: Path) -> None:
    assert hew("build", hew.write(SETTLED), "-o", tmp_path / "built").exit_code == 0
    program = hew.start(program=[str(tmp_path / "built")], HEW_WORKERS="2")
    program.wait_for_output("settled")
    assert attach(hew, program.pid).metrics()["messages_received"] == RECEIVED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount over /dev/shm")
def test_a_program_without_shared_memory_files(hew: Hew) -> None:
    probe = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("this machine gives no mount namespace")
    hide = "mount -t tmpfs -o ro tmpfs /dev/shm"
    text = hew.write(SETTLED)
    program = hew.start(
        "run",
        text,
        program=["unshare", "--mount", "sh", "-c", f'{hide} && exec "$@"', "sh", sys.executable, "-m", "hew"],
        HEW_WORKERS="2",
    )
    program.wait_for_output("settled")
    assert "hew-counters" in " ".join(os.readlink(each) for each in Path(f"/proc/{program.pid}/fd").iterdir())
    assert attach(hew, program.pid).metrics()["messages_received"] == RECEIVED


def refused(hew: Hew, *arguments: str, **environ: str) -> str:
    result = hew("pprof", *arguments, env=environ)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


def test_what_cannot_be_attached_to_is_said_clearly(hew: Hew) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert refused(hew, str(ended.pid)) == f"hew: there is no process {ended.pid}\n"
    with subprocess.Popen(["sleep", "60"]) as other:
        wait_for(lambda: Path(f"/proc/{other.pid}/comm").read_text() == "sleep\n")
        said = refused(hew, str(other.pid))
        other.kill()
    assert said == f"hew: process {other.pid} (sleep) is no running Hew program; `hew top` finds those that run\n"
    assert "cannot read 'x' as a process id" in refused(hew, "x")
    assert "cannot read '0' as a process id" in refused(hew, "0")
    assert "no process is given" in refused(hew)
    assert "'c' is too much" in refused(hew, "1", "a", "c")


def test_a_bad_address_is_refused_and_the_program_unharmed(hew: Hew) -> None:
    program = start(hew)
    assert "pprof: cannot read 'x' as a bind address" in refused(hew, str(program.pid), "x")
    profiler = attach(hew, program.pid)
    taken = profiler.address.removeprefix("http://")
    assert refused(hew, str(program.pid), taken) == f"hew: cannot listen on {taken}: Address already in use\n"
    assert "HEW_PPROF_TOKEN" in refused(hew, str(program.pid), HEW_PPROF_TOKEN="short")
    assert still_works(program)


def test_the_token_of_the_profiler_s_own_environment_guards_it(hew: Hew) -> None:
    program = start(hew)
    profiler = hew.start("pprof", str(program.pid), env={"HEW_PPROF_TOKEN": "0123456789abcdef"})
    profiler.wait_for_message("Ctrl-C leaves it as it is")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        profiler.metrics()
    headers = {"Authorization": "Bearer 0123456789abcdef"}
    assert b"messages_received" in profiler.get("/api/metrics", headers=headers)


def test_another_user_s_program_is_refused(hew: Hew) -> None:
    """As root the program is ours and the one who looks becomes nobody; else process 1 is another's."""
    if os.geteuid() != 0:
        assert "belongs to another user, root" in refused(hew, "1")
        return
    program = start(hew)
    script = f"""
        import os, pwd
        import hew.scheduler.attach as attach
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        try:
            attach.attach({program.pid})
        except attach.CannotAttach as error:
            print(error)
        print(attach.find())
        """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=True
    )
    refusal = f"process {program.pid} (hew) belongs to another user, root: only that user, or root, can attach to it"
    assert ran.stdout == f"{refusal}\n[]\n"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("import hew; hew.__version__ = '9.9.9'", f"by hew 9.9.9, this is hew {hew_package.__version__}"),
        (
            "from hew.scheduler import corelib; corelib.fingerprint = lambda: 'x'",
            f"by another build of hew {hew_package.__version__}",
        ),
    ],
)
def test_another_hew_s_program_is_refused(hew: Hew, change: str, difference: str) -> None:
    script = f"{change}; from hew.cli import main; raise SystemExit(main())"
    program = hew.start("run", hew.write(SETTLED), program=[sys.executable, "-c", script])
    program.wait_for_output("settled")
    said = f"hew: process {program.pid} (program.hew) is run {difference}: attach with the one that runs it\n"
    assert refused(hew, str(program.pid)) == said
