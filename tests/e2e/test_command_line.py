"""The command line as a user meets it: help, versions, mistakes, closed streams."""

import os
import signal

import pytest

from hew import __version__
from tests.support.hew import Hew

HELLO = 'fn main() {\n    println("hello");\n}\n'


def test_the_version_is_one_line(hew: Hew) -> None:
    result = hew("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"hew {__version__}\n", "")


def test_hew_alone_prints_help_on_stderr_and_fails(hew: Hew) -> None:
    result = hew()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: hew COMMAND")


def test_help_names_commands_options_variables_exit_codes_and_an_example(hew: Hew) -> None:
    result = hew("--help")
    assert (result.exit_code, result.stderr) == (0, "")
    for word in ["  build", "--version", "HEW_PPROF", "HEW_WORKERS", "HEW_HEAP_MAX", "exit codes", "example:"]:
        assert word in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu", "a.hew"], "hew: unknown command 'rnu'; did you mean 'run'?\n"),
        (["run", "--chekced", "a.hew"], "hew: run: unknown option '--chekced'; did you mean '--checked'?\n"),
        (["run"], "hew: run: no file is given: hew run FILE.hew\n"),
        (["check"], "hew: check: no file is given: hew check FILE.hew\n"),
        (
            ["build", "a.hew", "b.hew"],
            "hew: build: one file is expected, 'b.hew' is too much\n",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_named(hew: Hew, arguments: list[str], message: str) -> None:
    result = hew(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)


def test_a_program_comes_from_standard_input(hew: Hew) -> None:
    result = hew("run", "-", stdin=HELLO.encode())
    assert (result.exit_code, result.stdout, result.stderr) == (0, "hello\n", "")


def test_errors_of_standard_input_name_it(hew: Hew) -> None:
    result = hew("check", "-", stdin=b"fn main() {\n    println(cuont);\n}\n")
    assert result.exit_code == 3
    assert " --> <stdin>:2:13\n" in result.stderr


def test_check_of_a_right_program_says_nothing(hew: Hew) -> None:
    result = hew("check", hew.write(HELLO))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_options_after_the_file_are_the_programs(hew: Hew) -> None:
    result = hew("run", hew.write(HELLO), "--help", "--version")
    assert (result.exit_code, result.stdout) == (0, "hello\n")


@pytest.mark.parametrize("closed", ["0<&-", "2>&-", "0<&- 2>&-"])
def test_a_closed_stdin_or_stderr_changes_nothing(hew: Hew, closed: str) -> None:
    result = hew("run", hew.write(HELLO), shell_prefix=f"exec {closed}")
    assert (result.exit_code, result.stdout) == (0, "hello\n")


def test_a_closed_stderr_keeps_the_exit_code_of_an_error(hew: Hew) -> None:
    result = hew("check", hew.write("fn main() { x }"), shell_prefix="exec 2>&-")
    assert (result.exit_code, result.stdout) == (3, "")


def test_reading_a_program_from_a_closed_stdin_is_an_error(hew: Hew) -> None:
    result = hew("run", "-", shell_prefix="exec 0<&-")
    assert (result.exit_code, result.stderr) == (2, "hew: cannot read '<stdin>': Bad file descriptor\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_onto_a_full_disk_is_an_error(hew: Hew, arguments: list[str]) -> None:
    result = hew(*arguments, shell_prefix="exec >/dev/full")
    assert result.exit_code == 1
    assert result.stderr == "hew: cannot write to the standard output: No space left on device\n"


def test_help_to_a_closed_stdout_is_an_error(hew: Hew) -> None:
    result = hew("--help", shell_prefix="exec 1>&-")
    assert result.exit_code == 1
    assert result.stderr == "hew: cannot write to the standard output: Bad file descriptor\n"


def test_help_into_a_closed_pipe_ends_quietly(hew: Hew) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        result = hew.start("--help", stdout=pipe).finish(within=20)
    assert (result.exit_code, result.stderr) == (141, "")


def test_ctrl_c_before_the_program_runs_ends_with_130(hew: Hew) -> None:
    fifo = hew.folder / "slow.hew"
    os.mkfifo(fifo)
    running = hew.start("run", fifo)
    with fifo.open("wb"):  # returns when hew has opened it, and is waiting for the text
        running.send_signal(signal.SIGINT)
        result = running.finish(within=20)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")
