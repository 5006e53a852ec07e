"""`hew check FILE`: errors and warnings, nothing is run."""

import os
from typing import Final

from hew.cli import compiling, options, streams
from hew.settings import read_checked

HELP: Final = """usage: hew check [options] FILE.hew

Report the errors and warnings of a program; `-` reads it from the standard input.
Exit code: 0 without errors, 3 with errors, 2 when the file cannot be read.

options:
  --json    one JSON object per line instead of text"""


def main(arguments: list[str]) -> int:
    """Report what is wrong; HEW_CHECKED changes nothing here, but a bad value is refused as everywhere."""
    parsed = options.parse_anywhere("check", arguments, flags=["--json"])
    if parsed.help:
        streams.say(HELP)
        return 0
    path = options.one_file("check", parsed.rest)
    read_checked(os.environ)
    compiling.check_file(path, json="--json" in parsed.flags)
    return 0
