"""Environment -> Settings. A malformed value is an error before anything starts; an empty one counts as unset.

The variables of the profiler are read by hew/profiler/config.py, which `hew run` loads only when one of them is set.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hew.errors import ConfigError
from hew.machine import Machine, look

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
UNITS: Final = {"": 1, "K": KIB, "M": MIB, "G": GIB}

MAX_WORKERS: Final = 255
HEAP_LEAST: Final = 16 * MIB  # that HEW_HEAP_MAX may ask for
HEAP_MOST: Final = 64 * 1024 * GIB  # half of what a process can address
HEAP_DEFAULT_LEAST: Final = 64 * MIB
HEAP_SHARE: Final = 0.75  # of the memory we may take
PROCESS_BYTES: Final = 48 * MIB  # private memory of a worker, the supervisor or the profiler
STACK_LEAST: Final = 64 * KIB
STACK_MOST: Final = GIB
STACK_DEFAULT: Final = 8 * MIB


class OnCrash(Enum):
    """What follows a segmentation fault in foreign code."""

    END = "end"
    RECOVER = "recover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a program is run, whatever the program."""

    workers: int  # worker processes
    heap_max: int  # bytes of the shared region
    stack: int  # bytes that one handler's stack may grow to
    pin: bool  # worker i stays on CPU i of the allowed set
    checked: bool  # integer overflow traps
    on_crash: OnCrash


def read_settings(environ: Mapping[str, str], machine: Machine | None = None) -> Settings:
    """The settings that `environ` asks for, on this machine unless told another."""
    if machine is None:
        machine = look(cpus=len(os.sched_getaffinity(0)))
    workers = _workers(environ) or default_workers(machine)
    pin = _switch(environ, "HEW_PIN")
    return Settings(
        workers=workers,
        heap_max=_heap_max(environ) or default_heap_max(machine, workers),
        stack=_stack(environ) or STACK_DEFAULT,
        pin=pin and machine.cpu_quota is None,  # under a quota a pinned worker stands still while CPUs are idle
        checked=read_checked(environ),
        on_crash=_on_crash(environ),
    )


def read_checked(environ: Mapping[str, str]) -> bool:
    """HEW_CHECKED alone: all of the settings that compiling depends on."""
    return _switch(environ, "HEW_CHECKED")


def default_workers(machine: Machine) -> int:
    """A worker for each CPU we may use; part of a CPU counts as one."""
    usable = machine.cpus if machine.cpu_quota is None else min(machine.cpus, math.ceil(machine.cpu_quota))
    return max(1, min(usable, MAX_WORKERS))


def default_heap_max(machine: Machine, workers: int) -> int:
    """Below any limit that ends in the kernel's OOM killer, with room for the processes themselves."""
    heap = int(machine.memory_bytes * HEAP_SHARE) - PROCESS_BYTES * (workers + 2)
    return min(max(heap, HEAP_DEFAULT_LEAST), HEAP_MOST)


def _workers(environ: Mapping[str, str]) -> int | None:
    text = environ.get("HEW_WORKERS")
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_WORKERS:
        raise ConfigError(f"HEW_WORKERS: cannot read {text!r} as a number of workers (1 to {MAX_WORKERS})")
    return int(text)


def _heap_max(environ: Mapping[str, str]) -> int | None:
    text = environ.get("HEW_HEAP_MAX")
    if not text:
        return None
    size = _size(text)
    if size is None or not HEAP_LEAST <= size <= HEAP_MOST:
        raise ConfigError(
            f"HEW_HEAP_MAX: cannot read {text!r} as a size of the heap "
            "(digits and K, M or G, such as 512M; at least 16M, at most 65536G)"
        )
    return size


def _stack(environ: Mapping[str, str]) -> int | None:
    text = environ.get("HEW_STACK")
    if not text:
        return None
    size = _size(text)
    if size is None or not STACK_LEAST <= size <= STACK_MOST:
        raise ConfigError(
            f"HEW_STACK: cannot read {text!r} as a size of a handler's stack "
            "(digits and K, M or G, such as 8M; at least 64K, at most 1G)"
        )
    return size


def _size(text: str) -> int | None:
    """Bytes, from digits and a unit by 1024."""
    match = re.fullmatch("([0-9]{1,18})([KMG]?)", text)
    return int(match[1]) * UNITS[match[2]] if match else None


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name)
    if text not in (None, "", "0", "1"):
        raise ConfigError(f"{name}: cannot read {text!r} as a switch (1 or 0)")
    return text == "1"


def _on_crash(environ: Mapping[str, str]) -> OnCrash:
    text = environ.get("HEW_ON_CRASH")
    if not text:
        return OnCrash.END
    if text not in (choice.value for choice in OnCrash):
        raise ConfigError(f"HEW_ON_CRASH: cannot read {text!r} as what to do after a crash (end or recover)")
    return OnCrash(text)
