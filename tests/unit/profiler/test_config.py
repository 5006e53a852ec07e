"""Every form of every variable, and the text of every error."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from hew.errors import ConfigError
from hew.profiler.config import AutoAddress, Config, Output, TcpAddress, UnixAddress, read

FORMS = r":PORT, HOST:PORT, \[IPV6\]:PORT, unix:PATH or auto"


def config(**environment: str) -> Config:
    return read(environment, user=1000)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":6060", TcpAddress(None, 6060)),
        (":0", TcpAddress(None, 0)),
        ("127.0.0.1:6060", TcpAddress("127.0.0.1", 6060)),
        ("0.0.0.0:9090", TcpAddress("0.0.0.0", 9090)),
        ("localhost:65535", TcpAddress("localhost", 65535)),
        ("my-host.example:80", TcpAddress("my-host.example", 80)),
        ("[::1]:6060", TcpAddress("::1", 6060)),
        ("[fe80::1%eth0]:6060", TcpAddress("fe80::1%eth0", 6060)),
        ("unix:/run/x.sock", UnixAddress("/run/x.sock")),
        ("unix:relative", UnixAddress("relative")),
        ("unix:" + "a" * 107, UnixAddress("a" * 107)),
        ("auto", AutoAddress("/tmp/hew-1000")),
    ],
)
def test_every_form_of_address_is_read(text: str, address: object) -> None:
    assert config(HEW_PPROF=text).address == address


def test_auto_prefers_the_users_runtime_directory() -> None:
    assert config(HEW_PPROF="auto", XDG_RUNTIME_DIR="/run/user/7").address == AutoAddress("/run/user/7/hew")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", FORMS),
        ("6060", FORMS),
        (":", FORMS),
        (":-1", FORMS),
        (":x", FORMS),
        (":٣", FORMS),
        ("a b:1", FORMS),
        ("*:6060", FORMS),
        ("http://localhost:6060", "an IPv6 address is written in brackets, as in .*"),
        ("localhost:6060/", FORMS),
        (":65536", "the port must be 0 to 65535"),
        ("::1:6060", r"an IPv6 address is written in brackets, as in \[::1\]:6060"),
        ("[127.0.0.1]:80", "'127.0.0.1' is no IPv6 address"),
        ("256.0.0.1:80", "'256.0.0.1' is no IPv4 address"),
        ("1.2.3:80", "'1.2.3' is no IPv4 address"),
        ("unix:", "the path of the socket is missing"),
        ("unix:" + "ä" * 54, "the path has 108 bytes, a unix socket allows 107"),
        ("AUTO", FORMS),
        (" ", FORMS),
    ],
)
def test_anything_else_is_an_error_that_says_why(text: str, why: str) -> None:
    expected = rf"^HEW_PPROF: cannot read {re.escape(repr(text))} as a bind address \({why}\)$"
    with pytest.raises(ConfigError, match=expected) as raised:
        config(HEW_PPROF=text)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("environment", [{}, dict.fromkeys(("HEW_PPROF", "HEW_PROF_OUTPUT", "HEW_PPROF_TOKEN"), "")])
def test_unset_or_empty_is_off(environment: Mapping[str, str]) -> None:
    assert read(environment, user=0) == Config()


def test_a_token_has_at_least_16_characters() -> None:
    assert config(HEW_PPROF_TOKEN="x" * 16).token == "x" * 16
    with pytest.raises(ConfigError, match="HEW_PPROF_TOKEN: the token has 15 characters; at least 16 are needed"):
        config(HEW_PPROF_TOKEN="x" * 15)
    with pytest.raises(ConfigError, match="blanks around it or characters that cannot be printed"):
        config(HEW_PPROF_TOKEN="x" * 16 + "\t")


def test_a_token_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    assert config(HEW_PPROF_TOKEN_FILE=str(file)).token == "0123456789abcdef"
    file.write_text("short\n")
    with pytest.raises(ConfigError, match="HEW_PPROF_TOKEN_FILE: the token has 5 characters"):
        config(HEW_PPROF_TOKEN_FILE=str(file))
    file.write_bytes(b"\xff" * 20)
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        config(HEW_PPROF_TOKEN_FILE=str(file))
    with pytest.raises(ConfigError, match="cannot read '/nix': No such file or directory"):
        config(HEW_PPROF_TOKEN_FILE="/nix")
    with pytest.raises(ConfigError, match="are both set"):
        config(HEW_PPROF_TOKEN_FILE="/nix", HEW_PPROF_TOKEN="x" * 16)


def test_the_token_is_not_shown_with_the_configuration() -> None:
    assert "secret" not in repr(config(HEW_PPROF_TOKEN="secret-secret-secret"))


def test_host_names_are_read_by_commas() -> None:
    assert config(HEW_PPROF_HOSTS="Hew.Example, other.,").hosts == {"hew.example", "other"}
    with pytest.raises(ConfigError, match="HEW_PPROF_HOSTS: cannot read 'a:80' as a host name"):
        config(HEW_PPROF_HOSTS="a:80")


@pytest.mark.parametrize("output", list(Output))
def test_outputs_are_read(output: Output) -> None:
    assert config(HEW_PROF_OUTPUT=output.value).output is output


def test_another_output_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^HEW_PROF_OUTPUT: cannot read 'svg' as an output \(pprof, flat or both\)$"):
        config(HEW_PROF_OUTPUT="svg")
