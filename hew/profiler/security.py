"""Everything between the wire and the routes: methods, Host, token, headers, time; an ASGI layer around the app.

Every answer passes here, the refusals too, so each has its headers and no answer is ever a traceback.
Runs on the server's thread.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import msgspec

from hew.profiler.models import ErrorBody

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

REQUEST_SECONDS: Final = 10  # to answer a request, beyond the seconds that it asks for itself
MAX_PROFILE_SECONDS: Final = 300
MAX_TARGET: Final = 8 * 1024  # bytes of path and query
MAX_HEADERS: Final = 16 * 1024  # bytes
MAX_HEADER_COUNT: Final = 100
MAX_ECHO: Final = 200  # characters of what was sent that an error repeats
VERSIONS: Final = frozenset({"1.0", "1.1"})
ABSOLUTE: Final = b"http://"
DEBUG_ROOT: Final = "/debug/pprof/"
POST_ALLOWED: Final = frozenset({"/debug/pprof/symbol"})
OPEN_PATHS: Final = frozenset({"/healthz"})  # without a token
CROSS_SITE_ALLOWED: Final = frozenset({"/"})

COMMON_HEADERS: Final[Headers] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
NO_STORE: Final = (b"cache-control", b"no-store")
PLAIN_POLICY: Final = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may ask. `check_host` is off on a unix socket, where no browser's name resolution is involved."""

    token: str | None
    hosts: frozenset[str]
    check_host: bool
    loopback: bool
    machine_name: str


class RefusedError(Exception):
    """An answer instead of the route's."""

    def __init__(self, status: int, body: ErrorBody, headers: Headers | None = None) -> None:
        super().__init__(body.error)
        self.status = status
        self.body = body
        self.headers = headers or []


def error_response(path: str, body: ErrorBody) -> tuple[Headers, bytes]:
    """Headers and body of an error: JSON, but below /debug/pprof/ plain text that Go's tool shows."""
    if path.startswith(DEBUG_ROOT.rstrip("/")):
        data = f"{_plain_text(body)}\n".encode("utf-8", "replace")
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-go-pprof", b"1")]
    else:
        data = msgspec.json.encode(body)
        headers = [(b"content-type", b"application/json")]
    return [*headers, (b"content-length", b"%d" % len(data))], data


def _plain_text(body: ErrorBody) -> str:
    allowed = ", ".join(body.allowed) if isinstance(body.allowed, list) else body.allowed
    text = body.error
    if body.parameter is not None:
        text += f" ({body.parameter}={body.value})"
    return f"{text}; allowed: {allowed}" if allowed else text


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: App, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        answer = _Answer(send)
        try:
            scope, authority = origin_form(scope)
            self._check(scope, authority)
            inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
            async with asyncio.timeout(_time_limit(scope)) as answer.limit:
                await self._app(inner, receive, answer.send)
        except RefusedError as refusal:
            await answer.refuse(scope, refusal)
        except TimeoutError:
            await answer.refuse(scope, RefusedError(503, ErrorBody("the answer took too long")))
        except Exception as error:  # no response is a traceback, and the process lives on
            sys.stderr.write(f"[hew-pprof] error: {scope['path']!r}: {type(error).__name__}: {error}\n")
            await answer.refuse(scope, RefusedError(500, ErrorBody("internal error of the profiler")))

    def _check(self, scope: Scope, authority: bytes | None) -> None:
        headers = dict(scope["headers"])
        check_size(scope)
        if scope["http_version"] not in VERSIONS:
            raise RefusedError(400, ErrorBody("HTTP/1.1 is spoken here"))
        if self._policy.check_host:
            check_host(headers.get(b"host"), self._policy)
            if authority is not None:
                check_host(authority, self._policy)
        check_method(scope["method"], scope["path"])
        if headers.get(b"sec-fetch-site") == b"cross-site" and scope["path"] not in CROSS_SITE_ALLOWED:
            raise RefusedError(403, ErrorBody("requests from other sites are refused"))
        if self._policy.token is not None and scope["path"] not in OPEN_PATHS:
            check_token(headers.get(b"authorization"), self._policy.token)


