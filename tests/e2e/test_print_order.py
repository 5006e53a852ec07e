"""What is printed before something that others see, a reply or an end, stands before what they print then."""

from typing import Final

import pytest

from tests.support.hew import Hew

REPLIES: Final = """
actor Server {
    let n: Int;
    receive fn next() -> Int { n += 1; println(f"{n} asked"); n }
}
actor Client {
    let server: Server;
    receive fn ask(times: Int) {
        for _ in 0..times {
            let n = await server.next();
            println(f"{n} told");
        }
    }
}
fn main() {
    let server = spawn Server;
    let clients: Vec<Client> = [];
    for _ in 0..20 { clients.push(spawn Client(server: server)); }
    for client in clients { client.ask(500); }
    for client in clients { await close(client); }
}
"""
ENDS: Final = """
actor Job { }
actor Closer {
    receive fn end(job: Job, n: Int) { println(f"{n} asked"); close(job); }
}
actor Watcher {
    receive fn watch(job: Job, n: Int) { await job; println(f"{n} told"); }
}
fn main() {
    let closer = spawn Closer;
    let watchers: Vec<Watcher> = [];
    for _ in 0..20 { watchers.push(spawn Watcher); }
    for n in 0..5000 {
        let job = spawn Job;
        watchers[n % 20].watch(job, n);
        closer.end(job, n);
    }
    await close(closer);
    for watcher in watchers { await close(watcher); }
}
"""


@pytest.mark.parametrize("program", [REPLIES, ENDS], ids=["replies", "ends"])
def test_what_was_printed_before_is_seen_before(hew: Hew, program: str) -> None:
    result = hew("run", hew.write(program), HEW_WORKERS="4")
    assert (result.exit_code, result.stderr) == (0, "")
    asked: set[str] = set()
    early = []
    for line in result.stdout.splitlines():
        number, what = line.split()
        if what == "asked":
            asked.add(number)
        elif number not in asked:
            early.append(number)
    assert len(asked) in (5000, 10000)
    assert early == []
