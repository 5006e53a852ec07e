"""Runs `hew` as a user does: the installed console script, its own environment, folders, signals and time-outs.

    result = hew("run", "hello.hew")              # to its end
    with hew.start("run", path, HEW_PPROF="127.0.0.1:0") as running:
        running.wait_until(lambda metrics: metrics["messages_received"] > 1000)
        running.send_signal(signal.SIGTERM)
        assert running.finish(within=5).exit_code == 143

Every process that a test starts is in a session of its own and killed, with its children, when the test ends.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

SECONDS: Final = 60.0  # that a run may take unless a test says otherwise
POLL_SECONDS: Final = 0.02
HTTP_SECONDS: Final = 30.0
WORKER: Final = "hew-worker-"  # and its number: the name of the process
ADDRESS: Final = re.compile(r"\[hew-pprof\] dashboard at (http://\S+?)/?\n")

Json = Any  # what json.loads gives


def wait_for(
    condition: Callable[[], object], within: float = 20.0, what: str = "", poll_seconds: float = POLL_SECONDS
) -> None:
    """Return when `condition` holds; fail with `what` when it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or getattr(condition, '__name__', 'the condition')}")
        time.sleep(poll_seconds)


def command() -> list[str]:
    """The console script beside this Python, else `python -m hew`."""
    script = Path(sys.executable).parent / "hew"
    return [str(script)] if script.exists() else [sys.executable, "-m", "hew"]


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. `exit_code` as a shell shows it: 128 + n for a signal."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    def __post_init__(self) -> None:
        assert "Traceback (most recent call last)" not in self.stderr, f"a traceback:\n{self.stderr}"


class Running:
    """A `hew` that has been started."""

    def __init__(self, process: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes]) -> None:
        self.process = process
        self.pid = process.pid
        self._out, self._err = out, err
        self._started = time.monotonic()
        self._address: str | None = None

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    # ---- what it has said so far

    @property
    def stdout(self) -> str:
        """All of its standard output so far."""
        return _contents(self._out)

    @property
    def stderr(self) -> str:
        """All of its standard error so far."""
        return _contents(self._err)

    def wait_for_output(self, text: str, within: float = 20.0) -> None:
        """Until its standard output contains `text`."""
        self._wait(lambda: text in self.stdout, within, f"{text!r} on stdout")

    def wait_for_message(self, text: str, within: float = 20.0) -> None:
        """Until its standard error contains `text`."""
        self._wait(lambda: text in self.stderr, within, f"{text!r} on stderr")

    # ---- its profiler

    @property
    def address(self) -> str:
        """http://HOST:PORT, from the line that the profiler prints."""
        if self._address is None:
            self._wait(lambda: ADDRESS.search(self.stderr), 20.0, "the profiler's line on stderr")
            match = ADDRESS.search(self.stderr)
            assert match is not None
            self._address = match[1].replace("0.0.0.0", "127.0.0.1").replace("[::]", "127.0.0.1")
        return self._address

    def get(self, path: str, headers: Mapping[str, str] | None = None, within: float = HTTP_SECONDS) -> bytes:
        """The body of a GET; an HTTP error is raised as urllib does."""
        request = urllib.request.Request(self.address + path, headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=within) as response:
            body: bytes = response.read()
            return body

    def json(self, path: str) -> Json:
        """The parsed body of a GET."""
        return json.loads(self.get(path))

    def metrics(self) -> Json:
        """GET /api/metrics."""
        return self.json("/api/metrics")

    def wait_until(self, condition: Callable[[Json], object], within: float = 20.0, path: str = "/api/metrics") -> Json:
        """The first answer of `path` that fulfils `condition`."""
        answer: Json = None

        def holds() -> bool:
            nonlocal answer
            answer = self.json(path)
            return bool(condition(answer))

        try:
            self._wait(holds, within, f"the condition on {path}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the last answer: {answer}") from None
        return answer

    # ---- its processes

    def children(self) -> dict[int, str]:
        """Process id -> name of the processes that it has forked and that live."""
        found = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                    found[int(child)] = Path(f"/proc/{child}/comm").read_text().strip()
        return found

    def workers(self, count: int, instead_of: int | None = None) -> list[int]:
        """Process ids of the workers, by worker number, once `count` of them are there.

        A new one is there when it has its name. `instead_of`: one that was killed, which may not be gone yet.
        """
        found: dict[int, int] = {}

        def all_there() -> bool:
            nonlocal found
            named = [(pid, name) for pid, name in self.children().items() if pid != instead_of]
            found = {int(name[len(WORKER) :]): pid for pid, name in named if name.startswith(WORKER)}
            return sorted(found) == list(range(count))

        self._wait(all_there, 20.0, f"{count} workers")
        return [found[number] for number in range(count)]

    def wait_for_rest(self, workers: int) -> None:
        """Until each of its workers sleeps: whatever it was doing before is done and counted.

        A program may have said what a reply made it say before the one that replied is accounted for.
        """
        awake = set(self.workers(workers))

        def all_slept() -> bool:
            awake.difference_update([pid for pid in awake if _state(pid) == "S"])
            return not awake

        self._wait(all_slept, 20.0, "rest")

    def profiler(self) -> int:
        """Process id of the profiler, once it is there with its name."""
        found: list[int] = []

        def is_there() -> bool:
            found[:] = [pid for pid, name in self.children().items() if name.startswith("hew-pprof")]
            return bool(found)

        self._wait(is_there, 20.0, "the profiler")
        return found[0]

    # ---- its end

    def send_signal(self, number: signal.Signals) -> None:
        """To the supervisor alone, as `kill` does."""
        self.process.send_signal(number)

    def finish(self, within: float = SECONDS) -> Result:
        """Wait for its end; it fails, with all that was said, when that takes longer."""
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {within} s{self._transcript()}") from None
        seconds = time.monotonic() - self._started
        return Result(code if code >= 0 else 128 - code, self.stdout, self.stderr, seconds)

    def kill(self) -> None:
        """The whole session at once; safe to call again."""
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def _wait(self, condition: Callable[[], object], within: float, what: str) -> None:
        def holds() -> bool:
            if condition():
                return True
            if self.process.poll() is not None and not condition():
                raise AssertionError(f"it ended with {self.process.returncode} before {what}{self._transcript()}")
            return False

        wait_for(holds, within, what)

    def _transcript(self) -> str:
        return f"\n--- stdout\n{self.stdout[-2000:]}\n--- stderr\n{self.stderr[-2000:]}"


