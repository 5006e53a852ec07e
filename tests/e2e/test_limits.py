"""Out of memory, stack and places: the one actor traps, the rest goes on, main prints; nothing ever hangs."""

import pytest

from tests.support.hew import Hew

HEAP = "16M"  # the least that may be asked for
SECONDS = 30.0
CALLERS = 16  # lines below a trap, at most

REST = """\
actor Other {
    let n: Int;
    receive fn tick() { n += 1; }
    receive fn get() -> Int { n }
}
"""

VEC = """\
actor Hoarder {
    let all: Vec<Int>;
    receive fn fill() { loop { all.push(1); } }
}
"""
STRINGS = """\
actor Hoarder {
    let all: Vec<String>;
    receive fn fill() { loop { all.push(f"a text of some length {all.len()}"); } }
}
"""
ONE_STRING = """\
actor Hoarder {
    let all: String = "x";
    receive fn fill() { loop { all = f"{all}{all}"; } }
}
"""
MESSAGES = """\
actor Sink {
    receive fn put(s: String) { sleep_ms(1000); }
}
actor Hoarder {
    receive fn fill() {
        let sink = spawn Sink;
        loop { sink.put("a text that is moved along, long enough to be a block of its own"); }
    }
}
"""
FLAT_MESSAGES = """\
actor Sink {
    receive fn put(n: Int) { sleep_ms(1000); }
}
actor Hoarder {
    receive fn fill() {
        let sink = spawn Sink;
        loop { sink.put(1); }
    }
}
"""
SPAWNS = """\
actor Leaf { let a: Int; }
actor Hoarder {
    receive fn fill() { loop { let leaf = spawn Leaf; } }
}
"""
MAIN = """\
fn main() {
    let h = spawn Hoarder;
    let other = spawn Other;
    h.fill();
    for _ in 0..1000 { other.tick(); }
    match await h {
        Crashed(why) => println(why),
        _ => println("ended otherwise"),
    }
    for _ in 0..1000 { other.tick(); }
    println(await other.get());
    exit(0);
}
"""


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    "hoarder",
    [VEC, STRINGS, ONE_STRING, MESSAGES, FLAT_MESSAGES, SPAWNS],
    ids=["vec", "strings", "one-string", "messages", "flat-messages", "spawns"],
)
def test_who_fills_the_memory_crashes_and_the_rest_goes_on(hew: Hew, hoarder: str, workers: str) -> None:
    path = hew.write(REST + hoarder + MAIN)
    result = hew("run", path, within=SECONDS, HEW_HEAP_MAX=HEAP, HEW_WORKERS=workers)
    assert result.stdout == "out of memory\n2000\n", result.stderr
    assert "[hew] Hoarder#1 crashed in fill at program.hew:" in result.stderr
    assert result.stderr.endswith(": out of memory\n")
    assert result.exit_code == 0


def test_main_itself_runs_out_of_memory(hew: Hew) -> None:
    path = hew.write("fn main() {\n    let all: Vec<Int> = [];\n    loop { all.push(1); }\n}\n")
    result = hew("run", path, within=SECONDS, HEW_HEAP_MAX=HEAP)
    assert result.exit_code == 1
    assert result.stderr.startswith("[hew] main trapped at program.hew:")
    assert result.stderr.endswith(": out of memory\n")


