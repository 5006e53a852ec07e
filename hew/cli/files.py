"""The source that a command names: a file, or `-` for the standard input."""

import os
import stat
from typing import Final, NamedTuple

from hew.errors import UsageError

MAX_SOURCE_BYTES: Final = 4 * 1024 * 1024
CHUNK_BYTES: Final = 1 << 20
STDIN: Final = "-"


class Source(NamedTuple):
    """A program's text as bytes, and the name that messages give it."""

    data: bytes
    name: str


def read_source(path: str) -> Source:
    """The bytes of `path`; what stands in the way is a UsageError that names it."""
    if path == STDIN:
        return Source(_read("<stdin>", 0), "<stdin>")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise UsageError(f"cannot read '{path}': it is a directory, not a program")
        return Source(_read(path, descriptor), os.fsencode(path).decode(errors="backslashreplace"))
    finally:
        os.close(descriptor)


def _read(name: str, descriptor: int) -> bytes:
    """Up to the limit: a device without end is refused as soon as it passes it."""
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := os.read(descriptor, CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_SOURCE_BYTES:
                raise UsageError(f"cannot read '{name}': it is larger than 4 MiB, the most that a source may have")
    except OSError as error:
        raise _unreadable(name, error) from error
    return b"".join(chunks)


def _unreadable(name: str, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return UsageError(f"cannot read '{name}': {reason}")
