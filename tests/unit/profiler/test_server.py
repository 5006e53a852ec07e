"""The limits of the wire, in one process, with the long waits made short."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator

import pytest

from hew.profiler import server as server_module
from hew.profiler.listening import Listener
from hew.profiler.security import Guard, Policy, Receive, Scope, Send
from hew.profiler.server import make_server, serve

POLICY = Policy(token=None, hosts=frozenset(), check_host=True, loopback=True, machine_name="here")
REQUEST = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HUGE = 64 << 20


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    match scope["path"]:
        case "/huge":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * HUGE})
        case "/pieces":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(HUGE >> 16):
                await send({"type": "http.response.body", "body": b"x" * (1 << 16), "more_body": True})
            await send({"type": "http.response.body"})
        case "/fails":
            raise RuntimeError("secret detail")
        case "/cut":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise RuntimeError("secret detail")
        case "/silent":
            return
        case "/waits":
            while (await receive())["type"] != "http.disconnect":
                continue


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(server_module, "WRITE_SECONDS", 1)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    server = make_server(Guard(application, POLICY))
    thread = threading.Thread(target=serve, args=(server, Listener([listening], "here")))
    thread.start()
    yield int(listening.getsockname()[1])
    server.should_exit = True
    thread.join()


def ask(port: int, path: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(REQUEST % path)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_client_that_does_not_read_is_dropped(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(REQUEST % b"/huge")
        assert connection.recv(1) == b"H"
        dropped = select.poll()
        dropped.register(connection, 0)  # errors and hang-ups only
        assert dropped.poll(20_000)


def test_a_client_that_reads_a_little_now_and_then_has_no_more_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(REQUEST % b"/pieces")
        at_its_pace = select.poll()
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(1 << 14):
                received += len(part)
                at_its_pace.poll(10)
        assert 0 < received < HUGE


def test_a_client_that_reads_gets_all_the_pieces(port: int) -> None:
    head, _, body = ask(port, b"/pieces").partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    assert body.count(b"x") == HUGE


def test_when_every_connection_is_busy_a_new_one_is_told_so(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 2)
    busy = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(2)]
    for connection in busy:
        connection.sendall((REQUEST % b"/waits").replace(b"Connection: close\r\n", b"Expect: 100-continue\r\n"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # the request has arrived
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b'{"error":"too many connections"}')
    for connection in busy:
        connection.close()


def test_an_error_is_no_traceback(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    answer = ask(port, b"/fails")
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.endswith(b'{"error":"internal error of the profiler"}')
    assert capfd.readouterr().err == "[hew-pprof] error: '/fails': RuntimeError: secret detail\n"


@pytest.mark.parametrize("path", [b"/cut", b"/silent"])
def test_an_answer_that_is_cut_short_ends_its_connection(port: int, path: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(REQUEST % path)
        received = b""
        while part := connection.recv(65536):
            received += part
        assert b"secret" not in received
