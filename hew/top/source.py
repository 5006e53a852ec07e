"""Where the figures come from: one reading of a program, and the API of its profiler as the source of readings."""

import http.client
import json
import socket
import ssl
import urllib.parse
from typing import Any, Final, Protocol, TypeVar

import msgspec

from hew.errors import UsageError
from hew.profiler.models import ActorRow, Finding, HandlerRow, Memory, Metrics

SECONDS: Final = 5.0  # that an answer may take
SORTS: Final = ("msgs", "time_ns", "mbox_depth", "mbox_hwm", "bytes_live", "id")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MAX_BODY: Final = 512 * 1024 * 1024

T = TypeVar("T")


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A program at one instant; with its fields and the API's, what `--json` prints."""

    program: str | None  # base name of the source; None where the API does not say
    pid: int | None
    address: str | None  # of its profiler, when that was asked
    metrics: Metrics
    memory: Memory
    actors: list[ActorRow]
    actors_total: int  # before the cut
    handlers: list[HandlerRow]  # most messages first
    handlers_total: int
    findings: list[Finding]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which actors, in which order. `limit`: also of handlers."""

    sort: str = "msgs"
    descending: bool = True
    limit: int | None = None


class NoAnswer(UsageError):
    """The program has ended, or its profiler cannot be reached."""


class Source(Protocol):
    """A program that can be read again and again, from one thread at a time."""

    name: str

    def read(self, query: Query) -> Reading:
        """Its figures now. NoAnswer when it has none."""
        ...


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Where the address says."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """The profiler at an address: `unix:PATH`, a URL, HOST:PORT or :PORT."""

    def __init__(self, address: str, *, token: str | None = None, pid: int | None = None) -> None:
        self.name = address
        self._pid = pid
        self._prefix, self._connection = _connection(address)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def read(self, query: Query) -> Reading:
        """Five requests on one connection."""
        metrics, _ = self._get("/api/metrics", Metrics)
        memory, _ = self._get("/api/memory", Memory)
        order = "desc" if query.descending else "asc"
        limit = "" if query.limit is None else f"&limit={query.limit}"
        actors, headers = self._get(f"/api/actors?sort={query.sort}&order={order}{limit}", list[ActorRow])
        handlers, found = self._get("/api/handlers", list[HandlerRow])
        findings, _ = self._get("/api/findings", list[Finding])
        return Reading(
            program=None,
            pid=self._pid,
            address=self.name,
            metrics=metrics,
            memory=memory,
            actors=actors,
            actors_total=int(headers.get("X-Total-Count", len(actors))),
            handlers=handlers[: query.limit],
            handlers_total=int(found.get("X-Total-Count", len(handlers))),
            findings=findings,
        )

    def _get(self, path: str, shape: type[T]) -> tuple[T, http.client.HTTPMessage]:
        try:
            status, headers, body = self._ask(path)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NoAnswer(f"no answer from {self.name}: {reason or type(error).__name__}") from error
        if status != 200:
            raise NoAnswer(f"{self.name} refuses {path}: {status}, {_reason(body)}")
        try:
            return msgspec.json.decode(body, type=shape), headers
        except msgspec.DecodeError as error:
            raise NoAnswer(f"{self.name} is no profiler of this hew: {path}: {error}") from error

    def _ask(self, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        try:
            return self._ask_once(path)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connection.close()  # it was kept open for too long: once more, on a new one
            return self._ask_once(path)

    def _ask_once(self, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        self._connection.request("GET", self._prefix + path, headers=self._headers)
        response = self._connection.getresponse()
        return response.status, response.headers, response.read(MAX_BODY)


def _reason(body: bytes) -> str:
    try:
        answer: Any = json.loads(body)
        return str(answer["error"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def _connection(address: str) -> tuple[str, http.client.HTTPConnection]:
    """The prefix of every path, and a connection that is not open yet."""
    if address.startswith("unix:"):
        return "", _UnixConnection(address.removeprefix("unix:"))
    url = urllib.parse.urlsplit(address if "://" in address else f"http://{_with_host(address)}")
    try:
        port = url.port or DEFAULT_PORTS[url.scheme]
    except (KeyError, ValueError):
        port = 0
    if not url.hostname or not port:
        raise UsageError(f"top: cannot read '{address}' as a process id or an address (unix:PATH, a URL, HOST:PORT)")
    if url.scheme == "https":
        secure = http.client.HTTPSConnection(url.hostname, port, timeout=SECONDS, context=ssl.create_default_context())
        return url.path.rstrip("/"), secure
    return url.path.rstrip("/"), http.client.HTTPConnection(url.hostname, port, timeout=SECONDS)


def _with_host(address: str) -> str:
    return f"127.0.0.1{address}" if address.startswith(":") else address
