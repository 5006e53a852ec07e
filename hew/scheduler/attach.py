"""What a run leaves open for others of its user, and how they take it up: `hew pprof PID`, `hew top`.

The supervisor keeps a sealed memfd open (`publish`): a line of JSON that says where the region and the counters are,
then the program as bytes. Another process of the same user reads all three through /proc/PID/fd (`attach`), which
needs neither ptrace nor root nor anything of the program, and maps them, read-only, at the addresses they have in
the program. It takes no lock and is unknown to the program; pointers that lead out of the region are not followed
(inspect.c). It writes nothing but one page that is made for that, and only when samples are asked for (samples.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import platform
import select
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import hew
from hew.errors import ConfigError
from hew.program import Program
from hew.scheduler import corelib, mapping, process
from hew.scheduler.counters import Counters, SharedWords
from hew.scheduler.inspect import Inspect
from hew.scheduler.region import Region
from hew.settings import Settings

FORMAT: Final = 1  # of the memfd; a reader understands no other
NAME: Final = "hew-attach"
LINK: Final = f"/memfd:{NAME} (deleted)"
PROCESS_NAME: Final = "hew"  # of a supervisor; its children are hew-worker-N and hew-pprof
SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, ctypes.ArgumentError)  # what a stranger wrote
MAX_BYTES: Final = 256 * 1024 * 1024  # of a memfd that we are willing to read


class CannotAttach(ConfigError):
    """Why a process cannot be looked into, and what to do about it."""


class OtherVersion(CannotAttach):
    """It is a Hew program, but of a hew that is not this one."""


# ---- the program's side


def publish(program: Program, settings: Settings, region: Region, program_address: int) -> int | None:
    """Leave open what others need; the descriptor, or None with a line on stderr where the system refuses.

    Called by the supervisor once per run, before any fork; it takes some 100 microseconds.
    """
    head = corelib.RegionHead.from_address(region.address)
    counters = region.counters
    described = {
        "format": FORMAT,
        **_identity(),
        "pid": os.getpid(),
        "started_ns": time.monotonic_ns(),
        "program": program.name,
        "program_address": program_address,
        "workers": settings.workers,
        "region": {"fd": head.fd, "address": region.address, "size": head.size},
        "counters": {
            "fd": counters.file.fd,
            "size": counters.file.size,
            "start": counters.file.start,
            "address": counters.base,
            "words": len(counters.words),
            "offset": counters.offset,
            "stride": counters.stride,
            "positions": counters.positions,
        },
        "settings": asdict(settings) | {"on_crash": settings.on_crash.value},
    }
    try:
        return _sealed(json.dumps(described, separators=(",", ":")).encode() + b"\n" + program.to_bytes())
    except OSError as error:
        process.say(f"[hew] warning: `hew pprof` and `hew top` cannot attach to this run: {error.strerror}\n")
        return None


def _identity() -> dict[str, Any]:
    """What must be equal on both sides: one byte more in a struct and a reader sees nonsense."""
    return {"hew": hew.__version__, "abi": corelib.ABI, "core": corelib.fingerprint(), "machine": platform.machine()}


def _sealed(data: bytes) -> int:
    fd = os.memfd_create(NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:])
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


# ---- the reader's side


@dataclass(slots=True)
class Attached:
    """A running program, as its own profiler process would see it. Close it before attaching to another."""

    pid: int
    program: Program
    counters: Counters
    inspect: Inspect
    settings: dict[str, Any]  # by the names of hew.settings.Settings
    started_ns: int  # CLOCK_MONOTONIC
    pidfd: int  # readable once the program has ended
    _mapped: list[tuple[int, int]] = field(repr=False)

    def ended(self) -> bool:
        """Whether the program's process is gone."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Unmap it; `counters` and `inspect` must not be used any more."""
        _unmap_all(self._mapped)
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


@dataclass(frozen=True, slots=True)
class Found:
    """A process that can be attached to, or could by another hew."""

    pid: int
    program: str
    started_ns: int  # CLOCK_MONOTONIC
    hew: str  # its version
    attachable: bool  # by this hew


