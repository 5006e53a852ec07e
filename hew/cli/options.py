"""Options by hand: argparse alone takes as long to import as a small program to compile.

Options stand before the file; the file, and all after it, is the program's business, `--help` too.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from hew.errors import UsageError

MAX_PID: Final = 2**22  # of any Linux
HELP_FLAGS: Final = ("--help", "-h")


class Parsed(NamedTuple):
    """What was asked of a command."""

    flags: frozenset[str]
    values: dict[str, str]
    rest: list[str]  # from the first argument that is no option
    help: bool


def parse_anywhere(command: str, arguments: list[str], *, flags: Iterable[str], valued: Iterable[str] = ()) -> Parsed:
    """For commands that run nothing: options may stand behind the file too (`hew build shop.hew -o shop`)."""
    parsed = parse(command, arguments, flags=flags, valued=valued)
    if parsed.help or len(parsed.rest) < 2 or not parsed.rest[1].startswith("-"):
        return parsed
    behind = parse(command, parsed.rest[1:], flags=flags, valued=valued)
    return Parsed(
        parsed.flags | behind.flags, {**parsed.values, **behind.values}, [parsed.rest[0], *behind.rest], behind.help
    )


def parse(command: str, arguments: list[str], *, flags: Iterable[str] = (), valued: Iterable[str] = ()) -> Parsed:
    """Take the options off the front of `arguments`: `--flag`, `--name VALUE`, `--name=VALUE`; `--` ends them."""
    known_flags, known_values = frozenset(flags), frozenset(valued)
    found: set[str] = set()
    values: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        name, equals, value = rest.pop(0).partition("=")
        if name == "--" and not equals:
            break
        if name in HELP_FLAGS and not equals:
            return Parsed(frozenset(), {}, [], help=True)
        if name in known_values:
            values[name] = value if equals else _next(command, name, rest)
        elif name in known_flags and not equals:
            found.add(name)
        elif name in known_flags:
            raise UsageError(f"{command}: the option '{name}' takes no value")
        else:
            raise UsageError(f"{command}: unknown option '{name}'{_nearest(name, known_flags | known_values)}")
    return Parsed(frozenset(found), values, rest, help=False)


def one_file(command: str, rest: list[str]) -> str:
    """The only argument of a command that takes one file."""
    if not rest:
        raise UsageError(f"{command}: no file is given: hew {command} FILE.hew")
    if len(rest) > 1:
        raise UsageError(f"{command}: one file is expected, '{rest[1]}' is too much")
    return rest[0]


def process_id(command: str, text: str) -> int:
    """The number of a process."""
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:12]) <= MAX_PID:
        raise UsageError(f"{command}: cannot read '{text}' as a process id")
    return int(text)


def unknown_command(name: str, commands: Iterable[str]) -> UsageError:
    """The error for a first argument that is no command; a file without `run` before it is a common case."""
    if name.endswith(".hew"):
        return UsageError(f"unknown command '{name}'; did you mean 'hew run {name}'?")
    if name.startswith("-"):
        return UsageError(f"unknown option '{name}'{_nearest(name, ('--version', '--help'))}")
    return UsageError(f"unknown command '{name}'{_nearest(name, commands)}")


def _next(command: str, name: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError(f"{command}: the option '{name}' needs a value")
    return rest.pop(0)


def _nearest(name: str, known: Iterable[str]) -> str:
    """What was probably meant, or else all there is."""
    import difflib  # here, since only a mistake needs it

    names = sorted(known)
    if near := difflib.get_close_matches(name, names, n=1, cutoff=0.5):
        return f"; did you mean '{near[0]}'?"
    return f"; there are: {', '.join([*names, '--help'] if name.startswith('-') else names)}"
