"""Sockets and what is said of them."""

import io
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from hew.profiler.config import read
from hew.profiler.listening import Listener, bind

OFF = "; the program runs without the profiler\n"


def listen(text: str, **environment: str) -> tuple[Listener | None, str]:
    out = io.StringIO()
    return bind(read({"HEW_PPROF": text, **environment}, user=os.getuid()), output=out), out.getvalue()


def test_it_prints_where_the_dashboard_is() -> None:
    listener, said = listen("127.0.0.1:0")
    assert listener is not None
    port = listener.sockets[0].getsockname()[1]
    assert said == f"[hew-pprof] dashboard at http://127.0.0.1:{port}/\n"
    with socket.create_connection(("127.0.0.1", port)):
        listener.close()


def test_all_interfaces_means_ipv4_and_ipv6_and_a_warning() -> None:
    listener, said = listen(":0")
    assert listener is not None
    port = listener.sockets[0].getsockname()[1]
    assert said == (
        f"[hew-pprof] dashboard at http://0.0.0.0:{port}/\n"
        "[hew-pprof] warning: reachable from other machines without a token; "
        f"use 127.0.0.1:{port} or HEW_PPROF_TOKEN\n"
    )
    for host in ("127.0.0.1", "::1"):
        if host == "127.0.0.1" or socket.has_ipv6:
            socket.create_connection((host, port)).close()
    listener.close()


def test_a_token_silences_the_warning() -> None:
    listener, said = listen("0.0.0.0:0", HEW_PPROF_TOKEN="0123456789abcdef")
    assert listener is not None
    assert "warning" not in said
    listener.close()


def test_a_port_in_use_is_a_warning() -> None:
    first, _ = listen("127.0.0.1:0")
    assert first is not None
    taken = f"127.0.0.1:{first.sockets[0].getsockname()[1]}"
    assert listen(taken) == (None, f"[hew-pprof] cannot listen on {taken}: Address already in use{OFF}")
    first.close()


def test_an_unknown_host_is_a_warning() -> None:
    listener, said = listen("nowhere.invalid:6060")
    assert listener is None
    assert re.fullmatch(rf"\[hew-pprof\] cannot listen on nowhere.invalid:6060: [^;]+{OFF}", said)


def test_a_unix_socket_is_private_and_goes_with_its_listener(tmp_path: Path) -> None:
    path = tmp_path / "hew.sock"
    listener, said = listen(f"unix:{path}")
    assert listener is not None
    assert said == f"[hew-pprof] listening on unix:{path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listener.close()
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "hew.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    first, _ = listen(f"unix:{path}")
    assert first is not None
    assert listen(f"unix:{path}")[1] == f"[hew-pprof] cannot listen on unix:{path}: Address already in use{OFF}"
    first.close()


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("mine")
    assert listen(f"unix:{path}")[0] is None
    assert path.read_text() == "mine"


def test_auto_makes_a_directory_for_the_user_alone(tmp_path: Path) -> None:
    stale = tmp_path / "hew" / "1.sock"
    stale.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(stale))
    listener, said = listen("auto", XDG_RUNTIME_DIR=str(tmp_path))
    assert listener is not None
    assert said == f"[hew-pprof] listening on unix:{tmp_path}/hew/{os.getpid()}.sock\n"
    assert [each.name for each in stale.parent.iterdir()] == [f"{os.getpid()}.sock"]
    listener.close()


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda path: path.mkdir(mode=0o755), "is open to others"),
        (lambda path: path.symlink_to("/tmp"), "is not a directory"),
        (lambda path: path.write_text(""), "is not a directory"),
    ],
)
def test_auto_refuses_a_directory_that_is_not_the_users_alone(tmp_path: Path, prepare: object, why: str) -> None:
    assert callable(prepare)
    prepare(tmp_path / "hew")
    listener, said = listen("auto", XDG_RUNTIME_DIR=str(tmp_path))
    assert listener is None
    assert said.startswith(f"[hew-pprof] cannot listen on auto: {tmp_path}/hew {why}")
    assert said.endswith(OFF)


def test_off_is_silent() -> None:
    out = io.StringIO()
    assert bind(read({}, user=0), output=out) is None
    assert out.getvalue() == ""
