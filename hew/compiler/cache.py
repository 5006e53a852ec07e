"""Machine code kept between runs, so that a program that has not changed starts without the compiler.

One file per program in $XDG_CACHE_HOME/hew (~/.cache/hew), named by a hash of all that the code depends on:
the source, its name, the compiler, LLVM, the CPU and the options. The cache is never needed: where its folder
cannot be made, read or written (read-only home, full disk, no home at all), or a file in it is damaged,
the program is compiled and that is all. Files are written whole under another name and then renamed. The oldest
go when there are more than MAX_FILES or MAX_BYTES of them.

Who can write there decides what the user's programs do, so a folder or file that another user owns or may write
(root excepted) is not used. It is the descriptor that is judged, then only the descriptor is used: what the name
stands for may change in between.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hew.program import Program

try:
    from _blake2 import blake2b  # hashlib would load OpenSSL as well
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_FILES: Final = 256
MAX_BYTES: Final = 64 * 1024 * 1024
SUFFIX: Final = ".program"
DIGEST_BYTES: Final = 20  # of all that follows it in a file
OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
SAFELY: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO must not make us wait
FIRST_CPU: Final = 8192  # bytes of /proc/cpuinfo that have the first CPU


class Untrusted(Exception):
    """Somebody else owns a folder or file, or may write to it; the text names it and says why."""


def folder(environ: Mapping[str, str]) -> Path | None:
    """Where the files are; None where there is no place for them. HEW_CACHE=0 turns the cache off."""
    if environ.get("HEW_CACHE") == "0":
        return None
    base = environ.get("XDG_CACHE_HOME", "")
    if base.startswith("/"):
        return Path(base, "hew")
    home = environ.get("HOME", "")
    return Path(home, ".cache", "hew") if home.startswith("/") else None


def key(data: bytes, *parts: str) -> str:
    """The name of what is compiled from `data` under the circumstances `parts`."""
    digest = blake2b(data, digest_size=20)
    for part in (*parts, _compiler()):
        digest.update(b"\0" + part.encode(errors="surrogateescape"))
    return digest.hexdigest()


def machine() -> str:
    """What code for this machine depends on: the CPU with all it can do, and LLVM; cheaper to find than by LLVM."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            first = file.read(FIRST_CPU).partition("\n\n")[0].splitlines()
    except OSError:
        from hew.compiler import native

        return native.host_cpu()
    cpu = [line for line in first if line.startswith(("vendor_id", "cpu family", "model", "stepping", "flags"))]
    return "\n".join([*cpu, _llvm()])


def _llvm() -> str:
    """Where LLVM's library is found, and since when."""
    for folder in sys.path:
        place = os.path.join(folder, "llvmlite", "_version.py")
        with suppress(OSError):
            return f"{place} {os.stat(place).st_mtime_ns}"
    return ""


def _compiler() -> str:
    """What changes when a file of the compiler does, also in a working copy whose version stays."""
    root = Path(__file__).parent
    marks = []
    for place in (root, root / "check", root / "codegen", root / "parser"):
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    marks.append(f"{entry.name}{status.st_mtime_ns}{status.st_size}")
    return "".join(sorted(marks))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


@contextmanager
def _trusted(path: Path, flags: int, parent: int | None = None) -> Iterator[int]:
    """The descriptor of what only this user and root may have written. Untrusted or OSError when it is none."""
    try:
        opened = os.open(path if parent is None else path.name, flags | SAFELY, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and path.is_symlink():
            raise Untrusted(f"'{path}' is a symbolic link") from error
        raise
    try:
        status = os.fstat(opened)
        if status.st_uid not in (os.geteuid(), 0):
            raise Untrusted(f"'{path}' belongs to another user (uid {status.st_uid})")
        if status.st_mode & OTHERS_WRITE:
            raise Untrusted(f"other users may write to '{path}' (mode {stat.S_IMODE(status.st_mode):o})")
        yield opened
    finally:
        os.close(opened)


class Cache:
    """The programs in the folder `place`. `warning` says why they are not used, when they cannot be trusted."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.warning = ""

    def read(self, name: str) -> Program | None:
        """What was kept under the name, if it is there, whole and trusted."""
        try:
            kept = self._bytes(name + SUFFIX)
            if kept[:DIGEST_BYTES] != _digest(kept[DIGEST_BYTES:]):
                return None  # machine code is run as it is: nothing else would notice
            return Program.from_bytes(kept[DIGEST_BYTES:])
        except Untrusted as error:
            self._distrust(error)
            return None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, name: str, program: Program) -> None:
        """Keep the program; not being able to is no failure."""
        whole = program.to_bytes()
        with suppress(OSError):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with _trusted(self._place, os.O_RDONLY | os.O_DIRECTORY) as place:
                    _replace(place, name + SUFFIX, f".{name}.{os.getpid()}", _digest(whole) + whole)
                    _trim(place)
            except Untrusted as error:
                self._distrust(error)

    def _bytes(self, file: str) -> bytes:
        with (
            _trusted(self._place, os.O_RDONLY | os.O_DIRECTORY) as place,
            _trusted(self._place / file, os.O_RDONLY, place) as opened,
            open(opened, "rb", closefd=False) as stream,
        ):
            kept = stream.read()
            with suppress(OSError):
                os.utime(opened)  # used now: it goes last
            return kept

    def _distrust(self, error: Untrusted) -> None:
        if not self.warning:
            self.warning = f"warning: the program is compiled anew, as its cache is not trusted: {error}"


def _replace(place: int, name: str, scratch: str, data: bytes) -> None:
    """The file in the folder is the old one or the new one, at any time."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFELY
        with open(os.open(scratch, flags, 0o600, dir_fd=place), "wb") as stream:
            stream.write(data)
        os.replace(scratch, name, src_dir_fd=place, dst_dir_fd=place)
    except OSError:
        with suppress(OSError):
            os.unlink(scratch, dir_fd=place)
        raise


def _trim(place: int) -> None:
    """Forget the programs that were not used for longest, and what an interrupted write has left."""
    files = []
    with os.scandir(place) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another hew trims too
                status = entry.stat(follow_symlinks=False)
                files.append((status.st_mtime_ns, status.st_size, entry.name))
    files.sort(reverse=True)
    total = 0
    for count, (_, size, name) in enumerate(files, 1):
        total += size
        if count > MAX_FILES or total > MAX_BYTES:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place)
