"""What a running CPU profile costs the program: the same runs with and without one, in turn; ratios of wall time.

    python -m bench.cpu_profile [--pairs N] [--hz N]

Both have HEW_PPROF; one client asks for a profile from the start of the run to its end.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from bench.support import BenchError, hew_program, median

PROGRAMS: Final = (("fib", 44), ("ping_pong", 24_000_000), ("ask", 10_000_000))  # with sizes of two or three seconds
SOCKET_SECS: Final = 20.0


def timed_run(command: list[str], request: str) -> float:
    """Seconds of wall time of a run during which `request` is asked once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "socket")
        environment = {**os.environ, "HEW_PPROF": f"unix:{path}"}
        start = time.perf_counter()
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            client = threading.Thread(target=ask, args=(path, request))
            client.start()
            _, errors = process.communicate()
        seconds = time.perf_counter() - start
        client.join()
    if process.returncode != 0:
        raise BenchError(f"{command}: exit code {process.returncode}\n{errors}")
    return seconds


def ask(path: Path, request: str) -> None:
    """As soon as there is somebody to ask; then until the answer or the program ends."""
    deadline = time.monotonic() + SOCKET_SECS
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
            except OSError:
                time.sleep(0.005)
                continue
            client.sendall(f"GET {request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            with contextlib.suppress(ConnectionError):
                while client.recv(65536):
                    continue
            return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--hz", type=int, default=100)
    options = parser.parse_args()
    profile = f"/debug/pprof/cpu?seconds=300&hz={options.hz}"
    for name, size in PROGRAMS:
        command = [*hew_program(name), str(size)]
        timed_run(command, "/healthz")  # compiled, and in the caches
        ratios = []
        for pair in range(options.pairs):
            requests = ("/healthz", profile) if pair % 2 == 0 else (profile, "/healthz")
            times = {request: timed_run(command, request) for request in requests}
            ratios.append(times[profile] / times["/healthz"])
        shown = ", ".join(f"{ratio:.3f}" for ratio in sorted(ratios))
        print(f"{name:<10} {median(ratios):.3f}   ({shown})")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
