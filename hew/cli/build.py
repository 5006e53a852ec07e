"""`hew build FILE -o PROG`: machine code and launcher in one executable file."""

import os
from pathlib import Path
from typing import Final

from hew.cli import compiling, files, options, streams
from hew.errors import UsageError
from hew.settings import read_checked

HELP: Final = """usage: hew build [options] FILE.hew

Compile a program into one executable file that runs with the installed hew and obeys the same variables.

options:
  -o PROG      the file to write (default: FILE without .hew, in the working directory)
  --checked    integer overflow traps
  --json       errors and warnings as one JSON object per line"""


def main(arguments: list[str]) -> int:
    """Compile, then write the file under its own name only when it is whole."""
    parsed = options.parse_anywhere("build", arguments, flags=["--json", "--checked"], valued=["-o"])
    if parsed.help:
        streams.say(HELP)
        return 0
    path = options.one_file("build", parsed.rest)
    target = output_path(path, parsed.values.get("-o"))
    program = compiling.compile_file(
        path,
        checked="--checked" in parsed.flags or read_checked(os.environ),
        json="--json" in parsed.flags,
        warnings=True,
    )
    from hew.bundle import write_bundle

    try:
        write_bundle(program, target)
    except OSError as error:
        raise UsageError(f"cannot write '{target}': {error.strerror}") from error
    return 0


def output_path(source: str, chosen: str | None) -> Path:
    """Where the program goes; refused now rather than after the work of compiling."""
    if chosen is None and source == files.STDIN:
        raise UsageError("build: a program from the standard input has no name: give one with -o PROG")
    target = Path(chosen) if chosen is not None else Path(Path(source).stem)
    if chosen == "":
        raise UsageError("build: the name after -o is empty")
    if target.is_dir():
        raise UsageError(f"cannot write '{target}': it is a directory")
    if target.exists() and Path(source).exists() and target.samefile(source):
        raise UsageError(f"cannot write '{target}': it is the source itself; name another file with -o")
    return target
