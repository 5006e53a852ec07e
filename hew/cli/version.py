"""`hew --version`: one line, nothing loaded."""

from typing import Final

from hew import __version__
from hew.cli import streams

HELP: Final = """usage: hew --version

Print the version of hew."""


def main(arguments: list[str]) -> int:
    """Print the version. Arguments change nothing, as with other tools."""
    del arguments
    streams.say(f"hew {__version__}")
    return 0
