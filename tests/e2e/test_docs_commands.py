"""The documents, tried: each program and each `$ command` prints what is shown beside it.

Commands run by bash in a folder with the document's programs and `examples/`, one after the other; one that ends in
`&` is started, and what is shown of it waited for; it ends when the next such one begins. The documents' port 6060
is a free one here.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.documents import DOCUMENTS, ROOT, Command, Shown, agrees, commands, programs, shown
from tests.support.hew import Hew, command, wait_for

PORT: Final = "6060"
TOOLS: Final = ("curl", "go")
SECONDS: Final = 60
BASH: Final = ["/bin/bash", "--noprofile", "--norc", "-c"]

SHOWN: Final = [
    pytest.param(each, id=f"{path.name}:{each.program.line}")
    for path in DOCUMENTS
    for each in shown(path.read_text(encoding="utf-8"))
    if not each.program.is_wrong
]
WITH_COMMANDS: Final = [path for path in DOCUMENTS if commands(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("example", SHOWN)
def test_a_program_prints_what_is_shown_beside_it(hew: Hew, example: Shown) -> None:
    hew.write(example.program.source, example.program.file)
    result = hew("run", example.program.file, shell_prefix="exec 2>&1")
    assert result.stdout == example.output.text


class Shell:
    """Where the commands of one document run."""

    def __init__(self, hew: Hew) -> None:
        self.folder = hew.folder
        self.port = _free_port()
        self._code = 0
        path = f"{Path(command()[0]).parent}:{os.environ['PATH']}"
        self._environ = hew.environment({"PATH": path, "PPROF_TMPDIR": str(hew.folder / ".pprof")})
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, line: str) -> str:
        """What the command prints, on both streams."""
        done = subprocess.run(
            [*BASH, f"(exit {self._code}); {self._local(line)}"],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
        self._code = done.returncode
        return self._shown(done.stdout)

    def start(self, line: str, expected: list[str]) -> None:
        """End the one before, start a command that goes on, and wait for what is shown of it and for its profiler."""
        self.close()
        log = self.folder / ".log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*BASH, self._local(line).rstrip("& ")],
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running.append(process)
        wait_for(lambda: agrees(expected, self._shown(log.read_bytes()), varies=True), what=f"{expected} of {line}")
        if PORT in line:
            wait_for(self._answers, what=f"an answer of the profiler of {line}")

    def close(self) -> None:
        """End what was started."""
        while self._running:
            process = self._running.pop()
            process.terminate()
            process.wait(SECONDS)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/metrics/history?since=1", timeout=10) as got:
                return bool(got.read() != b"[]")  # two seconds of history: there is something to show
        except urllib.error.HTTPError:
            return True  # it wants a token
        except OSError:
            return False

    def _local(self, line: str) -> str:
        return line.replace(PORT, str(self.port))

    def _shown(self, output: bytes) -> str:
        return output.decode(errors="backslashreplace").replace(str(self.port), PORT)


@pytest.fixture
def shell(hew: Hew) -> Iterator[Shell]:
    opened = Shell(hew)
    yield opened
    opened.close()


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_document_print_what_is_shown(shell: Shell, document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for program in programs(text):
        if program.file in " ".join(program.words):
            (shell.folder / program.file).write_text(program.source, encoding="utf-8")
    (shell.folder / "examples").symlink_to(ROOT / "examples")
    for each in commands(text):
        _require_tools(each.line)
        _try(shell, each)


def _try(shell: Shell, each: Command) -> None:
    if each.line.endswith("&"):
        shell.start(each.line, each.expected)
        return
    printed = shell.run(each.line)
    assert agrees(each.expected, printed, varies=each.varies), (
        f"$ {each.line}\n--- shown\n{chr(10).join(each.expected)}\n--- printed\n{printed}"
    )


def _require_tools(line: str) -> None:
    words = re.split(r"\s+|\|", line)
    missing = [tool for tool in TOOLS if tool in words and shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{shlex.join(missing)} is not installed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
