"""A compiled program as one executable file: what `hew build` writes, and what `hew.cli.bundled` runs.

The file is a shell script of one command, a line that names the version of hew, then the program's bytes. It needs
the hew that wrote it, and obeys the same environment variables as `hew run`; nothing is compiled.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from hew import __version__
from hew.errors import UsageError
from hew.program import Program

if TYPE_CHECKING:
    from pathlib import Path

# A shell script, because the path of Python may be too long for a first line of "#!", or have blanks in it.
# -P: modules beside the user are not ours.
_SCRIPT: Final = """#!/bin/sh
exec {python} -P -m hew.cli.bundled "$0" "$@"
exit 2
"""
MARKER: Final = b"\n#hew-bundle 1 "  # the version of hew follows, and ends the line


def write_bundle(program: Program, target: Path) -> None:
    """Write the file whole, or not at all. OSError says why not."""
    python = "'" + sys.executable.replace("'", "'\\''") + "'"
    script = os.fsencode(_SCRIPT.format(python=python))
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        scratch.write_bytes(script[:-1] + MARKER + __version__.encode() + b"\n" + program.to_bytes())
        scratch.chmod(0o777 & ~_umask())
        scratch.replace(target)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """What the user takes from the permissions of new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_bundle(path: Path) -> Program:
    """The program in a file that `write_bundle` wrote. UsageError when it is none, damaged, or another version's."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read '{_shown(path)}': {error.strerror}") from error
    _, marker, rest = data.partition(MARKER)
    version, newline, payload = rest.partition(b"\n")
    if not marker or not newline:
        raise UsageError(f"'{_shown(path)}' is not a program that hew built")
    built_by = version.decode(errors="replace")
    if built_by != __version__:
        raise UsageError(f"'{_shown(path)}' was built by hew {built_by}, this is hew {__version__}: build it again")
    try:
        return Program.from_bytes(payload)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"'{_shown(path)}' is damaged: build it again") from error


def _shown(path: Path) -> str:
    """The path as it was typed: a program in the working directory is started as ./name."""
    return str(path) if path.parent.name or path.is_absolute() else f"./{path}"
