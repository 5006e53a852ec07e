"""`hew --help` and `hew help COMMAND`."""

from importlib import import_module
from typing import Final

from hew.cli import COMMANDS, streams
from hew.cli.options import unknown_command

HELP: Final = """usage: hew help [COMMAND]

Explain a command, or all of hew."""

OVERVIEW: Final = """usage: hew COMMAND [options] FILE [arguments of the program]
       hew top|pprof [options] [PID]

commands:
{commands}

options of hew itself:
  --version    print the version
  --help       print this text; `hew COMMAND --help` explains a command

variables (an empty one counts as unset):
  HEW_PPROF        address of the profiler: 127.0.0.1:6060, :6060, [::1]:6060, unix:PATH or auto
  HEW_PPROF_TOKEN  token that every request to the profiler must carry (or HEW_PPROF_TOKEN_FILE)
  HEW_PPROF_HOSTS  further host names that requests may use, by commas
  HEW_PROF_OUTPUT  pprof, flat or both: hew-profile.pb.gz, hew-profile.txt written at the end
  HEW_WORKERS      worker processes, 1 to 255 (default: the CPUs this process may use)
  HEW_HEAP_MAX     limit of the heap, such as 512M; at least 16M (default: from the free memory)
  HEW_STACK        limit of a handler's stack, 64K to 1G (default: 8M)
  HEW_PIN          1: pin each worker to a CPU
  HEW_CHECKED      1: integer overflow traps
  HEW_ON_CRASH     end or recover: after a segmentation fault in foreign code

exit codes:
  0 the program ended, or what main returned; 1 main trapped; 2 bad option, file or variable, or a deadlock;
  3 the program has errors; 4 internal error; 128+n ended by signal n; 137 out of memory

example:
  HEW_PPROF=127.0.0.1:6060 hew run examples/profiler_demo.hew"""


def main(arguments: list[str]) -> int:
    """Print the overview, or a command's own help."""
    if not arguments:
        streams.say(overview())
        return 0
    name = arguments[0]
    if name not in COMMANDS:
        raise unknown_command(name, COMMANDS)
    streams.say(import_module(f"hew.cli.{name}").HELP)
    return 0


def overview() -> str:
    """All of hew on one page."""
    return OVERVIEW.format(commands="\n".join(f"  {name:<12} {what}" for name, what in COMMANDS.items()))
