"""The standard streams, whatever became of them: closed, a broken pipe, a full disk."""

import contextlib
import errno
import os
import sys
from typing import Final

NULL_FLAGS: Final = {0: os.O_WRONLY, 1: os.O_RDONLY, 2: os.O_RDONLY}


class OutputError(Exception):
    """Text for the user could not be written."""


def hold_standard_descriptors() -> None:
    """Keep 0, 1 and 2 from being taken by the next file that is opened, which the program would then write into.

    A closed one stays unusable, as the caller wanted: it is opened for the wrong direction.
    """
    for descriptor, flags in NULL_FLAGS.items():
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, flags)  # the lowest that is free: this one, as those below are held
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)


def say(text: str) -> None:
    """A line to the standard output; what stands in the way is raised."""
    if sys.stdout is None:
        raise OutputError(os.strerror(errno.EBADF))
    try:
        sys.stdout.write(text + "\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror) from error


def flush_output() -> None:
    """All that `say` has written, on its way before the exit code is decided."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror) from error


def abandon_output(code: int) -> int:
    """Give up what is still buffered, so that the interpreter does not try once more while it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return code


def complain(text: str) -> None:
    """A message to the standard error, in one write so that those of other processes do not cut it.

    Where it cannot be written there is nobody left to tell; the exit code still says it.
    """
    data = (text + "\n").encode(errors="backslashreplace")
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(2, data) :]


def describe_bug(error: BaseException) -> str:
    """The kind of the error, its text, and the line of ours that it comes from."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if f"{os.sep}hew{os.sep}" in code.co_filename:
            place = f" at hew{os.sep}{code.co_filename.rpartition(f'{os.sep}hew{os.sep}')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}{place}" + (f": {text}" if text else "")
