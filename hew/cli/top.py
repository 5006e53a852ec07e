"""`hew top [PID|ADDRESS]`: finds the program, then shows it once or live. textual is loaded for the live view only."""

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from hew.cli import options, streams
from hew.errors import UsageError

if TYPE_CHECKING:
    from hew.top.source import Source

HELP: Final = """usage: hew top [options] [PID|ADDRESS]

Watch a running program in the terminal: scheduler, memory, messages, actors, handlers, findings, every second. The
program needs no preparation and notices nothing. Without an argument: the one that runs; of several, a list.

PID is the program's process, or one of its workers, and must be yours. ADDRESS is where a profiler listens:
http://HOST:PORT/, HOST:PORT, :PORT or unix:PATH; HEW_PPROF_TOKEN is sent to it.

options:
  --once         print one reading and end
  --json         print one reading as one JSON object and end; shapes as in the API
  --sort COLUMN  msgs (the default), time_ns, mbox_depth, mbox_hwm, bytes_live or id
  --limit N      that many actors, and handlers (default: 20 with --once, all with --json)

keys: q quits, h shows handlers or actors, s sorts by the next column, r reverses, p pauses.
The live view needs textual: pip install 'hew[top]'."""

ONCE_ROWS: Final = 20
MAX_ROWS: Final = 100_000
NS_PER_S: Final = 1_000_000_000


class Running(NamedTuple):
    """A program that can be shown."""

    pid: int
    program: str
    up_secs: int | None
    hew: str
    socket: str | None  # path of its profiler's, where HEW_PPROF=auto made one
    attachable: bool


def main(arguments: list[str]) -> int:
    """One reading, or the live view."""
    parsed = options.parse_anywhere("top", arguments, flags=["--once", "--json"], valued=["--sort", "--limit"])
    if parsed.help:
        streams.say(HELP)
        return 0
    if len(parsed.rest) > 1:
        raise UsageError(f"top: one program is expected, '{parsed.rest[1]}' is too much")
    from hew.top.source import SORTS, Query

    sort = parsed.values.get("--sort", "msgs")
    if sort not in SORTS:
        raise UsageError(f"top: --sort takes one of {', '.join(SORTS)}, not '{sort}'")
    limit = _limit(parsed.values.get("--limit"))
    live = not parsed.flags & {"--once", "--json"}
    if live:
        _check_live()
    source = open_source(parsed.rest[0] if parsed.rest else None)
    if live:
        return _watch(source)
    if "--json" in parsed.flags:
        import msgspec

        reading = source.read(Query(sort=sort, limit=limit))
        streams.say(msgspec.json.encode(reading).decode())
        return 0
    from hew.top.text import snapshot

    streams.say(snapshot(source.read(Query(sort=sort, limit=ONCE_ROWS if limit is None else limit)), source.name))
    return 0


def open_source(place: str | None) -> "Source":
    """The program that `place` names, or the only one that runs."""
    if place is None:
        return _open_running(_only_one())
    if place.isascii() and place.isdigit():
        pid = options.process_id("top", place)
        known = [each for each in find_running() if each.pid == pid]
        return _open_running(known[0]) if known else _open_pid(pid)
    return _open_address(place)


def find_running() -> list[Running]:
    """Programs of this user: those one can attach to, and those whose HEW_PPROF=auto socket answers."""
    from hew.scheduler import attach

    programs = attach.find()
    sockets, now = _sockets(), time.monotonic_ns()
    found = [
        Running(
            each.pid,
            each.program,
            max(0, now - each.started_ns) // NS_PER_S,
            each.hew,
            sockets.pop(each.pid, None),
            each.attachable,
        )
        for each in programs
    ]
    answering = [(pid, path) for pid, path in sorted(sockets.items()) if _answers(path)]
    return found + [Running(pid, "?", None, "?", path, False) for pid, path in answering]


def _sockets() -> dict[int, str]:
    from hew.profiler.config import auto_directory

    paths = Path(auto_directory(os.environ, os.getuid())).glob("*.sock")
    return {int(path.stem): str(path) for path in paths if path.stem.isdigit() and path.stat().st_uid == os.getuid()}


def _answers(path: str) -> bool:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(path) == 0


def _only_one() -> Running:
    found = find_running()
    if not found:
        raise UsageError("top: no Hew program of yours runs here; name an ADDRESS, or start one: hew run FILE.hew")
    if len(found) > 1:
        raise UsageError(f"top: several programs run; name one, as in hew top {found[0].pid}\n{listing(found)}")
    return found[0]


def listing(found: list[Running]) -> str:
    """A line for each program."""
    from hew.top.text import duration

    rows = [("PID", "UP", "PROGRAM", "PROFILER")] + [
        (
            str(each.pid),
            "?" if each.up_secs is None else duration(each.up_secs),
            each.program if each.attachable or each.hew == "?" else f"{each.program} (hew {each.hew})",
            "" if each.socket is None else f"unix:{each.socket}",
        )
        for each in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{pid:>{widths[0]}}  {up:>{widths[1]}}  {name:<{widths[2]}}  {socket}".rstrip()
        for pid, up, name, socket in rows
    )


def _open_running(program: Running) -> "Source":
    if program.socket is not None and not program.attachable:  # of another hew, whose memory we cannot read
        from hew.top.source import Api

        return Api(f"unix:{program.socket}", token=_token(), pid=program.pid)
    return _open_pid(program.pid)


def _open_pid(pid: int) -> "Source":
    from hew.scheduler.attach import attach
    from hew.top.local import Local

    program = attach(pid)
    return Local(
        program.program,
        program.counters,
        program.inspect,
        pid=program.pid,
        started_ns=program.started_ns,
        ended=program.ended,
    )


def _open_address(place: str) -> "Source":
    from hew.top.source import Api

    return Api(place, token=_token())


def _token() -> str | None:
    from hew.profiler.config import read

    names = ("HEW_PPROF_TOKEN", "HEW_PPROF_TOKEN_FILE")
    return read({name: os.environ[name] for name in names if name in os.environ}, user=os.getuid()).token


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) <= MAX_ROWS):
        raise UsageError(f"top: cannot read '{text}' as a number of actors (0 to {MAX_ROWS})")
    return int(text)


def _check_live() -> None:
    if find_spec("textual") is None:
        raise UsageError("top: the live view needs textual: pip install 'hew[top]'; --once and --json work without it")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top: the live view needs a terminal; --once and --json work without one")


def _watch(source: "Source") -> int:
    from hew.top.screen import Top

    return Top(source).run() or 0
