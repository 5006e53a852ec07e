"""Hostile clients against the profiler of a real program: nothing breaks or leaks, the program does not notice."""

import base64
import contextlib
import http.client
import json
import os
import random
import re
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from hew.profiler.security import _time_limit
from tests.support.hew import Hew, Running, wait_for

TAKES_HALF_A_MINUTE: Final = "/debug/pprof/cpu"  # when no other time is asked for
STEADY: Final = """\
actor Counter {
    let count: Int;
    receive fn tick() { count += 1; }
}
fn main() {
    let counters: Vec<Counter> = [];
    for _ in 0..20 { counters.push(spawn Counter); }
    println("started");
    loop {
        for each in counters { each.tick(); }
        sleep_ms(5);
    }
}
"""
TOKEN: Final = "0123456789abcdef-ü"
MIB: Final = 1024  # KiB
MAY_GROW: Final = 8 * MIB  # private memory of the profiler under attack; Python's own heap breathes
IDLE_CONNECTIONS: Final = 10_000
MOST_DESCRIPTORS: Final = 256 + 64  # the profiler's limit of connections, and what it has besides
METHODS: Final = ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "A" * 200)
OK_OR_REFUSED: Final = frozenset({200, 400, 403, 404, 405, 414, 422, 429, 431})

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Speaks to the profiler of a running program, well or badly."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.host, _, port = running.address.removeprefix("http://").partition(":")
        self.port = int(port)

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """A request as any client sends it."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())

    def connect(self) -> socket.socket:
        """A connection on which nothing has been sent."""
        return socket.create_connection((self.host, self.port), timeout=30)

    def send(self, data: bytes, *, end: bool = True) -> bytes:
        """Whatever comes back for these bytes until the profiler closes; `end`: we send no more after them."""
        received = b""
        with self.connect() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(data)
            if end:
                with contextlib.suppress(OSError):  # the profiler has had enough and is gone
                    connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                received += part
        return received


class Target(Client):
    """A running program with its profiler, attacked and watched."""

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        running.wait_for_output("started")
        running.wait_until(lambda m: m["messages_received"] > 100)
        self.profiler = running.profiler()
        self.workers = running.workers(2)
        self.warm_up()

    def warm_up(self) -> None:
        """Everything that is made on first use has been made, so what grows later is a leak."""
        for path in self.paths():
            for _ in range(20):
                self.ask(path)
        for _ in range(300):
            self.send(b"\x00\x01\r\n\r\n")
            self.ask("/nowhere", method="POST")

    def paths(self) -> list[str]:
        """Every path of the description, and those that it leaves out."""
        described = [path for path in self.running.json("/openapi.json")["paths"] if path != TAKES_HALF_A_MINUTE]
        return [*described, "/", "/docs", "/openapi.json", "/debug/pprof"]

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.profiler}/fd"))

    def private_kib(self) -> int:
        """Private memory of the profiler process."""
        status = Path(f"/proc/{self.profiler}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1])

    @contextlib.contextmanager
    def unharmed(self) -> Iterator[None]:
        """Whatever happens inside: the same processes, no leak, not a word on stderr, and the program goes on."""
        descriptors, memory, said = self.descriptors(), self.private_kib(), self.running.stderr
        before = self.running.metrics()
        yield
        after = self.running.wait_until(lambda m: m["messages_received"] > before["messages_received"] + 100)
        assert after["worker_restarts"] == after["actors_crashed"] == 0
        assert after["actors_live"] == before["actors_live"] == 20
        assert (self.running.profiler(), self.running.workers(2)) == (self.profiler, self.workers)
        wait_for(lambda: self.descriptors() <= descriptors, what=f"{descriptors} descriptors again")
        assert self.private_kib() < memory + MAY_GROW
        assert self.running.stderr == said


def started(hew: Hew) -> Target:
    limit = "ulimit -n 1024"  # the usual one
    return Target(hew.start("run", hew.write(STEADY), HEW_PPROF="127.0.0.1:0", HEW_WORKERS="2", shell_prefix=limit))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One program for all tests: what one attack leaves behind, the next would find."""
    hew = Hew(tmp_path_factory.mktemp("hostility"))
    yield started(hew)
    hew.close()


def statuses(received: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"(?:^|\n|\})HTTP/1\.1 (\d{3}) ", received)]


def check_refused(received: bytes) -> None:
    """No answer at all, or only such as may be given to nonsense."""
    assert b"Traceback" not in received
    assert set(statuses(received)) <= OK_OR_REFUSED, received[:500]


# ---- who may ask


