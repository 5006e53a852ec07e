"""The C core as Python sees it: finds the library, types every function, refuses another ABI.

Called once by the supervisor, before anything is mapped or forked. Calls go through `ctypes.CDLL`,
which releases the interpreter's lock, except `hew_clone_files`: a child must be born holding it.
"""

from __future__ import annotations

import ctypes
import os
from binascii import crc32
from ctypes import POINTER, Structure, c_bool, c_char_p, c_int, c_int32, c_int64, c_long, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Final

from hew.errors import InternalError

ABI: Final = 1
LIBRARY: Final = Path(__file__).parent / "_core" / "libhewcore.so"

HEAD_BYTES: Final = 4096
FRAMES: Final = 121  # HEW_SAMPLE_FRAMES
MAGIC: Final = 0x3157455948  # HEW_MAGIC
ALL: Final = 0xFFFFFFFF  # UINT32_MAX: no filter, or the type of main


class Config(Structure):
    """hew_config."""

    _fields_ = (
        ("abi", c_uint32),
        ("workers", c_uint32),
        ("heap_max", c_uint64),
        ("stack_size", c_uint64),
        ("notify_fd", c_int32),
        ("checked", c_uint32),
        ("on_crash_recover", c_uint32),
        ("handlers", c_uint32),
        ("counters", c_void_p),
        ("counters_stride", c_uint64),
        ("argc", c_int64),
        ("argv", POINTER(c_char_p)),
    )


class RegionHead(Structure):
    """The first fields of hew_region."""

    _fields_ = (
        ("magic", c_uint64),
        ("abi", c_uint32),
        ("n_workers", c_uint32),
        ("base", c_uint64),
        ("size", c_uint64),
        ("fd", c_int32),
    )


class ActorRow(Structure):
    """hew_actor_row."""

    _fields_ = (
        ("id", c_uint64),
        ("pid", c_uint64),
        ("msgs", c_uint64),
        ("time_ns", c_uint64),
        ("blocked_ns", c_uint64),
        ("mbox_depth", c_uint64),
        ("mbox_hwm", c_uint64),
        ("bytes_allocated", c_uint64),
        ("bytes_live", c_uint64),
        ("type", c_uint32),
        ("state", c_uint32),
        ("worker", c_uint32),
        ("slot", c_uint32),
    )


class ActorQuery(Structure):
    """hew_actor_query."""

    _fields_ = (
        ("sort", c_uint32),
        ("descending", c_uint32),
        ("type", c_uint32),
        ("state", c_uint32),
        ("include_main", c_uint32),
        ("include_ended", c_uint32),
        ("limit", c_uint64),
    )


class Memory(Structure):
    """hew_memory, bytes."""

    _fields_ = (("peak_bytes_live", c_uint64), ("heap_limit", c_uint64), ("heap_committed", c_uint64))


class Code(Structure):
    """hew_code: address and bytes of the program's loaded text."""

    _fields_ = (("base", c_uint64), ("size", c_uint64))


class Where(Structure):
    """hew_where."""

    _fields_ = (
        ("since_ns", c_uint64),
        ("sleep_ns", c_uint64),
        ("about_pid", c_uint64),
        ("about_type", c_uint32),
        ("handler", c_uint32),
        ("wait", c_uint32),
        ("depth", c_uint32),
        ("pcs", c_uint64 * FRAMES),
    )


class TypeTotals(Structure):
    """hew_type_totals: sums over actors of a type."""

    _fields_ = (("count", c_uint64), ("msgs", c_uint64), ("time_ns", c_uint64), ("bytes_allocated", c_uint64))


class ActorScan(Structure):
    """hew_actor_scan: a list in the making."""

    _fields_ = (
        ("query", ActorQuery),
        ("rows", POINTER(ActorRow)),
        ("live", POINTER(TypeTotals)),
        ("n_types", c_uint64),
        ("n", c_uint64),
        ("total", c_uint64),
        ("slot", c_uint64),
        ("now", c_uint64),
        ("unsorted", c_uint64),
        ("phase", c_uint32),
    )


class Times(Structure):
    """hew_times: nanoseconds, and how many messages took 2^i to 2^(i+1) of them."""

    _fields_ = (("total_ns", c_uint64), ("max_ns", c_uint64), ("buckets", c_uint64 * 64))


