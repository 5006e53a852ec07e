"""What a run leaves open for others: its cost, its seals, and how wrong content is refused."""

import ctypes
import fcntl
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hew
from hew.program import ActorType, Handler, Program
from hew.scheduler import attach, corelib, mapping, region
from hew.settings import Settings, read_settings

PROGRAM = Program(
    name="日本.hew",
    main_line=7,
    checked=False,
    actors=(ActorType("Counter", "日本.hew", 1, (Handler("init", 2, True), Handler("tick", 3))),),
    symbols=(),
    code=b"\x7fELF" + bytes(100_000),
)

STAND_IN = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(15, b"hew", 0, 0, 0)
fd = os.memfd_create("hew-attach")
os.write(fd, sys.stdin.buffer.read())
print("ready", flush=True)
os.read(os.open(sys.argv[1], os.O_RDONLY), 1)
"""


@pytest.fixture
def run() -> Iterator[tuple[Settings, region.Region]]:
    """A region as the supervisor makes it, without a program in it."""
    settings = read_settings({"HEW_WORKERS": "3", "HEW_HEAP_MAX": "16M"})
    made = region.create(PROGRAM, settings, [], -1)
    head = corelib.RegionHead.from_address(made.address)
    yield settings, made
    file = made.counters.file
    if made.counters.base != ctypes.addressof(file.words) - file.start:
        mapping.unmap(made.counters.base, file.size)
    assert head.fd >= 0
    made.core.hew_region_destroy(made.address)


def described(fd: int) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(os.pread(fd, os.fstat(fd).st_size, 0).partition(b"\n")[0])
    return line


def test_the_memfd_says_what_a_reader_needs_and_is_sealed(run: tuple[Settings, region.Region]) -> None:
    settings, made = run
    fd = attach.publish(PROGRAM, settings, made, 4711)
    assert fd is not None
    said = described(fd)
    assert said["hew"] == hew.__version__
    assert said["abi"] == corelib.ABI
    assert (said["pid"], said["workers"], said["program_address"]) == (os.getpid(), 3, 4711)
    assert said["region"]["address"] == made.address
    assert os.readlink(f"/proc/self/fd/{said['region']['fd']}") == "/memfd:hew (deleted)"
    assert os.fstat(said["region"]["fd"]).st_size == said["region"]["size"]
    assert said["settings"]["heap_max"] == 16 * 1024 * 1024
    assert said["settings"]["on_crash"] == "end"
    rest = os.pread(fd, os.fstat(fd).st_size, 0).partition(b"\n")[2]
    assert Program.from_bytes(rest) == PROGRAM
    assert os.readlink(f"/proc/self/fd/{fd}") == attach.LINK
    assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) == attach.SEALS
    with pytest.raises(PermissionError):
        os.pwrite(fd, b"x", 0)
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_it_costs_under_a_millisecond(run: tuple[Settings, region.Region]) -> None:
    settings, made = run
    spent = []
    for _ in range(21):
        began = time.perf_counter()
        fd = attach.publish(PROGRAM, settings, made, 0)
        spent.append(time.perf_counter() - began)
        assert fd is not None
        os.close(fd)
    assert min(spent) < 0.001  # the others were interrupted


def test_it_loads_nothing_heavy() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import sys, hew.scheduler.attach; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not {"msgspec", "fastapi", "asyncio", "socket", "subprocess", "tempfile", "pwd"} & set(ran.stdout.split())


def test_a_run_without_a_free_descriptor_goes_on_with_a_warning(
    run: tuple[Settings, region.Region], capfd: pytest.CaptureFixture[str]
) -> None:
    settings, made = run
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(corelib, "fingerprint", lambda: "0")  # which opens the library
            assert attach.publish(PROGRAM, settings, made, 0) is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    warning = "[hew] warning: `hew pprof` and `hew top` cannot attach to this run: Too many open files\n"
    assert capfd.readouterr().err == warning


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", "does not say what it runs"),
        (b"{", "does not say what it runs"),
        (b"[]\n", "is of a hew that this one"),
        (b'{"format": 2}\n', "is of a hew that this one"),
        (b'{"format": 1}\n', "does not say what it runs"),
        (b'{"format": 1, "hew": [], "abi": {}, "core": 0, "machine": 0}\n', "does not say what it runs"),
    ],
)
def test_a_stranger_s_content_is_refused(tmp_path: Path, content: bytes, refusal: str) -> None:
    with StandIn(tmp_path, content) as pid:
        with pytest.raises(attach.CannotAttach, match=refusal):
            attach.attach(pid)
        assert pid not in [each.pid for each in attach.find()]


def test_memory_that_is_not_there_is_refused(tmp_path: Path, run: tuple[Settings, region.Region]) -> None:
    settings, made = run
    fd = attach.publish(PROGRAM, settings, made, 0)
    assert fd is not None
    said = described(fd)
    os.close(fd)
    said["region"]["fd"] = 0
    with StandIn(tmp_path, json.dumps(said).encode() + b"\n" + PROGRAM.to_bytes()) as pid:
        with pytest.raises(attach.CannotAttach, match="does not have the memory that it describes"):
            attach.attach(pid)
        assert pid in [each.pid for each in attach.find()]


def test_the_head_of_the_region_is_as_the_core_has_it(run: tuple[Settings, region.Region]) -> None:
    _settings, made = run
    head = corelib.RegionHead.from_address(made.address)
    assert (head.magic, head.abi, head.base, head.n_workers) == (corelib.MAGIC, corelib.ABI, made.address, 3)


class StandIn:
    """A process named hew that has a memfd of the right name and any content."""

    def __init__(self, folder: Path, content: bytes) -> None:
        self._folder = folder
        self._content = content

    def __enter__(self) -> int:
        gate = self._folder / "gate"
        os.mkfifo(gate)
        line = [sys.executable, "-c", STAND_IN, str(gate)]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(self._content)
        self._process.stdin.close()
        assert self._process.stdout.readline() == b"ready\n"
        return self._process.pid

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
