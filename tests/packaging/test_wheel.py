"""The wheel in an empty environment: it carries the core and the page, has no Python version in its name, and runs.

Built from a copy of the tree, without its build products, so that nothing of a checkout can help.
"""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.alone, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("hew", "static", "README.md", "LICENSE", "pyproject.toml", "hatch_build.py")
NOT_SHARED = ("hew-", "_hew", "__editable__", "pip", "setuptools", "_virtualenv", "distutils")
EXAMPLE = ROOT / "examples" / "profiler_demo.hew"


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """The standard output of a command that must succeed."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environ
    ran = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, f"{command}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    return ran.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of what a user would have."""
    copy = tmp_path_factory.mktemp("source")
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "_core"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


def build_wheel(source: Path, target: Path, **environ: str) -> Path:
    """The wheel of `source`, by the backend of this environment: no network is needed."""
    options = ["--no-build-isolation", "--no-deps", "--quiet", "--wheel-dir", str(target)]
    run(sys.executable, "-m", "pip", "wheel", *options, str(source), cwd=source, **environ)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by this machine's compiler."""
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin/ of an environment with the wheel and its dependencies, which come from this one's site-packages."""
    folder = tmp_path_factory.mktemp("venv")
    return install(wheel, folder)


def install(wheel: Path, folder: Path) -> Path:
    """An empty environment with the wheel; the dependencies are those that the tests run with."""
    venv.create(folder, with_pip=False)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    ours = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("tests", "bench"))]
    run(
        *(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")),
        *("install", "--quiet", "--no-deps", "--no-index", str(wheel)),
        cwd=folder,
    )
    for entry in ours.iterdir():  # all but our own editable install, and what makes one
        if not entry.name.startswith(NOT_SHARED):
            (packages / entry.name).symlink_to(entry)
    return folder / "bin"


def test_the_wheel_serves_every_python_of_this_machine(wheel: Path) -> None:
    assert wheel.name.split("-", 2)[2] == f"py3-none-linux_{os.uname().machine}.whl"


def test_the_wheel_carries_the_core_the_page_and_the_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"hew/scheduler/_core/libhewcore.so", "hew/static/page.html", "hew/py.typed"} <= names
    assert any(name.endswith("LICENSE") for name in names)


def test_the_installed_command_runs_a_program(installed: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "demo.hew")
    assert run(installed / "hew", "run", "demo.hew", cwd=tmp_path) == "Counter: 3000\n"


def test_it_is_the_installed_package_that_ran(installed: Path, tmp_path: Path) -> None:
    place = run(installed / "python", "-c", "import hew; print(hew.__file__)", cwd=tmp_path)
    assert place.startswith(str(installed.parent))


@pytest.fixture
def path_without_compiler(tmp_path: Path) -> Iterator[str]:
    """A PATH that has what a bare machine has, and no C compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "env", "uname"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    yield str(folder)
    assert shutil.which("cc", path=str(folder)) is None


def test_without_a_c_compiler_zig_builds_a_core_that_runs(
    source: Path, path_without_compiler: str, tmp_path: Path
) -> None:
    if find_spec("ziglang") is None:
        pytest.skip("the ziglang wheel is not installed: pip install ziglang")
    shutil.rmtree(source / "build", ignore_errors=True)
    shutil.rmtree(source / "hew/scheduler/_core", ignore_errors=True)
    environ = {"PATH": path_without_compiler, "CC": ""}
    wheel = build_wheel(source, tmp_path / "wheel", **environ)
    tools = install(wheel, tmp_path / "venv")
    shutil.copy(EXAMPLE, tmp_path / "demo.hew")
    assert run(tools / "hew", "run", "demo.hew", cwd=tmp_path, **environ) == "Counter: 3000\n"


def build_small_core(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """`make core` for a core of one file."""
    shutil.copy(ROOT / "hatch_build.py", folder / "hatch_build.py")
    (folder / "hew/scheduler/core").mkdir(parents=True, exist_ok=True)
    (folder / "hew/scheduler/core/one.c").write_text(text)
    return subprocess.run([sys.executable, "hatch_build.py"], cwd=folder, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("int one(void) { return nonsense; }\n", "nonsense"),
        ("int one(int unused) { return 1; }\n", "unused"),
        ("int missing(void); int one(void); int one(void) { return missing(); }\n", "missing"),
    ],
    ids=["error", "warning", "unresolved"],
)
def test_a_core_that_does_not_build_fails_loudly_in_the_compilers_words(tmp_path: Path, text: str, word: str) -> None:
    ran = build_small_core(tmp_path, text)
    assert ran.returncode == 1
    assert word in ran.stderr
    assert "hew: this step of building the C core failed" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "hew/scheduler/_core/libhewcore.so").exists()


def test_the_core_is_built_again_only_when_a_source_is_newer(tmp_path: Path) -> None:
    library = tmp_path / "hew/scheduler/_core/libhewcore.so"
    text = "int one(void); int one(void) { return 1; }\n"
    assert build_small_core(tmp_path, text).returncode == 0
    first = library.stat().st_mtime_ns
    subprocess.run([sys.executable, "hatch_build.py"], cwd=tmp_path, check=True, timeout=100)
    assert library.stat().st_mtime_ns == first
    assert build_small_core(tmp_path, text.replace("1;", "2;")).returncode == 0
    assert library.stat().st_mtime_ns > first