ASKS = """\
actor Hoarder {
    let all: Vec<String>;
    receive fn fill() -> Int { loop { all.push(f"a text of some length {all.len()}"); } 0 }
    receive fn get(n: Int) -> Int { n }
}
actor Asker {
    receive fn ask(h: Hoarder, n: Int) { println(await h.get(n)); }
}
fn main() {
    let h = spawn Hoarder;
    let askers: Vec<Asker> = [];
    for _ in 0..500 { askers.push(spawn Asker); }
    let filled = h.fill();
    for i in 0..500 { askers[i].ask(h, i); }
    var crashed = 0;
    for a in askers {
        match await a {
            Crashed(_) => { crashed += 1; },
            _ => {},
        }
    }
    println(crashed);
}
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_each_ask_fails_when_the_asked_one_runs_out_of_memory(hew: Hew, workers: str) -> None:
    result = hew("run", hew.write(ASKS), within=SECONDS, HEW_HEAP_MAX=HEAP, HEW_WORKERS=workers)
    assert result.stdout == "500\n"
    assert result.stderr.count("Hoarder#1 ended before it replied to get") == 500
    assert result.exit_code == 0


REPLIES_AT_THE_LIMIT = """\
actor Leaf { let a: Int; }
actor Hoarder {
    receive fn fill() { loop { let leaf = spawn Leaf; } }
}
actor Other {
    receive fn get(n: Int) -> Int { sleep_ms(100); n }
}
fn main() {
    let runs: Vec<Future<Int>> = [];
    for i in 0..1000 {
        let other = spawn Other;
        runs.push(other.get(i));
    }
    let h = spawn Hoarder;
    h.fill();
    var sum = 0;
    for run in runs { sum += await run; }
    match await h {
        Crashed(why) => println(why),
        _ => println("ended otherwise"),
    }
    println(sum);
    exit(0);
}
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_reply_that_is_owed_arrives_however_full_the_memory_is(hew: Hew, workers: str) -> None:
    """A thousand of them are asleep when the memory is filled for good; all of them reply."""
    path = hew.write(REPLIES_AT_THE_LIMIT)
    result = hew("run", path, within=SECONDS, HEW_HEAP_MAX=HEAP, HEW_WORKERS=workers)
    assert result.stdout == "out of memory\n499500\n", result.stderr
    assert result.exit_code == 0


def test_a_reply_too_large_for_the_memory_fails_the_ask(hew: Hew) -> None:
    text = """\
actor Big {
    receive fn make(n: Int) -> Vec<Int> { Vec.filled(n, 0) }
}
fn main() {
    let b = spawn Big;
    println((await b.make(100)).len());
    println((await b.make(100000000)).len());
}
"""
    result = hew("run", hew.write(text), within=SECONDS, HEW_HEAP_MAX=HEAP)
    assert result.stdout == "100\n"
    assert ": out of memory\n" in result.stderr
    assert ": Big#1 ended before it replied to make\n" in result.stderr
    assert result.exit_code == 1


DEEP = """\
fn down(n: Int) -> Int { if n == 0 { 0 } else { 1 + down(n - 1) * 3 % 7 } }
actor Deep {
    receive fn dive(n: Int) -> Int { down(n) }
}
fn main() {
    let a = spawn Deep;
    println(await a.dive(100));
    let b = spawn Deep;
    let dive = b.dive(1000000000);
    match await b {
        Crashed(why) => println(why),
        _ => println("ended otherwise"),
    }
    println(await a.dive(100));
}
"""


@pytest.mark.parametrize("stack", ["64K", "1M", "8M"])
def test_a_stack_overflow_is_a_trap_of_its_actor(hew: Hew, stack: str) -> None:
    result = hew("run", hew.write(DEEP), within=SECONDS, HEW_STACK=stack)
    lines = result.stdout.splitlines()
    assert lines == [lines[0], "stack overflow", lines[0]], result.stderr
    trapped, *callers = result.stderr.splitlines()
    assert trapped == "[hew] Deep#2 crashed in dive at program.hew:3:16: stack overflow"
    assert len(callers) == CALLERS
    assert callers[-1].startswith("[hew]   called from Deep.dive at program.hew:")
    assert result.exit_code == 0


def test_a_stack_overflow_of_main_ends_the_program(hew: Hew) -> None:
    text = "fn down(n: Int) -> Int { n + down(n + 1) * 3 }\nfn main() {\n    println(down(1));\n}\n"
    result = hew("run", hew.write(text), within=SECONDS, HEW_STACK="64K")
    trapped, *callers = result.stderr.splitlines()
    assert trapped == "[hew] main trapped at program.hew:2:4: stack overflow"
    assert len(callers) == CALLERS
    assert callers[-1] == "[hew]   called from main at program.hew:3:13"
    assert result.exit_code == 1


