"""The supervisor: starts the workers, watches them, replaces the dead, ends the program.

One thread for life: a replacement may be forked at any time, and PR_SET_PDEATHSIG fires when the
forking *thread* ends. It sleeps in poll on the children's pidfds, on the eventfd that the core writes
once when the verdict is given, and on the pipe that Python's signal machinery writes to.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from hew.errors import ConfigError
from hew.program import Loaded, Program
from hew.scheduler import attach, process, region
from hew.scheduler.counters import Counters
from hew.scheduler.inspect import Inspect
from hew.scheduler.region import Region, Verdict
from hew.scheduler.worker import Birth, Nursery
from hew.settings import OnCrash, Settings

STOP_GRACE_SECONDS: Final = 3.0  # for handlers to reach a safepoint after a stop; exports follow, all within 5 s
INIT_PID: Final = 1
OWN_DESCRIPTORS: Final = 6  # signals, notes, region and counters; the rest is asked for when they are open
SPARE_DESCRIPTORS: Final = 4  # for exports, recovery and the metadata that others attach by
CRASH_SIGNALS: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE)
OOM_KILLS: Final = 2  # within OOM_WINDOW_SECONDS at over OOM_SHARE of the limit: the machine is out of memory
OOM_WINDOW_SECONDS: Final = 1.0
OOM_SHARE: Final = 0.95
SPIN_DEATHS: Final = 20  # deaths of workers within SPIN_WINDOW_SECONDS: replacing them does not help
SPIN_WINDOW_SECONDS: Final = 1.0

EXIT_DEADLOCK: Final = 2
EXIT_TRAPPED: Final = 1
EXIT_INTERNAL: Final = 4
EXIT_OOM: Final = 137
EXIT_CRASH: Final = 139
EXIT_OUTPUT_CLOSED: Final = 141
EXIT_OUTPUT_FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class View:
    """What companions and exit hooks may read of a run."""

    program: Program
    counters: Counters
    inspect: Inspect


class Companion(Protocol):
    """A process beside the workers (the profiler); it only reads, and its death harms nobody."""

    name: str

    def run(self, view: View) -> int:
        """In the forked process; returns its exit code."""
        ...

    def started(self) -> None:
        """In the supervisor, once it is forked and before any worker is: give up what is the companion's alone."""
        ...


ExitHook = Callable[[View], None]
"""Runs in the supervisor after the workers have left, on every way of ending."""


@dataclass(slots=True)
class _Child:
    pid: int
    pidfd: int
    birth: Birth | None  # None: a companion
    name: str


