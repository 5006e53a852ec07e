"""Binds the profiler's sockets and says so, in the supervisor, before `main` starts.

The forked profiler process accepts on them when it is ready; until then the kernel keeps the callers waiting.
A failure is one line on stderr and no profiler: it never keeps the program from running.
"""

import contextlib
import errno
import ipaddress
import os
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from hew.errors import ConfigError
from hew.profiler.config import MAX_SOCKET_PATH, Address, AutoAddress, Config, TcpAddress, UnixAddress

# Connections that wait for the profiler process; beyond them the kernel lets callers try again after a second.
# asyncio accepts so many in one turn and needs some turns to close any: a larger number breaks the usual limit of
# 1024 descriptors when thousands come at once.
BACKLOG: Final = 128
PROBE_SECONDS: Final = 0.2  # a unix socket answers at once or its owner is gone


class ListenError(Exception):
    """Why there is no listening socket, in words."""


class CannotListen(ConfigError):
    """The address that was asked for cannot be had."""


@dataclass(slots=True)
class Listener:
    """Listening sockets, and what the server must know of how they are reached."""

    sockets: list[socket.socket]
    place: str  # as printed: http://0.0.0.0:6060/ or unix:PATH
    path: str | None = None  # of a unix socket
    loopback: bool = True  # reachable from this machine only
    _inode: int = field(default=0, repr=False)
    _owner: int = field(default=0, repr=False)

    @property
    def is_unix(self) -> bool:
        """Whether it is a unix socket."""
        return self.path is not None

    def close_copy(self) -> None:
        """Close the descriptors only: for a forked process that does not serve."""
        for listening in self.sockets:
            listening.close()

    def close(self) -> None:
        """Close, and take a unix socket's file away, if it is still ours and we are who made it."""
        self.close_copy()
        if self.path is not None and os.getpid() == self._owner:
            with contextlib.suppress(OSError):  # gone already: that is what we want
                if os.lstat(self.path).st_ino == self._inode:
                    Path(self.path).unlink()


def bind(config: Config, *, output: TextIO | None = None) -> Listener | None:
    """Listen as configured and print the lines of the contract; None when off or when it cannot be done."""
    out = sys.stderr if output is None else output
    if config.address is None:
        return None
    try:
        return listen(config, config.address, output=out)
    except CannotListen as error:
        _say(out, f"{error}; the program runs without the profiler")
        return None


def listen(config: Config, address: Address, *, output: TextIO | None = None) -> Listener:
    """As `bind`, for those who are nothing without a listener: CannotListen when it cannot be done."""
    try:
        listener = _listen(address)
    except (OSError, UnicodeError, ListenError) as error:
        raise CannotListen(f"cannot listen on {config.text}: {_reason(error)}") from error
    _announce(listener, config, sys.stderr if output is None else output)
    return listener


def _listen(address: Address) -> Listener:
    match address:
        case TcpAddress():
            return _listen_tcp(address)
        case UnixAddress(path):
            return _listen_unix(path)
        case AutoAddress(directory):
            return _listen_auto(directory)


def _announce(listener: Listener, config: Config, out: TextIO) -> None:
    if listener.is_unix:
        _say(out, f"listening on {listener.place}")
        return
    _say(out, f"dashboard at {listener.place}")
    if not listener.loopback and config.token is None:
        port = listener.sockets[0].getsockname()[1]
        _say(
            out,
            f"warning: reachable from other machines without a token; use 127.0.0.1:{port} or HEW_PPROF_TOKEN",
        )


def _say(out: TextIO, text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a closed stderr must not stop the program
        out.write(f"[hew-pprof] {text}\n")
        out.flush()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


# ---- TCP


def _listen_tcp(address: TcpAddress) -> Listener:
    if address.host is None:
        listening = _every_interface(address.port)
        return Listener([listening], f"http://0.0.0.0:{listening.getsockname()[1]}/", loopback=False)
    sockets = _named_host(address.host, address.port)
    port = sockets[0].getsockname()[1]
    shown = f"[{address.host}]" if ":" in address.host else address.host
    loopback = all(_is_loopback(each) for each in sockets)
    return Listener(sockets, f"http://{shown}:{port}/", loopback=loopback)


def _every_interface(port: int) -> socket.socket:
    """One socket for IPv4 and IPv6 where there is IPv6, so that port 0 gives both the same number."""
    try:
        return _open(socket.AF_INET6, ("::", port), dual=True)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.ENOPROTOOPT, errno.EPROTONOSUPPORT):
            raise
    return _open(socket.AF_INET, ("0.0.0.0", port))


def _named_host(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the name: `localhost` may be both 127.0.0.1 and ::1."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
        target = (address[0], sockets[0].getsockname()[1], *address[2:]) if sockets else address
        try:
            sockets.append(_open(family, target, dual=host == "::"))
        except OSError as error:
            failure = error
            if error.errno == errno.EADDRINUSE:
                break
    if sockets and (failure is None or failure.errno != errno.EADDRINUSE):
        return sockets
    for each in sockets:
        each.close()
    raise failure or ListenError("the name has no address")


def _open(family: int, address: tuple[object, ...], *, dual: bool = False) -> socket.socket:
    # With its protocol named: asyncio sends small answers at once (TCP_NODELAY) on such sockets only.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def _is_loopback(listening: socket.socket) -> bool:
    return ipaddress.ip_address(str(listening.getsockname()[0]).partition("%")[0]).is_loopback


# ---- unix sockets


def _listen_unix(path: str) -> Listener:
    try:
        listening = _open_unix(path)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or not _remove_stale(path):
            raise
        listening = _open_unix(path)
    return Listener([listening], f"unix:{path}", path=path, _inode=os.lstat(path).st_ino, _owner=os.getpid())


def _open_unix(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _private_files():
            listening.bind(path)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


@contextlib.contextmanager
def _private_files() -> Iterator[None]:
    """Mode 0600 from the first instant. The supervisor has one thread, so nobody else sees this umask."""
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)


def _remove_stale(path: str) -> bool:
    """Remove a socket whose owner is gone (it refuses); anything else stays."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_SECONDS)
            probe.connect(path)
    except ConnectionRefusedError:
        Path(path).unlink()
        return True
    except OSError:
        return False
    return False


def _listen_auto(directory: str) -> Listener:
    with contextlib.suppress(FileExistsError):
        Path(directory).mkdir(0o700)
    _check_private(directory)
    for left_behind in Path(directory).glob("*.sock"):
        _remove_stale(str(left_behind))
    path = Path(directory) / f"{os.getpid()}.sock"
    if len(bytes(path)) > MAX_SOCKET_PATH:
        raise ListenError(f"the path {path} is too long for a unix socket")
    return _listen_unix(str(path))


def _check_private(directory: str) -> None:
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise ListenError(f"{directory} is not a directory")
    if status.st_uid != os.getuid():
        raise ListenError(f"{directory} belongs to another user")
    if status.st_mode & 0o077:
        raise ListenError(f"{directory} is open to others; chmod 700 {directory}")
