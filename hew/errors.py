"""What can go wrong outside a running Hew program: one kind for each exit code that `hew` itself gives.

Raised anywhere; caught and printed in one place only, `hew.cli.main`, as `hew: <message>` on stderr.
"""

from __future__ import annotations

from typing import ClassVar


class HewError(Exception):
    """A failure whose message is for the user: what, where, what to do."""

    exit_code: ClassVar[int] = 4


class UsageError(HewError):
    """The command line asks for something that cannot be: bad option, missing or unreadable file."""

    exit_code = 2


class ConfigError(HewError):
    """An environment variable, or the machine, does not allow what was asked."""

    exit_code = 2


class ProgramErrors(HewError):
    """The Hew program has errors; its message is the rendered report, complete as printed."""

    exit_code = 3


class InternalError(HewError):
    """A bug of the compiler or of the runtime."""

    exit_code = 4
