"""Bad input of every kind: a clear message, the documented exit code, never a traceback.

(No test reads a traceback by name: the `hew` fixture refuses one in every result.)
"""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.hew import Hew, Result, command

HELLO = 'fn main() {\n    println("hello");\n}\n'
LOUD = """fn main() {
    var i = 0;
    while i < 100000 {
        println(f"line {i}");
        i = i + 1;
    }
}
"""
COUNTER = """actor Counter {
    let count: Int;
    receive fn tick() {
        count = count + 1;
    }
}
fn main() {
    SPAWN
}
"""


def failed_to_start(result: Result) -> str:
    """The message of a run that was refused: exit code 2, one line, no output of the program."""
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("hew: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("hew: ").rstrip("\n")


def first_error(result: Result) -> str:
    """The first line of a run whose program is wrong."""
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.splitlines()[-1].startswith("hew: ")
    return result.stderr.splitlines()[0]


# ---- files


@pytest.mark.parametrize("command_name", ["run", "check", "build"])
def test_a_missing_file(hew: Hew, command_name: str) -> None:
    assert failed_to_start(hew(command_name, "nope.hew")) == "cannot read 'nope.hew': No such file or directory"


@pytest.mark.parametrize("command_name", ["run", "check"])
def test_a_directory(hew: Hew, command_name: str) -> None:
    (hew.folder / "sub.hew").mkdir()
    assert failed_to_start(hew(command_name, "sub.hew")) == "cannot read 'sub.hew': it is a directory, not a program"


def test_an_unreadable_file(hew: Hew) -> None:
    """/proc/self/mem may be opened and not read, even by root, whom permissions do not stop."""
    assert failed_to_start(hew("run", "/proc/self/mem")) == "cannot read '/proc/self/mem': Input/output error"


def test_a_source_over_4_mib(hew: Hew) -> None:
    path = hew.write("// " + "x" * (4 * 1024 * 1024), "big.hew")
    expected = f"cannot read '{path}': it is larger than 4 MiB, the most that a source may have"
    assert failed_to_start(hew("run", path)) == expected


def test_a_file_name_that_is_not_utf8(hew: Hew) -> None:
    result = hew("run", b"caf\xe9.hew")
    assert failed_to_start(result) == "cannot read 'caf\\udce9.hew': No such file or directory"


def test_a_program_whose_file_name_is_not_utf8_runs_and_is_named(hew: Hew) -> None:
    name = b"caf\xe9.hew"
    (hew.folder / os.fsdecode(name)).write_text("fn main() { println(1 / args().len()); }\n")
    result = hew("run", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "caf\\xe9.hew:1:" in result.stderr


# ---- texts


@pytest.mark.parametrize("text", ["", "// nothing\n", "fn helper() {\n}\n"], ids=["empty", "comment", "no_main"])
def test_a_program_without_main(hew: Hew, text: str) -> None:
    assert first_error(hew("run", hew.write(text))).startswith("error[E0902]: ")


@pytest.mark.parametrize(
    "data", [b"fn main() {\n    \x00\n}\n", b'fn main() { println("\xff"); }\n'], ids=["nul", "utf8"]
)
def test_bytes_that_are_no_text(hew: Hew, data: bytes) -> None:
    (hew.folder / "a.hew").write_bytes(data)
    assert first_error(hew("run", "a.hew")).startswith("error[E0001]: ")


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf" + HELLO.encode(), HELLO.replace("\n", "\r\n").encode(), HELLO.rstrip("\n").encode()],
    ids=["bom", "crlf", "no_newline_at_the_end"],
)
def test_a_byte_order_mark_and_crlf_are_accepted(hew: Hew, data: bytes) -> None:
    (hew.folder / "a.hew").write_bytes(data)
    result = hew("run", "a.hew")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "hello\n", "")


@pytest.mark.parametrize(
    "expression",
    ["(" * 10_000 + "1" + ")" * 10_000, "[" * 10_000 + "]" * 10_000, "-" * 10_000 + "1", "{" * 10_000 + "}" * 10_000],
    ids=["parentheses", "brackets", "signs", "blocks"],
)
def test_nesting_without_end(hew: Hew, expression: str) -> None:
    result = hew("run", hew.write(f"fn main() {{\n    let x = {expression};\n}}\n"), within=20)
    assert first_error(result).startswith("error[E0005]: ")


