"""The `hew` command: finds the command's module, runs it, turns whatever it raises into a message and an exit code.

Each command is a module of this package with `HELP` and `main(arguments) -> exit code`, imported when it is asked for,
so that `hew --version` loads nothing and `hew check` no web framework. Only this file catches and prints.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

COMMANDS: Final = {
    "run": "compile a program and run it",
    "check": "report the errors and warnings of a program",
    "build": "compile a program into one executable file",
    "top": "watch a running program in the terminal",
    "pprof": "serve the profiler of a running program",
    "version": "print the version",
    "help": "explain a command",
}
ALIASES: Final = {"--version": "version", "-V": "version", "--help": "help", "-h": "help"}

EXIT_OUTPUT_FAILED: Final = 1
EXIT_INTERNAL: Final = 4
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT
EXIT_PIPE_CLOSED: Final = 141  # 128 + SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. Called once, by the console script or `python -m hew`."""
    return guarded(partial(dispatch, list(sys.argv[1:] if arguments is None else arguments)))


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`, whatever it raises."""
    from hew.cli import streams

    streams.hold_standard_descriptors()
    try:
        code = work()
        streams.flush_output()
        return code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return streams.abandon_output(EXIT_PIPE_CLOSED)
    except streams.OutputError as error:
        streams.complain(f"hew: cannot write to the standard output: {error}")
        return streams.abandon_output(EXIT_OUTPUT_FAILED)
    except Exception as error:
        return report(error)


def dispatch(arguments: list[str]) -> int:
    """The command that `arguments` name, with what follows it."""
    from importlib import import_module

    if not arguments:
        from hew.cli import help as help_command
        from hew.cli import streams

        streams.complain(help_command.overview())
        return 2
    name, *rest = arguments
    name = ALIASES.get(name, name)
    if name not in COMMANDS:
        from hew.cli import options

        raise options.unknown_command(name, COMMANDS)
    code: int = import_module(f"hew.cli.{name}").main(rest)
    return code


def report(error: Exception) -> int:
    """Say what went wrong and choose the exit code: the errors we know by their kind, all others as our own bug."""
    from hew.cli import streams
    from hew.errors import HewError, ProgramErrors

    if isinstance(error, ProgramErrors):
        streams.complain(str(error).rstrip("\n"))
        return error.exit_code
    if isinstance(error, HewError):
        streams.complain(f"hew: {error}")
        return error.exit_code
    if sys.flags.dev_mode:  # python -X dev -m hew: for those who look for the bug
        raise error
    streams.complain(f"error[E0999]: internal error: {streams.describe_bug(error)}")
    streams.complain("   = help: this is a bug of hew; please report it, with the program that shows it")
    return EXIT_INTERNAL
