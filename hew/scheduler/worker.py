"""A worker process: born by fork, lives in the C core, leaves by `os._exit`."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass

from hew.scheduler import corelib, process
from hew.scheduler.region import Region


@dataclass(frozen=True, slots=True)
class Birth:
    """What a worker is born with."""

    index: int
    incarnation: int
    cpu: int | None  # pinned to this CPU


class Nursery:
    """Starts workers, sharing one descriptor table among them where the kernel allows it."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._supervisor = os.getpid()
        self._share_files = True

    def start(self, birth: Birth) -> int:
        """Fork a worker; returns its pid."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by whoever started us
                stream.flush()
        if self._share_files:
            with process.signals_held():
                pid = corelib.clone_files()
                if pid == 0:
                    process.run_child(lambda: self._live(birth))
            if pid > 0:
                return pid
            if -pid in (errno.EAGAIN, errno.ENOMEM):
                raise OSError(-pid, os.strerror(-pid))
            self._share_files = False
            process.say(
                f"[hew] warning: this system refuses workers with one descriptor table ({os.strerror(-pid)}); "
                "actors that own descriptors stay on their worker\n"
            )
        return process.fork(lambda: self._live(birth))

    def _live(self, birth: Birth) -> int:
        process.become_child(f"hew-worker-{birth.index}", self._supervisor)
        if birth.cpu is not None:
            os.sched_setaffinity(0, {birth.cpu})
        return int(self._region.core.hew_worker_run(self._region.address, birth.index, birth.incarnation))
