"""`hew run FILE [arguments]`: compile, then hand the program to the scheduler with the companions it was asked for."""

import contextlib
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hew.cli import compiling, options, streams
from hew.errors import UsageError
from hew.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hew import scheduler
    from hew.profiler.config import Config
    from hew.profiler.listening import Listener
    from hew.program import Program

HELP: Final = """usage: hew run [options] FILE.hew [arguments of the program]

Compile a program and run it on every CPU; `-` reads it from the standard input.
Options stand before the file: all after it belongs to the program.

options:
  --checked    integer overflow traps (as HEW_CHECKED=1)
  --profile    serve the profiler on a socket of your own (as HEW_PPROF=auto, when that is not set)
  --json       the program's errors as one JSON object per line"""

PROFILER_VARIABLES: Final = (
    "HEW_PPROF",
    "HEW_PPROF_TOKEN",
    "HEW_PPROF_TOKEN_FILE",
    "HEW_PPROF_HOSTS",
    "HEW_PROF_OUTPUT",
)


def main(arguments: list[str]) -> int:
    """Everything that can be refused is refused before the program is compiled, and that before it starts."""
    parsed = options.parse("run", arguments, flags=["--json", "--checked", "--profile"])
    if parsed.help:
        streams.say(HELP)
        return 0
    if not parsed.rest:
        raise UsageError("run: no file is given: hew run FILE.hew")
    path, *program_arguments = parsed.rest
    environ = dict(os.environ)
    if "--profile" in parsed.flags and not environ.get("HEW_PPROF"):
        environ["HEW_PPROF"] = "auto"
    settings = read_settings(environ)
    settings = replace(settings, checked=settings.checked or "--checked" in parsed.flags)
    profiler = read_profiler(environ)
    program = compiling.compile_file(path, checked=settings.checked, json="--json" in parsed.flags, warnings=False)
    return execute(program, settings, program_arguments, profiler)


def read_profiler(environ: "Mapping[str, str]") -> "Config | None":
    """What the profiler's variables ask for; while none of them says anything, nothing of the profiler is loaded."""
    if not any(environ.get(name) for name in PROFILER_VARIABLES):
        return None
    from hew.profiler.config import read

    return read(environ, user=os.getuid())


def execute(program: "Program", settings: Settings, arguments: list[str], profiler: "Config | None") -> int:
    """Run a compiled program, from `hew run` or out of a file that `hew build` wrote; its exit code."""
    from hew import scheduler
    from hew.compiler import loader

    with contextlib.ExitStack() as stack:
        companions, exit_hooks = ([], []) if profiler is None else attach_profiler(profiler, stack)
        return scheduler.run(
            program,
            settings,
            arguments=arguments,
            load=partial(loader.load, program),
            companions=companions,
            exit_hooks=exit_hooks,
            dump=dump_actors,
        )


def dump_actors(view: "scheduler.View") -> str:
    """For SIGQUIT; what makes it is loaded then."""
    from hew.profiler.exports import at_quit

    return at_quit.text(view.inspect, view.counters, view.program)


def attach_profiler(
    config: "Config", stack: contextlib.ExitStack
) -> "tuple[list[scheduler.Companion], list[scheduler.ExitHook]]":
    """Listen now, before main starts; serve in a process of its own; write the files when the program has ended."""
    companions: list[scheduler.Companion] = []
    exit_hooks: list[scheduler.ExitHook] = []
    if config.address is not None:
        from hew.profiler.listening import bind

        listener = bind(config)
        if listener is not None:
            stack.callback(listener.close)
            companions.append(ProfilerProcess(config, listener))
    if config.output is not None:
        from hew.profiler.exports.write import export_on_exit

        directory = _started_in()  # wherever the program goes

        def export(view: "scheduler.View") -> None:
            export_on_exit(config, directory, view.inspect, view.counters, view.program)

        exit_hooks.append(export)
    return companions, exit_hooks


def _started_in() -> Path:
    """A folder that has been removed has no path; that its files cannot be written is said at the end."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


class ProfilerProcess:
    """The companion that the supervisor forks: it lives until the supervisor kills it."""

    name = "hew-pprof"

    def __init__(self, config: "Config", listener: "Listener") -> None:
        self._config = config
        self._listener = listener
        self._supervisor = os.getpid()
        self._started_ns = time.monotonic_ns()

    def started(self) -> None:
        """The sockets are the profiler's alone: with its death they refuse, and no worker inherits them."""
        self._listener.close_copy()

    def run(self, view: "scheduler.View") -> int:
        """In the forked process; FastAPI is loaded here and nowhere before."""
        from hew.profiler.process import companion

        return companion(
            self._listener,
            view.program,
            view.counters,
            view.inspect,
            config=self._config,
            supervisor=self._supervisor,
            program_started_ns=self._started_ns,
        )