class Hew:
    """The fixture: starts `hew` with a clean environment, in the test's own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[Running] = []
        self._files: list[IO[bytes]] = []

    def write(self, text: str, name: str = "program.hew") -> Path:
        """A source file in the test's folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def __call__(
        self,
        *arguments: str | bytes | Path,
        stdin: bytes | None = None,
        within: float = SECONDS,
        cwd: Path | None = None,
        shell_prefix: str = "",
        env: Mapping[str, str] | None = None,
        **environ: str,
    ) -> Result:
        """Run to the end."""
        running = self.start(
            *arguments, stdin=stdin, cwd=cwd, shell_prefix=shell_prefix, env={**(env or {}), **environ}
        )
        try:
            return running.finish(within)
        finally:
            running.kill()

    def start(
        self,
        *arguments: str | bytes | Path,
        stdin: bytes | None = None,
        cwd: Path | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        shell_prefix: str = "",
        program: list[str] | None = None,
        env: Mapping[str, str] | None = None,
        **environ: str,
    ) -> Running:
        """Start `hew ARGUMENTS` and return at once.

        `program` replaces `hew` (a built executable); `shell_prefix` runs first in the same shell (`ulimit -f 10`,
        `exec 1>&-`); without `stdin` there is none. `env` and further keywords are environment variables.
        """
        line = [os.fsencode(part) for part in [*(program or command()), *arguments]]
        if shell_prefix:
            line = [b"/bin/sh", b"-c", f'{shell_prefix}\nexec "$@"'.encode(), b"sh", *line]
        out, err = self._file(), self._file()
        process = subprocess.Popen(
            line,
            stdin=self._input(stdin),
            stdout=out if stdout is None else stdout,
            stderr=err if stderr is None else stderr,
            cwd=cwd or self.folder,
            env=self.environment({**(env or {}), **environ}),
            start_new_session=True,
        )
        running = Running(process, out, err)
        self._running.append(running)
        return running

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Ours without any variable of hew, with a cache of the test's own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEW_")}
        return {**kept, "XDG_CACHE_HOME": str(self.folder / ".cache"), "NO_COLOR": "1", **extra}

    def close(self) -> None:
        """Kill what still runs and forget the files."""
        for running in self._running:
            running.kill()
        for file in self._files:
            file.close()
        shutil.rmtree(self.folder / ".cache", ignore_errors=True)

    def _input(self, data: bytes | None) -> int | IO[bytes]:
        if data is None:
            return subprocess.DEVNULL
        file = self._file()
        file.write(data)
        file.seek(0)
        return file

    def _file(self) -> IO[bytes]:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()
        self._files.append(file)
        return file


def _state(pid: int) -> str:
    """One letter, as `ps` shows it: R or S, while nobody stops it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _contents(file: IO[bytes]) -> str:
    """By pread: the position belongs to the process that writes."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode(errors="backslashreplace")