def test_an_identifier_of_a_megabyte(hew: Hew) -> None:
    result = hew("run", hew.write(f"fn main() {{\n    let {'x' * 1_000_000} = 1;\n}}\n"), within=20)
    assert first_error(result).startswith("error[E0005]: ")
    assert len(result.stderr) < 10_000


# ---- programs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fn f(x: Strnig) {\n}\nfn main() {\n}\n", "error[E0107]: no type 'Strnig' is known here"),
        (
            COUNTER.replace("SPAWN", "let c = spawn Counter(cuont: 0);"),
            "error[E0504]: Counter has no field 'cuont' to set at spawn",
        ),
        (
            COUNTER.replace("SPAWN", "let c = spawn Counter(count: 0); c.tikc();"),
            "error[E0502]: Counter has no handler 'tikc'",
        ),
    ],
    ids=["type", "spawn_name", "handler"],
)
def test_a_wrong_name_is_an_error_at_its_place(hew: Hew, text: str, message: str) -> None:
    assert first_error(hew("run", hew.write(text))) == message


@pytest.mark.parametrize("arguments", ["count: 0, count: 1", "1, 2", "count: 0, more: 1"])
def test_wrong_arguments_of_spawn(hew: Hew, arguments: str) -> None:
    result = hew("run", hew.write(COUNTER.replace("SPAWN", f"let c = spawn Counter({arguments});")))
    assert first_error(result).startswith(("error[E0211]", "error[E0504]", "error[E0506]"))


# ---- variables


@pytest.mark.parametrize("value", ["0", "abc", "1000", "-1", "2 "])
def test_a_bad_number_of_workers(hew: Hew, value: str) -> None:
    message = failed_to_start(hew("run", hew.write(HELLO), HEW_WORKERS=value))
    assert message == f"HEW_WORKERS: cannot read '{value}' as a number of workers (1 to 255)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEW_HEAP_MAX", "1K"),
        ("HEW_STACK", "1K"),
        ("HEW_PIN", "yes"),
        ("HEW_CHECKED", "2"),
        ("HEW_ON_CRASH", "retry"),
        ("HEW_PPROF", "nonsense"),
        ("HEW_PPROF", ":99999"),
        ("HEW_PPROF_TOKEN", "short"),
        ("HEW_PROF_OUTPUT", "json"),
    ],
)
def test_a_bad_variable_is_refused_by_name(hew: Hew, name: str, value: str) -> None:
    message = failed_to_start(hew("run", hew.write(HELLO), env={name: value}))
    assert message.startswith(f"{name}: ")
    assert value in message or name == "HEW_PPROF_TOKEN"  # a token is a secret, even a bad one


def test_empty_variables_are_unset(hew: Hew) -> None:
    names = ["HEW_WORKERS", "HEW_HEAP_MAX", "HEW_STACK", "HEW_PIN", "HEW_CHECKED", "HEW_ON_CRASH"]
    names += ["HEW_PPROF", "HEW_PPROF_TOKEN", "HEW_PPROF_TOKEN_FILE", "HEW_PPROF_HOSTS", "HEW_PROF_OUTPUT"]
    result = hew("run", hew.write(HELLO), env=dict.fromkeys(names, ""))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "hello\n", "")


# ---- the profiler's address


def test_a_port_in_use_is_a_warning_and_the_program_runs(hew: Hew) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = hew("run", hew.write(HELLO), HEW_PPROF=address)
    assert (result.exit_code, result.stdout) == (0, "hello\n")
    reason = "Address already in use; the program runs without the profiler"
    assert result.stderr == f"[hew-pprof] cannot listen on {address}: {reason}\n"


def test_an_address_that_is_not_ours_is_a_warning_and_the_program_runs(hew: Hew) -> None:
    """As with a port that needs a permission, the kernel refuses the bind (and root it would not refuse a port)."""
    result = hew("run", hew.write(HELLO), HEW_PPROF="192.0.2.1:6060")
    assert (result.exit_code, result.stdout) == (0, "hello\n")
    assert result.stderr.startswith("[hew-pprof] cannot listen on 192.0.2.1:6060: ")
    assert result.stderr.endswith("; the program runs without the profiler\n")


