"""A small stand-in for the core, and helpers to compile and run programs with it."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hew.compiler import codegen, native, understand

HERE = Path(__file__).parent
CORE = HERE.parents[3] / "hew" / "scheduler" / "core"


@dataclass(frozen=True)
class Ran:
    """How a program ended. 99: it left blocks behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def ir_of(source: str, *, checked: bool = False) -> str:
    tree, text, report = understand(source.encode(), "test.hew")
    assert tree is not None, report.render()
    return codegen.generate(tree, text, "test.hew", checked=checked)


def object_of(source: str, *, checked: bool = False) -> bytes:
    return native.compile_ir(ir_of(source, checked=checked))


@pytest.fixture(scope="session")
def mini_core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    target = tmp_path_factory.mktemp("mini") / "mini_core.o"
    flags = ["-std=gnu11", "-O1", "-g", "-fexceptions", f"-I{CORE}"]
    subprocess.run([compiler, *flags, "-c", str(HERE / "mini_core.c"), "-o", str(target)], check=True, timeout=60)
    return target


@pytest.fixture
def run(mini_core: Path, tmp_path: Path) -> Run:
    """Compile a program, link it with the small core, run it."""

    def run_source(source: str, *arguments: str, checked: bool = False, polled: bool = False) -> Ran:
        (tmp_path / "program.o").write_bytes(object_of(source, checked=checked))
        program = tmp_path / "program"
        link = ["cc", "program.o", str(mini_core), "-no-pie", "-lm", "-o", str(program)]
        subprocess.run(link, cwd=tmp_path, check=True, timeout=60)
        environment = {"MINI_POLL": "1"} if polled else {}
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20, env=environment)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run_source
