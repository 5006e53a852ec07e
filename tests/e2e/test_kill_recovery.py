"""kill -9 of workers, again and again, under load: what was in work is lost and reported, and nothing else.

The program plays ping-pong, asks, waits for places in bounded mailboxes and spawns while its workers are killed. Then
it stops by itself, and says what each group has handled, which must fit together but for the actors reported as killed.
"""

import os
import random
import re
import signal
import time
from collections import Counter
from functools import partial

import pytest

from tests.support.hew import Hew, Result

KILL_SECONDS = 3.0
RUN_MS = 4500
PAUSE_SECONDS = (0.02, 0.12)  # between two kills; 20 within a second would end the program
LOST = re.compile(r"died: killed by signal 9 \(SIGKILL\), while (idle|running (\w+)#\d+(?:\.(\w+))?); replaced by")

PROGRAM = """\
actor Player {
    let other: Option<Player> = None;
    let hits: Int;
    let last: Int = -1;
    let wrong: Int;
    let stopped: Bool;
    receive fn meet(p: Player) { other = Some(p); }
    receive fn ball(n: Int) {
        if hits > 0 && n != last + 2 { wrong += 1; }
        last = n;
        hits += 1;
        if stopped { return; }
        match other {
            Some(p) => p.ball(n + 1),
            None => {},
        }
    }
    receive fn stop() { stopped = true; }
    receive fn get() -> (Int, Int) { (hits, wrong) }
}

actor Server {
    receive fn echo(n: Int) -> String { f"<{n}>" }
}
actor Asker {
    let server: Server;
    let n: Int;
    let wrong: Int;
    let stopped: Bool;
    receive fn step() {
        if stopped { return; }
        let answer = await server.echo(n);
        if answer != f"<{n}>" { wrong += 1; }
        n += 1;
        this.step();
    }
    receive fn stop() { stopped = true; }
    receive fn get() -> (Int, Int) { (n, wrong) }
}

actor Sink {
    let seen: Vec<Int>;
    let wrong: Int;
    mailbox 3;
    receive fn put(from: Int, n: Int, text: String) {
        while seen.len() <= from { seen.push(0); }
        if seen[from] != n || text != f"{n}" { wrong += 1; }
        seen[from] = n + 1;
    }
    receive fn get(from: Int) -> (Int, Int) {
        while seen.len() <= from { seen.push(0); }
        (seen[from], wrong)
    }
}
actor Source {
    let id: Int;
    let sink: Sink;
    let n: Int;
    let stopped: Bool;
    receive fn step() {
        if stopped { return; }
        for _ in 0..10 {
            sink.put(id, n, f"{n}");
            n += 1;
        }
        this.step();
    }
    receive fn stop() { stopped = true; }
    receive fn get() -> Int { n }
}

actor Child {
    let parent: Parent;
    let name: String;
    receive fn work() {
        parent.done(name.len());
        close(this);
    }
}
actor Parent {
    let spawned: Int;
    let finished: Int;
    let stopped: Bool;
    let children: Vec<Child>;
    fn alive() -> Vec<Child> {
        let found: Vec<Child> = [];
        for c in children {
            if c.is_alive() { found.push(c); }
        }
        found
    }
    receive fn step() {
        if stopped { return; }
        children = alive();
        for _ in 0..5 {
            let c = spawn Child(parent: this, name: f"child {spawned}");
            spawned += 1;
            children.push(c);
            c.work();
        }
        sleep_ms(1);
        this.step();
    }
    receive fn done(n: Int) { finished += 1; }
    receive fn stop() { stopped = true; }
    receive fn waits_for() -> Int { alive().len() }
    receive fn get() -> (Int, Int) { (spawned, finished) }
}

fn main() {
    let players: Vec<Player> = [];
    for i in 0..40 {
        let a = spawn Player;
        let b = spawn Player;
        a.meet(b);
        b.meet(a);
        a.ball(0);
        players.push(a);
        players.push(b);
    }
    let askers: Vec<Asker> = [];
    for i in 0..10 {
        let server = spawn Server;
        for j in 0..3 {
            let a = spawn Asker(server: server);
            a.step();
            askers.push(a);
        }
    }
    let sinks: Vec<Sink> = [];
    let sources: Vec<Source> = [];
    for i in 0..5 {
        let sink = spawn Sink;
        sinks.push(sink);
        for j in 0..4 {
            let s = spawn Source(id: j, sink: sink);
            s.step();
            sources.push(s);
        }
    }
    let parents: Vec<Parent> = [];
    for i in 0..6 {
        let p = spawn Parent;
        p.step();
        parents.push(p);
    }
    println("started");
    sleep_ms(RUN_MS);
    for p in players { p.stop(); }
    for a in askers { a.stop(); }
    for s in sources { s.stop(); }
    for p in parents { p.stop(); }
    for p in parents {
        while p.is_alive() && (await p.waits_for()) > 0 { sleep_ms(5); }
    }
    for i in 0..40 {
        let a = players[2 * i];
        let b = players[2 * i + 1];
        if a.is_alive() && b.is_alive() {
            let (x, wrong_x) = await a.get();
            let (y, wrong_y) = await b.get();
            println(f"pair {x} {y} {wrong_x + wrong_y}");
        } else {
            println("lost pair");
        }
    }
    for a in askers {
        if a.is_alive() {
            let (n, wrong) = await a.get();
            println(f"asker {n} {wrong}");
        } else {
            println("lost asker");
        }
    }
    for i in 0..5 {
        for j in 0..4 {
            let source = sources[4 * i + j];
            if source.is_alive() && sinks[i].is_alive() {
                let n = await source.get();
                let (seen, wrong) = await sinks[i].get(j);
                println(f"source {n} {seen} {wrong}");
            } else {
                println("lost source");
            }
        }
    }
    for p in parents {
        if p.is_alive() {
            let (spawned, finished) = await p.get();
            println(f"parent {spawned} {finished}");
        } else {
            println("lost parent");
        }
    }
    println("end");
    exit(0);
}
"""