# ---- output


def test_output_to_a_closed_pipe_ends_with_141(hew: Hew) -> None:
    """`hew run loud.hew | head -1`."""
    path = hew.write(LOUD)
    reading, writing = os.pipe()
    running = hew.start("run", path, stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert pipe.read(7).startswith(b"line 0\n")
    result = running.finish(within=20)
    assert (result.exit_code, result.stderr) == (141, "")


def test_output_onto_a_full_disk_is_an_error(hew: Hew) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        result = hew.start("run", hew.write(HELLO), stdout=full).finish(within=20)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr


def test_output_to_a_closed_stdout_is_an_error_and_harms_nothing(hew: Hew) -> None:
    result = hew("run", hew.write(HELLO), shell_prefix="exec 1>&-")
    assert result.exit_code == 1
    assert "Bad file descriptor" in result.stderr


# ---- the machine


def in_own_mounts(hew: Hew, mount: str, *arguments: str, **environ: str) -> Result:
    """`hew ARGUMENTS` in its own mount namespace after the command `mount`; needs root or user namespaces."""
    unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*unshare, "true"], capture_output=True, timeout=20).returncode:
        pytest.skip("this machine lets nobody make a mount namespace")
    script = f'{mount} && exec "$@"'
    return hew.start(*arguments, program=[*unshare, "sh", "-c", script, "sh", *command()], env=environ).finish(
        within=60
    )


def test_without_dev_shm_it_runs(hew: Hew) -> None:
    path = hew.write(HELLO)
    result = in_own_mounts(hew, "mount -t tmpfs -o ro,size=4k none /dev/shm", "run", str(path))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "hello\n", "")


def test_on_a_read_only_file_system_it_runs(hew: Hew) -> None:
    """No cache, no temporary file, no folder that can be written."""
    path = hew.write(HELLO)
    read_only = "for place in / /tmp /dev/shm; do mount --bind $place $place && mount -o remount,ro,bind $place; done"
    result = in_own_mounts(hew, read_only, "run", str(path), HEW_PPROF="127.0.0.1:0")
    assert (result.exit_code, result.stdout) == (0, "hello\n")


def test_a_profile_for_a_folder_that_cannot_be_written_is_an_error_but_not_of_the_program(hew: Hew) -> None:
    path = hew.write(HELLO)
    read_only = f"mount -t tmpfs -o ro none {hew.folder / 'ro'} && cd {hew.folder / 'ro'}"
    (hew.folder / "ro").mkdir()
    result = in_own_mounts(hew, read_only, "run", str(path), HEW_PROF_OUTPUT="both")
    assert (result.exit_code, result.stdout) == (0, "hello\n")
    assert "Read-only file system" in result.stderr


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("ulimit -v 3000000", "hew: cannot map shared memory: Cannot allocate memory; about 5 GB of address space"),
        ("ulimit -f 10", "hew: cannot map shared memory: File too large; about 5 GB of address space"),
        ("ulimit -f 1", "hew: cannot map the counters: File too large; about 5 GB of address space"),
        ("ulimit -n 5", "descriptors are needed, the limit is 5: `ulimit -n` allows more"),
        ("ulimit -n 16", "descriptors are needed, the limit is 16: `ulimit -n` allows more"),
    ],
)
def test_a_limit_that_leaves_no_room_is_named(hew: Hew, limit: str, message: str) -> None:
    result = hew("run", hew.write(HELLO), shell_prefix=limit, HEW_WORKERS="4")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_worker_that_gets_no_timer_says_so(hew: Hew) -> None:
    result = hew("run", hew.write(HELLO), shell_prefix="prlimit --sigpending=0 --pid $$", HEW_WORKERS="1")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "worker 0 (pid " in result.stderr
    assert "cannot be set up: Resource temporarily unavailable (`ulimit -i` allows more timers)" in result.stderr


def test_a_program_runs_where_proc_is_not_mounted(hew: Hew) -> None:
    result = in_own_mounts(hew, "mount -t tmpfs none /proc", "run", str(hew.write(HELLO)))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "hello\n", "")
