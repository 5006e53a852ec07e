"""uvicorn in its thread, on sockets that were bound before the fork, and the limits of the wire.

A connection has a few seconds to send a request and to take an answer; there are at most MAX_CONNECTIONS, and the
one that has been silent longest makes room for a new one. Imported in the profiler process only.
"""

import asyncio
import logging
import socket
import struct
import sys
from typing import Any, ClassVar, Final

import h11
import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hew.profiler.listening import BACKLOG, Listener
from hew.profiler.models import ErrorBody
from hew.profiler.security import App, Guard, Headers, complete_headers

MAX_CONNECTIONS: Final = 256
MAX_HEAD: Final = 16 * 1024  # bytes of request line and headers
REQUEST_SECONDS: Final = 10  # to send a whole request head
WRITE_SECONDS: Final = 30  # for a client to take an answer
KEEP_ALIVE_SECONDS: Final = 15
SHUTDOWN_SECONDS: Final = 1
MAX_LOG_LINES: Final = 20
DROP_UNSENT: Final = struct.pack("ii", 1, 0)  # of SO_LINGER: reset instead of an orderly end


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol with deadlines for the client and errors in our shape."""

    _silent: ClassVar["dict[BoundedProtocol, None]"] = {}  # wait for a request, longest first; one server per process

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._full = False  # more is written than the client has taken

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; when there are too many, another must go."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that a client that does not read is always noticed
        if len(self.connections) > MAX_CONNECTIONS and not self._make_room():
            self._send_error(503, "too many connections")
            return
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives its connection."""
        self.stop_waiting()
        self.resume_writing()
        self._end_write_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """A whole request head ends the wait for it."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and self.conn.their_state is not h11.IDLE:
            self.stop_waiting()

    def on_response_complete(self) -> None:
        """The wait for the next request begins, also while a body that nobody wants still comes."""
        if not self._full:
            self._end_write_timer()
        if not self.transport.is_closing():
            self._await_request()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """In our shape."""
        self._send_error(400, "this is no HTTP request, or its head is over 16 KiB")

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: from here on it has a while for the rest of the answer."""
        super().pause_writing()  # type: ignore[no-untyped-call, unused-ignore]
        self._full = True
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self.drop)

    def resume_writing(self) -> None:
        """The client has read all there was; of an answer in pieces, more is to come in the same time."""
        super().resume_writing()  # type: ignore[no-untyped-call, unused-ignore]
        self._full = False
        if self.cycle is None or self.cycle.response_complete:
            self._end_write_timer()

    def drop(self) -> None:
        """End the connection at once; what the client did not read does not stay in the kernel either."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, DROP_UNSENT)
        self.transport.abort()

    def _end_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _make_room(self) -> bool:
        """Drop the connection that has been silent longest."""
        for silent in self._silent:
            silent.stop_waiting()
            silent.drop()
            return True
        return False

    def _await_request(self) -> None:
        self.stop_waiting()
        self._silent[self] = None
        self._request_timer = self.loop.call_later(REQUEST_SECONDS, self.drop)

    def stop_waiting(self) -> None:
        """No request is awaited any more."""
        self._silent.pop(self, None)
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _send_error(self, status: int, text: str) -> None:
        """Without the application: the request could not be read, or there is no room for one."""
        body = msgspec.json.encode(ErrorBody(text))
        headers: Headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % header for header in complete_headers(headers))
        self.transport.write(b"HTTP/1.1 %d Refused\r\n%s\r\n%s" % (status, lines, body))
        self.transport.close()


class _OneLine(logging.Handler):
    """Errors of uvicorn and asyncio as one line each, no traceback, and no flood."""

    _left = MAX_LOG_LINES

    def emit(self, record: logging.LogRecord) -> None:
        if self._left > 0:
            self._left -= 1
            reason = record.exc_info[1] if record.exc_info else None
            text = record.getMessage().splitlines()[0] if record.getMessage() else ""
            sys.stderr.write(f"[hew-pprof] error: {text}{f': {reason}' if reason else ''}\n")


def quiet_logs() -> None:
    """The program's stderr is the program's: only errors, each in a line."""
    handler = _OneLine(logging.ERROR)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.ERROR)


def make_server(app: Guard | App) -> uvicorn.Server:
    """A server that is ready to run on the listener's sockets: no signals, no access log, no lifespan."""
    quiet_logs()
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=MAX_HEAD,
    )
    return uvicorn.Server(config)


def serve(server: uvicorn.Server, listener: Listener) -> None:
    """Runs on the thread hew-pprof-server until `server.should_exit`."""
    asyncio.run(server.serve(sockets=listener.sockets))