def test_a_token_is_wanted_by_bearer_or_basic_on_every_route(hew: Hew) -> None:
    running = hew.start("run", hew.write(STEADY), HEW_PPROF="127.0.0.1:0", HEW_PPROF_TOKEN=TOKEN)
    client = Client(running)

    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    good = [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(f":{TOKEN}"), basic(f"anybody:{TOKEN}")]
    bad = ["", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Bearer x {TOKEN}", TOKEN,
           basic(TOKEN), basic(f"{TOKEN}:"), basic("a:b"), "Basic", "Basic %%%", "Basic ====", f"Digest {TOKEN}",
           "Bearer \xff", "Basic \xff"]  # fmt: skip
    description = json.loads(client.ask("/openapi.json", Authorization=good[0]).body)
    described = [path for path in description["paths"] if path != TAKES_HALF_A_MINUTE]
    assert client.ask(TAKES_HALF_A_MINUTE).status == 401
    paths = [*described, "/", "/docs", "/openapi.json", "/nowhere"]
    for path in paths:
        if path == "/healthz":
            assert client.ask(path).status == 200
            continue
        for method in ("GET", "HEAD"):
            answer = client.ask(path, method=method)
            assert answer.status == 401, path
            assert answer.headers["www-authenticate"] == 'Basic realm="hew"'
        for header in good:
            assert client.ask(path, Authorization=header).status == (404 if path == "/nowhere" else 200), path
    for header in bad:
        answer = client.ask("/api/metrics", Authorization=header)
        assert answer.status == 401, header
        assert TOKEN.encode() not in answer.body
    assert client.ask("/api/metrics?token=0123456789abcdef-%C3%BC").status == 401
    assert TOKEN not in running.stderr


def test_pages_of_other_hosts_and_sites_get_nothing(target: Target) -> None:
    with target.unharmed():
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@evil.example", "a/b", ""):
            for path in target.paths():
                answer = target.ask(path, Host=host)
                assert answer.status == 403, (host, path)
                assert b"HEW_PPROF_HOSTS" in answer.body
        assert statuses(target.send(b"GET / HTTP/1.0\r\n\r\n")) == [403]
        for host in ("localhost", "127.0.0.1:1", "[::1]"):
            assert target.ask("/api/metrics", Host=host).status == 200
        for path in set(target.paths()) - {"/"}:
            assert target.ask(path, Sec_Fetch_Site="cross-site").status == 403, path


# ---- what every answer has


def test_every_route_has_its_headers_and_refuses_other_methods(target: Target) -> None:
    with target.unharmed():
        for path in [*target.paths(), "/nowhere"]:
            get, head = target.ask(path), target.ask(path, method="HEAD")
            assert head.status == get.status
            assert head.body == b""
            assert head.headers.keys() == get.headers.keys()
            answers = [get, head]
            for method in METHODS:
                if method == "POST" and path == "/debug/pprof/symbol":
                    continue
                answer = target.ask(path, method=method)
                assert (answer.status, answer.headers["allow"][:9]) == (405, "GET, HEAD"), (method, path)
                answers.append(answer)
            for answer in answers:
                assert answer.headers["cache-control"] == "no-store"
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["referrer-policy"] == "no-referrer"
                assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
                assert not answer.headers.keys() & {"server", "access-control-allow-origin", "set-cookie", "location"}


def test_small_answers_are_not_held_back(target: Target) -> None:
    """Without TCP_NODELAY each answer on a kept connection waits 40 ms for an acknowledgement."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=30)
    seconds = []
    for _ in range(61):
        begin = time.monotonic()
        connection.request("GET", "/api/metrics")
        connection.getresponse().read()
        seconds.append(time.monotonic() - begin)
    connection.close()
    assert min(seconds[20:]) < 0.035, "the kernel acknowledges the first ones of a connection at once"


# ---- nonsense

TRAVERSALS: Final = r"""
    /../../../../etc/passwd /..%2f..%2f..%2fetc/passwd /%2e%2e/%2e%2e/%2e%2e/etc/passwd //etc/passwd ///etc/passwd
    /static/../../../etc/passwd /js/main.js /css/page.css /debug/pprof/../../etc/passwd /debug/pprof/%2e%2e/etc/passwd
    /debug/pprof/heap/../../../etc/passwd /api/metrics/..%2f..%2fetc%2fpasswd /..;/..;/etc/passwd /..%5c..%5cetc%5cpw
    /%00 /%00/etc/passwd /etc/passwd%00.html /%c0%ae%c0%ae/etc/passwd /%252e%252e/etc/passwd /.git/config /.env
    /proc/self/environ /api/metrics/ /api/metrics%2f /API/METRICS /api//metrics /api/metrics;a=b /debug/pprof/heap/
    /debug/pprof/%68eap%00 http://evil.example/etc/passwd file:///etc/passwd * /\..\..\etc\passwd
