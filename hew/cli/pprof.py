"""`hew pprof PID [ADDRESS]`: the whole profiler for a program that was started without one.

The program does not notice: its memory is mapped read-only (hew/scheduler/attach.py), and everything else happens here.
"""

import os
import signal
from types import FrameType
from typing import Final

from hew.cli import options, streams
from hew.errors import ConfigError, UsageError

HELP: Final = """usage: hew pprof PID [ADDRESS]

Serve the profiler of a running program: dashboard, API and `go tool pprof` profiles. The program needs no
preparation and notices nothing; PID is its process, or one of its workers, and must be yours. Ctrl-C ends the
profiler alone; it ends by itself when the program does. `hew top` lists the programs that run.

ADDRESS is what HEW_PPROF takes: 127.0.0.1:6060, :6060, [::1]:6060, unix:PATH or auto; without one, a free port of
127.0.0.1. HEW_PPROF_TOKEN, HEW_PPROF_TOKEN_FILE and HEW_PPROF_HOSTS work as for `hew run`.

example:
  hew pprof 4711 127.0.0.1:6060"""

DEFAULT_ADDRESS: Final = "127.0.0.1:0"
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    """Attach, listen, serve until the program ends or a signal comes."""
    parsed = options.parse("pprof", arguments)
    if parsed.help:
        streams.say(HELP)
        return 0
    if not parsed.rest:
        raise UsageError("pprof: no process is given: hew pprof PID [ADDRESS]; `hew top` lists the programs that run")
    if len(parsed.rest) > 2:
        raise UsageError(f"pprof: one process and one address are expected, '{parsed.rest[2]}' is too much")
    return serve(options.process_id("pprof", parsed.rest[0]), (*parsed.rest[1:], DEFAULT_ADDRESS)[0])


def serve(pid: int, address: str) -> int:
    """Everything that can be refused is refused before anything listens."""
    from hew.profiler.config import read
    from hew.profiler.listening import listen
    from hew.profiler.process import attached
    from hew.scheduler.attach import attach

    environ = {name: value for name, value in os.environ.items() if name != "HEW_PROF_OUTPUT"}
    try:
        config = read({**environ, "HEW_PPROF": address}, user=os.getuid())
    except ConfigError as error:
        raise UsageError(str(error).replace("HEW_PPROF: ", "pprof: ", 1)) from error
    if config.address is None:
        raise UsageError("pprof: the address is empty")
    program = attach(pid)
    name = f"{program.program.name} (pid {program.pid})"
    stop = _StopSignals()
    listener = listen(config, config.address)
    streams.complain(f"[hew-pprof] attached to {name}; Ctrl-C leaves it as it is")
    try:
        code = attached(
            listener,
            program.program,
            program.counters,
            program.inspect,
            config=config,
            ends=(program.pidfd, stop.fd),
            program_started_ns=program.started_ns,
        )
    finally:
        listener.close()
    if program.ended():
        streams.complain(f"[hew-pprof] {name} has ended")
    return code or stop.exit_code()


class _StopSignals:
    """From now on a stop signal makes `fd` readable and does nothing else."""

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._number = 0
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._note)

    def exit_code(self) -> int:
        """0 without a signal, and after Ctrl-C: that is how one leaves."""
        return 0 if self._number in (0, signal.SIGINT) else 128 + self._number

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if not self._number:
            self._number = number
            os.write(self._write_fd, b"x")
