"""The shared mapping: created before any fork, so that every process has it at one address."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from hew.errors import ConfigError
from hew.program import Program
from hew.scheduler import corelib, counters
from hew.scheduler.inspect import Inspect
from hew.settings import OnCrash, Settings

RESERVED: Final = "about 5 GB"  # the table of 2^24 actors, and the smallest heap


class Verdict(IntEnum):
    """hew_verdict: how the program ended."""

    RUNNING = 0
    ENDED = 1
    DEADLOCK = 2
    EXITED = 3
    MAIN_TRAPPED = 4
    STOPPED = 5
    OUTPUT_CLOSED = 6
    OUTPUT_FAILED = 7


@dataclass(slots=True)
class Region:
    """The region's address, its counters and its readers."""

    address: int
    counters: counters.Counters
    inspect: Inspect
    core: ctypes.CDLL = field(repr=False)

    def verdict(self) -> tuple[Verdict, int]:
        """The verdict so far, and the exit code that goes with it."""
        code = ctypes.c_int64()
        verdict = Verdict(self.core.hew_region_verdict(self.address, ctypes.byref(code)))
        return verdict, code.value

    def decide(self, verdict: Verdict, exit_code: int) -> None:
        """Give the verdict, unless there is one already; every worker then leaves at its next safepoint."""
        self.core.hew_region_decide(self.address, int(verdict), exit_code)

    def recover(self, worker: int, incarnation: int) -> tuple[bool, str]:
        """Settle what a dead worker left. Was main lost; and what the worker was doing, as a phrase."""
        text = ctypes.create_string_buffer(512)
        lost_main = self.core.hew_recover_worker(self.address, worker, incarnation, text, len(text))
        return bool(lost_main), text.value.decode(errors="replace")

    def audit(self) -> str:
        """What does not look as the core wrote it; empty when all does. For after a crash: a kill breaks nothing."""
        text = ctypes.create_string_buffer(512)
        sound = self.core.hew_region_audit(self.address, text, len(text))
        return "" if sound else text.value.decode(errors="replace")

    def deadlock_report(self) -> str:
        """Who waits for whom, as lines of standard error."""
        text = ctypes.create_string_buffer(64 * 1024)
        length = self.core.hew_deadlock_report(self.address, text, len(text))
        return text.raw[: max(0, length)].decode(errors="replace")


def create(program: Program, settings: Settings, arguments: list[str], notify_fd: int) -> Region:
    """Map the region and its counters. Raises ConfigError when the machine refuses the memory."""
    core = corelib.load()
    names = _counter_names(core)
    address = 0

    def active_workers() -> int:
        return int(core.hew_inspect_active_workers(address))

    try:
        shared = counters.create(settings.workers, names, active_workers)
    except OSError as refused:
        raise _cannot_map(f"cannot map the counters: {refused.strerror}") from refused
    argv = (ctypes.c_char_p * len(arguments))(*(argument.encode(errors="surrogateescape") for argument in arguments))
    config = corelib.Config(
        abi=corelib.ABI,
        workers=settings.workers,
        heap_max=settings.heap_max,
        stack_size=settings.stack,
        notify_fd=notify_fd,
        checked=int(settings.checked),
        on_crash_recover=int(settings.on_crash is OnCrash.RECOVER),
        handlers=sum(len(actor.handlers) for actor in program.actors),
        counters=shared.address,
        counters_stride=shared.stride,
        argc=len(arguments),
        argv=argv,
    )
    error = ctypes.create_string_buffer(512)
    address = core.hew_region_create(config, error, len(error)) or 0
    if not address:
        message = error.value.decode(errors="replace")
        if "open files" in message:
            raise ConfigError(f"{message}: `ulimit -n` allows more")
        raise _cannot_map(message)
    return Region(address, shared, Inspect(address, program, settings.workers, process=os.getpid()), core)


def _cannot_map(what: str) -> ConfigError:
    return ConfigError(
        f"{what}; {RESERVED} of address space are reserved, little of it is used: "
        "`ulimit -v` and `ulimit -f` must allow that"
    )


def _counter_names(core: ctypes.CDLL) -> list[str]:
    names: list[str] = []
    while (name := core.hew_counter_name(len(names))) is not None:
        names.append(name.decode())
    return names