# The place where memory runs out is marked.
WANTS_MEMORY = {
    "cloned": "let v = Vec::filled(1000000, 7); let w = @v.clone(); println(w.len() + v.len());",
    "added": 'var s = "0123456789"; loop { s = @s + s; }',
    "appended": 'var s = "0123456789"; loop { @s += s; }',
    "written": 'var s = "0123456789"; loop { s = @f"{s}, {s}"; }',
    "pushed": "let v = [0]; loop { @v.push(1); }",
    "joined": 'let v = ["0123456789"]; loop { v.push(@v.join(",")); }',
}


@pytest.mark.parametrize("how", WANTS_MEMORY)
def test_who_wants_too_much_memory_is_told_where(hew: Hew, how: str) -> None:
    actor = f"actor Greedy {{ receive fn want() {{ {WANTS_MEMORY[how]} }} }}\n"
    main = "fn main() { let a = spawn Greedy; a.want(); println(await a); }\n"
    result = hew("run", hew.write(actor.replace("@", "") + main), within=SECONDS, HEW_HEAP_MAX="16M")
    assert result.stdout == 'Crashed("out of memory")\n', result.stderr
    place = f"program.hew:1:{actor.index('@') + 1}"
    assert result.stderr == f"[hew] Greedy#1 crashed in want at {place}: out of memory\n"


# What is in a handler's hands when it traps: its message, locals, what its callers hold, arguments half read.
TRAPS = """\
type Order { name: String; items: Vec<Int>; }
actor Unlucky {
    receive fn go(text: String, v: Vec<Int>, o: Order, why: Option<String>) {
        let mine = v.clone();
        println(mine[20]);
    }
    receive fn ask(text: String, v: Vec<Int>) -> Vec<Int> { let mine = v.clone(); println(mine[20]); mine }
    receive fn deep(v: Vec<Int>, n: Int) { self_call(v, f"{n}", n); }
    fn self_call(v: Vec<Int>, s: String, n: Int) {
        let t = s + "x";
        if n > 0 { self_call(v, t, n - 1); } else { panic(t); }
    }
    receive fn moved(v: Vec<Int>, s: String) { let w = [v, v]; let p = (s, w); println(w[20]); println(p); }
    receive fn arguments() { var all = [args()]; loop { all.push(args()); } }
}
fn main() {
    for i in 0..ROUNDS {
        let a = spawn Unlucky;
        let v = Vec::filled(10, i);
        match i % 5 {
            0 => { a.go(f"text {i}", v, Order { name: f"o{i}", items: [i, 2] }, Some(f"{i}")); }
            1 => { let f = a.ask(f"text {i}", v); }
            2 => { a.deep(v, 5); }
            3 => { a.moved(v, f"m{i}"); }
            _ => { if i < 50 { a.arguments(); } else { a.deep(v, 6); } }
        }
        a.go("too late", v, Order { name: f"o{i}", items: [i, 2] }, None);
        match await a { Crashed(why) => {} _ => println("ended otherwise"), }
    }
}
"""


def test_who_traps_leaves_no_memory_behind(hew: Hew) -> None:
    left = []
    for rounds in (0, 3000):
        path = hew.write(TRAPS.replace("ROUNDS", str(rounds)))
        words = ["x" * 100_000] * 20
        result = hew("run", path, *words, within=SECONDS, HEW_HEAP_MAX="16M", HEW_PROF_OUTPUT="flat")
        assert (result.exit_code, result.stdout) == (0, ""), result.stderr[-2000:]
        assert result.stderr.count(" crashed in ") == rounds
        left.append(next(line for line in (hew.folder / "hew-profile.txt").read_text().splitlines() if "live" in line))
    assert left[0].partition(" live")[0] == left[1].partition(" live")[0]