def _kill_workers(hew: Hew, workers: int, seed: int) -> Result:
    rng = random.Random(seed)
    path = hew.write(PROGRAM.replace("RUN_MS", str(RUN_MS)))
    running = hew.start("run", path, HEW_WORKERS=str(workers))
    running.wait_for_output("started")
    end = time.monotonic() + KILL_SECONDS
    kills = 0
    while time.monotonic() < end:
        victim = rng.choice(running.workers(workers))
        os.kill(victim, signal.SIGKILL)
        running.wait_for_message(f"(pid {victim}) died: killed by signal 9 (SIGKILL)")
        kills += 1
        time.sleep(rng.uniform(*PAUSE_SECONDS))
    assert kills > 3
    return running.finish(within=20)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_nothing_is_lost_but_what_was_in_work(hew: Hew, workers: int) -> None:
    seed = random.randrange(1 << 30)
    result = _kill_workers(hew, workers, seed)
    context = f"seed {seed}\n{result.stdout}\n{result.stderr}"
    assert result.exit_code == 0, context
    lines = result.stdout.splitlines()
    assert lines[-1] == "end", context
    killed = Counter(match[2] for match in LOST.finditer(result.stderr) if match[2])
    lost = Counter(line.removeprefix("lost ") for line in lines if line.startswith("lost "))
    # "while running Player" without a handler: between two messages; that one goes on.
    assert lost["pair"] <= killed["Player"], context
    assert lost["asker"] <= killed["Asker"] + 3 * killed["Server"], context
    assert lost["source"] <= killed["Source"] + 4 * killed["Sink"], context
    assert lost["parent"] <= killed["Parent"], context
    missing_children = 0
    for kind, *words in (line.split() for line in lines if not line.startswith("lost ")):
        numbers = [int(word) for word in words]
        match kind:
            case "pair":
                assert abs(numbers[0] - numbers[1]) <= 1, context
                assert numbers[0] > 100, context
                assert numbers[2] == 0, context
            case "asker":
                assert numbers[0] > 100, context
                assert numbers[1] == 0, context
            case "source":
                assert numbers[0] == numbers[1] > 100, context
                assert numbers[2] == 0, context
            case "parent":
                missing_children += numbers[0] - numbers[1]
    assert 0 <= missing_children <= killed["Child"], context


TICKS = """\
actor Ticker {
    let n: Int;
    receive fn tick() { n += 1; this.tick(); }
    receive fn get() -> Int { n }
}
fn main() {
    let all: Vec<Ticker> = [];
    for _ in 0..8 {
        let t = spawn Ticker;
        t.tick();
        all.push(t);
    }
    println("started");
    sleep_ms(600000);
}
"""


def _has_received_more(before: dict[str, int], now: dict[str, int]) -> bool:
    return now["messages_received"] > before["messages_received"]


def test_a_crash_ends_the_program_with_a_report(hew: Hew) -> None:
    running = hew.start("run", hew.write(TICKS), HEW_WORKERS="2")
    running.wait_for_output("started")
    os.kill(running.workers(2)[0], signal.SIGABRT)
    result = running.finish()
    assert result.exit_code == 139
    assert "killed by signal 6 (SIGABRT), while " in result.stderr
    assert "the program ends (HEW_ON_CRASH=recover goes on)" in result.stderr


def test_a_crash_is_survived_when_that_is_asked_for(hew: Hew) -> None:
    """The region is audited while the others run; it is sound, so the crash costs no more than a kill."""
    running = hew.start("run", hew.write(TICKS), HEW_WORKERS="2", HEW_ON_CRASH="recover", HEW_PPROF="127.0.0.1:0")
    running.wait_for_output("started")
    for crashes in range(1, 4):
        victim = running.workers(2)[crashes % 2]
        os.kill(victim, signal.SIGABRT)
        running.wait_for_message(f"(pid {victim}) died: killed by signal 6 (SIGABRT), while ")
        running.wait_until(partial(_has_received_more, running.metrics()))
    running.send_signal(signal.SIGTERM)
    result = running.finish()
    assert result.exit_code == 143
    assert "damaged" not in result.stderr
    assert result.stderr.count("replaced by pid") == 3
