"""Hosts, tokens, methods, headers, hostile clients."""

import base64
import contextlib
import json
import socket
import time
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.profiler.conftest import Answer, Profiled, Starter

TOKEN = "0123456789abcdef-ü"
EVERY_PATH = ["/", "/api/metrics", "/api/actors", "/debug/pprof/heap", "/metrics", "/openapi.json", "/nowhere"]


def check_common(answer: Answer) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers
    assert "Traceback" not in answer.text or answer.status == 200


@pytest.mark.parametrize("path", [path for path in EVERY_PATH if path != "/debug/pprof/heap"])
def test_every_answer_has_the_headers(served: Profiled, path: str) -> None:
    for method in ("GET", "POST"):
        check_common(served.get(path, method=method))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "NONSENSE"])
def test_only_get_and_head(served: Profiled, method: str) -> None:
    answer = served.get("/api/metrics", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json() == {
        "error": "method not allowed", "parameter": "method", "value": method, "allowed": ["GET", "HEAD"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:80", "LOCALHOST", "localhost.:80", "localhost:"]
)
def test_these_hosts_are_accepted(served: Profiled, host: str) -> None:
    assert served.get("/api/metrics", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "1.2.3",
        "",
        "intranet",
        "[::1",
        "localhost:x",
        "127.0.0.1@x",
        "::1",
        "1:2:3",
    ],
)
def test_other_hosts_are_refused_with_the_variable_named(served: Profiled, host: str) -> None:
    answer = served.get("/api/metrics", host=host)
    assert answer.status == 403
    assert "HEW_PPROF_HOSTS" in answer.json()["error"]
    check_common(answer)


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"http://127.0.0.1:6060/api/metrics?x=1", b"127.0.0.1:6060", 200),
        (b"HTTP://localhost/%61pi/metrics", b"127.0.0.1", 200),
        (b"http://127.0.0.1", b"127.0.0.1", 200),
        (b"http://evil.example/api/metrics", b"127.0.0.1", 403),
        (b"http://127.0.0.1/api/metrics", b"evil.example", 403),
        (b"http:///api/metrics", b"127.0.0.1", 403),
        (b"https://127.0.0.1/api/metrics", b"127.0.0.1", 404),
        (b"*", b"127.0.0.1", 404),
    ],
)
def test_a_target_as_written_to_a_proxy_is_understood(
    served: Profiled, target: bytes, host: bytes, status: int
) -> None:
    answer = served.raw(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (target, host))
    assert answer.startswith(b"HTTP/1.1 %d " % status)


def test_a_target_as_for_a_proxy_goes_round_no_token(start: Starter) -> None:
    profiled = start(HEW_PPROF_TOKEN=TOKEN)
    for path, status in ((b"/api/metrics", 401), (b"/healthz", 200), (b"/healthz/../api/metrics", 401)):
        answer = profiled.raw(b"GET http://127.0.0.1%s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" % path)
        assert answer.startswith(b"HTTP/1.1 %d " % status)