def attach(pid: int) -> Attached:
    """Look into a running program, by the number of its process or of one of its workers. CannotAttach says why not."""
    with contextlib.ExitStack() as undo:
        pidfd = _open_process(pid)
        undo.callback(os.close, pidfd)
        fd = _descriptor(pid)
        if fd is not None and _is_child(pid):
            return attach(_parent(pid))
        if fd is None:
            raise CannotAttach(_no_program(pid))
        mapped: list[tuple[int, int]] = []
        undo.callback(_unmap_all, mapped)
        try:
            made = _attach(pid, fd, pidfd, mapped)
        except MALFORMED as error:
            raise CannotAttach(_unclear(pid)) from error
        if not made.inspect.program_running():
            raise CannotAttach(f"process {pid} ({made.program.name}) has just ended")
        undo.pop_all()
        return made


def _attach(pid: int, fd: int, pidfd: int, mapped: list[tuple[int, int]]) -> Attached:
    described, rest = _read(pid, fd)
    _check_identity(pid, described)
    program = Program.from_bytes(rest)
    inspect = _map_region(pid, described, program, mapped)
    return Attached(
        pid=pid,
        program=program,
        counters=_map_counters(pid, described, inspect, mapped),
        inspect=inspect,
        settings=described["settings"],
        started_ns=described["started_ns"],
        pidfd=pidfd,
        _mapped=mapped,
    )


def find() -> list[Found]:
    """The running programs that this user may look into, of other versions too; oldest first."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, CannotAttach, *MALFORMED):  # it has ended, or is not ours to see
            pid = int(directory.name)
            if _name(pid) == PROCESS_NAME and (fd := _descriptor(pid)) is not None:
                found.append(_found(pid, _read(pid, fd)[0]))
    return sorted(found, key=lambda each: (each.started_ns, each.pid))


def _found(pid: int, described: dict[str, Any]) -> Found:
    return Found(pid, described["program"], described["started_ns"], described["hew"], _is_ours(described))


def _open_process(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EINVAL, errno.ENOENT):  # the last two: the number of a thread
            raise CannotAttach(f"there is no process {pid}") from error
        raise CannotAttach(f"cannot attach to process {pid}: {error.strerror}") from error


def _descriptor(pid: int) -> int | None:
    """The number of the descriptor that `publish` made."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except PermissionError as error:
        raise CannotAttach(_not_allowed(pid)) from error
    except OSError as error:
        raise CannotAttach(f"process {pid} has just ended") from error
    for number in numbers:
        with contextlib.suppress(OSError):  # closed meanwhile
            if os.readlink(f"/proc/{pid}/fd/{number}") == LINK:
                return int(number)
    return None


def _not_allowed(pid: int) -> str:
    owner = os.stat(f"/proc/{pid}").st_uid
    if owner != os.getuid():
        import pwd

        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = str(owner)
        return (
            f"process {pid} ({_name(pid)}) belongs to another user, {name}: only that user, or root, can attach to it"
        )
    return f"process {pid} ({_name(pid)}) does not let itself be looked into"


def _no_program(pid: int) -> str:
    known = f"process {pid} ({_name(pid)}) is no running Hew program"
    if _name(pid) == PROCESS_NAME:
        return f"{known}: it still compiles, or is of a hew that cannot be attached to"
    return f"{known}; `hew top` finds those that run"


def _unclear(pid: int) -> str:
    return f"process {pid} ({_name(pid)}) does not say what it runs in a way that hew {hew.__version__} understands"


def _is_child(pid: int) -> bool:
    """A worker or the program's own profiler: its supervisor has the same descriptor."""
    if not _name(pid).startswith(f"{PROCESS_NAME}-"):
        return False
    try:
        return _descriptor(_parent(pid)) is not None
    except CannotAttach:
        return False


def _parent(pid: int) -> int:
    return int(_proc_text(pid, "stat").rpartition(")")[2].split()[1])


