"""A scene behind the profiler's own application: `python served.py SCENE AGE PORT`.

AGE: seconds that the program seems to have run already; its history is filled at once. PORT 0 takes a free one.
Prints one JSON line with the port, and ends when standard input does, or when killed: the end of the program.
"""

import json
import os
import sys
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hew.profiler import config as profiler_config
from hew.profiler.app import make_app
from hew.profiler.history import History
from hew.profiler.listening import bind
from hew.profiler.models import history_entry
from hew.profiler.reader import NS_PER_S, Reader
from hew.profiler.sampler import Sampler
from hew.profiler.security import Guard, Policy
from hew.profiler.server import make_server, serve
from tests.browser.scenes import SCENES


class Clock:
    """Starts at 0, is stepped through the past, then runs."""

    def __init__(self) -> None:
        self.shift_ns = 0
        self.started_ns: int | None = None

    def ns(self) -> int:
        running = 0 if self.started_ns is None else time.monotonic_ns() - self.started_ns
        return self.shift_ns + running

    def seconds(self) -> float:
        return self.ns() / NS_PER_S


def main() -> int:
    name, age, port = sys.argv[1:]
    clock = Clock()
    scene = SCENES[name](clock.seconds)
    reader = Reader(scene, scene, scene.program, clock_ns=clock.ns)
    history = History()
    for second in range(int(age) + 1):
        clock.shift_ns = second * NS_PER_S
        history.append(history_entry(reader.metrics()))
    listener = bind(profiler_config.read({"HEW_PPROF": f"127.0.0.1:{port}"}, user=os.getuid()))
    if listener is None:
        return 1
    policy = Policy(token=None, hosts=frozenset(), check_host=True, loopback=True, machine_name="")
    server = make_server(Guard(make_app(reader, history, guarded=False), policy))
    threading.Thread(target=serve, args=(server, listener), daemon=True).start()
    with urllib.request.urlopen(f"{listener.place}openapi.json", timeout=30) as answer:
        answer.read()  # the slow first answer is over before time begins, so the rates have no dent
    clock.started_ns = time.monotonic_ns()
    sys.stdout.write(json.dumps({"port": int(listener.place.rstrip("/").rpartition(":")[2])}) + "\n")
    sys.stdout.flush()
    Sampler(reader, history, supervisor=os.getppid(), ends=(0,)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
