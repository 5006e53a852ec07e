"""The profiler process over fakes, spoken to by real HTTP."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVED = ROOT / "tests" / "support" / "profiler_served.py"


class Answer:
    """Status, headers (lower case) and body of one HTTP answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Profiled:
    """A running profiler process."""

    def __init__(self, process: "subprocess.Popen[str]", pid: int, place: str) -> None:
        self.process = process
        self.pid = pid
        self.place = place

    @property
    def port(self) -> int:
        return int(self.place.rstrip("/").rpartition(":")[2])

    def get(self, path: str, *, method: str = "GET", host: str = "127.0.0.1", **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def raw(self, data: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        with self.connect() as connection:
            connection.sendall(data)
            received = b""
            while part := connection.recv(65536):
                received += part
            return received

    def end(self) -> int:
        """Tell the profiler to end, as its supervisor does; its exit code."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        return self.process.wait(60)


class Starter:
    """Starts profiler processes and ends them with the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started: list[subprocess.Popen[str]] = []

    def __call__(self, options: Mapping[str, Any] | None = None, **environment: str) -> Profiled:
        process = self.launch(options, **environment)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"it did not start: {self.stderr()}"
        told = json.loads(line)
        return Profiled(process, told["pid"], told["place"])

    def launch(self, options: Mapping[str, Any] | None = None, **environment: str) -> "subprocess.Popen[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEW_")}
        with (self.directory / "stderr").open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, str(SERVED), json.dumps(options or {})],
                cwd=self.directory,
                env={**kept, "HEW_PPROF": "127.0.0.1:0", **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.started.append(process)
        return process

    def stderr(self) -> str:
        return (self.directory / "stderr").read_text()

    def close(self) -> None:
        for process in self.started:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait(60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    yield starter
    starter.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Profiled]:
    """One process for all tests of a module that only ask."""
    starter = Starter(tmp_path_factory.mktemp("served"))
    yield starter({"ended": True})
    starter.close()
