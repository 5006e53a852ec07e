"""Builds the C core into hew/scheduler/_core/libhewcore.so; puts it and static/ into the wheel.

One function, `build_core`, serves three callers: the wheel and the editable install (the hatchling hook below), and
`make core` (this file run as a script). The library has a plain C ABI and no Python.h, so one wheel serves every
Python version; only the machine is in its tag.

The compiler is $CC, else cc, gcc or clang, else the one in the `ziglang` wheel, which the hook asks pip for only where
there is no other. Sources are compiled side by side, only those that changed, and the library is put in place by a
rename: a process that still runs the old one keeps it.
"""

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
SOURCES: Final = Path("hew/scheduler/core")
LIBRARY: Final = Path("hew/scheduler/_core/libhewcore.so")
OBJECTS: Final = Path("build/core")
STATIC: Final = "static"  # the profiler's page; inside the package in a wheel, beside it in a checkout

FLAGS: Final = (
    *("-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-fPIC", "-pthread", "-fno-omit-frame-pointer"),
    *("-fexceptions", "-fvisibility=hidden", "-fno-strict-aliasing"),
    *("-Wall", "-Wextra", "-Wconversion", "-Wshadow"),
)
STRICT: Final = ("-Werror",)  # for those who change the core; a user's newer compiler may warn of more
ZIG_GLIBC: Final = "2.31"  # the oldest that is supported; zig links against any


class CoreBuildError(Exception):
    """The core cannot be built; the text says why and what to do."""


class Toolchain(NamedTuple):
    """How to call a C compiler, and what its link needs for stack unwinding."""

    command: tuple[str, ...]
    unwinder: tuple[str, ...]


def build_core(root: Path = ROOT, *, extra_flags: tuple[str, ...] = ()) -> Path | None:
    """The library, built if any source is newer than it; None while there is no source."""
    sources = sorted([*(root / SOURCES).rglob("*.c"), *(root / SOURCES).rglob("*.S")])
    if not sources:
        print(f"hew: {SOURCES} has no C source yet: no core is built", file=sys.stderr)
        return None
    library = root / LIBRARY
    common = max(path.stat().st_mtime for path in [*(root / SOURCES).rglob("*.h"), root / "hatch_build.py"])
    if is_current(library, [*sources], common):
        return library
    require_supported_machine()
    toolchain = find_toolchain()
    objects = compile_all(root, toolchain, sources, common, extra_flags)
    link(toolchain, objects, library)
    return library


def is_current(target: Path, inputs: list[Path], common: float) -> bool:
    """Whether `target` is newer than each input and than `common`, the newest of what all depend on."""
    if not target.exists():
        return False
    made = target.stat().st_mtime
    return made > common and all(made > path.stat().st_mtime for path in inputs)


def require_supported_machine() -> None:
    """Refuse what the core has no code for, before a compiler does so less clearly."""
    if sys.platform != "linux" or machine() != "x86_64":
        raise CoreBuildError(
            f"hew runs on Linux x86-64, not on {sys.platform} {platform.machine()}; "
            "elsewhere on x86-64, use the image of docker/README.md"
        )


def machine() -> str:
    """The processor's name as wheel tags and zig spell it."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())


def find_toolchain() -> Toolchain:
    """$CC, else a C compiler on the PATH, else zig's."""
    if chosen := os.environ.get("CC"):
        return Toolchain(tuple(shlex.split(chosen)), ("-lgcc_s",))
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return Toolchain((path,), ("-lgcc_s",))
    if importlib.util.find_spec("ziglang") is not None:
        return zig_toolchain()
    raise CoreBuildError("no C compiler: install one (apt-get install gcc libc6-dev) or `pip install ziglang`")


def zig_toolchain() -> Toolchain:
    """Clang out of the ziglang wheel, aimed at the baseline CPU and the oldest supported glibc.

    The unwinder is the system's libgcc_s, by path: zig would link its own one in, which knows nothing of the frames
    of compiled handlers, registered with the system's.
    """
    target = f"{machine()}-linux-gnu.{ZIG_GLIBC}"
    command = (sys.executable, "-m", "ziglang", "cc", "-target", target, "-fno-sanitize=undefined")
    return Toolchain(command, (str(system_libgcc()),))


def system_libgcc() -> Path:
    """libgcc_s.so.1 of this machine; each glibc system has it, since glibc itself loads it to end threads."""
    triple = f"{machine()}-linux-gnu"
    for folder in (f"/lib/{triple}", f"/usr/lib/{triple}", "/lib64", "/usr/lib64", "/lib", "/usr/lib"):
        if (path := Path(folder, "libgcc_s.so.1")).exists():
            return path
    raise CoreBuildError("libgcc_s.so.1 is not on this machine: apt-get install libgcc-s1")


def compile_all(
    root: Path, toolchain: Toolchain, sources: list[Path], common: float, extra_flags: tuple[str, ...]
) -> list[Path]:
    """An object file for each source, those out of date made side by side."""
    flags = (*FLAGS, *extra_flags, f"-I{root / SOURCES}")

    def compile_one(source: Path) -> Path:
        target = root / OBJECTS / source.relative_to(root / SOURCES).with_suffix(source.suffix + ".o")
        if not is_current(target, [source], common):
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch = target.with_suffix(f".{os.getpid()}.o")
            run([*toolchain.command, *flags, "-c", str(source), "-o", str(scratch)])
            scratch.replace(target)
        return target

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(compile_one, sources))


def link(toolchain: Toolchain, objects: list[Path], library: Path) -> None:
    """The shared library out of its objects, every symbol of it resolved now and not in a user's run."""
    library.parent.mkdir(parents=True, exist_ok=True)
    scratch = library.with_suffix(f".{os.getpid()}.tmp")
    options = ["-shared", "-pthread", "-Wl,-z,defs", "-Wl,-z,now", "-Wl,-z,noexecstack", "-Wl,-soname,libhewcore.so"]
    run([*toolchain.command, *options, *map(str, objects), *toolchain.unwinder, "-lm", "-o", str(scratch)])
    scratch.replace(library)


def run(command: list[str]) -> None:
    """A step of the build; its own messages are the explanation when it fails."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.stdout:
        sys.stderr.write(result.stdout)
    if result.returncode:
        raise CoreBuildError(f"this step of building the C core failed ({result.returncode}): {shlex.join(command)}")


class CoreBuildHook(BuildHookInterface[Any]):
    """What `pip install .`, `pip install -e .` and `python -m build` call."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Asked by pip before the build: zig's compiler, only where there is no other."""
        has_compiler = os.environ.get("CC") or any(map(shutil.which, ("cc", "gcc", "clang")))
        return [] if has_compiler else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build in place; a wheel carries the result, an editable install finds it there."""
        try:
            library = build_core(Path(self.root), extra_flags=STRICT if version == "editable" else ())
        except CoreBuildError as error:
            sys.exit(f"hew: {error}")  # the compiler's own words stand above it; a traceback would hide them
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-linux_{machine()}"
        if version == "editable":
            return
        build_data["force_include"][str(Path(self.root, STATIC))] = f"hew/{STATIC}"
        if library is not None:
            build_data["force_include"][str(library)] = str(LIBRARY)


if __name__ == "__main__":
    try:
        built = build_core(extra_flags=STRICT)
    except CoreBuildError as error:
        sys.exit(f"hew: {error}")
    print(f"hew: {built.relative_to(ROOT)} is up to date" if built else "hew: nothing to build")