""".split()  # fmt: skip


def test_no_path_leads_anywhere_else(target: Target) -> None:
    with target.unharmed():
        for path in TRAVERSALS:
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            received = target.send(request.encode(), end=False)
            assert statuses(received)[:1] in ([400], [403], [404], [405]), (path, received[:200])
            assert b"root:" not in received


GET: Final = b"GET /api/metrics HTTP/1.1\r\nHost: localhost\r\n"
POST: Final = b"POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\n"
NONSENSE: Final = {
    "nothing": b"",
    "zeros": bytes(100_000),
    "high bytes": b"\xff" * 50_000,
    "blank lines": b"\r\n" * 20_000,
    "newlines only": b"\n" * 20_000,
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a long target": b"GET /" + b"a" * 12_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an endless target": b"GET /" + b"a" * 1_000_000,
    "an endless header": GET + b"X: " + b"a" * 1_000_000,
    "many headers": GET + b"".join(b"X%d: y\r\n" % i for i in range(1500)) + b"\r\n",
    "endless headers": GET + b"".join(b"X%d: %s\r\n" % (i, b"y" * 50) for i in range(20_000)) + b"\r\n",
    "a header without name": GET + b": x\r\n\r\n",
    "a header without colon": GET + b"Nonsense\r\n\r\n",
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "a zero in a header": GET + b"X: a\x00b\r\n\r\n",
    "high bytes in a header": GET + b"X: \xff\xfe\r\nSec-Fetch-Site: \xe4\r\n\r\n",
    "a zero in the path": b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "high bytes in the path": b"GET /\xc3\xa4\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a broken percent": b"GET /%zz%e4%?%=%&%zz=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "a length in letters": POST + b"Content-Length: ten\r\n\r\n",
    "a bad chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a huge chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nabc",
    "an unknown coding": POST + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "a body nobody wants": GET + b"Content-Length: 5\r\n\r\nabcde",
    "a large body": POST + b"Content-Length: 10000000\r\n\r\n" + bytes(10_000_000),
    "half a body": POST + b"Content-Length: 10\r\n\r\nabc",
    "an expectation": POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "an upgrade": GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "an upgrade to h2c": GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
    "many requests at once": (GET + b"\r\n") * 500,
}  # fmt: skip


def test_nonsense_is_refused(target: Target) -> None:
    with target.unharmed():
        for name, data in NONSENSE.items():
            received = target.send(data)
            found = statuses(received)
            assert set(found) <= OK_OR_REFUSED, (name, received[:300])
            assert b"Traceback" not in received, name
        assert statuses(target.send(NONSENSE["an endless header"], end=False)) in ([], [400], [431])
        assert statuses(target.send(NONSENSE["many requests at once"])) == [200] * 500


def test_random_bytes_are_refused(target: Target) -> None:
    chance = random.Random(1)
    pieces = [b"GET ", b"POST ", b"/api/actors", b"/debug/pprof/heap", b"?limit=", b" HTTP/1.1", b"\r\n", b"\r\n\r\n"]
    pieces += [b"Host: localhost", b"Content-Length: ", b"Transfer-Encoding: chunked", b"%", b"\x00", b"\xff"]
    with target.unharmed():
        for _ in range(300):
            parts = (chance.choice([*pieces, chance.randbytes(chance.randrange(20))]) for _ in range(20))
            check_refused(target.send(b"".join(parts)))


VALUES: Final = ("", "0", "-1", "301", "1.5", "1e2", "x", "%00", "%ff", "%D9%A3", "1_", " x", "true", "null", "9" * 20,
                 "9" * 5000, "a" * 5000, "'\"<script>", "%F0%9F%92%A9", "1&seconds=x", "[]")  # fmt: skip


def test_no_value_of_a_parameter_breaks_a_route(target: Target) -> None:
    with target.unharmed():
        for path, methods in target.running.json("/openapi.json")["paths"].items():
            for parameter in methods["get"].get("parameters", []):
                for value in VALUES:
                    query = f"{path}?{parameter['name']}={value}".replace(" ", "+")
                    if path == TAKES_HALF_A_MINUTE and parameter["name"] != "seconds":
                        query += "&seconds=0"  # refused at once
                    answer = target.ask(query)
                    assert answer.status in OK_OR_REFUSED, query[:100]
                    assert b"Traceback" not in answer.body
                    assert "html" not in answer.headers["content-type"]
                    if answer.status >= 400:
                        assert ("x-go-pprof" in answer.headers) == path.startswith("/debug/pprof/"), query[:100]


@pytest.mark.parametrize(
    "query", ["seconds=300", "seconds=1&seconds=300", "seconds=3_0_0", "%73econds=+300", "seconds="]
)
def test_a_profile_has_the_time_that_it_asks_for_however_it_is_written(query: str) -> None:
    """Route and guard read the query by rules of their own; the guard must not be the stricter one."""
    assert _time_limit({"path": "/debug/pprof/heap", "query_string": query.encode()}) > 300
    assert _time_limit({"path": "/api/metrics", "query_string": query.encode()}) == 10


# ---- fuzz from the description


def test_a_fuzz_of_every_described_route_finds_nothing(target: Target, tmp_path: Path) -> None:
    """schemathesis, each answer held to the description. Without what would make it wait, which is tried above."""
    description: dict[str, Any] = target.running.json("/openapi.json")
    del description["paths"][TAKES_HALF_A_MINUTE]
    for methods in description["paths"].values():
        for operation in methods.values():
            kept = [each for each in operation.get("parameters", []) if each["name"] != "seconds"]
            operation["parameters"] = kept
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    # What is too long for any route is refused by its length, before its parameters are looked at.
    statuses = "[checks.negative_data_rejection]\nexpected-statuses = [400, 405, 406, 414, 422, 431]\n"
    (tmp_path / "schemathesis.toml").write_text(statuses)
    tool = Path(sys.executable).parent / "schemathesis"
    command = [str(tool), "run", "openapi.json", "--url", target.running.address, "--checks", "all", "--seed", "1",
               "--max-examples", "15", "--no-shrink", "--continue-on-failure", "--warnings", "off"]  # fmt: skip
    with target.unharmed():
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        assert re.search(r"\b\d{3,} generated", done.stdout), done.stdout[-2000:]
    operations = sum(len(methods) for methods in description["paths"].values())
    assert f"{operations} selected / {operations} total" in done.stdout


# ---- many, slow and silent clients


def test_ten_thousand_idle_connections_do_no_harm(target: Target) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE_CONNECTIONS + 500:
        pytest.skip(f"this process may have {hard} descriptors only: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE_CONNECTIONS + 500, hard))
    try:
        with target.unharmed(), contextlib.ExitStack() as idle:
            for _ in range(2000):  # all at once, more than the kernel keeps
                connection = idle.enter_context(socket.socket())
                connection.setblocking(False)
                connection.connect_ex((target.host, target.port))
            for count in range(2000, IDLE_CONNECTIONS, 100):
                for _ in range(100):
                    idle.enter_context(target.connect())
                assert target.ask("/healthz").status == 200, count
                wait_for(lambda: target.descriptors() <= MOST_DESCRIPTORS, what="descriptors within the limit")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_slow_clients_are_dropped_and_hold_nobody_up(target: Target) -> None:
    with target.unharmed(), contextlib.ExitStack() as slow:
        half = [slow.enter_context(target.connect()) for _ in range(100)]
        for connection in half:
            connection.sendall(GET[: len(GET) // 2])
        dribbling = slow.enter_context(target.connect())
        waiting = select.poll()
        waiting.register(dribbling, select.POLLIN | select.POLLHUP)
        begin = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for number in range(200):
                dribbling.sendall(GET[number % len(GET) :][:1])
                if waiting.poll(250):
                    break
                assert target.ask("/api/metrics").status == 200
        assert time.monotonic() - begin < 25, "a client that sends a byte now and then is served for ever"
        for connection in half:
            connection.settimeout(15)
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1000) == b""


def test_clients_that_do_not_read_are_bounded(target: Target) -> None:
    with target.unharmed(), contextlib.ExitStack() as greedy:
        for _ in range(20):
            connection = greedy.enter_context(target.connect())
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
        assert target.ask("/api/metrics").status == 200


def test_only_four_long_profiles_at_once_and_a_closed_client_frees_its_place(target: Target) -> None:
    path = b"GET /debug/pprof/heap?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with target.unharmed(), contextlib.ExitStack() as held:
        for _ in range(4):
            held.enter_context(target.connect()).sendall(path)
        wait_for(lambda: target.ask("/debug/pprof/heap?seconds=1").status == 429, what="429 for the fifth")
        held.close()
        wait_for(lambda: target.ask("/debug/pprof/heap?seconds=1").status == 200, what="a place again")


def test_thousands_of_requests_leave_no_memory_behind(target: Target) -> None:
    paths = [*target.paths(), "/nowhere", "/api/actors?limit=x", "/debug/pprof/heap?by=x"]

    def round_trip() -> int:
        for number in range(1500):
            target.ask(paths[number % len(paths)])
        return target.private_kib()

    with target.unharmed():
        sizes = [round_trip()]
        while len(sizes) < 5 and sizes[-1] >= min(sizes[:-1], default=0) + 1 * MIB:
            sizes.append(round_trip())
        assert sizes[-1] < min(sizes[:-1]) + 1 * MIB, f"every round has left something: {sizes} KiB"
