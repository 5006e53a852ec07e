"""A program in a container, made by an engine or, without one, by unshare, chroot, prlimit and control groups.

What the tests ask is the same for both.
"""

import contextlib
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.docker.chroot import Stage, enter, isolated
from tests.docker.engine import Engine
from tests.docker.groups import Groups, demo_limits
from tests.support.hew import wait_for

WAIT_SECONDS: Final = 60
LIMITS: Final = (
    *("--read-only", "--shm-size=64m", "--pids-limit=64"),
    *("--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--memory=512m", "--memory-swap=512m", "--cpus=1"),
)
ADDRESSES: Final = 8 << 30  # bytes; the program reserves more than it may use
INSTEAD: Final = ("HEW_WORKERS=1", "HEW_HEAP_MAX=240M")  # what follows from control groups
GET: Final = """\
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 6060, timeout=10)
connection.request("GET", sys.argv[1])
answer = connection.getresponse()
sys.stdout.write(answer.read().decode())
sys.exit(answer.status != 200)
"""


class Container(ABC):
    """A program under steady load, with every limit of docker/compose.yaml."""

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """A container starts, and answers, at the pace of a loaded machine."""
        try:
            wait_for(condition, within=WAIT_SECONDS, what=what, poll_seconds=0.1)
        except AssertionError as error:
            error.add_note(self.logs())
            raise

    def wait_for_messages(self, count: int) -> None:
        """Until so many have been received."""
        self.wait_for(lambda: self.json("/api/metrics")["messages_received"] > count, f"{count} messages")

    def processes(self) -> dict[int, tuple[str, str]]:
        """Process id -> name and state, of all but those that look."""
        found = {}
        for line in self.shell("cat /proc/[0-9]*/stat 2>/dev/null || true").splitlines():
            pid, _, rest = line.partition(" (")
            name, _, rest = rest.rpartition(") ")
            found[int(pid)] = (name, rest[0])
        return {pid: each for pid, each in found.items() if each[0] not in ("cat", "sh")}

    def worker(self) -> int:
        (pid,) = [pid for pid, (name, _) in self.processes().items() if name == "hew-worker-0"]
        return pid

    @abstractmethod
    def wait_until_it_answers(self) -> None:
        """Until its profiler does."""

    @abstractmethod
    def json(self, path: str) -> Any:
        """The parsed body of a GET of the profiler."""

    @abstractmethod
    def logs(self) -> str:
        """All that it has written."""

    @abstractmethod
    def shell(self, script: str) -> str:
        """What a script inside writes to its standard output."""

    @abstractmethod
    def healthy(self) -> bool:
        """By the image's HEALTHCHECK."""

    @abstractmethod
    def stop(self) -> int:
        """Sends SIGTERM to process 1; its exit code, in no more than 10 seconds."""

    @abstractmethod
    def close(self) -> None:
        """Ends it if it runs, and removes it."""


@contextlib.contextmanager
def started(container: Container) -> Iterator[Container]:
    """At work; removed at the end, also when it does not get there."""
    with contextlib.closing(container):
        container.wait_until_it_answers()
        container.wait_for_messages(1000)
        yield container


class EngineContainer(Container):
    """Its profiler is published on a port of loopback."""

    def __init__(self, engine: Engine, *arguments: str) -> None:
        self.engine = engine
        self.name = engine("run", "--detach", *LIMITS, "--publish=127.0.0.1:0:6060", *arguments)
        self.address = f"http://{engine('port', self.name, '6060/tcp')}"

    def wait_until_it_answers(self) -> None:
        self.wait_for(lambda: answers(f"{self.address}/healthz"), "an answer of /healthz")

    def json(self, path: str) -> Any:
        return get_json(self.address + path)

    def logs(self) -> str:
        ran = self.engine.ask("logs", self.name)
        return ran.stdout + ran.stderr

    def shell(self, script: str) -> str:
        return self.engine("exec", self.name, "sh", "-c", script)

    def healthy(self) -> bool:
        return bool(self.engine.inspect(self.name)["State"]["Health"]["Status"] == "healthy")

    def stop(self) -> int:
        self.engine("stop", "--time=10", self.name)  # then the engine would kill it: 137
        state = self.engine.inspect(self.name)["State"]
        assert not state["OOMKilled"]
        return int(state["ExitCode"])

    def close(self) -> None:
        self.engine("rm", "--force", self.name)


class ChrootContainer(Container):
    """The entrypoint of a stage's folder. It joins `groups`, where they can be written, and writes to `log`."""

    def __init__(self, stage: Stage, groups: Groups | None, log: Path) -> None:
        self.stage = stage
        self.without_groups = groups is None
        user, _, group = stage.declared["USER"].partition(":")
        self.as_user = [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        demo = demo_limits()
        inside = [
            *("setpriv", *self.as_user, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
            "--pdeathsig=KILL",
            *("prlimit", f"--nproc={demo['pids_limit']}", f"--as={ADDRESSES}", "--core=0", "--nofile=1024"),
            *stage.env(),
            *(() if groups else INSTEAD),
            *stage.words("ENTRYPOINT"),
            *stage.words("CMD"),
        ]
        joining = groups.joining if groups else []
        entered = enter(stage.root, inside, demo["shm_size"], "ro")
        command = [*joining, *isolated("--net", "--ipc", "--uts"), *entered]
        self._log = log
        with log.open("wb") as written:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=written, stderr=written, start_new_session=True
            )

    def wait_until_it_answers(self) -> None:
        self.wait_for(self._is_inside, "process 1")
        self.wait_for(lambda: self._answer("/healthz") is not None, "an answer of /healthz")

    def _is_inside(self) -> bool:
        assert self._process.poll() is None, f"it has ended: {self.logs()}"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return any(Path(f"/proc/{pid}/comm").read_text() == "hew\n" for pid in children)

    @property
    def _first(self) -> str:
        """Process 1, as it is called outside."""
        (pid,) = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return pid

    def _inside(self, *command: str) -> "subprocess.CompletedProcess[str]":
        joined = ["nsenter", f"--target={self._first}", "--mount", "--pid", "--net", "--ipc", "--uts", "--root"]
        entered = ["setpriv", *self.as_user, *self.stage.env(), *command]
        return subprocess.run([*joined, *entered], capture_output=True, text=True, timeout=WAIT_SECONDS)

    def _answer(self, path: str) -> str | None:
        ran = self._inside("/usr/bin/python3", "-I", "-S", "-c", GET, path)
        return ran.stdout if ran.returncode == 0 else None

    def json(self, path: str) -> Any:
        answer = self._answer(path)
        assert answer is not None, f"no answer of {path}: {self.logs()}"
        return json.loads(answer)

    def logs(self) -> str:
        return self._log.read_text(errors="backslashreplace")

    def shell(self, script: str) -> str:
        ran = self._inside("sh", "-c", script)
        assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout.strip()

    def healthy(self) -> bool:
        question = json.loads(self.stage.declared["HEALTHCHECK"].partition("CMD ")[2])
        return self._inside(*question).returncode == 0

    def stop(self) -> int:
        os.kill(int(self._first), signal.SIGTERM)
        code = self._process.wait(10)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ValueError, ProcessLookupError):  # it is ending
                os.kill(int(self._first), signal.SIGKILL)
            self._process.kill()
            self._process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def get_json(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.loads(answer.read())
