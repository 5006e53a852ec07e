"""What a program that `hew build` wrote starts with: `python -P -m hew.cli.bundled FILE [arguments]`."""

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from hew.cli import guarded


def main() -> int:
    """As `hew run`, without a compiler."""
    return guarded(partial(run_file, sys.argv[1], sys.argv[2:]))


def run_file(path: str, arguments: list[str]) -> int:
    """The variables are the same as for `hew run`; whether overflow traps was settled when it was built."""
    from hew.bundle import read_bundle
    from hew.cli.run import execute, read_profiler
    from hew.settings import read_settings

    settings = read_settings(os.environ)
    profiler = read_profiler(os.environ)
    program = read_bundle(Path(path))
    return execute(program, replace(settings, checked=program.checked), arguments, profiler)


if __name__ == "__main__":
    sys.exit(main())