@dataclass(slots=True)
class _Deaths:
    """When workers died lately, to tell one accident from a machine that cannot go on."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=SPIN_DEATHS))

    def add(self, now: float) -> None:
        self.times.append(now)

    def within(self, seconds: float, now: float) -> int:
        return sum(1 for moment in self.times if now - moment <= seconds)


def run(
    program: Program,
    settings: Settings,
    *,
    arguments: list[str],
    load: Callable[[], Loaded],
    companions: list[Companion] | None = None,
    exit_hooks: list[ExitHook] | None = None,
    dump: Callable[[View], str] | None = None,
) -> int:
    """Run `program` to its end; returns the exit code of language.md 15.3.

    `load` makes the machine code callable; it is called after the region is mapped and before anything is forked.
    `dump`: what SIGQUIT prints of the actors.
    """
    _need_descriptors(OWN_DESCRIPTORS)
    with contextlib.closing(_Signals()) as signals:
        supervisor = Supervisor(program, settings, arguments, signals, dump)
        supervisor.start(load(), companions or [])
        code = supervisor.watch()
        supervisor.finish(exit_hooks or [])
        return code


class _Signals:
    """Stop signals as bytes on a pipe, from the moment it is made."""

    def __init__(self) -> None:
        self.read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._old_wakeup = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, _note) for number in process.STOP_SIGNALS}
        if os.getpid() == INIT_PID:
            self._old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _note)
        self._old[signal.SIGPIPE] = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._old[signal.SIGXFSZ] = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def arrived(self) -> list[int]:
        try:
            return list(os.read(self.read_fd, 64))
        except BlockingIOError:
            return []

    def close(self) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup)
        os.close(self.read_fd)
        os.close(self._write_fd)


def _note(_number: int, _frame: object) -> None:
    """The wake-up pipe has the number already; a handler must exist for Python to write it there."""


class Supervisor:
    """One run, as a state machine: start, watch until the verdict, finish."""

    def __init__(
        self,
        program: Program,
        settings: Settings,
        arguments: list[str],
        signals: _Signals,
        dump: Callable[[View], str] | None,
    ) -> None:
        process.set_name("hew")
        self._dump = dump
        self._settings = settings
        self._signals = signals
        self._notify_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._region: Region = region.create(program, settings, arguments, self._notify_fd)
        self._view = View(program, self._region.counters, self._region.inspect)
        self._nursery = Nursery(self._region)
        self._children: dict[int, _Child] = {}  # by pidfd
        self._incarnation = 0
        self._deaths = _Deaths()
        self._stop_signal = 0
        self._attach_fd: int | None = None  # open so that others find it
        self._poll = select.poll()
        self._poll.register(self._notify_fd, select.POLLIN)
        self._poll.register(signals.read_fd, select.POLLIN)

    # ---- start

    def start(self, loaded: Loaded, companions: list[Companion]) -> None:
        """Spawn main, fork the companions, fork the workers."""
        _need_descriptors(self._settings.workers + len(companions) + SPARE_DESCRIPTORS)
        lines = self._view.program.lines
        core, region = self._region.core, self._region.address
        core.hew_region_set_code(region, loaded.base, loaded.size, lines or None, len(lines))
        core.hew_region_start(region, loaded.entry)
        self._attach_fd = attach.publish(self._view.program, self._settings, self._region, loaded.entry)
        for companion in companions:
            self._start_companion(companion)
        cpus = sorted(os.sched_getaffinity(0))
        for index in range(self._settings.workers):
            pinned = self._settings.pin and index < len(cpus)
            self._start_worker(index, cpus[index] if pinned else None)

    def _start_companion(self, companion: Companion) -> None:
        supervisor = os.getpid()

        def live() -> int:
            process.become_child(companion.name, supervisor)
            return companion.run(self._view)

        self._watch_child(process.fork(live), None, companion.name)
        companion.started()

    def _start_worker(self, index: int, cpu: int | None) -> int:
        self._incarnation = self._incarnation % 0xFFFF + 1  # 16 bits, never 0
        birth = Birth(index, self._incarnation, cpu)
        name = f"worker {index}"
        try:
            pid = self._nursery.start(birth)
        except OSError as error:
            raise self._cannot_start(name, error) from error
        self._watch_child(pid, birth, name)
        return pid

    def _cannot_start(self, name: str, error: OSError) -> ConfigError:
        """Processes or descriptors have run out: nothing of ours is left behind."""
        self._kill(self._children.values())
        what = "descriptors: `ulimit -n` allows more" if error.errno == errno.EMFILE else "HEW_WORKERS asks for fewer"
        return ConfigError(f"cannot start {name}: {error.strerror} ({what})")

    def _watch_child(self, pid: int, birth: Birth | None, name: str) -> None:
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise self._cannot_start(name, error) from error
        self._children[pidfd] = _Child(pid, pidfd, birth, name)
        self._poll.register(pidfd, select.POLLIN)

    # ---- watch

    def watch(self) -> int:
        """Until the verdict is given and every worker has left; returns the exit code."""
        self._region.core.hew_short_slices()  # where it is refused we only learn a little later of a worker's death
        deadline: float | None = None
        while True:
            verdict, code = self._region.verdict()
            if verdict is not Verdict.RUNNING:
                if not self._workers():
                    return self._exit_code(verdict, code)
                deadline = deadline or time.monotonic() + STOP_GRACE_SECONDS
                if time.monotonic() >= deadline:
                    self._kill(self._workers())
            timeout = None if deadline is None else max(1.0, (deadline - time.monotonic()) * 1000)
            for fd, _event in self._poll.poll(timeout):
                self._handle(fd)
            if os.getpid() == INIT_PID:
                self._reap_orphans()

    def _handle(self, fd: int) -> None:
        if fd == self._notify_fd:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(fd)
        elif fd == self._signals.read_fd:
            for number in self._signals.arrived():
                if number != signal.SIGCHLD:  # that one only wakes us up
                    self._signal(number)
        elif fd in self._children:
            self._child_ended(self._children.pop(fd))

    def _signal(self, number: int) -> None:
        if self._stop_signal:
            self._kill(self._children.values())
            os._exit(128 + number)
        self._stop_signal = number
        if number == signal.SIGQUIT and self._dump is not None:
            self._say_actors(self._dump)
        self._region.decide(Verdict.STOPPED, 128 + number)

    def _say_actors(self, dump: Callable[[View], str]) -> None:
        try:
            text = dump(self._view)
        except Exception as error:  # the end of the program does not depend on it
            text = f"[hew] the actors cannot be listed: {type(error).__name__}: {error}\n"
        process.say(text)

    def _child_ended(self, child: _Child) -> None:
        self._poll.unregister(child.pidfd)
        os.close(child.pidfd)
        _pid, status = os.waitpid(child.pid, 0)
        how = os.waitstatus_to_exitcode(status)
        if self._region.verdict()[0] is not Verdict.RUNNING:
            return
        if child.birth is None:
            process.say(f"[hew] {child.name} (pid {child.pid}) {_describe(how)}; the program runs on without it\n")
        else:
            self._replace(child, child.birth, how)

    def _replace(self, child: _Child, birth: Birth, how: int) -> None:
        name = f"[hew] worker {birth.index} (pid {child.pid})"
        if how > 0 and how != EXIT_INTERNAL:  # the core's errno: it has run nothing
            hint = " (`ulimit -i` allows more timers)" if how == errno.EAGAIN else ""
            self._end(f"{name} cannot be set up: {os.strerror(how)}{hint}; the program ends\n", EXIT_INTERNAL)
            return
        died = f"{name} died: {_describe(how)}"
        if -how in CRASH_SIGNALS and (broken := self._region.audit()):
            self._end(f"{died}; memory is damaged: {broken}; the program ends\n", EXIT_CRASH)
            return
        lost_main, doing = self._region.recover(birth.index, birth.incarnation)
        died = f"{died}, {doing}"
        now = time.monotonic()
        self._deaths.add(now)
        if how > 0:
            self._end(f"{died}; the program ends\n", EXIT_INTERNAL)
        elif -how in CRASH_SIGNALS and self._settings.on_crash is OnCrash.END:
            self._end(f"{died}; the program ends (HEW_ON_CRASH=recover goes on)\n", EXIT_CRASH)
        elif self._out_of_memory(now):
            self._end(f"{died}; out of memory: {OOM_KILLS} workers killed at the limit\n", EXIT_OOM)
        elif self._deaths.within(SPIN_WINDOW_SECONDS, now) >= SPIN_DEATHS:
            self._end(f"{died}; {SPIN_DEATHS} deaths within a second: the program ends\n", EXIT_INTERNAL)
        elif lost_main:
            process.say(f"{died}; the program ends\n")
            self._region.decide(Verdict.MAIN_TRAPPED, EXIT_TRAPPED)
        else:
            self._fork_again(birth, died)

    def _fork_again(self, birth: Birth, died: str) -> None:
        try:
            pid = self._start_worker(birth.index, birth.cpu)
        except ConfigError as error:
            self._end(f"{died}; {error}; the program ends\n", EXIT_INTERNAL)
            return
        self._region.counters.add_restart()
        process.say(f"{died}; replaced by pid {pid}\n")

    def _end(self, line: str, exit_code: int) -> None:
        process.say(line)
        self._region.decide(Verdict.STOPPED, exit_code)

    def _out_of_memory(self, now: float) -> bool:
        memory = self._region.inspect.memory()
        at_limit = memory.heap_committed > OOM_SHARE * memory.heap_limit
        return at_limit and self._deaths.within(OOM_WINDOW_SECONDS, now) >= OOM_KILLS

    def _exit_code(self, verdict: Verdict, code: int) -> int:
        match verdict:
            case Verdict.DEADLOCK:
                process.say(self._region.deadlock_report())
                return EXIT_DEADLOCK
            case Verdict.MAIN_TRAPPED:
                return EXIT_TRAPPED
            case Verdict.OUTPUT_CLOSED:
                return EXIT_OUTPUT_CLOSED
            case Verdict.OUTPUT_FAILED:
                process.say(f"hew: cannot write to the standard output: {os.strerror(code)}\n")
                return EXIT_OUTPUT_FAILED
            case _:
                return code & 0xFF

    # ---- finish

    def finish(self, exit_hooks: list[ExitHook]) -> None:
        """Write the profiles, then let the companions go."""
        for hook in exit_hooks:
            hook(self._view)
        self._kill(self._children.values())
        for child in self._children.values():
            os.waitpid(child.pid, 0)
            os.close(child.pidfd)
        self._children.clear()
        if self._attach_fd is not None:
            os.close(self._attach_fd)
        os.close(self._notify_fd)

    def _kill(self, children: Iterable[_Child]) -> None:
        """Companions hold nothing that a kill could harm; workers are killed when they do not leave in time."""
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    def _workers(self) -> list[_Child]:
        return [child for child in self._children.values() if child.birth is not None]

    def _reap_orphans(self) -> None:
        """As process 1 of a container, processes whose parents ended are handed to us."""
        known = {child.pid for child in self._children.values()}
        while (ended := _peek_ended()) and ended not in known:
            os.waitpid(ended, 0)


def _need_descriptors(count: int) -> None:
    """Refuse now what would fail in the middle of the start, with main already running."""
    limit, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        used = len(os.listdir("/proc/self/fd"))
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            return  # no /proc: it is not known how many are in use
        used = limit
    if limit != resource.RLIM_INFINITY and used + count > limit:
        raise ConfigError(f"{used + count} descriptors are needed, the limit is {limit}: `ulimit -n` allows more")


def _peek_ended() -> int:
    """A child that has ended and is not reaped yet, or 0."""
    try:
        result = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return result.si_pid if result else 0


def _describe(how: int) -> str:
    if how >= 0:
        return f"left with code {how}"
    try:
        name = signal.Signals(-how).name
    except ValueError:
        return f"killed by signal {-how}"
    return f"killed by signal {-how} ({name})"
