"""HEW_PPROF, HEW_PPROF_TOKEN, HEW_PPROF_TOKEN_FILE, HEW_PPROF_HOSTS and HEW_PROF_OUTPUT, checked.

Called by the command line before the program starts; a value that cannot be read is a `ConfigError` (exit code 2).
An empty variable is unset. Nothing here binds a socket or imports anything heavy.
"""

import enum
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hew.errors import ConfigError

FORMS: Final = ":PORT, HOST:PORT, [IPV6]:PORT, unix:PATH or auto"
MAX_PORT: Final = 65_535
MAX_SOCKET_PATH: Final = 107  # bytes; sun_path less its final zero
MIN_TOKEN: Final = 16  # characters
MAX_TOKEN_FILE: Final = 4_096  # bytes

_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """Where to listen. `host` None means every interface, IPv4 and IPv6; port 0 takes a free one."""

    host: str | None
    port: int


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A unix socket, mode 0600."""

    path: str


@dataclass(frozen=True, slots=True)
class AutoAddress:
    """A socket of its own below `directory`, which belongs to the user alone."""

    directory: str


Address = TcpAddress | UnixAddress | AutoAddress


class Output(enum.Enum):
    """What is written when the program ends."""

    PPROF = "pprof"
    FLAT = "flat"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Config:
    """All that the environment says about the profiler."""

    address: Address | None = None
    text: str = ""  # HEW_PPROF as given, for messages
    token: str | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()  # further Host names, lower case
    output: Output | None = None


def read(environment: Mapping[str, str], *, user: int) -> Config:
    """The profiler's configuration, or ConfigError. `user`: the numeric user id, for the place of `auto`."""
    text = environment.get("HEW_PPROF", "")
    return Config(
        address=_read_address(text, environment, user) if text else None,
        text=text,
        token=_read_token(environment),
        hosts=_read_hosts(environment.get("HEW_PPROF_HOSTS", "")),
        output=_read_output(environment.get("HEW_PROF_OUTPUT", "")),
    )


def _read_address(text: str, environment: Mapping[str, str], user: int) -> Address:
    if text == "auto":
        return AutoAddress(auto_directory(environment, user))
    if text.startswith("unix:"):
        return UnixAddress(_read_socket_path(text))
    return _read_tcp(text)


def auto_directory(environment: Mapping[str, str], user: int) -> str:
    """Where the sockets of `HEW_PPROF=auto` are, each named after its program's process: PID.sock."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    return f"{runtime}/hew" if runtime.startswith("/") else f"/tmp/hew-{user}"


def _read_socket_path(text: str) -> str:
    path = text.removeprefix("unix:")
    if not path:
        raise _unreadable(text, "the path of the socket is missing")
    length = len(path.encode("utf-8", "surrogateescape"))
    if length > MAX_SOCKET_PATH:
        raise _unreadable(text, f"the path has {length} bytes, a unix socket allows {MAX_SOCKET_PATH}")
    return path


def _read_tcp(text: str) -> TcpAddress:
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port):
        raise _unreadable(text, FORMS)
    if int(port) > MAX_PORT:
        raise _unreadable(text, f"the port must be 0 to {MAX_PORT}")
    return TcpAddress(_read_host(host, text) if host else None, int(port))


def _read_host(host: str, text: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        address = host[1:-1]
        if _is_ip(address.partition("%")[0], version=6):
            return address
        raise _unreadable(text, f"{address!r} is no IPv6 address")
    if re.fullmatch(r"[0-9.]+", host, re.ASCII):
        if _is_ip(host, version=4):
            return host
        raise _unreadable(text, f"{host!r} is no IPv4 address")
    if ":" in host:
        raise _unreadable(text, "an IPv6 address is written in brackets, as in [::1]:6060")
    if not _HOST_NAME.fullmatch(host):
        raise _unreadable(text, FORMS)
    return host


def _is_ip(text: str, *, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _unreadable(text: str, why: str) -> ConfigError:
    return ConfigError(f"HEW_PPROF: cannot read {text!r} as a bind address ({why})")


def _read_token(environment: Mapping[str, str]) -> str | None:
    token, path = environment.get("HEW_PPROF_TOKEN", ""), environment.get("HEW_PPROF_TOKEN_FILE", "")
    if token and path:
        raise ConfigError("HEW_PPROF_TOKEN and HEW_PPROF_TOKEN_FILE are both set; set one of them")
    if token:
        return _checked_token(token, "HEW_PPROF_TOKEN")
    if path:
        return _checked_token(_token_of_file(path), "HEW_PPROF_TOKEN_FILE")
    return None


def _token_of_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_TOKEN_FILE + 1)
    except OSError as error:
        raise ConfigError(f"HEW_PPROF_TOKEN_FILE: cannot read {path!r}: {error.strerror}") from error
    if len(data) > MAX_TOKEN_FILE:
        raise ConfigError(f"HEW_PPROF_TOKEN_FILE: {path!r} has more than {MAX_TOKEN_FILE} bytes")
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"HEW_PPROF_TOKEN_FILE: {path!r} is not UTF-8 text") from error


def _checked_token(token: str, variable: str) -> str:
    if len(token) < MIN_TOKEN:
        raise ConfigError(f"{variable}: the token has {len(token)} characters; at least {MIN_TOKEN} are needed")
    if not token.isprintable() or token != token.strip():
        raise ConfigError(f"{variable}: the token has blanks around it or characters that cannot be printed")
    return token


def _read_hosts(text: str) -> frozenset[str]:
    names = [name.strip().lower().rstrip(".") for name in text.split(",") if name.strip()]
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise ConfigError(f"HEW_PPROF_HOSTS: cannot read {name!r} as a host name (names without port, by commas)")
    return frozenset(names)


def _read_output(text: str) -> Output | None:
    if not text:
        return None
    try:
        return Output(text)
    except ValueError:
        raise ConfigError(f"HEW_PROF_OUTPUT: cannot read {text!r} as an output (pprof, flat or both)") from None