def _name(pid: int) -> str:
    return _proc_text(pid, "comm").strip()


def _proc_text(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_text(errors="replace")
    except OSError as error:
        raise CannotAttach(f"process {pid} has just ended") from error


def _read(pid: int, fd: int) -> tuple[dict[str, Any], bytes]:
    """What `publish` wrote: the description and the program. Its format is one that we know."""
    with _opened(pid, fd) as own:
        size = os.fstat(own).st_size
        data = os.pread(own, min(size, MAX_BYTES), 0)
    line, _, rest = data.partition(b"\n")
    try:
        described = json.loads(line)
    except ValueError as error:
        raise CannotAttach(_unclear(pid)) from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise OtherVersion(f"process {pid} ({_name(pid)}) is of a hew that this one ({hew.__version__}) does not know")
    return described, rest


def _is_ours(described: dict[str, Any]) -> bool:
    return all(described[name] == value for name, value in _identity().items())


def _check_identity(pid: int, described: dict[str, Any]) -> None:
    if _is_ours(described):
        return
    ours = _identity()
    if described["hew"] != ours["hew"]:
        difference = f"by hew {described['hew']}, this is hew {ours['hew']}"
    else:
        difference = f"by another build of hew {ours['hew']}"
    raise OtherVersion(f"process {pid} ({described['program']}) is run {difference}: attach with the one that runs it")


def _map_region(pid: int, described: dict[str, Any], program: Program, mapped: list[tuple[int, int]]) -> Inspect:
    place = described["region"]
    _map(pid, place["fd"], place["address"], place["size"], mapped)
    head = corelib.RegionHead.from_address(place["address"])
    if (head.magic, head.abi, head.base) != (corelib.MAGIC, corelib.ABI, place["address"]):
        raise CannotAttach(f"process {pid} ({program.name}) has no region of a Hew program where it says")

    def allow(address: int, size: int) -> None:
        with _opened(pid, place["fd"], os.O_RDWR) as own:
            offset = address - place["address"]
            mapping.map_at(address, own, size, writable=True, offset=offset, replace=True)

    return Inspect(place["address"], program, described["workers"], process=pid, allow=allow)


def _map_counters(pid: int, described: dict[str, Any], inspect: Inspect, mapped: list[tuple[int, int]]) -> Counters:
    place = described["counters"]
    _map(pid, place["fd"], place["address"], place["size"], mapped)
    words = (ctypes.c_uint64 * place["words"]).from_address(place["address"] + place["start"])
    return Counters(
        words=words,
        offset=place["offset"],
        stride=place["stride"],
        workers=described["workers"],
        positions=place["positions"],
        active_workers=inspect.active_workers,
        file=SharedWords(words=words, owner=None, fd=-1, size=place["size"], start=place["start"]),
        base=place["address"],
    )


def _map(pid: int, fd: int, address: int, size: int, mapped: list[tuple[int, int]]) -> None:
    with _opened(pid, fd) as own:
        if os.fstat(own).st_size < size:
            raise CannotAttach(f"process {pid} ({_name(pid)}) does not have the memory that it describes")
        try:
            mapping.map_at(address, own, size, writable=False)
        except OSError as error:
            raise CannotAttach(
                f"cannot map the memory of process {pid} at {address:#x}: {error.strerror or error}"
            ) from error
    mapped.append((address, size))


def _unmap_all(mapped: list[tuple[int, int]]) -> None:
    while mapped:
        mapping.unmap(*mapped.pop())


@contextlib.contextmanager
def _opened(pid: int, fd: int, access: int = os.O_RDONLY) -> Iterator[int]:
    try:
        own = os.open(f"/proc/{pid}/fd/{fd}", access | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise CannotAttach(f"process {pid} has just ended") from error
    except OSError as error:
        raise CannotAttach(f"cannot look into process {pid}: {error.strerror}") from error
    try:
        yield own
    finally:
        os.close(own)
