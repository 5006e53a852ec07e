"""What the processes of a run have in common: names, signals, death with the supervisor.

Used by the supervisor (to start children) and in each child right after its birth.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_NAME: Final = 15
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
STDERR: Final = 2
OOM_SCORE_SHIFT: Final = 500  # children are killed before the supervisor, which can replace them


def say(text: str) -> None:
    """One write to standard error; where it cannot be written there is nobody left to tell."""
    with contextlib.suppress(OSError):
        os.write(STDERR, text.encode(errors="backslashreplace"))


def set_name(name: str) -> None:
    """The name that `ps` and `top` show."""
    _prctl(PR_SET_NAME, name.encode())


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Around a birth: a stop signal in a child that still has our handlers would count as a second one of ours.

    Ctrl-C reaches every process of a terminal's group, and the handlers write to one pipe. The child lets go in
    `become_child`.
    """
    old = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def become_child(name: str, supervisor: int) -> None:
    """First act of a child: a name, deaf to the stop signals (the supervisor alone acts), dies with the supervisor."""
    signal.set_wakeup_fd(-1)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != supervisor:  # it died between our birth and the call above
        os._exit(0)
    set_name(name)
    _volunteer_for_oom()


def fork(child: Callable[[], int]) -> int:
    """Fork; the child runs `child` and leaves with its result, without the parent's clean-up. Returns the pid."""
    with signals_held():
        pid = os.fork()
        if pid == 0:
            run_child(child)
    return pid


def run_child(child: Callable[[], int]) -> None:
    """Run `child` and leave the process; an exception is printed and gives 4."""
    code = 4
    try:
        code = child()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _prctl(option: int, value: int | bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(ctypes.c_int(option), value if isinstance(value, bytes) else ctypes.c_ulong(value), 0, 0, 0)


def _volunteer_for_oom() -> None:
    try:
        with open("/proc/self/oom_score_adj", "r+") as file:
            score = min(1000, int(file.read()) + OOM_SCORE_SHIFT)
            file.seek(0)
            file.write(str(score))
    except OSError:
        return  # no /proc or not allowed: the kernel chooses its victim without our advice