def test_a_record_of_hundreds_of_fields_is_compiled_in_time(hew: Hew) -> None:
    """A function that calls itself with one took LLVM more than a minute."""
    fields, count = "".join(f"f{i}: Int; " for i in range(300)), 300
    text = f"""\
type Wide {{ {fields} }}
fn make(k: Int) -> Wide {{ Wide {{ {", ".join(f"f{i}: k + {i}" for i in range(count))} }} }}
fn deep(k: Int) -> Int {{
    var wide = make(k);
    wide.f3 = if k > 9 {{ 0 }} else {{ deep(k + 1) }};
    let both = [wide, wide];
    both[0].f3 + wide.f{count - 1}
}}
fn main() {{ println(deep(0)); }}
"""
    result = hew("run", hew.write(text), within=SECONDS)
    assert (result.exit_code, result.stdout) == (0, f"{sum(range(11)) + 11 * (count - 1)}\n"), result.stderr


# A record of 512 bytes, of which each `contains` takes a copy: 200 of them are a frame of 100 KiB.
LARGE_FRAME = """\
type Small {{ a: Int; b: Int; c: Int; d: Int; e: Int; f: Int; g: Int; h: Int; }}
type Large {{ a: Small; b: Small; c: Small; d: Small; e: Small; f: Small; g: Small; h: Small; }}
fn small(k: Int) -> Small {{ Small {{ a: k, b: k, c: k, d: k, e: k, f: k, g: k, h: k }} }}
fn large(k: Int) -> Large {{
    let s = small(k);
    Large {{ a: s, b: s, c: s, d: s, e: s, f: s, g: s, h: s }}
}}
fn frame(k: Int) -> Int {{
    let b = large(k);
    let none: Vec<Large> = [];
    var found = k;
    {copies}
    {rest}
}}
""".format
COPIES = "if none.contains(b) { found += 1; } " * 200


@pytest.mark.parametrize("stack", ["448K", "480K", "512K", "544K", "576K"])
def test_a_frame_larger_than_the_reserve_cannot_step_over_it(hew: Hew, stack: str) -> None:
    text = LARGE_FRAME(copies=COPIES, rest="frame(k + 1) + b.h.h + found") + (
        "actor Deep {\n    receive fn dive() -> Int { frame(0) }\n}\n"
        "fn main() {\n    let a = spawn Deep;\n    let dive = a.dive();\n    println(await a);\n}\n"
    )
    result = hew("run", hew.write(text), within=SECONDS, HEW_STACK=stack)
    assert (result.exit_code, result.stdout) == (0, 'Crashed("stack overflow")\n'), result.stderr


def test_wherever_the_stack_ends_in_the_core_or_in_a_large_frame_after_it_is_the_actors_trap(hew: Hew) -> None:
    """At the bottom of `down` the core writes a text, which may open the reserve; then comes a frame larger than it."""
    text = (
        LARGE_FRAME(copies=COPIES, rest="b.h.h + found")
        + """\
fn down(n: Int, x: Float) -> Int {
    if n == 0 {
        let written = f"{x}";
        written.len() + frame(written.len())
    } else {
        1 + down(n - 1, x) * 3 % 7
    }
}
actor Deep {
    receive fn dive(n: Int) -> Int { down(n, 2.5e-7) }
}
fn main() {
    var crashed = 0;
    for n in 1000..3000 {
        let a = spawn Deep;
        let dive = a.dive(n);
        match await a {
            Crashed(why) => { if why == "stack overflow" { crashed += 1; } }
            _ => {}
        }
    }
    println(crashed);
}
"""
    )
    result = hew("run", hew.write(text), within=SECONDS, HEW_STACK="64K")
    assert (result.exit_code, result.stdout) == (0, "2000\n"), result.stderr[-2000:]


@pytest.mark.alone
def test_a_full_mailbox_is_the_senders_trap(hew: Hew) -> None:
    text = """\
actor Sink {
    receive fn put(n: Int) { sleep_ms(20000); }
}
actor Source {
    receive fn fill(s: Sink) { loop { s.put(1); } }
}
fn main() {
    let sink = spawn Sink;
    let source = spawn Source;
    source.fill(sink);
    match await source {
        Crashed(why) => println(why),
        _ => println("ended otherwise"),
    }
    exit(0);
}
"""
    result = hew("run", hew.write(text), within=SECONDS, HEW_HEAP_MAX="1G")
    assert result.stdout == "mailbox of Sink#1 is full (16777215 messages)\n", result.stderr
    assert result.exit_code == 0
