"""Maps a file at a chosen address, so that a pointer into it means the same in every process that does so.

Python's own `mmap` lets the kernel choose. Used for the counters, and by those who attach to a running program.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from functools import cache
from typing import Final

MAP_FIXED: Final = 0x10
MAP_FIXED_NOREPLACE: Final = 0x100000
MAP_NORESERVE: Final = 0x4000
MAP_FAILED: Final = ctypes.c_void_p(-1).value


def map_at(address: int, fd: int, size: int, *, writable: bool, offset: int = 0, replace: bool = False) -> None:
    """Map `size` bytes of `fd` from `offset` on, shared, exactly there.

    OSError (EEXIST) when something else is there already, unless it is to be replaced.
    """
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    flags = mmap.MAP_SHARED | MAP_NORESERVE | (MAP_FIXED if replace else MAP_FIXED_NOREPLACE)
    got = _libc().mmap(address, size, protection, flags, fd, offset)
    if got == MAP_FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if got != address:  # a kernel before 4.17, which takes the address for a wish
        unmap(got, size)
        raise FileExistsError(f"address {address:#x} is in use")


def unmap(address: int, size: int) -> None:
    """Undo `map_at`."""
    _libc().munmap(address, size)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
    )
    libc.munmap.restype = ctypes.c_int
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return libc
