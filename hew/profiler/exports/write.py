"""The files that HEW_PROF_OUTPUT asks for, written by the supervisor when the program has ended, however it ended.

A reader never sees half a file: temporary name, fsync, rename. A failure is a line on stderr and changes no exit code.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

from hew.profiler.config import Config, Output
from hew.profiler.reader import Reader
from hew.profiler.sources import Counters, Inspect, ProgramInfo
from hew.steps import at_once

PPROF_FILE: Final = "hew-profile.pb.gz"
FLAT_FILE: Final = "hew-profile.txt"


def export_on_exit(
    config: Config,
    cwd: Path,
    inspect: Inspect,
    counters: Counters,
    program: ProgramInfo,
    *,
    output: TextIO | None = None,
) -> bool:
    """Write what was asked for into `cwd`; False when something could not be written, and said so on stderr."""
    if config.output is None:
        return True
    reader = Reader(counters, inspect, program)
    files: dict[str, Callable[[Reader], bytes]] = {}
    if config.output in (Output.PPROF, Output.BOTH):
        files[PPROF_FILE] = _heap
    if config.output in (Output.FLAT, Output.BOTH):
        files[FLAT_FILE] = _flat
    written = [_write(cwd / name, make(reader), output or sys.stderr) for name, make in files.items()]
    return all(written)


def _heap(reader: Reader) -> bytes:
    from hew.profiler.exports import pprof  # protobuf is loaded only where a profile is written

    return at_once(pprof.encode(at_once(pprof.take(reader)), reader.program))


def _flat(reader: Reader) -> bytes:
    from hew.profiler.exports import flat

    return "".join(flat.render(at_once(reader.snapshot(sort="time_ns")))).encode("utf-8", "replace")


def _write(path: Path, data: bytes, output: TextIO) -> bool:
    try:
        write_whole(path, data)
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):  # stderr may be closed too
            output.write(f"[hew-pprof] cannot write {path}: {error.strerror}\n")
        return False
    return True


def write_whole(path: Path, data: bytes) -> None:
    """`path` holds all of `data` or what it held before."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot; the file itself is synced
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