class HandlerTotals(Structure):
    """hew_handler_totals."""

    _fields_ = (("count", c_uint64), ("work", Times), ("mailbox", Times))


_SIGNATURES: Final = (
    ("hew_abi", c_uint32, ()),
    ("hew_self_address", c_uint64, ()),
    ("hew_counter_name", c_char_p, (c_uint32,)),
    ("hew_region_create", c_void_p, (POINTER(Config), c_char_p, c_uint64)),
    ("hew_region_destroy", None, (c_void_p,)),
    ("hew_region_set_code", None, (c_void_p, c_uint64, c_uint64, c_char_p, c_uint64)),
    ("hew_region_start", None, (c_void_p, c_void_p)),
    ("hew_short_slices", c_int, ()),
    ("hew_worker_run", c_int, (c_void_p, c_uint32, c_uint32)),
    ("hew_region_verdict", c_uint32, (c_void_p, POINTER(c_int64))),
    ("hew_region_decide", c_bool, (c_void_p, c_uint32, c_int64)),
    ("hew_recover_worker", c_int, (c_void_p, c_uint32, c_uint32, c_char_p, c_uint64)),
    ("hew_region_audit", c_bool, (c_void_p, c_char_p, c_uint64)),
    ("hew_region_wake_all", None, (c_void_p,)),
    ("hew_deadlock_report", c_int64, (c_void_p, c_char_p, c_uint64)),
    ("hew_sample_page", c_uint64, (c_void_p,)),
    ("hew_sample_request", None, (c_void_p, c_uint64, c_uint64)),
    ("hew_sample_written", c_uint64, (c_void_p, c_uint32)),
    (
        "hew_sample_read",
        c_uint64,
        (c_void_p, c_uint32, POINTER(c_uint64), c_void_p, c_uint64, POINTER(c_uint64)),
    ),
    ("hew_inspect_actors", c_bool, (c_void_p, POINTER(ActorScan), c_uint64)),
    ("hew_inspect_where", c_bool, (c_void_p, c_uint32, c_uint64, POINTER(Where))),
    ("hew_inspect_memory", None, (c_void_p, POINTER(Memory))),
    ("hew_inspect_ended", None, (c_void_p, c_uint32, POINTER(TypeTotals))),
    ("hew_inspect_handler", c_bool, (c_void_p, c_uint32, c_uint32, POINTER(HandlerTotals))),
    ("hew_inspect_code", None, (c_void_p, POINTER(Code))),
    ("hew_inspect_actors_live", c_uint64, (c_void_p,)),
    ("hew_inspect_active_workers", c_uint32, (c_void_p,)),
)


@cache
def load() -> ctypes.CDLL:
    """The typed library. Raises InternalError when it is missing or speaks another ABI."""
    if not LIBRARY.exists():
        raise InternalError(
            f"the C core is not built: {LIBRARY} is missing; `make core` (or `pip install .`) builds it"
        )
    library = ctypes.CDLL(str(LIBRARY), mode=ctypes.RTLD_GLOBAL)
    for name, result, arguments in _SIGNATURES:
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    found = library.hew_abi()
    if found != ABI:
        raise InternalError(f"the C core speaks ABI {found}, this hew needs {ABI}; rebuild it with `make core`")
    return library


def fingerprint() -> str:
    """Tells one build of the library from another: its size and a sum of its head, where linkers put a build id."""
    with LIBRARY.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
        return f"{os.fstat(file.fileno()).st_size:x}-{crc32(head):08x}"


def clone_files() -> int:
    """A child that shares our table of descriptors, as threads do (clone with CLONE_FILES).

    Returns 0 in the child, its pid in the parent, -errno where the kernel refuses. Both sides hold the
    interpreter's lock, and Python's own fork bookkeeping is done around the call.
    """
    function = ctypes.PyDLL(str(LIBRARY)).hew_clone_files
    function.restype = c_long
    function.argtypes = ()
    api = ctypes.pythonapi
    api.PyOS_BeforeFork()
    pid = int(function())
    if pid == 0:
        api.PyOS_AfterFork_Child()
    else:
        api.PyOS_AfterFork_Parent()
    return pid