class _Answer:
    """Adds the headers that every answer has, and knows whether it can still be replaced by an error."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = False
        self.limit: asyncio.Timeout | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._started:  # an error handler repeats itself; the first answer stands
                return
            self._started = True
            if self.limit is not None:  # how long a client may take for it, the server knows
                self.limit.reschedule(None)
            message = {**message, "headers": complete_headers(message.get("headers", []))}
        await self._send(message)

    async def refuse(self, scope: Scope, refusal: RefusedError) -> None:
        self.limit = None  # it is over
        if self._started:
            return  # the server closes what was cut short
        headers, body = error_response(scope["path"], refusal.body)
        start = {"type": "http.response.start", "status": refusal.status, "headers": [*headers, *refusal.headers]}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


def complete_headers(headers: Headers) -> Headers:
    """`headers` and those that are common to all, where the route did not set its own."""
    present = {name.lower() for name, _ in headers}
    common = [*COMMON_HEADERS, NO_STORE, PLAIN_POLICY]
    return [*headers, *(header for header in common if header[0] not in present)]


def _time_limit(scope: Scope) -> float:
    """Ten seconds, and as long as a profile may take for a request that names `seconds`: the route reads the value.

    A CPU profile takes its time without being told how much.
    """
    path = scope["path"]
    waits = path == f"{DEBUG_ROOT}cpu" or (
        path.startswith(DEBUG_ROOT)
        and "seconds" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    )
    return REQUEST_SECONDS + (MAX_PROFILE_SECONDS if waits else 0)


def origin_form(scope: Scope) -> tuple[Scope, bytes | None]:
    """`http://host/path`, as one writes to a proxy, means `/path`; with the host that it names, if it is so written."""
    raw: bytes = scope["raw_path"]
    if raw[: len(ABSOLUTE)].lower() != ABSOLUTE:
        return scope, None
    authority, _, path = raw[len(ABSOLUTE) :].partition(b"/")
    inner = {**scope, "raw_path": b"/" + path, "path": unquote(b"/" + path)}
    return inner, authority


def check_size(scope: Scope) -> None:
    """The server bounds what it must keep of an unfinished head; this bounds heads that came in one piece."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
        raise RefusedError(414, ErrorBody(f"the path and query are over {MAX_TARGET} bytes"))
    headers = scope["headers"]
    if len(headers) > MAX_HEADER_COUNT or sum(len(name) + len(value) for name, value in headers) > MAX_HEADERS:
        raise RefusedError(431, ErrorBody(f"over {MAX_HEADER_COUNT} headers or {MAX_HEADERS} bytes of them"))


def check_method(method: str, path: str) -> None:
    """GET and HEAD; POST where Go's tool posts."""
    allowed = ["GET", "HEAD", "POST"] if path in POST_ALLOWED else ["GET", "HEAD"]
    if method not in allowed:
        body = ErrorBody("method not allowed", parameter="method", value=method[:MAX_ECHO], allowed=allowed)
        raise RefusedError(405, body, [(b"allow", ", ".join(allowed).encode())])


def check_host(value: bytes | None, policy: Policy) -> None:
    """A page elsewhere can point its own name at us; its name then stands in Host."""
    host = _host_name(value.decode("latin-1")) if value is not None else ""
    if _is_ip(host) or host == "localhost" or host in policy.hosts:
        return
    if not policy.loopback and host and (host == policy.machine_name.lower() or "." not in host):
        return
    text = f"the host name {host[:MAX_ECHO]!r} is not accepted; add it to HEW_PPROF_HOSTS"
    raise RefusedError(403, ErrorBody(text, parameter="Host", value=host[:MAX_ECHO]))


def _host_name(value: str) -> str:
    """Without port and final dot, in lower case; '' for what is no host."""
    text = value.strip().lower()
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        return name if bracket and _is_port(rest) and ":" in name else ""
    name, colon, port = text.partition(":")
    return name.removesuffix(".") if _is_port(colon + port) else ""


def _is_port(text: str) -> bool:
    """Empty, or with its colon; a colon alone stands for the usual port."""
    return text in ("", ":") or (text.startswith(":") and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check_token(authorization: bytes | None, token: str) -> None:
    """Bearer T, or Basic with T as the password and any user; compared in constant time."""
    given = _credential(authorization or b"")
    if not hmac.compare_digest(given, token.encode()):
        body = ErrorBody("a token is needed: Authorization: Bearer TOKEN, or Basic with the token as the password")
        raise RefusedError(401, body, [(b"www-authenticate", b'Basic realm="hew"')])


def _credential(authorization: bytes) -> bytes:
    scheme, _, rest = authorization.partition(b" ")
    match scheme.lower():
        case b"bearer":
            return rest.strip()
        case b"basic":
            try:
                return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
            except binascii.Error:
                return b""
        case _:
            return b""