def test_another_version_of_the_protocol_is_not_spoken(served: Profiled) -> None:
    answer = served.raw(b"GET /api/metrics HTTP/2.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert served.raw(b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_what_an_error_repeats_is_short(served: Profiled) -> None:
    assert len(served.get("/", host="e" * 3000).body) < 700
    assert len(served.get("/", method="A" * 3000).body) < 500


@pytest.mark.parametrize(
    "number", ["1e3", "+1", "%201", "1_0", "1.0", "%D9%A1", "0x1", "", "%00", "9" * 5000, "9" * 18]
)
@pytest.mark.parametrize("query", ["api/actors?limit", "api/metrics/history?since", "debug/pprof/heap?seconds"])
def test_a_number_is_decimal_digits_and_nothing_else(served: Profiled, query: str, number: str) -> None:
    answer = served.get(f"/{query}={number}")
    assert answer.status == 422
    assert query.rpartition("?")[2] in answer.text


def test_hosts_can_be_added(start: Starter) -> None:
    profiled = start(HEW_PPROF_HOSTS="hew.example")
    assert profiled.get("/api/metrics", host="Hew.Example:8080").status == 200
    assert profiled.get("/api/metrics", host="intranet").status == 403


def test_beyond_loopback_the_machines_name_and_plain_names_are_accepted(start: Starter) -> None:
    profiled = start(HEW_PPROF="0.0.0.0:0")
    for host in ("intranet", socket.gethostname()):
        assert profiled.get("/api/metrics", host=host).status == 200
    assert profiled.get("/api/metrics", host="evil.example").status == 403


def test_requests_from_other_sites_are_refused_but_for_the_page(served: Profiled) -> None:
    assert served.get("/api/metrics", Sec_Fetch_Site="cross-site").status == 403
    assert served.get("/", Sec_Fetch_Site="cross-site").status == 200
    assert served.get("/api/metrics", Sec_Fetch_Site="same-origin").status == 200


def test_with_a_token_every_route_but_healthz_wants_it(start: Starter) -> None:
    profiled = start(HEW_PPROF_TOKEN=TOKEN)
    for path in EVERY_PATH:
        answer = profiled.get(path)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="hew"')
        check_common(answer)
    assert profiled.get("/healthz").status == 200
    basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    bearer = f"Bearer {TOKEN}".encode().decode("latin-1")
    for good in (bearer, f"Basic {basic}"):
        assert profiled.get("/api/metrics", Authorization=good).status == 200
    for bad in (bearer + "x", bearer[:-1], "Bearer", "Basic !!", "Basic eA==", "Digest x"):
        assert profiled.get("/api/metrics", Authorization=bad).status == 401
    assert profiled.get(f"/api/metrics?token={TOKEN[:16]}").status == 401


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
        b"GET /" + b"a" * 20_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    ],
)
def test_what_is_no_request_gets_a_400_in_our_shape(served: Profiled, data: bytes) -> None:
    head, _, body = served.raw(data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-content-type-options: nosniff" in head
    assert "error" in json.loads(body)
    assert served.get("/api/metrics").status == 200


def test_a_head_that_is_too_long_is_refused(served: Profiled) -> None:
    assert served.get("/" + "a" * 9000).status == 414
    assert served.get("/api/actors?type=" + "a" * 9000).status == 414
    assert served.get("/", X_Long="a" * 17_000).status in (400, 431)
    assert served.get("/", **{f"X-{number}": "y" for number in range(120)}).status == 431


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/static/../page.html", "/%2e%2e/%2e%2e/etc/passwd", "//etc"])
def test_no_path_leads_to_a_file(served: Profiled, path: str) -> None:
    assert served.get(path).status == 404


def test_a_request_body_is_not_waited_for(served: Profiled) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_silent_connections_make_room_for_new_ones(served: Profiled) -> None:
    silent = [served.connect() for _ in range(600)]
    assert served.get("/api/metrics").status == 200
    silent[0].settimeout(10)
    with contextlib.suppress(ConnectionResetError):
        assert silent[0].recv(1) == b""
    for connection in silent:
        connection.close()
    assert served.get("/api/metrics").status == 200


def test_pipelined_requests_are_answered_in_order(served: Profiled) -> None:
    first = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/memory HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    received = served.raw(first + last)
    statuses = [received.index(status) for status in (b"running", b"heap_limit", b"HTTP/1.1 404 ")]
    assert statuses == sorted(statuses)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.binary(max_size=60), query=st.binary(max_size=60), rest=st.binary(max_size=60))
def test_whatever_is_sent_the_answer_is_no_server_error(
    served: Profiled, path: bytes, query: bytes, rest: bytes
) -> None:
    head = b"GET /" + path + b"?" + query + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + rest
    with served.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            answer = connection.recv(65536)
            assert answer == b"" or answer[:10] in (b"HTTP/1.1 2", b"HTTP/1.1 4"), answer


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/api/actors", "/api/metrics/history", "/debug/pprof/heap", "/debug/pprof/profile"]),
    name=st.sampled_from(["sort", "order", "limit", "type", "state", "all", "since", "debug", "by", "types", "x"]),
    value=st.text(max_size=20),
)
def test_whatever_a_parameter_is_the_answer_is_200_or_422(served: Profiled, path: str, name: str, value: str) -> None:
    answer = served.get(f"{path}?{name}={quote(value, errors='replace')}")
    assert answer.status in (200, 422)
    assert "Traceback" not in answer.body.decode("latin-1")


def test_a_slow_request_is_ended(served: Profiled) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0")
        began = time.monotonic()
        try:
            ended = connection.recv(1) == b""
        except ConnectionResetError:
            ended = True
        assert ended
        assert 5 < time.monotonic() - began < 20


def test_a_unix_socket_needs_no_host_name(start: Starter) -> None:
    path = start.directory / "hew.sock"
    start(HEW_PPROF=f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: anything.example\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
