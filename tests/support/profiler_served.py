"""A supervisor with no program: binds, forks the profiler process over fakes, ends it when standard input ends.

Run as a program: `python profiler_served.py '{"actors": 10}'`, with HEW_PPROF and its fellows in the environment.
Prints one JSON line: the profiler's process id and where it listens.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hew.errors import ConfigError
from hew.profiler import config as profiler_config
from hew.profiler.listening import bind
from hew.profiler.process import companion
from tests.support.profiler_fakes import scenario


def main() -> int:
    options = json.loads(sys.argv[1])
    try:
        config = profiler_config.read(os.environ, user=os.getuid())
    except ConfigError as error:
        sys.stderr.write(f"hew: {error}\n")
        return error.exit_code
    listener = bind(config)
    if listener is None:
        return 0
    counters, inspect, program = scenario(options)
    supervisor, (stop, stopping) = os.getpid(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(stopping)
        code = 70
        try:
            code = companion(listener, program, counters, inspect, config=config, supervisor=supervisor, stop=stop)
        finally:
            os._exit(code)
    if options.get("drop_listener", True):
        listener.close_copy()
    sys.stdout.write(json.dumps({"pid": child, "place": listener.place}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os.close(stopping)
    _, status = os.waitpid(child, 0)
    listener.close()
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
