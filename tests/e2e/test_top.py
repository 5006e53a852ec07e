"""`hew top`: the figures of a running program in a terminal, once, as JSON and live."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hew import Hew, Running, command, wait_for

SETTLED = """\
actor Counter {
    var count: Int = 0;
    receive fn tick() { count += 1; }
    receive fn total() -> Int { count }
}
fn main() {
    for each in 1..4 {
        let counter = spawn Counter();
        for i in 0..(each * 1000) { counter.tick(); }
        assert_eq(await counter.total(), each * 1000);
    }
    println("settled");
    sleep_ms(600000);
}
"""
RECEIVED = 1000 + 2000 + 3000 + 3
NO_TEXTUAL = "import sys; sys.modules['textual'] = None; from hew.cli import main; raise SystemExit(main())"


def start(hew: Hew, **environ: str) -> Running:
    running = hew.start("run", hew.write(SETTLED), env={"HEW_WORKERS": "2", **environ})
    running.wait_for_output("settled")
    running.wait_for_rest(2)
    return running


def refused(hew: Hew, *arguments: str, **environ: str) -> str:
    result = hew("top", *arguments, env=environ)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


# ---- once


def test_json_is_one_object_with_the_shapes_of_the_api(hew: Hew) -> None:
    program = start(hew, HEW_PPROF="127.0.0.1:0")
    result = hew("top", str(program.pid), "--json")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    reading = json.loads(result.stdout)
    assert (reading["program"], reading["pid"], reading["address"]) == ("program.hew", program.pid, None)
    assert reading["metrics"]["messages_received"] == RECEIVED
    assert [(row["pid"], row["msgs"]) for row in reading["actors"]] == [(3, 3001), (2, 2001), (1, 1001)]
    assert reading["actors_total"] == 3
    assert reading["metrics"].keys() == program.metrics().keys()
    assert reading["memory"].keys() == program.json("/api/memory").keys()
    assert reading["actors"][0].keys() == program.json("/api/actors")[0].keys()
    assert [(row["handler"], row["count"]) for row in reading["handlers"]] == [("tick", 6000), ("total", 3)]
    assert reading["handlers"] == program.json("/api/handlers")
    assert reading["handlers_total"] == 2
    assert reading["findings"] == program.json("/api/findings") == []


def test_an_address_gives_the_same_figures(hew: Hew) -> None:
    program = start(hew, HEW_PPROF="127.0.0.1:0", HEW_PPROF_TOKEN="0123456789abcdef")
    own = json.loads(hew("top", str(program.pid), "--json").stdout)
    token = {"HEW_PPROF_TOKEN": "0123456789abcdef"}
    for address in (program.address, f"{program.address}/", program.address.removeprefix("http://")):
        asked = json.loads(hew("top", address, "--json", env=token).stdout)
        assert asked["actors"] == own["actors"]
        assert asked["handlers"] == own["handlers"]
        assert asked["metrics"]["messages_received"] == RECEIVED
        assert asked["address"] == address
    assert "refuses /api/metrics: 401" in refused(hew, program.address, "--once")


def test_once_is_a_page_of_text(hew: Hew) -> None:
    program = start(hew)
    result = hew("top", "--once", str(program.pid), "--sort", "id", "--limit", "2")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"program.hew (pid {program.pid}), up ")
    assert lines[0].endswith(" of 2 workers busy")
    assert f"{RECEIVED:,} sent, {RECEIVED:,} received, 0 waiting, 0 dropped" in lines[2]
    assert lines[4] == "actors    3 live, 3 spawned, 0 crashed"
    assert lines[6].split() == ["id", "type", "state", "msgs", "time", "mbox", "hwm", "live", "worker"]
    assert [line.split()[:4] for line in lines[7:9]] == [
        ["3", "Counter", "idle", "3,001"],
        ["2", "Counter", "idle", "2,001"],
    ]
    assert lines[9:11] == ["... and 1 more", ""]
    assert lines[11] == "type     handler  messages  wait p50  wait p99  wait max  work p50  work p99  work max"
    assert [line.split()[:3] for line in lines[12:]] == [["Counter", "tick", "6,000"], ["Counter", "total", "3"]]


def test_a_program_is_found_without_being_named(hew: Hew) -> None:
    """Alone, or in the list when other tests run programs at the same time."""
    program = start(hew)
    result = hew("top", "--once")
    if result.exit_code == 0:
        assert f"program.hew (pid {program.pid})" in result.stdout
    else:
        assert "several programs run; name one" in result.stderr
        assert str(program.pid) in [line.split()[0] for line in result.stderr.splitlines()]


def test_of_several_programs_there_is_a_list(hew: Hew) -> None:
    programs = [start(hew), start(hew)]
    said = refused(hew, "--json").splitlines()
    assert said[1].split() == ["PID", "UP", "PROGRAM", "PROFILER"]
    assert {str(program.pid) for program in programs} <= {line.split()[0] for line in said[2:]}


def test_profile_sockets_are_listed_and_serve_programs_of_another_hew(hew: Hew, tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "HEW_WORKERS": "2"}
    script = "import hew; hew.__version__ = '9.9.9'; from hew.cli import main; raise SystemExit(main())"
    program = hew.start("run", "--profile", hew.write(SETTLED), program=[sys.executable, "-c", script], env=environ)
    program.wait_for_output("settled")
    socket = f"unix:{tmp_path}/hew/{program.pid}.sock"
    start(hew)  # so that there are several
    listed = next(line for line in refused(hew, "--json", **environ).splitlines() if f"{program.pid} " in line)
    assert "program.hew (hew 9.9.9)" in listed
    assert listed.endswith(socket)
    for place in (str(program.pid), socket):
        reading = json.loads(hew("top", place, "--json", env=environ).stdout)
        assert reading["metrics"]["messages_received"] == RECEIVED
        assert reading["address"] == socket
    assert "is run by hew 9.9.9" in refused(hew, str(program.pid), "--json")


def test_a_socket_whose_program_is_gone_is_no_program(hew: Hew, tmp_path: Path) -> None:
    program = start(hew, XDG_RUNTIME_DIR=str(tmp_path), HEW_PPROF="auto")
    program.kill()
    assert (tmp_path / "hew" / f"{program.pid}.sock").exists()
    start(hew)
    start(hew)
    assert f"{program.pid} " not in refused(hew, "--once", XDG_RUNTIME_DIR=str(tmp_path))


def test_without_textual_once_and_json_work_and_the_live_view_says_what_it_needs(hew: Hew) -> None:
    program = start(hew)
    without = [sys.executable, "-c", NO_TEXTUAL]
    for option in ("--once", "--json"):
        run = hew.start("top", str(program.pid), option, program=without)
        assert run.finish().exit_code == 0
    result = hew.start("top", str(program.pid), program=without).finish()
    assert result.exit_code == 2
    assert "the live view needs textual: pip install 'hew[top]'" in result.stderr


def test_what_cannot_be_shown_is_said_clearly(hew: Hew) -> None:
    program = start(hew)
    assert "the live view needs a terminal" in refused(hew, str(program.pid))
    assert "--sort takes one of msgs, time_ns, " in refused(hew, "--once", "--sort", "name")
    assert "cannot read 'many' as a number of actors" in refused(hew, "--once", "--limit", "many")
    assert "is too much" in refused(hew, "1", "2", "--once")
    assert "is no running Hew program" in refused(hew, str(os.getpid()), "--once")
    assert "there is no process 4194304" in refused(hew, "4194304", "--once")
    assert "no answer from :1: Connection refused" in refused(hew, ":1", "--once")
    assert "cannot read 'ftp://x' as a process id or an address" in refused(hew, "ftp://x", "--once")


# ---- live


class Terminal:
    """A terminal of 110 x 32 that tmux keeps, on a server of its own."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._socket = folder / "tmux"
        size = ("COLUMNS", "LINES")  # of whoever runs the tests
        kept = {name: value for name, value in environ.items() if name not in size}
        self._environ = {**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        self.run("new-session", "-d", "-x", "110", "-y", "32", "sh")

    def run(self, *arguments: str) -> str:
        line = ["tmux", "-f", "/dev/null", "-S", str(self._socket), *arguments]
        done = subprocess.run(line, env=self._environ, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def type(self, text: str) -> None:
        self.run("send-keys", "-l", text)

    def key(self, name: str) -> None:
        self.run("send-keys", name)

    def shown(self) -> str:
        return self.run("capture-pane", "-p")

    def wait_for(self, *texts: str) -> str:
        """What is shown once all of `texts` are."""
        shown = ""

        def all_there() -> bool:
            nonlocal shown
            shown = self.shown()
            return all(text in shown for text in texts)

        try:
            wait_for(all_there, within=30, poll_seconds=0.1)
        except AssertionError:
            raise AssertionError(f"not shown: {texts}\n{shown}") from None
        return shown


@pytest.fixture
def terminal(hew: Hew, tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: apt-get install tmux")
    shell = Terminal(tmp_path, hew.environment({}))
    yield shell
    shell.run("kill-server")


def watch(terminal: Terminal, place: str) -> None:
    terminal.type(f"{shlex.join([*command(), 'top', place])}; echo left with $?")
    terminal.key("Enter")


def order(shown: str) -> list[str]:
    """The ids of the actors, from top to bottom."""
    return [line.split()[0] for line in shown.splitlines() if " Counter " in line]


def handlers(shown: str) -> list[str]:
    """Their names, from top to bottom."""
    return [line.split()[1] for line in shown.splitlines() if line.split()[:1] == ["Counter"]]


def test_the_live_view_shows_the_program_and_obeys_its_keys(hew: Hew, terminal: Terminal) -> None:
    program = start(hew)
    before = program.workers(2)
    watch(terminal, str(program.pid))
    shown = terminal.wait_for(f"program.hew (pid {program.pid})", f"{RECEIVED:,} received", "msgs▼", "q quit")
    assert "actors    3 live, 3 spawned, 0 crashed" in shown
    assert order(shown) == ["3", "2", "1"]
    terminal.key("r")
    assert order(terminal.wait_for("msgs▲", "Counter")) == ["1", "2", "3"]
    terminal.key("r")
    for column in ("time", "mbox", "hwm", "live", "id"):
        terminal.key("s")
        shown = terminal.wait_for(f"{column}▼", "Counter")
    assert order(shown) == ["3", "2", "1"]
    terminal.key("h")
    shown = terminal.wait_for("messages▼", "tick", "6,000")
    assert handlers(shown) == ["tick", "total"]
    for column in ("wait p50", "wait p99", "wait max", "work p50", "work p99", "work max"):
        terminal.key("s")
        terminal.wait_for(f"{column}▼", "tick")
    terminal.key("s")
    terminal.key("r")
    assert handlers(terminal.wait_for("messages▲", "tick")) == ["total", "tick"]
    terminal.key("h")
    terminal.wait_for("id▲", "Counter")
    terminal.key("p")
    terminal.wait_for("paused; p goes on")
    terminal.key("p")
    terminal.key("q")
    terminal.wait_for("left with 0")
    assert program.workers(2) == before
    program.send_signal(signal.SIGTERM)
    assert program.finish().exit_code == 143


def test_the_end_of_the_program_leaves_its_last_figures(hew: Hew, terminal: Terminal) -> None:
    program = start(hew)
    watch(terminal, str(program.pid))
    terminal.wait_for(f"{RECEIVED:,} received")
    program.kill()
    shown = terminal.wait_for("has ended; these are its last figures")
    assert f"{RECEIVED:,} received" in shown
    terminal.key("C-c")
    terminal.wait_for("left with 0")


def test_a_profiler_s_address_can_be_watched(hew: Hew, terminal: Terminal) -> None:
    program = start(hew, HEW_PPROF="127.0.0.1:0")
    watch(terminal, program.address)
    terminal.wait_for(f"{program.address}, up", f"{RECEIVED:,} received", "Counter")
    program.kill()
    terminal.wait_for(f"no answer from {program.address}: Connection refused; these are its last figures")
    terminal.key("q")
    terminal.wait_for("left with 0")
