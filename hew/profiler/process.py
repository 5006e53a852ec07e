"""The profiler process: its two threads, and how they end.

`companion` is called in a process that the supervisor has just forked, `attached` in that of `hew pprof PID`. The main
thread becomes hew-pprof-sampler, a second one, hew-pprof-server, serves HTTP; there are no others. FastAPI is imported
here and nowhere else, after the fork, on the server's thread, so that neither the program's start nor the first sample
waits for it.

A companion ends when told to (the stop descriptor), when its supervisor is gone (death signal, parent's id), or when
its server fails; signals that are meant for the program are ignored, since the supervisor acts on them.
"""

import ctypes
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hew.profiler.config import Config
from hew.profiler.history import History
from hew.profiler.listening import Listener
from hew.profiler.reader import Reader
from hew.profiler.sampler import Sampler
from hew.profiler.sources import Counters, Inspect, ProgramInfo
from hew.profiler.watch import Board, Watch

if TYPE_CHECKING:
    import uvicorn

PR_SET_PDEATHSIG: Final = 1
PR_SET_NAME: Final = 15
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
LARGE_BLOCK: Final = 256 * 1024  # bytes; from there on each block is a mapping of its own
PROCESS_NAME: Final = "hew-pprof"
SAMPLER_NAME: Final = "hew-pprof-sampler"
SERVER_NAME: Final = "hew-pprof-server"
JOIN_SECONDS: Final = 2  # for answers that are on their way at the end
IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def companion(
    listener: Listener,
    program: ProgramInfo,
    counters: Counters,
    inspect: Inspect,
    *,
    config: Config,
    supervisor: int,
    stop: int | None = None,
    cpus: Iterable[int] | None = None,
    program_started_ns: int | None = None,
) -> int:
    """Sample and serve until the end; the exit code for `os._exit`.

    `supervisor`: the forking process's id, taken before the fork. `stop`: a descriptor that ends the process when it
    can be read or is hung up. `cpus`: where to run (those that pinned workers leave). `program_started_ns`:
    CLOCK_MONOTONIC, for uptime_secs.
    """
    _settle(cpus)
    if os.getppid() != supervisor:  # it died before the death signal was set
        return 0
    reader = Reader(counters, inspect, program, program_started_ns=program_started_ns)
    service = _Service(listener, config, reader, History(), Board())
    thread = _run(service, supervisor=supervisor, ends=() if stop is None else (stop,))
    thread.join(JOIN_SECONDS if service.answering() else 0)
    return service.exit_code()


def attached(
    listener: Listener,
    program: ProgramInfo,
    counters: Counters,
    inspect: Inspect,
    *,
    config: Config,
    ends: tuple[int, ...],
    program_started_ns: int,
) -> int:
    """The same beside a program that does not know of us, until one of the descriptors `ends` can be read.

    Signals are the caller's. Both threads are over on return.
    """
    name_thread(PROCESS_NAME)
    reader = Reader(counters, inspect, program, program_started_ns=program_started_ns)
    service = _Service(listener, config, reader, History(), Board())
    _run(service, supervisor=None, ends=ends).join(JOIN_SECONDS)
    return service.exit_code()


def _run(service: "_Service", *, supervisor: int | None, ends: tuple[int, ...]) -> threading.Thread:
    """Until the end; the server's thread, which has been told of it."""
    thread = threading.Thread(target=service.run, name=SERVER_NAME, daemon=True)
    watch = Watch(service.reader, service.board)
    with service.failed:
        thread.start()
        ends = (service.failed.fileno(), *ends)
        Sampler(service.reader, service.history, supervisor=supervisor, ends=ends, watch=watch).run()
        service.stop()
    return thread


def _settle(cpus: Iterable[int] | None) -> None:
    gc.freeze()  # what was inherited is shared with the other processes; the collector need not touch it
    for each in IGNORED:
        signal.signal(each, signal.SIG_IGN)
    _give_memory_back()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    name_thread(PROCESS_NAME)
    threading.current_thread().name = SAMPLER_NAME
    if cpus is not None:
        os.sched_setaffinity(0, cpus)


def _give_memory_back() -> None:
    """A list of 100,000 actors takes tens of megabytes once; without this, glibc keeps them, and more each time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not in every C library
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
        mallopt(M_ARENA_MAX, 1)


def name_thread(name: str) -> None:
    """What `ps` and `top` show of the calling thread; the kernel keeps 15 bytes."""
    _prctl(PR_SET_NAME, ctypes.create_string_buffer(name.encode()[:15]))


def _prctl(option: int, argument: object) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)


@dataclass(slots=True)
class _Service:
    """The server's thread, and how the two threads tell each other of the end."""

    listener: Listener
    config: Config
    reader: Reader
    history: History
    board: Board
    error: BaseException | None = None
    failed: socket.socket = field(init=False)  # readable for the sampler when the server has ended
    _failing: socket.socket = field(init=False)
    _server: "uvicorn.Server | None" = None
    _stopping: bool = False

    def __post_init__(self) -> None:
        self.failed, self._failing = socket.socketpair()

    def run(self) -> None:
        try:
            name_thread(SERVER_NAME)
            self._serve()
        except BaseException as error:  # reported in one line; the supervisor sees the exit code
            self.error = error
            sys.stderr.write(f"[hew-pprof] the server failed: {type(error).__name__}: {error}\n")
        finally:
            self._failing.close()

    def stop(self) -> None:
        self._stopping = True
        if self._server is not None:
            self._server.should_exit = True

    def exit_code(self) -> int:
        """1 when the server has failed."""
        return 1 if self.error is not None else 0

    def answering(self) -> bool:
        """Whether a client waits for the rest of an answer; otherwise the process may leave at once."""
        return self._server is not None and bool(self._server.server_state.tasks)

    def _serve(self) -> None:
        from hew.profiler.app import make_app
        from hew.profiler.security import Guard, Policy
        from hew.profiler.server import make_server, serve

        policy = Policy(
            token=self.config.token,
            hosts=self.config.hosts,
            check_host=not self.listener.is_unix,
            loopback=self.listener.loopback,
            machine_name=socket.gethostname(),
        )
        guarded = self.listener.is_unix or self.config.token is not None
        app = make_app(self.reader, self.history, guarded=guarded, board=self.board)
        self._server = make_server(Guard(app, policy))
        if not self._stopping:
            serve(self._server, self.listener)
